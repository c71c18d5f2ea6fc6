//! One file of definitions: bounded, read as it is, and taken apart far enough to tell what it holds.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use raftgate_model::api::ApiDocument;
use raftgate_model::policy::{POLICY_SET_BYTES_MAX, PolicySet};
use raftgate_model::state::SourcePath;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::ImportError;

/// The largest definition file, in bytes: one of several policies, where one definition alone has a bound of its own.
const FILE_BYTES_MAX: usize = POLICY_SET_BYTES_MAX;

/// A file's content and its hash.
pub(super) struct DefinitionFile {
    pub(super) content: Vec<u8>,
    pub(super) content_hash: [u8; 32],
}

impl DefinitionFile {
    /// Reads a regular file, through links; a pipe or a device would hold up everything else.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let mut content = Vec::new();
        let limit = u64::try_from(FILE_BYTES_MAX).map_or(u64::MAX, |max| max.saturating_add(1));
        File::open(path)?.take(limit).read_to_end(&mut content)?;
        if content.len() > FILE_BYTES_MAX {
            return Err(io::Error::other(format!(
                "it is larger than {FILE_BYTES_MAX} bytes"
            )));
        }
        let content_hash = Sha256::digest(&content).into();
        Ok(Self {
            content,
            content_hash,
        })
    }
}

/// What a definition file holds.
pub(super) enum Definition {
    /// An API definition.
    Api(ApiDocument),
    /// A policy, as JSON text.
    Policy(String),
    /// Several policies, by id or in a list.
    Policies(PolicySet),
}

/// The name of a file that can hold a definition; hidden files and other endings are passed over.
pub(super) fn definition_name(path: &Path) -> Option<SourcePath> {
    let name = path.file_name()?.to_str()?;
    let ending = path.extension()?.to_str()?;
    let is_definition = ["json", "yaml", "yml"]
        .iter()
        .any(|known| ending.eq_ignore_ascii_case(known));
    (is_definition && !name.starts_with('.')).then(|| SourcePath(name.into()))
}

/// Takes a file's text apart far enough to tell what it is.
pub(super) fn read_definition(
    path: &SourcePath,
    content: &[u8],
) -> Result<Definition, ImportError> {
    let text =
        std::str::from_utf8(content).map_err(|_| ImportError::Kind("the file is not UTF-8"))?;
    let is_json = path.0.to_ascii_lowercase().ends_with(".json");
    let (value, text): (Value, _) = if is_json {
        let value =
            serde_json::from_str(text).map_err(|error| ImportError::Syntax(error.to_string()))?;
        (value, text.to_owned())
    } else {
        let value = yaml(text)?;
        let text = value.to_string();
        (value, text)
    };
    let has = |key: &str| value.get(key).is_some();
    let api = ["openapi", "x-tyk-api-gateway", "proxy", "api_definition"];
    if api.into_iter().any(has) {
        return Ok(Definition::Api(ApiDocument::parse(&text)?));
    }
    if has("access_rights") {
        return Ok(Definition::Policy(text));
    }
    if PolicySet::is_one(&value) {
        return Ok(Definition::Policies(PolicySet::parse(&text)?));
    }
    Err(ImportError::Kind(
        "neither an API definition (no proxy) nor a policy (no access_rights), nor a map or list of policies",
    ))
}

/// Reads a YAML text by the schema of YAML 1.2, where `no` and `y` are words; what it makes of aliases is bounded.
///
/// # Errors
/// The text is not one YAML document, or not one that JSON could hold; the error says where.
pub fn yaml(text: &str) -> Result<Value, ImportError> {
    serde_saphyr::from_str_with_options(
        text,
        serde_saphyr::options! { with_snippet: false, strict_booleans: true },
    )
    .map_err(|error| ImportError::Syntax(yaml_fault(&error)))
}

/// Where a YAML text is wrong and why; nothing that stands there is repeated, it may be a secret.
fn yaml_fault(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error;
    let error = error.without_snippet();
    let reason = match error {
        Error::DuplicateMappingKey { .. } => "a key stands twice in one mapping".into(),
        Error::UnknownAnchor { .. } => "an alias names an anchor that is not there".into(),
        // What the parser itself says is fixed text, with at most one character of syntax in it.
        Error::ExternalMessage { msg, .. } => msg.clone(),
        Error::Eof { .. } => "the YAML text ends too early".into(),
        Error::MultipleDocuments { .. } => "a file holds one document".into(),
        _ => "malformed YAML".to_owned(),
    };
    match error.location() {
        Some(place) => format!("line {} column {}: {reason}", place.line(), place.column()),
        None => reason,
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that meets the unexpected must fail"
    )]

    use super::*;

    const SECRET: &str = "hunter2-is-never-logged";

    fn fault(name: &str, text: &str) -> String {
        let path = SourcePath(name.into());
        match read_definition(&path, text.as_bytes()) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn words_of_older_yaml_are_words() {
        let text = "y: {no: on, off: NO, 200: [true, 1, 1.5, null]}";
        let read = yaml(text).unwrap();
        let expected = r#"{"y":{"no":"on","off":"NO","200":[true,1,1.5,null]}}"#;
        assert_eq!(read.to_string(), expected);
    }

    #[test]
    fn a_syntax_error_names_its_place_and_quotes_nothing() {
        for (name, text, place) in [
            ("a.yaml", "proxy:\n  shared_secret: SECRET\n bad", "line 3"),
            (
                "a.yaml",
                "proxy: {}\nshared_secret: SECRET\nname: \"open",
                "line 3",
            ),
            (
                "a.yaml",
                "proxy: {}\nsecret: SECRET\nsecret: SECRET\n",
                "line 3",
            ),
            ("a.yaml", "proxy: {}\nSECRET: 1\nSECRET: 2\n", "line 3"),
            ("a.yaml", "proxy: {}\nsecret: *SECRET\n", "line 2"),
            ("a.yaml", "proxy: {}\nsecret: !!int SECRET\n", ""),
            ("a.yaml", "secret: SECRET\n--- \nsecret: SECRET\n", "line"),
            ("a.yaml", "proxy: {}\nsecret: \"SECRET\\q\"\n", "line 2"),
            ("a.yaml", "proxy: {}\n? [SECRET]\n: x\n", ""),
            ("a.yaml", "proxy: {}\nsecret: SECRET: x\n", "line 2"),
            (
                "a.json",
                "{\"proxy\": {},\n\"secret\": \"SECRET\",\n]",
                "line 3",
            ),
            ("a.json", "{\"proxy\": {},\n\"secret\": SECRET}", "line 2"),
            (
                "a.json",
                "{\"proxy\": {},\n\"secret\": \"SECRET\\q\"}",
                "line 2",
            ),
            ("a.json", "{\"proxy\": {},\n\"secret\": \"SECRET", "line 2"),
        ] {
            let text = text.replace("SECRET", SECRET);
            let fault = fault(name, &text);
            assert!(
                !fault.is_empty() && fault.contains(place),
                "{text}\n{fault}"
            );
            assert!(!fault.contains("hunter2"), "{text}\n{fault}");
            assert!(!fault.contains('\n'), "{text}\n{fault}");
        }
    }
}
