//! A cluster of one view for tests: commands are applied at once, answers can be lost on demand.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected must fail"
)]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use raftgate_cluster::batch::{Committed, Lane};
use raftgate_cluster::error::ProposeError;
use raftgate_cluster::status::{Leadership, Role};
use raftgate_model::answer::{Answer, Issued, Reply};
use raftgate_model::apply::apply;
use raftgate_model::command::{
    AuthenticatedClient, Batch, Command, Found, IssueCode, Lifetimes, NewClient, NotifyTerms,
    Origin, PutApi, PutPolicy, RedeemCode, Refresh, Request, SecretOrigin,
};
use raftgate_model::id::{
    ApiId, BootId, ClientId, CodeId, FamilyId, GrantId, Incarnation, KeyId, LogIndex, NodeId,
    OrgId, PolicyId,
};
use raftgate_model::keyring::{CheckValue, KeyCheck, KeyRing};
use raftgate_model::seal::{SecretKind, SecretOwner, SecretVerifier};
use raftgate_model::secret::{Secret, SecretBytes};
use raftgate_model::state::ClientKey;
use raftgate_model::state::record::{ClientSecret, ClientText, CodeRedirect, Notification};
use raftgate_model::time::{Timestamp, Ttl};
use raftgate_storage::view::{NotificationFilter, View};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::api::HealthChecks;
use crate::cluster_access::ClusterAccess;
use crate::compile::GatewayDefaults;
use crate::registry::{Registry, RegistryHandle, RegistryParts};
use crate::snapshot::gateway_tls;
use crate::test_definition::definition;

/// What goes wrong with a proposal of the kind that is watched.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// It is not carried out.
    Lost(ProposeError),
    /// It is carried out, and the answer is lost.
    AnswerLost,
    /// The one who proposes panics.
    Panic,
}

pub(crate) struct TestCluster {
    pub(crate) view: Arc<View>,
    pub(crate) keys: Arc<KeyRing>,
    writer: Arc<Writer>,
    leadership: watch::Sender<Leadership>,
}

struct Writer {
    view: Arc<View>,
    applied: Mutex<u64>,
    started: Instant,
    shift: Mutex<Ttl>,
    faults: Mutex<VecDeque<Fault>>,
    proposed: Mutex<Vec<Command>>,
}

/// How long anything may take in a test.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

impl Writer {
    fn now(&self) -> Timestamp {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap();
        Timestamp::from_unix_s(1_700_000_000)
            .plus(Ttl::from_ms(elapsed))
            .plus(*self.shift.lock())
    }

    fn run(&self, command: Command) -> (LogIndex, Answer) {
        let mut applied = self.applied.lock();
        *applied += 1;
        let (sequence, index) = (*applied, LogIndex(*applied));
        let batch = Batch {
            stamp: self.now(),
            origins: vec![Origin {
                node: NodeId(1),
                boot: BootId(1),
                done_below: sequence,
            }],
            requests: vec![Request {
                origin: 0,
                sequence,
                command,
            }],
        };
        let answer = apply(&*self.view, index, &batch).answers.remove(0);
        self.view.apply(index, &batch);
        (index, answer)
    }

    fn propose(&self, command: Command) -> Result<Committed, ProposeError> {
        let watched = match &command {
            Command::NotificationAttempted(_) => true,
            Command::Sweep(items) => !items.is_empty(),
            _ => false,
        };
        self.proposed.lock().push(command.clone());
        let fault = watched.then(|| self.faults.lock().pop_front()).flatten();
        match fault {
            Some(Fault::Lost(error)) => return Err(error),
            Some(Fault::Panic) => panic!("as the test asked"),
            Some(Fault::AnswerLost) | None => {}
        }
        let (index, answer) = self.run(command);
        match (fault, answer) {
            (Some(_), _) => Err(ProposeError::Timeout),
            (None, Answer::Done(reply)) => Ok(Committed { index, reply }),
            (None, Answer::Refused(refusal)) => Err(ProposeError::Refused(refusal)),
            (None, other) => panic!("{other:?}"),
        }
    }
}

