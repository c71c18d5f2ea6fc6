//! One node and one upstream that most tests share, and an OAuth API of each test's own on them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Value, json};

use crate::harness::{
    Answer, Credentials, Node, Received, RecordingServer, Reply, merge, oauth_api, policy,
};
pub(crate) use crate::harness::{STYLES, Style};

/// The redirect URI that clients are registered with.
pub(crate) const REDIRECT: &str = "http://client.example/back";

/// The node of the tests that need no settings of their own; it ends with the last test that holds it.
pub(crate) struct World {
    pub(crate) node: Node,
    pub(crate) upstream: RecordingServer,
}

static SHARED: Mutex<Weak<World>> = Mutex::new(Weak::new());

impl World {
    /// The shared one, started if no other test has it in its hands.
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(world) = shared.upgrade() {
            return world;
        }
        let world = Arc::new(Self::of(Node::start()));
        *shared = Arc::downgrade(&world);
        world
    }

    /// A world of the test's own.
    pub(crate) fn of(node: Node) -> Self {
        let upstream = RecordingServer::start(echo);
        Self { node, upstream }
    }
}

/// Answers what it was asked: method, target, headers and body, as JSON.
pub(crate) fn echo(received: &Received) -> Reply {
    let text = json!({
        "method": received.method,
        "target": received.target,
        "headers": received.headers,
        "body": received.text(),
    });
    Reply::ok(text.to_string()).with_header("Content-Type", "application/json")
}

/// What [`echo`] tells of a header: all of its values.
pub(crate) fn echoed<'a>(echo: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = echo.get("headers").and_then(Value::as_array).unwrap();
    let pairs = headers
        .iter()
        .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()));
    let same = pairs.filter(|(known, _)| known.eq_ignore_ascii_case(name));
    same.map(|(_, value)| value).collect()
}

/// A name that no other test uses.
pub(crate) fn unique(topic: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{topic}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A status and the error code that comes with it.
pub(crate) type Error = (u16, &'static str);

pub(crate) const INVALID_GRANT: Error = (400, "invalid_grant");
pub(crate) const TYK_INVALID_GRANT: Error = (403, "invalid_grant");

/// A request's pairs, and how both styles refuse it.
pub(crate) type Refused<'a> = (&'a [(&'a str, &'a str)], Error, Error);

/// An access and a refresh token.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Tokens {
    #[track_caller]
    pub(crate) fn of(answer: Answer) -> Self {
        let body = answer.expect_status(200).json();
        Self {
            access: text(&body, "access_token"),
            refresh: text(&body, "refresh_token"),
        }
    }
}

/// A member that is a string; empty when it is absent.
pub(crate) fn text(body: &Value, name: &str) -> String {
    body.get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// An OAuth API with a policy and one client, on a node.
pub(crate) struct OAuthApi<'w> {
    pub(crate) world: &'w World,
    pub(crate) id: String,
    pub(crate) style: Style,
    pub(crate) client: Credentials,
}

impl<'w> OAuthApi<'w> {
    /// An API with a name of its own.
    #[track_caller]
    pub(crate) fn new(world: &'w World, style: Style) -> Self {
        Self::with(world, style, json!({}))
    }

    /// Two APIs, the policy of both, and a client that it registers with them.
    #[track_caller]
    pub(crate) fn two_of_one_client(
        world: &'w World,
        style: Style,
    ) -> ([Self; 2], String, Credentials) {
        let apis = [Self::new(world, style), Self::new(world, style)];
        let both = unique("both");
        let ids = [apis[0].id.as_str(), apis[1].id.as_str()];
        world.node.create_policy(&policy(&both, &ids));
        let client = world.node.create_client(&json!({"policy_id": both}));
        (apis, both, client)
    }

    /// The same with these fields of the definition.
    #[track_caller]
    pub(crate) fn with(world: &'w World, style: Style, fields: Value) -> Self {
        let id = unique("api");
        let target = world.upstream.url("/");
        let mut definition = oauth_api(&id, &format!("/{id}/"), &target);
        merge(
            &mut definition,
            json!({"raftgate": {"error_style": style.name()}}),
        );
        merge(&mut definition, fields);
        world.node.create_api(&definition);
        world
            .node
            .create_policy(&policy(&format!("{id}-policy"), &[&id]));
        let client = Self::register(world, &id, json!({}));
        Self {
            world,
            id,
            style,
            client,
        }
    }

    fn register(world: &World, id: &str, fields: Value) -> Credentials {
        let mut client =
            json!({"api_id": id, "policy_id": format!("{id}-policy"), "redirect_uri": REDIRECT});
        merge(&mut client, fields);
        world.node.create_client(&client)
    }

    /// Another client of the API.
    #[track_caller]
    pub(crate) fn another_client(&self, fields: Value) -> Credentials {
        Self::register(self.world, &self.id, fields)
    }

    pub(crate) fn policy_id(&self) -> String {
        format!("{}-policy", self.id)
    }

    pub(crate) fn url(&self, rest: &str) -> String {
        self.world.node.gateway_url(&format!("/{}{rest}", self.id))
    }

    /// authorize-client under the listen path; `pairs` replace or add to those of a usual request, empty ones are left out.
    #[track_caller]
    pub(crate) fn approve(&self, pairs: &[(&str, &str)]) -> Answer {
        self.approve_for(&self.client, pairs)
    }

    #[track_caller]
    pub(crate) fn approve_for(&self, client: &Credentials, pairs: &[(&str, &str)]) -> Answer {
        let usual = [
            ("response_type", "code"),
            ("client_id", client.id.as_str()),
            ("redirect_uri", REDIRECT),
        ];
        let secret = self.world.node.secret();
        let headers = [("x-tyk-authorization", secret.as_str())];
        let url = self.url("/tyk/oauth/authorize-client");
        let client = self.world.node.client();
        client.post_form(&url, &headers, &overlaid(&usual, pairs))
    }

