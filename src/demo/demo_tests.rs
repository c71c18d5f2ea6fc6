//! What the demo says when the node behind it does not answer as a gateway.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking where it went wrong"
)]

use std::net::SocketAddr;

use actix_web::{HttpResponse, web};
use raftgate_model::secret::Secret;

use super::sample_server::SampleServer;
use super::*;
use crate::clock::{SystemClock, SystemEntropy};

async fn shown(control: SocketAddr) -> (Exit, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let parts = DemoParts {
        node: NodeDoors {
            gateway: control,
            control,
            control_secret: Secret::from("control secret"),
        },
        after: AfterTour::KeepServing,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    let mut signals = Signals::listen().unwrap();
    let exit = show(parts, &mut signals, &mut Terminal::new(&mut out, &mut err)).await;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (exit, text(out), text(err))
}

#[actix_web::test]
async fn the_first_step_that_surprises_is_named_and_ends_it() {
    let node = SampleServer::start(|app| {
        app.route(
            "/tyk/apis",
            web::post().to(async || HttpResponse::Ok().json(serde_json::json!({"key": "demo"}))),
        )
        .default_service(web::to(HttpResponse::ServiceUnavailable));
    })
    .unwrap();
    let (exit, out, err) = shown(node.address()).await;
    assert_eq!(exit, Exit::Failure);
    assert!(
        out.contains("1. Create an API that OAuth protects"),
        "{out}"
    );
    assert!(out.contains("  ok: the answer names the API"), "{out}");
    assert!(
        out.contains("-H 'X-Tyk-Authorization: control secret'"),
        "{out}"
    );
    assert_eq!(
        err,
        "error: step 2, Create a policy that gives access to it: expected 200 OK, got 503 Service Unavailable\n"
    );
    assert!(!out.contains('\u{1b}'), "no control characters");
    node.stop().await;
}

#[actix_web::test]
async fn a_node_that_is_gone_is_named_too() {
    let node = SampleServer::start(|_| {}).unwrap();
    let address = node.address();
    node.stop().await;
    let (exit, _, err) = shown(address).await;
    assert_eq!(exit, Exit::Failure);
    assert!(
        err.starts_with("error: step 1, Create an API that OAuth protects: no answer"),
        "{err}"
    );
}
