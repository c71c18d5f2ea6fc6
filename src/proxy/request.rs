//! A request as the stages see it: borrowed from the connection, with the client behind it known.

use std::net::{IpAddr, SocketAddr};

use super::trust::TrustedProxies;
use super::wire::field::{FieldKind, list_members};
use super::wire::request_head::RequestHead;

/// Whether what the peer says about the client is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Believed,
    Ignored,
}

/// How the client speaks to this gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ClientScheme {
    /// In clear text.
    #[default]
    Http,
    /// Over TLS, which ends here.
    Https,
}

impl ClientScheme {
    /// As it stands in a URL.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// The other end of the client's connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    address: SocketAddr,
    text: Box<str>,
    trust: Trust,
    scheme: ClientScheme,
}

impl Peer {
    /// Describes a peer.
    pub(crate) fn new(address: SocketAddr, trusted: &TrustedProxies) -> Self {
        let ip = address.ip().to_canonical();
        let trust = if trusted.contains(ip) {
            Trust::Believed
        } else {
            Trust::Ignored
        };
        Self {
            address: SocketAddr::new(ip, address.port()),
            text: ip.to_string().into(),
            trust,
            scheme: ClientScheme::default(),
        }
    }

    /// The same, speaking in this way.
    pub(crate) fn speaking(self, scheme: ClientScheme) -> Self {
        Self { scheme, ..self }
    }

    /// How it speaks to this gateway.
    pub(crate) const fn scheme(&self) -> ClientScheme {
        self.scheme
    }

    /// Its address and port.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as text, without the port.
    pub(crate) fn address_text(&self) -> &str {
        &self.text
    }

    /// Whether its `X-Forwarded-For` is believed.
    pub(crate) fn is_trusted(&self) -> bool {
        self.trust == Trust::Believed
    }
}

/// One request, borrowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestView<'r> {
    head: &'r RequestHead,
    peer: &'r Peer,
    request_id: &'r [u8],
}

impl<'r> RequestView<'r> {
    /// A view of a parsed head that came from `peer`.
    pub(crate) const fn new(head: &'r RequestHead, peer: &'r Peer, request_id: &'r [u8]) -> Self {
        Self {
            head,
            peer,
            request_id,
        }
    }

    /// The method, as sent.
    pub(crate) fn method(&self) -> &'r [u8] {
        self.head.method()
    }

    /// The path, percent-encoded as sent, without dot segments.
    pub(crate) fn path(&self) -> &'r str {
        self.head.path()
    }

    /// The host that the client asked for, with its port.
    pub(crate) fn host(&self) -> Option<&'r str> {
        self.head.host()
    }

    /// The whole head.
    pub(crate) const fn head(&self) -> &'r RequestHead {
        self.head
    }

    /// Who is at the other end of the connection.
    pub(crate) const fn peer(&self) -> &'r Peer {
        self.peer
    }

    /// The id that this request has in logs and at the upstream.
    pub(crate) const fn request_id(&self) -> &'r [u8] {
        self.request_id
    }

    /// The client's address: the last one in `X-Forwarded-For` that no trusted proxy has, if the peer is one, else the peer's.
    pub(crate) fn client_ip(&self, trusted: &TrustedProxies) -> IpAddr {
        let mut client = self.peer.address.ip();
        if !self.peer.is_trusted() {
            return client;
        }
        let values = self
            .head
            .fields()
            .filter(|(kind, _, _)| *kind == FieldKind::ForwardedFor);
        let mut members: Vec<&[u8]> = values
            .flat_map(|(_, _, value)| list_members(value))
            .collect();
        while let Some(member) = members.pop() {
            let Some(ip) = std::str::from_utf8(member).ok().and_then(forwarded_ip) else {
                break;
            };
            // The same client has one address, however its proxy's sockets write it.
            client = ip.to_canonical();
            if !trusted.contains(ip) {
                break;
            }
        }
        client
    }
}

/// An address as proxies write it: some add the port that the client came from.
fn forwarded_ip(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    text.parse().or_else(|_| with_port()).ok()
}
