//! Wrong and hostile input for the parameters of the implicit grant and of the control listener's revocations.

use serde_json::json;

use crate::harness::{Answer, Node, Style};
use crate::hostile_parameters::approval;
use crate::hostile_reads::Endpoint;
use crate::spoilt_parameters::{
    Parameter, Place, Sent, Spoilt, Want, is_ok, parameter, sent, spoil,
};
use crate::world::{OAuthApi, STYLES, World, text};

#[test]
fn every_parameter_of_an_implicit_grant() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let id = api.client.id.as_str();
        let parameters = || {
            let mut all = approval(id);
            all[0].value = "token".to_owned();
            // There is no exchange that a challenge could be for: it says nothing, and stands once all the same.
            let challenge = all
                .iter_mut()
                .filter(|one| one.name.starts_with("code_challenge"));
            challenge.for_each(|one| (one.wrong, one.huge) = (Want::Fine, Want::Fine));
            all
        };
        let url = api.url("/tyk/oauth/authorize-client");
        let send = |sent: &Sent| api.send_approval(&url, sent);
        let has_token = |answer: &Answer| !text(&answer.json(), "access_token").is_empty();
        spoil(&api, Endpoint::Approval, parameters, send, |answer| {
            is_ok(answer) && has_token(answer)
        });
    }
}

/// Status and message of a refusal; `None` is a revocation.
type Told = Option<(u16, &'static str)>;

const MALFORMED: Told = Some((400, "cannot parse form. Form malformed"));
const UNDECODED: Told = Some((
    400,
    "Request malformed: the query is not percent-encoded UTF-8",
));
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

    const fn endpoint(self) -> Endpoint {
        match self {
            Self::One | Self::NamedOne => Endpoint::ControlRevoke,
            Self::All | Self::NamedAll => Endpoint::ControlRevokeAll,
        }
    }

    /// What is answered where this parameter is spoilt so; `own` is the name by which the client's secret is sent.
    fn told(self, (name, own): (&str, &str), spoilt: Spoilt, place: Place) -> Told {
        use Spoilt::{BadPercent, BadUtf8, Control, Empty, Huge, Missing, Null};
        let is_undecoded = matches!(spoilt, BadPercent | BadUtf8);
        if is_undecoded && place == Place::Query {
            return UNDECODED;
        }
        let is_absent = matches!(spoilt, Missing | Empty | Null);
        if !is_absent && !is_undecoded && !matches!(spoilt, Control | Huge) {
            return MALFORMED;
        }
        // A secret in a query is none.
        let is_secret = matches!(name, "client_secret" | "secret");
        let is_missing = is_absent || (is_secret && place == Place::Query);
        let lacks = |one: &'static str| Some((400, one));
        match (name, self) {
            ("token", Self::One | Self::NamedOne) if is_missing => lacks("token is required"),
            ("client_id", Self::One) if is_missing => lacks("client_id is required"),
            ("client_id", Self::All) if is_missing => Some((401, "client_id is required")),
            (name, Self::All) if is_missing && name == own => {
                Some((401, "client_secret is required"))
            }
            _ if is_missing => None,
            ("client_id", Self::NamedOne | Self::NamedAll) => {
                Some((400, "client_id is not the one of the path"))
            }
            // What nothing can be called is a bad request everywhere.
            ("client_id", Self::All) if is_undecoded => Some((404, UNKNOWN)),
            ("client_id", _) => Some((400, UNKNOWN)),
            ("client_secret" | "secret", _) => Some((401, "client secret is wrong")),
            ("org_id", _) if spoilt == Control => Some((400, CONTROL)),
            ("org_id", _) if spoilt == Huge => Some((400, LONG)),
            ("org_id", _) => Some((if self.is_of_one_token() { 400 } else { 404 }, UNKNOWN)),
            _ => None,
        }
    }

    /// Spoils each parameter at this door; `own` and `other` are the names that a client's secret may have.
    fn spoil(self, api: &OAuthApi<'_>, own: &'static str, other: &'static str) {
        let node = &api.world.node;
        // One of its own: wrong secrets are counted.
        let client = api.another_client(json!({}));
        let token = node.access_token(&api.id, &client);
        let fine = |name, value: &str| parameter(name, value, Want::Fine, Want::Fine);
        let table: Vec<Parameter> = vec![
            fine("token", "never-was"),
            fine("token_type_hint", "access_token"),
            fine("client_id", &client.id),
            fine(own, &client.secret),
            fine(other, ""),
            fine("org_id", "default"),
        ];
        self.endpoint().assert_has_all(&table);
        let url = node.control_url(&self.path(&client.id));
        let mut all_went = false;
        for (at, spoilt) in (0..table.len()).flat_map(|at| Spoilt::ALL.map(|way| (at, way))) {
            for place in Place::ALL {
                if !place.can_hold(spoilt) {
                    continue;
                }
                let answer = api.send_approval(&url, &sent(&table, at, spoilt, place));
                let name = table[at].name;
                let case = format!("{self:?} {name} {spoilt:?} in the {place:?}");
                match self.told((name, own), spoilt, place) {
                    None => {
                        assert_eq!(answer.status, 200, "{case}: {}", answer.text());
                        all_went |= !self.is_of_one_token();
                    }
                    Some((status, message)) => {
                        let told = answer.json();
                        let said = [text(&told, "message"), text(&told, "Message")].concat();
                        assert_eq!((answer.status, said.as_str()), (status, message), "{case}");
                    }
                }
                // Only what was asked for was done.
                let is_good = api.call(&token).status == 200;
                assert_eq!(is_good, !all_went, "{case}");
            }
        }
        assert_eq!(all_went, !self.is_of_one_token());
    }
}

#[test]
fn every_parameter_of_the_control_listeners_revocations() {
    // A node of its own: wrong secrets are counted, by the names that they come with.
    let world = World::of(Node::start());
    let api = OAuthApi::new(&world, Style::Rfc);
    for door in [Door::One, Door::All, Door::NamedOne, Door::NamedAll] {
        door.spoil(&api, "client_secret", "secret");
        door.spoil(&api, "secret", "client_secret");
    }
}
