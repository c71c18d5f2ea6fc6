//! TLS towards the targets of one API: whom it believes, and what it speaks.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};
use serde_json::{Value, json};

use crate::balancing::{UNREACHABLE, assert_named, definition};
use crate::harness::{Answer, Node, STYLES, Style, wait_for};
use crate::oas::oas_document;
use crate::rules::assert_refused;
use crate::world::{World, unique};

/// A suite of TLS 1.2 that the servers of these tests speak, and one that they do not.
const SPOKEN: &str = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
const UNSPOKEN: &str = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";

/// A server with a certificate that nobody vouches for; it answers every request with the version that is spoken.
struct Upstream {
    url: String,
    connections: Arc<AtomicUsize>,
}

impl Upstream {
    fn speaking(versions: &[&'static SupportedProtocolVersion]) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let mut provider = ring::default_provider();
        provider
            .cipher_suites
            .retain(|suite| suite.version() == &TLS13 || suite.suite().as_str() == Some(SPOKEN));
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "https://localhost:{}/",
            listener.local_addr().unwrap().port()
        );
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let stream = StreamOwned::new(connection, stream.unwrap());
                let count = Arc::clone(&count);
                std::thread::spawn(move || serve(stream, &count));
            }
        });
        Self { url, connections }
    }

    /// Connections that got as far as a request.
    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: StreamOwned<ServerConnection, std::net::TcpStream>, count: &AtomicUsize) {
    let mut requests = 0;
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if !matches!(stream.read(&mut byte), Ok(1)) {
                return;
            }
            head.push(byte[0]);
        }
        if requests == 0 {
            count.fetch_add(1, Ordering::SeqCst);
        }
        requests += 1;
        let version = format!("{:?}", stream.conn.protocol_version().unwrap());
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{version}",
            version.len()
        );
        let _ = stream
            .write_all(answer.as_bytes())
            .and_then(|()| stream.flush());
    }
}

/// One worker, so that whatever could be shared is.
fn world() -> World {
    World::of(
        Node::builder()
            .configuration("[gateway]\nworkers = 1")
            .start(),
    )
}

fn create(world: &World, style: Style, upstream: &Upstream, transport: Value) -> String {
    create_warned(world, style, upstream, transport).0
}

/// An API, and what its author was warned of.
fn create_warned(
    world: &World,
    style: Style,
    upstream: &Upstream,
    transport: Value,
) -> (String, String) {
    let id = unique("secured");
    let mut definition = definition(&id, style, &[], json!({}));
    definition["proxy"]["enable_load_balancing"] = json!(false);
    definition["proxy"]["target_url"] = json!(upstream.url);
    definition["proxy"]["transport"] = transport;
    let made = world.node.ask("POST", "/tyk/apis", &definition);
    let warnings = made.expect_status(200).json()["warnings"].to_string();
    (id, warnings)
}

fn ask(world: &World, id: &str) -> Answer {
    let url = world.node.gateway_url(&format!("/{id}/x"));
    world.node.client().get(&url, &[])
}

#[test]
fn a_target_is_verified_unless_its_api_says_otherwise_and_connections_are_not_shared() {
    let world = world();
    let upstream = Upstream::speaking(&[&TLS13, &TLS12]);
    let skip = json!({"ssl_insecure_skip_verify": true});
    for style in STYLES {
        let (trusting, warnings) = create_warned(&world, style, &upstream, skip.clone());
        assert!(warnings.contains("NOT VERIFIED"), "{warnings}");
        let verifying = create(&world, style, &upstream, json!({}));
        let before = upstream.connections();
        for _ in 0..3 {
            ask(&world, &trusting).expect_status(200);
            // The connection of the other API stands idle, and is none of this one's.
            assert_refused(
                style,
                &ask(&world, &verifying),
                UNREACHABLE.0,
                UNREACHABLE.1,
            );
        }
        assert!(
            upstream.connections() <= before + 1,
            "and the other's is kept"
        );
        let changed = json!({"ssl_insecure_skip_verify": true, "ssl_max_version": 771});
        // Settings of another kind take nothing off the verification.
        for own in [
            json!({"ssl_max_version": 771}),
            json!({"ssl_ciphers": [SPOKEN]}),
        ] {
            let own = create(&world, style, &upstream, own);
            let (rfc, tyk) = UNREACHABLE;
            assert_refused(style, &ask(&world, &own), rfc, tyk);
        }
        let older = create(&world, style, &upstream, changed);
        assert_eq!(ask(&world, &older).expect_status(200).text(), "TLSv1_2");
        assert_eq!(ask(&world, &trusting).expect_status(200).text(), "TLSv1_3");
    }
}

