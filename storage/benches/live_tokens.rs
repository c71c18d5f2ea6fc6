//! A million live tokens: memory, apply, persistent copy, snapshot and restart, measured in one process.
//!
//! `cargo bench -p raftgate-storage --bench live_tokens -- [TOKENS] [FOLDER]`; the second half of the figures comes
//! from the same process, so that the peak is that of a node which does everything at once. Budgets: 1 GiB at the peak
//! (stretch 600 MiB), restart in 10 s (stretch 3 s), 10,000 tokens per second on one core, copy included.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark prints, reads the CPU time, and ends at the first surprise"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use openraft::storage::{RaftSnapshotBuilder as _, RaftStateMachine as _};
use openraft::{CommittedLeaderId, EntryPayload};
use raftgate_model::clock::Clock;
use raftgate_model::command::{
    AuthenticatedClient, Batch, Command, Found, IssueClientCredentials, NewClient, Origin, PutApi,
    PutPolicy, Request, SecretOrigin,
};
use raftgate_model::id::{
    ApiId, BootId, ClientId, GrantId, Incarnation, KeyId, NodeId, OrgId, PolicyId, Revision,
};
use raftgate_model::keyring::{CheckValue, KeyCheck};
use raftgate_model::oauth::scope::Scope;
use raftgate_model::state::record::{ClientSecret, ClientText};
use raftgate_model::state::{ClientKey, RouteKey};
use raftgate_model::testing::Choices;
use raftgate_model::time::{Timestamp, Ttl};
use raftgate_storage::disk::FsDisk;
use raftgate_storage::log::SnapshotMark;
use raftgate_storage::machine::{LogExtent, MachineConfig, StateMachine, open};
use raftgate_storage::types::{Entry, LogId, Proposal};
use tokio::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const APIS: u64 = 10;
const CLIENTS: u64 = 100;
const BATCH: u64 = 64;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_s(1_700_000_000)
    }

    fn boot_time(&self) -> Ttl {
        Ttl::ZERO
    }
}

/// A line of `/proc/self/status`, in MiB.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024
}

/// The CPU time of this thread.
fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}

/// The CPU time of all threads whose name begins with one of these, in seconds.
fn cpu_s(names: &[&str]) -> f64 {
    let mut ticks = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let Ok(stat) = std::fs::read_to_string(task.unwrap().path().join("stat")) else {
            continue;
        };
        let name = stat.split_once('(').unwrap().1;
        let (name, rest) = name.rsplit_once(") ").unwrap();
        if names.iter().any(|wanted| name.starts_with(wanted)) {
            let mut fields = rest.split_whitespace().skip(11);
            ticks += fields.next().unwrap().parse::<u64>().unwrap();
            ticks += fields.next().unwrap().parse::<u64>().unwrap();
        }
    }
    ticks as f64 / 100.0
}

fn config(folder: &Path) -> MachineConfig {
    MachineConfig {
        copy: folder.join("copy"),
        snapshots: Arc::new(FsDisk::open(&folder.join("snapshots")).unwrap()),
        mark: SnapshotMark::default(),
        clock: Arc::new(Fixed),
    }
}

struct Log {
    index: u64,
    sequence: u64,
    choices: Choices,
}

impl Log {
    fn log_id(&self) -> LogId {
        LogId::new(CommittedLeaderId::new(1, 1), self.index)
    }

    fn entry(&mut self, commands: Vec<Command>) -> Entry {
        self.index += 1;
        let done_below = self.sequence;
        let requests = commands
            .into_iter()
            .map(|command| {
                self.sequence += 1;
                Request {
                    origin: 0,
                    sequence: self.sequence,
                    command,
                }
            })
            .collect();
        let batch = Batch {
            stamp: Timestamp::from_ms(1_700_000_000_000 + self.index),
            origins: vec![Origin {
                node: NodeId(1),
                boot: BootId(1),
                done_below,
            }],
            requests,
        };
        Entry {
            log_id: self.log_id(),
            payload: EntryPayload::Normal(Proposal(Arc::new(batch))),
        }
    }

