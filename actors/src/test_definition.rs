//! A definition for tests that a cluster of one view stores.

/// The definition of an active OAuth API whose messages go to a URL, if it has one.
pub(crate) fn definition(id: &str, receiver: Option<&str>) -> String {
    let notifications = receiver.map_or_else(String::new, |url| {
        format!(r#","notifications":{{"shared_secret":"secret of {id}","oauth_on_keychange_url":"{url}"}}"#)
    });
    format!(
        r#"{{"api_id":"{id}","name":"{id}","active":true,"use_oauth2":true,
        "oauth_meta":{{"allowed_access_types":["authorization_code","refresh_token"],"allowed_authorize_types":["code"],
        "auth_login_redirect":"http://idp.example/login"}},
        "proxy":{{"listen_path":"/{id}/","target_url":"http://127.0.0.1:1","strip_listen_path":true}}{notifications}}}"#
    )
}
