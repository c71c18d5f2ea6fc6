//! What every client talks to: a node that serves TLS, an API for each style of errors, an identity server.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Value, json};

use crate::certificates::Certificates;
use crate::harness::{Node, RecordingServer, Reply, STYLES, Style, merge, oauth_api, policy};
use crate::identity_server;

/// Where the clients are called back; nobody serves it, the browsers of the flows stop before it.
pub(crate) const REDIRECT_URI: &str = "https://client.example/back";
/// Characters that a form must encode, and one that is no ASCII.
const PASSWORD: &str = "p+ss w%rd&=\u{e9}";
/// What the clients ask for.
pub(crate) const SCOPE: &str = "orders:read orders:write";

/// The error code of a client whose secret is wrong.
const fn wrong_secret(style: Style) -> &'static str {
    match style {
        Style::Rfc => "invalid_client",
        Style::Tyk => "unauthorized_client",
    }
}

/// The error code of a person whose password is wrong.
const fn wrong_password(style: Style) -> &'static str {
    match style {
        Style::Rfc => "invalid_grant",
        Style::Tyk => "access_denied",
    }
}

/// The node and what stands around it; ends with the last test that holds it.
pub(crate) struct Deployment {
    node: Node,
    _identity: RecordingServer,
    _upstream: RecordingServer,
    certificates: Certificates,
}

static SHARED: Mutex<Weak<Deployment>> = Mutex::new(Weak::new());

impl Deployment {
    /// The one that all tests share.
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(deployment) = shared.upgrade() {
            return deployment;
        }
        let deployment = Arc::new(Self::start());
        *shared = Arc::downgrade(&deployment);
        deployment
    }

    fn start() -> Self {
        let certificates = Certificates::for_loopback();
        let settings = "[gateway]\ntls_cert = \"gateway.cert\"\ntls_key = \"gateway.key\"\n";
        let mut node = Node::builder().configuration(settings).prepare();
        for (file, text) in [
            ("gateway.cert", &certificates.certificate),
            ("gateway.key", &certificates.key),
            ("authority.pem", &certificates.authority),
        ] {
            std::fs::write(node.folder().join(file), text).unwrap();
        }
        node.start_again();
        let upstream = RecordingServer::start(|received| {
            Reply::ok(json!({"target": received.target}).to_string())
                .with_header("Content-Type", "application/json")
        });
        let identity = identity_server::start(&node);
        for style in STYLES {
            create_api(&node, style, &upstream.url("/"), &identity.url("/login"));
        }
        Self {
            node,
            _identity: identity,
            _upstream: upstream,
            certificates,
        }
    }

    /// The file with the authority that clients believe.
    pub(crate) fn authority(&self) -> PathBuf {
        self.node.folder().join("authority.pem")
    }

    /// The same as text.
    pub(crate) fn authority_pem(&self) -> &str {
        &self.certificates.authority
    }

    /// A folder of its own for what a test writes.
    pub(crate) fn folder(&self) -> &Path {
        self.node.folder()
    }

    /// What a client needs to know: endpoints, a confidential and a public client of its own, a person of its own.
    pub(crate) fn described(&self, style: Style) -> Value {
        let id = style.name();
        let person = self.person(id);
        let client = |fields: Value| {
            let mut client = json!({
                "api_id": id, "policy_id": format!("{id}-policy"), "redirect_uri": REDIRECT_URI,
            });
            merge(&mut client, fields);
            self.node.create_client(&client)
        };
        // Characters that each way to send credentials must encode, or must not.
        let confidential = client(json!({"secret": "s+cret/with=signs%2Fand~dots.-_"}));
        let public = client(json!({"public": true}));
        let url = |path: &str| format!("https://{}/{id}/{path}", self.node.gateway());
        json!({
            "authorize": url("oauth/authorize"),
            "token": url("oauth/token"),
            "revoke": url("oauth/revoke"),
            "api": url("called"),
            "redirect_uri": REDIRECT_URI,
            "scope": SCOPE,
            "wrong_secret": wrong_secret(style),
            "wrong_password": wrong_password(style),
            "client": {"id": confidential.id, "secret": confidential.secret},
            "public_client": public.id,
            "person": {"name": person, "password": PASSWORD},
        })
    }

    /// A basic-auth user who may call this API, made as Tyk's documents ask.
    fn person(&self, api: &str) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("person+{api}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let session = json!({
            "org_id": "default",
            "access_rights": {api: {"api_id": api, "api_name": api, "versions": ["Default"]}},
            "basic_auth_data": {"password": PASSWORD},
        });
        let path = format!("/tyk/keys/{}", name.replace('+', "%2B"));
        let made = self.node.ask("POST", &path, &session);
        made.expect_status(200);
        name
    }
}

fn create_api(node: &Node, style: Style, target_url: &str, login_url: &str) {
    let id = style.name();
    let mut api = oauth_api(id, &format!("/{id}/"), target_url);
    api["oauth_meta"]["auth_login_redirect"] = json!(login_url);
    let grants = [
        "authorization_code",
        "client_credentials",
        "password",
        "refresh_token",
    ];
    api["oauth_meta"]["allowed_access_types"] = json!(grants);
    merge(&mut api, json!({"raftgate": {"error_style": id}}));
    node.create_api(&api);
    node.create_policy(&policy(&format!("{id}-policy"), &[id]));
}
