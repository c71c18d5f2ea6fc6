//! A node: the real binary serving from a temporary data directory, on ports that the system chose.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::answer::{Answer, Client};
use super::process::{BINARY, Killer, LogReader, Process};
use super::wait::{PATIENCE, eventually};

/// What the line `ready ...` on standard output says.
#[derive(Clone, Debug)]
struct Ready {
    gateway: SocketAddr,
    control: SocketAddr,
    cluster: SocketAddr,
    node: String,
}

impl Ready {
    fn parse(line: &str) -> Option<Self> {
        let fields = line.strip_prefix("ready ")?;
        let field = |name: &str| {
            let of_name = |field: &'_ str| {
                Some(field.split_once('=')?.1.to_owned()).filter(|_| field.starts_with(name))
            };
            fields.split(' ').find_map(of_name)
        };
        let address = |name: &str| field(name)?.parse().ok();
        Some(Self {
            gateway: address("gateway=")?,
            control: address("control=")?,
            cluster: address("cluster=")?,
            node: field("node=")?,
        })
    }
}

/// How a node is started; each start has ports of its own.
#[derive(Clone, Default)]
pub(crate) struct NodeBuilder {
    configuration: String,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    log_reader: LogReader,
    disk_bytes: Option<u64>,
}

/// Mounts a file system of `$1` bytes at `$2`, and becomes the rest of its arguments.
const ON_A_DISK: &str = r#"mount -t tmpfs -o "size=$1,mode=700" none "$2" && shift 2 && exec "$@""#;

/// A user of the namespace's own who may mount in it.
const NAMESPACES: [&str; 3] = ["--user", "--map-root-user", "--mount"];

