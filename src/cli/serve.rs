//! `raftgate serve`: its flags, and everything before the node itself.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::terminal::{Exit, Terminal, complaint};
use crate::boot::{RunningNode, Surroundings};
use crate::clock::{SystemClock, SystemEntropy};
use crate::config::environment::Environment;
use crate::config::flags::Flags;
use crate::config::load;
use crate::config::settings::Settings;
use crate::config::table;
use crate::ready_line::ReadyLine;
use crate::signals::{Signal, Signals};
use crate::telemetry::log_queue::LogWriter;
use crate::telemetry::{logging, panic_hook};

/// Run a node
///
/// With an empty data directory the node founds a cluster of its own. Prints one line that begins with "ready" on
/// standard output when it serves; logs go to standard error. SIGTERM and SIGINT drain and end with status 0; SIGHUP
/// reads TLS files and the definitions folder again.
#[derive(Args, Debug)]
pub struct ServeArguments {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of the log, the store and the node's identity [default: ./raftgate-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// The name of this node [default: node- and 8 random hex digits, chosen at the first start]
    #[arg(long, value_name = "NAME")]
    node_name: Option<String>,
    /// Where the APIs are served [default: 0.0.0.0:8080]
    #[arg(long, value_name = "ADDR")]
    gateway_listen: Option<String>,
    /// Where the control API is served [default: 127.0.0.1:8081]
    #[arg(long, value_name = "ADDR")]
    control_listen: Option<String>,
    /// Where the other nodes reach this one [default: 127.0.0.1:8082]
    #[arg(long, value_name = "ADDR")]
    cluster_listen: Option<String>,
    /// The address of this node that the other nodes are told [default: the bound address]
    #[arg(long, value_name = "ADDR")]
    cluster_advertise: Option<String>,
    /// Nodes of the cluster to join; refused by this version, which runs clusters of one node
    #[arg(long, value_name = "ADDR[,ADDR]")]
    join: Option<String>,
    /// The token for --join; without effect in this version, which joins no cluster
    #[arg(long, value_name = "TOKEN")]
    join_token: Option<String>,
}

/// Resolves the settings, starts logging (until the writer is dropped) and says what is unwise: all that comes before the node is put together.
///
/// # Errors
/// The reason has been printed; the status says whether the configuration or the system is at fault.
pub fn prepare(
    arguments: &ServeArguments,
    environment: &Environment,
    terminal: &mut Terminal<'_>,
) -> Result<(Settings, LogWriter), Exit> {
    let settings = match settings(arguments, environment) {
        Ok(settings) => settings,
        Err(reason) => {
            terminal.complain(reason);
            return Err(Exit::Usage);
        }
    };
    let log = match logging::start(&settings.log) {
        Ok(writer) => writer,
        Err(error) => {
            terminal.complain(error);
            return Err(Exit::Failure);
        }
    };
    panic_hook::install();
    for warning in settings.warnings() {
        tracing::warn!("{warning}");
    }
    Ok((settings, log))
}

