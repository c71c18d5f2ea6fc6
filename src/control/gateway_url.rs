//! Where callers reach the APIs of this node, as documents name it.

use std::net::{IpAddr, SocketAddr};

use raftgate_model::api::OasDocument;

/// The gateway listener, as far as a URL names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayUrl {
    scheme: &'static str,
    default_port: u16,
    address: SocketAddr,
}

impl GatewayUrl {
    /// A listener without TLS.
    #[must_use]
    pub const fn http(address: SocketAddr) -> Self {
        Self {
            scheme: "http",
            default_port: 80,
            address,
        }
    }

    /// A listener with TLS.
    #[must_use]
    pub const fn https(address: SocketAddr) -> Self {
        Self {
            scheme: "https",
            default_port: 443,
            address,
        }
    }

    /// Where a document's API is reached: at its own host, else at the address of the listener. One that is bound to every
    /// address does not say by which name it is known, so that the URL is relative then (OpenAPI, "Server Object").
    pub(super) fn of(&self, document: &OasDocument) -> Option<String> {
        let mount = document.mount()?;
        let slash = if mount.listen_path.starts_with('/') {
            ""
        } else {
            "/"
        };
        let path = format!("{slash}{}", mount.listen_path);
        let host = match (mount.domain, self.address.ip()) {
            (Some(domain), _) => domain.to_owned(),
            (None, ip) if ip.is_unspecified() => return Some(path),
            (None, IpAddr::V4(ip)) => ip.to_string(),
            (None, IpAddr::V6(ip)) => format!("[{ip}]"),
        };
        let port = self.address.port();
        let port = if port == self.default_port {
            String::new()
        } else {
            format!(":{port}")
        };
        Some(format!("{}://{host}{port}{path}", self.scheme))
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that meets the unexpected must fail"
    )]

    use serde_json::{Value, json};

    use super::*;

    fn url(gateway: GatewayUrl, server: &Value) -> Option<String> {
        let document = json!({"x-tyk-api-gateway": {"server": server}});
        gateway.of(&OasDocument::parse(&document.to_string()).unwrap())
    }

    #[test]
    fn an_api_is_reached_at_its_host_or_where_the_listener_is() {
        let path = json!({"listenPath": {"value": "/a/"}});
        let own = json!({"listenPath": {"value": "a"}, "customDomain": {"enabled": true, "name": "a.test"}});
        let at = |address: &str| address.parse::<SocketAddr>().unwrap();
        for (gateway, server, expected) in [
            (
                GatewayUrl::http(at("10.0.0.1:8080")),
                &path,
                "http://10.0.0.1:8080/a/",
            ),
            (
                GatewayUrl::https(at("[::1]:443")),
                &path,
                "https://[::1]/a/",
            ),
            (
                GatewayUrl::http(at("10.0.0.1:443")),
                &path,
                "http://10.0.0.1:443/a/",
            ),
            (GatewayUrl::http(at("0.0.0.0:8080")), &path, "/a/"),
            (GatewayUrl::https(at("[::]:8443")), &path, "/a/"),
            (GatewayUrl::http(at("0.0.0.0:80")), &own, "http://a.test/a"),
            (
                GatewayUrl::https(at("0.0.0.0:8443")),
                &own,
                "https://a.test:8443/a",
            ),
        ] {
            assert_eq!(url(gateway, server).as_deref(), Some(expected));
        }
        assert_eq!(url(GatewayUrl::http(at("10.0.0.1:80")), &json!({})), None);
    }
}
