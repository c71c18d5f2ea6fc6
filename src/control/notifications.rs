//! `/raftgate/v1/notifications`: what waits, what failed, and sending it once more.

use actix_web::{HttpResponse, web};
use raftgate_actors::notifier::{parse_webhook_id, type_name, webhook_id};
use raftgate_cluster::batch::Lane;
use raftgate_model::answer::NotificationRef;
use raftgate_model::command::{Command, Redelivery};
use raftgate_model::id::ApiId;
use raftgate_model::state::NotificationKey;
use raftgate_model::state::record::{
    AttemptFailure, FailureReason, Notification, NotificationState,
};
use raftgate_storage::view::NotificationFilter;
use serde::{Deserialize, Serialize};

use super::{Control, ControlFailure, shape};

/// The longest page.
const LIMIT_MAX: usize = 1000;
/// The page without `limit`.
const LIMIT_DEFAULT: usize = 100;

/// The query of a listing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    state: Option<String>,
    api_id: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

#[derive(Serialize)]
struct Listing {
    notifications: Vec<Row>,
    next: Option<String>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    api_id: String,
    client_id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    state: &'static str,
    attempts: u32,
    last_status: Option<u16>,
    last_error: Option<&'static str>,
    created_at: u64,
    next_attempt_at: Option<u64>,
}

pub(super) async fn list(
    control: web::Data<Control>,
    query: web::Query<ListQuery>,
) -> Result<HttpResponse, ControlFailure> {
    let filter = match query.state.as_deref() {
        None => NotificationFilter::All,
        Some("queued") => NotificationFilter::Queued,
        Some("failed") => NotificationFilter::Failed,
        Some(_) => return Err(invalid("state must be queued or failed")),
    };
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    let mut place = control.place_after(query.after.as_deref())?;
    let only = query.api_id.as_deref().map(ApiId::new).transpose();
    let only = only.map_err(|error| invalid(&format!("api_id: {error}")))?;
    let mut rows = Vec::new();
    let view = control.cluster.view();
    let apis = match only {
        Some(only) => vec![only],
        None => view.apis_with_notifications(place.as_ref().map(|place| &place.api)),
    };
    for api in apis {
        let after = place
            .take()
            .filter(|place| place.api == api)
            .map(|place| place.sequence);
        let room = limit.saturating_sub(rows.len());
        let found = view.notifications(&api, filter, after, room);
        rows.extend(found.iter().map(|(key, message)| row(key, message)));
        if rows.len() >= limit {
            break;
        }
    }
    let next = (rows.len() >= limit)
        .then(|| rows.last().map(|row| row.id.clone()))
        .flatten();
    Ok(HttpResponse::Ok().json(Listing {
        notifications: rows,
        next,
    }))
}

pub(super) async fn redeliver(
    control: web::Data<Control>,
    id: web::Path<String>,
) -> Result<HttpResponse, ControlFailure> {
    let not_found = ControlFailure::NotFound("notification not found");
    let Some(id) = parse_webhook_id(&id) else {
        return Err(not_found);
    };
    let Some(key) = control.cluster.view().find_notification(&id) else {
        return Err(not_found);
    };
    let command = Command::RedeliverNotification(Redelivery {
        notification: NotificationRef { key, id },
        terms: control.oauth.notify_terms(),
    });
    control
        .cluster
        .propose(Lane::Administration, command)
        .await?;
    let response =
        HttpResponse::Accepted().json(serde_json::json!({"status": "ok", "message": "queued"}));
    Ok(shape::noted(response, &webhook_id(id), "queued"))
}

fn invalid(text: &str) -> ControlFailure {
    ControlFailure::Invalid(text.to_owned())
}

impl Control {
    /// Where a page goes on: behind the notification of this id.
    fn place_after(&self, after: Option<&str>) -> Result<Option<NotificationKey>, ControlFailure> {
        let Some(after) = after else { return Ok(None) };
        let id = parse_webhook_id(after).ok_or(invalid("after is not the id of a notification"))?;
        let key = self.cluster.view().find_notification(&id);
        key.map(Some)
            .ok_or(invalid("after is no notification that is still kept"))
    }
}

fn row(key: &NotificationKey, message: &Notification) -> Row {
    let (state, next_attempt_at) = match message.state {
        NotificationState::Queued { next_attempt_at } => {
            ("queued", Some(next_attempt_at.as_unix_s()))
        }
        NotificationState::Failed { .. } => ("failed", None),
    };
    let (last_status, last_error) = match (message.last_failure, message.state) {
        (
            _,
            NotificationState::Failed {
                reason: FailureReason::Overflow,
                ..
            },
        ) => (None, Some("overflow")),
        (Some(AttemptFailure::Status(status)), _) => (Some(status), None),
        (Some(AttemptFailure::Timeout), _) => (None, Some("timeout")),
        (Some(AttemptFailure::Connection), _) => (None, Some("connection failed")),
        (Some(AttemptFailure::Unsendable), _) => (None, Some("nowhere to send it")),
        (None, _) => (None, None),
    };
    Row {
        id: webhook_id(message.id),
        api_id: key.api.to_string(),
        client_id: message.client.to_string(),
        kind: type_name(message.kind),
        state,
        attempts: message.attempts,
        last_status,
        last_error,
        created_at: message.created_at.as_unix_s(),
        next_attempt_at,
    }
}
