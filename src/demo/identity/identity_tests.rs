//! The pages over HTTP, in front of a control listener that the test plays.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking where it went wrong"
)]

use actix_web::HttpRequest;
use serde_json::json;

use super::*;
use crate::clock::SystemEntropy;
use crate::demo::exchange::{Answer, Exchange, query_parameter};
use crate::demo::request::Request;
use crate::demo::sample_server::SampleServer;

const CONTROL_SECRET: &str = "control secret";
const REDIRECT: &str = "http://client.test/cb?app=1";

/// A control listener with one client; it approves unless the scope is `refuse`.
fn control_routes(app: &mut web::ServiceConfig) {
    app.route("/tyk/oauth/clients/demo/{id}", web::get().to(client))
        .route("/tyk/oauth/authorize-client", web::post().to(approve));
}

fn is_let_in(request: &HttpRequest) -> bool {
    let sent = request.headers().get("x-tyk-authorization");
    sent.is_some_and(|sent| sent == CONTROL_SECRET)
}

async fn client(request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    match id.as_str() {
        _ if !is_let_in(&request) => HttpResponse::Forbidden().finish(),
        "app/1" => HttpResponse::Ok().json(json!({
            "client_id": "app/1", "redirect_uri": format!("{REDIRECT};http://client.test/b"),
            "description": "The <b>App</b>"
        })),
        "broken" => HttpResponse::Ok().body("not JSON"),
        _ => HttpResponse::NotFound().json(json!({"status": "error", "message": "unknown"})),
    }
}

async fn approve(request: HttpRequest, form: web::Form<Vec<(String, String)>>) -> HttpResponse {
    let field = |wanted: &str| {
        form.iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, v)| v.as_str())
    };
    if !is_let_in(&request) || field("api_id") != Some("demo") {
        return HttpResponse::Forbidden().finish();
    }
    if field("scope") == Some("refuse") {
        let refusal = json!({"error": "invalid_scope", "error_description": "no <such> scope"});
        return HttpResponse::BadRequest().json(refusal);
    }
    let state = field("state").unwrap_or_default();
    let redirect_to = format!("{REDIRECT}&code=c0de&state={state}");
    HttpResponse::Ok().json(json!({"code": "c0de", "redirect_to": redirect_to}))
}

struct Setup {
    control: SampleServer,
    identity: SampleServer,
    exchange: Exchange,
}

impl Setup {
    fn start() -> Self {
        let control = SampleServer::start(control_routes).unwrap();
        let door = ControlDoor {
            address: control.address(),
            secret: Secret::from(CONTROL_SECRET),
            api_id: "demo",
        };
        let person = Person {
            name: "alice",
            password: Secret::from("wonderland"),
        };
        let server = IdentityServer::new(door, person, Arc::new(SystemEntropy));
        let identity = SampleServer::start(routes(web::Data::new(server))).unwrap();
        Self {
            control,
            identity,
            exchange: Exchange::new(),
        }
    }

    async fn open(&self, query: &str) -> Answer {
        let url = format!("{}?{query}", login_url(self.identity.address()));
        self.exchange.send(&Request::get(url)).await.unwrap()
    }

