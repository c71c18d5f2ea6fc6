//! Why an address cannot be listened on, by which setting it was chosen, and what can be done.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

/// A listener that cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("{listener}: cannot listen on {address}: {error}; {}", advice(error))]
pub struct ListenError {
    /// Which of the listeners.
    pub listener: Listener,
    /// The address asked for.
    pub address: SocketAddr,
    /// What the system says.
    pub error: io::Error,
}

/// The listeners of a node; prints as the key and the flag that choose the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// Where the APIs are served.
    Gateway,
    /// Where the control API is served.
    Control,
    /// Where the other nodes reach this one.
    Cluster,
}

impl Listener {
    /// A reason for this listener's address.
    #[must_use]
    pub const fn failed(self, address: SocketAddr, error: io::Error) -> ListenError {
        ListenError {
            listener: self,
            address,
            error,
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let section = match self {
            Self::Gateway => "gateway",
            Self::Control => "control",
            Self::Cluster => "cluster",
        };
        write!(f, "{section}.listen (--{section}-listen)")
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::AddrInUse => {
            "another process listens there (ss -ltnp names it): stop that one or choose another port"
        }
        ErrorKind::AddrNotAvailable => {
            "no interface of this machine has this address: choose one that it has, or 0.0.0.0 for all"
        }
        ErrorKind::PermissionDenied => {
            "ports below 1024 need the capability CAP_NET_BIND_SERVICE: give it to the process or choose a higher port"
        }
        _ => "choose another address",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_names_key_flag_address_and_what_to_do() {
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        for (kind, advice) in [
            (ErrorKind::AddrInUse, "choose another port"),
            (ErrorKind::AddrNotAvailable, "0.0.0.0"),
            (ErrorKind::PermissionDenied, "CAP_NET_BIND_SERVICE"),
            (ErrorKind::OutOfMemory, "choose another address"),
        ] {
            let text = Listener::Control.failed(address, kind.into()).to_string();
            assert!(
                text.starts_with(
                    "control.listen (--control-listen): cannot listen on 127.0.0.1:80: "
                ),
                "{text}"
            );
            assert!(text.contains(advice), "{text}");
        }
    }
}
