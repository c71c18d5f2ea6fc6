//! The login step: an identity server whose user always agrees, or never does.

use crate::harness::{Client, Node, Received, RecordingServer, Reply};

/// Of whom this server says that they denied the request.
const NOBODY: &str = "nobody";

/// Starts the server: whoever arrives is logged in, and `authorize-client` is told so, as Tyk's documents ask.
pub(crate) fn start(node: &Node) -> RecordingServer {
    let door = node.control_url("/tyk/oauth/authorize-client");
    let secret = node.secret();
    RecordingServer::start(move |request| answer(request, &door, &secret))
}

fn answer(request: &Received, door: &str, secret: &str) -> Reply {
    let query = request
        .target
        .split_once('?')
        .map_or("", |(_, query)| query);
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let value = |name: &str| {
        let pair = pairs.iter().find(|(known, _)| known == name);
        pair.map_or("", |(_, value)| value.as_str())
    };
    if value("login_hint") == NOBODY {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("error", "access_denied"), ("state", value("state"))])
            .finish();
        return Reply::redirect(&format!("{}?{form}", value("redirect_uri")));
    }
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let headers = [("x-tyk-authorization", secret)];
    let answer = Client::new().post_form(door, &headers, &pairs);
    match answer.json().get("redirect_to").and_then(|to| to.as_str()) {
        Some(to) if answer.status == 200 => Reply::redirect(to),
        _ => Reply::status(502, answer.body),
    }
}
