//! Many at once: a code or refresh token yields one pair of tokens, however many ask for it.

use std::collections::BTreeSet;
use std::sync::Barrier;

use crate::harness::{Answer, Client, Node};
use crate::world::{OAuthApi, REDIRECT, STYLES, Style, Tokens, World};

/// How many ask at once.
const RIVALS: usize = 20;

/// The answers to one form that all send at the same moment, each on a connection of its own.
fn at_once(api: &OAuthApi<'_>, form: &[(&str, &str)]) -> Vec<Answer> {
    let barrier = Barrier::new(RIVALS);
    let (url, basic) = (api.url("/oauth/token"), api.client.basic());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..RIVALS)
            .map(|_| {
                scope.spawn(|| {
                    let client = Client::new();
                    barrier.wait();
                    client.post_form(&url, &[("authorization", &basic)], form)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

/// The different pairs among the answers; what is no 200 must be an invalid grant.
fn pairs(api: &OAuthApi<'_>, answers: Vec<Answer>) -> BTreeSet<Tokens> {
    let mut pairs = BTreeSet::new();
    for answer in answers {
        if answer.status == 200 {
            pairs.insert(Tokens::of(answer));
        } else {
            api.assert_error(&answer, (400, "invalid_grant"), (403, "invalid_grant"));
        }
    }
    pairs
}

/// The form that exchanges a code.
fn exchange_of(code: &str) -> [(&str, &str); 3] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
    ]
}

#[test]
fn a_code_yields_one_pair_d8() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        for _ in 0..3 {
            let code = api.code();
            let form = exchange_of(&code);
            let answers = at_once(&api, &form);
            // All are retries of one request inside the window, so all hear the same.
            assert!(answers.iter().all(|answer| answer.status == 200));
            let pairs = pairs(&api, answers);
            assert_eq!(pairs.len(), 1, "{pairs:?}");
            api.assert_good(&pairs.first().unwrap().access);
        }
    }
}

#[test]
fn a_refresh_token_yields_one_pair_d14() {
    let world = World::shared();
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let mut tokens = api.tokens();
        for _ in 0..3 {
            let form = [
                ("grant_type", "refresh_token"),
                ("refresh_token", tokens.refresh.as_str()),
            ];
            let answers = at_once(&api, &form);
            assert!(answers.iter().all(|answer| answer.status == 200));
            let pairs = pairs(&api, answers);
            assert_eq!(pairs.len(), 1, "{pairs:?}");
            api.assert_unknown(&tokens.access);
            tokens = pairs.first().unwrap().clone();
            api.assert_good(&tokens.access);
        }
    }
}

#[test]
fn without_a_window_one_wins_and_the_rest_end_what_it_won() {
    let node = Node::builder()
        .configuration("[oauth]\nretry_window_s = 0")
        .start();
    let world = World::of(node);
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        for _ in 0..3 {
            let code = api.code();
            let form = exchange_of(&code);
            let won = pairs(&api, at_once(&api, &form));
            assert_eq!(won.len(), 1, "{won:?}");
            api.assert_unknown(&won.first().unwrap().access);
            let tokens = api.tokens();
            let form = [
                ("grant_type", "refresh_token"),
                ("refresh_token", tokens.refresh.as_str()),
            ];
            let won = pairs(&api, at_once(&api, &form));
            assert_eq!(won.len(), 1, "{won:?}");
            api.assert_unknown(&won.first().unwrap().access);
        }
    }
}

#[test]
fn every_token_that_was_answered_is_good_and_differs() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let answers = at_once(&api, &[("grant_type", "client_credentials")]);
    let tokens: BTreeSet<_> = answers
        .into_iter()
        .map(|answer| Tokens::of(answer).access)
        .collect();
    assert_eq!(tokens.len(), RIVALS);
    for token in tokens {
        api.assert_good(&token);
    }
}

#[test]
fn refreshing_and_revoking_at_once_never_leaves_a_live_pair() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    for _ in 0..5 {
        let tokens = api.tokens();
        let barrier = Barrier::new(2);
        let (refreshed, revoked) = std::thread::scope(|scope| {
            let refresh = scope.spawn(|| {
                barrier.wait();
                api.refresh(&tokens.refresh)
            });
            let revoke = scope.spawn(|| {
                let (url, basic) = (api.url("/oauth/revoke"), api.client.basic());
                let form = [("token", tokens.refresh.as_str())];
                barrier.wait();
                Client::new().post_form(&url, &[("authorization", &basic)], &form)
            });
            (refresh.join().unwrap(), revoke.join().unwrap())
        });
        assert_eq!(revoked.status, 200);
        api.assert_unknown(&tokens.access);
        if refreshed.status == 200 {
            let next = Tokens::of(refreshed);
            api.assert_unknown(&next.access);
            assert_eq!(api.refresh(&next.refresh).status, 400);
        }
    }
}
