//! `info.versioning` of OAS documents: each version is an API of its own, and the base finds the one that a request names.

use serde_json::{Value, json};

use crate::apis::message;
use crate::harness::{Answer, Style, merge};
use crate::oas::{ask, oas_document};
use crate::oas_rules::extension;
use crate::rules::{assert_refused, in_both_styles};
use crate::world::{World, echoed, text, unique};

const UNKNOWN: ((u16, &str), (u16, &str)) = (
    (404, "not_found"),
    (404, "This API version does not seem to exist"),
);

/// A base at `/{base}/` with a second version, the API at `/{second}/`.
struct Versioned<'w> {
    world: &'w World,
    style: Style,
    base: String,
    second: String,
}

impl<'w> Versioned<'w> {
    fn new(world: &'w World, style: Style) -> Self {
        let versioned = Self {
            world,
            style,
            base: unique("oas-base"),
            second: unique("oas-second"),
        };
        let target = world.upstream.url("/second");
        let document = oas_document(&versioned.second, &target);
        ask(world, "POST", "/tyk/apis/oas", &document).expect_status(200);
        versioned
    }

    /// The base with these words on its versions.
    fn document(&self, more: Value) -> Value {
        let mut versioning = json!({
            "enabled": true, "name": "v1", "default": "v1", "location": "header", "key": "X-V",
            "versions": [{"name": "v2", "id": self.second}, {"name": "gone", "id": "no-such-api"}]
        });
        merge(&mut versioning, more);
        let mut document = oas_document(&self.base, &self.world.upstream.url("/"));
        document["x-raftgate"] = json!({"error_style": self.style.name()});
        extension(&mut document)["info"]["versioning"] = versioning;
        document
    }

    #[track_caller]
    fn put(&self, more: Value) {
        let document = self.document(more);
        ask(self.world, "POST", "/tyk/apis/oas", &document).expect_status(200);
    }

    fn get(&self, rest: &str, version: &str) -> Answer {
        let url = self
            .world
            .node
            .gateway_url(&format!("/{}{rest}", self.base));
        let headers = [("x-v", version)];
        let named = if version.is_empty() {
            &[][..]
        } else {
            &headers
        };
        self.world.node.client().get(&url, named)
    }

    /// What the upstream was asked for.
    #[track_caller]
    fn target(&self, rest: &str, version: &str) -> String {
        text(&self.get(rest, version).expect_status(200).json(), "target")
    }

    #[track_caller]
    fn assert_unknown(&self, rest: &str, version: &str) {
        assert_refused(self.style, &self.get(rest, version), UNKNOWN.0, UNKNOWN.1);
    }
}

#[test]
fn a_request_names_its_version_by_header_query_or_path() {
    in_both_styles(|world, style| {
        let versioned = Versioned::new(world, style);
        versioned.put(json!({}));
        for (version, target) in [("", "/x"), ("v1", "/x"), ("v2", "/second/x")] {
            assert_eq!(versioned.target("/x", version), target, "{version}");
        }
        let seen = versioned.get("/x", "v2").json();
        assert_eq!(echoed(&seen, "x-v"), ["v2"]);
        for unknown in ["v9", "gone"] {
            versioned.assert_unknown("/x", unknown);
        }
        versioned.put(json!({"location": "url-param", "key": "v"}));
        assert_eq!(versioned.target("/x?v=v2", ""), "/second/x?v=v2");
        assert_eq!(versioned.target("/x", "v2"), "/x");
        versioned.assert_unknown("/x?v=v9", "");
        versioned.put(json!({
            "location": "url", "stripVersioningData": true, "urlVersioningPattern": "^v[0-9]+$"
        }));
        assert_eq!(versioned.target("/v2/x", ""), "/second/x");
        assert_eq!(versioned.target("/v1/x", ""), "/x");
        assert_eq!(versioned.target("/pets/x", ""), "/pets/x");
        versioned.assert_unknown("/v9/x", "");
    });
}

#[test]
fn names_may_be_stripped_and_unknown_ones_fall_back() {
    in_both_styles(|world, style| {
        let versioned = Versioned::new(world, style);
        versioned.put(json!({"stripVersioningData": true, "fallbackToDefault": true}));
        assert_eq!(versioned.target("/x", "v9"), "/x");
        let seen = versioned.get("/x", "v2").expect_status(200).json();
        assert_eq!(text(&seen, "target"), "/second/x");
        assert_eq!(echoed(&seen, "x-v"), Vec::<&str>::new());
        // The default may be one of the others.
        versioned.put(json!({"default": "v2"}));
        assert_eq!(versioned.target("/x", ""), "/second/x");
        assert_eq!(versioned.target("/x", "v1"), "/x");
        // Switched off, nothing is looked at.
        versioned.put(json!({"enabled": false, "default": "v2"}));
        for version in ["", "v1", "v2", "v9"] {
            assert_eq!(versioned.target("/x", version), "/x", "{version}");
        }
    });
}

#[test]
fn wrong_words_on_versions_are_told_by_their_paths() {
    let world = World::shared();
    let versioned = Versioned::new(&world, Style::Rfc);
    for (wrong, said) in [
        (json!({"key": null}), "key: "),
        (json!({"key": ""}), "key: must not be blank"),
        (json!({"location": null}), "location: "),
        (json!({"location": "cookie"}), "location: "),
        (json!({"default": "v7"}), "default: is none of the versions"),
        (
            json!({"enabled": "yes"}),
            "enabled: Invalid type. Expected: boolean, given: string",
        ),
        (
            json!({"versions": {"v2": "x"}}),
            "versions: Invalid type. Expected: array, given: object",
        ),
        (
            json!({"versions": [{"name": "v2"}]}),
            "versions[0].id: is required",
        ),
        (
            json!({"versions": [{"name": "v2", "id": "a"}, {"name": "v2", "id": "b"}]}),
            "versions[1].name: is given twice",
        ),
        (
            json!({"location": "url", "urlVersioningPattern": "("}),
            "urlVersioningPattern: ",
        ),
    ] {
        let document = versioned.document(wrong);
        let answer = ask(&world, "POST", "/tyk/apis/oas", &document).expect_status(400);
        let words = message(&answer);
        let said = format!("x-tyk-api-gateway.info.versioning.{said}");
        assert!(words.starts_with(&said), "{said}\n{words}");
    }
    let path = format!("/tyk/apis/oas/{}", versioned.base);
    ask(&world, "GET", &path, &Value::Null).expect_status(404);
}
