//! What a presented token is worth on this node: arithmetic first, then one look at the replicated state.
//!
//! Only a token whose grant must be in this node's state is ever refused for not being there; a younger one is waited for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use raftgate_actors::snapshot::{Access, CompiledApi};
use raftgate_cluster::handle::ClusterHandle;
use raftgate_model::id::LogIndex;
use raftgate_model::keyring::KeyRing;
use raftgate_model::path_pattern::PathMatching;
use raftgate_model::state::ClientKey;
use raftgate_model::state::record::Grant;
use raftgate_model::token::{AccessToken, TokenBirth, TokenFault};

use super::allowed_paths::AllowedPaths;
use super::refusal::Refusal;
use crate::credentials::Users;

/// How many requests may wait for the same token.
const WAITERS_PER_TOKEN_MAX: u32 = 8;

/// What a token turned out to be.
#[derive(Debug)]
pub(crate) enum Judgement {
    /// It stands for this grant.
    Accepted(Arc<Grant>),
    /// It is younger than this node's state.
    Later(Younger),
    /// It is not accepted.
    Refused(Refusal),
}

/// A token or key that can be judged once its entry is applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Younger {
    /// The entry that issued it.
    index: LogIndex,
    /// Its record.
    id: [u8; 16],
}

impl Younger {
    pub(super) const fn new(birth: TokenBirth, id: [u8; 16]) -> Self {
        Self {
            index: birth.index,
            id,
        }
    }
}

/// What a judge needs.
pub struct JudgeParts {
    /// The replicated state.
    pub cluster: ClusterHandle,
    /// Checks tokens and finds keys.
    pub keys: Arc<KeyRing>,
    /// Checks passwords.
    pub users: Arc<Users>,
    /// How long the entry of a younger token is waited for.
    pub index_wait: Duration,
    /// Where in a path the patterns of rights must match.
    pub paths: PathMatching,
    /// How many workers ask.
    pub workers: usize,
}

/// Judges tokens, keys and passwords by this node's state.
pub struct TokenJudge {
    pub(super) cluster: ClusterHandle,
    pub(super) keys: Arc<KeyRing>,
    pub(super) users: Arc<Users>,
    allowed_paths: AllowedPaths,
    index_wait: Duration,
    // Only requests whose token is younger than the state come here; all others never see the lock.
    waiting: Mutex<HashMap<[u8; 16], u32>>,
}

impl TokenJudge {
    /// A judge over this node's state.
    #[must_use]
    pub fn new(parts: JudgeParts) -> Self {
        Self {
            cluster: parts.cluster,
            keys: parts.keys,
            users: parts.users,
            allowed_paths: AllowedPaths::new(parts.paths, parts.workers),
            index_wait: parts.index_wait,
            waiting: Mutex::default(),
        }
    }

    /// The patterns of rights to single paths.
    pub(crate) const fn allowed_paths(&self) -> &AllowedPaths {
        &self.allowed_paths
    }

    /// Judges a token's text for an API.
    pub(crate) fn judge(&self, text: &str, api: &CompiledApi) -> Judgement {
        let token = match self.keys.verify_access(text) {
            Ok(token) => token,
            Err(TokenFault::Malformed | TokenFault::Forged) => {
                return Judgement::Refused(Refusal::TokenUnknown);
            }
            // No state of one node names a key that its ring lacks: the start refuses such a ring.
            Err(TokenFault::UnknownKey(_)) => return Judgement::Refused(Refusal::TokenUnknown),
        };
        let view = self.cluster.view();
        let Some(grant) = view.grant(&token.id) else {
            return self.absent(token);
        };
        if grant.birth != token.birth {
            return Judgement::Refused(Refusal::TokenUnknown);
        }
        if grant.expires_at <= self.cluster.now() {
            return Judgement::Refused(Refusal::TokenExpired);
        }
        if grant.revision <= view.newest_mark()
            && view.revoked_since(&grant.client_key(), grant.revision)
        {
            return Judgement::Refused(self.revoked(&grant));
        }
        match self.client_fault(&grant, api) {
            Some(refusal) => Judgement::Refused(refusal),
            None => Judgement::Accepted(grant),
        }
    }