    /// A code of the API's client.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        text(&self.approve(&[]).expect_status(200).json(), "code")
    }

    /// The token endpoint's answer to the API's client.
    #[track_caller]
    pub(crate) fn token(&self, form: &[(&str, &str)]) -> Answer {
        self.token_for(&self.client, form)
    }

    #[track_caller]
    pub(crate) fn token_for(&self, client: &Credentials, form: &[(&str, &str)]) -> Answer {
        self.world.node.ask_token(&self.id, client, form)
    }

    /// Exchanges a code; `pairs` as in [`Self::approve`].
    #[track_caller]
    pub(crate) fn exchange(&self, code: &str, pairs: &[(&str, &str)]) -> Answer {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
        ];
        self.token(&overlaid(&usual, pairs))
    }

    /// The tokens of a fresh code.
    #[track_caller]
    pub(crate) fn tokens(&self) -> Tokens {
        Tokens::of(self.exchange(&self.code(), &[]))
    }

    #[track_caller]
    pub(crate) fn refresh(&self, token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    /// A refresh token of this client's yields nothing.
    #[track_caller]
    pub(crate) fn assert_not_refreshed(&self, token: &str) {
        self.assert_error(&self.refresh(token), INVALID_GRANT, TYK_INVALID_GRANT);
    }

    /// An access token by client credentials.
    #[track_caller]
    pub(crate) fn access_token(&self) -> String {
        self.world.node.access_token(&self.id, &self.client)
    }

    /// A proxied call with a token.
    #[track_caller]
    pub(crate) fn call(&self, token: &str) -> Answer {
        self.world
            .node
            .get_with_token(&format!("/{}/called", self.id), token)
    }

    #[track_caller]
    pub(crate) fn assert_good(&self, token: &str) {
        self.call(token).expect_status(200);
    }

    /// The token is refused as one that nobody knows.
    #[track_caller]
    pub(crate) fn assert_unknown(&self, token: &str) {
        self.assert_call_refused(
            &self.call(token),
            (401, "invalid_token"),
            (403, "Key not authorised"),
        );
    }

    /// A proxied request's refusal, in the words of the API's style.
    #[track_caller]
    pub(crate) fn assert_call_refused(&self, answer: &Answer, rfc: Error, tyk: Error) {
        let seen = (answer.status, answer.text());
        match self.style {
            Style::Rfc => {
                assert_eq!(answer.status, rfc.0, "{seen:?}");
                assert_eq!(text(&answer.json(), "error"), rfc.1, "{seen:?}");
                assert!(!text(&answer.json(), "error_description").is_empty());
                let challenge = answer.header("www-authenticate");
                let named = challenge.contains(&format!("realm=\"{}\"", self.id));
                assert_eq!(
                    named,
                    rfc.0 == 401 || rfc.1 == "insufficient_scope",
                    "{challenge}"
                );
            }
            Style::Tyk => {
                let body = format!("{{\n    \"error\": \"{}\"\n}}", tyk.1);
                assert_eq!(seen, (tyk.0, body));
                assert_eq!(answer.header("x-generator"), "tyk.io");
                assert_eq!(answer.header("www-authenticate"), "");
            }
        }
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(!answer.header("x-request-id").is_empty());
    }

    /// An OAuth endpoint's error, in the words of the API's style.
    #[track_caller]
    pub(crate) fn assert_error(&self, answer: &Answer, rfc: Error, tyk: Error) {
        let expected = match self.style {
            Style::Rfc => rfc,
            Style::Tyk => tyk,
        };
        let body = answer.json();
        assert_eq!(
            (answer.status, text(&body, "error").as_str()),
            expected,
            "{body}"
        );
        let description = text(&body, "error_description");
        match self.style {
            Style::Rfc => {
                assert!(!description.is_empty(), "{body}");
                let challenge = answer.header("www-authenticate");
                assert_eq!(
                    challenge.starts_with("Basic realm="),
                    rfc.0 == 401,
                    "{challenge}"
                );
            }
            Style::Tyk => {
                if let Some(sentence) = sentence(tyk.1) {
                    assert_eq!(description, sentence);
                }
                assert_eq!(answer.header("www-authenticate"), "");
            }
        }
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(!answer.header("x-request-id").is_empty());
    }
}

/// Tyk's sentence for an error code (`OSIN error.go`).
pub(crate) fn sentence(code: &str) -> Option<&'static str> {
    Some(match code {
        "invalid_request" => {
            "The request is missing a required parameter, includes an invalid parameter value, includes a parameter more than once, or is otherwise malformed."
        }
        "unauthorized_client" => {
            "The client is not authorized to request a token using this method."
        }
        "access_denied" => "The resource owner or authorization server denied the request.",
        "unsupported_response_type" => {
            "The authorization server does not support obtaining a token using this method."
        }
        "unsupported_grant_type" => {
            "The authorization grant type is not supported by the authorization server."
        }
        "invalid_grant" => {
            "The provided authorization grant (e.g., authorization code, resource owner credentials) or refresh token is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client."
        }
        "invalid_client" => {
            "Client authentication failed (e.g., unknown client, no client authentication included, or unsupported authentication method)."
        }
        "server_error" => {
            "The authorization server encountered an unexpected condition that prevented it from fulfilling the request."
        }
        _ => return None,
    })
}

fn overlaid<'a>(
    usual: &[(&'a str, &'a str)],
    pairs: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let kept = usual
        .iter()
        .filter(|(name, _)| !pairs.iter().any(|(other, _)| other == name));
    let all = kept.chain(pairs).copied();
    all.filter(|(_, value)| !value.is_empty()).collect()
}
