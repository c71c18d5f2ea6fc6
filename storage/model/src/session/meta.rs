//! Metadata of a session: the client's, overlaid by the session's own.

use serde_json::{Map, Value};

/// Merges a client's metadata into a session's; where both have a key, the session's value stays (Tyk).
#[must_use]
pub(super) fn merge_meta(
    client: Option<&Map<String, Value>>,
    session: Option<&Map<String, Value>>,
) -> Map<String, Value> {
    let mut merged = client.cloned().unwrap_or_default();
    for (key, value) in session.into_iter().flatten() {
        merged.insert(key.clone(), value.clone());
    }
    merged
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use super::*;

    fn object(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn t8_the_session_wins_where_both_have_a_key() {
        let client = object(r#"{"foo":"bar","client":"meta"}"#);
        let session = object(r#"{"key":"meta","foo":"keybar"}"#);
        let merged = merge_meta(Some(&client), Some(&session));
        assert_eq!(
            merged,
            object(r#"{"foo":"keybar","client":"meta","key":"meta"}"#)
        );
    }

    #[test]
    fn one_side_alone_is_taken_as_it_is() {
        let only = object(r#"{"a":1}"#);
        assert_eq!(merge_meta(Some(&only), None), only);
        assert_eq!(merge_meta(None, Some(&only)), only);
        assert!(merge_meta(None, None).is_empty());
    }
}
