//! What comes behind the body of an upstream's answer: nothing that ended at the gateway in its head.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::harness::Style;
use crate::rules::{definition, single_version};
use crate::wire::Wire;
use crate::world::{World, unique};

/// What of these trailers of an answer a client is sent by an API with these fields.
fn trailers_seen(fields: Value, trailers: &str) -> String {
    let world = World::shared();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let id = unique("behind");
    let mut api = definition(&world, &id, Style::Rfc, fields);
    let target = format!("http://{}/", listener.local_addr().unwrap());
    api["proxy"]["target_url"] = json!(target);
    world.node.create_api(&api);
    let mut client = Wire::connect(world.node.gateway());
    client.send(format!(
        "GET /{id}/x HTTP/1.1\r\nHost: g\r\nOrigin: https://app.example\r\nTE: trailers\r\n\r\n"
    ));
    let mut upstream = Wire::accept(&listener);
    upstream.take_through(b"\r\n\r\n");
    upstream.send(format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n{trailers}\r\n"
    ));
    assert_eq!(client.head().status, 200);
    assert_eq!(client.chunk().as_deref(), Some(&b"hi"[..]));
    let end = client.take_through(b"\r\n\r\n");
    String::from_utf8(end).unwrap().to_ascii_lowercase()
}

#[test]
fn what_a_transform_takes_from_the_head_does_not_follow_the_body() {
    let fields = || single_version(json!({"global_response_headers_remove": ["X-Internal"]}));
    let trailers = "X-Internal: 1\r\nx_internal: 2\r\nX-Kept: 3\r\n";
    assert_eq!(trailers_seen(fields(), trailers), "0\r\nx-kept: 3\r\n\r\n");
    // Where nothing is taken, all of them travel.
    assert_eq!(
        trailers_seen(json!({}), "X-Internal: 1\r\nX-Kept: 3\r\n"),
        "0\r\nx-internal: 1\r\nx-kept: 3\r\n\r\n"
    );
}

#[test]
fn fields_of_cors_that_are_the_gateways_do_not_follow_the_body() {
    let cors = json!({"CORS": {"enable": true, "allowed_origins": ["https://app.example"]}});
    let trailers =
        "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\nX-Kept: 3\r\n";
    assert_eq!(trailers_seen(cors, trailers), "0\r\nx-kept: 3\r\n\r\n");
}
