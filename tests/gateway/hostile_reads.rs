//! Which parameters each endpoint reads, taken from the sources: the tables of hostile input are held against it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::spoilt_parameters::Parameter;

/// An endpoint whose parameters a table spoils; each grant of the token endpoint is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    CodeExchange,
    Refresh,
    ClientCredentials,
    Password,
    Authorize,
    Approval,
    ControlApproval,
    Revoke,
    RevokeAll,
    ControlRevoke,
    ControlRevokeAll,
}

impl Endpoint {
    const ALL: [Self; 11] = [
        Self::CodeExchange,
        Self::Refresh,
        Self::ClientCredentials,
        Self::Password,
        Self::Authorize,
        Self::Approval,
        Self::ControlApproval,
        Self::Revoke,
        Self::RevokeAll,
        Self::ControlRevoke,
        Self::ControlRevokeAll,
    ];

    /// The names of the parameters that it reads.
    fn read(self) -> BTreeSet<String> {
        let at_gateway = |from: &[&str]| Functions::of_the_endpoints().reads_from(from);
        let at_control = |from: &str| Functions::of_the_control_listener().reads_from(&[from]);
        match self {
            Self::CodeExchange => at_gateway(&["try_token", "GrantType::AuthorizationCode"]),
            Self::Refresh => at_gateway(&["try_token", "GrantType::RefreshToken"]),
            Self::ClientCredentials => at_gateway(&["try_token", "GrantType::ClientCredentials"]),
            Self::Password => at_gateway(&["try_token", "GrantType::Password"]),
            Self::Authorize => at_gateway(&["try_authorize"]),
            Self::Approval => at_gateway(&["try_authorize_client"]),
            Self::ControlApproval => {
                &at_gateway(&["try_authorize_client"]) | &at_control("approve")
            }
            Self::Revoke => at_gateway(&["try_revoke"]),
            Self::RevokeAll => at_gateway(&["try_revoke_all"]),
            Self::ControlRevoke => at_control("revoke"),
            Self::ControlRevokeAll => at_control("revoke_all"),
        }
    }

    /// Fails with the names that this table of the endpoint lacks.
    #[track_caller]
    pub(crate) fn assert_has_all(self, table: &[Parameter]) {
        let spoilt: BTreeSet<String> = table.iter().map(|one| one.name.to_owned()).collect();
        let left: Vec<String> = self.read().difference(&spoilt).cloned().collect();
        assert!(left.is_empty(), "{left:?} of {self:?} are not spoilt");
    }
}

/// The functions of some sources by their names, their bodies without white space.
struct Functions(BTreeMap<String, String>);

impl Functions {
    fn of_the_endpoints() -> Self {
        let files = std::fs::read_dir(root().join("src/oauth")).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let of_requests = |name: &String| {
            !matches!(name.as_str(), "form.rs" | "hostile.rs") && !name.ends_with("_tests.rs")
        };
        let paths = names
            .filter(of_requests)
            .map(|name| format!("src/oauth/{name}"));
        let mut functions = Self::of(paths);
        functions.split_grants();
        functions
    }

    fn of_the_control_listener() -> Self {
        let files = ["revocation.rs", "authorize.rs"];
        Self::of(files.iter().map(|name| format!("src/control/{name}")))
    }

    fn of(paths: impl Iterator<Item = String>) -> Self {
        let mut functions = BTreeMap::<String, String>::new();
        for path in paths {
            let text = std::fs::read_to_string(root().join(path)).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            for (at, _) in text.match_indices("fn ") {
                let rest = &text[at + 3..];
                let end = rest.find(|c| !is_of_name(c)).unwrap();
                let lines = block(&rest[end..]).lines();
                let code = lines.filter(|line| !line.trim_start().starts_with("//"));
                let body = code.flat_map(str::split_whitespace);
                // What goes by the same name counts together.
                functions
                    .entry(rest[..end].to_owned())
                    .or_default()
                    .extend(body);
            }
        }
        Self(functions)
    }

    /// Makes a function of its own of what the token endpoint does for each grant.
    fn split_grants(&mut self) {
        let whole = self.0.remove("try_token").unwrap();
        let (mut rest, mut shared) = (whole.as_str(), String::new());
        while let Some(at) = rest.find("GrantType::") {
            let name = at + "GrantType::".len();
            let end = name + rest[name..].find(|c| !is_of_name(c)).unwrap();
            shared.push_str(&rest[..at]);
            let mut next = end;
            if rest[end..].starts_with("=>{") {
                let arm = block(&rest[end..]);
                self.0.insert(rest[at..end].to_owned(), arm.to_owned());
                next += "=>".len() + arm.len();
            }
            rest = &rest[next..];
        }
        shared.push_str(rest);
        self.0.insert("try_token".to_owned(), shared);
    }

