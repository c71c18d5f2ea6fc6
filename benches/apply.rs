//! What the state machine costs per command, over a small state and over one with a million live tokens.
//!
//! Budgets: no command's cost grows with the number of sessions, and 10,000 durable tokens per second on one core leave
//! 100 us for everything about one token. Figures are per command of a batch of 64; the big state takes about 600 MiB.
//! `cargo bench -p raftgate-storage --features test-util --bench apply`; as a test it runs over small states only.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a bench whose fixture is wrong may panic"
)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use raftgate_model::answer::{Answer, Reply};
use raftgate_model::apply::apply;
use raftgate_model::command::{
    AuthenticatedClient, Batch, Command, Found, IssueClientCredentials, IssueCode, Lifetimes,
    NewClient, Origin, PutApi, PutPolicy, RedeemCode, Refresh, Request, Revoke, RevokeOwner,
    RevokeTarget, SecretOrigin,
};
use raftgate_model::id::{
    ApiId, BootId, ClientId, CodeId, FamilyId, GrantId, Incarnation, KeyId, LogIndex, NodeId,
    OrgId, PolicyId, Revision,
};
use raftgate_model::keyring::{CheckValue, KeyCheck};
use raftgate_model::seal::{Sealed, SecretVerifier};
use raftgate_model::state::record::{ClientSecret, ClientText, CodeRedirect};
use raftgate_model::state::{ClientKey, RouteKey};
use raftgate_model::testing::Choices;
use raftgate_model::time::{Timestamp, Ttl};
use raftgate_storage::view::View;

/// Commands of one measured batch.
const COMMANDS: usize = 64;
/// Clients among which the live tokens are spread.
const CLIENTS: u64 = 100;

/// A read view that is driven like a node's.
struct World {
    view: View,
    choices: Choices,
    index: u64,
    sequence: u64,
    api: ApiId,
    policy: PolicyId,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            view: View::default(),
            choices: Choices::new(1),
            index: 0,
            sequence: 0,
            api: ApiId::new("api").expect("a plain id"),
            policy: PolicyId::new("policy").expect("a plain id"),
        };
        let sealed: Sealed =
            serde_json::from_str(r#"{"key":1,"nonce":[0,0,0,0,0,0,0,0,0,0,0,0],"ciphertext":[]}"#)
                .expect("the form of sealed text");
        let mut commands = vec![
            Command::Found(Found {
                cluster: [7; 16],
                incarnation: Incarnation(42),
                active_key: KeyCheck {
                    id: KeyId(1),
                    value: CheckValue::from_bytes([1; 16]),
                },
            }),
            Command::PutApi(PutApi {
                id: world.api.clone(),
                org: OrgId::default(),
                document: sealed,
                document_hash: [1; 32],
                routes: vec![RouteKey {
                    host: None,
                    listen_path: "/api".into(),
                }],
                source: None,
            }),
            Command::PutPolicy(PutPolicy {
                id: world.policy.clone(),
                org: OrgId::default(),
                document: "{}".into(),
                source: None,
            }),
        ];
        commands.extend((0..CLIENTS).map(|number| world.registration(number)));
        world.carry_out(commands);
        world
    }

    fn client_id(number: u64) -> ClientId {
        ClientId::new(&format!("client-{number}")).expect("a plain id")
    }

    fn registration(&self, number: u64) -> Command {
        Command::CreateClient(NewClient {
            apis: vec![self.api.clone()],
            id: Self::client_id(number),
            secret: ClientSecret::Confidential {
                verifier: SecretVerifier::from_bytes([7; 32]),
                sealed: None,
            },
            origin: SecretOrigin::Given,
            text: ClientText {
                redirect_uri: "https://app.example/cb".into(),
                policy: Some(self.policy.clone()),
                meta_data: None,
                description: "".into(),
            },
            expires_at: None,
        })
    }

    fn client(&mut self) -> AuthenticatedClient {
        let key = ClientKey {
            api: self.api.clone(),
            client: Self::client_id(self.choices.below(CLIENTS)),
        };
        AuthenticatedClient {
            credentials_revision: self
                .view
                .client(&key)
                .map_or(Revision::default(), |client| client.credentials_revision),
            key,
        }
    }

    /// The next batch; nobody waits for the answers of earlier ones.
    fn batch(&mut self, commands: Vec<Command>) -> Batch {
        let done_below = self.sequence + 1;
        let requests = commands.into_iter().map(|command| {
            self.sequence += 1;
            Request {
                origin: 0,
                sequence: self.sequence,
                command,
            }
        });
        Batch {
            requests: requests.collect(),
            stamp: Timestamp::from_unix_s(1_700_000_000),
            origins: vec![Origin {
                node: NodeId(1),
                boot: BootId(1),
                done_below,
            }],
        }
    }

    fn commit(&mut self, batch: &Batch) {
        self.index += 1;
        self.view.apply(LogIndex(self.index), batch);
    }

    /// Carries out commands and gives what they yield, of which none may be a refusal.
    fn carry_out(&mut self, commands: Vec<Command>) -> Vec<Reply> {
        let batch = self.batch(commands);
        let replies = replies(&self.view, LogIndex(self.index + 1), &batch);
        self.commit(&batch);
        replies
    }

    fn client_credentials(&mut self) -> Command {
        Command::IssueClientCredentials(IssueClientCredentials {
            client: self.client(),
            grant: GrantId::from_bytes(self.choices.bytes16()),
            scope: None,
            lifetime: Ttl::from_s(3600),
        })
    }

    fn issue_code(&mut self, client: &AuthenticatedClient) -> Command {
        Command::IssueCode(IssueCode {
            id: CodeId::from_bytes(self.choices.bytes16()),
            client: client.key.clone(),
            redirect: CodeRedirect::Registered("https://app.example/cb".into()),
            challenge: None,
            session: None,
            scope: None,
            lifetime: Ttl::from_s(250),
        })
    }

    fn lifetimes() -> Lifetimes {
        Lifetimes {
            access: Ttl::from_s(3600),
            refresh: Some(Ttl::from_s(1_209_600)),
        }
    }

    /// Exchanges of codes that are in the state and unused.
    fn redemptions(&mut self) -> Vec<Command> {
        let clients: Vec<_> = (0..COMMANDS).map(|_| self.client()).collect();
        let issues = clients
            .iter()
            .map(|client| self.issue_code(client))
            .collect();
        let codes = self.carry_out(issues);
        let redeem = |(client, reply)| {
            let Reply::Code { code, .. } = reply else {
                panic!("no code: {reply:?}");
            };
            Command::RedeemCode(RedeemCode {
                code,
                client,
                redirect_uri: None,
                verifier: None,
                grant: GrantId::from_bytes(self.choices.bytes16()),
                family: FamilyId::from_bytes(self.choices.bytes16()),
                lifetimes: Self::lifetimes(),
                retry_window: Ttl::from_s(10),
                notify: None,
            })
        };
        clients.into_iter().zip(codes).map(redeem).collect()
    }

    /// Refreshes of families that are in the state.
    fn refreshes(&mut self) -> Vec<Command> {
        let redemptions = self.redemptions();
        let clients: Vec<_> = redemptions
            .iter()
            .map(|command| match command {
                Command::RedeemCode(redeem) => redeem.client.clone(),
                other => panic!("not a redemption: {other:?}"),
            })
            .collect();
        let issued = self.carry_out(redemptions);
        let refresh = |(client, reply)| {
            let Reply::Issued(issued) = reply else {
                panic!("no tokens: {reply:?}");
            };
            Command::Refresh(Refresh {
                token: issued.refresh.expect("the lifetimes ask for one"),
                client,
                scope: None,
                grant: GrantId::from_bytes(self.choices.bytes16()),
                lifetimes: Self::lifetimes(),
                retry_window: Ttl::from_s(10),
                notify: None,
            })
        };
        clients.into_iter().zip(issued).map(refresh).collect()
    }

    fn fill(&mut self, grants: usize) {
        while self.view.live_tokens().grants < grants {
            let missing = grants - self.view.live_tokens().grants;
            let commands = (0..missing.min(256))
                .map(|_| self.client_credentials())
                .collect();
            let batch = self.batch(commands);
            self.commit(&batch);
        }
    }
}

