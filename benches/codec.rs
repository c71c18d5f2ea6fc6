//! What it costs to turn log entries and records into bytes, and back.
//!
//! Budgets: 10,000 durable tokens per second on one core leave 100 us for everything about one token, of which its
//! command and its record are encoded here; a million live tokens are back within 10 s of a restart (stretch 3 s),
//! which leaves 10 us (3 us) for a grant, of which decoding is a part.

#![allow(
    clippy::expect_used,
    reason = "a bench whose fixture is wrong may panic"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use openraft::{CommittedLeaderId, EntryPayload};
use raftgate_model::command::{
    AuthenticatedClient, Batch, Command, IssueClientCredentials, Origin, Request,
};
use raftgate_model::id::{
    ApiId, BootId, ClientId, GrantId, Incarnation, KeyId, LogIndex, NodeId, PolicyId, Revision,
};
use raftgate_model::oauth::scope::Scope;
use raftgate_model::state::record::{Grant, SessionSource};
use raftgate_model::state::{ClientKey, Record, RecordKey};
use raftgate_model::testing::Choices;
use raftgate_model::time::{Timestamp, Ttl};
use raftgate_model::token::TokenBirth;
use raftgate_storage::codec::{
    decode_entry, decode_key, decode_record, encode_entry, encode_key, encode_record,
};
use raftgate_storage::types::{Entry, LogId, Proposal};

/// Commands of one log entry: alone, as under some load, and at most.
const COMMANDS: [u64; 3] = [1, 16, 256];

struct Names {
    api: ApiId,
    client: ClientId,
    policy: PolicyId,
    scope: Option<Scope>,
}

impl Names {
    fn new() -> Self {
        Self {
            api: ApiId::new("4f2c1f9d6b0e4a2f8f4b6a0d9c3e7b51").expect("a plain id"),
            client: ClientId::new("b1d2f3a4c5e60718293a4b5c6d7e8f90").expect("a plain id"),
            policy: PolicyId::new("gold").expect("a plain id"),
            scope: Scope::parse("orders:read orders:write").expect("a plain scope"),
        }
    }

    fn command(&self, choices: &mut Choices) -> Command {
        Command::IssueClientCredentials(IssueClientCredentials {
            client: AuthenticatedClient {
                key: ClientKey {
                    api: self.api.clone(),
                    client: self.client.clone(),
                },
                credentials_revision: Revision(1234),
            },
            grant: GrantId::from_bytes(choices.bytes16()),
            scope: self.scope.clone(),
            lifetime: Ttl::from_s(3600),
        })
    }

    fn entry(&self, commands: u64) -> Entry {
        let mut choices = Choices::new(commands);
        let requests = (1..=commands).map(|sequence| Request {
            origin: 0,
            sequence: 1_000_000 + sequence,
            command: self.command(&mut choices),
        });
        let batch = Batch {
            stamp: Timestamp::from_unix_s(1_700_000_000),
            origins: vec![Origin {
                node: NodeId(0x1234_5678_9ABC_DEF0),
                boot: BootId(7),
                done_below: 999_000,
            }],
            requests: requests.collect(),
        };
        Entry {
            log_id: LogId::new(CommittedLeaderId::new(3, 0x1234_5678_9ABC_DEF0), 5_000_000),
            payload: EntryPayload::Normal(Proposal(Arc::new(batch))),
        }
    }

    fn grant(&self) -> (RecordKey, Record) {
        let now = Timestamp::from_unix_s(1_700_000_000);
        let grant = Grant {
            birth: TokenBirth {
                key: KeyId(1),
                incarnation: Incarnation(0xA1B2_C3D4),
                index: LogIndex(5_000_000),
            },
            revision: Revision(9_000_000),
            issued_at: now,
            expires_at: now.plus(Ttl::from_s(3600)),
            api: self.api.clone(),
            client: self.client.clone(),
            family: None,
            session: SessionSource::Policy(self.policy.clone()),
            scope: self.scope.clone(),
        };
        let id = GrantId::from_bytes(Choices::new(1).bytes16());
        (RecordKey::Grant(id), Record::Grant(Arc::new(grant)))
    }
}

fn entries(criterion: &mut Criterion) {
    let names = Names::new();
    let mut group = criterion.benchmark_group("entry");
    for commands in COMMANDS {
        let entry = names.entry(commands);
        let bytes = encode_entry(&entry).expect("far below the limit");
        assert_eq!(decode_entry(&bytes).as_ref(), Ok(&entry));
        // Per command, which is what a token pays.
        group.throughput(Throughput::Elements(commands));
        group.bench_function(BenchmarkId::new("encode", commands), |bench| {
            bench.iter(|| encode_entry(black_box(&entry)));
        });
        group.bench_function(BenchmarkId::new("decode", commands), |bench| {
            bench.iter(|| decode_entry(black_box(&bytes)));
        });
    }
    group.finish();
}

fn records(criterion: &mut Criterion) {
    let (key, record) = Names::new().grant();
    let key_bytes = encode_key(&key).expect("far below the limit");
    let record_bytes = encode_record(&record).expect("far below the limit");
    assert_eq!(decode_key(&key_bytes).as_ref(), Ok(&key));
    assert_eq!(decode_record(&key, &record_bytes).as_ref(), Ok(&record));

    let mut group = criterion.benchmark_group("grant");
    group.bench_function("encode_key", |bench| {
        bench.iter(|| encode_key(black_box(&key)));
    });
    group.bench_function("decode_key", |bench| {
        bench.iter(|| decode_key(black_box(&key_bytes)));
    });
    group.bench_function("encode_record", |bench| {
        bench.iter(|| encode_record(black_box(&record)));
    });
    group.bench_function("decode_record", |bench| {
        bench.iter(|| decode_record(black_box(&key), black_box(&record_bytes)));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = entries, records
}
criterion_main!(benches);
