//! A certificate authority of the test's own, for libraries that insist on TLS.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};

/// PEM texts: the authority that clients are told to believe, and what the gateway shows.
pub(crate) struct Certificates {
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Certificates {
    /// An authority and a certificate of its for a server on loopback.
    pub(crate) fn for_loopback() -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        // Names that differ, else the certificate looks as if it had signed itself.
        authority
            .distinguished_name
            .push(DnType::CommonName, "authority of the test");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let mut server = CertificateParams::new(names).unwrap();
        server
            .distinguished_name
            .push(DnType::CommonName, "gateway of the test");
        server.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        let certificate = server.signed_by(&key, &authority).unwrap();
        Self {
            authority: authority.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}
