//! `[compat] override_messages`: other statuses and words for Tyk's messages, by their ids.

use serde_json::{Value, json};

use crate::api_keys::KeyApi;
use crate::harness::{Answer, Node};
use crate::world::{OAuthApi, Style, World};

const CHANGED: &str = r#"[compat.override_messages]
"oauth.auth_field_missing" = {code = 401, message = "Say who you are"}
"oauth.auth_field_malformed" = {code = 402}
"oauth.key_not_found" = {message = "Never \"heard\" of <it> & co"}
"oauth.client_deleted" = {code = 418, message = "Gone"}
"auth.auth_field_missing" = {code = 419, message = "No key"}
"auth.key_not_found" = {code = 420}
"#;

/// The answers to: no token, another scheme, an unknown token, a token whose client is deleted.
fn answers(api: &OAuthApi<'_>, headers: &[(&str, &str)]) -> [Answer; 4] {
    let token = api.access_token();
    let path = api.client_path(&api.client);
    let node = &api.world.node;
    node.ask("DELETE", &path, &Value::Null).expect_status(200);
    let deleted = format!("Bearer {token}");
    ["", "Basic abc", "Bearer never-was", &deleted].map(|credential| {
        let mut all = headers.to_vec();
        all.extend(Some(("authorization", credential)).filter(|_| !credential.is_empty()));
        node.client().get(&api.url("/called"), &all)
    })
}

fn seen(answers: &[Answer; 4]) -> [(u16, String); 4] {
    answers
        .each_ref()
        .map(|answer| (answer.status, answer.text()))
}

fn template(words: &str) -> String {
    format!("{{\n    \"error\": \"{words}\"\n}}")
}

#[test]
fn each_half_of_a_message_may_be_replaced_t45_t46() {
    let world = World::of(Node::builder().configuration(CHANGED).start());
    let api = OAuthApi::new(&world, Style::Tyk);
    let made = answers(&api, &[]);
    let expected = [
        (401, template("Say who you are")),
        (402, template("Bearer token malformed")),
        (403, template(r#"Never \"heard\" of <it> & co"#)),
        (418, template("Gone")),
    ];
    assert_eq!(seen(&made), expected);
    assert!(
        made.iter()
            .all(|answer| answer.header("x-generator") == "tyk.io")
    );
    let keyed = KeyApi::new(&world, Style::Tyk, json!({}));
    let made = [keyed.get("/x", &[]), keyed.call("never-was")];
    let disallowed = template("Access to this API has been disallowed");
    assert_eq!(
        made.map(|answer| (answer.status, answer.text())),
        [(419, template("No key")), (420, disallowed)]
    );
    let api = OAuthApi::new(&world, Style::Tyk);
    let made = answers(&api, &[("content-type", "application/xml")]);
    let xml = "<error>Never \"heard\" of &lt;it&gt; &amp; co</error>";
    assert!(made[2].text().ends_with(xml), "{}", made[2].text());
}

#[test]
fn the_rfc_style_keeps_its_own_words() {
    let (plain, changed) = (
        World::of(Node::start()),
        World::of(Node::builder().configuration(CHANGED).start()),
    );
    let of = |world| {
        let api = OAuthApi::new(world, Style::Rfc);
        let text = seen(&answers(&api, &[]));
        text.map(|(status, text)| (status, text.replace(&api.id, "API")))
    };
    assert_eq!(of(&plain), of(&changed));
}

#[test]
fn an_id_that_is_no_message_is_a_start_error() {
    let node = Node::builder()
        .configuration("[compat.override_messages]\n\"oauth.no_such\" = {code = 400}");
    let (status, text) = node.prepare().try_start().unwrap_err();
    assert_eq!(status.code(), Some(2));
    assert!(text.contains("oauth.no_such"), "{text}");
}

#[test]
fn tyks_errors_may_come_without_its_name_case_30() {
    let configuration = "[compat]\nhide_generator_header = true";
    let world = World::of(Node::builder().configuration(configuration).start());
    let api = OAuthApi::new(&world, Style::Tyk);
    let answer = api.call("never-was").expect_status(403);
    assert_eq!(answer.text(), "{\n    \"error\": \"Key not authorised\"\n}");
    assert_eq!(answer.header("x-generator"), "");
    let others = World::shared();
    let shown = OAuthApi::new(&others, Style::Tyk).call("never-was");
    assert_eq!(shown.header("x-generator"), "tyk.io");
}
