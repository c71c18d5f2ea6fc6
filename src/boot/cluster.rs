//! Consensus on its own thread: log and state are opened, held against this node's identity and key ring, and started.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use raftgate_cluster::handle::ClusterHandle;
use raftgate_cluster::node::{NodeConfig, Storage, StorageConfig, start};
use raftgate_model::clock::Clock;
use raftgate_model::command::Found;
use raftgate_model::id::Incarnation;
use raftgate_model::keyring::{ForeignKey, KeyCheck, KeyRing, UnknownKey};
use raftgate_model::state::record::Meta;
use raftgate_storage::machine::StateMachine;
use raftgate_storage::types::Node as Peer;
use raftgate_storage::wal::{WalConfig, WalId};
use tokio::sync::oneshot;

use super::background::duration;
use super::identity::Stage;
use super::loading::Loading;
use super::{BootError, Identity, Surroundings};
use crate::config::settings::Settings;
use crate::listen_error::Listener;

/// How long the newest entries of the log are waited for at the start.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens log and state, and starts consensus over them.
pub(super) async fn start_cluster(
    settings: &Settings,
    identity: &Identity,
    keys: &Arc<KeyRing>,
    surroundings: &Surroundings,
    listener: &TcpListener,
) -> Result<ClusterHandle, BootError> {
    let bound = listener
        .local_addr()
        .map_err(|error| Listener::Cluster.failed(settings.cluster.listen, error))?;
    let address = match &settings.cluster.advertise {
        Some(advertised) => advertised.to_string(),
        None => bound.to_string(),
    };
    let founding = founding(settings, keys, surroundings)?;
    let config = NodeConfig {
        node: identity.id(),
        name: identity.name().to_owned(),
        address,
        data_dir: settings.node.data_dir.clone(),
        write_timeout: duration(settings.cluster.write_timeout),
        founding: Some(founding),
    };
    let storage = StorageConfig {
        data_dir: settings.node.data_dir.clone(),
        wal: WalConfig::default(),
        new_log: match identity.stage() {
            Stage::Founding | Stage::Restored => Some(WalId(surroundings.entropy.bytes16())),
            Stage::Restoring | Stage::Member => None,
        },
    };
    let storage = load(storage, Arc::clone(&surroundings.clock)).await?;
    // Before anything is written: what does not belong together must not be mixed any further.
    check_fits(settings, identity, keys, &storage.machine)?;
    let cluster = start(config, storage, Arc::clone(&surroundings.clock)).await?;
    catch_up(&cluster).await;
    // What the state was not known to hold before the rest of the log was applied.
    if let Err(error) = check_ring(settings.keyring_path(), keys, &cluster.view().meta()) {
        cluster.shutdown().await;
        return Err(error);
    }
    Ok(cluster)
}

/// Opens log and state on a thread of their own.
///
/// It blocks for seconds when the state is big, and meanwhile signals are to be heard and `/ready` is to be answered.
async fn load(config: StorageConfig, clock: Arc<dyn Clock>) -> Result<Storage, BootError> {
    let failed = |reason: String| BootError::Loading(reason);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let (sender, loaded) = oneshot::channel();
    let open = move || {
        let mut loading = Loading::default();
        let mut tell = |at| loading.tell(at);
        let opened = runtime.block_on(Storage::open(config, clock, &mut tell));
        // Nobody waits any more if the start was given up.
        let _ = sender.send(opened);
    };
    std::thread::Builder::new()
        .name("load".into())
        .spawn(open)
        .map_err(|error| failed(error.to_string()))?;
    let opened = loaded.await;
    Ok(opened.map_err(|_| failed("it panicked".into()))??)
}

/// Waits until everything in the log is applied, where this node needs nobody else for that.
///
/// An entry is acknowledged when it is durable, and what was committed is written down a little later: after a crash the
/// newest entries are applied only when this node leads again, which takes a sole voter no longer than a write.
async fn catch_up(cluster: &ClusterHandle) {
    let status = cluster.status();
    let mut voters = status.members.iter().filter(|member| member.is_voter);
    let is_sole_voter = voters.next().is_some_and(|voter| voter.node == status.node);
    let (true, None, Some(last)) = (is_sole_voter, voters.next(), status.last_log) else {
        return;
    };
    let deadline = tokio::time::Instant::now() + CATCH_UP_TIMEOUT;
    if let Err(error) = cluster.wait_applied(last, deadline).await {
        tracing::warn!(last = last.0, %error, "the newest entries of the log are not in force yet");
    }
}

/// The state must be that of this node, and the ring must hold the key by which tokens are made.
fn check_fits(
    settings: &Settings,
    identity: &Identity,
    keys: &KeyRing,
    machine: &StateMachine,
) -> Result<(), BootError> {
    let (_, members) = machine.position();
    let members: Vec<_> = members.nodes().collect();
    if !members.is_empty() && members.iter().all(|(id, _)| **id != identity.id().0) {
        let shown = |(id, node): &(&u64, &Peer)| format!("{} ({id:016x})", node.name);
        let shown: Vec<String> = members.iter().map(shown).collect();
        return Err(identity.is_no_member(&shown));
    }
    check_ring(settings.keyring_path(), keys, &machine.view().meta())
}

/// A new cluster whose tokens are made with the ring's active key.
fn founding(
    settings: &Settings,
    keys: &KeyRing,
    surroundings: &Surroundings,
) -> Result<Found, BootError> {
    let id = keys.active();
    let value = keys.check_value(id).map_err(|UnknownKey(key)| {
        let path = settings.keyring_path();
        let key = key.to_string();
        BootError::KeyMissing { path, key }
    })?;
    Ok(Found {
        cluster: surroundings.entropy.bytes16(),
        incarnation: Incarnation(u32::from_be_bytes(surroundings.entropy.bytes4())),
        active_key: KeyCheck { id, value },
    })
}

/// The ring must hold the key by which tokens are made, and no other key under an id that the state knows.
fn check_ring(path: PathBuf, keys: &KeyRing, meta: &Meta) -> Result<(), BootError> {
    let founded = meta.cluster != [0; 16];
    if !founded {
        return Ok(());
    }
    if let Err(ForeignKey(key)) = keys.agrees_with(&meta.keys) {
        return Err(BootError::OtherKey { path, key });
    }
    if keys.key_ids().any(|id| id == meta.active_key) {
        return Ok(());
    }
    let key = meta.active_key.to_string();
    Err(BootError::KeyMissing { path, key })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use raftgate_model::id::KeyId;
    use raftgate_model::secret::SecretBytes;

    use super::*;

    fn ring(id: u16, material: u8) -> KeyRing {
        KeyRing::new(
            KeyId(id),
            SecretBytes::new([material; 32]),
            SecretBytes::new([2; 32]),
        )
    }

    #[test]
    fn a_state_takes_its_own_ring_alone() {
        let mut meta = Meta::default();
        let check = |meta: &Meta, ring: &KeyRing| check_ring("keyring".into(), ring, meta);
        assert!(check(&meta, &ring(1, 9)).is_ok(), "not founded yet");
        meta.cluster = [7; 16];
        meta.activate(ring(1, 1).key_checks().next().unwrap());
        assert!(check(&meta, &ring(1, 1)).is_ok());
        assert!(matches!(
            check(&meta, &ring(1, 9)),
            Err(BootError::OtherKey { .. })
        ));
        assert!(matches!(
            check(&meta, &ring(2, 1)),
            Err(BootError::KeyMissing { .. })
        ));
    }
}
