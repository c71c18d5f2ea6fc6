//! Documents that the control API takes, and the patterns in them.

use raftgate_model::api::{ApiDocument, ApiSpec, OasDocument};
use raftgate_model::id::{ApiId, OrgId};
use raftgate_model::oauth::client::{ClientChange, ClientRequest, ClientView};
use raftgate_model::oauth::redirect::RegisteredUris;
use raftgate_model::oauth::scope::Scope;
use raftgate_model::path_pattern::{Anchoring, LetterCase, MatchedPath, PatternTerms, PatternText};
use raftgate_model::policy::Policy;
use raftgate_model::session::{
    SessionDocument, SessionFacts, SessionLifetime, SessionRules, custom_id, readings,
};
use raftgate_model::state::record::ClientText;
use raftgate_model::time::Timestamp;
use serde_json::Value;

use crate::control;

/// A body as each of the documents; what is kept of it reads the same again.
pub(super) fn control_bodies(input: &[u8]) {
    control::hostile::admin_token(input);
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    clients(text);
    match Policy::from_json(text) {
        Err(faults) => assert!(!faults.is_empty()),
        Ok(policy) => {
            // As it is stored: by way of a value.
            let value: Value = serde_json::from_str(text).unwrap();
            let again = Policy::from_json(&value.to_string()).unwrap();
            assert_eq!((again.id, again.org), (policy.id, policy.org));
        }
    }
    for allow_master_keys in [false, true] {
        rules(text, allow_master_keys);
        key_or_user(text, allow_master_keys);
    }
    if let Ok(Some(scope)) = Scope::parse(text) {
        assert!(scope.tokens().all(|token| scope.contains(token)));
        assert!(scope.is_subset_of(&scope));
    }
}

/// Registrations and updates of clients.
fn clients(text: &str) {
    match ClientRequest::from_json(text, ";") {
        Err(faults) => assert!(!faults.is_empty()),
        Ok(request) => {
            assert!(!request.public || request.secret.is_none());
            client_is_kept(&request.text);
        }
    }
    match ClientChange::from_json(text, ";") {
        Err(faults) => assert!(!faults.is_empty()),
        Ok(change) => client_is_kept(&change.text),
    }
}

/// What is shown of a client is taken as an update that changes nothing, and its redirect URIs are read again.
fn client_is_kept(text: &ClientText) {
    if !text.redirect_uri.is_empty() {
        assert!(RegisteredUris::parse(&text.redirect_uri, ";").is_ok());
    }
    let id = raftgate_model::id::ClientId::new("c").unwrap();
    let view = ClientView {
        id: &id,
        secret: None,
        public: false,
        expires_at: None,
        text,
    };
    let shown = view.to_json();
    let again = ClientChange::from_json(shown.expose(), ";");
    let again = again.unwrap_or_else(|faults| panic!("{faults}: {}", shown.expose()));
    assert_eq!(again.text, *text);
}

fn rules(text: &str, allow_master_keys: bool) {
    if let Ok(rules) = SessionRules::from_json(text, allow_master_keys) {
        assert!(allow_master_keys || !rules.is_master(), "{text}");
        let again = SessionRules::from_json(rules.as_str(), allow_master_keys).unwrap();
        assert_eq!(again.as_str(), rules.as_str());
        assert_eq!(again.is_master(), rules.is_master());
    }
}

/// The session of a key or a basic-auth user, in the order in which `/tyk/keys` reads it.
fn key_or_user(text: &str, allow_master_keys: bool) {
    let Ok(mut document) = SessionDocument::parse(text) else {
        return;
    };
    let Ok(password) = document.take_password() else {
        return;
    };
    // Whatever spelling its place had: it is taken once, and nothing of it is left.
    assert!(document.take_password().is_ok_and(|left| left.is_none()));
    let Ok(rules) = document.rules(allow_master_keys) else {
        return;
    };
    assert!(allow_master_keys || !rules.is_master(), "{text}");
    let kept: Value = serde_json::from_str(rules.as_str()).unwrap();
    let names: Vec<&String> = kept.as_object().unwrap().keys().collect();
    for name in names {
        let is_of_state = ["basic_auth_data", "date_created", "last_updated"]
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own));
        assert!(!is_of_state, "{name} is kept: {text}");
    }
    let (org, expires_s) = (document.org(), document.expires_s());
    let lifetime = SessionLifetime::default();
    let (Ok(_), Ok(expires_s), Ok(_)) = (org, expires_s, document.retention(lifetime)) else {
        return;
    };
    let shown = SessionDocument::of(&rules).unwrap().shown(SessionFacts {
        expires_s,
        created_at: Timestamp::from_unix_s(1),
        updated_at: Timestamp::from_unix_s(2),
        is_user: password.is_some(),
    });
    // What is shown can be sent back: Tyk's way to change a key.
    let mut again = SessionDocument::parse(&shown).unwrap();
    assert!(again.take_password().unwrap().is_none(), "{shown}");
    let again = again.rules(allow_master_keys).unwrap();
    assert_eq!(again.is_master(), rules.is_master(), "{shown}");
    assert_eq!(again.expires_at(), rules.expires_at(), "{shown}");
}

