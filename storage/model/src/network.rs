//! Networks of addresses as operators and authors of definitions write them.

use core::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// How many leading bits of an IPv6 address say that it is an IPv4 one (RFC 4291 section 2.5.5.2).
const MAPPED_BITS: u8 = 96;

/// Reads one address, or the network that an address with a prefix length lies in.
///
/// Clients are compared by their canonical address, so IPv4 inside IPv6 becomes IPv4. `None` also for a network of which
/// one part is IPv4 inside IPv6 and the other is not: whom it was to hold nobody can tell.
#[must_use]
pub fn network(text: &str) -> Option<IpNet> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(IpNet::from(address.to_canonical()));
    }
    match text.parse::<IpNet>().ok()? {
        IpNet::V6(network) => match network.addr().to_ipv4_mapped() {
            Some(_) => unmapped(network),
            None => Some(IpNet::V6(network.trunc())),
        },
        IpNet::V4(network) => Some(IpNet::V4(network.trunc())),
    }
}

fn unmapped(network: Ipv6Net) -> Option<IpNet> {
    let address = Ipv6Addr::to_ipv4_mapped(&network.addr())?;
    let prefix = network.prefix_len().checked_sub(MAPPED_BITS)?;
    let network = Ipv4Net::new(address, prefix).ok()?;
    Some(IpNet::V4(network.trunc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_is_ipv4_in_every_spelling() {
        for (text, expected) in [
            ("10.1.2.3", Some("10.1.2.3/32")),
            ("10.1.2.3/8", Some("10.0.0.0/8")),
            ("::ffff:10.1.2.3", Some("10.1.2.3/32")),
            ("::ffff:10.1.2.3/104", Some("10.0.0.0/8")),
            ("::ffff:a01:203/128", Some("10.1.2.3/32")),
            ("::ffff:0.0.0.0/96", Some("0.0.0.0/0")),
            ("::ffff:10.1.2.3/95", None),
            ("2001:db8::7/32", Some("2001:db8::/32")),
            ("::/0", Some("::/0")),
            ("10.1.2.3/33", None),
            ("::1/129", None),
            ("bob", None),
            ("", None),
        ] {
            let read = network(text).map(|network| network.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }
}
