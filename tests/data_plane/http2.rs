//! HTTP/2 on the listener, spoken by a client of others: the same requests, answers and refusals as over HTTP/1.1.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use bytes::Bytes;
use h2_http::{HeaderMap, Method, Request};
use raftgate::proxy::Refusal;

use crate::http2_client::{
    connect, connect_watched, gateway, get, request, run, send, send_all, whole,
};
use crate::wire::{PATIENCE, Upstream, pattern};

#[test]
fn a_request_reaches_the_upstream_as_one_of_http_1() {
    let upstream = Upstream::echo();
    let (mut rig, config) = gateway(&upstream, |_| {});
    let (head, body) = run(async {
        let client = connect(rig.address, config).await;
        let asked = request(Method::GET, "/a%20b?c=d")
            .header("cookie", "a=1")
            .header("cookie", "b=2")
            .header("x-probe", "y")
            .header("te", "trailers");
        let (answer, _) = send(&client, asked, true).await;
        let answer = answer.await.unwrap();
        let head = answer.headers().clone();
        assert_eq!(answer.status(), 200);
        (head, whole(answer.into_body()).await.unwrap().0)
    });
    let seen = String::from_utf8(body).unwrap();
    let target = format!("GET /a%20b?c=d HTTP/1.1\r\nHost: {}\r\n", upstream.address);
    assert!(seen.starts_with(&target), "{seen}");
    for field in [
        "\r\ncookie: a=1; b=2\r\n",
        "\r\nx-probe: y\r\n",
        "\r\nX-Forwarded-For: 127.0.0.1\r\n",
        "\r\nTE: trailers\r\n",
    ] {
        assert!(seen.contains(field), "{field} in {seen}");
    }
    assert!(
        !seen.contains("close") && !seen.contains("chunked"),
        "{seen}"
    );
    assert!(head.get("connection").is_none() && head.get("content-length").is_some());
    let record = rig.record();
    assert_eq!((record.status, record.path.as_str()), (200, "/a%20b"));
}

#[test]
fn streams_of_one_connection_are_served_at_once_and_upstreams_kept() {
    let upstream = Upstream::echo();
    let (rig, config) = gateway(&upstream, |_| {});
    run(async {
        let client = connect(rig.address, config).await;
        let asked = (0..100).map(|number| {
            let client = client.clone();
            async move {
                let path = format!("/{number}");
                let (head, body) = get(&client, &path).await;
                assert_eq!(head.status(), 200);
                assert!(
                    String::from_utf8(body)
                        .unwrap()
                        .contains(&format!("GET {path} "))
                );
            }
        });
        futures_util::future::join_all(asked).await;
        assert_eq!(rig.counters.connections(), 1);
        let before = upstream.connections();
        for _ in 0..20 {
            assert_eq!(get(&client, "/").await.0.status(), 200);
        }
        assert_eq!(upstream.connections(), before);
    });
}

#[test]
fn bodies_and_trailers_pass_in_both_directions() {
    let upstream = Upstream::start(|mut wire, _| {
        while let Ok(Some(request)) = wire.try_message(true) {
            let length = request.body.len();
            wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n");
            wire.send(format!("{length:x}\r\n"));
            wire.send(&request.body);
            let got = request.trailers.trim().replace(": ", "=");
            wire.send(format!("\r\n0\r\nx-sum: 7\r\nx-got: {got}\r\n\r\n"));
        }
    });
    let (rig, config) = gateway(&upstream, |_| {});
    run(async {
        let client = connect(rig.address, config).await;
        let body = pattern(3 * 1024 * 1024);
        for is_sized in [true, false] {
            let mut asked = request(Method::POST, "/");
            if is_sized {
                asked = asked.header("content-length", body.len());
            }
            let (answer, mut stream) = send(&client, asked, false).await;
            let sending = async {
                send_all(&mut stream, body.clone()).await;
                if is_sized {
                    stream.send_data(Bytes::new(), true).unwrap();
                } else {
                    let mut trailers = HeaderMap::new();
                    trailers.insert("x-mine", "8".parse().unwrap());
                    trailers.insert("authorization", "smuggled".parse().unwrap());
                    stream.send_trailers(trailers).unwrap();
                }
            };
            let taking = async { whole(answer.await.unwrap().into_body()).await.unwrap() };
            let ((), (got, trailers)) = futures_util::future::join(sending, taking).await;
            assert!(got == body, "{} bytes came back", got.len());
            let trailers = trailers.unwrap();
            assert_eq!(trailers["x-sum"], "7");
            let expected = if is_sized { "" } else { "x-mine=8" };
            assert_eq!(trailers["x-got"], expected);
        }
    });
}

