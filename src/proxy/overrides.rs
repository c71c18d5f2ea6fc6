//! Other statuses or words for Tyk's messages, as the operator chose them by message id (Tyk's `override_messages`).

use std::collections::BTreeMap;

use raftgate_actors::snapshot::Access;
use raftgate_model::oauth::error::ErrorStyle;

use super::refusal::Refusal;
use crate::config::typed::OverrideMessage;

/// What replaces messages of Tyk's style, by message id.
#[derive(Clone, Debug, Default)]
pub struct MessageOverrides(BTreeMap<String, OverrideMessage>);

impl MessageOverrides {
    /// The overrides of these ids.
    #[must_use]
    pub const fn new(by_id: BTreeMap<String, OverrideMessage>) -> Self {
        Self(by_id)
    }

    /// What replaces a refusal of an API, if anything does.
    pub(super) fn find(
        &self,
        refusal: Refusal,
        access: &Access,
        style: ErrorStyle,
    ) -> Option<&OverrideMessage> {
        if self.0.is_empty() || style == ErrorStyle::Rfc {
            return None;
        }
        self.0.get(message_id(refusal, access)?)
    }
}

/// Tyk's name for the message of a refusal.
const fn message_id(refusal: Refusal, access: &Access) -> Option<&'static str> {
    match (access, refusal) {
        (Access::OAuth(_), Refusal::CredentialMissing) => Some("oauth.auth_field_missing"),
        (Access::OAuth(_), Refusal::CredentialMalformed) => Some("oauth.auth_field_malformed"),
        (Access::OAuth(_), Refusal::TokenUnknown) => Some("oauth.key_not_found"),
        (Access::OAuth(_), Refusal::TokenClientGone | Refusal::TokenClientOfOtherApi) => {
            Some("oauth.client_deleted")
        }
        (Access::Token(_), Refusal::CredentialMissing) => Some("auth.auth_field_missing"),
        (Access::Token(_), Refusal::TokenUnknown) => Some("auth.key_not_found"),
        _ => None,
    }
}
