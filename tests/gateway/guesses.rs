//! How many secrets can be tried by sending many at once, in one request or in many.

use serde_json::{Value, json};

use crate::basic_auth;
use crate::harness::Node;
use crate::oauth_password::PasswordApi;
use crate::world::{OAuthApi, STYLES, Style, World, text};

/// What can be tried before the door closes; of what is tried at the same moment one more may come through.
const TRIED_MAX: usize = 11;
const AT_ONCE: usize = 40;

/// The statuses of as many answers to what is sent at once.
fn at_once(send: impl Fn() -> u16 + Sync) -> Vec<u16> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(&send)).collect();
        let statuses = threads.into_iter().map(|thread| thread.join().unwrap());
        statuses.collect()
    })
}

fn assert_slowed(statuses: &[u16], refused: u16) {
    let tried = statuses.iter().filter(|status| **status == refused);
    assert!(tried.count() <= TRIED_MAX, "{statuses:?}");
    let others = statuses
        .iter()
        .filter(|status| !matches!(**status, 429 | 503) && **status != refused);
    assert_eq!(others.count(), 0, "{statuses:?}");
}

#[test]
fn of_passwords_sent_at_once_to_the_password_grant_ten_are_tried() {
    let world = World::of(Node::start());
    for (style, refused) in [(Style::Rfc, 400), (Style::Tyk, 403)] {
        let at = PasswordApi::new(&world, style, json!({}));
        assert_slowed(&at_once(|| at.login("guess").status), refused);
        // The right one is not told apart.
        at.login("s3cret").expect_status(429);
    }
}

#[test]
fn of_passwords_sent_at_once_to_an_api_ten_are_tried() {
    let world = World::of(Node::start());
    for style in STYLES {
        let at = basic_auth::Fixture::new(&world, style, json!({}));
        assert_slowed(&at_once(|| at.call(&at.user, "guess").status), 401);
        at.call(&at.user, "s3cret").expect_status(429);
        // A name that nobody has is answered alike.
        let nobody = format!("{}-nobody", at.user);
        assert_slowed(&at_once(|| at.call(&nobody, "guess").status), 401);
    }
}

#[test]
fn a_request_holds_one_guess_at_the_control_secret_per_name_of_a_header() {
    let node = Node::start();
    let secret = node.secret();
    for name in ["x-tyk-authorization", "authorization"] {
        let fields = |values: &[&str]| {
            let fields: Vec<_> = values.iter().map(|value| (name, *value)).collect();
            node.client().get(&node.control_url("/tyk/apis"), &fields)
        };
        fields(&[&secret]).expect_status(200);
        fields(&["guess", &secret]).expect_status(403);
        fields(&[&secret, &secret]).expect_status(403);
        let mut many = vec!["guess"; 50];
        many.push(&secret);
        fields(&many).expect_status(403);
    }
    let both = [("x-tyk-authorization", "guess"), ("authorization", "guess")];
    for _ in 0..2 {
        node.client()
            .get(&node.control_url("/tyk/apis"), &both)
            .expect_status(403);
    }
    let answer = node.ask("GET", "/tyk/apis", &Value::Null);
    answer.expect_status(429);
}

#[test]
fn a_request_holds_one_guess_at_the_control_secret_where_everybody_may_guess() {
    for style in STYLES {
        let world = World::of(Node::start());
        let api = OAuthApi::new(&world, style);
        let secret = world.node.secret();
        let approve = |values: &[&str]| {
            let headers: Vec<_> = values
                .iter()
                .map(|value| ("x-tyk-authorization", *value))
                .collect();
            let form = [
                ("response_type", "code"),
                ("client_id", api.client.id.as_str()),
            ];
            let url = api.url("/tyk/oauth/authorize-client");
            world.node.client().post_form(&url, &headers, &form)
        };
        let mut many = vec!["guess"; 50];
        many.push(&secret);
        for _ in 0..9 {
            let answer = approve(&many).expect_status(403);
            assert_eq!(text(&answer.json(), "code"), "");
        }
        approve(&[&secret]).expect_status(200);
        approve(&many).expect_status(403);
        approve(&[&secret]).expect_status(429);
    }
}
