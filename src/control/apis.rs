//! `/tyk/apis`: Classic definitions.

use actix_web::{HttpRequest, HttpResponse, web};
use raftgate_model::api::{ApiDocument, ClassicDocument};
use raftgate_model::id::{ApiId, Revision};
use raftgate_model::keyring::KeyRing;
use raftgate_model::seal::{SecretKind, SecretOwner};
use raftgate_model::state::record::ApiRecord;

use super::shape::{self, Action};
use super::{Control, ControlFailure};
use crate::definitions::ImportError;

/// What the Classic endpoints say of an API whose definition is an OAS document.
const OAS_API: &str = "this API endpoint only supports Tyk Classic APIs; please use the appropriate Tyk OAS API endpoint";

/// The parameters with which Tyk adds what is posted to another API as a version of it.
const VERSION_PARAMETERS: [&str; 4] = [
    "base_api_id",
    "base_api_version_name",
    "new_version_name",
    "set_default",
];

/// How many APIs one page of the store's listing brings.
const PAGE: usize = 1000;

pub(super) async fn list(control: web::Data<Control>) -> Result<HttpResponse, ControlFailure> {
    let classic = |document: ApiDocument| Some(document.classic().to_text());
    let of = control.clone();
    shape::documents(&control.listings, move || Ok(of.definitions(classic))).await
}

pub(super) async fn get(
    control: web::Data<Control>,
    id: web::Path<String>,
) -> Result<HttpResponse, ControlFailure> {
    let document = control.definition_of(&id)?;
    Ok(shape::document(document.classic().to_text()))
}

pub(super) async fn create(
    control: web::Data<Control>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    refuse_versions(&request)?;
    let document = ApiDocument::Classic(parse(&request, &body)?);
    control.add(document).await
}

/// Adds a definition, or replaces one, whose id is that of the path.
pub(super) async fn create_named(
    control: web::Data<Control>,
    id: web::Path<String>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    refuse_versions(&request)?;
    match control.definition_of(&id) {
        Ok(ApiDocument::Oas(_)) => return Err(ControlFailure::Invalid(OAS_API.into())),
        Ok(ApiDocument::Classic(_)) | Err(ControlFailure::NotFound(_)) => {}
        Err(failure) => return Err(failure),
    }
    let document = ApiDocument::Classic(parse(&request, &body)?);
    control.put_at(&id, document, Action::Added).await
}

