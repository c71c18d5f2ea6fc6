//! The authorization request as the browser carries it to the login page: read strictly, bound to a registered redirect.

/// The parameters that take part in an approval; others are passed over.
const KNOWN: [&str; 7] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "state",
    "scope",
    "code_challenge",
    "code_challenge_method",
];
/// The longest value, in bytes.
const VALUE_BYTES_MAX: usize = 2048;

/// Why a login cannot begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LoginFault {
    /// A parameter came twice.
    #[error("The parameter {0} was sent more than once.")]
    Repeated(&'static str),
    /// A parameter is longer than any that a client needs.
    #[error("The parameter {0} is too long.")]
    TooLong(&'static str),
    /// No client is named.
    #[error("The parameter client_id is missing.")]
    ClientMissing,
    /// The redirect URI is none of the client's.
    #[error("The address to go back to is not one that the application registered.")]
    Redirect,
}

/// An authorization request; its redirect URI is registered once it is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LoginRequest {
    parameters: Vec<(&'static str, String)>,
    target: String,
}

impl LoginRequest {
    /// Reads a query; empty parameters count as not sent (RFC 6749 section 3.1).
    pub(super) fn read(query: &str) -> Result<Self, LoginFault> {
        let mut parameters: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let Some(known) = KNOWN.into_iter().find(|known| *known == name) else {
                continue;
            };
            if parameters.iter().any(|(other, _)| *other == known) {
                return Err(LoginFault::Repeated(known));
            }
            if value.len() > VALUE_BYTES_MAX {
                return Err(LoginFault::TooLong(known));
            }
            parameters.push((known, value.into_owned()));
        }
        parameters.retain(|(_, value)| !value.is_empty());
        let request = Self {
            parameters,
            target: String::new(),
        };
        match request.get("client_id") {
            Some(_) => Ok(request),
            None => Err(LoginFault::ClientMissing),
        }
    }

    /// The same request, to end at one of these redirect URIs: the one it names, else the first.
    pub(super) fn bound_to(mut self, registered: &[String]) -> Result<Self, LoginFault> {
        let target = match self.get("redirect_uri") {
            None => registered.first(),
            Some(sent) => registered.iter().find(|uri| *uri == sent),
        };
        self.target = target.cloned().ok_or(LoginFault::Redirect)?;
        Ok(self)
    }

    /// The client that asks.
    pub(super) fn client_id(&self) -> &str {
        self.get("client_id").unwrap_or_default()
    }

    /// Where the browser goes in the end.
    pub(super) fn redirect_uri(&self) -> &str {
        &self.target
    }

    /// What the client wants back unchanged.
    pub(super) fn state(&self) -> Option<&str> {
        self.get("state")
    }

    /// What the client asks for.
    pub(super) fn scope(&self) -> Option<&str> {
        self.get("scope")
    }

    /// What was sent, for the gateway to judge.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(other, _)| *other == name);
        found.map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test fails by panicking where it went wrong"
    )]

    use super::*;

    #[test]
    fn known_parameters_are_kept_and_others_are_not() {
        let request = LoginRequest::read("client_id=c&state=a%20b&scope=&evil=1").unwrap();
        let parameters: Vec<_> = request.parameters().collect();
        assert_eq!(parameters, [("client_id", "c"), ("state", "a b")]);
        assert_eq!(request.scope(), None);
    }

    #[test]
    fn what_is_repeated_too_long_or_missing_is_refused() {
        for (query, fault) in [
            (
                "client_id=c&state=1&state=2".to_owned(),
                LoginFault::Repeated("state"),
            ),
            (
                format!("client_id=c&state={}", "x".repeat(VALUE_BYTES_MAX + 1)),
                LoginFault::TooLong("state"),
            ),
            ("client_id=&state=1".to_owned(), LoginFault::ClientMissing),
            (String::new(), LoginFault::ClientMissing),
        ] {
            assert_eq!(LoginRequest::read(&query), Err(fault), "{query:.60}");
        }
    }

    #[test]
    fn the_end_is_a_registered_redirect_or_nothing() {
        let registered = ["http://a/cb".to_owned(), "http://b/cb".to_owned()];
        let bound = |query: &str| LoginRequest::read(query).unwrap().bound_to(&registered);
        let end = |query: &str| bound(query).unwrap().redirect_uri().to_owned();
        assert_eq!(end("client_id=c"), "http://a/cb");
        assert_eq!(end("client_id=c&redirect_uri=http://b/cb"), "http://b/cb");
        for wrong in [
            "http://a/cb2",
            "http://A/cb",
            "http://evil/",
            "javascript:alert(1)",
        ] {
            let query = format!("client_id=c&redirect_uri={wrong}");
            assert_eq!(bound(&query), Err(LoginFault::Redirect), "{wrong}");
        }
        let none = LoginRequest::read("client_id=c").unwrap().bound_to(&[]);
        assert_eq!(none, Err(LoginFault::Redirect));
    }
}
