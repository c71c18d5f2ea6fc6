//! An API with several targets: every way in finds the one that stands.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use raftgate::proxy::Refusal;
use raftgate_actors::snapshot::{Balancer, CompiledApi};
use raftgate_model::api::{RetryOn, RetrySpec, Rotation, Setback, Target};
use rustls::{ServerConnection, StreamOwned};

use crate::http2_client::{connect, get as get_http2, run};
use crate::rig::{Rig, api, eventually};
use crate::tls::{certificate, read_head};
use crate::wire::{PATIENCE, Upstream, get};

/// An API whose targets take turns.
fn balanced(targets: &[&str]) -> CompiledApi {
    let urls: Vec<String> = targets
        .iter()
        .map(|address| format!("http://{address}/"))
        .collect();
    before(&urls)
}

/// The same with targets by their URLs.
fn before(urls: &[String]) -> CompiledApi {
    let targets = urls.iter().map(|url| Target::parse(url).unwrap());
    let rotation = Rotation::new(targets.collect()).unwrap();
    CompiledApi {
        balancer: Some(Arc::new(Balancer::new(rotation, None))),
        ..api("/", ([127, 99, 8, 9], 9).into())
    }
}

fn balancer(api: &CompiledApi) -> Arc<Balancer> {
    Arc::clone(api.balancer.as_ref().unwrap())
}

/// Nobody listens there.
const NOWHERE: [&str; 2] = ["127.99.8.1:9", "127.99.8.2:9"];

#[test]
fn streams_of_http_2_find_the_target_that_stands() {
    let upstream = Upstream::echo();
    let address = upstream.address.to_string();
    let (server, client) = certificate();
    let rig = Rig::with(balanced(&[NOWHERE[0], &address]), |settings| {
        settings.tls = Some(server);
    });
    let mut config = (*client).clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    run(async {
        let client = connect(rig.address, Arc::new(config)).await;
        for _ in 0..4 {
            let (head, body) = get_http2(&client, "/x").await;
            let seen = String::from_utf8(body).unwrap();
            assert_eq!(head.status(), 200);
            assert!(seen.contains(&format!("Host: {address}\r\n")), "{seen}");
        }
    });
}

#[test]
fn a_request_that_is_turned_to_another_target_arrives_whole() {
    let upstream = Upstream::echo();
    let address = upstream.address.to_string();
    let rig = Rig::with(balanced(&[NOWHERE[0], NOWHERE[1], &address]), |_| {});
    let mut wire = rig.connect();
    let request = "POST /a%20b?c=d HTTP/1.1\r\nHost: g\r\nX-Y: z\r\nContent-Length: 4\r\n\r\nbody";
    let seen = (0..4).map(|_| wire.ask(request).text().to_owned());
    let mut seen: Vec<String> = seen.collect();
    for text in &seen {
        let start = format!("POST /a%20b?c=d HTTP/1.1\r\nHost: {address}\r\nX-Y: z\r\n");
        assert!(
            text.starts_with(&start) && text.ends_with("\r\n\r\nbody"),
            "{text}"
        );
    }
    // But for its id, each request is the same, whichever targets it was written for before.
    for text in &mut seen {
        *text = text
            .lines()
            .filter(|line| !line.starts_with("X-Request-Id: "))
            .collect();
    }
    seen.dedup();
    assert_eq!(seen.len(), 1);
}

#[test]
fn a_target_that_cannot_be_connected_to_is_left_alone_for_a_while() {
    let (broken, url) = broken();
    let upstream = Upstream::echo();
    let urls = [url, format!("http://{}/", upstream.address)];
    let rig = Rig::with(before(&urls), |_| {});
    let mut wire = rig.connect();
    for _ in 0..20 {
        assert_eq!(wire.ask(get("/")).status(), 200);
    }
    assert_eq!((broken.connections(), upstream.connections()), (1, 1));
    rig.expect_refused(Refusal::UpstreamUnreachable, 0);
}

/// A target that takes connections, of which no TLS comes, and its URL.
fn broken() -> (Upstream, String) {
    let broken = Upstream::start(|_, _| {});
    let url = format!("https://localhost:{}/", broken.address.port());
    (broken, url)
}

