//! Where an API's requests go: the target URL, taken apart once so that no request parses it.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// How the upstream is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP/1.1 over TCP.
    Http,
    /// HTTP/1.1 over TLS.
    Https,
}

impl Scheme {
    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Why a text cannot be a target URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// The text does not parse as an absolute URL.
    #[error("target URL {url:?} does not parse: {reason}")]
    Syntax {
        /// The text as given.
        url: String,
        /// What the parser says.
        reason: String,
    },
    /// The scheme is neither `http` nor `https`.
    #[error("target URL {url:?} has scheme {scheme:?}; http and https are supported")]
    Scheme {
        /// The text as given.
        url: String,
        /// The scheme found.
        scheme: String,
    },
    /// There is no host to connect to.
    #[error("target URL {url:?} names no host")]
    NoHost {
        /// The text as given.
        url: String,
    },
    /// User name or password in the URL would end in logs and listings.
    #[error("target URL must not carry credentials; use the API's upstream authentication")]
    Credentials,
}

/// An upstream target.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    scheme: Scheme,
    dial_host: Box<str>,
    port: u16,
    origin: Box<str>,
    host_header: Box<str>,
    path: Box<str>,
    query: Option<Box<str>>,
}

impl Target {
    /// Takes a target URL apart.
    ///
    /// # Errors
    /// The text is no absolute `http` or `https` URL with a host, or it carries credentials.
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        let url = Url::parse(text).map_err(|error| InvalidTarget::Syntax {
            url: text.to_owned(),
            reason: error.to_string(),
        })?;
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => {
                return Err(InvalidTarget::Scheme {
                    url: text.to_owned(),
                    scheme: other.to_owned(),
                });
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidTarget::Credentials);
        }
        let no_host = || InvalidTarget::NoHost {
            url: text.to_owned(),
        };
        let host = url.host().ok_or_else(no_host)?;
        let dial_host = match host {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let host_text = host.to_string();
        let port = url.port().unwrap_or_else(|| scheme.default_port());
        let host_header = match url.port() {
            Some(port) => format!("{host_text}:{port}"),
            None => host_text.clone(),
        };
        let scheme_text = url.scheme();
        Ok(Self {
            scheme,
            dial_host: dial_host.into(),
            port,
            origin: format!("{scheme_text}://{host_text}:{port}").into(),
            host_header: host_header.into(),
            path: url.path().into(),
            query: url.query().filter(|query| !query.is_empty()).map(Box::from),
        })
    }

    /// How the upstream is spoken to.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host to connect to: a name to resolve or an address without brackets.
    #[must_use]
    pub fn dial_host(&self) -> &str {
        &self.dial_host
    }

    /// The address to connect to, when the host is one.
    #[must_use]
    pub fn dial_address(&self) -> Option<IpAddr> {
        self.dial_host.parse().ok()
    }

    /// The port to connect to.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Scheme, host and port: what connections are pooled by.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The value of `Host` for this target: the port only when it is not the scheme's own.
    #[must_use]
    pub fn host_header(&self) -> &str {
        &self.host_header
    }

    /// The path that requests are put under, `/` when the URL has none; percent-encoded.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query that goes before the client's own.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The query may hold an upstream's API key.
        write!(f, "{}{}", self.origin, self.path)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn a_target_is_taken_apart() {
        let target = Target::parse("http://Example.com:8080/base/?k=v").unwrap();
        assert_eq!(target.scheme(), Scheme::Http);
        assert_eq!(target.dial_host(), "example.com");
        assert_eq!(target.port(), 8080);
        assert_eq!(target.host_header(), "example.com:8080");
        assert_eq!(target.origin(), "http://example.com:8080");
        assert_eq!(target.path(), "/base/");
        assert_eq!(target.query(), Some("k=v"));
    }

    #[test]
    fn the_default_port_stays_out_of_the_host_header() {
        let target = Target::parse("https://example.com").unwrap();
        assert_eq!((target.port(), target.host_header()), (443, "example.com"));
        assert_eq!(target.path(), "/");
        assert_eq!(target.query(), None);
    }

    #[test]
    fn an_ipv6_target_is_dialled_without_brackets_and_named_with_them() {
        let target = Target::parse("http://[::1]:81/").unwrap();
        assert_eq!(target.dial_host(), "::1");
        assert!(target.dial_address().is_some());
        assert_eq!(target.host_header(), "[::1]:81");
    }

    #[test]
    fn bad_targets_are_refused_by_name() {
        for (text, part) in [
            ("", "does not parse"),
            ("example.com/x", "does not parse"),
            ("ftp://example.com/", "scheme"),
            ("http://user:pw@example.com/", "credentials"),
            ("http://", "does not parse"),
        ] {
            let error = Target::parse(text).unwrap_err();
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn the_query_stays_out_of_debug_output() {
        let target = Target::parse("http://u/p?apikey=s3cret").unwrap();
        assert!(!format!("{target:?}").contains("s3cret"));
    }
}
