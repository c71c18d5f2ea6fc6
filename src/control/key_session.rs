//! The session of a key as a request gives it, and as answers show it.

use std::sync::Arc;

use actix_web::web;
use raftgate_actors::snapshot::CompiledPolicy;
use raftgate_model::command::{ApiKeyNaming, PasswordChange, PutApiKey, Retention};
use raftgate_model::id::{ApiId, ApiKeyId, OrgId, PolicyId};
use raftgate_model::secret::Secret;
use raftgate_model::session::{
    Rights, SessionDocument, SessionError, SessionFacts, SessionLifetime, SessionRules,
};
use raftgate_model::state::record::{ApiKeyRecord, Grant, SessionSource};
use raftgate_model::time::Ttl;
use serde_json::{Map, Value, json};

use super::apis::opened;
use super::in_force::Standing;
use super::{Control, ControlFailure, shape};

/// Tyk's word on a session that would open every API.
const NO_RIGHTS: &str =
    "Failed to create key, keys must have at least one Access Rights record set.";

/// What is said of a user without a password, where there is none yet that could keep one.
const USER_WITHOUT_PASSWORD: &str = "basic_auth_data.password: is missing, and without it the name would be a key: send a password, or no basic_auth_data; \
     only a PUT of a user that is there keeps its password";

/// A session that came with a request, checked.
pub(super) struct GivenSession {
    /// The organisation that it belongs to.
    pub(super) org: OrgId,
    /// The password of a basic-auth user.
    pub(super) password: Option<Secret>,
    /// What has no effect yet.
    pub(super) warnings: Vec<String>,
    is_user_without_password: bool,
    rules: Arc<SessionRules>,
    expires_s: i64,
    retention: Retention,
    first_lifetime: Option<Ttl>,
}

/// A session object that is well-formed in itself, before it is held against what there is.
pub(super) struct ReadSession {
    document: SessionDocument,
    password: Option<Secret>,
    is_user_without_password: bool,
    rules: SessionRules,
    named_org: Option<OrgId>,
}

impl ReadSession {
    /// Reads what a request gives, on a thread for long work.
    pub(super) async fn of(control: &Control, body: web::Bytes) -> Result<Self, ControlFailure> {
        let allow_master_keys = control.settings.allow_master_keys;
        let read = move || Self::parse(&body, allow_master_keys);
        let read = control.importer.work().run(read).await;
        read.map_err(|_| ControlFailure::Internal)?
    }

    /// Reads a session object; compiling its path patterns may take long.
    fn parse(body: &[u8], allow_master_keys: bool) -> Result<Self, ControlFailure> {
        let text = shape::utf8(body)?;
        let mut document = SessionDocument::parse(text).map_err(shape::malformed)?;
        let is_user_without_password = document.is_user_without_password();
        let password = document.take_password().map_err(shape::malformed)?;
        let rules = document
            .rules(allow_master_keys)
            .map_err(|error| match error {
                SessionError::Document(faults) => shape::malformed(faults),
                SessionError::NoAccessRights => ControlFailure::Invalid(NO_RIGHTS.into()),
            })?;
        Ok(Self {
            password,
            is_user_without_password,
            rules,
            named_org: document.org().map_err(shape::malformed)?,
            document,
        })
    }
}

impl GivenSession {
    /// Reads and checks a session object; one that names no organisation is of `otherwise`.
    pub(super) async fn read(
        control: &Control,
        body: web::Bytes,
        otherwise: &OrgId,
    ) -> Result<Self, ControlFailure> {
        let read = ReadSession::of(control, body).await?;
        Self::judge(control, read, otherwise)
    }

    /// Checks what a session object says against what is in force; one that names no organisation is of `otherwise`.
    pub(super) fn judge(
        control: &Control,
        read: ReadSession,
        otherwise: &OrgId,
    ) -> Result<Self, ControlFailure> {
        let ReadSession {
            document,
            password,
            is_user_without_password,
            rules,
            named_org,
        } = read;
        let org = named_org.unwrap_or_else(|| otherwise.clone());
        let policy = control.policy_of(&rules, &org)?;
        let apis = control.apis_in_force(&rules, policy.as_deref())?;
        Ok(Self {
            password,
            is_user_without_password,
            warnings: control.warnings(&rules, &apis),
            expires_s: document.expires_s().map_err(shape::malformed)?,
            retention: document
                .retention(control.longest_lifetime(&apis))
                .map_err(shape::malformed)?,
            first_lifetime: policy.and_then(|policy| {
                let seconds = u64::try_from(policy.policy.key_expires_in_s).ok()?;
                (seconds > 0).then(|| Ttl::from_s(seconds))
            }),
            rules: Arc::new(rules),
            org,
        })
    }

    /// Under a name that somebody chose, a user without a password would be a key: whoever knows the name would be let in.
    pub(super) fn refuse_user_without_password(&self) -> Result<(), ControlFailure> {
        if self.is_user_without_password {
            return Err(ControlFailure::Invalid(USER_WITHOUT_PASSWORD.into()));
        }
        Ok(())
    }

    /// The command that stores it.
    pub(super) fn command(&self, id: ApiKeyId, naming: ApiKeyNaming) -> PutApiKey {
        PutApiKey {
            id,
            naming,
            org: self.org.clone(),
            session: Arc::clone(&self.rules),
            password: PasswordChange::Kept,
            expires_s: self.expires_s,
            first_lifetime: self.first_lifetime,
            retention: self.retention,
        }
    }
}

/// An API that a session names, and what it is now.
type NamedApi = (ApiId, Standing);

