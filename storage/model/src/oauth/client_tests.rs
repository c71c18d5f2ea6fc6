#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(document: &Value) -> ClientRequest {
    ClientRequest::from_json(&document.to_string(), ";").unwrap_or_else(|faults| panic!("{faults}"))
}

fn shown(request: &ClientRequest, id: &str) -> String {
    let id = ClientId::new(id).unwrap();
    let view = ClientView {
        id: &id,
        secret: request.secret.as_ref(),
        public: request.public,
        expires_at: request.expires_at,
        text: &request.text,
    };
    view.to_json().expose().to_owned()
}

#[test]
fn t30_a_client_is_shown_in_tyks_key_order() {
    let request = read(&json!({
        "description": "d\"\n\u{e4}", "api_id": "test", "secret": "s\\3cret", "policy_id": "p1",
        "meta_data": {"z": 1, "a": [true]}, "redirect_uri": "http://client.oauth.com", "client_id": "test"
    }));
    assert_eq!(request.id.as_ref().map(ClientId::as_str), Some("test"));
    assert_eq!(request.api.as_ref().map(ApiId::as_str), Some("test"));
    assert_eq!(
        shown(&request, "test"),
        "{\"client_id\":\"test\",\"redirect_uri\":\"http://client.oauth.com\",\"policy_id\":\"p1\",\
         \"secret\":\"s\\\\3cret\",\"meta_data\":{\"z\":1,\"a\":[true]},\"description\":\"d\\\"\\u000a\u{e4}\"}"
    );
}

#[test]
fn what_is_absent_is_empty_and_policy_and_api_are_left_out() {
    for document in [
        json!({}),
        json!({"client_id": "", "secret": "", "policy_id": "", "meta_data": null, "expires": 0}),
    ] {
        let request = read(&document);
        assert!(request.id.is_none() && request.api.is_none() && request.secret.is_none());
        assert!(!request.public && request.expires_at.is_none());
        assert_eq!(
            shown(&request, "x"),
            r#"{"client_id":"x","redirect_uri":"","secret":"","meta_data":null,"description":""}"#
        );
    }
}

#[test]
fn public_and_expires_are_ours_and_stand_only_where_set() {
    let request = read(&json!({"public": true, "expires": 1_900_000_000}));
    assert!(request.public);
    assert_eq!(
        request.expires_at,
        Some(Timestamp::from_unix_s(1_900_000_000))
    );
    assert!(
        shown(&request, "x").ends_with(r#","description":"","public":true,"expires":1900000000}"#)
    );
    assert_eq!(read(&json!({"expires": -1})).expires_at, None);
}

#[test]
fn faults_name_the_field() {
    for (document, fault) in [
        (
            json!({"client_id": "a:b"}),
            "client_id: must be printable ASCII",
        ),
        (
            json!({"client_id": "a/b"}),
            "client_id: must be printable ASCII",
        ),
        (
            json!({"client_id": ".."}),
            "client_id: must be printable ASCII",
        ),
        (
            json!({"client_id": "\u{e4}"}),
            "client_id: must be printable ASCII",
        ),
        (
            json!({"client_id": "a\n"}),
            "client_id: an identifier must not hold control characters",
        ),
        (
            json!({"client_id": 7}),
            "client_id: must be a string, not a number",
        ),
        (
            json!({"secret": "a\nb"}),
            "secret: must be at most 256 printable",
        ),
        (
            json!({"secret": "x".repeat(257)}),
            "secret: must be at most 256 printable",
        ),
        (
            json!({"public": true, "secret": "x"}),
            "public: a public client has no secret",
        ),
        (json!({"public": "yes"}), "public: must be true or false"),
        (
            json!({"redirect_uri": "javascript:x"}),
            "redirect_uri: its scheme is not allowed",
        ),
        (
            json!({"redirect_uri": "http://a/;/relative"}),
            "redirect_uri: each must be an absolute URI",
        ),
        (
            json!({"redirect_uri": "http://a/#f"}),
            "redirect_uri: must not hold a fragment",
        ),
        (
            json!({"meta_data": "text"}),
            "meta_data: must be an object, not a string",
        ),
        (
            json!({"meta_data": {"a": "x".repeat(META_DATA_BYTES_MAX)}}),
            "meta_data: has at most",
        ),
        (
            json!({"description": "x".repeat(4097)}),
            "description: has at most 4096 bytes",
        ),
        (
            json!({"expires": "soon"}),
            "expires: must be a whole number",
        ),
        (
            json!({"Secret": "a", "secret": "b"}),
            "secret: is given twice",
        ),
        (json!([]), "must be a JSON object, not an array"),
    ] {
        let found = ClientRequest::from_json(&document.to_string(), ";")
            .err()
            .unwrap()
            .to_string();
        assert!(found.starts_with(fault), "{document}: {found}");
        assert!(!found.contains("a\nb"), "the value is repeated: {found}");
    }
    let long = format!(r#"{{"description":"{}"}}"#, "x".repeat(CLIENT_BYTES_MAX));
    assert!(ClientRequest::from_json(&long, ";").is_err());
    assert!(ClientRequest::from_json("{", ";").is_err());
}

#[test]
fn generated_values_keep_to_their_alphabet_and_carry_every_bit() {
    assert_eq!(generated_id([0xab; 16]), "ab".repeat(16));
    let secret = generated_secret(&[0xff; 32]);
    assert_eq!(secret.expose().len(), 43);
    let mut random = [0; 32];
    for (value, byte) in (7_u8..).step_by(7).zip(random.iter_mut()) {
        *byte = value;
    }
    let secret = generated_secret(&random);
    assert!(
        secret
            .expose()
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    );
    assert_eq!(URL_SAFE_NO_PAD.decode(secret.expose()).unwrap(), random);
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), separator in ".{0,2}") {
        let _ = ClientRequest::from_json(&text, &separator);
    }

    #[test]
    fn what_is_shown_reads_back_the_same(
        description in any::<String>(),
        secret in "[ -~]{1,40}",
        meta in prop::option::of(prop::collection::btree_map(".{0,5}", any::<i32>(), 0..3)),
    ) {
        let document = json!({"description": description, "secret": secret, "meta_data": meta});
        let request = read(&document);
        let again = ClientRequest::from_json(&shown(&request, "x"), ";").unwrap_or_else(|faults| panic!("{faults}"));
        prop_assert_eq!(&again.text, &request.text);
        prop_assert!(again.secret.unwrap().ct_eq(&secret));
    }
}