    async fn post(&self, path: &str, form: &[(&'static str, &str)]) -> Answer {
        let url = format!("http://{}{path}", self.identity.address());
        self.exchange
            .send(&Request::post_form(url, form))
            .await
            .unwrap()
    }

    async fn sign_in(&self, ticket: &str, name: &str, password: &str) -> Answer {
        let form = [("ticket", ticket), ("name", name), ("password", password)];
        self.post(LOGIN_PATH, &form).await
    }

    /// The ticket of a consent form that Alice sees.
    async fn consent_ticket(&self, query: &str) -> String {
        let login = self.open(query).await.hidden_field("ticket").unwrap();
        let page = self.sign_in(&login, "alice", "wonderland").await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        page.hidden_field("ticket").unwrap()
    }

    async fn decide(&self, query: &str, decision: &str) -> Answer {
        let ticket = self.consent_ticket(query).await;
        let form = [("ticket", ticket.as_str()), ("decision", decision)];
        self.post(CONSENT_PATH, &form).await
    }

    async fn stop(self) {
        self.identity.stop().await;
        self.control.stop().await;
    }
}

const QUERY: &str = "response_type=code&client_id=app%2F1&state=s%20%26t";

#[actix_web::test]
async fn approval_goes_through_the_gateway_and_on_to_the_client() {
    let setup = Setup::start();
    let page = setup.open(QUERY).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.body.contains("The &lt;b&gt;App&lt;/b&gt;"),
        "{}",
        page.body
    );
    assert!(!page.body.contains(CONTROL_SECRET));
    let answer = setup.decide(QUERY, "approve").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let location = answer.location().unwrap();
    assert_eq!(query_parameter(&location, "code").as_deref(), Some("c0de"));
    setup.stop().await;
}

#[actix_web::test]
async fn a_consent_form_decides_once() {
    let setup = Setup::start();
    for decision in ["approve", "deny"] {
        let ticket = setup.consent_ticket(QUERY).await;
        let statuses = [
            ("perhaps", StatusCode::BAD_REQUEST),
            (decision, StatusCode::SEE_OTHER),
            ("approve", StatusCode::BAD_REQUEST),
            ("deny", StatusCode::BAD_REQUEST),
        ];
        for (decision, status) in statuses {
            let form = [("ticket", ticket.as_str()), ("decision", decision)];
            let answer = setup.post(CONSENT_PATH, &form).await;
            assert_eq!(answer.status, status, "{decision}: {}", answer.body);
        }
    }
    setup.stop().await;
}

#[actix_web::test]
async fn denial_goes_to_the_client_with_the_error_and_the_state() {
    let setup = Setup::start();
    let answer = setup.decide(QUERY, "deny").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let location = answer.location().unwrap();
    assert!(
        location
            .as_str()
            .starts_with("http://client.test/cb?app=1&"),
        "{location}"
    );
    assert_eq!(
        query_parameter(&location, "error").as_deref(),
        Some("access_denied")
    );
    assert_eq!(query_parameter(&location, "state").as_deref(), Some("s &t"));
    let second = format!("{QUERY}&redirect_uri=http://client.test/b");
    let location = setup.decide(&second, "deny").await.location().unwrap();
    assert_eq!(location.path(), "/b");
    let stateless = setup
        .decide("client_id=app%2F1", "deny")
        .await
        .location()
        .unwrap();
    assert_eq!(query_parameter(&stateless, "state"), None);
    setup.stop().await;
}

#[actix_web::test]
async fn nobody_is_sent_anywhere_that_was_not_registered() {
    let setup = Setup::start();
    for (query, words) in [
        ("client_id=stranger", "not registered"),
        ("state=s", "client_id is missing"),
        (
            "client_id=app%2F1&redirect_uri=http://evil.test/",
            "not one that the application registered",
        ),
        ("client_id=app%2F1&client_id=app%2F1", "more than once"),
    ] {
        let page = setup.open(query).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(page.body.contains(words), "{query}: {}", page.body);
        assert!(page.header("location").is_none() && page.hidden_field("ticket").is_none());
    }
    assert_eq!(
        setup.open("client_id=broken").await.status,
        StatusCode::BAD_GATEWAY
    );
    setup.stop().await;
}

#[actix_web::test]
async fn a_wrong_password_shows_the_form_again_and_consents_to_nothing() {
    let setup = Setup::start();
    let ticket = setup.open(QUERY).await.hidden_field("ticket").unwrap();
    for (name, password) in [("alice", "guess"), ("bob", "wonderland"), ("", "")] {
        let page = setup.sign_in(&ticket, name, password).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED);
        assert_eq!(
            page.hidden_field("ticket").as_deref(),
            Some(ticket.as_str())
        );
    }
    let form = [("ticket", ticket.as_str()), ("decision", "approve")];
    let skipped = setup.post(CONSENT_PATH, &form).await;
    assert_eq!(skipped.status, StatusCode::BAD_REQUEST);
    setup.stop().await;
}

#[actix_web::test]
async fn forged_forms_are_turned_away() {
    let setup = Setup::start();
    let forged = setup
        .sign_in("0123456789abcdef", "alice", "wonderland")
        .await;
    assert_eq!(forged.status, StatusCode::BAD_REQUEST);
    let unknown = setup.decide(QUERY, "perhaps").await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        setup
            .post(CONSENT_PATH, &[("decision", "approve")])
            .await
            .status,
        StatusCode::BAD_REQUEST
    );
    setup.stop().await;
}

#[actix_web::test]
async fn what_the_gateway_refuses_is_told_escaped() {
    let setup = Setup::start();
    let answer = setup
        .decide(&format!("{QUERY}&scope=refuse"), "approve")
        .await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(
        answer.body.contains("(400): no &lt;such&gt; scope"),
        "{}",
        answer.body
    );
    let Setup {
        control,
        identity,
        exchange,
    } = setup;
    control.stop().await;
    let url = format!("{}?{QUERY}", login_url(identity.address()));
    let page = exchange.send(&Request::get(url)).await.unwrap();
    assert!(page.body.contains("does not answer"), "{}", page.body);
    identity.stop().await;
}
