//! What is wrong with a definition is 400 in one shape, in both forms: every fault at once, each by its JSON path.

use serde_json::{Value, json};

use crate::apis::definition;
use crate::harness::Node;
use crate::oas::{ask, oas_document};
use crate::world::{World, unique};

/// What is done to a document: a value that is put at a place, or `None` for what is taken away.
type Change<'a> = (&'a str, Option<Value>);

const NO_URL: &str = "must be an absolute URL such as http://upstream:8080/base";
const NO_SCHEME: &str = "unknown security scheme: components.securitySchemes has none of this name";

/// Puts a value at a place of a document, whose last member need not be there.
fn change(document: &mut Value, (place, value): &Change<'_>) {
    let (around, name) = place.rsplit_once('/').unwrap();
    let around = document.pointer_mut(around).unwrap();
    let around = around.as_object_mut().unwrap();
    match value {
        Some(value) => drop(around.insert(name.to_owned(), value.clone())),
        None => assert!(around.shift_remove(name).is_some(), "{place}"),
    }
}

/// One of the two forms: where it is sent, and a document of it that is right.
struct Form {
    door: &'static str,
    id: String,
    right: Value,
}

impl Form {
    fn classic(world: &World) -> Self {
        let id = unique("faulty");
        let right = definition(&id, world);
        Self {
            door: "/tyk/apis",
            id,
            right,
        }
    }

    fn oas(world: &World) -> Self {
        let id = unique("faulty-oas");
        let right = oas_document(&id, &world.upstream.url("/"));
        Self {
            door: "/tyk/apis/oas",
            id,
            right,
        }
    }

