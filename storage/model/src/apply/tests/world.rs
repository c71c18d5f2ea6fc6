//! A state with one API, one policy and clients, driven command by command.

use std::sync::Arc;

use crate::answer::{Answer, Issued, Refusal, Reply};
use crate::apply::{Applied, apply};
use crate::command::{
    AuthenticatedClient, Batch, Command, Found, IssueClientCredentials, IssueCode, Lifetimes,
    NewClient, NotifyTerms, Origin, PutApi, PutPolicy, RedeemCode, Refresh, Request, SecretOrigin,
};
use crate::id::{
    ApiId, BootId, ClientId, CodeId, FamilyId, GrantId, Incarnation, KeyId, LogIndex, NodeId,
    OrgId, PolicyId,
};
use crate::keyring::{CheckValue, KeyCheck};
use crate::seal::{Sealed, SecretVerifier};
use crate::state::record::{ClientSecret, ClientText, CodeRedirect, Grant, Notification};
use crate::state::{
    ClientKey, MemoryState, NotificationKey, ReadState, Record, RecordKey, RouteKey,
};
use crate::time::{Timestamp, Ttl};
use crate::token::{AuthCode, RefreshToken};

pub(super) const NODE: NodeId = NodeId(1);
pub(super) const BOOT: BootId = BootId(1);

pub(super) struct World {
    pub(super) state: MemoryState,
    pub(super) now: Timestamp,
    pub(super) index: u64,
    sequence: u64,
    fresh: u128,
}

pub(super) fn key(api: &str, client: &str) -> ClientKey {
    ClientKey {
        api: ApiId::new(api).unwrap(),
        client: ClientId::new(client).unwrap(),
    }
}

pub(super) fn sealed() -> Sealed {
    serde_json::from_value(
        serde_json::json!({"key": 1, "nonce": [0,0,0,0,0,0,0,0,0,0,0,0], "ciphertext": []}),
    )
    .unwrap()
}

pub(super) fn api(id: &str, listen_path: &str) -> PutApi {
    PutApi {
        id: ApiId::new(id).unwrap(),
        org: OrgId::default(),
        document: sealed(),
        document_hash: [id.len() as u8; 32],
        routes: vec![RouteKey {
            host: None,
            listen_path: listen_path.into(),
        }],
        source: None,
    }
}

pub(super) fn client(apis: &[&str], id: &str, policy: Option<&str>) -> NewClient {
    NewClient {
        apis: apis.iter().map(|api| ApiId::new(api).unwrap()).collect(),
        id: ClientId::new(id).unwrap(),
        secret: ClientSecret::Confidential {
            verifier: SecretVerifier::from_bytes([7; 32]),
            sealed: None,
        },
        origin: SecretOrigin::Given,
        text: ClientText {
            redirect_uri: "https://app.example/cb".into(),
            policy: policy.map(|id| PolicyId::new(id).unwrap()),
            meta_data: None,
            description: "".into(),
        },
        expires_at: None,
    }
}

/// A secret that none of the clients has.
pub(super) fn other_secret() -> ClientSecret {
    ClientSecret::Confidential {
        verifier: SecretVerifier::from_bytes([8; 32]),
        sealed: None,
    }
}

impl World {
    /// A founded state without configuration.
    pub(super) fn empty() -> Self {
        let mut world = Self {
            state: MemoryState::default(),
            now: Timestamp::from_unix_s(1_000_000),
            index: 0,
            sequence: 0,
            fresh: 0,
        };
        let found = Found {
            cluster: [9; 16],
            incarnation: Incarnation(77),
            active_key: KeyCheck {
                id: KeyId(1),
                value: CheckValue::from_bytes([1; 16]),
            },
        };
        assert_eq!(
            world.run(Command::Found(found)),
            Answer::Done(Reply::Founded(Incarnation(77)))
        );
        world
    }

    /// API `orders`, policy `gold`, clients `app` and `other`.
    pub(super) fn new() -> Self {
        let mut world = Self::empty();
        world.done(Command::PutApi(api("orders", "/orders")));
        world.done(Command::PutPolicy(PutPolicy {
            id: PolicyId::new("gold").unwrap(),
            org: OrgId::default(),
            document: "{}".into(),
            source: None,
        }));
        world.done(Command::CreateClient(client(
            &["orders"],
            "app",
            Some("gold"),
        )));
        world.done(Command::CreateClient(client(
            &["orders"],
            "other",
            Some("gold"),
        )));
        world
    }

    /// Registers the id `app` at an API `billing` too, under the secret that it has at `orders` or under another.
    pub(super) fn app_at_billing(&mut self, secret: &ClientSecret) {
        self.done(Command::PutApi(api("billing", "/billing")));
        let mut twin = client(&["billing"], "app", Some("gold"));
        twin.secret = secret.clone();
        self.done(Command::CreateClient(twin));
    }

    pub(super) fn batch(&mut self, commands: Vec<Command>) -> Applied {
        let batch = self.batch_of(commands);
        self.apply(&batch)
    }