    /// What is read by these functions and by all that they call.
    fn reads_from(&self, from: &[&str]) -> BTreeSet<String> {
        let mut reached: BTreeSet<&str> = from.iter().copied().collect();
        let mut next: Vec<&str> = from.to_vec();
        let mut read = BTreeSet::new();
        while let Some(name) = next.pop() {
            let body = &self.0[name];
            read.extend(reads(name, body));
            let called = self.0.keys().filter(|other| calls(body, other));
            next.extend(
                called
                    .map(String::as_str)
                    .filter(|other| reached.insert(*other)),
            );
        }
        read
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The first block of a text, with its braces.
fn block(text: &str) -> &str {
    let start = text.find('{').unwrap();
    let mut depth = 0;
    for (at, c) in text[start..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[start..=start + at];
        }
    }
    panic!("a block without an end: {text}");
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn calls(body: &str, name: &str) -> bool {
    let called = format!("{name}(");
    let mut found = body.match_indices(&called);
    found.any(|(at, _)| !body[..at].ends_with(is_of_name))
}

/// The names of the parameters that a body reads itself; a way to read them that is not known here fails.
fn reads(function: &str, body: &str) -> Vec<String> {
    let mut names = Vec::new();
    for reader in ["form.get(", "form.get_from_body(", "credential(&form,"] {
        for (at, _) in body.match_indices(reader) {
            let rest = &body[at + reader.len()..];
            if let Some(name) = rest.strip_prefix('"') {
                names.push(name.split('"').next().unwrap().to_owned());
            } else if function != "credential" {
                let ahead = body[..at].trim_end_matches("self.");
                let list = ahead.strip_suffix("].map(|name|");
                let list = list.unwrap_or_else(|| panic!("how {function} reads is not known here"));
                let list = &list[list.rfind('[').unwrap()..];
                names.extend(list.split('"').skip(1).step_by(2).map(str::to_owned));
            }
        }
    }
    let known = ["get(", "get_from_body(", "pairs("];
    let named_form = body.match_indices("form.");
    for (at, _) in named_form.filter(|(at, _)| !body[..*at].ends_with(is_of_name)) {
        let rest = &body[at + "form.".len()..];
        assert!(
            known.iter().any(|method| rest.starts_with(method)),
            "how {function} reads is not known here"
        );
    }
    names
}

#[test]
fn the_sources_are_read_as_they_are_written() {
    let proof = ["client_id", "client_secret", "secret"];
    let asked = [
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "code_challenge",
        "code_challenge_method",
    ];
    for (endpoint, shared, own) in [
        (
            Endpoint::CodeExchange,
            &proof[..],
            &["grant_type", "code", "redirect_uri", "code_verifier"][..],
        ),
        (
            Endpoint::Refresh,
            &proof,
            &["grant_type", "refresh_token", "scope"],
        ),
        (
            Endpoint::ClientCredentials,
            &proof,
            &["grant_type", "scope"],
        ),
        (
            Endpoint::Password,
            &proof,
            &["grant_type", "username", "password", "scope"],
        ),
        (Endpoint::Authorize, &asked, &[]),
        (Endpoint::Approval, &asked, &["state", "key_rules"]),
        (
            Endpoint::ControlApproval,
            &asked,
            &["state", "key_rules", "api_id"],
        ),
        (Endpoint::Revoke, &proof, &["token"]),
        (Endpoint::RevokeAll, &proof, &[]),
        (Endpoint::ControlRevoke, &proof, &["token", "org_id"]),
        (Endpoint::ControlRevokeAll, &proof, &["org_id"]),
    ] {
        let names = shared.iter().chain(own).map(|name| (*name).to_owned());
        let expected: BTreeSet<String> = names.collect();
        assert_eq!(endpoint.read(), expected, "{endpoint:?}");
    }
}

#[test]
fn every_endpoint_has_a_table_that_is_spoilt() {
    let tables = concat!(
        include_str!("hostile_parameters.rs"),
        include_str!("hostile_grants.rs")
    );
    for endpoint in Endpoint::ALL {
        let named = format!("Endpoint::{endpoint:?}");
        assert!(tables.contains(&named), "{named} is nowhere");
    }
}
