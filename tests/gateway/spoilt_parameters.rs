//! Parameters spoilt in every way, and what each way must come to.

use serde_json::{Map, Value, json};

use crate::harness::Answer;
use crate::hostile_reads::Endpoint;
use crate::world::{Error, OAuthApi, Style, sentence, text};

/// A way to spoil one parameter of a request that is good otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoilt {
    Missing,
    Empty,
    Null,
    Huge,
    Control,
    BadPercent,
    BadUtf8,
    Repeated,
    Number,
    List,
    Object,
}

impl Spoilt {
    pub(crate) const ALL: [Self; 11] = [
        Self::Missing,
        Self::Empty,
        Self::Null,
        Self::Huge,
        Self::Control,
        Self::BadPercent,
        Self::BadUtf8,
        Self::Repeated,
        Self::Number,
        Self::List,
        Self::Object,
    ];

    /// The encoded value of a parameter in a form, if this way has one.
    fn encoded(self, name: &str) -> Option<String> {
        match self {
            // Printable ASCII is a scope; what is none takes its place.
            Self::BadPercent if name == "scope" => Some("%22%5c".to_owned()),
            Self::Empty => Some(String::new()),
            Self::Huge => Some("x".repeat(8192)),
            Self::Control => Some("a%00%0d%0ab%1b".to_owned()),
            Self::BadPercent => Some("%zz%".to_owned()),
            Self::BadUtf8 => Some("%ff%fe".to_owned()),
            _ => None,
        }
    }

    pub(crate) fn in_json(self) -> Option<Value> {
        match self {
            Self::Null => Some(Value::Null),
            Self::Number => Some(json!(7)),
            Self::List => Some(json!(["x"])),
            Self::Object => Some(json!({"x": "y"})),
            _ => None,
        }
    }
}

/// Where a spoilt parameter stands; the others are in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Body,
    Query,
}

impl Place {
    pub(crate) const ALL: [Self; 2] = [Self::Body, Self::Query];

    /// Whether a parameter can be spoilt so here; without it, a query is none.
    pub(crate) fn can_hold(self, spoilt: Spoilt) -> bool {
        self == Self::Body || (spoilt != Spoilt::Missing && spoilt.in_json().is_none())
    }
}

/// What a spoilt parameter is answered.
#[derive(Clone, Debug)]
pub(crate) enum Want {
    Fine,
    Refused(Error, Error),
    /// This status and these words in the shape of the control listener's door, whatever the style.
    Told(u16, String),
}

pub(crate) const INVALID: Want = Want::Refused((400, "invalid_request"), (403, "invalid_request"));

/// What counts in a body alone.
const OF_BODIES: [&str; 3] = ["client_secret", "secret", "password"];

/// A parameter, its good value, and what comes of spoiling it.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) missing: Want,
    pub(crate) wrong: Want,
    pub(crate) huge: Want,
    pub(crate) repeated: Want,
    /// A member of a JSON object that is no string.
    pub(crate) untyped: Want,
    /// What no percent-encoded UTF-8 is answered in a query, where that is another answer.
    pub(crate) undecoded_query: Option<Want>,
}

pub(crate) fn parameter(
    name: &'static str,
    value: impl Into<String>,
    missing: Want,
    wrong: Want,
) -> Parameter {
    Parameter {
        name,
        value: value.into(),
        missing,
        wrong: wrong.clone(),
        huge: wrong,
        repeated: INVALID,
        untyped: INVALID,
        undecoded_query: None,
    }
}

pub(crate) const fn refused(rfc: Error, tyk: Error) -> Want {
    Want::Refused(rfc, tyk)
}

impl Parameter {
    pub(crate) fn want(&self, spoilt: Spoilt, place: Place) -> Want {
        let is_undecoded = match spoilt {
            // Of a scope it is another wrong value.
            Spoilt::BadPercent => self.name != "scope",
            other => other == Spoilt::BadUtf8,
        };
        let is_unread = place == Place::Query && OF_BODIES.contains(&self.name);
        let want = match spoilt {
            _ if is_undecoded && place == Place::Query && self.undecoded_query.is_some() => {
                return self.undecoded_query.clone().unwrap();
            }
            Spoilt::Repeated => &self.repeated,
            Spoilt::Number | Spoilt::List | Spoilt::Object => &self.untyped,
            _ if is_unread => &self.missing,
            Spoilt::Missing | Spoilt::Empty | Spoilt::Null => &self.missing,
            Spoilt::Huge => &self.huge,
            Spoilt::Control | Spoilt::BadPercent | Spoilt::BadUtf8 => &self.wrong,
        };
        want.clone()
    }
}

