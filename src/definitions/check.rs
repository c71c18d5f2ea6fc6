//! Definition files judged without a node: read by the same reader, and held against each other.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use raftgate_model::api::{ApiDocument, ApiSpec};
use raftgate_model::id::ApiId;
use raftgate_model::json::DocumentFaults;
use raftgate_model::policy::{Policy, PolicySet};

use super::ImportError;
use super::file::{Definition, DefinitionFile, definition_name, read_definition};

/// Something to say about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The file.
    pub file: PathBuf,
    /// What is wrong or has no effect, with its place.
    pub text: String,
}

/// What a check of files found.
#[derive(Debug, Default)]
pub struct DefinitionsCheck {
    /// What is wrong.
    pub faults: Vec<Remark>,
    /// What has no effect, or not the one it seems to have.
    pub warnings: Vec<Remark>,
    /// How many definitions were read.
    pub definitions: usize,
    /// Which file has which API, policy or listen path.
    owners: BTreeMap<String, PathBuf>,
}

impl DefinitionsCheck {
    /// Judges files, and every definition file of folders, as parts of one configuration.
    #[must_use]
    pub fn of(paths: &[PathBuf]) -> Self {
        let mut check = Self::default();
        for path in paths {
            if path.is_dir() {
                check.folder(path);
            } else {
                check.file(path);
            }
        }
        check
    }

    fn folder(&mut self, folder: &Path) {
        let entries = fs::read_dir(folder).and_then(|entries| {
            let paths = entries.map(|entry| entry.map(|entry| entry.path()));
            paths.collect::<Result<Vec<_>, _>>()
        });
        match entries {
            Err(error) => self.fault(folder, error),
            Ok(mut paths) => {
                paths.sort();
                for path in paths.iter().filter(|path| definition_name(path).is_some()) {
                    self.file(path);
                }
            }
        }
    }

    fn file(&mut self, path: &Path) {
        let file = match DefinitionFile::read(path) {
            Ok(file) => file,
            Err(error) => return self.fault(path, error),
        };
        let Some(name) = definition_name(path) else {
            let reason = "a node passes it over: the name must end in .json, .yaml or .yml, and not begin with a dot";
            return self.fault(path, reason);
        };
        match read_definition(&name, &file.content) {
            Ok(Definition::Api(document)) => self.api(path, document),
            Ok(Definition::Policy(text)) => match Policy::from_json(&text) {
                Ok(policy) => self.policy(path, "", &policy),
                Err(faults) => self.all(path, &faults),
            },
            Ok(Definition::Policies(set)) => self.policies(path, set),
            Err(ImportError::Faults(faults)) => self.all(path, &faults),
            Err(error) => self.fault(path, error),
        }
    }

    fn api(&mut self, path: &Path, mut document: ApiDocument) {
        if document.lacks_api_id() {
            let place = document.api_id_place();
            self.warn(
                path,
                format!("{place}: none is given, and the node makes one up"),
            );
            // Any id will do to judge the rest by.
            if let Ok(id) = ApiId::new("unnamed") {
                document.set_api_id(&id);
            }
        } else if let Some(id) = document.api_id() {
            let name = format!("api_id {id}");
            self.own(path, document.api_id_place(), name);
        }
        let kept = document.text_to_keep();
        match kept.and_then(|_| ApiSpec::read(&document)) {
            Err(faults) => self.all(path, &faults),
            Ok((spec, warnings)) => {
                for warning in warnings {
                    self.warn(path, warning);
                }
                if spec.active {
                    let host = spec.domain.as_ref().map_or("", |domain| domain.as_str());
                    let name = format!("listen path {host}{}", spec.listen_path.as_str());
                    self.own(path, document.listen_path_place(), name);
                }
                self.definitions = self.definitions.saturating_add(1);
            }
        }
    }

    /// Policies that stand in one file.
    fn policies(&mut self, path: &Path, set: PolicySet) {
        for entry in set.entries {
            match entry {
                Ok(entry) => self.policy(path, &format!("{}.", entry.place), &entry.policy),
                Err(faults) => self.all(path, &faults),
            }
        }
    }

    /// A policy whose members stand at paths that begin with `place`.
    fn policy(&mut self, path: &Path, place: &str, policy: &Policy) {
        for warning in &policy.warnings {
            self.warn(path, format!("{place}{warning}"));
        }
        match &policy.id {
            None => self.fault(path, format!("{place}id: a policy needs one")),
            Some(id) => self.own(path, &format!("{place}id"), format!("policy {id}")),
        }
        self.definitions = self.definitions.saturating_add(1);
    }

    /// Notes what a file has; two files with the same are both wrong, for a node takes only one.
    fn own(&mut self, path: &Path, place: &str, name: String) {
        match self.owners.get(&name) {
            Some(other) if other != path => {
                let reason = format!("{place}: {name} is also in {}", other.display());
                self.fault(path, reason);
            }
            Some(_) => {}
            None => drop(self.owners.insert(name, path.to_owned())),
        }
    }

    fn all(&mut self, path: &Path, faults: &DocumentFaults) {
        for fault in faults.all() {
            self.fault(path, fault);
        }
    }

    fn fault(&mut self, path: &Path, text: impl ToString) {
        self.faults.push(remark(path, &text));
    }

    fn warn(&mut self, path: &Path, text: impl ToString) {
        self.warnings.push(remark(path, &text));
    }
}

fn remark(path: &Path, text: &impl ToString) -> Remark {
    Remark {
        file: path.to_owned(),
        text: text.to_string(),
    }
}

impl std::fmt::Display for Remark {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.file.display(), self.text)
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
