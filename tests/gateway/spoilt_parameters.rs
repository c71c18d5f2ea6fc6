//! Parameters spoilt in every way, and what each way must come to.

use serde_json::{Map, Value, json};

use crate::harness::Answer;
use crate::world::{Error, OAuthApi, Style, text};

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

    /// The encoded value in a form, if this way has one.
    pub(crate) fn encoded(self) -> Option<String> {
        match self {
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

/// What a spoilt parameter is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Want {
    Fine,
    Refused(Error, Error),
}

pub(crate) const INVALID: Want = Want::Refused((400, "invalid_request"), (403, "invalid_request"));

/// A parameter, its good value, and what comes of spoiling it.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) missing: Want,
    pub(crate) wrong: Want,
    pub(crate) huge: Want,
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
        wrong,
        huge: wrong,
    }
}

pub(crate) const fn refused(rfc: Error, tyk: Error) -> Want {
    Want::Refused(rfc, tyk)
}

impl Parameter {
    pub(crate) fn want(&self, spoilt: Spoilt) -> Want {
        match spoilt {
            Spoilt::Missing | Spoilt::Empty | Spoilt::Null => self.missing,
            Spoilt::Huge => self.huge,
            Spoilt::Control | Spoilt::BadPercent | Spoilt::BadUtf8 => self.wrong,
            Spoilt::Repeated | Spoilt::Number | Spoilt::List | Spoilt::Object => INVALID,
        }
    }
}

/// A body with one parameter spoilt, and its media type.
pub(crate) fn body(parameters: &[Parameter], at: usize, spoilt: Spoilt) -> (&'static str, Vec<u8>) {
    let name = parameters[at].name;
    if let Some(value) = spoilt.in_json() {
        let good = parameters.iter().filter(|other| !other.value.is_empty());
        let mut object: Map<String, Value> = good
            .map(|other| (other.name.to_owned(), json!(other.value)))
            .collect();
        object.insert(name.to_owned(), value);
        return (
            "application/json",
            Value::Object(object).to_string().into_bytes(),
        );
    }
    let mut form = form_urlencoded::Serializer::new(String::new());
    let kept = parameters.iter().filter(|other| {
        !other.value.is_empty() && (spoilt == Spoilt::Repeated || other.name != name)
    });
    form.extend_pairs(kept.map(|other| (other.name, other.value.as_str())));
    let mut form = form.finish();
    if spoilt == Spoilt::Repeated {
        form.push_str(&format!("&{name}=1&{name}=2"));
    } else if let Some(value) = spoilt.encoded() {
        form.push_str(&format!("&{name}={value}"));
    }
    ("application/x-www-form-urlencoded", form.into_bytes())
}

/// Spoils each parameter in each way; `good` says whether an accepted request was answered as it should be.
pub(crate) fn spoil(
    api: &OAuthApi<'_>,
    parameters: impl Fn() -> Vec<Parameter>,
    send: impl Fn(&str, &[u8]) -> Answer,
    good: impl Fn(&Answer) -> bool,
) {
    let count = parameters().len();
    for at in 0..count {
        for spoilt in Spoilt::ALL {
            let parameters = parameters();
            let want = parameters[at].want(spoilt);
            let (kind, body) = body(&parameters, at, spoilt);
            let answer = send(kind, &body);
            let case = format!("{} {spoilt:?} in {:?}", parameters[at].name, api.style);
            assert_spoilt(api, &answer, want, &good, &case);
        }
    }
}

pub(crate) fn assert_spoilt(
    api: &OAuthApi<'_>,
    answer: &Answer,
    want: Want,
    good: impl Fn(&Answer) -> bool,
    case: &str,
) {
    let seen = (answer.status, answer.text());
    let Want::Refused(rfc, tyk) = want else {
        assert!(good(answer), "{case}: {seen:?}");
        return;
    };
    let body = answer.json();
    match api.style {
        Style::Rfc => {
            assert_eq!(
                (answer.status, text(&body, "error").as_str()),
                rfc,
                "{case}: {seen:?}"
            );
            let description = text(&body, "error_description");
            let allowed = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
            assert!(
                !description.is_empty() && description.chars().all(allowed),
                "{case}: {seen:?}"
            );
        }
        Style::Tyk => {
            assert_eq!(answer.status, tyk.0, "{case}: {seen:?}");
            let error = text(&body, "error");
            assert!(
                error == tyk.1 || text(&body, "status") == "error",
                "{case}: {seen:?}"
            );
        }
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
}
