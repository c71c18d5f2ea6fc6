//! API definitions: what an operator writes, checked and taken apart once.

mod auth;
mod document;
mod domain;
#[cfg(test)]
mod fixture;
mod listen_path;
mod read;
mod read_auth;
mod rules;
mod settings;
mod spec;
mod target_url;
mod unsupported;

pub use auth::{Auth, CredentialPlace, NotificationSpec, OAuthSpec};
pub use document::{ClassicDocument, DEFAULT_ORG, DEFINITION_BYTES_MAX};
pub use domain::{Domain, InvalidDomain};
pub use listen_path::{InvalidListenPath, ListenPath};
pub use settings::{ApiSettings, Consistency};
pub use spec::{ApiSpec, TokenLifetimes};
pub use target_url::{InvalidTargetUrl, Scheme, TargetUrl};
pub use unsupported::ImportWarning;

pub use crate::json::{DocumentFault as DefinitionFault, DocumentFaults as DefinitionErrors};
