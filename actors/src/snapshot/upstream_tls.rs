//! TLS towards targets: whom it trusts, by the gateway's own settings and by those of an API that asks for others.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;
use raftgate_model::api::{TlsVersions, UpstreamTls, Verification};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion,
};

/// TLS settings of an API's own.
#[derive(Clone)]
pub struct CompiledTls {
    /// What connections are made with, by all APIs that ask for the same.
    pub config: Arc<ClientConfig>,
    /// What connections made with it are told apart by from others to the same origin.
    pub identity: UpstreamTls,
}

impl fmt::Debug for CompiledTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.identity)
    }
}

/// The configurations in force: APIs that ask for the same share one, and the sessions that it resumes.
///
/// What is asked for is all that a configuration is made of, no file is read; so one that stands is never out of date.
#[derive(Debug, Default)]
pub struct TlsConfigs {
    // Those who use a configuration keep it, so there are never more than APIs ask for.
    known: Mutex<HashMap<UpstreamTls, Weak<ClientConfig>>>,
}

impl TlsConfigs {
    /// What a definition asks for; `None` where it asks for nothing, and the gateway's own TLS serves.
    ///
    /// # Errors
    /// The cryptography provider does not know a version, which only a broken build has.
    pub fn of(&self, tls: UpstreamTls) -> Result<Option<CompiledTls>, rustls::Error> {
        if tls == UpstreamTls::default() {
            return Ok(None);
        }
        let mut known = self.known.lock();
        let in_force = known.get(&tls).and_then(Weak::upgrade);
        let config = match in_force {
            Some(config) => config,
            None => {
                let config = Arc::new(config(tls)?);
                known.retain(|_, config| config.strong_count() > 0);
                known.insert(tls, Arc::downgrade(&config));
                config
            }
        };
        Ok(Some(CompiledTls {
            config,
            identity: tls,
        }))
    }
}

fn config(tls: UpstreamTls) -> Result<ClientConfig, rustls::Error> {
    let mut provider = ring::default_provider();
    provider.cipher_suites.retain(|suite| {
        let name = suite.suite().as_str().unwrap_or_default();
        suite.version() == &TLS13 || tls.ciphers.allows(name)
    });
    let provider = Arc::new(provider);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(tls.versions))?;
    let mut config = match tls.verification {
        Verification::Full => builder
            .with_root_certificates(public_roots())
            .with_no_client_auth(),
        Verification::Skipped => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate { provider }))
            .with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// TLS towards whoever has to be certified by a public authority: the targets of APIs that ask for nothing else, and the
/// receivers of notifications.
///
/// # Errors
/// The cryptography provider does not know a version, which only a broken build has.
pub fn gateway_tls() -> Result<Arc<ClientConfig>, rustls::Error> {
    config(UpstreamTls::default()).map(Arc::new)
}

/// The public authorities, which all APIs share.
fn public_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let roots = webpki_roots::TLS_SERVER_ROOTS.to_vec();
        Arc::new(RootCertStore { roots })
    });
    Arc::clone(roots)
}

fn versions(versions: TlsVersions) -> Vec<&'static SupportedProtocolVersion> {
    match versions {
        TlsVersions::Any => vec![&TLS13, &TLS12],
        TlsVersions::Only12 => vec![&TLS12],
        TlsVersions::Only13 => vec![&TLS13],
    }
}

/// Takes any certificate, as Tyk's `ssl_insecure_skip_verify` has it; that its owner holds the key is still checked.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
#[path = "upstream_tls_tests.rs"]
mod tests;
