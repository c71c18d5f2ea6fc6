//! How many commands a second one node carries out, durably, at 1, 16 and 128 clients, beside what the disk itself does.
//!
//! Run by `cargo bench -p raftgate-cluster`, and once more under `taskset -c 0` for one core. The folder stands in
//! `RAFTGATE_BENCH_DIR`, else in the target folder: never on a memory file system.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints what it measured and stops at the first surprise"
)]

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use raftgate_cluster::batch::Lane;
use raftgate_cluster::handle::ClusterHandle;
use raftgate_cluster::node::{self, NodeConfig, Storage, StorageConfig};
use raftgate_model::answer::Reply;
use raftgate_model::clock::Clock;
use raftgate_model::command::{
    AuthenticatedClient, Command, Found, IssueClientCredentials, NewClient, PutApi, PutPolicy,
    SecretOrigin,
};
use raftgate_model::id::{
    ApiId, ClientId, GrantId, Incarnation, KeyId, NodeId, OrgId, PolicyId, Revision,
};
use raftgate_model::keyring::{CheckValue, KeyCheck};
use raftgate_model::seal::{Sealed, SecretVerifier};
use raftgate_model::state::record::{ClientSecret, ClientText};
use raftgate_model::state::{ClientKey, RouteKey};
use raftgate_model::time::{Timestamp, Ttl};
use raftgate_storage::wal::{WalConfig, WalId};

/// How long each figure is measured.
const SPAN: Duration = Duration::from_secs(3);

struct BenchClock(Instant);

impl Clock for BenchClock {
    fn now(&self) -> Timestamp {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Timestamp::from_ms(u64::try_from(now.unwrap().as_millis()).unwrap())
    }

    fn boot_time(&self) -> Ttl {
        Ttl::from_ms(u64::try_from(self.0.elapsed().as_millis()).unwrap())
    }
}

fn folder() -> tempfile::TempDir {
    let parent = std::env::var_os("RAFTGATE_BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    tempfile::tempdir_in(parent).unwrap()
}

fn main() {
    let raw = fdatasync_rate();
    println!("fdatasync of 4 KiB into a preallocated file, one thread: {raw:.0}/s");
    for clients in [1, 16, 128] {
        let folder = folder();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(measure(folder.path(), clients));
    }
}

fn fdatasync_rate() -> f64 {
    let folder = folder();
    let path = folder.path().join("raw");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .unwrap();
    let zeros = vec![0; 1 << 20];
    for part in 0..16 {
        file.write_all_at(&zeros, part << 20).unwrap();
    }
    file.sync_all().unwrap();
    let block = vec![1; 4096];
    let started = Instant::now();
    let mut count = 0_u32;
    while started.elapsed() < Duration::from_secs(1) {
        file.write_all_at(&block, u64::from(count % 4096) * 4096)
            .unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / started.elapsed().as_secs_f64()
}

async fn measure(folder: &Path, clients: u64) {
    let handle = start(folder).await;
    let client = prepare(&handle).await;
    let until = Instant::now() + SPAN;
    let cpu = cpu_time();
    let before = handle.metrics();
    let tasks: Vec<_> = (0..clients)
        .map(|number| tokio::spawn(issue(handle.clone(), client.clone(), number, until)))
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.append(&mut task.await.unwrap());
    }
    let cpu = cpu_time() - cpu;
    let after = handle.metrics();
    latencies.sort_unstable();
    let count = latencies.len();
    let at = |share: f64| latencies.get((count as f64 * share) as usize).copied();
    let flushes = after.flushes.count() - before.flushes.count();
    println!(
        "{clients:4} clients: {:7.0} commands/s, p50 {:?}, p99 {:?}, {:.1} commands per flush, {flushes} flushes, \
         {:.1} us of CPU per command",
        count as f64 / SPAN.as_secs_f64(),
        at(0.5).unwrap(),
        at(0.99).unwrap(),
        count as f64 / flushes as f64,
        cpu.as_secs_f64() * 1e6 / count as f64,
    );
    handle.shutdown().await;
    let started = Instant::now();
    let handle = start(folder).await;
    let readable = started.elapsed();
    let key = PolicyId::new("after-restart").unwrap();
    let first = handle.propose(Lane::Administration, Command::DeletePolicy(key));
    first.await.unwrap();
    println!(
        "     restart with these {count} tokens: state readable after {readable:.1?}, first write after {:.1?}",
        started.elapsed()
    );
    handle.shutdown().await;
}

/// The processor time of this process so far.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields
        .iter()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum();
    Duration::from_millis(ticks * 10)
}

