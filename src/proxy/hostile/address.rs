//! The client's address: what nobody who is trusted says changes nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{LIMITS, SEPARATOR, lines, named};
use crate::proxy::request::{Peer, RequestView};
use crate::proxy::trust::TrustedProxies;
use crate::proxy::wire::request_head::RequestHead;

/// Sets of networks that may be trusted.
const TRUSTED: [&[&str]; 4] = [
    &[],
    &["192.0.2.0/24", "10.0.0.0/8"],
    &["192.0.2.7/32", "fd00::/8", "2001:db8::/32"],
    &["0.0.0.0/0"],
];
/// Peers, some of them trusted by some of these sets.
const PEERS: [&str; 4] = ["192.0.2.7", "::ffff:192.0.2.7", "198.51.100.9", "fd00::5"];
/// What somebody claims in front of everything else.
const CLAIM: &[u8] = b"X-Forwarded-For: 233.252.0.66\r\n";

/// The first byte chooses who is trusted; the rest is the values of `X-Forwarded-For` fields.
pub(crate) fn client_address(input: &[u8]) {
    let Some((choice, rest)) = input.split_first() else {
        return;
    };
    let networks = TRUSTED[usize::from(*choice) % TRUSTED.len()].iter();
    let trusted = TrustedProxies::new(networks.map(|network| network.parse().unwrap()));
    let mut fields = Vec::new();
    for value in rest.split(|byte| *byte == SEPARATOR) {
        fields.extend_from_slice(b"X-Forwarded-For: ");
        fields.extend_from_slice(value);
        fields.extend_from_slice(b"\r\n");
    }
    for peer in PEERS {
        judge(peer.parse().unwrap(), &trusted, &fields);
    }
}

fn judge(peer: IpAddr, trusted: &TrustedProxies, fields: &[u8]) {
    let Some((client, said)) = read(peer, trusted, fields) else {
        return;
    };
    let shown = String::from_utf8_lossy(fields);
    assert_eq!(client, client.to_canonical(), "{shown}");
    if !trusted.contains(peer) {
        assert_eq!(client, peer.to_canonical(), "{shown}");
        return;
    }
    // Everybody between the client and the gateway is trusted, and the client is not unless nobody else was named.
    let mut from_the_end = said.iter().rev();
    let is_trusted = |hop: &&Option<IpAddr>| hop.is_some_and(|ip| trusted.contains(ip));
    let between = from_the_end.by_ref().take_while(is_trusted).count();
    let first_other = said.len().checked_sub(between + 1).map(|at| said[at]);
    let expected = match first_other {
        Some(Some(ip)) => ip,
        // What is no address hides who was there: the last known one counts.
        Some(None) | None => said
            .get(said.len() - between)
            .copied()
            .flatten()
            .unwrap_or(peer),
    };
    assert_eq!(client, expected.to_canonical(), "{shown}");
    // Nobody gets another address by claiming one in front of what the proxies say.
    if first_other.is_some()
        && let Some((claimed, _)) = read(peer, trusted, &[CLAIM, fields].concat())
    {
        assert_eq!(claimed, client, "{shown}");
    }
}

/// The address that is found, and the list by the plainest reading.
fn read(
    peer: IpAddr,
    trusted: &TrustedProxies,
    fields: &[u8],
) -> Option<(IpAddr, Vec<Option<IpAddr>>)> {
    let text = [b"GET / HTTP/1.1\r\nHost: h\r\n", fields, b"\r\n"].concat();
    let mut head = RequestHead::default();
    let Ok(Some(taken)) = head.parse(&text, LIMITS) else {
        return None;
    };
    let lines = lines(&text[..taken]);
    let values = named(&lines, "x-forwarded-for");
    let said = values.flat_map(|value| value.split(|byte| *byte == b','));
    let said = said
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty());
    let said = said.map(|member| address(std::str::from_utf8(member).ok()?));
    let peer = Peer::new(SocketAddr::new(peer, 5), trusted);
    let view = RequestView::new(&head, &peer, b"id");
    Some((view.client_ip(trusted), said.collect()))
}

/// An address, or one with a port behind it; of version 6 it then stands in brackets, and may name a zone.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(ip) = text.parse() {
        return Some(ip);
    }
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (host, port) = text.rsplit_once(':')?;
    if !is_number(port) || port.parse::<u16>().is_err() {
        return None;
    }
    let Some(bracketed) = host.strip_prefix('[') else {
        return host.parse::<Ipv4Addr>().ok().map(IpAddr::V4);
    };
    let inside = bracketed.strip_suffix(']')?;
    let (ip, zone) = inside.split_once('%').unwrap_or((inside, "0"));
    if !is_number(zone) || zone.parse::<u32>().is_err() {
        return None;
    }
    ip.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}
