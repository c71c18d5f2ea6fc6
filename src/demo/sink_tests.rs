//! What the sink believes and what it refuses.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking where it went wrong"
)]

use actix_web::http::StatusCode;
use actix_web::{App, test};
use raftgate_model::time::Ttl;

use super::*;

const SECRET: &str = "shared between the two";
const NOW_S: u64 = 1_700_000_000;
const BODY: &str = r#"{"notification_type":"new","auth_code":"c"}"#;

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_s(NOW_S)
    }

    fn boot_time(&self) -> Ttl {
        Ttl::ZERO
    }
}

/// The signature of the standard, made here by hand.
fn signature(id: &str, timestamp: u64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

async fn posted(headers: &[(&'static str, String)]) -> (StatusCode, Option<NotificationFault>) {
    let (received, mut inbox) = mpsc::channel(1);
    let sink = web::Data::new(Sink {
        shared_secret: Secret::from(SECRET),
        clock: Arc::new(Stopped),
        received,
    });
    let app = test::init_service(App::new().configure(routes(sink))).await;
    let mut request = test::TestRequest::post().uri(PATH).set_payload(BODY);
    for (name, value) in headers {
        request = request.insert_header((*name, value.as_str()));
    }
    let status = test::call_service(&app, request.to_request())
        .await
        .status();
    let message = inbox.try_recv().unwrap();
    assert_eq!(message.member("notification_type"), "new");
    assert_eq!(message.member("absent"), "");
    (status, message.fault)
}

fn signed() -> Vec<(&'static str, String)> {
    vec![
        ("x-tyk-shared-secret", SECRET.to_owned()),
        ("webhook-id", "msg_1".to_owned()),
        ("webhook-timestamp", NOW_S.to_string()),
        ("webhook-signature", signature("msg_1", NOW_S, BODY)),
    ]
}

fn replaced(name: &'static str, value: &str) -> Vec<(&'static str, String)> {
    let mut headers = signed();
    headers.retain(|(other, _)| *other != name);
    headers.push((name, value.to_owned()));
    headers
}

#[actix_web::test]
async fn a_signed_message_is_believed() {
    assert_eq!(posted(&signed()).await, (StatusCode::NO_CONTENT, None));
    let two = format!("v1,AAAA {}", signature("msg_1", NOW_S, BODY));
    let headers = replaced("webhook-signature", &two);
    assert_eq!(posted(&headers).await, (StatusCode::NO_CONTENT, None));
}

#[actix_web::test]
async fn everything_else_is_refused_with_its_reason() {
    let old = NOW_S - TOLERANCE_S - 1;
    let mut stale = replaced("webhook-timestamp", &old.to_string());
    stale.retain(|(name, _)| *name != "webhook-signature");
    stale.push(("webhook-signature", signature("msg_1", old, BODY)));
    for (headers, fault) in [
        (Vec::new(), NotificationFault::SharedSecret),
        (
            replaced("x-tyk-shared-secret", "guess"),
            NotificationFault::SharedSecret,
        ),
        (
            replaced("webhook-timestamp", "soon"),
            NotificationFault::Headers,
        ),
        (
            replaced("webhook-id", "msg_2"),
            NotificationFault::Signature,
        ),
        (
            replaced("webhook-signature", "v1,%%%"),
            NotificationFault::Signature,
        ),
        (
            replaced("webhook-signature", &signature("msg_1", NOW_S, "{}")),
            NotificationFault::Signature,
        ),
        (stale, NotificationFault::Timestamp),
    ] {
        assert_eq!(
            posted(&headers).await,
            (StatusCode::UNAUTHORIZED, Some(fault)),
            "{headers:?}"
        );
    }
    let without_signature: Vec<_> = signed()
        .into_iter()
        .filter(|(name, _)| *name != "webhook-signature")
        .collect();
    assert_eq!(
        posted(&without_signature).await.1,
        Some(NotificationFault::Headers)
    );
}
