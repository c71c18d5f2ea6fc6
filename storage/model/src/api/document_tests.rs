#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use proptest::prelude::*;

use super::*;
use crate::api::OasDocument;

/// Numbers, nesting and fields that nobody knows, in no particular order.
const TEXT: &str = r#"{"z":{"kept":[1,2.5,"three",null]},"api_id":"999999","a":true,"org_id":"acme","x_unknown":{}}"#;

#[test]
fn documents_keep_unknown_fields_and_their_order() {
    let mut document = ClassicDocument::parse(TEXT).unwrap();
    assert_eq!(document.to_text(), TEXT);
    assert_eq!(
        (document.api_id(), document.org_id()),
        (Some("999999"), "acme")
    );
    document.set_api_id(&ApiId::new("new").unwrap());
    assert_eq!(document.to_text(), TEXT.replace("999999", "new"));
}

#[test]
fn a_generated_id_is_the_only_one_afterwards() {
    let mut bare = ClassicDocument::parse(r#"{"z":1,"a":2,"API_ID":""}"#).unwrap();
    assert_eq!((bare.api_id(), bare.org_id()), (None, "default"));
    bare.set_api_id(&ApiId::new("x").unwrap());
    assert_eq!(bare.to_text(), r#"{"z":1,"a":2,"api_id":"x"}"#);
}

#[test]
fn an_id_is_lacking_where_nothing_stands_in_its_place() {
    for (text, lacks) in [
        (r#"{}"#, true),
        (r#"{"api_id":null}"#, true),
        (r#"{"api_id":"","API_ID":null}"#, true),
        (r#"{"api_id":7}"#, false),
        (r#"{"Api_Id":0}"#, false),
        (r#"{"api_id":false}"#, false),
        (r#"{"api_id":[]}"#, false),
        (r#"{"api_id":{}}"#, false),
        (r#"{"API_ID":null,"api_id":"x"}"#, false),
        (r#"{"api_id":"x"}"#, false),
    ] {
        let classic = ClassicDocument::parse(text).unwrap();
        assert_eq!(classic.lacks_api_id(), lacks, "{text}");
        let info = text.replace("api_id", "id").replace("Api_Id", "Id");
        let info = info.replace("API_ID", "ID");
        let text = format!(r#"{{"x-tyk-api-gateway":{{"info":{info}}}}}"#);
        let oas = OasDocument::parse(&text).unwrap();
        assert_eq!(oas.lacks_api_id(), lacks, "{text}");
    }
}

#[test]
fn the_dashboards_wrapper_is_taken_off() {
    let wrapped = format!(r#"{{"api_definition":{TEXT},"hook_references":[]}}"#);
    assert_eq!(ClassicDocument::parse(&wrapped).unwrap().to_text(), TEXT);
    assert!(ClassicDocument::parse(r#"{"api_definition":[]}"#).is_err());
}

#[test]
fn what_was_in_a_wrapper_is_read_again_as_the_same() {
    let twice = format!(r#"{{"api_definition":{{"z":1,"api_definition":{TEXT}}}}}"#);
    let faults = ClassicDocument::parse(&twice).unwrap_err().to_string();
    assert_eq!(
        faults,
        "api_definition.api_definition: a definition holds no other one"
    );
    for inner in [
        TEXT,
        r#"{"api_definition":null}"#,
        r#"{"Api_Definition":{}}"#,
    ] {
        let wrapped = format!(r#"{{"api_definition":{inner}}}"#);
        let document = ClassicDocument::parse(&wrapped).unwrap();
        assert_eq!(document.to_text(), inner);
        assert_eq!(ClassicDocument::parse(inner).unwrap(), document);
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = ClassicDocument::parse(&text);
    }
}
