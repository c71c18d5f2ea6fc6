//! Where an API's requests go: the target URL, taken apart once so that no request parses it.

use std::fmt;

use url::{Host, Url};

/// The longest target URL, in bytes.
const TARGET_URL_BYTES_MAX: usize = 4096;

/// Why a text cannot be a target URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// It is not an absolute URL with a host.
    #[error("must be an absolute URL such as http://upstream:8080/base")]
    Syntax,
    /// It holds a line break, a tab or the like, which URLs are read without: it would not mean what it says.
    #[error("must not hold control characters")]
    ControlCharacter,
    /// Its scheme is another than those allowed.
    #[error("must begin with http://, https://, ws:// or wss://")]
    Scheme,
    /// It holds a user name or password, which would end in logs and listings.
    #[error("must not hold credentials")]
    Credentials,
    /// It holds a fragment, which no request carries.
    #[error("must not hold a fragment")]
    Fragment,
    /// It is too long.
    #[error("has at most {TARGET_URL_BYTES_MAX} bytes")]
    TooLong,
}

/// How an upstream is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP/1.1 over TCP.
    Http,
    /// HTTP/1.1 over TLS.
    Https,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// An `http` or `https` URL (`ws` and `wss` mean the same) with a host, without credentials and fragment.
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
    /// Checks a target URL and takes it apart.
    ///
    /// # Errors
    /// The text is not a URL that requests can be sent to.
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        if text.len() > TARGET_URL_BYTES_MAX {
            return Err(InvalidTarget::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidTarget::ControlCharacter);
        }
        let url = Url::parse(text).map_err(|_| InvalidTarget::Syntax)?;
        let scheme = match url.scheme() {
            // WebSocket begins as HTTP (RFC 6455 section 3), and other requests go there as well.
            "http" | "ws" => Scheme::Http,
            "https" | "wss" => Scheme::Https,
            _ => return Err(InvalidTarget::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidTarget::Credentials);
        }
        if url.fragment().is_some() {
            return Err(InvalidTarget::Fragment);
        }
        let host = url.host().ok_or(InvalidTarget::Syntax)?;
        let dial_host = match host {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        if dial_host.is_empty() {
            return Err(InvalidTarget::Syntax);
        }
        let port = url.port().unwrap_or(scheme.default_port());
        Ok(Self {
            scheme,
            dial_host: dial_host.into(),
            port,
            origin: format!("{}://{host}:{port}", scheme.name()).into(),
            host_header: url.authority().into(),
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
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_target_is_taken_apart() {
        let target = Target::parse("HTTPS://Example.com:8443/base/?k=v").unwrap();
        assert_eq!((target.scheme(), target.port()), (Scheme::Https, 8443));
        assert_eq!(target.dial_host(), "example.com");
        assert_eq!(target.host_header(), "example.com:8443");
        assert_eq!(target.origin(), "https://example.com:8443");
        assert_eq!((target.path(), target.query()), ("/base/", Some("k=v")));
    }

    #[test]
    fn the_default_port_stays_out_of_the_host_header() {
        for (text, port) in [
            ("https://example.com", 443),
            ("https://example.com:443", 443),
            ("http://example.com:80", 80),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!((target.port(), target.host_header()), (port, "example.com"));
            assert!(target.origin().ends_with(&format!("example.com:{port}")));
            assert_eq!((target.path(), target.query()), ("/", None));
        }
        assert_eq!(Target::parse("http://a/?").unwrap().query(), None);
    }

    #[test]
    fn a_websocket_target_is_one_of_http() {
        for (text, scheme, origin) in [
            ("ws://a.example/chat", Scheme::Http, "http://a.example:80"),
            (
                "wss://a.example/chat",
                Scheme::Https,
                "https://a.example:443",
            ),
            ("wss://a.example:80", Scheme::Https, "https://a.example:80"),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!((target.scheme(), target.origin()), (scheme, origin));
        }
    }

    #[test]
    fn an_ipv6_target_is_dialled_without_brackets_and_named_with_them() {
        let target = Target::parse("http://[::1]:81/").unwrap();
        assert_eq!(target.dial_host(), "::1");
        assert_eq!(target.host_header(), "[::1]:81");
        assert_eq!(target.origin(), "http://[::1]:81");
    }

    #[test]
    fn targets_that_no_request_can_be_sent_to_are_refused() {
        use InvalidTarget as Invalid;
        for (text, why) in [
            ("", Invalid::Syntax),
            ("upstream:8080/x", Invalid::Scheme),
            ("example.com/x", Invalid::Syntax),
            ("/relative", Invalid::Syntax),
            ("http://", Invalid::Syntax),
            ("http://a:70000", Invalid::Syntax),
            ("ftp://a/", Invalid::Scheme),
            ("h2c://a", Invalid::Scheme),
            ("tyk://other-api", Invalid::Scheme),
            ("env://TARGET", Invalid::Scheme),
            ("http://user:secret@a", Invalid::Credentials),
            ("http://a/#f", Invalid::Fragment),
            ("http://a\r\nX:1/", Invalid::ControlCharacter),
            ("http://a/\tb", Invalid::ControlCharacter),
        ] {
            assert_eq!(Target::parse(text), Err(why), "{text}");
        }
        assert_eq!(
            Target::parse(&format!("http://a/{}", "b".repeat(4096))),
            Err(Invalid::TooLong)
        );
    }

    #[test]
    fn the_query_stays_out_of_debug_output() {
        let target = Target::parse("http://u/p?apikey=s3cret").unwrap();
        assert_eq!(format!("{target:?}"), "http://u:80/p");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), tail in ".{0,30}") {
            let _ = Target::parse(&text);
            let _ = Target::parse(&format!("http://{tail}"));
        }
    }
}
