//! WebSocket through the real binary: the credential is checked at the handshake, and then bytes flow.

use std::net::TcpListener;

use serde_json::json;

use crate::harness::{merge, oauth_api, policy};
use crate::wire::Wire;
use crate::world::{STYLES, World, unique};

/// What an upstream says to the handshake.
pub(crate) const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// The handshake of a client, with these fields more.
pub(crate) fn handshake(path: &str, fields: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}\r\n"
    )
}

#[test]
fn a_handshake_needs_a_token_and_then_frames_flow_case_99() {
    let world = World::shared();
    for style in STYLES {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let id = unique("websocket");
        let target = format!("ws://{}/chat", listener.local_addr().unwrap());
        let mut definition = oauth_api(&id, &format!("/{id}/"), &target);
        let fields = json!({"strip_auth_data": true, "raftgate": {"error_style": style.name()}});
        merge(&mut definition, fields);
        world.node.create_api(&definition);
        world.node.create_policy(&policy(&id, &[&id]));
        let client =
            json!({"api_id": id, "policy_id": id, "redirect_uri": "http://client.example/back"});
        let credentials = world.node.create_client(&client);
        let path = format!("/{id}/room");
        let mut client = Wire::connect(world.node.gateway());
        for (credential, rfc, tyk) in [
            ("", 401, 400),
            ("Authorization: Bearer nonsense\r\n", 401, 403),
        ] {
            let (head, _) = client.send(handshake(&path, credential)).answer();
            let expected = if style.name() == "rfc" { rfc } else { tyk };
            assert_eq!(head.status, expected, "{credential} {}", style.name());
        }
        let bearer = format!(
            "Authorization: Bearer {}\r\n",
            world.node.access_token(&id, &credentials)
        );
        client.send(handshake(&path, &bearer));
        let mut upstream = Wire::accept(&listener);
        let asked = upstream.take_through(b"\r\n\r\n");
        let asked = String::from_utf8(asked).unwrap();
        assert!(asked.starts_with("GET /chat/room HTTP/1.1\r\n"), "{asked}");
        assert!(
            asked.contains("Upgrade: websocket\r\n") && !asked.contains("Bearer"),
            "{asked}"
        );
        upstream.send(AGREED);
        let head = client.head();
        assert_eq!(
            (
                head.status,
                head.header("upgrade"),
                head.header("connection")
            ),
            (101, "websocket", "Upgrade")
        );
        client.send(b"\x81\x85\x00\x00\x00\x00hello");
        assert_eq!(upstream.take(11), b"\x81\x85\x00\x00\x00\x00hello");
        upstream.send(b"\x81\x05hello");
        assert_eq!(client.take(7), b"\x81\x05hello");
        client.finish();
        assert!(upstream.is_closed());
        upstream.finish();
        assert!(client.is_closed());
    }
}
