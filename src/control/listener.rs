//! The control listener itself: routes, the check of the secret, bounds, start and end.

use std::future::{Future as _, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServerHandle, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use actix_web::middleware::{Next, NormalizePath, from_fn};
use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer, ResponseError, web};
use raftgate_model::admin_token::Errand;
use tokio::task::JoinHandle;

use super::shape::{self, Written};
use super::{
    Audience, Control, ControlFailure, Door, Entrance, HeadLimit, Visit, admin_tokens, apis, keys,
    notifications, oas, oauth_routes, policies, reload, snapshot, spelling,
};
use crate::drain::whole_seconds;
use crate::listen_error::{ListenError, Listener};
use crate::telemetry::answers::{ANSWER_TARGET, Account, AnswerNote, ControlAnswer};
use crate::telemetry::metrics;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Where and how the control listener listens.
pub struct ControlListenerSettings {
    /// Where to bind; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// TLS; plain HTTP without.
    pub tls: Option<rustls::ServerConfig>,
    /// The longest head.
    pub head: HeadLimit,
    /// The largest body, in bytes.
    pub body_bytes_max: usize,
    /// How long requests in flight may take after a drain began.
    pub drain: Duration,
}

/// Why the control listener cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ControlStartError {
    /// The address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The worker cannot be started.
    #[error("the worker of the control listener cannot be started: {error}")]
    Worker {
        /// What the system says.
        error: io::Error,
    },
}

/// A running control listener.
pub struct ControlListener {
    address: SocketAddr,
    handle: ServerHandle,
    server: JoinHandle<io::Result<()>>,
    entrance: Arc<Entrance>,
}

impl ControlListener {
    /// Starts the listener with one worker, which accepts when this returns; must be called inside an actix system.
    ///
    /// # Errors
    /// The address cannot be listened on, or the worker cannot be started; the error names it.
    pub async fn start(
        settings: ControlListenerSettings,
        entrance: Arc<Entrance>,
    ) -> Result<Self, ControlStartError> {
        let wanted = settings.listen;
        let failed = |error| Listener::Control.failed(wanted, error);
        let data = web::Data::from(Arc::clone(&entrance));
        let (head, body_bytes_max) = (settings.head, settings.body_bytes_max);
        let server =
            HttpServer::new(move || {
                App::new()
                    .app_data(data.clone())
                    .app_data(head)
                    .app_data(web::PayloadConfig::new(body_bytes_max))
                    .app_data(web::QueryConfig::default().error_handler(|error, _| {
                        ControlFailure::Invalid(error.to_string()).into()
                    }))
                    .configure(routes)
                    .wrap(from_fn(guard))
                    .wrap(NormalizePath::trim())
                    .wrap(from_fn(spelling::look_for_empty_names))
            })
            .workers(1)
            .shutdown_timeout(whole_seconds(settings.drain))
            .disable_signals();
        let server = match settings.tls {
            Some(tls) => server.bind_rustls_0_23(wanted, tls),
            None => server.bind(wanted),
        }
        .map_err(failed)?;
        let address = server.addrs().first().copied().unwrap_or(wanted);
        let mut server = server.run();
        // The worker starts at the first poll, and whoever starts a node may not come to the next one for a while.
        let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut server).poll(cx))).await;
        if let Poll::Ready(Err(error)) = first {
            return Err(ControlStartError::Worker { error });
        }
        tokio::task::spawn_local(Entrance::look_back_forever(Arc::downgrade(&entrance)));
        Ok(Self {
            address,
            handle: server.handle(),
            server: tokio::task::spawn_local(server),
            entrance,
        })
    }

    /// The address that the listener is bound to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets requests in flight finish within the settings' time, and returns.
    pub async fn drain(self) {
        self.handle.stop(true).await;
        if let Ok(Err(error)) = self.server.await {
            tracing::warn!(%error, "the control listener ended with an error");
        }
        self.entrance.look_back_at_all();
    }
}