#[test]
fn a_request_is_turned_to_three_others_at_most() {
    let (targets, urls): (Vec<_>, Vec<_>) = (0..6).map(|_| broken()).unzip();
    let rig = Rig::with(before(&urls), |_| {});
    assert_eq!(rig.connect().ask(get("/")).status(), 502);
    let mut dialled: Vec<usize> = targets.iter().map(Upstream::connections).collect();
    // Which ones stand in for the first is not in the order of the list.
    dialled.sort_unstable();
    assert_eq!(dialled, [0, 0, 1, 1, 1, 1]);
}

#[test]
fn a_connection_is_tried_again_only_where_the_api_says_so() {
    for (on, tries) in [
        (
            RetryOn::NOTHING
                .with(Setback::Closed)
                .with(Setback::Timeout),
            1,
        ),
        (RetryOn::NOTHING.with(Setback::Connect), 3),
    ] {
        let (target, url) = broken();
        let mut api = api("/", target.address);
        api.target = Target::parse(&url).unwrap();
        api.retries = Some(RetrySpec { attempts: 3, on });
        let rig = Rig::with(api, |_| {});
        assert_eq!(rig.connect().ask(get("/")).status(), 502);
        assert_eq!(target.connections(), tries, "{on:?}");
    }
}

/// Two targets that answer their names, each over a connection that is kept open, and what knows about them.
fn two_that_are_connected() -> (Rig, [Upstream; 2], Arc<Balancer>) {
    let named = [
        Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"),
        Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"),
    ];
    let urls = named
        .each_ref()
        .map(|upstream| format!("http://{}/", upstream.address));
    let api = before(&urls);
    let balancer = balancer(&api);
    let rig = Rig::with(api, |_| {});
    assert_eq!(round(&rig, 4), "abab");
    (rig, named, balancer)
}

fn round(rig: &Rig, count: usize) -> String {
    let mut wire = rig.connect();
    (0..count)
        .map(|_| wire.ask(get("/")).text().to_owned())
        .collect()
}

#[test]
fn a_connection_that_was_kept_ends_no_pause() {
    let (rig, [a, b], balancer) = two_that_are_connected();
    for place in [balancer.next().unwrap(), balancer.next().unwrap()] {
        balancer.failed(place);
    }
    // As last resorts they still take turns.
    assert_eq!(round(&rig, 4), "abab");
    assert_eq!((a.connections(), b.connections()), (1, 1));
}

#[test]
fn after_its_pause_a_target_is_connected_to_anew() {
    let (rig, [a, b], balancer) = two_that_are_connected();
    balancer.failed(balancer.next().unwrap());
    eventually("a new connection to the target", || {
        round(&rig, 2);
        (a.connections() == 2).then_some(())
    });
    assert_eq!(b.connections(), 1);
    let after = round(&rig, 4);
    assert!(after == "abab" || after == "baba", "{after}");
}

#[test]
fn a_connection_that_was_kept_serves_where_no_other_can_be_made() {
    let (server, client) = certificate();
    // Of its connections after the first no TLS comes.
    let upstream = Upstream::start(move |wire, number| {
        if number > 0 {
            return;
        }
        let connection = ServerConnection::new(Arc::clone(&server)).unwrap();
        let mut stream = StreamOwned::new(connection, wire.stream().try_clone().unwrap());
        while read_head(&mut stream).is_some() {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            let _ = stream.write_all(answer).and_then(|()| stream.flush());
        }
    });
    let api = before(&[format!("https://localhost:{}/", upstream.address.port())]);
    let balancer = balancer(&api);
    let rig = Rig::start_trusting(client, api, 64, |_| {});
    let mut wire = rig.connect();
    assert_eq!(wire.ask(get("/")).status(), 200);
    balancer.failed(balancer.next().unwrap());
    eventually("a try to connect anew", || {
        assert_eq!(wire.ask(get("/")).status(), 200);
        (upstream.connections() == 2).then_some(())
    });
    assert_eq!(wire.ask(get("/")).status(), 200);
}

