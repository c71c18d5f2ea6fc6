//! The sample identity server: signs a person in, asks for consent, and tells the gateway or the client what was decided.
//!
//! It is what the API's `auth_login_redirect` points to. Approval is `authorize-client` on the control listener, with the
//! control secret that only this server holds; denial goes back to the client as RFC 6749 section 4.1.2.1 says.

mod gateway;
mod pages;
mod request;
mod tickets;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use raftgate_model::clock::Entropy;
use raftgate_model::secret::Secret;
use serde::Deserialize;
use url::Url;

pub(super) use self::gateway::ControlDoor;
use self::gateway::RegisteredClient;
use self::request::LoginRequest;
use self::tickets::{Stage, Tickets};

/// The path of the login page.
pub(super) const LOGIN_PATH: &str = "/login";
/// The path that the consent form is sent to.
pub(super) const CONSENT_PATH: &str = "/consent";

/// What the identity server works with.
pub(super) struct IdentityServer {
    /// The control listener and the secret for it.
    pub(super) control: ControlDoor,
    /// The one person who can sign in.
    pub(super) person: Person,
    /// Makes tickets.
    pub(super) entropy: Arc<dyn Entropy>,
    tickets: Mutex<Tickets>,
}

/// A person and the password.
pub(super) struct Person {
    /// The name to sign in with.
    pub(super) name: &'static str,
    /// The password.
    pub(super) password: Secret,
}

/// A refusal that the person reads; the client is not told, for it cannot be trusted or reached.
struct Turned {
    status: StatusCode,
    reason: String,
}

impl Turned {
    fn away(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
        }
    }

    fn no_longer_valid() -> Self {
        let reason = "This form is no longer valid. Begin again at the application.";
        Self::away(StatusCode::BAD_REQUEST, reason)
    }

    fn page(&self) -> HttpResponse {
        pages::turned_away(self.status, &self.reason)
    }
}

#[derive(Deserialize)]
struct LoginForm {
    ticket: String,
    name: String,
    password: Secret,
}

#[derive(Deserialize)]
struct ConsentForm {
    ticket: String,
    decision: String,
}

impl IdentityServer {
    /// A server for one person and the OAuth clients of one API.
    pub(super) fn new(control: ControlDoor, person: Person, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            control,
            person,
            entropy,
            tickets: Mutex::default(),
        }
    }

    /// Keeps a request and gives out the ticket that stands for it in the next form.
    fn issue(&self, request: LoginRequest, stage: Stage) -> String {
        let ticket = format!("{:032x}", u128::from_be_bytes(self.entropy.bytes16()));
        self.tickets().issue(ticket.clone(), request, stage);
        ticket
    }

    fn find(&self, ticket: &str, stage: Stage) -> Result<LoginRequest, Turned> {
        let found = self.tickets().find(ticket, stage);
        found.ok_or_else(Turned::no_longer_valid)
    }

    fn tickets(&self) -> std::sync::MutexGuard<'_, Tickets> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knows(&self, form: &LoginForm) -> bool {
        // Both are compared whatever the first says, so that the time tells nothing.
        let name = Secret::from(self.person.name).ct_eq(&form.name);
        let password = self.person.password.ct_eq(form.password.expose());
        name & password
    }
}

/// The pages of the identity server.
pub(super) fn routes(
    server: web::Data<IdentityServer>,
) -> impl Fn(&mut web::ServiceConfig) + Clone + Send {
    move |app| {
        app.app_data(server.clone())
            .service(web::resource(LOGIN_PATH).get(show_login).post(sign_in))
            .route(CONSENT_PATH, web::post().to(decide));
    }
}

async fn show_login(server: web::Data<IdentityServer>, request: HttpRequest) -> HttpResponse {
    match begin(&server, request.query_string()).await {
        Ok((ticket, client)) => pages::login(StatusCode::OK, &client, &ticket, None),
        Err(turned) => turned.page(),
    }
}

