//! A client of HTTP/2 by somebody else, and a gateway that it speaks to over TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use h2_http::{HeaderMap, Method, Request, Response};
use raftgate::proxy::GatewaySettings;
use raftgate_actors::snapshot::CompiledApi;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::rig::{Rig, api};
use crate::tls::certificate;
use crate::wire::{PATIENCE, Upstream};

/// A gateway that speaks TLS, and what to believe of it.
pub(crate) fn gateway(
    upstream: &Upstream,
    adjust: impl FnOnce(&mut GatewaySettings),
) -> (Rig, Arc<ClientConfig>) {
    gateway_before(api("/", upstream.address), adjust)
}

/// The same before an API of the test's own.
pub(crate) fn gateway_before(
    api: CompiledApi,
    adjust: impl FnOnce(&mut GatewaySettings),
) -> (Rig, Arc<ClientConfig>) {
    let (server, client) = certificate();
    let rig = Rig::with(api, |settings| {
        settings.tls = Some(server);
        adjust(settings);
    });
    (rig, asking_for_http2(&client))
}

/// A client's TLS that speaks HTTP/2 and nothing else.
pub(crate) fn asking_for_http2(client: &ClientConfig) -> Arc<ClientConfig> {
    let mut client = client.clone();
    client.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(client)
}

/// Runs a client on this thread.
pub(crate) fn run<T>(client: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let limited = async { tokio::time::timeout(PATIENCE, client).await };
    runtime.block_on(limited).expect("in time")
}

pub(crate) async fn connect(address: SocketAddr, config: Arc<ClientConfig>) -> SendRequest<Bytes> {
    let (client, _) = connect_watched(address, config).await;
    client
}

/// A connection, and the task that ends with it.
pub(crate) async fn connect_watched(
    address: SocketAddr,
    config: Arc<ClientConfig>,
) -> (
    SendRequest<Bytes>,
    tokio::task::JoinHandle<Result<(), h2::Error>>,
) {
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(config)
        .connect(name, stream)
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    (client, tokio::spawn(connection))
}

pub(crate) fn request(method: Method, path: &str) -> h2_http::request::Builder {
    Request::builder()
        .method(method)
        .uri(format!("https://gateway.example{path}"))
}

pub(crate) async fn send(
    client: &SendRequest<Bytes>,
    request: h2_http::request::Builder,
    ends: bool,
) -> (ResponseFuture, SendStream<Bytes>) {
    let mut ready = client.clone().ready().await.unwrap();
    ready.send_request(request.body(()).unwrap(), ends).unwrap()
}

pub(crate) async fn whole(mut body: RecvStream) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
    let mut bytes = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece?;
        bytes.extend_from_slice(&piece);
        body.flow_control().release_capacity(piece.len())?;
    }
    Ok((bytes, body.trailers().await?))
}

pub(crate) async fn get(client: &SendRequest<Bytes>, path: &str) -> (Response<()>, Vec<u8>) {
    let (answer, _) = send(client, request(Method::GET, path), true).await;
    let (head, body) = answer.await.unwrap().into_parts();
    (Response::from_parts(head, ()), whole(body).await.unwrap().0)
}

pub(crate) async fn send_all(stream: &mut SendStream<Bytes>, body: Vec<u8>) {
    let mut rest = Bytes::from(body);
    while !rest.is_empty() {
        stream.reserve_capacity(rest.len());
        let room = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
        let part = rest.split_to(room.unwrap().unwrap().min(rest.len()));
        stream.send_data(part, false).unwrap();
    }
}
