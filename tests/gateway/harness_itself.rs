//! The harness keeps its own promises: what is recorded is what was sent, and nothing hangs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::{Client, RecordingServer, Reply};

#[test]
fn a_request_is_recorded_as_it_was_sent() {
    let server =
        RecordingServer::replying(Reply::status(418, "short").with_header("X-Kind", "teapot"));
    let client = Client::new();
    let answer = client.send(
        "PUT",
        &server.url("/a%20b?c=d"),
        &[("x-one", "1"), ("x-one", "2")],
        b"body",
    );
    assert_eq!((answer.status, answer.text().as_str()), (418, "short"));
    assert_eq!(answer.header("x-kind"), "teapot");
    let received = server.only();
    assert_eq!(
        (received.method.as_str(), received.target.as_str()),
        ("PUT", "/a%20b?c=d")
    );
    assert_eq!(received.values("X-ONE"), ["1", "2"]);
    assert_eq!(received.text(), "body");
}

#[test]
fn chunks_are_joined_and_the_connection_is_kept() {
    let server = RecordingServer::replying(Reply::ok(""));
    let mut stream = TcpStream::connect(server.address()).unwrap();
    for _ in 0..2 {
        let request = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        stream.write_all(request).unwrap();
        let expected = b"HTTP/1.1 200 Recorded\r\nContent-Length: 0\r\n\r\n";
        let mut answer = [0; 44];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, expected);
    }
    let bodies: Vec<String> = server
        .received()
        .iter()
        .map(|received| received.text())
        .collect();
    assert_eq!(bodies, ["abcde", "abcde"]);
    assert_eq!(server.connections(), 1);
}

#[test]
fn redirects_are_not_followed() {
    let target = RecordingServer::replying(Reply::ok("never"));
    let server = RecordingServer::replying(Reply::redirect(&target.url("/")));
    let answer = Client::new().get(&server.url("/"), &[]);
    assert_eq!(
        (answer.status, answer.header("location")),
        (302, target.url("/").as_str())
    );
    assert!(target.received().is_empty());
}

#[test]
fn a_closed_connection_is_an_error_and_a_hanging_one_ends_with_the_server() {
    let server = RecordingServer::start(|received| match received.target.as_str() {
        "/close" => Reply::Close,
        "/slow" => Reply::ok("late").after(Duration::from_millis(60)),
        _ => Reply::Hang,
    });
    let client = Client::new();
    assert!(
        client
            .try_send("POST", &server.url("/close"), &[], b"x")
            .is_err()
    );
    let began = Instant::now();
    assert_eq!(client.get(&server.url("/slow"), &[]).text(), "late");
    assert!(began.elapsed() >= Duration::from_millis(60));
    let url = server.url("/hang");
    let hanging = std::thread::spawn(move || client.try_send("GET", &url, &[], b"").is_err());
    server.wait_for(3);
    drop(server);
    assert!(hanging.join().unwrap());
}
