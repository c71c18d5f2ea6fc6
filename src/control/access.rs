//! Who may use the control listener: holders of the control secret, and of admin tokens within their roles.

use std::net::IpAddr;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use parking_lot::Mutex;
use raftgate_model::admin_token::{AdminRole, Errand};
use raftgate_model::secret::Secret;
use raftgate_model::time::{Timestamp, Ttl};

use super::admin_tokens::AdminTokens;
use crate::listen_error::Listener;
use crate::oauth::throttle::{Attempt, Throttle, TooManyFailures};

/// Tyk's header for the control secret.
const TYK_AUTHORIZATION: &str = "x-tyk-authorization";

/// What a proxy tells of the client.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// How long nothing is said of another proxy whose clients are refused together.
const WARNING_PAUSE: Ttl = Ttl::from_s(60);

/// Checks the control secret; guessing it is throttled per listener and address.
///
/// Everybody may guess at the gateway listener: that closes nothing at the control listener. A right secret is refused with
/// the others from its address, because a guesser whose right guess is heard is not slowed.
pub struct ControlAccess {
    secret: Secret,
    tokens: Option<AdminTokens>,
    throttle: Throttle,
    warned_at: Mutex<Option<Timestamp>>,
}

/// Who comes, where and when.
#[derive(Clone, Copy, Debug)]
pub struct Visit {
    /// The listener.
    pub listener: Listener,
    /// The other end of the connection.
    pub peer: IpAddr,
    /// The client's address, as far as trusted proxies name it.
    pub client: IpAddr,
    /// The time of day.
    pub now: Timestamp,
}

impl Visit {
    /// What is counted; names of kinds are not shared with other secrets.
    const fn attempt(&self) -> Attempt<'static> {
        Attempt {
            kind: match self.listener {
                Listener::Gateway => "control at the gateway",
                Listener::Control | Listener::Cluster => "control",
            },
            identity: "",
            address: self.client,
        }
    }

    /// Whether this comes by way of a proxy whose word about the client is not taken.
    fn is_unbelieved_proxy(&self, headers: &HeaderMap) -> bool {
        headers.contains_key(FORWARDED_FOR)
            && self.client.to_canonical() == self.peer.to_canonical()
    }
}

/// What a request holds under the name of a field.
enum Presented<'h> {
    /// Nothing that could be a secret.
    Nothing,
    /// One text.
    Once(&'h str),
    /// The field stands several times, so that none of its values counts.
    Repeatedly,
}

impl<'h> Presented<'h> {
    fn of(value: Option<&'h HeaderValue>, is_repeated: bool) -> Self {
        let text = value.and_then(|value| value.to_str().ok());
        match text {
            _ if is_repeated => Self::Repeatedly,
            Some(text) => Self::Once(text),
            None => Self::Nothing,
        }
    }
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
            warned_at: Mutex::default(),
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
    /// A field that stands several times holds none, else one request could guess as often as it has room for fields.
    ///
    /// # Errors
    /// See [`ControlDenied`]; a request without any secret is not counted as a guess, one with two wrong ones as two.
    pub fn check(
        &self,
        headers: &HeaderMap,
        errand: Errand,
        visit: Visit,
    ) -> Result<(), ControlDenied> {
        let (attempt, now) = (visit.attempt(), visit.now);
        self.throttle
            .check(attempt, now)
            .map_err(ControlDenied::TooMany)?;
        let presented = [TYK_AUTHORIZATION, AUTHORIZATION.as_str()].map(|name| {
            let mut values = headers.get_all(name).iter();
            Presented::of(values.next(), values.next().is_some())
        });
        let role = presented.iter().find_map(|presented| match presented {
            Presented::Once(text) => self.role_of(text),
            Presented::Nothing | Presented::Repeatedly => None,
        });
        match role {
            Some(role) if role.may(errand) => Ok(()),
            Some(role) => Err(ControlDenied::Role(role)),
            None => {
                let is_guess =
                    |presented: &&Presented<'_>| !matches!(presented, Presented::Nothing);
                let guesses = presented.iter().filter(is_guess).count();
                if guesses == 0 {
                    return Err(ControlDenied::Wrong);
                }
                for _ in 0..guesses {
                    self.throttle.failed(attempt, now);
                }
                let is_closed = self.throttle.check(attempt, now).is_err();
                if is_closed && visit.is_unbelieved_proxy(headers) {
                    self.warn_of_proxy(visit);
                }
                Err(ControlDenied::Wrong)
            }
        }
    }