#[test]
fn versions_and_ciphers_that_the_target_does_not_speak_are_refused() {
    let world = world();
    let (old, new) = (Upstream::speaking(&[&TLS12]), Upstream::speaking(&[&TLS13]));
    for (upstream, fields, spoken) in [
        (&old, json!({}), Some("TLSv1_2")),
        (&new, json!({}), Some("TLSv1_3")),
        (&old, json!({"ssl_min_version": 771}), Some("TLSv1_2")),
        (&old, json!({"ssl_min_version": 772}), None),
        (&new, json!({"ssl_max_version": 771}), None),
        (&old, json!({"ssl_ciphers": [SPOKEN]}), Some("TLSv1_2")),
        (&old, json!({"ssl_ciphers": [UNSPOKEN]}), None),
    ] {
        let mut transport = json!({"ssl_insecure_skip_verify": true});
        crate::harness::merge(&mut transport, fields);
        let id = create(&world, Style::Rfc, upstream, transport.clone());
        let answer = ask(&world, &id);
        match spoken {
            Some(version) => assert_eq!(answer.expect_status(200).text(), version, "{transport}"),
            None => assert_eq!(answer.status, 502, "{transport}"),
        }
    }
}

#[test]
fn an_oas_document_says_the_same() {
    let world = world();
    let old = Upstream::speaking(&[&TLS12]);
    for (transport, status) in [
        (json!({}), 502),
        (json!({"insecureSkipVerify": true}), 200),
        (
            json!({"insecureSkipVerify": true, "minVersion": "1.3"}),
            502,
        ),
        (
            json!({"insecureSkipVerify": true, "maxVersion": "1.2"}),
            200,
        ),
    ] {
        let id = unique("secured");
        let mut document = oas_document(&id, &old.url);
        document["x-tyk-api-gateway"]["upstream"]["tlsTransport"] = transport.clone();
        world
            .node
            .ask("POST", "/tyk/apis/oas", &document)
            .expect_status(200);
        assert_eq!(ask(&world, &id).status, status, "{transport}");
    }
}

#[test]
fn checks_speak_what_requests_speak() {
    let world = world();
    let upstream = Upstream::speaking(&[&TLS13]);
    let check = json!({"path": "/up", "interval_ms": 50, "unhealthy_after": 1, "healthy_after": 1});
    for (transport, status) in [
        (json!({"ssl_insecure_skip_verify": true}), 200),
        (json!({}), 503),
    ] {
        let id = unique("checked");
        let mut definition = definition(&id, Style::Rfc, &[], json!({"health_check": check}));
        definition["proxy"]["target_list"] = json!([upstream.url]);
        definition["proxy"]["transport"] = transport;
        let before = upstream.connections();
        world.node.create_api(&definition);
        if status == 200 {
            wait_for("the check comes through", || {
                upstream.connections() > before + 2
            });
        }
        wait_for("what checks say", || ask(&world, &id).status == status);
    }
}

#[test]
fn settings_that_are_none_are_400_by_name() {
    let world = World::shared();
    for (transport, named) in [
        (
            json!({"ssl_min_version": 773}),
            "proxy.transport.ssl_min_version: must be 771",
        ),
        (
            json!({"ssl_max_version": 769}),
            "proxy.transport.ssl_max_version: must be 771 or 772",
        ),
        (
            json!({"ssl_min_version": 772, "ssl_max_version": 771}),
            "proxy.transport.ssl_max_version: is older",
        ),
        (
            json!({"ssl_ciphers": ["TLS_RSA_WITH_RC4_128_SHA"]}),
            "proxy.transport.ssl_ciphers: names none",
        ),
        (
            json!({"ssl_insecure_skip_verify": "yes"}),
            "proxy.transport.ssl_insecure_skip_verify: must be true or false",
        ),
    ] {
        let mut faulty = definition(
            &unique("faulty"),
            Style::Rfc,
            &["http://a".to_owned()],
            json!({}),
        );
        faulty["proxy"]["transport"] = transport;
        assert_named(&world, "/tyk/apis", &faulty, named);
    }
}
