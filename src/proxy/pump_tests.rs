#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream as ClientStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::*;

/// A busy machine is no failure.
const PATIENCE: Duration = Duration::from_secs(20);
/// Little, so that few bytes fill a connection.
const SOCKET_BUFFER_BYTES: u32 = 4096;

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { timeout(PATIENCE, test).await.unwrap() });
}

async fn tcp_pair() -> (TcpStream, TcpStream) {
    let here = SocketAddr::from(([127, 0, 0, 1], 0));
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(SOCKET_BUFFER_BYTES).unwrap();
    socket.bind(here).unwrap();
    let listener = socket.listen(1).unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES).unwrap();
    let address = listener.local_addr().unwrap();
    let (accepted, connected) = tokio::join!(listener.accept(), socket.connect(address));
    (accepted.unwrap().0, connected.unwrap())
}

/// The gateway's end of a connection over TLS, and the client's.
async fn tls_pair() -> (Transport, ClientStream<TcpStream>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(ring::default_provider());
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (near, far) = tcp_pair().await;
    let name = ServerName::try_from("localhost").unwrap();
    let (near, far) = tokio::join!(
        TlsAcceptor::from(Arc::new(server)).accept(near),
        TlsConnector::from(Arc::new(client)).connect(name, far)
    );
    let near = Transport::Tls(Box::new(TlsStream::Server(near.unwrap())));
    (near, far.unwrap())
}

fn holds_back(transport: &Transport) -> bool {
    match transport {
        Transport::Plain(_) | Transport::Memory(_) => false,
        Transport::Tls(stream) => stream.get_ref().1.wants_write(),
    }
}

#[test]
fn what_tls_holds_back_goes_out_though_nothing_follows() {
    run(async {
        let (mut to, mut client) = tls_pair().await;
        // Its other end stays open and says nothing more, like a stream of events between two of them.
        let (source, _silent) = tcp_pair().await;
        let mut from = Incoming::new(Transport::Plain(source));
        let mut pump = Pump::default();
        pump.reset();
        pump.start_body(BodyLength::UntilClose, BodyCoding::Identity, u64::MAX);
        let mut scratch = vec![0; 4096];
        let mut sent = 0;
        // Until the socket is full, and only TLS has the last of it.
        while !holds_back(&to) {
            from.unread.extend_from_slice(&[b'x'; 1024]);
            sent += 1024;
            let moved = poll_fn(|cx| Poll::Ready(pump.poll(cx, &mut scratch, &mut from, &mut to)));
            assert!(moved.await.is_pending());
        }
        assert!(
            pump.is_blocked_on_write(),
            "a client that takes nothing is the one waited for"
        );
        // A task of its own, so that it goes on only when something wakes it.
        let pumping = tokio::spawn(async move {
            poll_fn(|cx| pump.poll(cx, &mut scratch, &mut from, &mut to)).await
        });
        let mut arrived = vec![0; sent];
        client.read_exact(&mut arrived).await.unwrap();
        assert!(arrived.iter().all(|byte| *byte == b'x'));
        pumping.abort();
    });
}

#[test]
fn an_answer_is_out_only_when_tls_has_written_it() {
    run(async {
        let (mut to, mut client) = tls_pair().await;
        let mut pump = Pump::default();
        let mut sent = 0;
        loop {
            pump.reset();
            pump.pending.extend_from_slice(&[b'x'; 1024]);
            sent += 1024;
            let written = poll_fn(|cx| Poll::Ready(pump.poll_pending(cx, &mut to))).await;
            assert_eq!(written.is_ready(), !holds_back(&to));
            if written.is_pending() {
                break;
            }
        }
        let before = pump.progress();
        let writing = tokio::spawn(async move {
            poll_fn(|cx| pump.poll_pending(cx, &mut to)).await.unwrap();
            pump.progress()
        });
        client.read_exact(&mut vec![0; sent]).await.unwrap();
        assert!(writing.await.unwrap() > before, "it counts as progress");
    });
}
