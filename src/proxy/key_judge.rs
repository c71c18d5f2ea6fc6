//! What a presented key, or a name with its password, is worth on this node.

use std::net::IpAddr;
use std::sync::Arc;

use raftgate_actors::snapshot::CompiledApi;
use raftgate_model::id::OrgId;
use raftgate_model::session::readings;
use raftgate_model::state::ClientKey;
use raftgate_model::state::record::{ApiKeyName, ApiKeyRecord, Grant};
use raftgate_model::token::{ApiKeyToken, TokenKind};

use super::refusal::Refusal;
use super::token_judge::{Judgement, TokenJudge, Younger};
use crate::credentials::{Claim, Login, Recollection, UserDenied};

/// What the credential of an API with keys turned out to be.
#[derive(Debug)]
pub(crate) enum KeyJudgement {
    /// An OAuth token of this grant.
    Token(Arc<Grant>),
    /// This key.
    Key(Arc<ApiKeyRecord>),
    /// It is younger than this node's state.
    Later(Younger),
    /// It is not accepted.
    Refused(Refusal),
}

/// A name and a password whose check takes a hash.
pub(crate) struct PasswordClaim {
    org: OrgId,
    login: Login,
    address: IpAddr,
}

/// What can be said of a name and a password at once.
pub(crate) enum UserJudgement {
    /// They are this user's.
    User(Arc<ApiKeyRecord>),
    /// They have to be checked first.
    Later(PasswordClaim),
    /// They are not accepted.
    Refused(Refusal),
}

impl TokenJudge {
    /// Judges a key or an OAuth token for an API that takes both.
    ///
    /// Which of them it is is told by its first characters, so that a forged one of ours costs no look-up.
    pub(crate) fn judge_key(&self, text: &str, api: &CompiledApi) -> KeyJudgement {
        if text.starts_with(TokenKind::Access.prefix()) {
            return self.judge(text, api).into();
        }
        match self.find_key(text, api) {
            Ok(found) => self.judged(found),
            Err(later_or_never) => later_or_never,
        }
    }

    /// The same for an OAuth API: a key must say of which of the API's clients it is (Tyk).
    ///
    /// A token of ours is told by its first characters here too, and costs nothing more for it.
    pub(crate) fn judge_of_client(&self, text: &str, api: &CompiledApi) -> KeyJudgement {
        if text.starts_with(TokenKind::Access.prefix()) {
            return self.judge(text, api).into();
        }
        match self.find_key(text, api) {
            // A key that is over is unknown whomever it was of; of one that has expired the client is looked at first (Tyk).
            Ok(Some(record)) if !self.is_gone(&record) && !self.is_of_client(&record, api) => {
                KeyJudgement::Refused(Refusal::TokenClientGone)
            }
            Ok(found) => self.judged(found),
            Err(later_or_never) => later_or_never,
        }
    }

    /// The key that a text is; else what is to be said at once, when it is forged or younger than this node's state.
    fn find_key(
        &self,
        text: &str,
        api: &CompiledApi,
    ) -> Result<Option<Arc<ApiKeyRecord>>, KeyJudgement> {
        if !text.starts_with(TokenKind::ApiKey.prefix()) {
            return Ok(self.custom_key(text, api));
        }
        let token = self
            .keys
            .verify_api_key(text)
            .map_err(|_| KeyJudgement::Refused(Refusal::TokenUnknown))?;
        match self.generated_key(&token) {
            None if self.is_younger(token.birth) => {
                let younger = Younger::new(token.birth, *token.id.as_bytes());
                Err(KeyJudgement::Later(younger))
            }
            // An entry may have been applied between the look-up and the look at the index.
            None => Ok(self.generated_key(&token)),
            found => Ok(found),
        }
    }

    fn is_gone(&self, record: &ApiKeyRecord) -> bool {
        record.is_gone(self.cluster.now())
    }

    /// Whether a key is of a client that is registered with an API and has not expired.
    fn is_of_client(&self, record: &ApiKeyRecord, api: &CompiledApi) -> bool {
        let Some(client) = record.session.oauth_client() else {
            return false;
        };
        let key = ClientKey {
            api: api.id.clone(),
            client: client.clone(),
        };
        let now = self.cluster.now();
        let client = self.cluster.view().client(&key);
        client.is_some_and(|client| client.expires_at.is_none_or(|at| at > now))
    }

    fn generated_key(&self, token: &ApiKeyToken) -> Option<Arc<ApiKeyRecord>> {
        let record = self.cluster.view().api_key(&token.id)?;
        (record.name == ApiKeyName::Generated(token.birth)).then_some(record)
    }

    /// A user is no key: who knows a name is not let in.
    fn custom_key(&self, text: &str, api: &CompiledApi) -> Option<Arc<ApiKeyRecord>> {
        let view = self.cluster.view();
        readings(&api.org, text).into_iter().find_map(|(org, id)| {
            let record = view.api_key(&self.keys.custom_key_id(&org, &id))?;
            (!record.is_user()).then_some(record)
        })
    }

    fn judged(&self, record: Option<Arc<ApiKeyRecord>>) -> KeyJudgement {
        let now = self.cluster.now();
        match record {
            Some(record) if record.is_gone(now) => KeyJudgement::Refused(Refusal::TokenUnknown),
            Some(record) if record.is_expired(now) => KeyJudgement::Refused(Refusal::TokenExpired),
            Some(record) => KeyJudgement::Key(record),
            None => KeyJudgement::Refused(Refusal::TokenUnknown),
        }
    }

    /// Judges a name and a password, as far as that takes no hash.
    pub(crate) fn judge_user(
        &self,
        login: Login,
        address: IpAddr,
        api: &CompiledApi,
    ) -> UserJudgement {
        let claim = PasswordClaim {
            org: api.org.clone(),
            login,
            address,
        };
        match self.users.recall(&claim.org, &claim.as_claim()) {
            Recollection::Is(user) if user.record.is_expired(self.cluster.now()) => {
                UserJudgement::Refused(Refusal::TokenExpired)
            }
            Recollection::Is(user) => UserJudgement::User(user.record),
            Recollection::Denied(denied) => UserJudgement::Refused(denied.into()),
            Recollection::Unchecked => UserJudgement::Later(claim),
        }
    }

    /// Checks a name and a password, off this thread; afterwards they can be judged.
    ///
    /// # Errors
    /// They are nobody's, or cannot be checked now.
    pub(crate) async fn check_password(&self, claim: &PasswordClaim) -> Result<(), Refusal> {
        let checked = self.users.check(&claim.org, &claim.as_claim()).await;
        Ok(checked.map(drop)?)
    }
}

impl PasswordClaim {
    const fn as_claim(&self) -> Claim<'_> {
        self.login.claim(self.address)
    }
}

impl From<Judgement> for KeyJudgement {
    fn from(judgement: Judgement) -> Self {
        match judgement {
            Judgement::Accepted(grant) => Self::Token(grant),
            Judgement::Later(younger) => Self::Later(younger),
            Judgement::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

impl From<UserDenied> for Refusal {
    fn from(denied: UserDenied) -> Self {
        match denied {
            UserDenied::Wrong => Self::TokenUnknown,
            UserDenied::TooMany(_) => Self::TooManyAttempts,
            UserDenied::Busy => Self::Unjudged,
        }
    }
}
