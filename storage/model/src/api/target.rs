//! The URL that an API's requests go to.

use std::fmt;
use std::sync::Arc;

use url::Url;

/// The longest target URL, in bytes.
const TARGET_URL_BYTES_MAX: usize = 4096;

/// Why a text cannot be a target URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTargetUrl {
    /// It is not an absolute URL with a host.
    #[error("must be an absolute URL such as http://upstream:8080/base")]
    Syntax,
    /// Its scheme is another than those allowed.
    #[error("must begin with http:// or https://")]
    Scheme,
    /// It holds a user name or password.
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
    /// HTTP over TCP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// An `http` or `https` URL with a host, without credentials and fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct TargetUrl {
    url: Arc<Url>,
    scheme: Scheme,
}

impl TargetUrl {
    /// Checks a target URL.
    ///
    /// # Errors
    /// The text is not a URL that requests can be sent to.
    pub fn parse(text: &str) -> Result<Self, InvalidTargetUrl> {
        if text.len() > TARGET_URL_BYTES_MAX {
            return Err(InvalidTargetUrl::TooLong);
        }
        let url = Url::parse(text).map_err(|_| InvalidTargetUrl::Syntax)?;
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(InvalidTargetUrl::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidTargetUrl::Credentials);
        }
        if url.fragment().is_some() {
            return Err(InvalidTargetUrl::Fragment);
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(InvalidTargetUrl::Syntax);
        }
        Ok(Self {
            url: Arc::new(url),
            scheme,
        })
    }

    /// How the upstream is spoken to.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The whole URL in its normal form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Host and port as they stand in a `Host` header: the scheme's own port is left out.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.url.authority()
    }

    /// The path that requests are put under; at least `/`.
    #[must_use]
    pub fn base_path(&self) -> &str {
        self.url.path()
    }

    /// The query that comes before a request's own.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.url.query().filter(|query| !query.is_empty())
    }
}

impl fmt::Debug for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TargetUrl({:?})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_target_is_taken_apart() {
        let target = TargetUrl::parse("HTTPS://Upstream:8443/base/?a=b").unwrap();
        assert_eq!(target.scheme(), Scheme::Https);
        assert_eq!(target.authority(), "upstream:8443");
        assert_eq!(
            (target.base_path(), target.query()),
            ("/base/", Some("a=b"))
        );
        let bare = TargetUrl::parse("http://[::1]:80").unwrap();
        assert_eq!(
            (bare.authority(), bare.base_path(), bare.query()),
            ("[::1]", "/", None)
        );
    }

    #[test]
    fn targets_that_no_request_can_be_sent_to_are_refused() {
        use InvalidTargetUrl as Invalid;
        for (text, why) in [
            ("", Invalid::Syntax),
            ("upstream:8080/x", Invalid::Scheme),
            ("/relative", Invalid::Syntax),
            ("http://", Invalid::Syntax),
            ("http://a:70000", Invalid::Syntax),
            ("h2c://a", Invalid::Scheme),
            ("tyk://other-api", Invalid::Scheme),
            ("env://TARGET", Invalid::Scheme),
            ("http://user:secret@a", Invalid::Credentials),
            ("http://a/#f", Invalid::Fragment),
        ] {
            assert_eq!(TargetUrl::parse(text), Err(why), "{text}");
        }
        assert_eq!(
            TargetUrl::parse(&format!("http://a/{}", "b".repeat(4096))),
            Err(Invalid::TooLong)
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), tail in ".{0,30}") {
            let _ = TargetUrl::parse(&text);
            let _ = TargetUrl::parse(&format!("http://{tail}"));
        }
    }
}
