//! `/tyk/apis`: Classic definitions.

use actix_web::{HttpResponse, web};
use raftgate_model::api::ClassicDocument;
use raftgate_model::id::ApiId;
use raftgate_model::keyring::KeyRing;
use raftgate_model::seal::{SealFault, SecretKind, SecretOwner};
use raftgate_model::state::record::ApiRecord;

use super::shape::{self, Action};
use super::{Control, ControlFailure};
use crate::definitions::ImportError;

/// How many APIs one page of the store's listing brings.
const PAGE: usize = 1000;

pub(super) async fn list(control: web::Data<Control>) -> Result<HttpResponse, ControlFailure> {
    shape::documents(move || Ok(control.definitions())).await
}

pub(super) async fn get(
    control: web::Data<Control>,
    id: web::Path<String>,
) -> Result<HttpResponse, ControlFailure> {
    let record = ApiId::new(&id)
        .ok()
        .and_then(|id| control.cluster.view().api(&id));
    let record = record.ok_or(ControlFailure::NotFound("API not found"))?;
    control.definition(&record).map(shape::document)
}

pub(super) async fn create(
    control: web::Data<Control>,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    let document = parse(&body)?;
    let imported = control.importer.put_api(document, None).await?;
    Ok(shape::imported(&imported, Action::Added))
}

pub(super) async fn update(
    control: web::Data<Control>,
    id: web::Path<String>,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    let known = ApiId::new(&id)
        .ok()
        .filter(|id| control.cluster.view().api(id).is_some());
    let id = known.ok_or(ControlFailure::NotFound("API not found"))?;
    let mut document = parse(&body)?;
    match document.api_id() {
        None => document.set_api_id(&id),
        Some(inside) if inside == id.as_str() => {}
        Some(_) => {
            return Err(ControlFailure::Invalid(
                "Request APIID does not match that in Definition! For Update operations these must match.".into(),
            ));
        }
    }
    let imported = control.importer.put_api(document, None).await?;
    Ok(shape::imported(&imported, Action::Modified))
}

pub(super) async fn delete(
    control: web::Data<Control>,
    id: web::Path<String>,
) -> Result<HttpResponse, ControlFailure> {
    let not_found = ControlFailure::NotFound("API not found");
    let Ok(id) = ApiId::new(&id) else {
        return Err(not_found);
    };
    if !control.importer.delete_api(&id).await? {
        return Err(not_found);
    }
    Ok(shape::modified(id.as_str(), Action::Deleted, &[]))
}

fn parse(body: &[u8]) -> Result<ClassicDocument, ControlFailure> {
    let text = std::str::from_utf8(body)
        .map_err(|_| ControlFailure::Invalid("Request malformed: not valid UTF-8".into()))?;
    ClassicDocument::parse(text)
        .map_err(|faults| ControlFailure::Invalid(format!("Request malformed: {faults}")))
}

impl Control {
    /// All definitions; one that cannot be opened is logged by name and left out.
    fn definitions(&self) -> Vec<String> {
        let view = self.cluster.view();
        let mut texts = Vec::new();
        let mut after = None;
        loop {
            let ids = view.apis(after.as_ref(), PAGE);
            let records = ids.iter().filter_map(|id| view.api(id));
            texts.extend(readable(&self.keys, records));
            match ids.into_iter().next_back() {
                Some(last) => after = Some(last),
                None => return texts,
            }
        }
    }

    /// An API's definition as it was given.
    fn definition(&self, record: &ApiRecord) -> Result<String, ControlFailure> {
        opened(&self.keys, record).map_err(|_| ControlFailure::Internal)
    }
}

/// The definitions that can be opened; the log names the others.
fn readable(
    keys: &KeyRing,
    records: impl Iterator<Item = impl AsRef<ApiRecord>>,
) -> impl Iterator<Item = String> {
    records.filter_map(|record| opened(keys, record.as_ref()).ok())
}

fn opened(keys: &KeyRing, record: &ApiRecord) -> Result<String, SealFault> {
    let owner = SecretOwner {
        kind: SecretKind::ApiDefinition,
        id: record.id.as_str(),
    };
    keys.open(owner, &record.document)
        .map(|text| text.expose().to_owned())
        .inspect_err(|fault| {
            tracing::error!(api = %record.id, %fault, "definition cannot be opened");
        })
}

impl From<ImportError> for ControlFailure {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Faults(faults) => Self::Invalid(format!(
                "Validation of API Definition failed. Reason: {faults}"
            )),
            ImportError::PolicyWithoutId => Self::Invalid(error.to_string()),
            ImportError::PolicyFaults(faults) => {
                Self::Invalid(format!("Request malformed: {faults}"))
            }
            ImportError::Kind(_) | ImportError::Syntax(_) => Self::Invalid(error.to_string()),
            ImportError::Propose(error) => error.into(),
            ImportError::NotInForce(error) => error.into(),
            ImportError::Seal => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that meets the unexpected must fail"
    )]

    use raftgate_model::id::{KeyId, OrgId, Revision};
    use raftgate_model::secret::{Secret, SecretBytes};
    use raftgate_model::time::Timestamp;

    use super::*;

    fn ring(byte: u8) -> KeyRing {
        let (master, lookup) = (SecretBytes::new([byte; 32]), SecretBytes::new([2; 32]));
        KeyRing::new(KeyId(1), master, lookup)
    }

    fn record(keys: &KeyRing, id: &str) -> std::sync::Arc<ApiRecord> {
        let owner = SecretOwner {
            kind: SecretKind::ApiDefinition,
            id,
        };
        let text = Secret::new(format!("{{\"api_id\":\"{id}\"}}"));
        std::sync::Arc::new(ApiRecord {
            id: ApiId::new(id).unwrap(),
            org: OrgId::default(),
            document: keys.seal(KeyId(1), owner, [0; 12], &text).unwrap(),
            document_hash: [0; 32],
            routes: std::sync::Arc::from([]),
            source: None,
            updated_at: Timestamp::from_unix_s(1),
            revision: Revision(1),
        })
    }

    #[test]
    fn one_definition_that_cannot_be_opened_hides_no_other() {
        let keys = ring(1);
        let records = [
            record(&keys, "a"),
            record(&ring(9), "b"),
            record(&keys, "c"),
        ];
        let texts: Vec<_> = readable(&keys, records.into_iter()).collect();
        assert_eq!(texts, [r#"{"api_id":"a"}"#, r#"{"api_id":"c"}"#]);
    }
}