fn replies(view: &View, index: LogIndex, batch: &Batch) -> Vec<Reply> {
    let answers = apply(view, index, batch).answers.into_iter();
    answers
        .map(|answer| match answer {
            Answer::Done(reply) => reply,
            other => panic!("{other:?}"),
        })
        .collect()
}

/// The state's decisions alone: nothing is carried out, so every round meets the same state.
fn decisions(criterion: &mut Criterion, world: &mut World, grants: usize) {
    let issues: Vec<_> = (0..COMMANDS).map(|_| world.client_credentials()).collect();
    let redemptions = world.redemptions();
    let refreshes = world.refreshes();
    let mut group = criterion.benchmark_group("apply");
    group.throughput(Throughput::Elements(COMMANDS as u64));
    for (what, commands) in [
        ("client_credentials", issues),
        ("redeem_code", redemptions),
        ("refresh", refreshes),
    ] {
        let batch = world.batch(commands);
        let index = LogIndex(world.index + 1);
        let yielded = replies(&world.view, index, &batch);
        assert!(
            yielded
                .iter()
                .all(|reply| matches!(reply, Reply::Issued(_)))
        );
        group.bench_function(BenchmarkId::new(what, grants), |bench| {
            bench.iter(|| apply(&world.view, index, black_box(&batch)));
        });
    }
    group.finish();
}

/// Tokens issued into the view and revoked again: decision, records, indexes and publishing of both.
fn carrying_out(criterion: &mut Criterion, world: &mut World, grants: usize) {
    let issues: Vec<_> = (0..COMMANDS).map(|_| world.client_credentials()).collect();
    let revocations: Vec<_> = issues
        .iter()
        .map(|command| match command {
            Command::IssueClientCredentials(issue) => Command::Revoke(Revoke {
                target: RevokeTarget::Access(issue.grant),
                owner: RevokeOwner::Anyone,
            }),
            other => panic!("not an issue: {other:?}"),
        })
        .collect();
    let before = world.view.live_tokens();
    let mut group = criterion.benchmark_group("apply_and_commit");
    group.throughput(Throughput::Elements(2 * COMMANDS as u64));
    group.bench_function(BenchmarkId::new("issue_then_revoke", grants), |bench| {
        bench.iter(|| {
            for commands in [&issues, &revocations] {
                let batch = world.batch(commands.clone());
                world.commit(&batch);
            }
        });
    });
    group.finish();
    // What was issued was revoked, or the small state would have become a big one.
    assert_eq!(world.view.live_tokens(), before);
}

fn state_machine(criterion: &mut Criterion) {
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let sizes: [usize; 2] = if measuring {
        [1_000, 1_000_000]
    } else {
        [10, 100]
    };
    for grants in sizes {
        let mut world = World::new();
        world.fill(grants);
        decisions(criterion, &mut world, grants);
        carrying_out(criterion, &mut world, grants);
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    targets = state_machine
}
criterion_main!(benches);
