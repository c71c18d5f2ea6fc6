//! `/tyk/policies`.

use actix_web::{HttpResponse, web};
use raftgate_model::id::PolicyId;
use raftgate_model::policy::POLICY_SET_BYTES_MAX;
use serde_json::{Map, Value};

use super::shape::{self, Action};
use super::{Control, ControlFailure};

/// The longest body that holds a policy, as long as a file may be: what is kept of it, without white space, has a bound of its
/// own.
const BODY_BYTES_MAX: usize = POLICY_SET_BYTES_MAX;
/// How many policies one page of the store's listing brings.
const PAGE: usize = 1000;

pub(super) async fn list(control: web::Data<Control>) -> Result<HttpResponse, ControlFailure> {
    let of = control.clone();
    shape::documents(&control.listings, move || Ok(of.policies())).await
}

pub(super) async fn get(
    control: web::Data<Control>,
    id: web::Path<String>,
) -> Result<HttpResponse, ControlFailure> {
    let record = PolicyId::new(&id)
        .ok()
        .and_then(|id| control.cluster.view().policy(&id));
    let record = record.ok_or(ControlFailure::NotFound("Policy not found"))?;
    Ok(shape::document(record.document.to_string()))
}

pub(super) async fn create(
    control: web::Data<Control>,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    let policy = shape::object(&body, BODY_BYTES_MAX)?;
    control.put(policy, Action::Added).await
}

pub(super) async fn update(
    control: web::Data<Control>,
    id: web::Path<String>,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    let mut policy = shape::object(&body, BODY_BYTES_MAX)?;
    set_absent_id(&mut policy, &id)?;
    control.put(policy, Action::Modified).await
}

/// Gives a policy without an id that of its path; one that is no text stays, for the importer to refuse it by name.
fn set_absent_id(policy: &mut Map<String, Value>, id: &str) -> Result<(), ControlFailure> {
    let given = policy.get("id");
    match given.filter(|inside| !inside.is_null() && inside.as_str() != Some("")) {
        None => drop(policy.insert("id".into(), id.into())),
        Some(Value::String(inside)) if inside != id => {
            return Err(ControlFailure::Invalid(
                "Request ID does not match that in policy! For Update operations these must match."
                    .into(),
            ));
        }
        Some(_) => {}
    }
    Ok(())
}

pub(super) async fn delete(
    control: web::Data<Control>,
    id: web::Path<String>,
) -> Result<HttpResponse, ControlFailure> {
    let not_found = ControlFailure::NotFound("Policy not found");
    let Ok(id) = PolicyId::new(&id) else {
        return Err(not_found);
    };
    if !control.importer.delete_policy(&id).await? {
        return Err(not_found);
    }
    Ok(shape::modified(id.as_str(), Action::Deleted, &[]))
}

impl Control {
    async fn put(
        &self,
        policy: Map<String, Value>,
        action: Action,
    ) -> Result<HttpResponse, ControlFailure> {
        let text = Value::Object(policy).to_string();
        let imported = self.importer.put_policy(&text, None).await?;
        self.warn_of(&format!("policy {}", imported.id), &imported.warnings);
        Ok(shape::modified(&imported.id, action, &[]))
    }

    fn policies(&self) -> Vec<String> {
        let view = self.cluster.view();
        let mut texts = Vec::new();
        let mut after = None;
        loop {
            let ids = view.policies(after.as_ref(), PAGE);
            let records = ids.iter().filter_map(|id| view.policy(id));
            texts.extend(records.map(|record| record.document.to_string()));
            match ids.into_iter().next_back() {
                Some(last) => after = Some(last),
                None => return texts,
            }
        }
    }
}
