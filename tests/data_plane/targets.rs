//! An API with several targets: every way in finds the one that stands.

use std::sync::Arc;

use raftgate::proxy::Refusal;
use raftgate_actors::snapshot::{Balancer, CompiledApi};
use raftgate_model::api::{Rotation, Target};

use crate::http2::{connect, get as get_http2, run};
use crate::rig::{Rig, api};
use crate::tls::certificate;
use crate::wire::{Upstream, get};

/// An API whose targets take turns.
fn balanced(targets: &[&str]) -> CompiledApi {
    let target = |address: &&str| Target::parse(&format!("http://{address}/")).unwrap();
    let rotation = Rotation::new(targets.iter().map(target).collect()).unwrap();
    CompiledApi {
        balancer: Some(Arc::new(Balancer::new(rotation, None))),
        ..api("/", ([127, 99, 8, 9], 9).into())
    }
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
    // It takes connections, and no TLS comes of them.
    let broken = Upstream::start(|_, _| {});
    let upstream = Upstream::echo();
    let urls = [
        format!("https://localhost:{}/", broken.address.port()),
        format!("http://{}/", upstream.address),
    ];
    let targets = urls.iter().map(|url| Target::parse(url).unwrap());
    let rotation = Rotation::new(targets.collect()).unwrap();
    let api = CompiledApi {
        balancer: Some(Arc::new(Balancer::new(rotation, None))),
        ..api("/", upstream.address)
    };
    let rig = Rig::with(api, |_| {});
    let mut wire = rig.connect();
    for _ in 0..20 {
        assert_eq!(wire.ask(get("/")).status(), 200);
    }
    assert_eq!((broken.connections(), upstream.connections()), (1, 1));
    rig.expect_refused(Refusal::UpstreamUnreachable, 0);
}