#[test]
fn what_http_1_refuses_is_refused_here_in_the_same_words() {
    let upstream = Upstream::echo();
    let (rig, config) = gateway(&upstream, |settings| {
        settings.limits.body_bytes_max = 10;
        settings.limits.header_count_max = 20;
    });
    run(async {
        let client = connect(rig.address, config).await;
        let mut many = request(Method::GET, "/");
        for number in 0..30 {
            many = many.header(format!("x-{number}"), "1");
        }
        let cases = [
            (
                request(Method::GET, "/").header("host", "other.example"),
                400,
            ),
            (request(Method::GET, "/a/../b"), 400),
            (
                request(Method::POST, "/").header("content-length", "11"),
                413,
            ),
            (many, 431),
            (
                Request::builder()
                    .method(Method::CONNECT)
                    .uri("gateway.example:443"),
                501,
            ),
        ];
        for (asked, status) in cases {
            let text = format!("{asked:?}");
            let has_body = text.contains("POST");
            let (answer, _stream) = send(&client, asked, !has_body).await;
            let answer = answer.await.unwrap();
            assert_eq!(answer.status(), status, "{text}");
        }
        assert_eq!(get(&client, "/").await.0.status(), 200);
    });
    rig.expect_refused(Refusal::BadHost, 1);
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn an_answer_may_come_before_the_upload_is_over() {
    let upstream = Upstream::start(|mut wire, _| {
        let _ = wire.head();
        wire.send("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
        let _ = wire.rest();
    });
    let (rig, config) = gateway(&upstream, |_| {});
    run(async {
        let client = connect(rig.address, config).await;
        let (answer, mut stream) = send(&client, request(Method::POST, "/"), false).await;
        stream
            .send_data(Bytes::from_static(b"first"), false)
            .unwrap();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 403);
        // What follows the body is its end or already the reset.
        let body = answer.into_body().data().await;
        assert_eq!(body.unwrap().unwrap(), "no");
        let reset = std::future::poll_fn(|cx| stream.poll_reset(cx)).await;
        assert_eq!(reset.unwrap(), h2::Reason::NO_ERROR);
    });
}

#[test]
fn an_answer_that_is_cut_off_is_a_reset_of_its_stream_alone() {
    let upstream = Upstream::start(|mut wire, _| {
        while let Ok(Some(request)) = wire.try_message(true) {
            if request.head.contains("/whole") {
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole");
                continue;
            }
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
            return;
        }
    });
    let (rig, config) = gateway(&upstream, |_| {});
    run(async {
        let client = connect(rig.address, config).await;
        let (answer, _) = send(&client, request(Method::GET, "/half"), true).await;
        assert!(whole(answer.await.unwrap().into_body()).await.is_err());
        assert_eq!(get(&client, "/whole").await.1, b"whole");
    });
}

#[test]
fn a_client_that_resets_its_stream_takes_the_request_along() {
    let (gone, ended) = sync_channel(1);
    let upstream = Upstream::start(move |mut wire, _| {
        let _ = wire.try_message(true);
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        let _ = wire.rest();
        gone.send(()).unwrap();
    });
    let (mut rig, config) = gateway(&upstream, |_| {});
    run(async {
        let client = connect(rig.address, config).await;
        let (answer, mut stream) = send(&client, request(Method::GET, "/"), true).await;
        let answer = answer.await.unwrap();
        stream.send_reset(h2::Reason::CANCEL);
        drop(answer);
        tokio::task::spawn_blocking(move || ended.recv_timeout(PATIENCE).unwrap())
            .await
            .unwrap();
    });
    assert_eq!(rig.record().status, 499);
}

#[test]
fn requests_under_way_on_a_connection_that_ends_are_counted_and_recorded() {
    const REQUESTS: u64 = 20;
    let (asked, begun) = sync_channel(32);
    let upstream = Upstream::start(move |mut wire, _| {
        let _ = wire.try_message(true);
        asked.send(()).unwrap();
        let _ = wire.rest();
    });
    let (mut rig, config) = gateway(&upstream, |_| {});
    run(async {
        let (client, connection) = connect_watched(rig.address, config).await;
        let mut waiting = Vec::new();
        for _ in 0..REQUESTS {
            waiting.push(send(&client, request(Method::GET, "/taken"), true).await);
        }
        let all = move || (0..REQUESTS).all(|_| begun.recv_timeout(PATIENCE).is_ok());
        assert!(tokio::task::spawn_blocking(all).await.unwrap());
        // The socket goes with it, and no stream was reset before.
        connection.abort();
        assert!(connection.await.unwrap_err().is_cancelled());
    });
    for _ in 0..REQUESTS {
        let record = rig.record();
        assert_eq!((record.status, record.path.as_str()), (499, "/taken"));
    }
    rig.expect_refused(Refusal::ClientGone, REQUESTS);
}

#[test]
fn a_client_that_takes_nothing_holds_its_upstream_back() {
    const BYTES: usize = 64 * 1024 * 1024;
    let (stuck, blocked) = sync_channel(1);
    let upstream = Upstream::start(move |mut wire, _| {
        let _ = wire.try_message(true);
        wire.stream()
            .set_write_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        wire.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {BYTES}\r\n\r\n"
        ));
        let piece = pattern(64 * 1024);
        let mut sent = 0;
        while sent < BYTES {
            match wire.stream().write(&piece) {
                Ok(count) => sent += count,
                Err(_) => break,
            }
        }
        stuck.send(sent).unwrap();
    });
    let (rig, config) = gateway(&upstream, |_| {});
    run(async {
        let client = connect(rig.address, config).await;
        let (answer, _) = send(&client, request(Method::GET, "/"), true).await;
        let _held = answer.await.unwrap();
        let sent = tokio::task::spawn_blocking(move || blocked.recv_timeout(PATIENCE).unwrap());
        let sent = sent.await.unwrap();
        assert!(
            sent < BYTES / 2,
            "{sent} bytes went into a client that took none"
        );
    });
}

