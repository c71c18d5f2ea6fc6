//! `/raftgate/v1/notifications`: what waits, what failed, and sending it once more.

use actix_web::{HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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

use super::failure::NOTIFICATION_ABSENT;
use super::{Control, ControlFailure, shape};

/// The longest page.
const LIMIT_MAX: usize = 1000;
/// The page without `limit`.
const LIMIT_DEFAULT: usize = 100;

/// What a place begins with, so that it is no message's id.
const CURSOR_PREFIX: &str = "at_";

/// The query of a listing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    state: Option<String>,
    api_id: Option<String>,
    after: Option<String>,
    limit: Option<String>,
}

impl ListQuery {
    /// How long a page may be.
    fn limit(&self) -> Result<usize, ControlFailure> {
        let Some(text) = &self.limit else {
            return Ok(LIMIT_DEFAULT);
        };
        let limit: usize = text
            .parse()
            .map_err(|_| invalid("limit: must be a whole number"))?;
        Ok(limit.clamp(1, LIMIT_MAX))
    }
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
    let limit = query.limit()?;
    let mut place = control.place_after(query.after.as_deref())?;
    let only = query.api_id.as_deref().map(ApiId::new).transpose();
    let only = only.map_err(|error| invalid(&format!("api_id: {error}")))?;
    let mut rows = Vec::new();
    let mut last = None;
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
        last = found.into_iter().next_back().map(|(key, _)| key).or(last);
        if rows.len() >= limit {
            break;
        }
    }
    let next = last.filter(|_| rows.len() >= limit).map(|key| cursor(&key));
    Ok(HttpResponse::Ok().json(Listing {
        notifications: rows,
        next,
    }))
}

pub(super) async fn redeliver(
    control: web::Data<Control>,
    id: web::Path<String>,
) -> Result<HttpResponse, ControlFailure> {
    let not_found = ControlFailure::NotFound(NOTIFICATION_ABSENT);
    let Some(id) = parse_webhook_id(&id) else {
        return Err(not_found);
    };
    let Some(key) = control.cluster.view().find_notification(&id) else {
        return Err(not_found);
    };
    if control.cluster.view().api(&key.api).is_none() {
        return Err(ControlFailure::Conflict(format!(
            "the API {} of this notification is deleted, so there is nowhere to send it",
            key.api
        )));
    }
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
    /// Where a page goes on: behind a place in a queue, whether or not its message is still there, or behind a message that is.
    fn place_after(&self, after: Option<&str>) -> Result<Option<NotificationKey>, ControlFailure> {
        let Some(after) = after else { return Ok(None) };
        if let Some(place) = parse_cursor(after) {
            return Ok(Some(place));
        }
        let id = parse_webhook_id(after).ok_or(invalid(
            "after is neither the next of a page nor the id of a notification",
        ))?;
        let key = self.cluster.view().find_notification(&id);
        key.map(Some).ok_or(invalid(
            "after is no notification that is still kept, page on by next",
        ))
    }
}

/// What `next` says: API and sequence, which stay a place when the message that stood there is delivered.
fn cursor(key: &NotificationKey) -> String {
    let place = format!("{}.{}", key.sequence, key.api);
    format!("{CURSOR_PREFIX}{}", URL_SAFE_NO_PAD.encode(place))
}

fn parse_cursor(text: &str) -> Option<NotificationKey> {
    let place = URL_SAFE_NO_PAD
        .decode(text.strip_prefix(CURSOR_PREFIX)?)
        .ok()?;
    let (sequence, api) = std::str::from_utf8(&place).ok()?.split_once('.')?;
    Some(NotificationKey {
        api: ApiId::new(api).ok()?,
        sequence: sequence.parse().ok()?,
    })
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