    fn configuration(&mut self) -> Vec<Entry> {
        let sealed = r#"{"key":1,"nonce":[1,2,3,4,5,6,7,8,9,10,11,12],"ciphertext":[1]}"#;
        let policy = PolicyId::new("policy-of-everybody").unwrap();
        let mut commands = vec![
            Command::Found(Found {
                cluster: [7; 16],
                incarnation: Incarnation(42),
                active_key: KeyCheck {
                    id: KeyId(1),
                    value: CheckValue::from_bytes([1; 16]),
                },
            }),
            Command::PutPolicy(PutPolicy {
                id: policy.clone(),
                org: OrgId::default(),
                document: "{}".into(),
                source: None,
            }),
        ];
        for api in 0..APIS {
            commands.push(Command::PutApi(PutApi {
                id: api_id(api),
                org: OrgId::default(),
                document: serde_json::from_str(sealed).unwrap(),
                document_hash: [0; 32],
                routes: vec![RouteKey {
                    host: None,
                    listen_path: format!("/api-{api}").into(),
                }],
                source: None,
            }));
        }
        for client in 0..CLIENTS {
            commands.push(Command::CreateClient(NewClient {
                apis: vec![api_id(client % APIS)],
                id: client_key(client).client,
                secret: ClientSecret::Public,
                origin: SecretOrigin::Given,
                text: ClientText {
                    redirect_uri: "https://app.example/cb".into(),
                    policy: Some(policy.clone()),
                    meta_data: None,
                    description: "".into(),
                },
                expires_at: None,
            }));
        }
        commands
            .into_iter()
            .map(|command| self.entry(vec![command]))
            .collect()
    }

    fn tokens(&mut self, machine: &StateMachine) -> Entry {
        let commands = (0..BATCH)
            .map(|_| {
                let key = client_key(self.choices.below(CLIENTS));
                let credentials_revision = machine
                    .view()
                    .client(&key)
                    .map_or(Revision::default(), |client| client.credentials_revision);
                Command::IssueClientCredentials(IssueClientCredentials {
                    client: AuthenticatedClient {
                        key,
                        credentials_revision,
                    },
                    grant: GrantId::from_bytes(self.choices.bytes16()),
                    scope: Scope::parse("orders:read orders:write").unwrap(),
                    lifetime: Ttl::from_s(3600 + self.choices.below(60)),
                })
            })
            .collect();
        self.entry(commands)
    }
}

fn api_id(number: u64) -> ApiId {
    ApiId::new(&format!("api-{number:032}")).unwrap()
}

fn client_key(number: u64) -> ClientKey {
    ClientKey {
        api: api_id(number % APIS),
        client: ClientId::new(&format!("client-{number:032}")).unwrap(),
    }
}

async fn fill(machine: &mut StateMachine, log: &mut Log, tokens: u64) {
    let configuration = log.configuration();
    machine.apply(configuration).await.unwrap();
    let before = cpu_s(&["state copy", "sled"]);
    let mut applying = Duration::ZERO;
    let begun = Instant::now();
    for _ in 0..tokens / BATCH {
        let entry = log.tokens(machine);
        let moment = thread_cpu();
        machine.apply([entry]).await.unwrap();
        applying += thread_cpu() - moment;
    }
    let issued = begun.elapsed();
    machine.flush_copy().await;
    let copied = cpu_s(&["state copy", "sled"]) - before;
    let us = |seconds: f64| seconds * 1e6 / tokens as f64;
    println!("{tokens} tokens in entries of {BATCH}");
    println!(
        "  wall time                     {:8.2} s",
        issued.as_secs_f64()
    );
    println!(
        "  until all is in the copy      {:8.2} s",
        begun.elapsed().as_secs_f64()
    );
    println!(
        "  apply, CPU                    {:8.2} us per token",
        us(applying.as_secs_f64())
    );
    println!(
        "  digest and sled, CPU          {:8.2} us per token",
        us(copied)
    );
    println!(
        "  sled batches                  {:8}",
        machine.copy_status().batches()
    );
    println!("  memory now                    {:8} MiB", memory("VmRSS"));
}

