//! What a presented token is worth on this node: arithmetic first, then one look at the replicated state.
//!
//! Only a token whose grant must be in this node's state is ever refused for not being there; a younger one is waited for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use raftgate_actors::snapshot::CompiledApi;
use raftgate_cluster::handle::ClusterHandle;
use raftgate_model::id::{GrantId, LogIndex};
use raftgate_model::keyring::KeyRing;
use raftgate_model::state::ClientKey;
use raftgate_model::state::record::Grant;
use raftgate_model::token::{AccessToken, TokenFault};

use super::refusal::Refusal;

/// How many requests may wait for the same token.
const WAITERS_PER_TOKEN_MAX: u32 = 8;

/// What a token turned out to be.
#[derive(Debug)]
pub(crate) enum Judgement {
    /// It stands for this grant.
    Accepted(Arc<Grant>),
    /// It is younger than this node's state: it can be judged once this entry is applied.
    Later {
        /// The entry that issued it.
        index: LogIndex,
        /// The token.
        token: AccessToken,
    },
    /// It is not accepted.
    Refused(Refusal),
}

/// Judges tokens by this node's state.
pub struct TokenJudge {
    cluster: ClusterHandle,
    keys: Arc<KeyRing>,
    index_wait: Duration,
    // Only requests whose token is younger than the state come here; all others never see the lock.
    waiting: Mutex<HashMap<GrantId, u32>>,
}

impl TokenJudge {
    /// A judge over this node's state that waits this long for a younger token's entry.
    #[must_use]
    pub fn new(cluster: ClusterHandle, keys: Arc<KeyRing>, index_wait: Duration) -> Self {
        Self {
            cluster,
            keys,
            index_wait,
            waiting: Mutex::default(),
        }
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
        let view = self.cluster.view();
        let meta = view.meta();
        if token.birth.incarnation == meta.incarnation && token.birth.index > view.applied() {
            return Judgement::Later {
                index: token.birth.index,
                token,
            };
        }
        // An entry may have been applied between the look-up and the look at the index.
        match view.grant(&token.id) {
            Some(_) => Judgement::Later {
                index: token.birth.index,
                token,
            },
            None => Judgement::Refused(Refusal::TokenUnknown),
        }
    }

    /// Marked: by the end of its client, or by a revocation.
    fn revoked(&self, grant: &Grant) -> Refusal {
        match self.cluster.view().client(&grant.client_key()) {
            None => Refusal::TokenClientGone,
            Some(_) => Refusal::TokenUnknown,
        }
    }

    /// The token's client must be registered with the API that is called, and not be expired.
    fn client_fault(&self, grant: &Grant, api: &CompiledApi) -> Option<Refusal> {
        let key = ClientKey {
            api: api.id.clone(),
            client: grant.client.clone(),
        };
        let is_its_own = grant.api == api.id;
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

    /// Waits until a token's entry is applied here.
    ///
    /// # Errors
    /// It was not in time, or too many wait: 503, never a word about the token.
    pub(crate) async fn wait(
        &self,
        index: LogIndex,
        token: &AccessToken,
        api: &CompiledApi,
    ) -> Result<(), Refusal> {
        let _place = self.take_place(token.id).ok_or(Refusal::Unjudged)?;
        let deadline = tokio::time::Instant::now() + self.index_wait;
        self.cluster
            .wait_applied(index, deadline)
            .await
            .map_err(|reason| {
                tracing::debug!(api = %api.id, index = index.0, %reason, "token not judged");
                Refusal::Unjudged
            })
    }

    fn take_place(&self, id: GrantId) -> Option<Place<'_>> {
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
    id: GrantId,
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
