//! Who may use the control listener: holders of the control secret, and of admin tokens within their roles.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use raftgate_model::admin_token::{AdminRole, Errand};
use raftgate_model::secret::Secret;
use raftgate_model::time::Timestamp;

use super::admin_tokens::AdminTokens;
use crate::oauth::throttle::{Attempt, Throttle, TooManyFailures};

/// Tyk's header for the control secret.
const TYK_AUTHORIZATION: &str = "x-tyk-authorization";

/// Checks the control secret; guessing it is throttled per address.
pub struct ControlAccess {
    secret: Secret,
    tokens: Option<AdminTokens>,
    throttle: Throttle,
}

/// A caller without the control secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlDenied {
    /// The secret is missing or wrong.
    Wrong,
    /// The token's role is another.
    Role(AdminRole),
    /// Too many wrong ones came from this address.
    TooMany(TooManyFailures),
}

impl ControlAccess {
    /// Access by this secret.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self {
            secret,
            tokens: None,
            throttle: Throttle::default(),
        }
    }

    /// The same, and access by named tokens within their roles.
    #[must_use]
    pub fn with_tokens(self, tokens: AdminTokens) -> Self {
        Self {
            tokens: Some(tokens),
            ..self
        }
    }

    /// Looks for the secret or an admin token in `X-Tyk-Authorization` and in `Authorization`, bare or after `Bearer`.
    ///
    /// # Errors
    /// See [`ControlDenied`]; a request without any secret is not counted as a guess.
    pub fn check(
        &self,
        headers: &HeaderMap,
        errand: Errand,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<(), ControlDenied> {
        let attempt = Attempt {
            kind: "control",
            identity: "",
            address,
        };
        self.throttle
            .check(attempt, now)
            .map_err(ControlDenied::TooMany)?;
        let mut presented = [TYK_AUTHORIZATION, AUTHORIZATION.as_str()]
            .into_iter()
            .flat_map(|name| headers.get_all(name))
            .filter_map(|value| value.to_str().ok())
            .peekable();
        if presented.peek().is_none() {
            return Err(ControlDenied::Wrong);
        }
        match presented.find_map(|text| self.role_of(text)) {
            Some(role) if role.may(errand) => Ok(()),
            Some(role) => Err(ControlDenied::Role(role)),
            None => {
                self.throttle.failed(attempt, now);
                Err(ControlDenied::Wrong)
            }
        }
    }

    /// What the holder of a text may do; the control secret is an operator's.
    fn role_of(&self, text: &str) -> Option<AdminRole> {
        let bare = match text.split_once(' ') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim(),
            _ => text,
        };
        if self.secret.ct_eq(bare) {
            return Some(AdminRole::Operator);
        }
        self.tokens.as_ref()?.role_of(bare)
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that meets the unexpected must fail"
    )]

    use std::net::Ipv4Addr;

    use http::{HeaderName, HeaderValue};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_s(100);

    fn check(
        access: &ControlAccess,
        name: &'static str,
        value: &'static str,
    ) -> Result<(), ControlDenied> {
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )]);
        access.check(&headers, Errand::Change, Ipv4Addr::LOCALHOST.into(), NOW)
    }

    #[test]
    fn the_secret_is_taken_from_either_header() {
        let access = ControlAccess::new(Secret::new("s3cret".into()));
        assert_eq!(check(&access, "x-tyk-authorization", "s3cret"), Ok(()));
        assert_eq!(check(&access, "authorization", "s3cret"), Ok(()));
        assert_eq!(check(&access, "authorization", "Bearer s3cret"), Ok(()));
        assert_eq!(
            check(&access, "authorization", "Basic s3cret"),
            Err(ControlDenied::Wrong)
        );
        assert_eq!(
            check(&access, "x-other", "s3cret"),
            Err(ControlDenied::Wrong)
        );
    }

    #[test]
    fn guessing_is_throttled_and_silence_is_not_guessing() {
        let access = ControlAccess::new(Secret::new("s3cret".into()));
        for _ in 0..20 {
            assert_eq!(check(&access, "x-other", "1"), Err(ControlDenied::Wrong));
        }
        for _ in 0..10 {
            assert_eq!(
                check(&access, "authorization", "guess"),
                Err(ControlDenied::Wrong)
            );
        }
        let refused = check(&access, "authorization", "s3cret");
        assert!(matches!(refused, Err(ControlDenied::TooMany(_))));
    }
}
