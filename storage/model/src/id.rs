//! Identifiers, each its own type so that one cannot stand for another.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest identifier accepted from outside, in bytes.
pub const ID_BYTES_MAX: usize = 256;

/// What is said of an identifier that cannot stand in paths.
pub(crate) const NOT_FOR_PATHS: &str =
    "stands in paths: no spaces and none of /\\?#%\"<>, and neither . nor ..";

/// Whether an identifier can stand in a path of the control API as one segment that nobody reads as another one.
pub(crate) fn fits_paths(text: &str) -> bool {
    let is_awkward = |character: char| " /\\?#%\"<>".contains(character);
    !text.contains(is_awkward) && !matches!(text, "." | "..")
}

/// Why a text cannot be an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// The text is empty.
    #[error("an identifier must not be empty")]
    Empty,
    /// The text is longer than [`ID_BYTES_MAX`] bytes.
    #[error("an identifier is at most {ID_BYTES_MAX} bytes long")]
    TooLong,
    /// The text holds a control character, which no header, path or log line can carry safely.
    #[error("an identifier must not hold control characters")]
    ControlCharacter,
}

fn checked(text: &str) -> Result<Arc<str>, InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty);
    }
    if text.len() > ID_BYTES_MAX {
        return Err(InvalidId::TooLong);
    }
    if text.chars().any(char::is_control) {
        return Err(InvalidId::ControlCharacter);
    }
    Ok(Arc::from(text))
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks a text and makes it this kind of identifier.
            ///
            /// # Errors
            /// The text is empty, longer than [`ID_BYTES_MAX`] or holds control characters.
            pub fn new(text: &str) -> Result<Self, InvalidId> {
                checked(text).map(Self)
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// An API's `api_id`.
    ApiId
}
text_id! {
    /// An OAuth client's `client_id` (RFC 6749 section 2.2).
    ClientId
}
text_id! {
    /// A policy's public `id`.
    PolicyId
}
text_id! {
    /// An organisation's `org_id`.
    OrgId
}

impl Default for OrgId {
    /// The organisation of whatever names none.
    fn default() -> Self {
        Self(Arc::from("default"))
    }
}

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The identifier made of these 16 bytes, random ones when it is new.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes of the identifier.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

random_id! {
    /// Names one access token's grant; 128 random bits, not a secret without the key ring.
    GrantId
}
random_id! {
    /// Names one refresh-token family: all tokens that descend from one authorization.
    FamilyId
}
random_id! {
    /// Names one authorization code.
    CodeId
}

random_id! {
    /// A key or a basic-auth user: random for a generated key, a keyed digest of organisation and name for the others.
    ApiKeyId
}

random_id! {
    /// Names one notification; the stable `webhook-id` that receivers see.
    NotificationId
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

number_id! {
    /// A node of the cluster, never used again once removed.
    NodeId(u64)
}
number_id! {
    /// One start of one node; grows with every start of that node.
    BootId(u64)
}
number_id! {
    /// A position in the Raft log; means something only inside its [`Incarnation`].
    LogIndex(u64)
}
number_id! {
    /// How many commands the state has applied; orders revocations against issues inside one log entry.
    Revision(u64)
}
number_id! {
    /// One life of the cluster's log: founding, restoring and forced recovery make a new one.
    Incarnation(u32)
}
number_id! {
    /// A master key of the key ring.
    KeyId(u16)
}
