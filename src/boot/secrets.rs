//! The key ring and the control secret: found, or made at the founding start.

use raftgate_model::id::KeyId;
use raftgate_model::keyring::KeyRing;
use raftgate_model::oauth::client::generated_secret;
use raftgate_model::secret::{Secret, SecretBytes};
use raftgate_storage::keyring_file::{self, KeyRingFileError};
use raftgate_storage::private_file::{self, Existing};

use super::identity::Stage;
use super::{BootError, Identity, Surroundings};
use crate::config::settings::Settings;
use crate::control_secret::ControlSecretFile;

/// The key that a new ring begins with.
const FIRST_KEY: KeyId = KeyId(1);

/// The key ring; a new node without one makes one, an old node must have its own.
pub(super) fn key_ring(
    settings: &Settings,
    identity: &Identity,
    surroundings: &Surroundings,
) -> Result<KeyRing, BootError> {
    let path = settings.keyring_path();
    // In the data directory they are gone already; a ring that stands elsewhere has its drafts there. One that an import is
    // writing at this moment stays.
    if let Err(error) = private_file::remove_drafts(&path) {
        tracing::warn!(path = %path.display(), %error, "unfinished drafts of the key ring cannot be looked for");
    }
    match keyring_file::load(&path) {
        Ok(ring) if identity.fits(&ring) => Ok(ring),
        Ok(_) => Err(BootError::OtherRing {
            path,
            node: identity.path().to_owned(),
        }),
        Err(KeyRingFileError::Missing { .. }) if identity.stage() == Stage::Founding => {
            let random = || SecretBytes::new(surroundings.entropy.bytes32());
            let ring = KeyRing::new(FIRST_KEY, random(), random());
            keyring_file::create(&path, &ring)?;
            tracing::info!(path = %path.display(), "key ring made");
            Ok(ring)
        }
        Err(KeyRingFileError::Missing { path }) => Err(BootError::RingMissing { path }),
        Err(error) => Err(error.into()),
    }
}

/// The control secret: configured, else kept from an earlier start, else made now.
pub(super) fn control_secret(
    settings: &Settings,
    identity: &Identity,
    surroundings: &Surroundings,
) -> Result<Secret, BootError> {
    if let Some(secret) = &settings.control.secret {
        return Ok(secret.duplicate());
    }
    let path = settings.node.control_secret_path();
    if let Some(file) = ControlSecretFile::find(&path)? {
        if let Some(exposure) = file.exposure {
            tracing::warn!("{exposure}");
        }
        return Ok(file.secret);
    }
    let secret = generated_secret(&surroundings.entropy.bytes32());
    let line = Secret::new(format!("{}\n", secret.expose()));
    private_file::write(&path, line.expose().as_bytes(), Existing::Replace)
        .map_err(|error| BootError::file(&path, error))?;
    match identity.stage() {
        Stage::Member => tracing::warn!(
            path = %path.display(),
            "there was no control secret any more: a new one was made, it stands in this file; the old one is refused"
        ),
        Stage::Founding | Stage::Restoring | Stage::Restored => {
            tracing::info!(path = %path.display(), "control secret made, it stands in this file");
        }
    }
    Ok(secret)
}
