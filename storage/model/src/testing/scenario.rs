//! A log in the making: each batch is made with an eye on the state that the ones before it led to.

use super::Choices;
use crate::answer::{Answer, Reply};
use crate::apply::{Applied, apply};
use crate::command::{
    AuthenticatedClient, Batch, Command, Found, IssueClientCredentials, IssueCode, IssueImplicit,
    Lifetimes, NotifyTerms, Origin, RedeemCode, Request,
};
use crate::id::{
    ApiId, BootId, ClientId, CodeId, FamilyId, GrantId, Incarnation, KeyId, LogIndex, NodeId,
    PolicyId,
};
use crate::keyring::{CheckValue, KeyCheck};
use crate::oauth::scope::Scope;
use crate::seal::Sealed;
use crate::session::SessionRules;
use crate::state::record::{CodeRedirect, SessionSource};
use crate::state::{ClientKey, MemoryState, ReadState, Record, RecordKey};
use crate::time::{Timestamp, Ttl};
use crate::token::{AuthCode, RefreshToken};

/// How many of each recent thing are remembered, to be used again.
const RECENT_MAX: usize = 64;

/// A random log of a small cluster: few APIs, policies and clients, so that commands meet each other.
#[derive(Clone)]
pub struct Scenario {
    pub(super) choices: Choices,
    pub(super) state: MemoryState,
    index: u64,
    pub(super) now: Timestamp,
    sequences: [u64; 3],
    boots: [u64; 3],
    pub(super) names: Names,
    pub(super) recent: Recent,
}

/// The names that commands choose from.
#[derive(Clone)]
pub(super) struct Names {
    pub(super) apis: Vec<ApiId>,
    pub(super) policies: Vec<PolicyId>,
    pub(super) clients: Vec<ClientId>,
    scopes: Vec<Scope>,
    rules: Vec<SessionRules>,
    pub(super) sealed: Option<Sealed>,
}

/// What was issued lately.
#[derive(Clone, Default)]
pub(super) struct Recent {
    codes: Vec<AuthCode>,
    pub(super) grants: Vec<GrantId>,
    pub(super) refresh: Vec<RefreshToken>,
    sent: Vec<Request>,
}

fn remember<T>(recent: &mut Vec<T>, thing: T) {
    if recent.len() >= RECENT_MAX {
        recent.remove(0);
    }
    recent.push(thing);
}