/// The first line is an organisation, the second what somebody wants a key or user to be called.
pub(super) fn key_names(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let (org, given) = text.split_once('\n').unwrap_or(("", text));
    let Ok(org) = OrgId::new(org) else {
        return;
    };
    let all = readings(&org, given);
    assert!(all.len() <= 4);
    if let Ok(id) = custom_id(&org, given) {
        // Whoever is given a name can be found by it, with or without the organisation.
        let own = (org.clone(), id.to_owned());
        assert!(readings(&org, id).contains(&own), "{org} {id}");
        assert!(all.contains(&own), "{org} {given}");
        assert!(
            readings(&org, &format!("{org}{id}")).contains(&own)
                || id.len() + org.as_str().len() > 1024
        );
    }
}

/// An OAS document that stands already, for those that replace a part of it.
const STANDING: &str = r#"{"openapi":"3.0.3","info":{"title":"t","version":"1"},"paths":{},
    "components":{"securitySchemes":{"k":{"type":"apiKey","in":"header","name":"X-Key"}}},"security":[{"k":[]}],
    "x-tyk-api-gateway":{"info":{"id":"s","name":"s","state":{"active":true}},"upstream":{"url":"http://u/"},
    "server":{"listenPath":{"value":"/s/","strip":true},"authentication":{"enabled":true,
    "securitySchemes":{"k":{"enabled":true,"header":{"enabled":true,"name":"X-Key"}}}}}}}"#;

/// The first line is a query as of an import, the rest the document.
pub(super) fn oas_documents(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let (query, body) = text.split_once('\n').unwrap_or(("", text));
    let Ok(document) = OasDocument::parse(body) else {
        return;
    };
    let public = document.clone().public();
    assert!(!public.has_extension(), "{body}");
    if document.has_extension() {
        oas_is_kept(document.clone());
    }
    let Some(serving) = control::hostile::serving(query) else {
        return;
    };
    if let Ok(imported) = document.clone().imported(&serving) {
        assert!(imported.has_extension() && !document.has_extension());
        if let Some(id) = &serving.api_id {
            assert_eq!(imported.api_id(), Some(id.as_str()));
        }
        oas_is_kept(imported);
    }
    let standing = OasDocument::parse(STANDING).unwrap();
    if let Ok(patched) = document.clone().patched(&standing, &serving) {
        assert!(patched.has_extension());
        // An OpenAPI part that says nothing of the gateway moves nothing that the query does not name.
        if !document.has_extension() && serving == raftgate_model::api::Serving::default() {
            let of = |oas: &OasDocument| oas.object()["x-tyk-api-gateway"].clone();
            assert_eq!(of(&patched), of(&standing), "{body}");
        }
        oas_is_kept(patched);
    }
}

/// A document that is stored is read again as the same, and what it means stays.
fn oas_is_kept(document: OasDocument) {
    let mut document = ApiDocument::Oas(document);
    if document.lacks_api_id() {
        document.set_api_id(&ApiId::new("hostile").unwrap());
    }
    let Ok((spec, _)) = ApiSpec::read(&document) else {
        return;
    };
    let text = document.to_text();
    let again = ApiDocument::parse(&text).unwrap();
    assert_eq!(again.to_text(), text);
    let (read, _) = ApiSpec::read(&again).unwrap_or_else(|faults| panic!("{faults}: {text}"));
    assert_eq!(read.id, spec.id);
    assert!(read.auth == spec.auth, "{text}");
    // What is shown in Classic form means the same.
    let classic = ApiDocument::Classic(document.classic().into_owned());
    if let Ok((classic, _)) = ApiSpec::read(&classic) {
        assert!(classic.auth == spec.auth, "{text}");
        assert_eq!(classic.target.host_header(), spec.target.host_header());
    }
}

/// The first line is a pattern, the second a path.
pub(super) fn path_patterns(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let (pattern, path) = text.split_once('\n').unwrap_or((text, "/"));
    let Ok(pattern) = PatternText::parse(pattern) else {
        return;
    };
    let rest_at = path.strip_prefix("/api").map_or(0, |_| "/api".len());
    let path = MatchedPath::new(path, rest_at, rest_at);
    let covers = |anchoring| {
        let terms = PatternTerms {
            anchoring,
            case: LetterCase::Matters,
        };
        let compiled = pattern.compile(terms).unwrap();
        let covers = compiled.covers(&path);
        assert!(covers || !compiled.grants(&path), "{text}");
        covers
    };
    let [segment, start, anywhere] =
        [Anchoring::Segment, Anchoring::Start, Anchoring::Anywhere].map(covers);
    // What is laxer covers what is stricter; a pattern that anchors itself says nothing of the slash before it.
    let anchors_itself = text.starts_with('^');
    assert!(!segment || start, "{text}");
    assert!(!start || anywhere || anchors_itself, "{text}");
}