/// Fails with what is missing if a process may not have a file system of its own.
fn assert_mounts_in_a_namespace(at: &Path) {
    let mut probe = Command::new("unshare");
    probe.args(NAMESPACES).args(["sh", "-c", ON_A_DISK, "sh"]);
    let tried = probe.arg("65536").arg(at).arg("true").output();
    let said = match &tried {
        Ok(output) if output.status.success() => return,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    panic!(
        "a node on a disk of its own needs `unshare` (util-linux) and user and mount namespaces: {probe:?} says {said:?}. \
         Allow them: sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0 and \
         user.max_user_namespaces above 0, as far as the system has them; in a container a seccomp profile that lets \
         unshare and mount through"
    );
}

impl NodeBuilder {
    /// Appends to the configuration file.
    pub(crate) fn configuration(mut self, toml: &str) -> Self {
        self.configuration.push_str(toml);
        self.configuration.push('\n');
        self
    }

    /// Sets a variable of the environment, such as `RAFTGATE_OAUTH_ERROR_STYLE`.
    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Appends to the command line after `serve`.
    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Leaves standard error to fill up.
    pub(crate) fn unread_log(mut self) -> Self {
        self.log_reader = LogReader::Nobody;
        self
    }

    /// Gives the data directory a file system of its own with so many bytes, which vanishes with the process.
    ///
    /// Only the process sees it, at [`Node::disk`]; it needs no more rights than to make namespaces (`unshare`), and where
    /// those are forbidden the test fails with what must be allowed.
    pub(crate) fn disk_bytes(mut self, bytes: u64) -> Self {
        self.disk_bytes = Some(bytes);
        self
    }

    /// The command that becomes the binary.
    fn command(&self, data_dir: &Path) -> Command {
        let Some(bytes) = self.disk_bytes else {
            return Command::new(BINARY);
        };
        std::fs::create_dir_all(data_dir).unwrap();
        assert_mounts_in_a_namespace(data_dir);
        let mut command = Command::new("unshare");
        command.args(NAMESPACES).args(["sh", "-c", ON_A_DISK, "sh"]);
        command.arg(bytes.to_string()).arg(data_dir).arg(BINARY);
        command
    }

    /// Starts a node on an empty data directory and waits until it is ready.
    pub(crate) fn start(self) -> Node {
        let mut node = self.prepare();
        node.start_again();
        node
    }

    /// A node that does not run yet; its folder can be filled first.
    pub(crate) fn prepare(self) -> Node {
        let folder = Arc::new(TempDir::new().unwrap());
        Node {
            builder: self,
            folder,
            process: None,
            ready: None,
            client: Client::new(),
        }
    }
}

/// A node and its data; dropping it ends the process and removes the folder.
pub(crate) struct Node {
    builder: NodeBuilder,
    folder: Arc<TempDir>,
    process: Option<Process>,
    ready: Option<Ready>,
    client: Client,
}

impl Node {
    /// A node with default settings, ready to serve.
    pub(crate) fn start() -> Self {
        NodeBuilder::default().start()
    }

    pub(crate) fn builder() -> NodeBuilder {
        NodeBuilder::default()
    }

    /// The temporary folder around the data directory.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// The data directory as the process sees it, for a node with a file system of its own.
    pub(crate) fn disk(&self) -> PathBuf {
        let process = self.process.as_ref().expect("the node was launched");
        let data_dir = self.data_dir();
        let root = PathBuf::from(format!("/proc/{}/root", process.id()));
        root.join(data_dir.strip_prefix("/").unwrap())
    }

    /// Gives the file system of the data directory another size while the process runs.
    pub(crate) fn resize_disk(&self, bytes: u64) {
        let process = self.process.as_ref().expect("the node was launched");
        let status = Command::new("nsenter")
            .arg(format!("--target={}", process.id()))
            .args(["--user", "--mount", "--preserve-credentials", "mount", "-o"])
            .arg(format!("remount,size={bytes}"))
            // With the source named, no option of before is repeated: ids of users would mean others here.
            .args(["-t", "tmpfs", "none"])
            .arg(self.data_dir())
            .status();
        assert!(status.unwrap().success());
    }

    /// Launches the process without waiting for it to serve.
    pub(crate) fn launch(&mut self) -> &mut Process {
        let configuration = self.folder().join("raftgate.toml");
        std::fs::write(&configuration, &self.builder.configuration).unwrap();
        let mut arguments = vec!["serve".to_owned()];
        for (flag, value) in [("--config", configuration), ("--data-dir", self.data_dir())] {
            arguments.extend([flag.to_owned(), value.to_str().unwrap().to_owned()]);
        }
        let listeners = ["--gateway-listen", "--control-listen", "--cluster-listen"];
        let is_free = |flag: &&str| !self.builder.arguments.iter().any(|given| given == flag);
        for flag in listeners.into_iter().filter(is_free) {
            arguments.extend([flag.to_owned(), "127.0.0.1:0".to_owned()]);
        }
        arguments.extend(self.builder.arguments.iter().cloned());
        let process = Process::start_read_by(
            self.builder.log_reader,
            self.builder.command(&self.data_dir()),
            &arguments,
            &self.builder.environment,
            self.folder(),
        );
        self.ready = None;
        self.process.insert(process)
    }

    /// Starts the process on the data that is there, and waits until it is ready.
    pub(crate) fn start_again(&mut self) {
        if let Err((status, text)) = self.try_start() {
            panic!("serve ended with {status} before it was ready:\n{text}");
        }
    }

    /// Starts the process on the data that is there; answers its status and what it wrote on standard error if it ends
    /// before it is ready.
    pub(crate) fn try_start(&mut self) -> Result<(), (ExitStatus, String)> {
        let process = self.launch();
        let outcome = eventually("the ready line", PATIENCE, || {
            let ready = process.out.find(|line| Ready::parse(line));
            match ready {
                Some(ready) => Some(Ok(ready)),
                None => process.ended().map(Err),
            }
        });
        match outcome {
            Ok(ready) => self.ready = Some(ready),
            Err(status) => {
                process.wait(PATIENCE);
                return Err((status, process.err.text()));
            }
        }
        Ok(())
    }

    /// Gives further starts the address that the gateway has now, and returns it.
    pub(crate) fn keep_gateway_address(&mut self) -> SocketAddr {
        let address = self.gateway();
        let flag = ["--gateway-listen".to_owned(), address.to_string()];
        self.builder.arguments.extend(flag);
        address
    }

    /// Kills it as a crash does and starts it again on the same data.
    pub(crate) fn crash_and_restart(&mut self) {
        self.kill();
        self.start_again();
    }

    /// Kills it as a crash does; the data stays.
    pub(crate) fn kill(&mut self) {
        self.process().kill();
    }

    /// What kills the process while the node is borrowed by its clients.
    pub(crate) fn killer(&mut self) -> Killer {
        self.process().killer()
    }

    /// Asks it to drain and end, and waits for that.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        let process = self.process();
        process.signal(Signal::TERM);
        process.wait(PATIENCE)
    }

    pub(crate) fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the node was launched")
    }

    /// What it logged since it was started.
    pub(crate) fn log(&self) -> String {
        self.process
            .as_ref()
            .map(|process| process.err.text())
            .unwrap_or_default()
    }

    fn ready(&self) -> &Ready {
        self.ready.as_ref().expect("the node is ready")
    }

    pub(crate) fn name(&self) -> &str {
        &self.ready().node
    }

    pub(crate) fn gateway(&self) -> SocketAddr {
        self.ready().gateway
    }

    pub(crate) fn control(&self) -> SocketAddr {
        self.ready().control
    }

    pub(crate) fn cluster(&self) -> SocketAddr {
        self.ready().cluster
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// A URL of the gateway listener.
    pub(crate) fn gateway_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.gateway())
    }

    /// A URL of the control listener.
    pub(crate) fn control_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.control())
    }

    /// The control secret that the founding node wrote.
    pub(crate) fn secret(&self) -> String {
        let file = self.data_dir().join("control.secret");
        std::fs::read_to_string(file).unwrap().trim().to_owned()
    }

    /// Sends a request with the control secret to the control listener; `Value::Null` sends no body.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let secret = self.secret();
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let headers = [
            ("x-tyk-authorization", secret.as_str()),
            ("content-type", "application/json"),
        ];
        self.client
            .send(method, &self.control_url(path), &headers, text.as_bytes())
    }
}
