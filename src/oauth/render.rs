//! What goes out: token answers, approvals and errors, each with the headers that belong to it.

use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, EXPIRES, HeaderName, PRAGMA,
    REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS, X_XSS_PROTECTION,
};
use http::{HeaderValue, StatusCode};
use raftgate_actors::snapshot::{CompiledApi, ErrorStyle};
use raftgate_model::oauth::error::{OAuthEndpoint, OAuthErrorAnswer, OAuthFailure};
use raftgate_model::oauth::redirect::{redirect_to, token_redirect};
use serde::Serialize;

use super::authorize_client::{Approved, Product, Rejection, Told};
use super::token::{MintedTokens, TOKEN_TYPE};
use crate::proxy::EndpointResponse;
use crate::telemetry::answers::{Account, AnswerNote};

/// The headers of every answer of Tyk's token endpoint; `no-store` among them is RFC 6749 section 5.1.
const TOKEN_HEADERS: [(HeaderName, &str); 7] = [
    (CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
    (PRAGMA, "no-cache"),
    (EXPIRES, "0"),
    (
        STRICT_TRANSPORT_SECURITY,
        "max-age=63072000; includeSubDomains",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (X_XSS_PROTECTION, "1; mode=block"),
];

/// The headers of every answer of the authorization endpoint, the one that browsers see: its parameters are no business of
/// what comes next (RFC 9700 section 4.2.4), and no page shows it inside itself (section 4.16).
const BROWSER_HEADERS: [(HeaderName, &str); 4] = [
    (REFERRER_POLICY, "no-referrer"),
    (X_FRAME_OPTIONS, "DENY"),
    (CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// The token answer (RFC 6749 section 5.1), its members in Tyk's order.
#[derive(Serialize)]
struct TokenBody<'a> {
    access_token: &'a str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    token_type: &'static str,
}

/// The answer to an implicit grant (RFC 6749 section 4.2.2), its members in Tyk's order.
#[derive(Serialize)]
struct ImplicitBody<'a> {
    access_token: &'a str,
    expires_in: u64,
    redirect_to: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    token_type: &'static str,
}

#[derive(Serialize)]
struct CodeBody<'a> {
    code: &'a str,
    redirect_to: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
}

pub(super) fn token_answer(
    outcome: Result<MintedTokens, OAuthFailure>,
    api: &CompiledApi,
) -> EndpointResponse {
    let mut response = match outcome {
        Ok(tokens) => json(
            StatusCode::OK,
            &TokenBody {
                access_token: tokens.access.expose(),
                expires_in: tokens.expires_in_s,
                refresh_token: tokens.refresh.as_ref().map(|token| token.expose()),
                scope: tokens.scope.as_ref().map(|scope| scope.as_str()),
                token_type: TOKEN_TYPE,
            },
        ),
        Err(failure) => self::failure(&failure, OAuthEndpoint::Token, api),
    };
    for (name, value) in TOKEN_HEADERS {
        response
            .headers
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

pub(super) fn for_browsers(mut response: EndpointResponse) -> EndpointResponse {
    for (name, value) in BROWSER_HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers.insert(name, value);
    }
    response
}

pub(super) fn authorize_client_answer(
    outcome: Result<Approved, Rejection>,
    api: &CompiledApi,
) -> EndpointResponse {
    let mut response = match outcome {
        Ok(approved) => approval(&approved),
        Err(rejection) => {
            let answer = rejection
                .failure
                .answer(OAuthEndpoint::AuthorizeClient, api.error_style);
            let told = match api.error_style {
                ErrorStyle::Tyk { .. } => rejection.told.as_ref(),
                ErrorStyle::Rfc => None,
            };
            let told =
                told.and_then(|told| error_location(told, &answer, rejection.state.as_deref()));
            let body = answer.body_with(told.as_deref(), rejection.state.as_deref());
            noted(error(&answer, body, api), &rejection.failure)
        }
    };
    response
        .headers
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn approval(approved: &Approved) -> EndpointResponse {
    let redirect_to = approved.redirect_to.expose();
    let state = approved.state.as_deref();
    match &approved.product {
        Product::Code(code) => json(
            StatusCode::OK,
            &CodeBody {
                code: code.expose(),
                redirect_to,
                state,
            },
        ),
        Product::Token(tokens) => json(
            StatusCode::OK,
            &ImplicitBody {
                access_token: tokens.access.expose(),
                expires_in: tokens.expires_in_s,
                redirect_to,
                scope: tokens.scope.as_ref().map(|scope| scope.as_str()),
                state,
                token_type: TOKEN_TYPE,
            },
        ),
    }
}

/// A client's redirect URI with an error in it, as Tyk's authorize-client tells it.
fn error_location(uri: &Told, answer: &OAuthErrorAnswer, state: Option<&str>) -> Option<String> {
    let mut told = vec![
        ("error", answer.code.as_str()),
        ("error_description", &*answer.description),
    ];
    told.extend(
        state
            .filter(|state| !state.is_empty())
            .map(|state| ("state", state)),
    );
    match uri {
        Told::InQuery(uri) => Some(redirect_to(uri, &told)),
        Told::InFragment(uri) => token_redirect(uri, &told).ok(),
    }
}

#[derive(Serialize)]
struct StatusBody {
    status: &'static str,
    message: &'static str,
}

pub(super) fn revoke_answer(
    outcome: Result<(), OAuthFailure>,
    api: &CompiledApi,
    message: &'static str,
) -> EndpointResponse {
    match outcome {
        Ok(()) => json(
            StatusCode::OK,
            &StatusBody {
                status: "ok",
                message,
            },
        ),
        Err(failure) => self::failure(&failure, OAuthEndpoint::Revoke, api),
    }
}

/// An error by the table, in the API's style.
pub(super) fn failure(
    failure: &OAuthFailure,
    endpoint: OAuthEndpoint,
    api: &CompiledApi,
) -> EndpointResponse {
    let answer = failure.answer(endpoint, api.error_style);
    let body = answer.body();
    noted(error(&answer, body, api), failure)
}

/// Says to the log what the caller may only guess.
fn noted(mut response: EndpointResponse, failure: &OAuthFailure) -> EndpointResponse {
    let account = match failure {
        OAuthFailure::Unavailable { .. } | OAuthFailure::OutcomeUnknown { .. } => Account::Operator,
        OAuthFailure::Internal => Account::Program,
        _ => Account::Caller,
    };
    response.note = Some(AnswerNote {
        what: failure.label(),
        account,
    });
    response
}

fn error(answer: &OAuthErrorAnswer, body: String, api: &CompiledApi) -> EndpointResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = EndpointResponse::new(status, body);
    let headers = &mut response.headers;
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = answer.retry_after_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(methods) = answer.allow {
        headers.insert(ALLOW, HeaderValue::from_static(methods));
    }
    if answer.asks_for_client {
        let realm: String = api
            .name
            .chars()
            .filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\'))
            .collect();
        if let Ok(challenge) = HeaderValue::try_from(format!("Basic realm=\"{realm}\"")) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
    }
    response
}

fn json<T: Serialize>(status: StatusCode, body: &T) -> EndpointResponse {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            let mut response = EndpointResponse::new(status, bytes);
            let content_type = HeaderValue::from_static("application/json");
            response.headers.insert(CONTENT_TYPE, content_type);
            response
        }
        Err(_) => noted(
            EndpointResponse::new(StatusCode::INTERNAL_SERVER_ERROR, ""),
            &OAuthFailure::Internal,
        ),
    }
}