#[test]
fn a_drain_says_goodbye_and_finishes_what_is_under_way() {
    let (asked, begun) = sync_channel(1);
    let (go, gone) = sync_channel::<()>(1);
    let gone = std::sync::Mutex::new(gone);
    let upstream = Upstream::start(move |mut wire, _| {
        let _ = wire.try_message(true);
        asked.send(()).unwrap();
        gone.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
    });
    let (mut rig, config) = gateway(&upstream, |_| {});
    run(async {
        let (client, connection) = connect_watched(rig.address, config).await;
        let (answer, _) = send(&client, request(Method::GET, "/"), true).await;
        tokio::task::spawn_blocking(move || begun.recv_timeout(PATIENCE).unwrap())
            .await
            .unwrap();
        rig.begin_drain();
        // Until the goodbye is here, another stream would be taken.
        while client.clone().ready().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        go.send(()).unwrap();
        let answer = answer.await.unwrap();
        assert_eq!(whole(answer.into_body()).await.unwrap().0, b"late");
        let _ = connection.await.unwrap();
    });
    rig.wait();
}

#[test]
fn an_idle_connection_is_closed() {
    let upstream = Upstream::echo();
    let (rig, config) = gateway(&upstream, |settings| {
        settings.timeouts.keep_alive = Duration::from_millis(100);
    });
    run(async {
        let (client, connection) = connect_watched(rig.address, config).await;
        assert_eq!(get(&client, "/").await.0.status(), 200);
        let _ = connection.await.unwrap();
    });
}

/// The curl that tests/run provides, or that of the machine if it speaks HTTP/2.
fn curl() -> PathBuf {
    let provided = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin/curl");
    let known = [provided, PathBuf::from("curl")];
    let speaks_http2 = |curl: &PathBuf| {
        let version = Command::new(curl).arg("--version").output();
        version.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains("HTTP2"))
    };
    known.into_iter().find(speaks_http2).expect(
        "there is no curl that speaks HTTP/2: tests/tools/install curl puts one into target/tools, and tests/run runs it",
    )
}

#[test]
fn curl_is_content() {
    let curl = curl();
    let upstream = Upstream::echo();
    let (rig, _) = gateway(&upstream, |_| {});
    for (option, protocol) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let url = format!("https://localhost:{}/x", rig.address.port());
        let output = Command::new(&curl)
            .args([
                "-sk",
                option,
                "-d",
                "some text",
                "-w",
                "|%{http_version}|%{http_code}",
            ])
            .args([
                "--resolve",
                &format!("localhost:{}:127.0.0.1", rig.address.port()),
            ])
            .arg(url)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            text.ends_with(&format!("some text|{protocol}|200")),
            "{text}"
        );
    }
}