    pub(super) fn batch_of(&mut self, commands: Vec<Command>) -> Batch {
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
        let origin = Origin {
            node: NODE,
            boot: BOOT,
            done_below: 0,
        };
        Batch {
            stamp: self.now,
            origins: vec![origin],
            requests,
        }
    }

    pub(super) fn apply(&mut self, batch: &Batch) -> Applied {
        self.index += 1;
        let applied = apply(&self.state, LogIndex(self.index), batch);
        self.state.commit(&applied.changes);
        applied
    }

    pub(super) fn run(&mut self, command: Command) -> Answer {
        self.batch(vec![command]).answers.remove(0)
    }

    pub(super) fn done(&mut self, command: Command) -> Reply {
        match self.run(command) {
            Answer::Done(reply) => reply,
            other => panic!("expected a reply, got {other:?}"),
        }
    }

    pub(super) fn refused(&mut self, command: Command) -> Refusal {
        match self.run(command) {
            Answer::Refused(refusal) => refusal,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    pub(super) fn issued(&mut self, command: Command) -> Issued {
        match self.done(command) {
            Reply::Issued(issued) => issued,
            other => panic!("expected tokens, got {other:?}"),
        }
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        self.now = self.now.plus(Ttl::from_s(seconds));
    }

    pub(super) fn fresh(&mut self) -> [u8; 16] {
        self.fresh += 1;
        self.fresh.to_be_bytes()
    }

    pub(super) fn authenticated(&self, client: &str) -> AuthenticatedClient {
        self.authenticated_at("orders", client)
    }

    pub(super) fn authenticated_at(&self, api: &str, client: &str) -> AuthenticatedClient {
        let key = key(api, client);
        let credentials_revision = match self.state.get(&RecordKey::Client(key.clone())) {
            Some(Record::Client(client)) => client.credentials_revision,
            _ => Default::default(),
        };
        AuthenticatedClient {
            key,
            credentials_revision,
        }
    }

    pub(super) fn issue_code(&mut self) -> IssueCode {
        IssueCode {
            id: CodeId::from_bytes(self.fresh()),
            client: key("orders", "app"),
            redirect: CodeRedirect::Sent("https://app.example/cb".into()),
            challenge: None,
            session: None,
            scope: None,
            lifetime: Ttl::from_s(250),
        }
    }

    pub(super) fn code(&mut self) -> AuthCode {
        let issue = self.issue_code();
        self.code_from(issue)
    }

    pub(super) fn code_from(&mut self, issue: IssueCode) -> AuthCode {
        match self.done(Command::IssueCode(issue)) {
            Reply::Code { code, .. } => code,
            other => panic!("expected a code, got {other:?}"),
        }
    }

    pub(super) fn redeem(&mut self, code: AuthCode) -> RedeemCode {
        RedeemCode {
            code,
            client: self.authenticated("app"),
            redirect_uri: Some("https://app.example/cb".into()),
            verifier: None,
            grant: GrantId::from_bytes(self.fresh()),
            family: FamilyId::from_bytes(self.fresh()),
            lifetimes: Lifetimes {
                access: Ttl::from_s(3600),
                refresh: Some(Ttl::from_s(1_209_600)),
            },
            retry_window: Ttl::from_s(10),
            notify: None,
        }
    }

    pub(super) fn refresh(&mut self, token: RefreshToken) -> Refresh {
        Refresh {
            token,
            client: self.authenticated("app"),
            scope: None,
            grant: GrantId::from_bytes(self.fresh()),
            lifetimes: Lifetimes {
                access: Ttl::from_s(3600),
                refresh: Some(Ttl::from_s(1_209_600)),
            },
            retry_window: Ttl::from_s(10),
            notify: None,
        }
    }

    pub(super) fn tokens(&mut self) -> Issued {
        let code = self.code();
        let redeem = self.redeem(code);
        self.issued(Command::RedeemCode(redeem))
    }

    pub(super) fn client_credentials(&mut self) -> Issued {
        let issue = IssueClientCredentials {
            client: self.authenticated("app"),
            grant: GrantId::from_bytes(self.fresh()),
            scope: None,
            lifetime: Ttl::from_s(3600),
        };
        self.issued(Command::IssueClientCredentials(issue))
    }

    pub(super) fn grant(&self, issued: &Issued) -> Option<Arc<Grant>> {
        match self.state.get(&RecordKey::Grant(issued.access.id)) {
            Some(Record::Grant(grant)) => Some(grant),
            _ => None,
        }
    }

    /// What waits in the queue of `orders`.
    pub(super) fn notifications(&self) -> Vec<Arc<Notification>> {
        let at = |sequence| {
            let key = NotificationKey {
                api: ApiId::new("orders").unwrap(),
                sequence,
            };
            match self.state.get(&RecordKey::Notification(key)) {
                Some(Record::Notification(message)) => Some(message),
                _ => None,
            }
        };
        (0..10).filter_map(at).collect()
    }

    pub(super) fn terms() -> Option<NotifyTerms> {
        Some(NotifyTerms { queued_max: 3 })
    }
}
