//! What the tests of per-request rules share: an API with rules of its own, asked in both styles.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use crate::harness::{Answer, PATIENCE, STYLES, Style, keyless_api, merge};
use crate::world::{World, unique};

/// A keyless API at `/{id}/`.
pub(crate) struct RuledApi<'w> {
    pub(crate) world: &'w World,
    pub(crate) id: String,
    pub(crate) style: Style,
}

impl<'w> RuledApi<'w> {
    /// An API with these fields of the definition.
    #[track_caller]
    pub(crate) fn new(world: &'w World, style: Style, fields: Value) -> Self {
        let id = unique("ruled");
        world
            .node
            .create_api(&definition(world, &id, style, fields));
        Self { world, id, style }
    }

    /// The same for an API whose only version has these fields.
    #[track_caller]
    pub(crate) fn of_version(world: &'w World, style: Style, version: Value) -> Self {
        Self::new(world, style, single_version(version))
    }

    pub(crate) fn url(&self, rest: &str) -> String {
        self.world.node.gateway_url(&format!("/{}{rest}", self.id))
    }

    #[track_caller]
    pub(crate) fn get(&self, rest: &str) -> Answer {
        self.send("GET", rest, &[])
    }

    #[track_caller]
    pub(crate) fn send(&self, method: &str, rest: &str, headers: &[(&str, &str)]) -> Answer {
        let client = self.world.node.client();
        client.send(method, &self.url(rest), headers, b"")
    }

    /// A refusal in the words of the API's style.
    #[track_caller]
    pub(crate) fn assert_refused(&self, answer: &Answer, rfc: (u16, &str), tyk: (u16, &str)) {
        assert_refused(self.style, answer, rfc, tyk);
    }
}

/// A refusal in the words of a style.
#[track_caller]
pub(crate) fn assert_refused(style: Style, answer: &Answer, rfc: (u16, &str), tyk: (u16, &str)) {
    match style {
        Style::Rfc => {
            let body = answer.json();
            let seen = (answer.status, body["error"].as_str().unwrap());
            assert_eq!(seen, rfc, "{body}");
            assert!(body["error_description"].is_string());
        }
        Style::Tyk => {
            let body = format!("{{\n    \"error\": \"{}\"\n}}", tyk.1);
            assert_eq!((answer.status, answer.text()), (tyk.0, body));
            assert_eq!(answer.header("x-generator"), "tyk.io");
        }
    }
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(!answer.header("x-request-id").is_empty());
}

/// Runs a test in both styles.
pub(crate) fn in_both_styles(test: impl Fn(&World, Style)) {
    let world = World::shared();
    for style in STYLES {
        test(&world, style);
    }
}

/// A definition of a keyless API with these fields.
pub(crate) fn definition(world: &World, id: &str, style: Style, fields: Value) -> Value {
    let mut definition = keyless_api(id, &format!("/{id}/"), &world.upstream.url("/"));
    merge(
        &mut definition,
        json!({"raftgate": {"error_style": style.name()}}),
    );
    merge(&mut definition, fields);
    definition
}

/// The field that makes these the fields of an API's only version.
pub(crate) fn single_version(version: Value) -> Value {
    json!({"version_data": {"not_versioned": true, "versions": {"Default": version}}})
}

/// The same for its `extended_paths`.
pub(crate) fn extended_paths(paths: Value) -> Value {
    json!({"use_extended_paths": true, "extended_paths": paths})
}

/// Sends bytes that ask for the end of the connection, and reads what comes until then.
#[track_caller]
pub(crate) fn ask_raw(gateway: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(gateway).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
