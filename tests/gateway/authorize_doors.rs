//! The Dashboard's doors to authorize-client, on the control listener.

use crate::harness::Node;
use crate::world::{OAuthApi, REDIRECT, STYLES, World, text};

#[test]
fn the_dashboards_doors_name_the_api_in_their_path() {
    // A node of its own: wrong control secrets count against everybody at this address.
    let world = World::of(Node::start());
    for style in STYLES {
        let (api, other) = (OAuthApi::new(&world, style), OAuthApi::new(&world, style));
        let secret = world.node.secret();
        let form = [
            ("response_type", "code"),
            ("client_id", api.client.id.as_str()),
            ("redirect_uri", REDIRECT),
        ];
        let client = world.node.client();
        let door = |id: &str, at: &str| world.node.control_url(&format!("/api/apis/{at}{id}"));
        for at in ["", "oauth/"] {
            for slash in ["", "/"] {
                let url = door(&format!("{}/authorize-client{slash}", api.id), at);
                for name in ["authorization", "x-tyk-authorization"] {
                    let headers = [(name, secret.as_str())];
                    let answer = client.post_form(&url, &headers, &form).expect_status(200);
                    assert_eq!(answer.header("content-type"), "application/json");
                    let code = text(&answer.json(), "code");
                    api.exchange(&code, &[]).expect_status(200);
                }
            }
            let url = door(&format!("{}/authorize-client", api.id), at);
            let headers = [("authorization", secret.as_str())];
            client.get(&url, &headers).expect_status(405);
            client.post_form(&url, &[], &form).expect_status(401);
            let wrong = [("authorization", "wrong")];
            client.post_form(&url, &wrong, &form).expect_status(401);
            // The path decides, and a client of another API is unknown there.
            let headers = [("authorization", secret.as_str())];
            let url = door(&format!("{}/authorize-client", other.id), at);
            let mut named = form.to_vec();
            named.push(("api_id", &api.id));
            let answer = client.post_form(&url, &headers, &named);
            other.assert_error(&answer, (400, "invalid_client"), (403, "server_error"));
            let url = door("no-such-api/authorize-client", at);
            client.post_form(&url, &headers, &form).expect_status(400);
        }
    }
}
