//! The pages that the person sees: login, consent, and why it goes no further.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::gateway::RegisteredClient;
use super::{CONSENT_PATH, LOGIN_PATH};
use crate::demo::html::{escape, page};

/// The login form, with what went wrong the last time.
pub(super) fn login(
    status: StatusCode,
    client: &RegisteredClient,
    ticket: &str,
    wrong: Option<&str>,
) -> HttpResponse {
    let alert = wrong.map_or_else(String::new, |wrong| {
        format!("<p class=\"alert\" role=\"alert\">{}</p>\n", escape(wrong))
    });
    let content = format!(
        "{alert}<p>to go on to <strong>{}</strong></p>\n\
         <form method=\"post\" action=\"{LOGIN_PATH}\">\n\
         <input type=\"hidden\" name=\"ticket\" value=\"{}\">\n\
         <label for=\"name\">Name</label>\n\
         <input id=\"name\" name=\"name\" autocomplete=\"username\" required autofocus>\n\
         <label for=\"password\">Password</label>\n\
         <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" required>\n\
         <div class=\"row\"><button>Sign in</button></div>\n</form>\n\
         <p class=\"note\">The terminal of the demo shows a name and a password.</p>",
        escape(&client.name),
        escape(ticket),
    );
    page(status, "Sign in", &content)
}

/// The consent form.
pub(super) fn consent(
    person: &str,
    client: &RegisteredClient,
    scope: Option<&str>,
    ticket: &str,
) -> HttpResponse {
    let wants = match scope {
        Some(scope) => format!(
            "wants to use the API in your name, with: <strong>{}</strong>",
            escape(scope)
        ),
        None => "wants to use the API in your name.".to_owned(),
    };
    let content = format!(
        "<p>You are signed in as <strong>{}</strong>.</p>\n<p><strong>{}</strong> {wants}</p>\n\
         <form method=\"post\" action=\"{CONSENT_PATH}\">\n\
         <input type=\"hidden\" name=\"ticket\" value=\"{}\">\n\
         <div class=\"row\"><button name=\"decision\" value=\"approve\">Approve</button>\n\
         <button class=\"quiet\" name=\"decision\" value=\"deny\">Deny</button></div>\n</form>",
        escape(person),
        escape(&client.name),
        escape(ticket),
    );
    page(StatusCode::OK, "Do you agree?", &content)
}

/// Why it goes no further.
pub(super) fn turned_away(status: StatusCode, reason: &str) -> HttpResponse {
    let content = format!("<p class=\"alert\" role=\"alert\">{}</p>", escape(reason));
    page(status, "This does not work", &content)
}
