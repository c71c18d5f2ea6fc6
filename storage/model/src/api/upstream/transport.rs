//! TLS towards an API's targets: Tyk's `proxy.transport`.

use crate::api::unsupported::ImportWarning;
use crate::json::{DocumentFaults, Node};

/// TLS 1.2 by its number on the wire (RFC 8446 section 4.2.1).
const TLS_1_2: i64 = 0x0303;
/// TLS 1.3 likewise.
const TLS_1_3: i64 = 0x0304;
/// SSL 3.0 to TLS 1.1, which nobody speaks any more (RFC 8996).
const OUTDATED: std::ops::RangeInclusive<i64> = 0x0300..=0x0302;
/// More cipher suites than there are.
const CIPHERS_MAX: usize = 1024;

/// The cipher suites of TLS 1.2 that are spoken, under the names that IANA registered.
const CIPHERS: [&str; 6] = [
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// How TLS towards an API's targets differs from the gateway's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct UpstreamTls {
    /// Whether a target has to prove who it is.
    pub verification: Verification,
    /// The versions that are spoken.
    pub versions: TlsVersions,
    /// What is offered in TLS 1.2.
    pub ciphers: Tls12Ciphers,
}

/// Whether a target has to prove who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verification {
    /// By a certificate for its name from an authority that is trusted.
    #[default]
    Full,
    /// Any certificate will do: whoever is on the way can be the target (Tyk's `ssl_insecure_skip_verify`).
    Skipped,
}

/// Versions of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TlsVersions {
    /// Both.
    #[default]
    Any,
    /// TLS 1.2 alone.
    Only12,
    /// TLS 1.3 alone.
    Only13,
}

/// Cipher suites of TLS 1.2; those of TLS 1.3 cannot be chosen, as in Tyk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tls12Ciphers(u8);

impl Default for Tls12Ciphers {
    /// All that are spoken.
    fn default() -> Self {
        Self(u8::MAX)
    }
}

impl Tls12Ciphers {
    /// Whether the suite of this name is offered.
    #[must_use]
    pub fn allows(self, name: &str) -> bool {
        bit(name).is_some_and(|bit| self.0 & bit != 0)
    }

    /// Reads `ssl_ciphers`; names of none that is spoken are warned of.
    fn read(
        node: &Node<'_>,
        warnings: &mut Vec<ImportWarning>,
        faults: &mut DocumentFaults,
    ) -> Self {
        let items = node.items(CIPHERS_MAX, faults);
        if items.is_empty() {
            return Self::default();
        }
        let mut chosen = 0;
        for item in &items {
            match bit(item.text(faults).unwrap_or_default()) {
                Some(bit) => chosen |= bit,
                None => warn(
                    item,
                    "is not spoken in TLS 1.2, and those of TLS 1.3 cannot be chosen",
                    warnings,
                ),
            }
        }
        if chosen == 0 {
            let reason = format!(
                "names none that is spoken in TLS 1.2; those are {}",
                CIPHERS.join(", ")
            );
            faults.add(node.path(), reason);
        }
        Self(chosen)
    }
}

fn bit(name: &str) -> Option<u8> {
    // Go's older names of two of them end early.
    let same = |known: &&str| {
        *known == name
            || (name.ends_with("_POLY1305") && known.strip_suffix("_SHA256") == Some(name))
    };
    CIPHERS.iter().position(same).map(|place| 1 << place)
}

fn warn(node: &Node<'_>, reason: &str, warnings: &mut Vec<ImportWarning>) {
    warnings.push(ImportWarning {
        path: node.path().to_owned(),
        reason: reason.to_owned(),
    });
}

impl UpstreamTls {
    /// Reads `proxy.transport`.
    pub(super) fn read(
        transport: &Node<'_>,
        warnings: &mut Vec<ImportWarning>,
        faults: &mut DocumentFaults,
    ) -> Self {
        let verification = read_verification(transport, warnings, faults);
        let ciphers = transport.get("ssl_ciphers", faults);
        Self {
            verification,
            versions: read_versions(transport, faults),
            ciphers: Tls12Ciphers::read(&ciphers, warnings, faults),
        }
    }
}

fn read_verification(
    transport: &Node<'_>,
    warnings: &mut Vec<ImportWarning>,
    faults: &mut DocumentFaults,
) -> Verification {
    let skip = transport.get("ssl_insecure_skip_verify", faults);
    let by_name = transport.get("ssl_force_common_name_check", faults);
    match (skip.flag(faults), by_name.flag(faults)) {
        (true, true) => {
            let reason = "cannot be had together with ssl_insecure_skip_verify";
            faults.add(by_name.path(), reason);
            Verification::Full
        }
        (true, false) => {
            let reason = "TLS TOWARDS THIS API'S TARGETS IS NOT VERIFIED: whoever is on the way can read and change everything";
            warn(&skip, reason, warnings);
            Verification::Skipped
        }
        (false, true) => {
            let reason = "a target's name is verified by its certificate's alternative names, never by the common name";
            warn(&by_name, reason, warnings);
            Verification::Full
        }
        (false, false) => Verification::Full,
    }
}

/// The versions between `ssl_min_version` and `ssl_max_version`; zero says nothing.
fn read_versions(transport: &Node<'_>, faults: &mut DocumentFaults) -> TlsVersions {
    let min = transport.get("ssl_min_version", faults);
    let max = transport.get("ssl_max_version", faults);
    let mut version = |node: &Node<'_>| {
        let number = node.whole(faults).unwrap_or(0);
        let is_known =
            number == 0 || OUTDATED.contains(&number) || (TLS_1_2..=TLS_1_3).contains(&number);
        if !is_known {
            faults.add(node.path(), "must be 771 for TLS 1.2 or 772 for TLS 1.3");
        }
        number
    };
    let (least, most) = (version(&min), version(&max));
    if OUTDATED.contains(&most) {
        faults.add(max.path(), "must be 771 or 772: no older TLS is spoken");
    } else if most != 0 && least > most {
        faults.add(max.path(), "is older than ssl_min_version");
    }
    match (least, most) {
        (_, TLS_1_2) => TlsVersions::Only12,
        (TLS_1_3, _) => TlsVersions::Only13,
        _ => TlsVersions::Any,
    }
}
