//! What the control listener makes of heads and methods that it cannot take.

use serde_json::{Value, json};

use crate::harness::{Answer, Node};
use crate::wire::Wire;

/// An answer in Tyk's shape, with an id by which the log knows it.
#[track_caller]
fn assert_shaped(answer: &Answer, message: &str) {
    let expected = json!({"status": "error", "message": message});
    assert_eq!(answer.json(), expected);
    assert_eq!(answer.header("x-request-id").len(), 32);
}

#[test]
fn a_head_over_the_limit_is_431_in_the_shape_of_errors() {
    let node = Node::builder()
        .configuration("[limits]\nrequest_head_bytes = 4096\nrequest_headers = 20")
        .start();
    let secret = node.secret();
    let url = node.control_url("/tyk/apis");
    let long = "v".repeat(3000);
    let headers = [("authorization", secret.as_str()), ("x-long", &long)];
    node.client().get(&url, &headers).expect_status(200);
    let long = "v".repeat(5000);
    let headers = [("authorization", secret.as_str()), ("x-long", &long)];
    let refused = node.client().get(&url, &headers).expect_status(431);
    assert_shaped(&refused, "Request Header Fields Too Large");
    let target = format!("{url}?{}", "q".repeat(5000));
    let refused = node.client().get(&target, &[]).expect_status(431);
    assert_shaped(&refused, "Request Header Fields Too Large");
    let many = [("x-many", "1"); 25];
    let refused = node.client().get(&url, &many).expect_status(431);
    assert_shaped(&refused, "Request Header Fields Too Large");

    let node = Node::start();
    let long = "v".repeat(70_000);
    let url = node.control_url("/hello");
    let refused = node
        .client()
        .get(&url, &[("x-long", &long)])
        .expect_status(431);
    assert_shaped(&refused, "Request Header Fields Too Large");
}

#[test]
fn garbled_heads_are_400_and_no_error_of_the_node() {
    let node = Node::start();
    for garbled in [
        "GET / HTTP/9.9\r\n\r\n",
        "\u{1}\u{2}\r\n\r\n",
        "GET /\r\nx\r\n\r\n",
    ] {
        let mut wire = Wire::connect(node.control());
        wire.send(garbled);
        assert_eq!(wire.head().status, 400, "{garbled:?}");
    }
    let mut wire = Wire::connect(node.control());
    wire.send(format!(
        "GET /{} HTTP/1.1\r\nHost: x\r\n\r\n",
        "p".repeat(70_000)
    ));
    assert_eq!(wire.head().status, 400);
    // What is logged of this comes after whatever was logged of those.
    node.ask("POST", "/tyk/reload", &Value::Null);
    crate::harness::wait_for("the refusal is logged", || {
        node.log().contains("method_not_allowed")
    });
    assert!(!node.log().contains("ERROR"), "{}", node.log());
}

#[test]
fn reloads_are_asked_for_by_get_alone() {
    let node = Node::start();
    for path in ["/tyk/reload", "/tyk/reload/", "/tyk/reload/group"] {
        for method in ["POST", "PUT", "DELETE"] {
            let refused = node.ask(method, path, &Value::Null).expect_status(405);
            assert_shaped(&refused, "Method not supported");
        }
        node.ask("GET", path, &Value::Null).expect_status(200);
    }
}
