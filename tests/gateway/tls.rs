//! TLS on both listeners of the process: certificates are exchanged by a signal, and never for one that is broken.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustix::process::Signal;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::harness::{Node, PATIENCE, wait_for};

const LISTENERS: [&str; 2] = ["gateway", "control"];

/// A self-signed certificate and its key.
struct Pair {
    der: CertificateDer<'static>,
    cert: String,
    key: String,
}

impl Pair {
    fn new() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Self {
            der: cert.der().clone(),
            cert: cert.pem(),
            key: signing_key.serialize_pem(),
        }
    }
}

/// A node with certificates on both listeners.
struct Secured(Node);

impl Secured {
    fn start(pair: &Pair) -> Self {
        let section = |name: &str| {
            format!("[{name}]\ntls_cert = \"{name}.cert\"\ntls_key = \"{name}.key\"\n")
        };
        let sections = LISTENERS.map(section).concat();
        let mut secured = Self(Node::builder().configuration(&sections).prepare());
        secured.write(pair);
        secured.0.start_again();
        secured
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.folder().join(name)
    }

    fn write(&self, pair: &Pair) {
        for listener in LISTENERS {
            std::fs::write(self.path(&format!("{listener}.cert")), &pair.cert).unwrap();
            std::fs::write(self.path(&format!("{listener}.key")), &pair.key).unwrap();
        }
    }

    fn addresses(&self) -> [SocketAddr; 2] {
        [self.0.gateway(), self.0.control()]
    }
}

/// A connection to a listener whose certificate is one of these.
struct Connection(StreamOwned<ClientConnection, TcpStream>);

impl Connection {
    fn open(address: SocketAddr, trusted: &[&Pair]) -> Self {
        let mut roots = RootCertStore::empty();
        for pair in trusted {
            roots.add(pair.der.clone()).unwrap();
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(StreamOwned::new(connection, stream))
    }

    /// Asks for `/hello` and returns the status line.
    fn hello(&mut self) -> String {
        let request = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
        self.0.write_all(request).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).unwrap();
        let length = length.lines().next().unwrap().parse().unwrap();
        self.0.read_exact(&mut vec![0; length]).unwrap();
        head.lines().next().unwrap().to_owned()
    }

    fn certificate(&self) -> CertificateDer<'static> {
        let chain = self.0.conn.peer_certificates().unwrap();
        chain[0].clone().into_owned()
    }
}

/// The certificate that a new connection is shown; it serves, too.
fn shown(address: SocketAddr, trusted: &[&Pair]) -> CertificateDer<'static> {
    let mut connection = Connection::open(address, trusted);
    assert_eq!(connection.hello(), "http/1.1 200 ok");
    connection.certificate()
}

#[test]
fn a_signal_brings_new_certificates_and_a_broken_file_changes_nothing() {
    let [first, second, third] = [Pair::new(), Pair::new(), Pair::new()];
    let all = [&first, &second, &third];
    let mut secured = Secured::start(&first);
    let addresses = secured.addresses();
    let mut kept = addresses.map(|address| Connection::open(address, &[&first]));
    for connection in &mut kept {
        connection.hello();
        assert_eq!(connection.certificate(), first.der);
    }

    secured.write(&second);
    secured.0.process().signal(Signal::HUP);
    for address in addresses {
        wait_for("the second certificate is shown", || {
            shown(address, &all) == second.der
        });
    }

    // A key of another certificate, and a file that is no certificate.
    secured.write(&third);
    std::fs::write(secured.path("gateway.key"), &first.key).unwrap();
    std::fs::write(secured.path("control.cert"), "nonsense").unwrap();
    secured.0.process().signal(Signal::HUP);
    for file in ["gateway.key", "control.cert"] {
        wait_for("the broken file is told of", || {
            let log = secured.0.log();
            let mut lines = log.lines();
            lines.any(|line| {
                line.contains("ERROR") && line.contains("stays in force") && line.contains(file)
            })
        });
    }
    for address in addresses {
        assert_eq!(shown(address, &all), second.der);
    }

    secured.write(&third);
    secured.0.process().signal(Signal::HUP);
    for address in addresses {
        wait_for("the third certificate is shown", || {
            shown(address, &all) == third.der
        });
    }
    // Connections go on under the certificate that they began with.
    for connection in &mut kept {
        assert_eq!(connection.hello(), "http/1.1 200 ok");
    }
}

#[test]
fn a_file_of_tls_that_is_missing_or_broken_is_named_at_the_start() {
    let pair = Pair::new();
    for (listener, file) in [("gateway", "gateway.cert"), ("control", "control.key")] {
        let section =
            format!("[{listener}]\ntls_cert = \"{listener}.cert\"\ntls_key = \"{listener}.key\"\n");
        let mut secured = Secured(Node::builder().configuration(&section).prepare());
        for broken in [None, Some("nonsense")] {
            secured.write(&pair);
            match broken {
                None => std::fs::remove_file(secured.path(file)).unwrap(),
                Some(text) => std::fs::write(secured.path(file), text).unwrap(),
            }
            let process = secured.0.launch();
            let status = process.wait(PATIENCE);
            assert_eq!(status.code(), Some(1), "{}", process.err.text());
            let text = process.err.text();
            let reason = text
                .lines()
                .find(|line| line.starts_with("error: "))
                .unwrap();
            assert!(reason.contains(&format!("{listener}.tls_")), "{reason}");
            assert!(reason.contains(file), "{reason}");
        }
    }
}