#[test]
fn a_connection_that_was_kept_serves_nobody_who_has_gone() {
    let (server, client) = certificate();
    let (sender, begun) = sync_channel(1);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    // Its connections after the first are never done with shaking hands.
    let upstream = Upstream::start(move |mut wire, number| {
        if number > 0 {
            wire.bytes(1).unwrap();
            sender.send(()).unwrap();
            let _ = wire.rest();
            return;
        }
        let connection = ServerConnection::new(Arc::clone(&server)).unwrap();
        let mut stream = StreamOwned::new(connection, wire.stream().try_clone().unwrap());
        while read_head(&mut stream).is_some() {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            let _ = stream.write_all(answer).and_then(|()| stream.flush());
        }
    });
    let mut api = before(&[format!("https://localhost:{}/", upstream.address.port())]);
    api.timeouts.connect = PATIENCE * 2;
    let balancer = balancer(&api);
    let mut rig = Rig::start_trusting(client, api, 64, |_| {});
    assert_eq!(rig.connect().ask(get("/")).status(), 200);
    assert_eq!(rig.record().status, 200);
    balancer.failed(balancer.next().unwrap());
    let mut expected = 1;
    eventually("a try to connect anew", || {
        let mut client = rig.connect();
        client.send(get("/"));
        // Until the pause is over the kept connection answers.
        let answered = eventually("a new connection or an answer", || {
            match (begun.try_recv(), rig.records.try_recv()) {
                (Ok(()), _) => Some(None),
                (_, Ok(record)) => Some(Some(record.status)),
                _ => None,
            }
        });
        let Some(status) = answered else {
            return Some(());
        };
        assert_eq!(status, 200);
        expected += 1;
        None
    });
    assert_eq!(rig.record().status, 499);
    assert_eq!(rig.connect().ask(get("/")).status(), 200);
    assert_eq!(asked.load(Ordering::SeqCst), expected + 1);
}

/// Two targets: one that is never done with being connected to, and one that stands.
struct EndlessAndStanding {
    api: CompiledApi,
    /// Tells when the first one is connected to.
    begun: Receiver<()>,
    /// Requests that the other one got.
    asked: Arc<AtomicUsize>,
}

fn endless_and_standing() -> EndlessAndStanding {
    let (sender, begun) = sync_channel(1);
    // It takes connections, and no TLS ever comes of them.
    let endless = Upstream::start(move |mut wire, _| {
        wire.bytes(1).unwrap();
        sender.send(()).unwrap();
        let _ = wire.rest();
    });
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let standing = Upstream::start(move |mut wire, _| {
        while let Ok(Some(_)) = wire.try_message(true) {
            count.fetch_add(1, Ordering::SeqCst);
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let mut api = before(&[
        format!("https://{}/", endless.address),
        format!("http://{}/", standing.address),
    ]);
    api.timeouts.connect = PATIENCE * 2;
    EndlessAndStanding { api, begun, asked }
}

#[test]
fn a_client_that_goes_away_says_nothing_about_its_target_and_is_turned_to_no_other() {
    let EndlessAndStanding { api, begun, asked } = endless_and_standing();
    let balancer = balancer(&api);
    let mut rig = Rig::with(api, |_| {});
    // A connection that is kept asks nobody whether the client is there.
    assert!(balancer.next().is_some());
    assert_eq!(rig.connect().ask(get("/")).status(), 200);
    assert_eq!(rig.record().status, 200);
    let mut client = rig.connect();
    client.send(get("/"));
    begun.recv_timeout(PATIENCE).unwrap();
    drop(client);
    assert_eq!(rig.record().status, 499);
    assert_ne!(balancer.next(), balancer.next(), "both take turns");
    assert_eq!(rig.connect().ask(get("/")).status(), 200);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[test]
fn a_request_whose_time_is_over_says_nothing_about_its_target() {
    let EndlessAndStanding {
        mut api,
        begun,
        asked,
    } = endless_and_standing();
    api.timeouts.total = Some(Duration::from_millis(100));
    let balancer = balancer(&api);
    let rig = Rig::with(api, |_| {});
    assert_eq!(rig.connect().ask(get("/")).status(), 504);
    begun.recv_timeout(PATIENCE).unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    assert_ne!(balancer.next(), balancer.next(), "both take turns");
}
