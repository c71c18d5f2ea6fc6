//! One definition on its way into the state.

use std::sync::Arc;
use std::time::Duration;

use raftgate_actors::registry::{IN_FORCE_LIMIT, NotInForce, RegistryHandle, Scope};
use raftgate_cluster::batch::Lane;
use raftgate_cluster::error::ProposeError;
use raftgate_cluster::handle::ClusterHandle;
use raftgate_model::answer::{Refusal, Reply};
use raftgate_model::api::{ApiDocument, ApiSpec};
use raftgate_model::clock::Entropy;
use raftgate_model::command::{Command, PutApi, PutPolicy, SourceMark, UpdateApi};
use raftgate_model::id::{ApiId, PolicyId, Revision};
use raftgate_model::json::DocumentFaults;
use raftgate_model::keyring::KeyRing;
use raftgate_model::policy::Policy;
use raftgate_model::seal::{SecretKind, SecretOwner};
use raftgate_model::secret::Secret;
use raftgate_model::state::RouteKey;
use sha2::{Digest, Sha256};

use crate::long_work::{LongWork, WorkFailed};

/// Why a definition did not come into force.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is wrong; every fault names its place.
    #[error("{0}")]
    Faults(#[from] DocumentFaults),
    /// A policy is wrong; every fault names its place.
    #[error("{0}")]
    PolicyFaults(DocumentFaults),
    /// The text is neither JSON nor YAML; the message says where.
    #[error("{0}")]
    Syntax(String),
    /// A document that is neither an API nor a policy, or of a kind that is not supported yet.
    #[error("{0}")]
    Kind(&'static str),
    /// A policy without an id.
    #[error("Unable to create policy without id.")]
    PolicyWithoutId,
    /// The listen path is another API's.
    #[error("{place}: belongs to the API {owner} already")]
    ListenPathTaken {
        /// Where the definition says it.
        place: &'static str,
        /// Whose it is.
        owner: ApiId,
    },
    /// It could only come into force together with others, and they did not.
    #[error("not applied, like the definitions that it depends on: {0}")]
    Together(String),
    /// The state refused it or could not be asked.
    #[error("{0}")]
    Propose(#[from] ProposeError),
    /// It is stored, and not in force on this node.
    #[error("{reason}")]
    NotInForce {
        /// Why it is not.
        reason: NotInForce,
        /// What the definition asks for that has no effect yet.
        warnings: Vec<String>,
    },
    /// The definition cannot be sealed with this node's key ring.
    #[error("the definition cannot be sealed with this node's key ring")]
    Seal,
    /// It could not be checked.
    #[error("the definition cannot be checked: {0}")]
    Unchecked(#[from] WorkFailed),
}

/// A definition that may be proposed.
pub(super) struct Checked {
    /// What is proposed.
    pub(super) put: PutApi,
    warnings: Vec<String>,
    listen_path_place: &'static str,
}

impl Checked {
    /// The definition, in force.
    pub(super) fn imported(self, existed: bool) -> Imported {
        Imported {
            id: self.put.id.to_string(),
            existed,
            warnings: self.warnings,
        }
    }

    /// Why it is not in force: with the place in the document of a listen path that is taken, and with the warnings of what
    /// is stored nevertheless.
    pub(super) fn refused(&self, error: ImportError) -> ImportError {
        match error {
            ImportError::Propose(ProposeError::Refused(Refusal::ListenPathTaken(owner))) => {
                let place = self.listen_path_place;
                ImportError::ListenPathTaken { place, owner }
            }
            other => other.with_warnings(self.warnings.clone()),
        }
    }

    /// The definition, stored and not in force.
    pub(super) fn stored(self, reason: NotInForce) -> ImportError {
        ImportError::NotInForce {
            reason,
            warnings: self.warnings,
        }
    }
}

impl ImportError {
    /// The same, with the warnings of a definition that is stored nevertheless.
    fn with_warnings(self, warnings: Vec<String>) -> Self {
        match self {
            Self::NotInForce { reason, .. } => Self::NotInForce { reason, warnings },
            other => other,
        }
    }
}

/// A definition that is in force on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The id of the API or policy.
    pub id: String,
    /// Whether there was one of that id before.
    pub existed: bool,
    /// What the definition asks for that has no effect yet.
    pub warnings: Vec<String>,
}

/// Brings definitions into force.
#[derive(Clone)]
pub struct Importer {
    cluster: ClusterHandle,
    registry: RegistryHandle,
    keys: Arc<KeyRing>,
    entropy: Arc<dyn Entropy>,
    /// Checks definitions and what else the control listener is given.
    work: LongWork,
    /// How long a change may take to come into force.
    limit: Duration,
}

impl Importer {
    /// An importer into this cluster.
    #[must_use]
    pub fn new(
        cluster: ClusterHandle,
        registry: RegistryHandle,
        keys: Arc<KeyRing>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            cluster,
            registry,
            keys,
            entropy,
            work: LongWork::default(),
            limit: IN_FORCE_LIMIT,
        }
    }

    /// The turns of work that takes long.
    #[must_use]
    pub fn work(&self) -> &LongWork {
        &self.work
    }

    /// Creates or replaces an API; one without an id gets one.
    ///
    /// # Errors
    /// See [`ImportError`].
    pub async fn put_api(
        &self,
        document: ApiDocument,
        source: Option<SourceMark>,
    ) -> Result<Imported, ImportError> {
        let checked = self.check(document, source).await?;
        let put = checked.put.clone();
        self.bring(checked, Command::PutApi(put)).await
    }

    /// Replaces an API unless it was changed since it was read at this revision.
    ///
    /// # Errors
    /// See [`ImportError`]; one that was changed or deleted is [`Refusal::ApiChanged`].
    pub async fn update_api(
        &self,
        document: ApiDocument,
        replaces: Revision,
    ) -> Result<Imported, ImportError> {
        let checked = self.check(document, None).await?;
        let put = checked.put.clone();
        let update = Command::UpdateApi(UpdateApi { put, replaces });
        self.bring(checked, update).await
    }

    /// Brings one definition into force with a command.
    async fn bring(&self, checked: Checked, command: Command) -> Result<Imported, ImportError> {
        let id = checked.put.id.clone();
        let existed = self.commit(command, &[id]).await;
        let existed = existed.map_err(|error| checked.refused(error))?;
        Ok(checked.imported(existed))
    }

    /// Checks and seals a definition off this thread; one without an id gets one.
    ///
    /// # Errors
    /// See [`ImportError`].
    pub(super) async fn check(
        &self,
        document: ApiDocument,
        source: Option<SourceMark>,
    ) -> Result<Checked, ImportError> {
        let importer = self.clone();
        let checked = self.work.run(move || importer.checked(document, source));
        checked.await?
    }

    fn checked(
        &self,
        mut document: ApiDocument,
        source: Option<SourceMark>,
    ) -> Result<Checked, ImportError> {
        if document.lacks_api_id() {
            document.set_api_id(&self.new_api_id()?);
        }
        let text = Secret::new(document.text_to_keep()?);
        let (spec, warnings) = ApiSpec::read(&document)?;
        Ok(Checked {
            put: self.put_command(&spec, &text, source)?,
            warnings: warnings.iter().map(ToString::to_string).collect(),
            listen_path_place: document.listen_path_place(),
        })
    }

    fn put_command(
        &self,
        spec: &ApiSpec,
        text: &Secret,
        source: Option<SourceMark>,
    ) -> Result<PutApi, ImportError> {
        let owner = SecretOwner {
            kind: SecretKind::ApiDefinition,
            id: spec.id.as_str(),
        };
        let mut nonce = [0; 12];
        self.entropy.fill(&mut nonce);
        let key = self.cluster.view().meta().active_key;
        let document = self
            .keys
            .seal(key, owner, nonce, text)
            .map_err(|_| ImportError::Seal)?;
        let route = RouteKey {
            host: spec.domain.as_ref().map(|domain| domain.as_str().into()),
            listen_path: spec.listen_path.as_str().into(),
        };
        Ok(PutApi {
            id: spec.id.clone(),
            org: spec.org.clone(),
            document,
            document_hash: Sha256::digest(text.expose().as_bytes()).into(),
            routes: if spec.active { vec![route] } else { Vec::new() },
            source,
        })
    }

    /// Whether there is an API of this id.
    pub(super) fn has_api(&self, id: &ApiId) -> bool {
        self.cluster.view().api(id).is_some()
    }

    /// The listen paths that an API holds.
    pub(super) fn routes_of(&self, id: &ApiId) -> Vec<RouteKey> {
        let api = self.cluster.view().api(id);
        api.map(|api| api.routes.to_vec()).unwrap_or_default()
    }

    /// Deletes an API; tells whether there was one.
    ///
    /// # Errors
    /// The state could not be asked.
    pub async fn delete_api(&self, id: &ApiId) -> Result<bool, ImportError> {
        self.commit(Command::DeleteApi(id.clone()), &[]).await
    }

    /// Creates or replaces a policy.
    ///
    /// # Errors
    /// See [`ImportError`].
    pub async fn put_policy(
        &self,
        text: &str,
        source: Option<SourceMark>,
    ) -> Result<Imported, ImportError> {
        let document: Arc<str> = text.into();
        let text = Arc::clone(&document);
        let policy = self.work.run(move || Policy::from_json(&text)).await?;
        let policy = policy.map_err(ImportError::PolicyFaults)?;
        let id = policy.id.clone().ok_or(ImportError::PolicyWithoutId)?;
        let put = PutPolicy {
            id: id.clone(),
            org: policy.org.clone(),
            document,
            source,
        };
        let warnings: Vec<_> = policy.warnings.iter().map(ToString::to_string).collect();
        match self.commit(Command::PutPolicy(put), &[]).await {
            Ok(existed) => Ok(Imported {
                id: id.to_string(),
                existed,
                warnings,
            }),
            Err(error) => Err(error.with_warnings(warnings)),
        }
    }

    /// Deletes a policy; tells whether there was one.
    ///
    /// # Errors
    /// The state could not be asked.
    pub async fn delete_policy(&self, id: &PolicyId) -> Result<bool, ImportError> {
        self.commit(Command::DeletePolicy(id.clone()), &[]).await
    }

    /// Proposes a change of configuration and waits until it is in force on this node.
    ///
    /// `puts` are the APIs that it defines: until they run by it, or by something newer, it is not in force.
    ///
    /// # Errors
    /// See [`ImportError`].
    pub async fn commit(&self, command: Command, puts: &[ApiId]) -> Result<bool, ImportError> {
        let committed = self.cluster.propose(Lane::Administration, command).await?;
        let in_force = self.in_force(puts, self.limit).await;
        in_force.map_err(|reason| ImportError::NotInForce {
            reason,
            warnings: Vec::new(),
        })?;
        Ok(matches!(committed.reply, Reply::Stored { existed: true }))
    }

    /// Waits until what is stored of these APIs is in force on this node.
    pub(super) async fn in_force(&self, apis: &[ApiId], limit: Duration) -> Result<(), NotInForce> {
        let view = self.cluster.view();
        let own: Option<Vec<_>> = apis.iter().map(|id| Some(view.api(id)?.revision)).collect();
        // Of what was deleted only the revision of all configuration is left.
        let stored = own
            .and_then(|revisions| revisions.into_iter().max())
            .unwrap_or_else(|| view.meta().config_revision);
        let scope = Scope::Apis(apis);
        self.registry.in_force(stored, scope, limit).await
    }

    /// An `api_id` as Tyk makes them: 32 hex digits.
    fn new_api_id(&self) -> Result<ApiId, ImportError> {
        let text = format!("{:032x}", u128::from_be_bytes(self.entropy.bytes16()));
        ApiId::new(&text).map_err(|_| ImportError::Kind("no id could be made"))
    }
}

#[cfg(test)]
#[path = "import_tests.rs"]
pub(super) mod tests;