fn routes(app: &mut web::ServiceConfig) {
    app.configure(health_routes)
        .service(
            web::resource("/tyk/apis")
                .get(apis::list)
                .post(apis::create)
                .default_service(web::to(wrong_method)),
        )
        .configure(oas::routes)
        .service(
            web::resource("/tyk/apis/{id}")
                .get(apis::get)
                .post(apis::create_named)
                .put(apis::update)
                .delete(apis::delete)
                .default_service(web::to(wrong_method)),
        )
        .service(
            web::resource("/tyk/policies")
                .get(policies::list)
                .post(policies::create)
                .default_service(web::to(wrong_method)),
        )
        .service(
            web::resource("/tyk/policies/{id}")
                .get(policies::get)
                .put(policies::update)
                .delete(policies::delete)
                .default_service(web::to(wrong_method)),
        )
        .configure(oauth_routes::routes)
        .configure(keys::routes)
        .configure(admin_tokens::routes)
        .service(
            web::resource(["/tyk/reload", "/tyk/reload/group"])
                .get(reload::here)
                .default_service(web::to(wrong_method)),
        )
        .service(
            web::resource("/raftgate/v1/notifications")
                .get(notifications::list)
                .default_service(web::to(wrong_method)),
        )
        .service(
            web::resource("/raftgate/v1/notifications/{id}/redeliver")
                .post(notifications::redeliver)
                .default_service(web::to(wrong_method)),
        )
        .service(
            web::resource("/raftgate/v1/snapshot")
                .get(snapshot::save)
                .default_service(web::to(wrong_method)),
        )
        .default_service(web::to(not_found));
}

fn health_routes(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/hello")
            .get(hello)
            .route(web::head().to(hello))
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/ready")
            .get(ready)
            .route(web::head().to(ready))
            .default_service(web::to(wrong_method)),
    )
    .service(
        web::resource("/metrics")
            .get(show_metrics)
            .default_service(web::to(wrong_method)),
    );
}

/// Gives every answer an id, and lets only those in who hold the secret or ask for what is open.
async fn guard(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(entrance) = request.app_data::<web::Data<Entrance>>().cloned() else {
        return Err(ControlFailure::Internal.into());
    };
    let id = entrance.request_id();
    let door = Door::of(request.path());
    let head = request
        .app_data::<HeadLimit>()
        .map_or(Ok(()), |limit| limit.check(&request));
    let admitted = match (head, entrance.control()) {
        (Err(failure), _) => Err(failure.answer(door)),
        (Ok(()), None) => Err(entrance.while_starting(&request, door)),
        (Ok(()), Some(control)) => admit(control, &request)
            .and_then(|()| spelling::check(&request))
            .map(|()| Entrance::lead_in(control, &mut request))
            .map_err(|failure| failure.answer(door)),
    };
    let mut response = match admitted {
        Ok(()) => {
            let response = next.call(request).await?;
            match unreadable_body(&response) {
                None => response.map_into_left_body(),
                Some(failure) => response
                    .into_response(failure.answer(door))
                    .map_into_right_body(),
            }
        }
        Err(answer) => request.into_response(answer).map_into_right_body(),
    };
    log(&entrance, &id, &response);
    // What is shown here may be a secret, and no cache between here and there is to keep it.
    let headers = response.headers_mut();
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    Ok(response)
}