impl Scenario {
    /// The log of a seed, empty so far.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let sealed = r#"{"key":1,"nonce":[1,2,3,4,5,6,7,8,9,10,11,12],"ciphertext":[1,2,3]}"#;
        let rules = r#"{"access_rights":{"api-0":{"api_id":"api-0"}},"alias":"somebody"}"#;
        let names = Names {
            apis: (0..3)
                .filter_map(|n| ApiId::new(&format!("api-{n}")).ok())
                .collect(),
            policies: (0..2)
                .filter_map(|n| PolicyId::new(&format!("policy-{n}")).ok())
                .collect(),
            clients: (0..3)
                .filter_map(|n| ClientId::new(&format!("client-{n}")).ok())
                .collect(),
            scopes: ["read", "read write", "admin"]
                .into_iter()
                .filter_map(|text| Scope::parse(text).ok().flatten())
                .collect(),
            rules: SessionRules::from_json(rules, false).into_iter().collect(),
            sealed: serde_json::from_str(sealed).ok(),
        };
        Self {
            choices: Choices::new(seed),
            state: MemoryState::default(),
            index: 0,
            now: Timestamp::from_unix_s(1_700_000_000),
            sequences: [0; 3],
            boots: [1; 3],
            names,
            recent: Recent::default(),
        }
    }

    /// The state after all batches so far.
    #[must_use]
    pub fn state(&self) -> &MemoryState {
        &self.state
    }

    /// The log index of the newest batch; zero before the first.
    #[must_use]
    pub fn index(&self) -> LogIndex {
        LogIndex(self.index)
    }

    /// The next batch of the log, with what it yields when applied to the batches before it.
    pub fn next_batch(&mut self) -> (Batch, Applied) {
        let mut batch = self.frame();
        let count = if self.index == 0 {
            0
        } else {
            self.choices.below(12)
        };
        if self.index == 0 {
            let found = Command::Found(Found {
                cluster: [7; 16],
                incarnation: Incarnation(42),
                active_key: KeyCheck {
                    id: KeyId(1),
                    value: CheckValue::from_bytes([1; 16]),
                },
            });
            self.push(&mut batch, found);
        }
        for _ in 0..count {
            if let Some(command) = self.command() {
                self.push(&mut batch, command);
            }
        }
        self.repeat_one(&mut batch);
        self.index = self.index.saturating_add(1);
        let applied = apply(&self.state, LogIndex(self.index), &batch);
        self.state.commit(&applied.changes);
        for answer in &applied.answers {
            self.take_note(answer);
        }
        (batch, applied)
    }

    /// A batch without requests: time passes, nodes restart and give up waiting now and then.
    fn frame(&mut self) -> Batch {
        let step = if self.choices.once_in(20) {
            400_000
        } else {
            2000
        };
        self.now = self.now.plus(Ttl::from_ms(self.choices.below(step)));
        let mut origins = Vec::new();
        let sent = &mut self.recent.sent;
        for (node, (boot, sequence)) in
            (1..).zip(self.boots.iter_mut().zip(self.sequences.iter_mut()))
        {
            if self.choices.once_in(40) {
                *boot = boot.saturating_add(1);
                *sequence = 0;
                // A node that starts again has forgotten what it had sent.
                sent.retain(|request| NodeId(u64::from(request.origin) + 1) != NodeId(node));
            }
            origins.push(Origin {
                node: NodeId(node),
                boot: BootId(*boot),
                done_below: sequence.saturating_sub(self.choices.below(30)),
            });
        }
        Batch {
            stamp: self.now,
            origins,
            requests: Vec::new(),
        }
    }

    fn push(&mut self, batch: &mut Batch, command: Command) {
        let origin = self.choices.below(self.sequences.len() as u64);
        let at = usize::try_from(origin).unwrap_or_default();
        if let (Some(sequence), Ok(origin)) = (self.sequences.get_mut(at), u16::try_from(origin)) {
            *sequence = sequence.saturating_add(1);
            let request = Request {
                origin,
                sequence: *sequence,
                command,
            };
            remember(&mut self.recent.sent, request.clone());
            batch.requests.push(request);
        }
    }

    /// Sends a request again now and then, as a node does whose answer was lost.
    fn repeat_one(&mut self, batch: &mut Batch) {
        if self.choices.once_in(5)
            && let Some(request) = self.choices.pick(&self.recent.sent)
        {
            batch.requests.push(request.clone());
        }
    }

    fn take_note(&mut self, answer: &Answer) {
        match answer {
            Answer::Done(Reply::Code { code, .. }) => remember(&mut self.recent.codes, *code),
            Answer::Done(Reply::Issued(issued)) => {
                remember(&mut self.recent.grants, issued.access.id);
                if let Some(refresh) = issued.refresh {
                    remember(&mut self.recent.refresh, refresh);
                }
            }
            _ => {}
        }
    }

    fn command(&mut self) -> Option<Command> {
        match self.choices.below(44) {
            0..=2 => self.configure(),
            3..=5 => self.create_client(),
            6 => Some(Command::DeleteClient(self.client_key()?)),
            7..=11 => self.issue_code(),
            12 => self.change_client(),
            13..=18 => self.redeem(),
            19..=25 => self.client_credentials(),
            26 => self.implicit(),
            27..=32 => self.refresh(),
            33..=34 => self.revoke(),
            35 => self.revoke_all(),
            36..=38 => self.notification(),
            39..=41 => self.api_key(),
            42 => self.password(),
            _ => Some(self.sweep()),
        }
    }

    pub(super) fn client_key(&mut self) -> Option<ClientKey> {
        Some(ClientKey {
            api: self.choices.pick(&self.names.apis)?.clone(),
            client: self.choices.pick(&self.names.clients)?.clone(),
        })
    }

    pub(super) fn authenticated(&mut self) -> Option<AuthenticatedClient> {
        let key = self.client_key()?;
        let credentials_revision = match self.state.get(&RecordKey::Client(key.clone())) {
            Some(Record::Client(client)) => client.credentials_revision,
            _ => Default::default(),
        };
        Some(AuthenticatedClient {
            key,
            credentials_revision,
        })
    }

    pub(super) fn session_rules(&self) -> Option<SessionRules> {
        self.names.rules.first().cloned()
    }

    pub(super) fn sealed(&self) -> Option<Sealed> {
        self.names.sealed.clone()
    }

    /// The client of a grant or family, or now and then somebody else.
    pub(super) fn owner_or_other(&mut self, key: &RecordKey) -> Option<AuthenticatedClient> {
        let mut client = self.authenticated()?;
        let owner = match self.state.get(key) {
            Some(Record::Code(code)) => Some((code.api.clone(), code.client.clone())),
            Some(Record::Family(family)) => Some((family.api.clone(), family.client.clone())),
            _ => None,
        };
        if let Some((api, id)) = owner
            && !self.choices.once_in(12)
        {
            client.key = ClientKey { api, client: id };
            if let Some(Record::Client(record)) =
                self.state.get(&RecordKey::Client(client.key.clone()))
            {
                client.credentials_revision = record.credentials_revision;
            }
        }
        Some(client)
    }

    pub(super) fn scope(&mut self) -> Option<Scope> {
        let scope = self.choices.pick(&self.names.scopes).cloned();
        scope.filter(|_| !self.choices.once_in(3))
    }

    pub(super) fn lifetimes(&mut self) -> Lifetimes {
        let access = Ttl::from_s(self.choices.below(1200).saturating_add(1));
        let refresh = Ttl::from_s(self.choices.below(400).saturating_add(1));
        Lifetimes {
            access,
            refresh: (!self.choices.once_in(5)).then_some(refresh),
        }
    }

    pub(super) fn notify(&mut self) -> Option<NotifyTerms> {
        let terms = NotifyTerms { queued_max: 4 };
        self.choices.once_in(2).then_some(terms)
    }

    fn issue_code(&mut self) -> Option<Command> {
        Some(Command::IssueCode(IssueCode {
            id: CodeId::from_bytes(self.choices.bytes16()),
            client: self.client_key()?,
            redirect: CodeRedirect::Registered("https://app.example/cb".into()),
            challenge: None,
            session: self.session(),
            scope: self.scope(),
            lifetime: Ttl::from_s(250),
        }))
    }

    fn session(&mut self) -> Option<SessionSource> {
        let rules = self.names.rules.first().cloned();
        let rules = rules.filter(|_| self.choices.once_in(4));
        rules.map(|rules| SessionSource::Rules(rules.into()))
    }

    fn implicit(&mut self) -> Option<Command> {
        Some(Command::IssueImplicit(IssueImplicit {
            grant: GrantId::from_bytes(self.choices.bytes16()),
            client: self.client_key()?,
            session: self.session(),
            scope: self.scope(),
            lifetime: self.lifetimes().access,
        }))
    }

    fn redeem(&mut self) -> Option<Command> {
        let code = *self.choices.pick(&self.recent.codes)?;
        Some(Command::RedeemCode(RedeemCode {
            code,
            client: self.owner_or_other(&RecordKey::Code(code.id))?,
            redirect_uri: None,
            verifier: None,
            grant: GrantId::from_bytes(self.choices.bytes16()),
            family: FamilyId::from_bytes(self.choices.bytes16()),
            lifetimes: self.lifetimes(),
            retry_window: Ttl::from_s(10),
            notify: self.notify(),
        }))
    }

    fn client_credentials(&mut self) -> Option<Command> {
        Some(Command::IssueClientCredentials(IssueClientCredentials {
            client: self.authenticated()?,
            grant: GrantId::from_bytes(self.choices.bytes16()),
            scope: self.scope(),
            lifetime: self.lifetimes().access,
        }))
    }
}
