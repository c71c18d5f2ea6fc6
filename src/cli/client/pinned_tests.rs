#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking where it went wrong"
)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::super::target::Target;
use super::super::{ClientError, get};
use super::*;
use crate::config::environment::Environment;
use crate::config::file::ConfigFile;
use crate::config::flags::Flags;
use crate::config::resolve;

/// A certificate for a name under which nobody asks, as a public one on a loopback listener is.
fn certificate() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["gateway.example.org".to_owned()]).unwrap()
}

/// A TLS server that answers at most one request.
fn serving(certificate: &CertifiedKey<KeyPair>) -> (SocketAddr, JoinHandle<()>) {
    let key = PrivateKeyDer::try_from(certificate.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        let mut asked = [0; 4096];
        // A client that refuses the certificate never asks.
        if stream.read(&mut asked).is_ok_and(|length| length > 0) {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
            let _ = stream.flush();
        }
    });
    (address, thread)
}

fn target(address: SocketAddr, pem: &Path) -> Target {
    let text = format!(
        "[control]\nlisten = \"{address}\"\ntls_cert = \"{0}\"\ntls_key = \"{0}\"",
        pem.display()
    );
    let file = ConfigFile::from_text(Path::new("node.toml"), &text);
    let settings = resolve(Some(&file), &Environment::default(), &Flags::default());
    let settings = settings.unwrap_or_else(|errors| panic!("{errors}"));
    Target {
        address: address.to_string().parse().unwrap(),
        tls: settings.control.tls.clone(),
        settings,
    }
}

#[test]
fn the_certificate_of_the_configuration_is_trusted_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (served, other) = (certificate(), certificate());
    let pem = folder.path().join("cert.pem");
    std::fs::write(&pem, served.cert.pem()).unwrap();
    let (address, server) = serving(&served);
    let answer = get(&target(address, &pem), "/ready").unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"ok"[..]));
    server.join().unwrap();

    std::fs::write(&pem, other.cert.pem()).unwrap();
    let (address, server) = serving(&served);
    let refused = get(&target(address, &pem), "/ready").unwrap_err();
    assert!(
        matches!(refused, ClientError::Unreachable { .. }),
        "{refused}"
    );
    server.join().unwrap();
}

#[test]
fn a_file_without_a_certificate_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("missing.pem", None), ("empty.pem", Some(""))] {
        let pem = folder.path().join(name);
        if let Some(text) = text {
            std::fs::write(&pem, text).unwrap();
        }
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let said = get(&target(address, &pem), "/ready")
            .unwrap_err()
            .to_string();
        let expected = format!(
            "control.tls_cert: cannot read a certificate from {}: ",
            pem.display()
        );
        assert!(said.starts_with(&expected), "{said}");
    }
}