pub(super) async fn update(
    control: web::Data<Control>,
    id: web::Path<String>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    if let ApiDocument::Oas(_) = control.definition_of(&id)? {
        return Err(ControlFailure::Invalid(OAS_API.into()));
    }
    let document = ApiDocument::Classic(parse(&request, &body)?);
    control.replace(&id, document).await
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

/// Refuses to add what is posted to another API as a version of it: it would become an API for itself.
pub(super) fn refuse_versions(request: &HttpRequest) -> Result<(), ControlFailure> {
    let mut given = form_urlencoded::parse(request.query_string().as_bytes());
    let wanted = given.find_map(|(name, _)| {
        let mut known = VERSION_PARAMETERS.into_iter();
        known.find(|known| *known == name)
    });
    match wanted {
        None => Ok(()),
        Some(name) => Err(ControlFailure::Invalid(format!(
            "{name}: an API is not added to another one as its version; name it in the versions of the other one's definition"
        ))),
    }
}

fn parse(request: &HttpRequest, body: &[u8]) -> Result<ClassicDocument, ControlFailure> {
    let text = shape::document_text(request, body).map_err(shape::malformed)?;
    ClassicDocument::parse(&text).map_err(shape::malformed)
}

impl Control {
    /// All definitions, as `show` shows those that it does; one that cannot be opened is logged by name and left out.
    pub(super) fn definitions(&self, show: impl Fn(ApiDocument) -> Option<String>) -> Vec<String> {
        let view = self.cluster.view();
        let mut texts = Vec::new();
        let mut after = None;
        loop {
            let ids = view.apis(after.as_ref(), PAGE);
            let records = ids.iter().filter_map(|id| view.api(id));
            texts.extend(readable(&self.keys, records).filter_map(&show));
            match ids.into_iter().next_back() {
                Some(last) => after = Some(last),
                None => return texts,
            }
        }
    }

    /// An API's definition as it was given.
    pub(super) fn definition_of(&self, id: &str) -> Result<ApiDocument, ControlFailure> {
        self.version_of(id).map(|(document, _)| document)
    }

    /// The same, and the revision of what was read.
    pub(super) fn version_of(&self, id: &str) -> Result<(ApiDocument, Revision), ControlFailure> {
        let id = ApiId::new(id).ok();
        let record = id.and_then(|id| self.cluster.view().api(&id));
        let record = record.ok_or(ControlFailure::NotFound("API not found"))?;
        let document = opened(&self.keys, &record).ok_or(ControlFailure::Internal)?;
        Ok((document, record.revision))
    }

    /// Adds the definition of an API, or replaces that of the same id, as Tyk does.
    pub(super) async fn add(&self, document: ApiDocument) -> Result<HttpResponse, ControlFailure> {
        let imported = self.importer.put_api(document, None).await?;
        Ok(shape::imported(&imported, Action::Added))
    }

    /// Replaces the definition of an API that is there.
    pub(super) async fn replace(
        &self,
        id: &str,
        document: ApiDocument,
    ) -> Result<HttpResponse, ControlFailure> {
        self.put_at(id, document, Action::Modified).await
    }

    /// Brings a definition into force under an id, which it may leave out itself.
    async fn put_at(
        &self,
        id: &str,
        document: ApiDocument,
        action: Action,
    ) -> Result<HttpResponse, ControlFailure> {
        let document = under(id, document)?;
        let imported = self.importer.put_api(document, None).await?;
        Ok(shape::imported(&imported, action))
    }
}

/// A definition under an id, which it may leave out itself.
pub(super) fn under(id: &str, mut document: ApiDocument) -> Result<ApiDocument, ControlFailure> {
    match document.api_id() {
        None if document.lacks_api_id() => {
            let id = ApiId::new(id).map_err(|_| ControlFailure::NotFound("API not found"))?;
            document.set_api_id(&id);
        }
        // What is no text is refused by its place when it is read.
        None => {}
        Some(inside) if inside == id => {}
        Some(_) => {
            return Err(ControlFailure::Invalid(
                    "Request APIID does not match that in Definition! For Update operations these must match.".into(),
                ));
        }
    }
    Ok(document)
}

/// The definitions that can be opened; the log names the others.
fn readable(
    keys: &KeyRing,
    records: impl Iterator<Item = impl AsRef<ApiRecord>>,
) -> impl Iterator<Item = ApiDocument> {
    records.filter_map(|record| opened(keys, record.as_ref()))
}

/// The document of an API as it is stored, unless it cannot be opened, which the log says.
pub(super) fn opened(keys: &KeyRing, record: &ApiRecord) -> Option<ApiDocument> {
    let owner = SecretOwner {
        kind: SecretKind::ApiDefinition,
        id: record.id.as_str(),
    };
    let text = keys.open(owner, &record.document);
    let text = text.inspect_err(|fault| {
        tracing::error!(api = %record.id, %fault, "definition cannot be opened");
    });
    let document = ApiDocument::parse(text.ok()?.expose());
    let document = document.inspect_err(|faults| {
        tracing::error!(api = %record.id, %faults, "stored definition cannot be read");
    });
    document.ok()
}

impl From<ImportError> for ControlFailure {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Faults(_)
            | ImportError::ListenPathTaken { .. }
            | ImportError::Together(_)
            | ImportError::PolicyWithoutId
            | ImportError::Kind(_)
            | ImportError::Syntax(_) => Self::Invalid(error.to_string()),
            ImportError::PolicyFaults(faults) => shape::malformed(faults),
            ImportError::Propose(error) => error.into(),
            ImportError::NotInForce { reason, .. } => reason.into(),
            ImportError::Seal | ImportError::Unchecked(_) => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "a test that meets the unexpected must fail"
    )]

    use raftgate_model::id::{KeyId, OrgId};
    use raftgate_model::secret::Secret;
    use raftgate_model::time::Timestamp;

    use super::*;
    use crate::test_ring::ring;

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
        let texts = readable(&keys, records.into_iter()).map(|document| document.to_text());
        let texts: Vec<_> = texts.collect();
        assert_eq!(texts, [r#"{"api_id":"a"}"#, r#"{"api_id":"c"}"#]);
    }
}
