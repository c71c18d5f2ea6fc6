//! TLS of a listener: certificate and key from PEM files, exchanged while connections go on.
//!
//! The server configuration asks a resolver at every handshake, so that a reload is one swap of a pair that was loaded
//! and checked as a whole; a pair that is wrong leaves the one in force.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};
use zeroize::Zeroizing;

use crate::config::settings::TlsFiles;

/// The largest PEM file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// The longest certificate chain.
const CHAIN_MAX: usize = 16;

/// Why certificate and key cannot be used; each text names the file and what is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum ListenerTlsError {
    /// A file cannot be read.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The key is another certificate's.
    #[error("{}: this key does not belong to the certificate in {}", key.display(), cert.display())]
    Mismatch {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The cryptography provider does not fit the library, which only a broken build has.
    #[error("TLS cannot be set up: {0}")]
    Provider(rustls::Error),
}

/// Certificate and key of a listener.
#[derive(Debug)]
pub struct ListenerTls {
    files: TlsFiles,
    pair: Arc<CurrentPair>,
    config: Arc<ServerConfig>,
}

impl ListenerTls {
    /// Loads the files for a listener that speaks HTTP/1.1; a server that speaks more adds to the configuration.
    ///
    /// # Errors
    /// See [`ListenerTlsError`].
    pub fn load(files: TlsFiles) -> Result<Self, ListenerTlsError> {
        let pair = Arc::new(CurrentPair(ArcSwap::from_pointee(load(&files)?)));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(ListenerTlsError::Provider)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&pair) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            files,
            pair,
            config: Arc::new(config),
        })
    }

    /// The configuration of the listener; it follows every reload.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Reads the files again; connections that come from now on get the new certificate.
    ///
    /// # Errors
    /// See [`ListenerTlsError`]; the pair that was in force stays in force.
    pub fn reload(&self) -> Result<(), ListenerTlsError> {
        let pair = load(&self.files)?;
        self.pair.0.store(Arc::new(pair));
        Ok(())
    }

    /// Reads the files again and logs what came of it.
    pub fn reload_or_log(&self) {
        let (cert, key) = (self.files.cert.display(), self.files.key.display());
        match self.reload() {
            Ok(()) => tracing::info!(%cert, %key, "TLS certificate and key read again"),
            Err(error) => {
                tracing::error!(%error, "TLS files not taken, the pair read before stays in force");
            }
        }
    }
}

/// The pair in force.
struct CurrentPair(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for CurrentPair {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl fmt::Debug for CurrentPair {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("CurrentPair")
    }
}

fn load(files: &TlsFiles) -> Result<CertifiedKey, ListenerTlsError> {
    let chain = read_chain(&files.cert)?;
    let key = read_key(&files.key)?;
    CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            ListenerTlsError::Mismatch {
                cert: files.cert.clone(),
                key: files.key.clone(),
            }
        }
        rustls::Error::InvalidCertificate(reason) => content(
            &files.cert,
            format!("the first certificate is malformed: {reason}"),
        ),
        // What is left concerns the key: a curve or a size that TLS does not use, or bytes that are no key.
        other => content(
            &files.key,
            format!("the private key cannot be used: {other}"),
        ),
    })
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, ListenerTlsError> {
    let text = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text)
        .take(CHAIN_MAX + 1)
        .collect();
    let chain =
        chain.map_err(|error| content(path, format!("is no PEM text: {}", words(&error))))?;
    match chain.len() {
        0 => Err(content(
            path,
            "holds no certificate (BEGIN CERTIFICATE)".to_owned(),
        )),
        length if length > CHAIN_MAX => Err(content(
            path,
            format!("holds more than {CHAIN_MAX} certificates"),
        )),
        _ => Ok(chain),
    }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, ListenerTlsError> {
    let text = read(path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let reason = match error {
            pem::Error::NoItemsFound if holds(&text, b"BEGIN ENCRYPTED PRIVATE KEY") => {
                "holds a private key under a passphrase; store it without one".to_owned()
            }
            pem::Error::NoItemsFound => "holds no private key (BEGIN PRIVATE KEY)".to_owned(),
            other => format!("is no PEM text: {}", words(&other)),
        };
        content(path, reason)
    })
}

/// What is wrong with a PEM text, without the text itself: it may be a piece of a key.
fn words(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no END line",
        pem::Error::IllegalSectionStart { .. } => "a BEGIN line is malformed",
        pem::Error::Base64Decode(_) => "a section is not base64",
        _ => "it is malformed",
    }
}

fn holds(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, ListenerTlsError> {
    let failed = |error| ListenerTlsError::File {
        path: path.to_owned(),
        error,
    };
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    // Room for all of it at once: a buffer that grows leaves pieces of a key behind.
    let room = usize::try_from(length.min(FILE_BYTES_MAX)).unwrap_or_default();
    let mut text = Zeroizing::new(Vec::with_capacity(room.saturating_add(1)));
    let limit = FILE_BYTES_MAX.saturating_add(1);
    file.take(limit).read_to_end(&mut text).map_err(failed)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(content(
            path,
            format!("is larger than {FILE_BYTES_MAX} bytes"),
        ));
    }
    Ok(text)
}

fn content(path: &Path, reason: String) -> ListenerTlsError {
    ListenerTlsError::Content {
        path: path.to_owned(),
        reason,
    }
}

#[cfg(test)]
#[path = "listener_tls_tests.rs"]
mod tests;