/// The APIs that a session or its policy names.
fn apis_of(rules: &SessionRules, policy: Option<&CompiledPolicy>) -> Vec<ApiId> {
    match (rules.rights(), policy) {
        (Rights::Listed(rights), _) => rights.apis().cloned().collect(),
        (Rights::Policy(_), Some(policy)) => policy.policy.access_rights.apis().cloned().collect(),
        (Rights::Policy(_), None) | (Rights::Master, _) => Vec::new(),
    }
}

impl Control {
    /// The policy that a session names, which must be there and of the key's organisation.
    fn policy_of(
        &self,
        rules: &SessionRules,
        org: &OrgId,
    ) -> Result<Option<Arc<CompiledPolicy>>, ControlFailure> {
        let Some(id) = rules.policy() else {
            return Ok(None);
        };
        let Some(policy) = self.policy_in_force(id)? else {
            return Err(ControlFailure::NotMade(format!(
                "Failed to create key - policy not found: {:?}",
                id.as_str()
            )));
        };
        if policy.policy.org != *org {
            return Err(ControlFailure::NotMade(
                "Failed to create key - attempting to apply policy from different organisation to key, skipping".into(),
            ));
        }
        Ok(Some(policy))
    }

    /// The APIs that a session or its policy names; how long the session lives would be unknown with one that cannot be judged.
    fn apis_in_force(
        &self,
        rules: &SessionRules,
        policy: Option<&CompiledPolicy>,
    ) -> Result<Vec<NamedApi>, ControlFailure> {
        let named = apis_of(rules, policy).into_iter();
        let in_force = named.map(|id| self.api_in_force(&id).map(|api| (id, api)));
        in_force.collect()
    }

    /// The longest lifetime of the APIs that a session names (Tyk), those included that are switched off for now.
    fn longest_lifetime(&self, apis: &[NamedApi]) -> SessionLifetime {
        let lifetimes = apis.iter().filter_map(|(_, standing)| match standing {
            Standing::Meant(api) => Some(api.session_lifetime),
            Standing::Inactive(record) => {
                let stored = opened(&self.keys, record)?;
                Some(stored.classic().session_lifetime())
            }
            Standing::Other | Standing::Absent => None,
        });
        lifetimes.fold(SessionLifetime::Unsaid, SessionLifetime::longest)
    }

    fn warnings(&self, rules: &SessionRules, apis: &[NamedApi]) -> Vec<String> {
        let mut warnings = Vec::new();
        if rules.has_limits() {
            warnings.push("rate and quota are kept and not enforced yet".to_owned());
        }
        for (api, standing) in apis {
            let reason = match standing {
                Standing::Meant(_) | Standing::Other => continue,
                Standing::Inactive(_) => "the API is not active",
                Standing::Absent => "there is no such API",
            };
            warnings.push(format!("access_rights.{api}: {reason}"));
        }
        warnings
    }

    /// What a session would look like with its policy, if it were made now.
    pub(super) fn preview(&self, given: &GivenSession) -> Result<String, ControlFailure> {
        let now = self.cluster.now();
        let facts = SessionFacts {
            expires_s: given.expires_s,
            created_at: now,
            updated_at: now,
            is_user: given.password.is_some(),
        };
        self.with_policy(&given.rules)
            .map(|document| document.of_org(&given.org).shown(facts))
    }

    /// The session of a key or user with its policy.
    pub(super) fn shown_key(&self, key: &ApiKeyRecord) -> Result<String, ControlFailure> {
        let facts = SessionFacts {
            expires_s: key.expires_s,
            created_at: key.created_at,
            updated_at: key.updated_at,
            is_user: key.is_user(),
        };
        self.with_policy(&key.session)
            .map(|document| document.of_org(&key.org).shown(facts))
    }

    /// The session of an OAuth token with its policy and its client's metadata (cases T8, T10).
    pub(super) fn shown_token(&self, grant: &Grant) -> Result<String, ControlFailure> {
        let mut document = match &grant.session {
            SessionSource::Rules(rules) => self.with_policy(rules)?,
            SessionSource::Policy(id) => self.of_policy(id, grant),
        };
        document.set("oauth_client_id", json!(grant.client.as_str()));
        let facts = SessionFacts {
            expires_s: i64::try_from(grant.expires_at.as_unix_s()).unwrap_or(i64::MAX),
            created_at: grant.issued_at,
            updated_at: grant.issued_at,
            is_user: false,
        };
        Ok(document.shown(facts))
    }

    fn of_policy(&self, id: &PolicyId, grant: &Grant) -> SessionDocument {
        let mut document = SessionDocument::empty();
        let view = self.cluster.view();
        document.set("apply_policies", json!([id.as_str()]));
        let client = view.client(&grant.client_key());
        let meta = client.and_then(|client| client.text.meta_data.clone());
        if let Some(meta) = meta.and_then(|text| object(&text)) {
            document.add_meta(&meta);
        }
        if let Some(policy) = view.policy(id) {
            document.set("org_id", json!(policy.org.as_str()));
            if let Some(policy) = object(&policy.document) {
                document.apply_policy(&policy);
            }
        }
        document
    }

    fn with_policy(&self, rules: &SessionRules) -> Result<SessionDocument, ControlFailure> {
        let mut document = SessionDocument::of(rules).map_err(|faults| {
            tracing::error!(%faults, "a stored session cannot be read");
            ControlFailure::Internal
        })?;
        let policy = rules.policy().and_then(|id| self.cluster.view().policy(id));
        if let Some(policy) = policy.and_then(|policy| object(&policy.document)) {
            document.apply_policy(&policy);
        }
        Ok(document)
    }
}

fn object(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(text).ok()
}
