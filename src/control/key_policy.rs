//! `/tyk/keys/policy/{key}`: another policy for a key, by its hash where listings show hashes.

use std::fmt::Display;

use actix_web::{HttpResponse, web};
use raftgate_cluster::batch::Lane;
use raftgate_cluster::error::ProposeError;
use raftgate_model::answer::Refusal;
use raftgate_model::command::{ApiKeyNaming, Command, UpdateApiKey};
use raftgate_model::json::parse_object;
use raftgate_model::session::{SessionDocument, SessionFacts};
use raftgate_model::state::record::ApiKeyRecord;
use serde::Deserialize;
use serde_json::Value;

use super::key_lookup::KeyQuery;
use super::key_session::GivenSession;
use super::keys::{changeable, stored};
use super::shape::Action;
use super::{Control, ControlFailure};

/// How often a key is read again that others change meanwhile, before the caller is told.
const READINGS_MAX: u32 = 10;

/// The longest instruction, in bytes.
const INSTRUCTION_BYTES_MAX: usize = 64 * 1024;

/// Which policies a key shall have; the list comes before the single one, as in sessions.
#[derive(Deserialize)]
struct Instruction {
    #[serde(default)]
    policy: String,
    #[serde(default)]
    apply_policies: Vec<String>,
}

impl Instruction {
    fn read(body: &[u8]) -> Result<Self, ControlFailure> {
        let undecoded = |reason: &dyn Display| {
            ControlFailure::Invalid(format!("Couldn't decode instruction: {reason}"))
        };
        let text = std::str::from_utf8(body).map_err(|_| undecoded(&"not valid UTF-8"))?;
        // An object: a list would be read as the fields in their order.
        let object =
            parse_object(text, INSTRUCTION_BYTES_MAX).map_err(|faults| undecoded(&faults))?;
        serde_json::from_value(Value::Object(object)).map_err(|error| undecoded(&error))
    }

    fn policies(self) -> Result<Vec<String>, ControlFailure> {
        let policies = if self.apply_policies.is_empty() {
            vec![self.policy]
        } else {
            self.apply_policies
        };
        if policies.iter().any(String::is_empty) {
            let nothing = "policy: must name a policy, or apply_policies one";
            return Err(ControlFailure::Invalid(nothing.into()));
        }
        Ok(policies)
    }
}

/// Gives a key or user another policy; the rest of its session stays.
pub(super) async fn change(
    control: web::Data<Control>,
    key: web::Path<String>,
    body: web::Bytes,
) -> Result<HttpResponse, ControlFailure> {
    let policies = Instruction::read(&body)?.policies()?;
    let query = if control.compat.hash_keys {
        KeyQuery::by_hash()
    } else {
        KeyQuery::default()
    };
    for _ in 0..READINGS_MAX {
        let (id, record) = changeable(control.find_key(&key, &query)?)?;
        let session = with_policies(&record, &policies)?;
        let given = GivenSession::read(&control, session.into(), &record.org).await?;
        let update = Command::UpdateApiKey(UpdateApiKey {
            put: given.command(id, ApiKeyNaming::Updated),
            replaces: record.revision,
        });
        match control.cluster.propose(Lane::Administration, update).await {
            // Somebody else's change came first, and stays: this one is worked out again from it.
            Err(ProposeError::Refused(Refusal::ApiKeyChanged)) => {}
            proposed => {
                proposed?;
                return Ok(stored(&control, &key, Action::Updated, id, &given));
            }
        }
    }
    Err(Refusal::ApiKeyChanged.into())
}

fn with_policies(record: &ApiKeyRecord, policies: &[String]) -> Result<String, ControlFailure> {
    let mut document = SessionDocument::of(&record.session).map_err(|faults| {
        tracing::error!(%faults, "a stored session cannot be read");
        ControlFailure::Internal
    })?;
    document.set_policies(policies);
    Ok(document.shown(SessionFacts {
        expires_s: record.expires_s,
        created_at: record.created_at,
        updated_at: record.updated_at,
        is_user: record.is_user(),
    }))
}
