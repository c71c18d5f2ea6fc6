//! TLS on either side: to upstreams, and on the listener.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use raftgate::proxy::Refusal;
use raftgate_actors::snapshot::{CompiledApi, TlsConfigs};
use raftgate_model::api::{Target, UpstreamTls, Verification};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};

use crate::rig::{Rig, api};
use crate::wire::{PATIENCE, Upstream, get, pattern};

const BODY_BYTES: usize = 1024 * 1024;

/// A certificate for `localhost`, as a server shows it and as a client believes it.
pub(crate) fn certificate() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
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
    (Arc::new(server), Arc::new(client))
}

/// How a TLS upstream takes its leave.
#[derive(Clone, Copy)]
enum Leave {
    /// It stays and answers the next request.
    Stay,
    /// It closes the socket without telling TLS.
    Abruptly,
}

pub(crate) fn read_head(stream: &mut impl std::io::Read) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if !matches!(stream.read(&mut byte), Ok(1)) {
            return None;
        }
        head.push(byte[0]);
    }
    Some(String::from_utf8(head).unwrap())
}

/// A TLS server that answers every request on one connection and then tells how that ended.
fn upstream_that_tells_the_end(
    config: Arc<ServerConfig>,
) -> (SocketAddr, Receiver<io::Result<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (ended, end) = sync_channel(1);
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let connection = ServerConnection::new(config).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        read_head(&mut stream).unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        stream
            .write_all(answer)
            .and_then(|()| stream.flush())
            .unwrap();
        // Nothing is read at TLS's own end, and an error comes where the socket ends without it.
        ended.send(stream.read(&mut [0])).unwrap();
    });
    (address, end)
}

#[test]
fn an_upstream_is_told_when_its_connection_leaves_the_pool() {
    let of_its_own = UpstreamTls {
        verification: Verification::Skipped,
        ..UpstreamTls::default()
    };
    let ways = [UpstreamTls::default(), of_its_own].map(|tls| [(true, tls), (false, tls)]);
    for (leaves_when_idle, tls) in ways.concat() {
        let (server, client) = certificate();
        let (address, end) = upstream_that_tells_the_end(server);
        let api = CompiledApi {
            tls: TlsConfigs::default().of(tls).unwrap(),
            ..https_api(address)
        };
        let mut rig = Rig::start_trusting(client, api, 8, |settings| {
            if leaves_when_idle {
                settings.pool.idle = std::time::Duration::ZERO;
            }
        });
        assert_eq!(rig.connect().ask(get("/")).status(), 200);
        if !leaves_when_idle {
            rig.begin_drain();
            rig.wait();
        }
        let ended = end.recv_timeout(PATIENCE).unwrap();
        assert_eq!(ended.unwrap(), 0, "idle: {leaves_when_idle}, {tls:?}");
    }
}

/// A TLS server that answers every request with `answer`; counts its connections.
fn tls_upstream(
    config: Arc<ServerConfig>,
    answer: Vec<u8>,
    leave: Leave,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            while read_head(&mut stream).is_some() {
                let _ = stream.write_all(&answer).and_then(|()| stream.flush());
                if matches!(leave, Leave::Abruptly) {
                    break;
                }
            }
        }
    });
    (address, connections)
}

fn https_api(address: SocketAddr) -> CompiledApi {
    let url = format!("https://localhost:{}/", address.port());
    CompiledApi {
        target: Target::parse(&url).unwrap(),
        ..api("/", address)
    }
}