/// Believes nothing of the browser: the client must be registered, and the redirect URI must be one of its own.
async fn begin(server: &IdentityServer, query: &str) -> Result<(String, RegisteredClient), Turned> {
    let bad = |reason: String| Turned::away(StatusCode::BAD_REQUEST, reason);
    let request = LoginRequest::read(query).map_err(|fault| bad(fault.to_string()))?;
    let client = server.client_of(&request).await?;
    let request = request
        .bound_to(&client.redirect_uris)
        .map_err(|fault| bad(fault.to_string()))?;
    Ok((server.issue(request, Stage::Login), client))
}

async fn sign_in(
    server: web::Data<IdentityServer>,
    form: web::Form<LoginForm>,
) -> Result<HttpResponse, actix_web::Error> {
    Ok(match signed_in(&server, &form).await {
        Ok(page) => page,
        Err(turned) => turned.page(),
    })
}

async fn signed_in(server: &IdentityServer, form: &LoginForm) -> Result<HttpResponse, Turned> {
    let request = server.find(&form.ticket, Stage::Login)?;
    let client = server.client_of(&request).await?;
    if !server.knows(form) {
        let wrong = Some("The name or the password is wrong.");
        return Ok(pages::login(
            StatusCode::UNAUTHORIZED,
            &client,
            &form.ticket,
            wrong,
        ));
    }
    let scope = request.scope().map(str::to_owned);
    // A new ticket: who only saw the login form cannot consent with what it held.
    let ticket = server.issue(request, Stage::Consent);
    Ok(pages::consent(
        server.person.name,
        &client,
        scope.as_deref(),
        &ticket,
    ))
}

async fn decide(server: web::Data<IdentityServer>, form: web::Form<ConsentForm>) -> HttpResponse {
    match decided(&server, &form).await {
        Ok(location) => redirect(&location),
        Err(turned) => turned.page(),
    }
}

async fn decided(server: &IdentityServer, form: &ConsentForm) -> Result<Secret, Turned> {
    let taken = server.tickets().take(&form.ticket, Stage::Consent);
    let request = taken.ok_or_else(Turned::no_longer_valid)?;
    let decided = match form.decision.as_str() {
        "approve" => server
            .control
            .approve(&request)
            .await
            .map_err(|failure| Turned::away(StatusCode::BAD_GATEWAY, failure.to_string())),
        "deny" => denial(&request),
        _ => {
            let reason = "The decision must be approve or deny.";
            Err(Turned::away(StatusCode::BAD_REQUEST, reason))
        }
    };
    if decided.is_err() {
        // Nothing came of it: the form may be sent again.
        let mut tickets = server.tickets();
        tickets.issue(form.ticket.clone(), request, Stage::Consent);
    }
    decided
}

/// Where a denial sends the browser: the client's redirect URI with the error and the state it sent.
fn denial(request: &LoginRequest) -> Result<Secret, Turned> {
    let unusable = |_| Turned::away(StatusCode::BAD_REQUEST, "The redirect URI is not a URL.");
    let mut location = Url::parse(request.redirect_uri()).map_err(unusable)?;
    location
        .query_pairs_mut()
        .append_pair("error", "access_denied")
        .append_pair(
            "error_description",
            "The resource owner denied the request.",
        )
        .extend_pairs(request.state().map(|state| ("state", state)));
    Ok(Secret::new(location.into()))
}

/// See Other: the browser goes on with GET and leaves the form behind.
fn redirect(location: &Secret) -> HttpResponse {
    let Ok(location) = HeaderValue::try_from(location.expose()) else {
        let reason = "The gateway named a place that a browser cannot go to.";
        return pages::turned_away(StatusCode::BAD_GATEWAY, reason);
    };
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, location))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .finish()
}

impl IdentityServer {
    async fn client_of(&self, request: &LoginRequest) -> Result<RegisteredClient, Turned> {
        match self.control.client(request.client_id()).await {
            Ok(Some(client)) => Ok(client),
            Ok(None) => Err(Turned::away(
                StatusCode::BAD_REQUEST,
                "The application that sent you here is not registered.",
            )),
            Err(failure) => Err(Turned::away(StatusCode::BAD_GATEWAY, failure.to_string())),
        }
    }
}

/// The login page of a server at this address.
pub(super) fn login_url(address: SocketAddr) -> String {
    format!("http://{address}{LOGIN_PATH}")
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
