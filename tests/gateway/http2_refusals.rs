//! What is refused in frames of HTTP/2 alone, and is seen in the metrics all the same.

use h2_http::Request;

use crate::harness::{Node, wait_for};
use crate::memory_http2::{connect_http2, secured};

/// What the metrics say of one reason.
fn counted(node: &Node, reason: &str) -> String {
    let answer = node.client().get(&node.control_url("/metrics"), &[]);
    let line = format!("raftgate_http2_refusals_total{{reason=\"{reason}\"}} ");
    let metrics = answer.text();
    let mut values = metrics
        .lines()
        .filter_map(|known| known.strip_prefix(&line));
    values.next().unwrap_or("absent").to_owned()
}

#[test]
fn streams_that_ask_for_no_request_are_counted_and_so_is_the_end_of_their_connection() {
    let (node, config) = secured();
    for reason in ["refused_stream", "protocol_error", "enhance_your_calm"] {
        assert_eq!(counted(&node, reason), "0", "{reason}");
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = connect_http2(node.gateway(), config).await;
        // What it asks for does not begin with a slash.
        let asked = || Request::get("https://localhost?hello").body(()).unwrap();
        for _ in 0..200 {
            let mut ready = client.clone().ready().await.unwrap();
            let (answer, _) = ready.send_request(asked(), true).unwrap();
            let error = answer.await.unwrap_err();
            assert_eq!(error.reason(), Some(h2::Reason::PROTOCOL_ERROR));
        }
        assert_eq!(counted(&node, "protocol_error"), "200");
        assert_eq!(counted(&node, "enhance_your_calm"), "0");
        let mut ready = client.clone().ready().await.unwrap();
        let (answer, _) = ready.send_request(asked(), true).unwrap();
        let _ = answer.await.unwrap_err();
    });
    wait_for("the end of the connection is counted", || {
        counted(&node, "enhance_your_calm") == "1"
    });
    assert_eq!(counted(&node, "protocol_error"), "201");
    assert_eq!(counted(&node, "refused_stream"), "0");
}