#[test]
fn an_upstream_behind_tls_serves_many_requests_on_one_connection() {
    let (server, client) = certificate();
    let body = pattern(BODY_BYTES);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY_BYTES}\r\n\r\n");
    let answer = [head.as_bytes(), &body].concat();
    let (address, connections) = tls_upstream(server, answer, Leave::Stay);
    let rig = Rig::start_trusting(client, https_api(address), 8, |_| {});
    let mut wire = rig.connect();
    for _ in 0..5 {
        assert!(wire.ask(get("/")).body == body);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[test]
fn what_is_sent_while_the_upstream_is_dialled_arrives() {
    let (server, client) = certificate();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut slow = https_api(listener.local_addr().unwrap());
    slow.timeouts.connect = PATIENCE;
    let (accepted, dialled) = sync_channel(1);
    let (go, gone) = sync_channel::<()>(1);
    let body = pattern(96 * 1024);
    let length = body.len();
    thread::spawn(move || {
        let (tcp, _) = listener.accept().unwrap();
        accepted.send(()).unwrap();
        gone.recv_timeout(PATIENCE).unwrap();
        let mut stream = StreamOwned::new(ServerConnection::new(server).unwrap(), tcp);
        read_head(&mut stream).unwrap();
        let mut got = vec![0; length];
        stream.read_exact(&mut got).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(&[head.as_bytes(), &got].concat()).unwrap();
        stream.flush().unwrap();
    });
    let rig = Rig::start_trusting(client, slow, 8, |_| {});
    let mut wire = rig.connect();
    let (first, rest) = body.split_at(1024);
    let head = format!("POST / HTTP/1.1\r\nHost: g\r\nContent-Length: {length}\r\n\r\n");
    wire.send([head.as_bytes(), first].concat());
    dialled.recv_timeout(PATIENCE).unwrap();
    wire.send(rest);
    go.send(()).unwrap();
    assert!(wire.message().body == body);
}

#[test]
fn an_upstream_that_nobody_vouches_for_is_a_502() {
    let (server, _) = certificate();
    let (_, other_client) = certificate();
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec();
    let (address, _) = tls_upstream(server, answer, Leave::Stay);
    let rig = Rig::start_trusting(other_client, https_api(address), 8, |_| {});
    assert_eq!(rig.connect().ask(get("/")).status(), 502);
    rig.expect_refused(Refusal::UpstreamUnreachable, 1);
}

#[test]
fn a_tls_upstream_that_leaves_without_a_word_breaks_its_answer() {
    let (server, client) = certificate();
    let answer = b"HTTP/1.1 200 OK\r\n\r\nuntil the end".to_vec();
    let (address, _) = tls_upstream(server, answer, Leave::Abruptly);
    let rig = Rig::start_trusting(client, https_api(address), 8, |_| {});
    let mut wire = rig.connect();
    wire.send(get("/"));
    // Anybody on the way can close a socket; only TLS's own word is the end of such a body.
    assert!(wire.try_message(true).is_err());
}

#[test]
fn the_listener_speaks_tls() {
    let (server, client) = certificate();
    let upstream = Upstream::echo();
    let rig = Rig::with(api("/", upstream.address), |settings| {
        settings.tls = Some(server);
        settings.timeouts.head = std::time::Duration::from_millis(300);
    });
    let mut stream = tls_client(&rig, client);
    for path in ["/first", "/second"] {
        stream.write_all(get(path).as_bytes()).unwrap();
        let head = read_head(&mut stream).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"));
        let length = head
            .split("Content-Length: ")
            .nth(1)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        assert!(body.starts_with(format!("GET {path} ").as_bytes()));
    }
    // Neither plain HTTP nor a handshake that never comes holds a connection.
    let mut plain = rig.connect();
    plain.send(get("/"));
    let _ = plain.rest();
    rig.connect().expect_end();
}

fn tls_client(rig: &Rig, config: Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from("localhost").unwrap();
    let tcp = TcpStream::connect(rig.address).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    StreamOwned::new(ClientConnection::new(config, name).unwrap(), tcp)
}

/// All that comes until TLS itself says that it is over; an error if the connection ends otherwise.
fn rest(stream: &mut impl std::io::Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).map(|_| bytes)
}

#[test]
fn a_tls_client_is_told_of_an_orderly_end() {
    let (server, config) = certificate();
    let upstream = Upstream::echo();
    let rig = Rig::with(api("/", upstream.address), |settings| {
        settings.tls = Some(server);
        settings.timeouts.keep_alive = std::time::Duration::from_millis(100);
    });
    let ending = "GET / HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n";
    let refused = "no request at all\r\n\r\n";
    for request in [ending, refused, &get("/"), &get("/hello")] {
        let mut stream = tls_client(&rig, Arc::clone(&config));
        stream.write_all(request.as_bytes()).unwrap();
        let answer = rest(&mut stream).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 "), "{request}");
    }
}

#[test]
fn a_tls_client_is_not_told_that_an_answer_that_was_cut_off_is_over() {
    let (server, config) = certificate();
    let upstream = Upstream::start(|mut wire, number| {
        wire.message();
        let framing = ["Content-Length: 9", "Transfer-Encoding: chunked"][number];
        wire.send(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n5\r\n"));
    });
    let rig = Rig::with(api("/", upstream.address), |settings| {
        settings.tls = Some(server);
    });
    for _ in 0..2 {
        let mut stream = tls_client(&rig, Arc::clone(&config));
        stream.write_all(get("/").as_bytes()).unwrap();
        assert!(rest(&mut stream).is_err());
    }
}
