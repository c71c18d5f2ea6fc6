//! The texts under which custom keys and basic-auth users are named and presented.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::id::OrgId;
use crate::token::TokenKind;

/// The shortest custom id, in bytes (Tyk's `min_token_length`).
pub const CUSTOM_ID_BYTES_MIN: usize = 3;

/// The longest custom id, in bytes.
pub const CUSTOM_ID_BYTES_MAX: usize = 256;

/// The longest text that is read as a key: Tyk's form of the longest id in the longest organisation.
const PRESENTED_BYTES_MAX: usize = 1024;

/// Why a text cannot be the id of a custom key or the name of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCustomId {
    /// Behind its organisation there are fewer than [`CUSTOM_ID_BYTES_MIN`] bytes.
    #[error("Failed to create key, the key must have at least {CUSTOM_ID_BYTES_MIN} characters.")]
    TooShort,
    /// More than [`CUSTOM_ID_BYTES_MAX`] bytes.
    #[error("Failed to create key, the key must have at most {CUSTOM_ID_BYTES_MAX} bytes.")]
    TooLong,
    /// It holds something that no header, parameter or cookie carries as it is.
    #[error(
        "Failed to create key, the key must not hold spaces, control characters, commas or semicolons."
    )]
    Character,
    /// It looks like one of the gateway's own tokens.
    #[error("Failed to create key, keys that begin like this are the gateway's own.")]
    Reserved,
}

/// The id of a custom key without the organisation that may stand before it (Tyk).
///
/// # Errors
/// See [`InvalidCustomId`].
pub fn custom_id<'t>(org: &OrgId, given: &'t str) -> Result<&'t str, InvalidCustomId> {
    let id = given.strip_prefix(org.as_str()).unwrap_or(given);
    if id.len() < CUSTOM_ID_BYTES_MIN {
        return Err(InvalidCustomId::TooShort);
    }
    if id.len() > CUSTOM_ID_BYTES_MAX {
        return Err(InvalidCustomId::TooLong);
    }
    if id
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() || matches!(c, ',' | ';'))
    {
        return Err(InvalidCustomId::Character);
    }
    if TokenKind::ALL
        .iter()
        .any(|kind| id.starts_with(kind.prefix()))
    {
        return Err(InvalidCustomId::Reserved);
    }
    Ok(id)
}

/// Which custom keys a presented text may mean, for an API of an organisation: the likeliest first.
///
/// It is the id, the organisation and the id, or Tyk's base64 form, which names its organisation itself.
#[must_use]
pub fn readings(org: &OrgId, text: &str) -> Vec<(OrgId, String)> {
    if text.len() < CUSTOM_ID_BYTES_MIN || text.len() > PRESENTED_BYTES_MAX {
        return Vec::new();
    }
    let mut readings = Vec::new();
    let mut add = |org: &OrgId, id: &str| {
        if (CUSTOM_ID_BYTES_MIN..=CUSTOM_ID_BYTES_MAX).contains(&id.len()) {
            readings.push((org.clone(), id.to_owned()));
        }
    };
    if let Some((named, id)) = tyk_form(text) {
        add(&named, &id);
    }
    add(org, text);
    if let Some(id) = text.strip_prefix(org.as_str()) {
        add(org, id);
    }
    let nobodys = OrgId::default();
    if *org != nobodys {
        add(&nobodys, text);
    }
    readings
}

/// Tyk's form of a key: base64 of `{"org", "id", "h"}`.
fn tyk_form(text: &str) -> Option<(OrgId, String)> {
    #[derive(Deserialize)]
    struct Form {
        org: String,
        id: String,
    }
    // The base64 of `{"`.
    if !text.starts_with("ey") {
        return None;
    }
    let padded = text
        .trim_end_matches('=')
        .len()
        .div_ceil(4)
        .saturating_mul(4);
    let text = format!("{:=<padded$}", text.trim_end_matches('='));
    let form: Form = serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()?;
    let org = if form.org.is_empty() {
        OrgId::default()
    } else {
        OrgId::new(&form.org).ok()?
    };
    Some((org, form.id))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;

    fn org(text: &str) -> OrgId {
        OrgId::new(text).unwrap()
    }

    fn read(at: &str, text: &str) -> Vec<String> {
        let readings = readings(&org(at), text).into_iter();
        readings.map(|(org, id)| format!("{org}/{id}")).collect()
    }

    #[test]
    fn a_custom_id_is_told_from_its_organisation() {
        let o1 = org("o1");
        assert_eq!(custom_id(&o1, "o1mykey"), Ok("mykey"));
        assert_eq!(custom_id(&o1, "mykey"), Ok("mykey"));
        for (given, why) in [
            ("", InvalidCustomId::TooShort),
            ("ab", InvalidCustomId::TooShort),
            ("o1ab", InvalidCustomId::TooShort),
            ("a b c", InvalidCustomId::Character),
            ("abc\n", InvalidCustomId::Character),
            ("a;bc", InvalidCustomId::Character),
            ("rgk_abcdef", InvalidCustomId::Reserved),
            ("o1rga_abcdef", InvalidCustomId::Reserved),
        ] {
            assert_eq!(custom_id(&o1, given), Err(why), "{given:?}");
        }
        let long = "a".repeat(257);
        assert_eq!(custom_id(&o1, &long), Err(InvalidCustomId::TooLong));
    }

    #[test]
    fn a_presented_text_is_an_id_with_or_without_organisation_or_tyks_form() {
        assert_eq!(read("o1", "mykey"), ["o1/mykey", "default/mykey"]);
        assert_eq!(
            read("o1", "o1mykey"),
            ["o1/o1mykey", "o1/mykey", "default/o1mykey"]
        );
        assert_eq!(read("default", "mykey"), ["default/mykey"]);
        for form in [
            STANDARD.encode(r#"{"org":"o2","id":"mykey","h":"murmur64"}"#),
            STANDARD
                .encode(r#"{"org":"o2","id":"mykey","h":"murmur64"}"#)
                .replace('=', ""),
        ] {
            assert_eq!(read("o1", &form).first().unwrap(), "o2/mykey");
        }
        let nobodys = STANDARD.encode(r#"{"org":"","id":"mykey","h":""}"#);
        assert_eq!(read("o1", &nobodys).first().unwrap(), "default/mykey");
    }

    #[test]
    fn what_cannot_be_a_key_means_none() {
        for text in ["", "ab", &"a".repeat(1025)] {
            assert_eq!(read("o1", text), [""; 0]);
        }
        for text in [
            "ey",
            "ey==",
            "eyJ",
            &STANDARD.encode("{\"org\":1}"),
            "ey\u{e4}",
        ] {
            assert!(read("o1", text).len() <= 3, "{text}");
        }
    }
}
