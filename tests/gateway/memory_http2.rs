//! What a node needs while large bodies pass through it over HTTP/2: no more than for small ones, whoever is slow.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2_http::Request;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::harness::{Node, PATIENCE};
use crate::memory::{Loaded, MIB, PIECE, UPLOAD_PATIENCE};

/// A node that speaks TLS, and whom to believe.
pub(crate) fn secured() -> (Node, Arc<ClientConfig>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let section = "[gateway]\ntls_cert = \"gateway.cert\"\ntls_key = \"gateway.key\"\n";
    let mut node = Node::builder().configuration(section).prepare();
    std::fs::write(node.folder().join("gateway.cert"), cert.pem()).unwrap();
    std::fs::write(
        node.folder().join("gateway.key"),
        signing_key.serialize_pem(),
    )
    .unwrap();
    node.start_again();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    (node, Arc::new(config))
}

pub(crate) type Http2 = h2::client::SendRequest<Bytes>;

pub(crate) async fn connect_http2(address: SocketAddr, config: Arc<ClientConfig>) -> Http2 {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(config)
        .connect(name, stream)
        .await
        .unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A client whose connection and node have had a body before, from which on memory is looked at.
async fn warmed_up_http2(loaded: &mut Loaded, config: Arc<ClientConfig>) -> Http2 {
    let client = connect_http2(loaded.node.gateway(), config).await;
    upload_http2(loaded, &client, 16 * MIB).await;
    loaded.warmed_up();
    client
}

/// How much of a body a stream takes; less than `length` only if nothing moved for `patience`.
async fn send_http2(
    stream: &mut h2::SendStream<Bytes>,
    length: usize,
    patience: Duration,
    mut each: impl FnMut(),
) -> usize {
    let piece = Bytes::from(vec![b'x'; PIECE]);
    let mut sent = 0;
    while sent < length {
        stream.reserve_capacity(PIECE.min(length - sent));
        let mut room = stream.capacity();
        if room == 0 {
            let more = std::future::poll_fn(|cx| stream.poll_capacity(cx));
            match tokio::time::timeout(patience, more).await {
                Ok(more) => room = more.unwrap().unwrap(),
                Err(_) => break,
            }
        }
        let count = room.min(length - sent).min(PIECE);
        stream.send_data(piece.slice(..count), false).unwrap();
        sent += count;
        if sent % (4 * MIB) < PIECE {
            each();
        }
    }
    sent
}

async fn begin_http2(
    client: &Http2,
    length: usize,
) -> (h2::client::ResponseFuture, h2::SendStream<Bytes>) {
    let request = Request::put("https://localhost/large/x")
        .header("content-length", length)
        .body(())
        .unwrap();
    let mut ready = client.clone().ready().await.unwrap();
    ready.send_request(request, false).unwrap()
}

async fn upload_http2(loaded: &mut Loaded, client: &Http2, length: usize) {
    loaded.sink.read_on();
    let (answer, mut stream) = begin_http2(client, length).await;
    let sent = send_http2(&mut stream, length, UPLOAD_PATIENCE, || loaded.look()).await;
    assert_eq!(sent, length);
    finish_http2(answer, stream, length).await;
    loaded.look();
}

async fn finish_http2(
    answer: h2::client::ResponseFuture,
    mut stream: h2::SendStream<Bytes>,
    length: usize,
) {
    stream.send_data(Bytes::new(), true).unwrap();
    let answer = tokio::time::timeout(UPLOAD_PATIENCE, answer)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer.status(), 200);
    let told = answer.into_body().data().await.unwrap().unwrap();
    assert_eq!(told, length.to_string().as_bytes());
}

fn run(client: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(client);
}

#[test]
fn a_large_upload_over_http_2_needs_no_more_memory_than_a_small_one() {
    let (node, config) = secured();
    let mut loaded = Loaded::start(node);
    run(async {
        let client = warmed_up_http2(&mut loaded, config).await;
        upload_http2(&mut loaded, &client, 256 * MIB).await;
        loaded.assert_flat("256 MiB over HTTP/2");
    });
}

#[test]
fn an_upstream_that_takes_nothing_holds_a_stream_of_http_2_back() {
    let (node, config) = secured();
    let mut loaded = Loaded::start(node);
    run(async {
        let client = warmed_up_http2(&mut loaded, config).await;
        let length = 128 * MIB;
        let (answer, mut stream) = begin_http2(&client, length).await;
        let still = Duration::from_secs(1);
        let sent = send_http2(&mut stream, length, still, || loaded.look()).await;
        assert!(
            sent < length / 2,
            "{sent} bytes were taken for an upstream that takes nothing"
        );
        loaded.look();
        loaded.assert_flat("an upstream that takes nothing, HTTP/2");
        loaded.sink.read_on();
        let rest = length - sent;
        let more = send_http2(&mut stream, rest, PATIENCE, || loaded.look()).await;
        assert_eq!(more, rest);
        finish_http2(answer, stream, length).await;
        loaded.look();
        loaded.assert_flat("the rest of it");
    });
}
