//! Pairs that load, files that do not, and what a client sees across a reload.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking where it went wrong"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};
use tempfile::TempDir;

use super::*;

/// An RSA key of 2048 bits; the test library cannot make one.
const RSA_KEY: &str = include_str!("listener_tls_rsa_key.pem");

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn files(&self) -> TlsFiles {
        TlsFiles {
            cert: self.0.path().join("cert.pem"),
            key: self.0.path().join("key.pem"),
        }
    }

    fn write(&self, cert: &str, key: &str) -> TlsFiles {
        let files = self.files();
        fs::write(&files.cert, cert).unwrap();
        fs::write(&files.key, key).unwrap();
        files
    }
}

/// A self-signed certificate and its key, as PEM.
fn pair(key: &KeyPair) -> (String, String) {
    let params = CertificateParams::new(vec!["gate.test".to_owned()]).unwrap();
    (params.self_signed(key).unwrap().pem(), key.serialize_pem())
}

fn new_pair() -> (String, String) {
    pair(&KeyPair::generate().unwrap())
}

/// What a client is shown that trusts exactly this certificate.
fn handshake(server: &ListenerTls, trusted: &str) -> Result<Vec<u8>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("gate.test").unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut server = ServerConnection::new(server.config()).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        let mut wire = Vec::new();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    let shown = client.peer_certificates().and_then(|chain| chain.first());
    Ok(shown.unwrap().to_vec())
}

fn refused(files: TlsFiles) -> String {
    match ListenerTls::load(files) {
        Ok(_) => panic!("it was taken"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_usual_kind_of_key_serves_a_handshake() {
    let keys = [
        KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(),
        KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(),
        KeyPair::generate_for(&PKCS_ED25519).unwrap(),
        KeyPair::from_pem(RSA_KEY).unwrap(),
    ];
    for key in &keys {
        let (cert, key) = pair(key);
        let tls = ListenerTls::load(Folder::new().write(&cert, &key)).unwrap();
        let expected = CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
        assert_eq!(handshake(&tls, &cert).unwrap(), expected.to_vec());
    }
}

#[test]
fn a_whole_chain_is_taken_and_other_sections_are_passed_over() {
    let (cert, key) = new_pair();
    let (other, _) = new_pair();
    let tls = ListenerTls::load(Folder::new().write(&format!("{key}\n{cert}\n{other}"), &key));
    assert_eq!(tls.unwrap().pair.0.load().cert.len(), 2);
}

#[test]
fn each_wrong_file_is_named_with_what_is_wrong() {
    let (cert, key) = new_pair();
    let (_, strange_key) = new_pair();
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let cut = cert.get(..cert.len() / 2).unwrap();
    let no_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let long = format!("{cert}\n").repeat(CHAIN_MAX + 1);
    for (cert, key, file, reason) in [
        ("", key.as_str(), "cert.pem", "holds no certificate"),
        ("no PEM at all", &key, "cert.pem", "holds no certificate"),
        (&key, &key, "cert.pem", "holds no certificate"),
        (cut, &key, "cert.pem", "no END line"),
        (
            "-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n",
            &key,
            "cert.pem",
            "not base64",
        ),
        (garbage, &key, "cert.pem", "malformed"),
        (&long, &key, "cert.pem", "more than 16 certificates"),
        (&cert, "", "key.pem", "holds no private key"),
        (&cert, &cert, "key.pem", "holds no private key"),
        (&cert, encrypted, "key.pem", "passphrase"),
        (&cert, no_key, "key.pem", "cannot be used"),
        (
            &cert,
            &strange_key,
            "key.pem",
            "does not belong to the certificate",
        ),
    ] {
        let said = refused(Folder::new().write(cert, key));
        assert!(
            said.contains(file) && said.contains(reason),
            "{reason}: {said}"
        );
    }
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let (cert, key) = new_pair();
    let folder = Folder::new();
    let said = refused(folder.files());
    assert!(said.contains("cert.pem: No such file"), "{said}");
    fs::write(folder.files().cert, &cert).unwrap();
    fs::create_dir(folder.files().key).unwrap();
    let said = refused(folder.files());
    assert!(said.contains("key.pem: Is a directory"), "{said}");
    fs::remove_dir(folder.files().key).unwrap();
    fs::write(folder.files().key, &key).unwrap();
    fs::write(folder.files().cert, " ".repeat(1024 * 1024 + 1)).unwrap();
    let said = refused(folder.files());
    assert!(said.contains("cert.pem: is larger than"), "{said}");
}

#[test]
fn no_error_shows_a_piece_of_a_key() {
    let (cert, key) = new_pair();
    let secret = key.lines().nth(1).unwrap();
    let broken = format!("-----BEGIN PRIVATE KEY-----\n{secret}%\n-----END PRIVATE KEY-----\n");
    let unended = format!("-----BEGIN PRIVATE KEY-----\n{secret}\n");
    for wrong in [broken, unended] {
        let error = ListenerTls::load(Folder::new().write(&cert, &wrong)).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
    }
}

#[test]
fn a_reload_shows_the_new_certificate_and_a_bad_one_keeps_the_old() {
    let folder = Folder::new();
    let (first, first_key) = new_pair();
    let tls = ListenerTls::load(folder.write(&first, &first_key)).unwrap();
    let config = tls.config();
    let shown_first = handshake(&tls, &first).unwrap();

    let (second, second_key) = new_pair();
    for (cert, key) in [
        (second.as_str(), first_key.as_str()),
        ("half a fi", &second_key),
    ] {
        folder.write(cert, key);
        assert!(tls.reload().is_err());
        assert_eq!(handshake(&tls, &first).unwrap(), shown_first);
    }

    folder.write(&second, &second_key);
    tls.reload().unwrap();
    assert_ne!(handshake(&tls, &second).unwrap(), shown_first);
    assert!(handshake(&tls, &first).is_err());
    assert!(
        Arc::ptr_eq(&config, &tls.config()),
        "listeners keep the configuration they have"
    );

    let mut unreadable = fs::metadata(folder.files().key).unwrap().permissions();
    unreadable.set_mode(0o000);
    fs::set_permissions(folder.files().key, unreadable).unwrap();
    fs::remove_file(folder.files().cert).unwrap();
    tls.reload_or_log();
    assert!(handshake(&tls, &second).is_ok());
}
