//! The node of the demo: everything as `serve` has it, in a temporary folder and on ports that the system chooses.

use std::sync::Arc;

use raftgate_model::clock::{Clock, Entropy};
use tempfile::TempDir;

use super::NodeDoors;
use crate::boot::{BootError, RunningNode, Surroundings};
use crate::config::environment::Environment;
use crate::config::error::ConfigErrors;
use crate::config::flags::Flags;
use crate::config::load;
use crate::config::settings::Settings;
use crate::config::table;

/// Any port of the loopback interface.
const ANY_PORT: &str = "127.0.0.1:0";

/// Why the demo has no node.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoNodeError {
    /// There is no place for its data.
    #[error("no temporary folder can be made: {0}")]
    Folder(std::io::Error),
    /// The name of the temporary folder is no setting.
    #[error("{0}")]
    Settings(#[from] ConfigErrors),
    /// The node does not start.
    #[error(transparent)]
    Boot(#[from] BootError),
}

/// A running node whose data goes with it.
pub(super) struct DemoNode {
    running: RunningNode,
    folder: TempDir,
}

impl DemoNode {
    /// Starts a node on an empty folder.
    pub(super) async fn start(
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, DemoNodeError> {
        let folder = tempfile::Builder::new().prefix("raftgate-demo-").tempdir();
        let folder = folder.map_err(DemoNodeError::Folder)?;
        let settings = settings(&folder)?;
        let surroundings = Surroundings { clock, entropy };
        let running = RunningNode::start(settings, surroundings).await?;
        Ok(Self { running, folder })
    }

    /// What the samples need to know of it.
    pub(super) fn doors(&self) -> NodeDoors {
        NodeDoors {
            gateway: self.running.gateway_address(),
            control: self.running.control_address(),
            control_secret: self.running.control_secret().duplicate(),
        }
    }

    /// Ends the node and removes its data.
    pub(super) async fn stop(self) {
        self.running.stop().await;
        let path = self.folder.path().display().to_string();
        if let Err(error) = self.folder.close() {
            tracing::warn!(folder = path, %error, "the demo's folder could not be removed");
        }
    }
}

/// The defaults, but for places: what an operator set for a node in earnest does not concern the demo.
fn settings(folder: &TempDir) -> Result<Settings, ConfigErrors> {
    let data_dir = folder.path().join("data");
    let data_dir = data_dir.to_string_lossy();
    let flags = Flags::default()
        .with("--data-dir", table::NODE_DATA_DIR, Some(&data_dir))
        .with("--node-name", table::NODE_NAME, Some("demo"))
        .with("--gateway-listen", table::GATEWAY_LISTEN, Some(ANY_PORT))
        .with("--control-listen", table::CONTROL_LISTEN, Some(ANY_PORT))
        .with("--cluster-listen", table::CLUSTER_LISTEN, Some(ANY_PORT));
    load(None, &Environment::default(), &flags)
}