async fn issue(
    handle: ClusterHandle,
    client: ClientKey,
    number: u64,
    until: Instant,
) -> Vec<Duration> {
    let mut latencies = Vec::with_capacity(1 << 16);
    let mut round = 0_u64;
    while Instant::now() < until {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        id[8..].copy_from_slice(&round.to_be_bytes());
        round += 1;
        let command = Command::IssueClientCredentials(IssueClientCredentials {
            client: AuthenticatedClient {
                key: client.clone(),
                credentials_revision: Revision(4),
            },
            grant: GrantId::from_bytes(id),
            scope: None,
            lifetime: Ttl::from_s(3600),
        });
        let started = Instant::now();
        let committed = handle
            .propose(Lane::Tokens(client.api.clone()), command)
            .await
            .unwrap();
        assert!(matches!(committed.reply, Reply::Issued(_)));
        latencies.push(started.elapsed());
    }
    latencies
}

async fn start(folder: &Path) -> ClusterHandle {
    let clock: Arc<dyn Clock> = Arc::new(BenchClock(Instant::now()));
    let storage = StorageConfig {
        data_dir: folder.to_owned(),
        wal: WalConfig::default(),
        new_log: Some(WalId([1; 16])),
    };
    let storage = Storage::open(storage, Arc::clone(&clock), &mut |_| {}).await;
    let config = NodeConfig {
        node: NodeId(1),
        name: "bench".to_owned(),
        address: "127.0.0.1:0".to_owned(),
        data_dir: folder.to_owned(),
        write_timeout: Duration::from_secs(30),
        founding: Some(Found {
            cluster: [9; 16],
            incarnation: Incarnation(77),
            active_key: KeyCheck {
                id: KeyId(1),
                value: CheckValue::from_bytes([1; 16]),
            },
        }),
    };
    node::start(config, storage.unwrap(), clock).await.unwrap()
}

/// Registers an API, a policy and a client.
async fn prepare(handle: &ClusterHandle) -> ClientKey {
    let key = ClientKey {
        api: ApiId::new("orders").unwrap(),
        client: ClientId::new("app").unwrap(),
    };
    let policy = PolicyId::new("gold").unwrap();
    let commands = [
        Command::PutApi(PutApi {
            id: key.api.clone(),
            org: OrgId::default(),
            document: sealed(),
            document_hash: [1; 32],
            routes: vec![RouteKey {
                host: None,
                listen_path: "/orders".into(),
            }],
            source: None,
        }),
        Command::PutPolicy(PutPolicy {
            id: policy.clone(),
            org: OrgId::default(),
            document: "{}".into(),
            source: None,
        }),
        Command::CreateClient(NewClient {
            apis: vec![key.api.clone()],
            id: key.client.clone(),
            secret: ClientSecret::Confidential {
                verifier: SecretVerifier::from_bytes([7; 32]),
                sealed: None,
            },
            origin: SecretOrigin::Given,
            text: ClientText {
                redirect_uri: "https://app.example/cb".into(),
                policy: Some(policy),
                meta_data: None,
                description: "".into(),
            },
            expires_at: None,
        }),
    ];
    for command in commands {
        handle.propose(Lane::Administration, command).await.unwrap();
    }
    key
}

fn sealed() -> Sealed {
    let text = r#"{"key": 1, "nonce": [0,0,0,0,0,0,0,0,0,0,0,0], "ciphertext": []}"#;
    serde_json::from_str(text).unwrap()
}
