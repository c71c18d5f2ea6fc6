//! The proxies whose word about the client is believed.

use std::net::IpAddr;

use ipnet::IpNet;

/// The configured `trusted_proxies`.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    networks: Box<[IpNet]>,
}

impl TrustedProxies {
    /// Trusts whoever stands in one of these networks.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self {
            networks: networks.into_iter().collect(),
        }
    }

    /// Whether this address is trusted; an IPv4-mapped IPv6 address counts as the IPv4 one.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.networks.iter().any(|network| network.contains(&ip))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn trusts(network: &str, ip: &str) -> bool {
        TrustedProxies::new([network.parse().unwrap()]).contains(ip.parse().unwrap())
    }

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        assert!(trusts("10.0.0.0/8", "10.255.0.1"));
        assert!(!trusts("10.0.0.0/8", "11.0.0.1"));
        assert!(trusts("10.0.0.0/8", "::ffff:10.1.1.1"));
        assert!(trusts("fd00::/8", "fd12::1"));
        assert!(!trusts("0.0.0.0/0", "2001:db8::1"));
    }

    #[test]
    fn nobody_is_trusted_by_default() {
        assert!(!TrustedProxies::default().contains(IpAddr::from([127, 0, 0, 1])));
    }
}