async fn snapshot_under_load(machine: &mut StateMachine, log: &mut Log) {
    let mut builder = machine.get_snapshot_builder().await;
    let begun = Instant::now();
    let building = tokio::spawn(async move { builder.build_snapshot().await.unwrap() });
    let mut longest = Duration::ZERO;
    let mut entries = 0;
    while !building.is_finished() {
        let entry = log.tokens(machine);
        let moment = Instant::now();
        machine.apply([entry]).await.unwrap();
        longest = longest.max(moment.elapsed());
        entries += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let snapshot = building.await.unwrap();
    println!("snapshot, with {entries} entries applied meanwhile");
    println!(
        "  written in                    {:8.2} s",
        begun.elapsed().as_secs_f64()
    );
    println!(
        "  length                        {:8} MiB",
        snapshot.snapshot.bytes() >> 20
    );
    println!(
        "  longest apply of an entry     {:8.2} ms",
        longest.as_secs_f64() * 1e3
    );
    println!("  memory now                    {:8} MiB", memory("VmRSS"));
}

fn restart(folder: &Path, log: &Log, what: &str) {
    let extent = LogExtent {
        purged: None,
        last: Some(log.log_id()),
        voted: true,
    };
    let begun = Instant::now();
    let opened = open(config(folder), extent, &mut |_| {}).unwrap();
    let view = opened.machine.view();
    println!(
        "restart from {what}: {:?} gave {} tokens",
        opened.source,
        view.live_tokens().grants
    );
    println!(
        "  loaded in                     {:8.2} s",
        begun.elapsed().as_secs_f64()
    );
    println!("  CPU time of all               {:8.2} s", cpu_s(&[""]));
    println!("  memory now                    {:8} MiB", memory("VmRSS"));
    println!("  memory at the peak            {:8} MiB", memory("VmHWM"));
}

/// Restarts happen in a process of their own, so that its memory is that of a fresh start.
fn restart_in_child(folder: &Path, log: &Log, what: &str) {
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["restart", what, &log.index.to_string()])
        .arg(folder)
        .status();
    assert!(status.unwrap().success());
}

fn main() {
    // Without the flag that `cargo bench` gives this is a test of the benchmark itself.
    let measured = std::env::args().any(|arg| arg == "--bench");
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    if let [first, what, index, folder] = &args[..]
        && first == "restart"
    {
        let log = Log {
            index: index.parse().unwrap(),
            sequence: 0,
            choices: Choices::new(0),
        };
        restart(Path::new(folder), &log, what);
        return;
    }
    let tokens = args
        .first()
        .map_or(if measured { 1_000_000 } else { 2_000 }, |tokens| {
            tokens.parse().unwrap()
        });
    let parent = args
        .get(1)
        .map_or(env!("CARGO_TARGET_TMPDIR"), String::as_str);
    let folder = tempfile::tempdir_in(parent).unwrap();
    let mut log = Log {
        index: 0,
        sequence: 0,
        choices: Choices::new(1),
    };
    runtime.block_on(async {
        println!("memory at first                 {:8} MiB", memory("VmRSS"));
        let opened = open(config(folder.path()), LogExtent::default(), &mut |_| {}).unwrap();
        let mut machine = opened.machine;
        fill(&mut machine, &mut log, tokens).await;
        snapshot_under_load(&mut machine, &mut log).await;
        println!("  memory at the peak            {:8} MiB", memory("VmHWM"));
    });
    restart_in_child(folder.path(), &log, "the copy");
    let moved = folder.path().join("copy");
    std::fs::remove_dir_all(moved).unwrap();
    restart_in_child(folder.path(), &log, "the snapshot");
}
