#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use super::*;

#[test]
fn what_this_node_lacks_is_told_from_what_an_upstream_does() {
    let host = || "a".to_owned();
    let origin = host;
    let lack = || io::Error::from(rustix::io::Errno::MFILE);
    let failed = |error| LookUpError::Failed(Arc::new(error));
    for error in [
        DialError::Lookup {
            host: host(),
            error: LookUpError::NoRoom,
        },
        DialError::Lookup {
            host: host(),
            error: failed(lack()),
        },
        DialError::Connect {
            origin: origin(),
            error: lack(),
        },
        DialError::Tls {
            origin: origin(),
            error: lack(),
        },
    ] {
        assert!(error.is_own_shortage(), "{error}");
    }
    let refusal = || io::Error::from(io::ErrorKind::ConnectionRefused);
    for error in [
        DialError::Lookup {
            host: host(),
            error: failed(refusal()),
        },
        DialError::Connect {
            origin: origin(),
            error: refusal(),
        },
        DialError::Tls {
            origin: origin(),
            error: refusal(),
        },
    ] {
        assert!(!error.is_own_shortage(), "{error}");
    }
}