    /// Tells the operator why callers who guess nothing are refused; once a while, for anybody can bring it about.
    fn warn_of_proxy(&self, visit: Visit) {
        let mut warned_at = self.warned_at.lock();
        if warned_at.is_some_and(|at| visit.now.since(at) < WARNING_PAUSE) {
            return;
        }
        *warned_at = Some(visit.now);
        drop(warned_at);
        let listener = visit.listener;
        match listener {
            Listener::Gateway => tracing::warn!(
                address = %visit.peer,
                %listener,
                "too many wrong control secrets: everybody behind this address is refused for a while; it sends \
                 X-Forwarded-For and is not in gateway.trusted_proxies"
            ),
            Listener::Control | Listener::Cluster => tracing::warn!(
                address = %visit.peer,
                %listener,
                "too many wrong control secrets: everybody behind this address is refused for a while; it sends \
                 X-Forwarded-For, which is not believed at this listener"
            ),
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

    use http::HeaderName;

    use super::*;

    const AT_CONTROL: Visit = Visit {
        listener: Listener::Control,
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        now: Timestamp::from_unix_s(100),
    };

    fn check(
        access: &ControlAccess,
        name: &'static str,
        value: &'static str,
    ) -> Result<(), ControlDenied> {
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )]);
        access.check(&headers, Errand::Change, AT_CONTROL)
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
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("s3cret"))]);
        let at_gateway = Visit {
            listener: Listener::Gateway,
            ..AT_CONTROL
        };
        assert_eq!(access.check(&headers, Errand::Approve, at_gateway), Ok(()));
    }

    #[test]
    fn a_request_guesses_once_per_name_of_a_field_and_each_guess_counts() {
        let access = ControlAccess::new(Secret::new("s3cret".into()));
        let both = |own: &[&'static str], standard: &[&'static str]| {
            let own = own.iter().map(|text| (TYK_AUTHORIZATION, text));
            let standard = standard.iter().map(|text| ("authorization", text));
            let mut headers = HeaderMap::new();
            for (name, text) in own.chain(standard) {
                headers.append(name, HeaderValue::from_static(text));
            }
            access.check(&headers, Errand::Change, AT_CONTROL)
        };
        assert_eq!(both(&["guess"], &["s3cret"]), Ok(()));
        // The right one among others of its name is none, not even twice the same.
        for repeated in [["guess", "s3cret"], ["s3cret", "guess"], ["s3cret"; 2]] {
            assert_eq!(both(&repeated, &[]), Err(ControlDenied::Wrong));
            assert_eq!(both(&[], &repeated), Err(ControlDenied::Wrong));
        }
        assert_eq!(both(&["guess"], &["guess"]), Err(ControlDenied::Wrong));
        assert_eq!(both(&["guess"], &["guess"]), Err(ControlDenied::Wrong));
        let refused = both(&["s3cret"], &[]);
        assert!(matches!(refused, Err(ControlDenied::TooMany(_))));
    }

    #[test]
    fn a_proxy_that_is_not_believed_is_told_of_once_a_while() {
        let access = ControlAccess::new(Secret::new("s3cret".into()));
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, HeaderValue::from_static("guess")),
            (
                HeaderName::from_static(FORWARDED_FOR),
                HeaderValue::from_static("192.0.2.1"),
            ),
        ]);
        let warned_at = |from: u8, seconds: u64| {
            let visit = Visit {
                peer: IpAddr::from([10, 0, 0, from]),
                client: IpAddr::from([10, 0, 0, from]),
                now: Timestamp::from_unix_s(seconds),
                ..AT_CONTROL
            };
            for _ in 0..11 {
                assert!(access.check(&headers, Errand::Read, visit).is_err());
            }
            access.warned_at.lock().map(Timestamp::as_unix_s)
        };
        assert_eq!(warned_at(1, 100), Some(100));
        assert_eq!(warned_at(2, 159), Some(100));
        assert_eq!(warned_at(3, 160), Some(160));
        // One that is believed, and says who it is for.
        let believed = Visit {
            peer: IpAddr::from([10, 0, 0, 9]),
            now: Timestamp::from_unix_s(300),
            ..AT_CONTROL
        };
        for _ in 0..11 {
            assert!(access.check(&headers, Errand::Read, believed).is_err());
        }
        assert_eq!(access.warned_at.lock().map(Timestamp::as_unix_s), Some(160));
    }
}
