//! Grant and response types, and small sets of them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a token request presents (RFC 6749 section 1.3); Tyk's `allowed_access_types`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GrantType {
    /// An authorization code.
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    /// The client's own credentials.
    #[serde(rename = "client_credentials")]
    ClientCredentials,
    /// A user's name and password.
    #[serde(rename = "password")]
    Password,
    /// A refresh token.
    #[serde(rename = "refresh_token")]
    RefreshToken,
}

impl GrantType {
    /// Every grant type, in the order of their names.
    pub const ALL: [Self; 4] = [
        Self::AuthorizationCode,
        Self::ClientCredentials,
        Self::Password,
        Self::RefreshToken,
    ];

    /// The value of `grant_type` on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
            Self::Password => "password",
            Self::RefreshToken => "refresh_token",
        }
    }

    /// The grant type of this name, compared exactly.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for GrantType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an authorization request asks for (RFC 6749 section 3.1.1); Tyk's `allowed_authorize_types`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ResponseType {
    /// An authorization code.
    #[serde(rename = "code")]
    Code,
    /// An access token at once (implicit grant).
    #[serde(rename = "token")]
    Token,
}

impl ResponseType {
    /// Every response type.
    pub const ALL: [Self; 2] = [Self::Code, Self::Token];

    /// The value of `response_type` on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Token => "token",
        }
    }

    /// The response type of this name, compared exactly.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for ResponseType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! small_set {
    ($(#[$doc:meta])* $name:ident of $member:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
        pub struct $name(u8);

        impl $name {
            /// The set without members.
            pub const EMPTY: Self = Self(0);

            /// This set and one member more.
            #[must_use]
            pub const fn with(self, member: $member) -> Self {
                Self(self.0 | member.bit())
            }

            /// Whether the set has this member.
            #[must_use]
            pub const fn contains(self, member: $member) -> bool {
                self.0 & member.bit() != 0
            }

            /// Whether the set has no members.
            #[must_use]
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// The members, in the order of their names.
            pub fn iter(self) -> impl Iterator<Item = $member> {
                $member::ALL.into_iter().filter(move |member| self.contains(*member))
            }
        }

        impl FromIterator<$member> for $name {
            fn from_iter<I: IntoIterator<Item = $member>>(members: I) -> Self {
                members.into_iter().fold(Self::EMPTY, Self::with)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_set().entries(self.iter()).finish()
            }
        }
    };
}

small_set! {
    /// The grant types that an API allows.
    GrantTypes of GrantType
}
small_set! {
    /// The response types that an API allows.
    ResponseTypes of ResponseType
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use super::*;

    #[test]
    fn names_are_those_of_the_wire_in_text_and_serde() {
        for kind in GrantType::ALL {
            assert_eq!(GrantType::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        for kind in ResponseType::ALL {
            assert_eq!(ResponseType::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        for wrong in [
            "",
            "Code",
            "code ",
            "assertion",
            "authorization-code",
            "PASSWORD",
        ] {
            assert_eq!(GrantType::parse(wrong), None, "{wrong}");
            assert_eq!(ResponseType::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_set_has_what_was_put_in_and_nothing_else() {
        let set: GrantTypes = [GrantType::Password, GrantType::AuthorizationCode]
            .into_iter()
            .collect();
        assert!(set.contains(GrantType::Password));
        assert!(!set.contains(GrantType::RefreshToken));
        assert_eq!(
            set.iter().collect::<Vec<_>>(),
            [GrantType::AuthorizationCode, GrantType::Password]
        );
        assert!(GrantTypes::EMPTY.is_empty() && !set.is_empty());
        assert!(
            !ResponseTypes::EMPTY
                .with(ResponseType::Code)
                .contains(ResponseType::Token)
        );
    }
}
