//! API definitions: what an operator writes, checked and taken apart once.

mod api_document;
mod auth;
mod document;
mod domain;
#[cfg(test)]
mod fixture;
mod listen_path;
mod oas;
mod read;
mod read_auth;
mod rules;
mod settings;
mod signing_key;
mod spec;
mod target;
mod unsupported;

pub use api_document::ApiDocument;
pub use auth::{Auth, CredentialPlace, NotificationSpec, OAuthSpec};
pub use document::{ClassicDocument, DEFAULT_ORG, DEFINITION_BYTES_MAX};
pub use domain::{Domain, InvalidDomain};
pub use listen_path::{InvalidListenPath, LISTEN_PATH_SEGMENTS_MAX, ListenPath};
pub use oas::{OasDocument, Serving, ServingFault};
pub use settings::{ApiSettings, Consistency};
pub use signing_key::NoSigningKey;
pub use spec::{ApiSpec, TokenLifetimes};
pub use target::{InvalidTarget, Scheme, Target};
pub use unsupported::ImportWarning;

pub use crate::json::{DocumentFault as DefinitionFault, DocumentFaults as DefinitionErrors};