/// Logs a request that was refused or wrote something; one that only read is seen at level debug.
fn log<B>(entrance: &Entrance, id: &str, response: &ServiceResponse<B>) {
    let request = response.request();
    let status = response.status();
    let resource = request.match_pattern();
    let resource = resource.as_deref();
    let extensions = response.response().extensions();
    let written = extensions.get::<Written>();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let note = match (extensions.get::<AnswerNote>(), written) {
        (Some(note), _) => *note,
        (None, Some(written)) => AnswerNote::of_caller(written.action),
        (None, None) if status.is_client_error() => AnswerNote::of_caller("refused"),
        (None, None) if status.is_server_error() => AnswerNote {
            what: "internal",
            account: Account::Program,
        },
        (None, None) if !is_read => AnswerNote::of_caller("done"),
        (None, None) => {
            let status = status.as_u16();
            tracing::debug!(target: ANSWER_TARGET, request_id = id, resource, status, "control request");
            return;
        }
    };
    let key = written.map(|written| written.key.as_str());
    let is_api = resource.is_some_and(|resource| resource.starts_with("/tyk/apis"));
    let of_api = written.and_then(|_| request.match_info().get("api"));
    let answer = ControlAnswer {
        request_id: id,
        method: request.method().as_str(),
        resource,
        api: if is_api { key } else { of_api },
        key: if is_api { None } else { key },
        status: status.as_u16(),
        note,
    };
    answer.log(entrance.lines(), tokio::time::Instant::now());
}

/// Why the body of a request could not be taken, if that is what a handler was kept from running by.
fn unreadable_body<B>(response: &ServiceResponse<B>) -> Option<ControlFailure> {
    let error = response.response().error()?;
    Some(match error.as_error::<PayloadError>()? {
        PayloadError::Overflow => ControlFailure::BodyTooLarge,
        _ => shape::malformed("the body cannot be read"),
    })
}

fn admit(control: &Control, request: &ServiceRequest) -> Result<(), ControlFailure> {
    let peer = request.peer_addr().map(|peer| peer.ip());
    let is_open = match request.path() {
        "/hello" | "/ready" => true,
        "/metrics" => peer.is_some_and(|ip| ip.is_loopback()),
        _ => false,
    };
    if is_open {
        return Ok(());
    }
    let address = peer.unwrap_or(std::net::IpAddr::from([0, 0, 0, 0]));
    let headers: http::HeaderMap = request
        .headers()
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let visit = Visit {
        listener: Listener::Control,
        peer: address,
        client: address,
        now: control.cluster.now(),
    };
    Ok(control.access.check(&headers, errand(request), visit)?)
}

/// What a request is for, as far as roles tell it apart.
fn errand(request: &ServiceRequest) -> Errand {
    match *request.method() {
        Method::GET | Method::HEAD => Errand::Read,
        Method::POST if is_approval(request.path()) => Errand::Approve,
        _ => Errand::Change,
    }
}

/// Whether a path is one of the doors of authorize-client; elsewhere the word is a name that a caller chose.
fn is_approval(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<&str> = path.split('/').collect();
    match segments.as_slice() {
        ["", "tyk", "oauth", "authorize-client"]
        | ["", "api", "apis", "oauth", _, "authorize-client"] => true,
        ["", "api", "apis", api, "authorize-client"] => *api != "oauth",
        _ => false,
    }
}

async fn hello(control: web::Data<Control>) -> HttpResponse {
    shape::plain(control.health.hello(Audience::Operators))
}

async fn ready(control: web::Data<Control>) -> HttpResponse {
    shape::plain(control.health.ready(Audience::Operators))
}

async fn show_metrics(control: web::Data<Control>) -> Result<HttpResponse, ControlFailure> {
    let text = control
        .metrics
        .encode()
        .map_err(|_| ControlFailure::Internal)?;
    Ok(HttpResponse::Ok()
        .content_type(metrics::CONTENT_TYPE)
        .body(text))
}

async fn not_found(request: HttpRequest) -> HttpResponse {
    ControlFailure::NotFound("Not Found").answer(Door::of(request.path()))
}

pub(super) async fn wrong_method(request: HttpRequest) -> HttpResponse {
    ControlFailure::MethodNotAllowed.answer(Door::of(request.path()))
}

impl ResponseError for ControlFailure {
    fn error_response(&self) -> HttpResponse {
        // Only the guard refuses callers, and it knows the door itself; so do the Dashboard's handlers.
        self.answer(Door::Gateway)
    }
}
