//! From a stored definition to what requests read of it.

use std::sync::Arc;

use raftgate_model::api::ApiSpec;
use raftgate_model::keyring::KeyRing;
use raftgate_model::seal::{SecretKind, SecretOwner};
use raftgate_model::state::record::ApiRecord;

use crate::compile::{GatewayDefaults, compile};
use crate::snapshot::{ApiCounters, CompiledApi, TlsConfigs};

/// Compiles stored definitions; called on a thread where that may take its time.
pub trait Definitions: Send + Sync + 'static {
    /// What requests read of this version, its counters going on; an inactive API compiles to nothing.
    ///
    /// # Errors
    /// Why it cannot be served; for logs and operators.
    fn compile(
        &self,
        record: &ApiRecord,
        counters: Arc<ApiCounters>,
    ) -> Result<Option<CompiledApi>, String>;
}

/// Definitions as the store keeps them: sealed texts, compiled with what holds for every API.
pub struct SealedDefinitions {
    keys: Arc<KeyRing>,
    defaults: GatewayDefaults,
    tls: TlsConfigs,
}

impl SealedDefinitions {
    /// Definitions that these keys open; `defaults` hold where one says nothing.
    #[must_use]
    pub fn new(keys: Arc<KeyRing>, defaults: GatewayDefaults) -> Self {
        Self {
            keys,
            defaults,
            tls: TlsConfigs::default(),
        }
    }
}

impl Definitions for SealedDefinitions {
    fn compile(
        &self,
        record: &ApiRecord,
        counters: Arc<ApiCounters>,
    ) -> Result<Option<CompiledApi>, String> {
        let owner = SecretOwner {
            kind: SecretKind::ApiDefinition,
            id: record.id.as_str(),
        };
        let text = self
            .keys
            .open(owner, &record.document)
            .map_err(|fault| fault.to_string())?;
        let (spec, _) = ApiSpec::from_text(text.expose()).map_err(|faults| faults.to_string())?;
        if !spec.active {
            return Ok(None);
        }
        compile(&spec, record.revision, &self.defaults, counters, &self.tls)
            .map(Some)
            .map_err(|invalid| invalid.to_string())
    }
}
