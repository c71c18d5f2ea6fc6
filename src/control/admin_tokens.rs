//! `/raftgate/v1/admin-tokens`: named tokens that stand for the control secret, each within its role.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use raftgate_cluster::batch::Lane;
use raftgate_cluster::handle::ClusterHandle;
use raftgate_model::admin_token::{AdminName, AdminRole};
use raftgate_model::answer::Reply;
use raftgate_model::command::{Command, NewAdminToken};
use raftgate_model::keyring::KeyRing;
use raftgate_model::seal::{SecretKind, SecretOwner, SecretVerifier};
use raftgate_model::secret::Secret;
use serde_json::json;

use super::listener::wrong_method;
use super::{Control, ControlFailure, shape};

/// The first characters of every admin token, by which secret scanners find leaks.
const PREFIX: &str = "rgm_";

/// The longest request for a token, in bytes.
const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// Finds out whose a presented admin token is.
pub struct AdminTokens {
    cluster: ClusterHandle,
    keys: Arc<KeyRing>,
}

impl AdminTokens {
    /// The admin tokens of a cluster.
    #[must_use]
    pub fn new(cluster: ClusterHandle, keys: Arc<KeyRing>) -> Self {
        Self { cluster, keys }
    }

    /// The role of a token, if it is one.
    pub(super) fn role_of(&self, presented: &str) -> Option<AdminRole> {
        if !presented.starts_with(PREFIX) {
            return None;
        }
        let verifier = verifier(&self.keys, presented);
        // Verifiers are compared in constant time.
        let tokens = self.cluster.view().admin_tokens();
        let found = tokens.iter().find(|token| token.verifier == verifier);
        found.map(|token| token.role)
    }
}

fn verifier(keys: &KeyRing, token: &str) -> SecretVerifier {
    let owner = SecretOwner {
        kind: SecretKind::AdminToken,
        id: "",
    };
    keys.secret_verifier(owner, token)
}

/// Where admin tokens stand on the control listener.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/raftgate/v1/admin-tokens")
            .get(list)
            .post(create)
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/raftgate/v1/admin-tokens/{name}")
            .delete(delete)
            .default_service(web::to(wrong_method)),
    );
}

/// Reads for whom a token is asked and what it shall be good for; nothing that was sent is repeated, it may be a token.
pub(super) fn asked(body: &[u8]) -> Result<(AdminName, AdminRole), ControlFailure> {
    let invalid = |error: String| ControlFailure::Invalid(error);
    let object = shape::object(body, REQUEST_BYTES_MAX)?;
    let text = |field: &str| {
        let malformed = |what: &str| shape::malformed(format_args!("{field}: {what}"));
        let value = object.get(field).ok_or_else(|| malformed("is missing"))?;
        value.as_str().ok_or_else(|| malformed("must be a string"))
    };
    if !object.keys().all(|key| matches!(&**key, "name" | "role")) {
        let unknown = "it has a name and a role, and nothing else";
        return Err(shape::malformed(unknown));
    }
    let name = AdminName::new(text("name")?).map_err(|error| invalid(error.to_string()))?;
    let role = AdminRole::parse(text("role")?)
        .ok_or_else(|| invalid("role: operator, read-only or identity-server".to_owned()))?;
    Ok((name, role))
}

async fn create(
    control: web::Data<Control>,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    let (name, role) = asked(&body)?;
    let mut random = [0; 32];
    control.entropy.fill(&mut random);
    let token = Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random)));
    let new = NewAdminToken {
        name: name.clone(),
        role,
        verifier: verifier(&control.keys, token.expose()),
    };
    let command = Command::CreateAdminToken(new);
    control
        .cluster
        .propose(Lane::Administration, command)
        .await?;
    let response = HttpResponse::Ok().json(json!({
        "name": name.as_str(),
        "role": role.as_str(),
        "token": token.expose(),
    }));
    Ok(shape::noted(response, name.as_str(), "added"))
}

async fn list(control: web::Data<Control>) -> HttpResponse {
    let tokens = control.cluster.view().admin_tokens();
    let shown: Vec<_> = tokens
        .iter()
        .map(|token| {
            json!({
                "name": token.name.as_str(),
                "role": token.role.as_str(),
                "created_at": token.created_at.rfc3339(),
            })
        })
        .collect();
    HttpResponse::Ok().json(json!({ "admin_tokens": shown }))
}

async fn delete(
    control: web::Data<Control>,
    name: web::Path<String>,
) -> Result<HttpResponse, ControlFailure> {
    const NONE: ControlFailure = ControlFailure::NotFound("there is no admin token of this name");
    let name = AdminName::new(&name).map_err(|_| NONE)?;
    let command = Command::DeleteAdminToken(name.clone());
    let proposed = control.cluster.propose(Lane::Revocation, command).await?;
    match proposed.reply {
        Reply::Stored { existed: true } => {
            Ok(shape::modified(name.as_str(), shape::Action::Deleted, &[]))
        }
        _ => Err(NONE),
    }
}
