#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::{self, SingleCertAndKey};
use rustls::{CertificateError, ClientConnection, Error, ServerConfig, ServerConnection};

use super::*;

fn certificate() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["one.test".to_owned()]).unwrap()
}

/// Shakes hands, unverified, with a server that shows this certificate and signs by this key.
fn handshake(
    versions: TlsVersions,
    shown: &CertifiedKey<KeyPair>,
    key: &KeyPair,
) -> Result<(), Error> {
    let settings = UpstreamTls {
        verification: Verification::Skipped,
        versions,
        ..UpstreamTls::default()
    };
    let name = ServerName::try_from("one.test").unwrap();
    let mut client = ClientConnection::new(Arc::new(config(settings)?), name)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let key = ring::sign::any_supported_type(&key)?;
    let shown = sign::CertifiedKey::new(vec![shown.cert.der().clone()], key);
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
    let mut server = ServerConnection::new(Arc::new(config))?;
    while client.is_handshaking() {
        let mut sent = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut sent).unwrap();
        }
        let mut sent = sent.as_slice();
        while !sent.is_empty() {
            server.read_tls(&mut sent).unwrap();
            server.process_new_packets()?;
        }
        let mut answered = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut answered).unwrap();
        }
        let mut answered = answered.as_slice();
        while !answered.is_empty() {
            client.read_tls(&mut answered).unwrap();
            client.process_new_packets()?;
        }
    }
    Ok(())
}

#[test]
fn any_certificate_will_do_together_with_its_own_key_alone() {
    let (shown, other) = (certificate(), certificate());
    let refused = Error::InvalidCertificate(CertificateError::BadSignature);
    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        let with = |key| handshake(versions, &shown, key);
        assert_eq!(with(&shown.signing_key), Ok(()), "{versions:?}");
        assert_eq!(
            with(&other.signing_key),
            Err(refused.clone()),
            "{versions:?}"
        );
    }
}

#[test]
fn a_configuration_is_shared_and_goes_with_the_last_one_who_uses_it() {
    let configs = TlsConfigs::default();
    let of = |versions| {
        let tls = UpstreamTls {
            verification: Verification::Skipped,
            versions,
            ..UpstreamTls::default()
        };
        configs.of(tls).unwrap().unwrap().config
    };
    assert!(configs.of(UpstreamTls::default()).unwrap().is_none());
    let (one, another) = (of(TlsVersions::Any), of(TlsVersions::Any));
    assert!(Arc::ptr_eq(&one, &another));
    let other = of(TlsVersions::Only13);
    assert!(!Arc::ptr_eq(&one, &other));
    let known = || configs.known.lock().len();
    assert_eq!(known(), 2);
    drop(one);
    assert!(Arc::ptr_eq(&another, &of(TlsVersions::Any)));
    let gone = Arc::downgrade(&another);
    drop(another);
    assert!(gone.upgrade().is_none());
    let _newer = of(TlsVersions::Only12);
    assert_eq!(known(), 2, "what nobody uses is forgotten");
}
