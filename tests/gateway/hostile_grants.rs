//! Wrong and hostile input for the parameters of the implicit grant and of the control listener's revocations; and that the
//! tables spoil every parameter which the sources read.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Answer, Style};
use crate::hostile_parameters::{authorization, without_scope_of_printables};
use crate::hostile_sources::{quoted, sources};
use crate::spoilt_parameters::{Parameter, Spoilt, Want, body, is_ok, parameter, spoil};
use crate::world::{OAuthApi, STYLES, World, text};

/// The names of parameters that a file reads from forms.
fn read_names(source: &str) -> Vec<String> {
    let readers = [
        "form.get(",
        "form\n            .get(",
        "get_from_body(",
        "credential(&form, ",
        "GrantParameterMissing(",
        "self.form.get(",
    ];
    let calls = readers
        .iter()
        .flat_map(|reader| source.split(reader).skip(1));
    let arguments = calls
        .filter_map(|call| call.split_once(')'))
        .map(|(inside, _)| inside);
    let named = arguments.flat_map(quoted).map(str::to_owned);
    let lists = source
        .split("[\"")
        .skip(1)
        .filter_map(|list| list.split_once("].map(|name|"));
    let listed = lists.filter(|(list, _)| !list.contains(';'));
    let listed = listed
        .flat_map(|(list, _)| list.split('"').step_by(2))
        .map(str::to_owned);
    named
        .chain(listed)
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn every_parameter_that_is_read_is_spoilt() {
    let read: BTreeSet<String> = ["src/oauth", "src/control"]
        .into_iter()
        .flat_map(sources)
        .flat_map(|source| read_names(&source))
        .collect();
    for known in [
        "client_secret",
        "secret",
        "code",
        "refresh_token",
        "username",
        "org_id",
    ] {
        assert!(read.contains(known), "{known} is not in {read:?}");
    }
    let tables = [
        include_str!("hostile_parameters.rs"),
        include_str!("hostile_grants.rs"),
    ];
    let spoilt: BTreeSet<&str> = tables
        .iter()
        .flat_map(|table| table.split("parameter(").skip(1))
        .map(str::trim_start)
        .filter_map(|call| call.strip_prefix('"')?.split('"').next())
        .collect();
    let left: Vec<_> = read
        .iter()
        .filter(|name| !spoilt.contains(name.as_str()))
        .collect();
    assert!(left.is_empty(), "{left:?} are not in {spoilt:?}");
}

#[test]
fn every_parameter_of_an_implicit_grant() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let secret = world.node.secret();
        let id = api.client.id.as_str();
        let parameters = || {
            let mut all = authorization(id, "read");
            all[0].value = "token".to_owned();
            // There is no exchange that a challenge could be for: it says nothing, and stands once all the same.
            let challenge = all
                .iter_mut()
                .filter(|one| one.name.starts_with("code_challenge"));
            challenge.for_each(|one| (one.wrong, one.huge) = (Want::Fine, Want::Fine));
            all
        };
        let send = |kind: &str, body: &[u8]| {
            let headers = [
                ("x-tyk-authorization", secret.as_str()),
                ("content-type", kind),
            ];
            let url = api.url("/tyk/oauth/authorize-client");
            let body = without_scope_of_printables(body);
            world.node.client().send("POST", &url, &headers, &body)
        };
        let has_token = |answer: &Answer| !text(&answer.json(), "access_token").is_empty();
        spoil(&api, parameters, send, |answer| {
            is_ok(answer) && has_token(answer)
        });
    }
}

/// Status and message of a refusal; `None` is a revocation.
type Told = Option<(u16, &'static str)>;

const MALFORMED: Told = Some((400, "cannot parse form. Form malformed"));
const UNKNOWN: &str = "oauth client doesn't exist";
const CONTROL: &str = "org_id: an identifier must not hold control characters";
const LONG: &str = "org_id: an identifier is at most 256 bytes long";

/// A door where an operator revokes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    One,
    All,
    NamedOne,
    NamedAll,
}

impl Door {
    fn path(self, client: &str) -> String {
        match self {
            Self::One => "/tyk/oauth/revoke".to_owned(),
            Self::All => "/tyk/oauth/revoke_all".to_owned(),
            Self::NamedOne => format!("/api/apis/oauth/{client}/revoke"),
            Self::NamedAll => format!("/api/apis/oauth/{client}/revoke_all"),
        }
    }

    const fn is_of_one_token(self) -> bool {
        matches!(self, Self::One | Self::NamedOne)
    }

