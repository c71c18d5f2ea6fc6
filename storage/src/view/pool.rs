//! One copy of each text that many records repeat: a million grants name few APIs, clients, policies and scopes.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use ahash::RandomState;
use raftgate_model::id::{ApiId, ClientId, PolicyId};
use raftgate_model::oauth::scope::Scope;
use raftgate_model::session::SessionRules;
use raftgate_model::state::record::{Code, Family, Grant, SessionSource};

/// How many different texts of one type are remembered; beyond it the pool begins anew, and shares less.
const TEXTS_MAX: usize = 65_536;

/// A value that is known by its text.
trait Text: Clone {
    fn text(&self) -> &str;
}

macro_rules! texts {
    ($($type:ty),*) => {$(
        impl Text for $type {
            fn text(&self) -> &str {
                self.as_str()
            }
        }
    )*};
}

texts!(ApiId, ClientId, PolicyId, Scope, Arc<SessionRules>);

struct ByText<T>(T);

impl<T: Text> Borrow<str> for ByText<T> {
    fn borrow(&self) -> &str {
        self.0.text()
    }
}

impl<T: Text> PartialEq for ByText<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.text() == other.0.text()
    }
}

impl<T: Text> Eq for ByText<T> {}

impl<T: Text> Hash for ByText<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text().hash(state);
    }
}

struct Texts<T>(HashSet<ByText<T>, RandomState>);

impl<T: Text> Default for Texts<T> {
    fn default() -> Self {
        Self(HashSet::with_hasher(RandomState::new()))
    }
}

impl<T: Text> Texts<T> {
    /// The remembered copy, if it is another one than this.
    fn other_copy(&mut self, value: &T) -> Option<T> {
        if let Some(ByText(known)) = self.0.get(value.text()) {
            let same = std::ptr::eq(known.text(), value.text());
            return (!same).then(|| known.clone());
        }
        if self.0.len() >= TEXTS_MAX {
            self.0.clear();
        }
        self.0.insert(ByText(value.clone()));
        None
    }

    fn share(&mut self, value: &mut T) {
        if let Some(known) = self.other_copy(value) {
            *value = known;
        }
    }
}

/// The copies that records share.
#[derive(Default)]
pub(super) struct Pool {
    apis: Texts<ApiId>,
    clients: Texts<ClientId>,
    policies: Texts<PolicyId>,
    scopes: Texts<Scope>,
    rules: Texts<Arc<SessionRules>>,
}

impl Pool {
    /// Lets a grant share the texts of others; one that does already is left alone.
    pub(super) fn share_grant(&mut self, grant: Arc<Grant>) -> Arc<Grant> {
        let api = self.apis.other_copy(&grant.api);
        let client = self.clients.other_copy(&grant.client);
        let session = self.other_session(&grant.session);
        let scope = grant
            .scope
            .as_ref()
            .and_then(|own| self.scopes.other_copy(own));
        if api.is_none() && client.is_none() && session.is_none() && scope.is_none() {
            return grant;
        }
        let mut grant = Arc::unwrap_or_clone(grant);
        if let Some(api) = api {
            grant.api = api;
        }
        if let Some(client) = client {
            grant.client = client;
        }
        if let Some(session) = session {
            grant.session = session;
        }
        if scope.is_some() {
            grant.scope = scope;
        }
        Arc::new(grant)
    }

    /// Lets a family that was just decoded share the texts of others.
    pub(super) fn share_family(&mut self, family: &mut Family) {
        self.apis.share(&mut family.api);
        self.clients.share(&mut family.client);
        if let Some(session) = self.other_session(&family.session) {
            family.session = session;
        }
        if let Some(scope) = &mut family.scope {
            self.scopes.share(scope);
        }
    }

    /// Lets a code that was just decoded share the texts of others.
    pub(super) fn share_code(&mut self, code: &mut Code) {
        self.apis.share(&mut code.api);
        self.clients.share(&mut code.client);
        if let Some(session) = self.other_session(&code.session) {
            code.session = session;
        }
        if let Some(scope) = &mut code.scope {
            self.scopes.share(scope);
        }
    }

    fn other_session(&mut self, session: &SessionSource) -> Option<SessionSource> {
        match session {
            SessionSource::Policy(id) => self.policies.other_copy(id).map(SessionSource::Policy),
            SessionSource::Rules(rules) => self.rules.other_copy(rules).map(SessionSource::Rules),
        }
    }
}