impl TestCluster {
    /// A founded state with policy `gold`; this node leads.
    pub(crate) fn new() -> Self {
        let view = Arc::<View>::default();
        let writer = Writer {
            view: Arc::clone(&view),
            applied: Mutex::default(),
            started: Instant::now(),
            shift: Mutex::default(),
            faults: Mutex::default(),
            proposed: Mutex::default(),
        };
        let keys = KeyRing::new(
            KeyId(1),
            SecretBytes::new([1; 32]),
            SecretBytes::new([2; 32]),
        );
        let cluster = Self {
            view,
            keys: Arc::new(keys),
            writer: Arc::new(writer),
            leadership: watch::Sender::new(Leadership::default()),
        };
        cluster.lead(1);
        cluster.done(Command::Found(Found {
            cluster: [9; 16],
            incarnation: Incarnation(7),
            active_key: KeyCheck {
                id: KeyId(1),
                value: CheckValue::from_bytes([1; 16]),
            },
        }));
        cluster.done(Command::PutPolicy(PutPolicy {
            id: PolicyId::new("gold").unwrap(),
            org: OrgId::default(),
            document: "{}".into(),
            source: None,
        }));
        cluster
    }

    pub(crate) fn access(&self) -> ClusterAccess {
        let (clock, writer) = (Arc::clone(&self.writer), Arc::clone(&self.writer));
        let confirmed = Arc::clone(&self.writer);
        ClusterAccess::new(
            Arc::clone(&self.view),
            self.leadership.subscribe(),
            move || clock.now(),
            move |_: Lane, command| {
                let writer = Arc::clone(&writer);
                async move { writer.propose(command) }
            },
            move || {
                let writer = Arc::clone(&confirmed);
                async move {
                    let nothing = writer.propose(Command::Sweep(Vec::new()))?;
                    Ok(nothing.index)
                }
            },
        )
    }

    pub(crate) fn registry(&self) -> RegistryHandle {
        Registry::run(RegistryParts {
            view: Arc::clone(&self.view),
            keys: Arc::clone(&self.keys),
            defaults: GatewayDefaults::default(),
            health_checks: HealthChecks::on(actix::Arbiter::current(), gateway_tls().unwrap()),
        })
    }

    /// This node leads in a term.
    pub(crate) fn lead(&self, term: u64) {
        self.leadership.send_replace(Leadership {
            role: Role::Leader,
            term,
            leader: Some(NodeId(1)),
            quorum_is_fresh: true,
        });
    }

    /// Another node leads.
    pub(crate) fn follow(&self) {
        self.leadership.send_replace(Leadership {
            role: Role::Voter,
            term: 9,
            leader: Some(NodeId(2)),
            quorum_is_fresh: false,
        });
    }

    /// Lets cluster time pass at once.
    pub(crate) fn pass(&self, time: Ttl) {
        let mut shift = self.writer.shift.lock();
        *shift = Ttl::from_ms(shift.as_ms() + time.as_ms());
    }