/// Runs a node until it is asked to end.
pub fn run(
    arguments: &ServeArguments,
    environment: &Environment,
    terminal: &mut Terminal<'_>,
) -> Exit {
    let (settings, log) = match prepare(arguments, environment, terminal) {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    let ended = actix_rt::System::new().block_on(serve(settings));
    match ended {
        Ok(()) => Exit::Success,
        Err(reason) => {
            // By way of the log: what led to a failure is read before it, and a reader that hangs holds nobody up for long.
            log.say_last(&complaint(reason));
            Exit::Failure
        }
    }
}

/// Starts the node, says that it serves, and obeys signals until the end.
async fn serve(settings: Settings) -> Result<(), String> {
    let mut signals =
        Signals::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let surroundings = Surroundings {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    let (node, reload) = match start(settings, surroundings, &mut signals).await {
        Started::Serving { node, reload } => (node, reload),
        Started::Failed(reason) => return Err(reason),
        Started::GivenUp => return Ok(()),
    };
    if let Err(error) = announce(&node) {
        node.stop().await;
        return Err(format!("cannot say that the node is ready: {error}"));
    }
    if reload {
        node.reload();
    }
    loop {
        match signals.next().await {
            Signal::Drain => {
                tracing::info!("draining");
                node.stop().await;
                return Ok(());
            }
            Signal::Reload => node.reload(),
        }
    }
}

/// What became of a start.
enum Started {
    /// The node serves.
    Serving {
        node: Box<RunningNode>,
        /// Whether a reload was asked for meanwhile.
        reload: bool,
    },
    /// It does not, for this reason.
    Failed(String),
    /// It was to end before it served.
    GivenUp,
}

/// Starts the node unless it is told to end first: loading a big state takes seconds, and nothing is served meanwhile that
/// would have to be finished.
async fn start(settings: Settings, surroundings: Surroundings, signals: &mut Signals) -> Started {
    let mut starting = Box::pin(RunningNode::start(settings, surroundings));
    let mut reload = false;
    loop {
        tokio::select! {
            biased;
            started = &mut starting => {
                return match started {
                    Ok(node) => Started::Serving { node: Box::new(node), reload },
                    Err(error) => Started::Failed(error.to_string()),
                };
            }
            signal = signals.next() => match signal {
                Signal::Reload => reload = true,
                Signal::Drain => {
                    tracing::info!("told to end before anything was served");
                    // What it began is cut off with the process, as by a crash, which every start copes with. Until then
                    // it holds the lock of the data directory, because its threads may still be at work there.
                    std::mem::forget(starting);
                    return Started::GivenUp;
                }
            },
        }
    }
}

fn announce(node: &RunningNode) -> std::io::Result<()> {
    let line = ReadyLine {
        gateway: node.gateway_address(),
        control: node.control_address(),
        cluster: node.cluster_address()?,
        node: node.name().to_owned(),
    };
    line.print(&mut std::io::stdout().lock())
}

/// The settings of a node that this version can run.
fn settings(arguments: &ServeArguments, environment: &Environment) -> Result<Settings, String> {
    let settings = load(arguments.config.as_deref(), environment, &arguments.flags())
        .map_err(|errors| errors.to_string())?;
    match settings.cluster.join.as_slice() {
        [] => Ok(settings),
        // To found a cluster of its own instead would look like success and be a second, separate cluster.
        [..] => Err(
            "cluster.join (--join): this version runs clusters of one node and cannot join another; start without it"
                .to_owned(),
        ),
    }
}

impl ServeArguments {
    fn flags(&self) -> Flags {
        Flags::default()
            .with("--data-dir", table::NODE_DATA_DIR, self.data_dir.as_deref())
            .with("--node-name", table::NODE_NAME, self.node_name.as_deref())
            .with(
                "--gateway-listen",
                table::GATEWAY_LISTEN,
                self.gateway_listen.as_deref(),
            )
            .with(
                "--control-listen",
                table::CONTROL_LISTEN,
                self.control_listen.as_deref(),
            )
            .with(
                "--cluster-listen",
                table::CLUSTER_LISTEN,
                self.cluster_listen.as_deref(),
            )
            .with(
                "--cluster-advertise",
                table::CLUSTER_ADVERTISE,
                self.cluster_advertise.as_deref(),
            )
            .with("--join", table::CLUSTER_JOIN, self.join.as_deref())
            .with(
                "--join-token",
                table::CLUSTER_JOIN_TOKEN,
                self.join_token.as_deref(),
            )
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test fails by panicking where it went wrong"
    )]

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Serve {
        #[command(flatten)]
        arguments: ServeArguments,
    }

    fn resolved(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Settings, String> {
        let serve = Serve::try_parse_from([&["raftgate"], arguments].concat())
            .unwrap_or_else(|error| panic!("{error}"));
        settings(
            &serve.arguments,
            &Environment::from_pairs(variables.iter().copied()),
        )
    }

    #[test]
    fn every_flag_sets_its_key() {
        let settings = resolved(
            &[
                "--data-dir",
                "/d",
                "--node-name",
                "n1",
                "--gateway-listen",
                "127.0.0.1:1",
                "--control-listen",
                "127.0.0.1:2",
                "--cluster-listen",
                "127.0.0.1:3",
                "--cluster-advertise",
                "host:4",
                "--join-token",
                "t0ken",
            ],
            &[("RAFTGATE_NODE_NAME", "n2")],
        )
        .unwrap_or_else(|reason| panic!("{reason}"));
        assert_eq!(settings.node.data_dir, std::path::Path::new("/d"));
        assert_eq!(settings.node.name.as_deref(), Some("n1"));
        let listen = [
            settings.gateway.listen,
            settings.control.listen,
            settings.cluster.listen,
        ];
        assert_eq!(listen.map(|address| address.port()), [1, 2, 3]);
        assert_eq!(settings.cluster.advertise.unwrap().to_string(), "host:4");
        assert_eq!(settings.cluster.join_token.unwrap().expose(), "t0ken");
    }

    #[test]
    fn joining_is_refused_with_the_reason_wherever_it_is_asked_for() {
        for (arguments, variables) in [
            (&["--join", "a:1,b:2"][..], &[][..]),
            (&[], &[("RAFTGATE_CLUSTER_JOIN", "a:1")]),
        ] {
            let reason = resolved(arguments, variables).err().unwrap();
            assert!(reason.contains("--join"), "{reason}");
            assert!(reason.contains("clusters of one node"), "{reason}");
        }
        assert!(
            resolved(&["--join", "nowhere"], &[])
                .err()
                .unwrap()
                .contains("HOST:PORT")
        );
        assert!(resolved(&[], &[("RAFTGATE_CLUSTER_JOIN", "")]).is_ok());
    }

    #[test]
    fn preparing_ends_with_2_when_the_configuration_is_wrong() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let serve = Serve::try_parse_from(["raftgate", "--gateway-listen", "here"]);
        let serve = serve.unwrap_or_else(|error| panic!("{error}"));
        let mut terminal = Terminal::new(&mut out, &mut err);
        let exit = prepare(&serve.arguments, &Environment::default(), &mut terminal).err();
        assert_eq!(exit, Some(Exit::Usage));
        let said = String::from_utf8(err).unwrap();
        assert!(
            said.starts_with("error: flag --gateway-listen: gateway.listen: "),
            "{said}"
        );
    }
}
