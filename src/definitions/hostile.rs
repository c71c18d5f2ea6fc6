//! What holds of definitions whatever a file says, in both formats.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "an oracle stops at the first breach"
)]

use raftgate_model::api::{ApiDocument, ApiSpec};
use raftgate_model::id::ApiId;
use raftgate_model::policy::Policy;
use raftgate_model::state::SourcePath;

use super::file::{Definition, read_definition};

/// The text of a `.json` file.
pub(crate) fn json(input: &[u8]) {
    definition("hostile.json", input);
}

/// The text of a `.yaml` file.
pub(crate) fn yaml(input: &[u8]) {
    definition("hostile.yaml", input);
}

fn definition(name: &str, input: &[u8]) {
    match read_definition(&SourcePath(name.into()), input) {
        Err(error) => assert!(error.to_string().len() < 64 * 1024),
        Ok(Definition::Policy(text)) => {
            if let Ok(policy) = Policy::from_json(&text) {
                let again = Policy::from_json(&text).unwrap();
                assert_eq!(policy.id, again.id);
            }
        }
        Ok(Definition::Policies(set)) => {
            for entry in set.entries.into_iter().flatten() {
                let again = Policy::from_json(&entry.text).unwrap();
                assert_eq!(again.id, Some(entry.id));
            }
        }
        Ok(Definition::Api(document)) => api(document),
    }
}

/// What is kept is read again as the same, and what it means does not depend on who reads it.
fn api(mut document: ApiDocument) {
    if document.lacks_api_id() {
        document.set_api_id(&ApiId::new("hostile").unwrap());
    }
    let text = document.to_text();
    let again = ApiDocument::parse(&text).unwrap();
    assert_eq!(again.to_text(), text);
    match (ApiSpec::read(&document), ApiSpec::read(&again)) {
        (Ok((first, _)), Ok((second, _))) => {
            assert!(first.listen_path.as_str().starts_with('/'));
            assert_eq!(
                format!("{:?}", first.listen_path),
                format!("{:?}", second.listen_path)
            );
            assert_eq!(first.target.host_header(), second.target.host_header());
        }
        (Err(faults), Err(_)) => {
            // All faults are told, each with its place.
            assert!(!faults.is_empty());
        }
        (first, second) => panic!(
            "read twice, judged twice: {} {}",
            first.is_ok(),
            second.is_ok()
        ),
    }
}