    /// What goes wrong with the next reports of attempts and sweeps, in turn.
    pub(crate) fn fail_next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.writer.faults.lock().extend(faults);
    }

    /// What was proposed so far.
    pub(crate) fn proposed(&self) -> Vec<Command> {
        self.writer.proposed.lock().clone()
    }

    pub(crate) fn done(&self, command: Command) -> Reply {
        match self.writer.run(command).1 {
            Answer::Done(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    fn fresh(&self) -> [u8; 16] {
        u128::from(*self.writer.applied.lock()).to_be_bytes()
    }

    /// An OAuth API with client `app`, whose messages go to a URL, if it has one.
    pub(crate) fn put_api(&self, id: &str, receiver: Option<&str>) {
        self.put_definition(id, definition(id, receiver));
        if self.view.client(&client(id)).is_none() {
            self.put_client(id);
        }
    }

    /// An API by any text, past every check.
    pub(crate) fn put_definition(&self, id: &str, definition: String) {
        let owner = SecretOwner {
            kind: SecretKind::ApiDefinition,
            id,
        };
        let text = Secret::new(definition);
        let document = self.keys.seal(KeyId(1), owner, [0; 12], &text).unwrap();
        let mut document_hash = [0; 32];
        document_hash[..8].copy_from_slice(&self.fresh()[8..]);
        self.done(Command::PutApi(PutApi {
            id: ApiId::new(id).unwrap(),
            org: OrgId::default(),
            document,
            document_hash,
            routes: vec![],
            source: None,
        }));
    }

    fn put_client(&self, api: &str) {
        self.done(Command::CreateClient(NewClient {
            apis: vec![ApiId::new(api).unwrap()],
            id: ClientId::new("app").unwrap(),
            secret: ClientSecret::Confidential {
                verifier: SecretVerifier::from_bytes([7; 32]),
                sealed: None,
            },
            origin: SecretOrigin::Given,
            text: ClientText {
                redirect_uri: "https://app.example/cb".into(),
                policy: Some(PolicyId::new("gold").unwrap()),
                meta_data: None,
                description: "".into(),
            },
            expires_at: None,
        }));
    }

    /// Exchanges a new code, which queues a message of a family of its own.
    pub(crate) fn queue(&self, api: &str) -> Issued {
        let issue = IssueCode {
            id: CodeId::from_bytes(self.fresh()),
            client: client(api),
            redirect: CodeRedirect::Registered("https://app.example/cb".into()),
            challenge: None,
            session: None,
            scope: None,
            lifetime: Ttl::from_s(250),
        };
        let Reply::Code { code, .. } = self.done(Command::IssueCode(issue)) else {
            panic!("no code");
        };
        let redeem = RedeemCode {
            code,
            client: self.authenticated(api),
            redirect_uri: None,
            verifier: None,
            grant: GrantId::from_bytes(self.fresh()),
            family: FamilyId::from_bytes(self.fresh()),
            lifetimes: lifetimes(),
            retry_window: Ttl::from_s(10),
            notify: notify(),
        };
        self.issued(Command::RedeemCode(redeem))
    }

    /// Refreshes, which queues a further message of the family.
    pub(crate) fn refresh(&self, api: &str, tokens: &Issued) -> Issued {
        let refresh = Refresh {
            token: tokens.refresh.unwrap(),
            client: self.authenticated(api),
            scope: None,
            grant: GrantId::from_bytes(self.fresh()),
            lifetimes: lifetimes(),
            retry_window: Ttl::from_s(10),
            notify: notify(),
        };
        self.issued(Command::Refresh(refresh))
    }

    fn authenticated(&self, api: &str) -> AuthenticatedClient {
        let key = client(api);
        AuthenticatedClient {
            credentials_revision: self.view.client(&key).unwrap().credentials_revision,
            key,
        }
    }

    fn issued(&self, command: Command) -> Issued {
        match self.done(command) {
            Reply::Issued(issued) => issued,
            other => panic!("{other:?}"),
        }
    }

    /// The messages of an API, queued and failed.
    pub(crate) fn messages(&self, api: &str) -> Vec<Arc<Notification>> {
        let api = ApiId::new(api).unwrap();
        let all = self
            .view
            .notifications(&api, NotificationFilter::All, None, 100_000);
        all.into_iter().map(|(_, message)| message).collect()
    }
}

fn client(api: &str) -> ClientKey {
    ClientKey {
        api: ApiId::new(api).unwrap(),
        client: ClientId::new("app").unwrap(),
    }
}

fn lifetimes() -> Lifetimes {
    Lifetimes {
        access: Ttl::from_s(3600),
        refresh: Some(Ttl::from_s(86_400)),
    }
}

fn notify() -> Option<NotifyTerms> {
    Some(NotifyTerms {
        queued_max: 100_000,
    })
}
