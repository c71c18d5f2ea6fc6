//! Addresses as operators write them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The longest host name of the DNS, in bytes (RFC 1035 section 2.3.4).
const HOST_BYTES_MAX: usize = 253;

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an address is HOST:PORT with a port from 1 to 65535")]
pub struct InvalidAddress;

/// A host, by name or IP address, and a port: how one node is reached from another place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    host: String,
    port: u16,
}

impl HostPort {
    /// The host without the brackets of an IPv6 address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, never 0.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether nobody else is on the way: a loopback address, or the name that stands for one (RFC 6761 section 6.3).
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(ip) => ip.to_canonical().is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }

    /// Where a process on the same machine reaches a listener that is bound to `listen`.
    ///
    /// An unspecified address is reached by loopback; `None` while the port is still 0.
    #[must_use]
    pub fn reaching(listen: SocketAddr) -> Option<Self> {
        let ip = match listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        (listen.port() != 0).then(|| Self {
            host: ip.to_string(),
            port: listen.port(),
        })
    }
}

impl FromStr for HostPort {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let (host, port) = text.rsplit_once(':').ok_or(InvalidAddress)?;
        let port = number_of(port).filter(|port| *port != 0);
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = match bracketed {
            Some(ip) => Some(ip).filter(|ip| ip.parse::<Ipv6Addr>().is_ok()),
            None => Some(host).filter(|host| is_host_name(host)),
        };
        match (host, port) {
            (Some(host), Some(port)) => Ok(Self {
                host: host.to_owned(),
                port,
            }),
            _ => Err(InvalidAddress),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Reads an address to bind: an IP address, or `localhost` for IPv4 loopback, and a port that may be 0.
#[must_use]
pub fn parse_listen(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => number_of(port).map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        None => text.parse().ok(),
    }
}

/// A port in plain digits; `u16::from_str` alone would also take a plus sign.
fn number_of(port: &str) -> Option<u16> {
    port.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| port.parse().ok())
        .flatten()
}

fn is_host_name(host: &str) -> bool {
    (1..=HOST_BYTES_MAX).contains(&host.len())
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test fails by panicking where it went wrong"
    )]

    use super::*;

    #[test]
    fn remote_addresses_are_read_and_written_alike() {
        for text in ["node-1:8082", "10.0.0.1:1", "[::1]:65535", "a.b.c_d:80"] {
            assert_eq!(text.parse::<HostPort>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_remote_address_is_refused() {
        let long = format!("{}:80", "x".repeat(254));
        for text in [
            "",
            ":80",
            "host",
            "host:",
            "host:0",
            "host:65536",
            "host:+80",
            "::1:80",
            "[::1]",
            "[nothing]:80",
            "ho st:80",
            "http://host:80",
            "host:80/",
            &long,
        ] {
            assert_eq!(text.parse::<HostPort>(), Err(InvalidAddress), "{text}");
        }
    }

    #[test]
    fn loopback_is_known_by_address_and_by_name() {
        let is_loopback = |text: &str| text.parse::<HostPort>().unwrap().is_loopback();
        for text in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "LocalHost:1"] {
            assert!(is_loopback(text), "{text}");
        }
        for text in ["10.0.0.1:1", "[2001:db8::1]:1", "node-1:1", "0.0.0.0:1"] {
            assert!(!is_loopback(text), "{text}");
        }
        assert!(is_loopback("[::ffff:127.0.0.1]:1"));
    }

    #[test]
    fn listen_addresses_may_have_port_0_but_no_host_name() {
        assert_eq!(
            parse_listen("localhost:0").unwrap().to_string(),
            "127.0.0.1:0"
        );
        assert_eq!(parse_listen("[::]:8080").unwrap().to_string(), "[::]:8080");
        for text in [
            "",
            ":8080",
            "8080",
            "example.org:80",
            "localhost:+1",
            "127.0.0.1",
        ] {
            assert_eq!(parse_listen(text), None, "{text}");
        }
    }

    #[test]
    fn an_unspecified_address_is_reached_by_loopback() {
        let reach = |text| HostPort::reaching(parse_listen(text).unwrap()).map(|a| a.to_string());
        assert_eq!(reach("0.0.0.0:81").as_deref(), Some("127.0.0.1:81"));
        assert_eq!(reach("[::]:81").as_deref(), Some("[::1]:81"));
        assert_eq!(reach("10.1.2.3:81").as_deref(), Some("10.1.2.3:81"));
        assert_eq!(reach("127.0.0.1:0"), None);
    }
}