    /// The changed document is refused at every door in these words, and what was there stays.
    #[track_caller]
    fn assert_refused(&self, world: &World, changes: &[Change<'_>], faults: &[String]) {
        let mut wrong = self.right.clone();
        changes.iter().for_each(|one| change(&mut wrong, one));
        let expected = json!({"status": "error", "message": faults.join("; ")});
        let path = format!("{}/{}", self.door, self.id);
        for (method, path) in [("POST", self.door), ("PUT", path.as_str())] {
            let answer = ask(world, method, path, &wrong).expect_status(400);
            assert_eq!(answer.json(), expected, "{method} {wrong}");
            assert_eq!(answer.header("content-type"), "application/json");
        }
    }

    /// What was there before the faulty ones came is there still, and served.
    #[track_caller]
    fn assert_untouched(&self, world: &World) {
        let path = format!("{}/{}", self.door, self.id);
        let shown = ask(world, "GET", &path, &Value::Null).expect_status(200);
        let mut shown = shown.json();
        if self.right.get("servers").is_none() {
            shown.as_object_mut().unwrap().shift_remove("servers");
        }
        assert_eq!(shown, self.right);
        let url = world.node.gateway_url(&format!("/{}/x", self.id));
        world.node.client().get(&url, &[]).expect_status(200);
    }
}

#[test]
fn each_fault_of_a_classic_definition_by_its_path() {
    let world = World::shared();
    let form = Form::classic(&world);
    ask(&world, "POST", form.door, &form.right).expect_status(200);
    let path = "proxy.listen_path";
    let url = "proxy.target_url";
    for (place, value, fault) in [
        ("/proxy/listen_path", None, format!("{path}: is missing")),
        (
            "/proxy/listen_path",
            Some(json!(null)),
            format!("{path}: is missing"),
        ),
        (
            "/proxy/listen_path",
            Some(json!("")),
            format!("{path}: must begin with '/'"),
        ),
        (
            "/proxy/listen_path",
            Some(json!(" ")),
            format!("{path}: must begin with '/'"),
        ),
        (
            "/proxy/listen_path",
            Some(json!(7)),
            format!("{path}: must be a string, not a number"),
        ),
        ("/proxy/target_url", None, format!("{url}: is missing")),
        (
            "/proxy/target_url",
            Some(json!("")),
            format!("{url}: {NO_URL}"),
        ),
        (
            "/proxy/target_url",
            Some(json!("nowhere")),
            format!("{url}: {NO_URL}"),
        ),
        (
            "/proxy/target_url",
            Some(json!("http://")),
            format!("{url}: {NO_URL}"),
        ),
        (
            "/proxy/target_url",
            Some(json!(["http://a"])),
            format!("{url}: must be a string, not an array"),
        ),
        (
            "/active",
            Some(json!("yes")),
            "active: must be true or false, not a string".to_owned(),
        ),
        (
            "/use_keyless",
            Some(json!(1)),
            "use_keyless: must be true or false, not a number".to_owned(),
        ),
        (
            "/session_lifetime",
            Some(json!(1.5)),
            "session_lifetime: must be a whole number, not one with a decimal point or an exponent"
                .to_owned(),
        ),
        (
            "/allowed_ips",
            Some(json!(["10.0.0.1", "bob"])),
            "allowed_ips[1]: invalid IP/CIDR \"bob\"".to_owned(),
        ),
        (
            "/allowed_ips",
            Some(json!("10.0.0.1")),
            "allowed_ips: must be an array, not a string".to_owned(),
        ),
        (
            "/blacklisted_ips",
            Some(json!(["10.0.0.0/8", "::1/129"])),
            "blacklisted_ips[1]: invalid IP/CIDR \"::1/129\"".to_owned(),
        ),
        (
            "/blacklisted_ips",
            Some(json!([5])),
            "blacklisted_ips[0]: must be a string, not a number".to_owned(),
        ),
    ] {
        form.assert_refused(&world, &[(place, value)], &[fault]);
    }
    form.assert_untouched(&world);
}

#[test]
fn each_fault_of_an_oas_document_by_its_path() {
    let world = World::shared();
    let form = Form::oas(&world);
    ask(&world, "POST", form.door, &form.right).expect_status(200);
    let server = "/x-tyk-api-gateway/server";
    let told = "x-tyk-api-gateway.server";
    let url = "x-tyk-api-gateway.upstream.url";
    let wrong_type =
        |expected: &str, given: &str| format!("Invalid type. Expected: {expected}, given: {given}");
    let allow = |entries: Value| json!({"enabled": true, "allow": entries});
    for (place, value, fault) in [
        (
            format!("{server}/listenPath/value"),
            None,
            format!("{told}.listenPath.value: is required"),
        ),
        (
            format!("{server}/listenPath/value"),
            Some(json!("")),
            format!("{told}.listenPath.value: must not be blank"),
        ),
        (
            format!("{server}/listenPath/value"),
            Some(json!("x")),
            format!("{told}.listenPath.value: must begin with '/'"),
        ),
        (
            format!("{server}/listenPath/value"),
            Some(json!(7)),
            format!(
                "{told}.listenPath.value: {}",
                wrong_type("string", "integer")
            ),
        ),
        (
            format!("{server}/listenPath"),
            None,
            format!("{told}.listenPath: is required"),
        ),
        (
            "/x-tyk-api-gateway/upstream/url".to_owned(),
            None,
            format!("{url}: is required, unless loadBalancing names targets"),
        ),
        (
            "/x-tyk-api-gateway/upstream/url".to_owned(),
            Some(json!("nowhere")),
            format!("{url}: {NO_URL}"),
        ),
        (
            "/x-tyk-api-gateway/upstream/url".to_owned(),
            Some(json!("")),
            format!("{url}: {NO_URL}"),
        ),
        (
            "/x-tyk-api-gateway/info/state/active".to_owned(),
            Some(json!("yes")),
            format!(
                "x-tyk-api-gateway.info.state.active: {}",
                wrong_type("boolean", "string")
            ),
        ),
        (
            format!("{server}/ipAccessControl"),
            Some(allow(json!(["10.0.0.1", "bob"]))),
            format!("{told}.ipAccessControl.allow[1]: invalid IP/CIDR \"bob\""),
        ),
        (
            format!("{server}/ipAccessControl"),
            Some(allow(json!([true]))),
            format!(
                "{told}.ipAccessControl.allow[0]: {}",
                wrong_type("string", "boolean")
            ),
        ),
        (
            "/security".to_owned(),
            Some(json!([{"nobody": []}])),
            format!("security[0].nobody: {NO_SCHEME}"),
        ),
        (
            "/security".to_owned(),
            Some(json!("nobody")),
            format!("security: {}", wrong_type("array", "string")),
        ),
        (
            "/paths".to_owned(),
            Some(json!([])),
            format!("paths: {}", wrong_type("object", "array")),
        ),
    ] {
        form.assert_refused(&world, &[(place.as_str(), value)], &[fault]);
    }
    form.assert_untouched(&world);
}

#[test]
fn all_faults_of_a_document_at_once() {
    let world = World::shared();
    let form = Form::classic(&world);
    ask(&world, "POST", form.door, &form.right).expect_status(200);
    let all = [
        ("/active", Some(json!("yes"))),
        ("/proxy/listen_path", None),
        ("/proxy/target_url", Some(json!("nowhere"))),
        ("/allowed_ips", Some(json!(["10.0.0.1", "bob", 7, "eve"]))),
        ("/session_lifetime", Some(json!(1.5))),
        ("/domain", Some(json!("not a host"))),
        ("/enable_jwt", Some(json!(true))),
        ("/raftgate", Some(json!({"eror_style": "tyk"}))),
    ];
    let paths = [
        "active",
        "allowed_ips[1]",
        "allowed_ips[2]",
        "allowed_ips[3]",
        "domain",
        "enable_jwt",
        "proxy.listen_path",
        "proxy.target_url",
        "raftgate.eror_style",
        "session_lifetime",
    ];
    assert_all_told(&world, &form, &all, &paths);

    let form = Form::oas(&world);
    ask(&world, "POST", form.door, &form.right).expect_status(200);
    let all = [
        ("/openapi", Some(json!("2.0"))),
        ("/info/title", None),
        ("/security", Some(json!([{"nobody": []}]))),
        ("/x-raftgate", Some(json!({"eror_style": "tyk"}))),
        (
            "/x-tyk-api-gateway/info/state",
            Some(json!({"active": 1, "internal": true})),
        ),
        (
            "/x-tyk-api-gateway/server/listenPath",
            Some(json!({"strip": true})),
        ),
        (
            "/x-tyk-api-gateway/server/ipAccessControl",
            Some(json!({"enabled": true, "allow": ["bob"]})),
        ),
        ("/x-tyk-api-gateway/upstream/url", Some(json!("nowhere"))),
    ];
    let paths = [
        "info.title",
        "openapi",
        "security[0].nobody",
        "x-raftgate.eror_style",
        "x-tyk-api-gateway.info.state.active",
        "x-tyk-api-gateway.info.state.internal",
        "x-tyk-api-gateway.server.ipAccessControl.allow[0]",
        "x-tyk-api-gateway.server.listenPath.value",
        "x-tyk-api-gateway.upstream.url",
    ];
    assert_all_told(&world, &form, &all, &paths);
}

#[test]
fn a_definition_in_the_dashboards_wrapper_holds_no_other_one() {
    let mut world = World::of(Node::start());
    let (id, path) = ("wrapped", "/tyk/apis/wrapped");
    let judged = definition(id, &world);
    let mut hidden = judged.clone();
    hidden["proxy"]["target_url"] = json!("http://127.0.0.1:9/");
    ask(
        &world,
        "POST",
        "/tyk/apis",
        &json!({"api_definition": judged}),
    )
    .expect_status(200);
    let mut holding = judged.clone();
    holding["api_definition"] = hidden;
    let twice = json!({"api_definition": holding});
    for (method, door) in [("POST", "/tyk/apis"), ("POST", path), ("PUT", path)] {
        let answer = ask(&world, method, door, &twice).expect_status(400);
        assert_eq!(
            crate::apis::message(&answer),
            "Request malformed: api_definition.api_definition: a definition holds no other one"
        );
    }
    // What is stored is read again as what was judged.
    world.node.crash_and_restart();
    let shown = ask(&world, "GET", path, &Value::Null).expect_status(200);
    assert_eq!(shown.json(), judged);
    let url = world.node.gateway_url("/wrapped/x");
    world.node.client().get(&url, &[]).expect_status(200);
}

/// The faults of all changes are told together, each once and by its path; `paths` are sorted.
#[track_caller]
fn assert_all_told(world: &World, form: &Form, all: &[Change<'_>], paths: &[&str]) {
    let mut wrong = form.right.clone();
    all.iter().for_each(|one| change(&mut wrong, one));
    let path = format!("{}/{}", form.door, form.id);
    for (method, path) in [("POST", form.door), ("PUT", path.as_str())] {
        let answer = ask(world, method, path, &wrong).expect_status(400);
        let words = crate::apis::message(&answer);
        // What is said of a fault may hold the separator too; a path has no blanks.
        let told = words.split("; ").filter_map(|part| part.split_once(": "));
        let told = told
            .map(|(path, _)| path)
            .filter(|path| !path.contains(' '));
        let mut told: Vec<&str> = told.collect();
        told.sort_unstable();
        assert_eq!(told, paths, "{words}");
    }
    form.assert_untouched(world);
}