    /// What is answered where this parameter is spoilt so.
    fn told(self, name: &str, spoilt: Spoilt) -> Told {
        use Spoilt::{BadPercent, BadUtf8, Control, Empty, Huge, Missing, Null};
        let is_missing = matches!(spoilt, Missing | Empty | Null);
        if !is_missing && !matches!(spoilt, BadPercent | BadUtf8 | Control | Huge) {
            return MALFORMED;
        }
        let lacks = |one: &'static str| Some((400, one));
        match (name, self) {
            ("token", Self::One | Self::NamedOne) if is_missing => lacks("token is required"),
            ("client_id", Self::One) if is_missing => lacks("client_id is required"),
            ("client_id", Self::All) if is_missing => Some((401, "client_id is required")),
            ("client_secret", Self::All) if is_missing => Some((401, "client_secret is required")),
            _ if is_missing => None,
            ("client_id", Self::NamedOne | Self::NamedAll) => {
                Some((400, "client_id is not the one of the path"))
            }
            // What nothing can be called is a bad request everywhere.
            ("client_id", Self::All) if matches!(spoilt, BadPercent | BadUtf8) => {
                Some((404, UNKNOWN))
            }
            ("client_id", _) => Some((400, UNKNOWN)),
            ("client_secret", _) => Some((401, "client secret is wrong")),
            ("org_id", _) if spoilt == Control => Some((400, CONTROL)),
            ("org_id", _) if spoilt == Huge => Some((400, LONG)),
            ("org_id", _) => Some((if self.is_of_one_token() { 400 } else { 404 }, UNKNOWN)),
            _ => None,
        }
    }
}

#[test]
fn every_parameter_of_the_control_listeners_revocations() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let secret = world.node.secret();
    for door in [Door::One, Door::All, Door::NamedOne, Door::NamedAll] {
        // One of its own: wrong secrets are counted.
        let client = api.another_client(json!({}));
        let token = world.node.access_token(&api.id, &client);
        let fine = |name, value: &str| parameter(name, value, Want::Fine, Want::Fine);
        let parameters: Vec<Parameter> = vec![
            parameter("token", "never-was", Want::Fine, Want::Fine),
            fine("token_type_hint", "access_token"),
            fine("client_id", &client.id),
            fine("client_secret", &client.secret),
            parameter("secret", "", Want::Fine, Want::Fine),
            parameter("org_id", "default", Want::Fine, Want::Fine),
        ];
        let url = world.node.control_url(&door.path(&client.id));
        let mut last = (false, String::new());
        for (at, spoilt) in (0..parameters.len()).flat_map(|at| Spoilt::ALL.map(|way| (at, way))) {
            let (kind, body) = body(&parameters, at, spoilt);
            let headers = [("authorization", secret.as_str()), ("content-type", kind)];
            let answer = world.node.client().send("POST", &url, &headers, &body);
            let name = parameters[at].name;
            let case = format!("{door:?} {name} {spoilt:?}: {}", answer.text());
            let told = answer.json();
            match door.told(name, spoilt) {
                None => assert_eq!(answer.status, 200, "{case}"),
                Some((status, message)) => {
                    assert_eq!(answer.status, status, "{case}");
                    let said = [text(&told, "message"), text(&told, "Message")].concat();
                    assert_eq!(said, message, "{case}");
                }
            }
            last = (door.is_of_one_token(), case);
        }
        // Only what was asked for was done.
        let called = api.call(&token).status;
        assert_eq!(called == 200, last.0, "{}", last.1);
    }
    // The parameter by which authorize-client is told its API.
    let fine = api.client.id.as_str();
    let approve = |api_id: Parameter, spoilt: Spoilt| {
        let mut parameters = authorization(fine, "read");
        parameters.push(api_id);
        let (kind, body) = body(&parameters, parameters.len() - 1, spoilt);
        let headers = [("authorization", secret.as_str()), ("content-type", kind)];
        let url = world.node.control_url("/tyk/oauth/authorize-client");
        world.node.client().send("POST", &url, &headers, &body)
    };
    for spoilt in Spoilt::ALL {
        let answer = approve(parameter("api_id", &api.id, Want::Fine, Want::Fine), spoilt);
        let expected = match spoilt {
            Spoilt::Missing | Spoilt::Empty | Spoilt::Null => (200, ""),
            Spoilt::Repeated => (400, "the parameter api_id is repeated"),
            Spoilt::Number | Spoilt::List | Spoilt::Object => (
                400,
                "the JSON body must be an object whose values are strings",
            ),
            _ => (400, "API doesn't exist"),
        };
        let told: Value = answer.json();
        let said = (answer.status, text(&told, "message"));
        assert_eq!((said.0, said.1.as_str()), expected, "{spoilt:?}");
    }
}