/// What a request with a spoilt parameter sends.
pub(crate) struct Sent {
    pub(crate) query: String,
    pub(crate) kind: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Sent {
    /// The address with the query.
    pub(crate) fn at(&self, url: &str) -> String {
        let join = if url.contains('?') { '&' } else { '?' };
        match self.query.as_str() {
            "" => url.to_owned(),
            query => format!("{url}{join}{query}"),
        }
    }
}

/// A request with one parameter spoilt.
pub(crate) fn sent(parameters: &[Parameter], at: usize, spoilt: Spoilt, place: Place) -> Sent {
    let name = parameters[at].name;
    if let Some(value) = spoilt.in_json() {
        let good = parameters.iter().filter(|other| !other.value.is_empty());
        let mut object: Map<String, Value> = good
            .map(|other| (other.name.to_owned(), json!(other.value)))
            .collect();
        object.insert(name.to_owned(), value);
        return Sent {
            query: String::new(),
            kind: "application/json",
            body: Value::Object(object).to_string().into_bytes(),
        };
    }
    let stays = spoilt == Spoilt::Repeated && place == Place::Body;
    let kept = parameters
        .iter()
        .filter(|other| !other.value.is_empty() && (stays || other.name != name));
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(kept.map(|other| (other.name, other.value.as_str())));
    let mut form = form.finish();
    let value = spoilt.encoded(name);
    let pairs = match value {
        _ if spoilt == Spoilt::Repeated => format!("{name}=1&{name}=2"),
        Some(value) => format!("{name}={value}"),
        None => String::new(),
    };
    let mut query = String::new();
    match place {
        Place::Query => query = pairs,
        Place::Body => form.push_str(&format!("&{pairs}")),
    }
    Sent {
        query,
        kind: "application/x-www-form-urlencoded",
        body: form.into_bytes(),
    }
}

/// Spoils each parameter of an endpoint in each way and place; `good` says whether an accepted request was answered as it
/// should be.
pub(crate) fn spoil(
    api: &OAuthApi<'_>,
    endpoint: Endpoint,
    parameters: impl Fn() -> Vec<Parameter>,
    send: impl Fn(&Sent) -> Answer,
    good: impl Fn(&Answer) -> bool,
) {
    let count = parameters().len();
    endpoint.assert_has_all(&parameters());
    for (at, spoilt) in (0..count).flat_map(|at| Spoilt::ALL.map(|spoilt| (at, spoilt))) {
        for place in Place::ALL {
            if !place.can_hold(spoilt) {
                continue;
            }
            let parameters = parameters();
            let want = parameters[at].want(spoilt, place);
            let answer = send(&sent(&parameters, at, spoilt, place));
            let name = parameters[at].name;
            let case = format!("{name} {spoilt:?} in the {place:?} in {:?}", api.style);
            assert_spoilt(api, &answer, &want, &good, &case);
        }
    }
}

pub(crate) fn assert_spoilt(
    api: &OAuthApi<'_>,
    answer: &Answer,
    want: &Want,
    good: impl Fn(&Answer) -> bool,
    case: &str,
) {
    let seen = (answer.status, answer.text());
    let body = match want {
        Want::Fine => {
            assert!(good(answer), "{case}: {seen:?}");
            return;
        }
        Want::Refused(..) | Want::Told(..) => answer.json(),
    };
    match (want, api.style) {
        (Want::Refused(rfc, _), Style::Rfc) => {
            let error = text(&body, "error");
            assert_eq!((answer.status, error.as_str()), *rfc, "{case}: {seen:?}");
            let description = text(&body, "error_description");
            let allowed = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
            assert!(
                !description.is_empty() && description.chars().all(allowed),
                "{case}: {seen:?}"
            );
        }
        (Want::Refused(_, tyk), Style::Tyk) => {
            assert_eq!(answer.status, tyk.0, "{case}: {seen:?}");
            let message = text(&body, "message");
            let is_told = if text(&body, "status") == "error" {
                // Revocations have words of their own, which other tests know.
                let words = sentence(tyk.1).unwrap_or(&message);
                !message.is_empty() && message == words
            } else {
                text(&body, "error") == tyk.1
            };
            assert!(is_told, "{case}: {seen:?}");
        }
        (Want::Told(status, words), _) => {
            let message = [text(&body, "message"), text(&body, "Message")].concat();
            assert_eq!((answer.status, &message), (*status, words), "{case}");
            let word = [text(&body, "status"), text(&body, "Status")].concat();
            assert!(word.eq_ignore_ascii_case("error"), "{case}: {seen:?}");
        }
        (Want::Fine, _) => {}
    }
    let echo = ["xxxxxxxx", "%zz", "\u{1b}", "\u{fffd}"];
    assert!(
        !echo.iter().any(|part| seen.1.contains(part)),
        "{case}: {seen:?}"
    );
    assert!(!answer.header("x-request-id").is_empty(), "{case}");
}

pub(crate) fn is_ok(answer: &Answer) -> bool {
    answer.status == 200
}

impl OAuthApi<'_> {
    pub(crate) fn send_raw(
        &self,
        rest: &str,
        authorization: &str,
        (kind, body): (&str, &[u8]),
    ) -> Answer {
        let mut headers = vec![("content-type", kind)];
        headers.extend(Some(("authorization", authorization)).filter(|pair| !pair.1.is_empty()));
        let client = self.world.node.client();
        client.send("POST", &self.url(rest), &headers, body)
    }

    pub(crate) fn ask_raw(&self, kind: &str, body: &[u8]) -> Answer {
        self.send_raw("/oauth/token", &self.client.basic(), (kind, body))
    }

    /// Sends a request with a spoilt parameter to an endpoint under the listen path.
    pub(crate) fn send_spoilt(&self, rest: &str, authorization: &str, sent: &Sent) -> Answer {
        self.send_raw(&sent.at(rest), authorization, (sent.kind, &sent.body))
    }

    /// The same to a door that asks for the control secret.
    pub(crate) fn send_approval(&self, url: &str, sent: &Sent) -> Answer {
        let secret = self.world.node.secret();
        let headers = [
            ("x-tyk-authorization", secret.as_str()),
            ("content-type", sent.kind),
        ];
        let client = self.world.node.client();
        client.send("POST", &sent.at(url), &headers, &sent.body)
    }
}