    /// A token without a grant: younger than this state, or gone.
    fn absent(&self, token: AccessToken) -> Judgement {
        let younger = Younger::new(token.birth, *token.id.as_bytes());
        // An entry may have been applied between the look-up and the look at the index.
        let is_there = || self.cluster.view().grant(&token.id).is_some();
        if self.is_younger(token.birth) || is_there() {
            Judgement::Later(younger)
        } else {
            Judgement::Refused(Refusal::TokenUnknown)
        }
    }

    /// Whether what was born then is younger than this node's state.
    pub(super) fn is_younger(&self, birth: TokenBirth) -> bool {
        let view = self.cluster.view();
        birth.incarnation == view.meta().incarnation && birth.index > view.applied()
    }

    /// Marked: by the end of its client, or by a revocation.
    fn revoked(&self, grant: &Grant) -> Refusal {
        match self.cluster.view().client(&grant.client_key()) {
            None => Refusal::TokenClientGone,
            Some(_) => Refusal::TokenUnknown,
        }
    }

    /// The token's client must be registered and not be expired: with the API that is called if that is an OAuth API, else
    /// with the one that issued the token.
    fn client_fault(&self, grant: &Grant, api: &CompiledApi) -> Option<Refusal> {
        let registered_with = match api.access {
            Access::OAuth(_) => &api.id,
            Access::Keyless | Access::Token(_) | Access::Basic(_) => &grant.api,
        };
        let key = ClientKey {
            api: registered_with.clone(),
            client: grant.client.clone(),
        };
        let is_its_own = grant.api == *registered_with;
        let view = self.cluster.view();
        let Some(client) = view.client(&key) else {
            return Some(if is_its_own {
                Refusal::TokenClientGone
            } else {
                Refusal::TokenClientOfOtherApi
            });
        };
        // A registration that came back after it was deleted, or was revoked as a whole, revives no older token.
        if !is_its_own && view.revoked_since(&key, grant.revision) {
            return Some(Refusal::TokenUnknown);
        }
        let expires_at = client.expires_at?;
        (expires_at <= self.cluster.now()).then_some(Refusal::TokenClientGone)
    }

    /// The metadata of the client that a token was issued to, as it is registered now.
    pub(super) fn client_meta(&self, grant: &Grant) -> Option<Arc<str>> {
        let client = self.cluster.view().client(&grant.client_key())?;
        client.text.meta_data.clone()
    }

    /// Waits until the entry of a token or key is applied here.
    ///
    /// # Errors
    /// It was not in time, or too many wait: 503, never a word about the token.
    pub(crate) async fn wait(&self, younger: Younger, api: &CompiledApi) -> Result<(), Refusal> {
        let Younger { index, id } = younger;
        let _place = self.take_place(id).ok_or(Refusal::Unjudged)?;
        let deadline = tokio::time::Instant::now() + self.index_wait;
        self.cluster
            .wait_applied(index, deadline)
            .await
            .map_err(|reason| {
                tracing::debug!(api = %api.id, index = index.0, %reason, "token not judged");
                Refusal::Unjudged
            })
    }

    fn take_place(&self, id: [u8; 16]) -> Option<Place<'_>> {
        let mut waiting = self.waiting.lock();
        let count = waiting.entry(id).or_default();
        if *count >= WAITERS_PER_TOKEN_MAX {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Place { judge: self, id })
    }
}

/// One request that waits for a token; given back when it waits no more, however that ends.
struct Place<'a> {
    judge: &'a TokenJudge,
    id: [u8; 16],
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.judge.waiting.lock();
        if let Some(count) = waiting.get_mut(&self.id) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                waiting.remove(&self.id);
            }
        }
    }
}
