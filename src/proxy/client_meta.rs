//! What the client of a token says of itself in its metadata, found when a header's value first asks for it.

use std::cell::OnceCell;

use raftgate_model::state::record::Grant;
use serde_json::{Map, Value};

use super::token_judge::TokenJudge;

/// The metadata of the client that a request's token was issued to.
///
/// Few APIs ask for it, so the others pay neither for the look-up nor for reading the text.
pub(crate) struct ClientMeta<'a> {
    tokens: Option<&'a TokenJudge>,
    read: OnceCell<Map<String, Value>>,
}

impl<'a> ClientMeta<'a> {
    /// The metadata of clients that this judge knows.
    pub(crate) const fn known_to(tokens: Option<&'a TokenJudge>) -> Self {
        Self {
            tokens,
            read: OnceCell::new(),
        }
    }

    /// What stands there under a name; `grant` is the one of the request.
    pub(crate) fn get(&self, grant: &Grant, name: &str) -> Option<&Value> {
        let read = self.read.get_or_init(|| {
            let text = self.tokens.and_then(|tokens| tokens.client_meta(grant));
            let object = text.and_then(|text| serde_json::from_str(&text).ok());
            object.unwrap_or_default()
        });
        read.get(name)
    }
}
