//! Interim answers to clients that speak HTTP/2.

use std::future::poll_fn;

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2_http::{Method, Response};

use crate::http2_client::{connect, gateway, get, request, run, send, whole};
use crate::wire::Upstream;

/// The next interim answer; none when the final one is there.
async fn interim(answer: &mut ResponseFuture) -> Option<Response<()>> {
    let next = poll_fn(|cx| answer.poll_informational(cx)).await;
    next.map(|interim| interim.unwrap())
}

#[test]
fn hints_come_before_the_answer() {
    let upstream = Upstream::start(|mut wire, _| {
        while let Ok(Some(_)) = wire.try_message(true) {
            wire.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nContent-Length: 7\r\n\r\n");
            wire.send("HTTP/1.1 102 Processing\r\n\r\n");
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let (rig, config) = gateway(&upstream, |_| {});
    run(async {
        let client = connect(rig.address, config).await;
        let (mut answer, _) = send(&client, request(Method::GET, "/"), true).await;
        let hints = interim(&mut answer).await.unwrap();
        assert_eq!(
            (hints.status().as_u16(), &hints.headers()["link"]),
            (103, &"</a.css>".parse().unwrap())
        );
        assert!(hints.headers().get("content-length").is_none());
        assert_eq!(interim(&mut answer).await.unwrap().status(), 102);
        assert!(interim(&mut answer).await.is_none());
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(whole(answer.into_body()).await.unwrap().0, b"ok");
    });
}

#[test]
fn a_client_that_waits_is_told_to_send_its_body() {
    let upstream = Upstream::echo();
    let (rig, config) = gateway(&upstream, |_| {});
    run(async {
        let client = connect(rig.address, config).await;
        let asked = request(Method::POST, "/")
            .header("expect", "100-continue")
            .header("content-length", "4");
        let (mut answer, mut body) = send(&client, asked, false).await;
        assert_eq!(interim(&mut answer).await.unwrap().status(), 100);
        body.send_data(Bytes::from_static(b"body"), true).unwrap();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(
            whole(answer.into_body())
                .await
                .unwrap()
                .0
                .ends_with(b"body")
        );
        let unknown = request(Method::POST, "/").header("expect", "miracles");
        let (answer, _body) = send(&client, unknown, false).await;
        assert_eq!(answer.await.unwrap().status(), 417);
    });
}

#[test]
fn endless_interim_answers_are_not_gathered() {
    let upstream = Upstream::start(|mut wire, _| {
        while let Ok(Some(_)) = wire.try_message(true) {
            wire.send("HTTP/1.1 102 Processing\r\n\r\n".repeat(1000));
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let (rig, config) = gateway(&upstream, |_| {});
    run(async {
        let client = connect(rig.address, config).await;
        let (mut answer, _) = send(&client, request(Method::GET, "/"), true).await;
        let mut count = 0;
        while interim(&mut answer).await.is_some() {
            count += 1;
        }
        assert_eq!((count, answer.await.unwrap().status().as_u16()), (16, 200));
        assert_eq!(get(&client, "/").await.1, b"ok");
    });
}
