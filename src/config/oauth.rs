//! The sections `[oauth]`, `[notifications]` and `[compat]`: what the authorization server does where an API is silent.

use std::collections::BTreeMap;

use raftgate_model::oauth::error::ErrorStyle;
use raftgate_model::oauth::redirect::RedirectMatch;
use raftgate_model::path_pattern::PathMatching;
use raftgate_model::time::Ttl;

use super::reader::Reader;
use super::table;
use super::typed::OverrideMessage;

/// Defaults of the authorization server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthSettings {
    /// Life of an access token.
    pub access_token_ttl: Ttl,
    /// Life of a refresh token.
    pub refresh_token_ttl: Ttl,
    /// Life of an authorization code.
    pub auth_code_ttl: Ttl,
    /// For how long a lost answer may be asked for again; zero is never.
    pub retry_window: Ttl,
    /// What stands between redirect URIs; empty when there is just one.
    pub redirect_uri_separator: String,
    /// How redirect URIs are compared.
    pub redirect_match: RedirectMatch,
    /// The shape of errors where an API does not choose.
    pub error_style: ErrorStyle,
    /// The status of errors in the tyk style, 400 to 599; also for an API that chooses that style alone.
    pub error_status_code: u16,
    /// Whether key rules without access rights open every API.
    pub allow_master_keys: bool,
    /// Whether the plain challenge method is accepted.
    pub allow_plain_pkce: bool,
    /// Whether client secrets are kept as hashes.
    pub hash_client_secrets: bool,
}

/// Delivery of notifications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationSettings {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// The wait before attempt 2, 3 and so on; never empty, the last repeats.
    pub backoff: Vec<Ttl>,
    /// The longest attempt.
    pub timeout: Ttl,
    /// The most waiting notifications of one API.
    pub max_queued: usize,
}

/// Where raftgate can behave like Tyk against its own defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompatSettings {
    /// Where in a path its patterns must match.
    pub path_matching: PathMatching,
    /// Whether listings show hashes of tokens.
    pub hash_keys: bool,
    /// By what basic-auth users are found.
    pub users_by: UsersBy,
    /// Whether errors of Tyk's style name it.
    pub generator: GeneratorField,
    /// Other codes or words by Tyk's message id.
    pub override_messages: BTreeMap<String, OverrideMessage>,
}

/// By what the control API finds basic-auth users, to show, change or delete them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsersBy {
    /// Their names or, where listings show them, their hashes.
    NameOrHash,
    /// Their hashes alone (Tyk's `disable_key_actions_by_username`).
    Hash,
}

/// Whether errors of Tyk's style come with `X-Generator` (Tyk's `hide_generator_header`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneratorField {
    /// As Tyk sends it by default.
    Sent,
    /// Without.
    Hidden,
}

impl OauthSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let error_status_code =
            u16::try_from(reader.number(table::OAUTH_ERROR_STATUS_CODE)).unwrap_or_default();
        Self {
            access_token_ttl: reader.seconds(table::OAUTH_ACCESS_TOKEN_TTL_S),
            refresh_token_ttl: reader.seconds(table::OAUTH_REFRESH_TOKEN_TTL_S),
            auth_code_ttl: reader.seconds(table::OAUTH_AUTH_CODE_TTL_S),
            retry_window: reader.seconds(table::OAUTH_RETRY_WINDOW_S),
            redirect_uri_separator: reader.text(table::OAUTH_REDIRECT_URI_SEPARATOR),
            redirect_match: match reader.choice(table::OAUTH_REDIRECT_MATCH) {
                "prefix" => RedirectMatch::Prefix,
                _ => RedirectMatch::Exact,
            },
            error_style: match reader.choice(table::OAUTH_ERROR_STYLE) {
                "tyk" => ErrorStyle::Tyk {
                    status: error_status_code,
                },
                _ => ErrorStyle::Rfc,
            },
            error_status_code,
            allow_master_keys: reader.boolean(table::OAUTH_ALLOW_MASTER_KEYS),
            allow_plain_pkce: reader.boolean(table::OAUTH_ALLOW_PLAIN_PKCE),
            hash_client_secrets: reader.boolean(table::OAUTH_HASH_CLIENT_SECRETS),
        }
    }
}

impl NotificationSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            attempts: u32::try_from(reader.number(table::NOTIFICATIONS_ATTEMPTS))
                .unwrap_or_default(),
            backoff: reader.list_of_ms(table::NOTIFICATIONS_BACKOFF_MS),
            timeout: reader.ms(table::NOTIFICATIONS_TIMEOUT_MS),
            max_queued: reader.count(table::NOTIFICATIONS_MAX_QUEUED),
        }
    }
}

impl CompatSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let hash_keys = reader.boolean(table::COMPAT_HASH_KEYS);
        let by_hash_alone = reader.boolean(table::COMPAT_DISABLE_KEY_ACTIONS_BY_USERNAME);
        if by_hash_alone && !hash_keys {
            let reason = format!(
                "needs {}, else nothing would find a user",
                table::COMPAT_HASH_KEYS.path()
            );
            reader.conflict(table::COMPAT_DISABLE_KEY_ACTIONS_BY_USERNAME, reason);
        }
        Self {
            path_matching: if reader.boolean(table::COMPAT_UNANCHORED_PATHS) {
                PathMatching::Unanchored
            } else {
                PathMatching::Anchored
            },
            hash_keys,
            users_by: if by_hash_alone {
                UsersBy::Hash
            } else {
                UsersBy::NameOrHash
            },
            generator: if reader.boolean(table::COMPAT_HIDE_GENERATOR_HEADER) {
                GeneratorField::Hidden
            } else {
                GeneratorField::Sent
            },
            override_messages: reader.messages(table::COMPAT_OVERRIDE_MESSAGES),
        }
    }
}
