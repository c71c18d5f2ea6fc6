//! The tokens of a client: listed whole or by page, in clear or by name.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Answer, Credentials, Node, wait_for};
use crate::world::{OAuthApi, STYLES, Style, World, text};

impl OAuthApi<'_> {
    #[track_caller]
    fn listing(&self, client: &Credentials, query: &str) -> Answer {
        let path = format!("{}/tokens{query}", self.client_path(client));
        self.world.node.ask("GET", &path, &Value::Null)
    }

    /// Code and expiry of each token that is listed.
    #[track_caller]
    fn listed(&self, client: &Credentials) -> Vec<(String, u64)> {
        rows(&self.listing(client, "").expect_status(200).json())
    }

    /// So many tokens of a client.
    fn issue(&self, client: &Credentials, count: usize) -> BTreeSet<String> {
        let token = |_| self.world.node.access_token(&self.id, client);
        (0..count).map(token).collect()
    }
}

fn rows(list: &Value) -> Vec<(String, u64)> {
    let rows = list.as_array().unwrap().iter();
    let row = |row: &Value| {
        let keys: Vec<_> = row.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["code", "expires"]);
        (text(row, "code"), row["expires"].as_u64().unwrap())
    };
    rows.map(row).collect()
}

fn now_s() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn pages_have_a_hundred_tokens_t11() {
    let world = World::shared();
    for style in STYLES {
        lists_by_page(&world, style);
    }
}

fn lists_by_page(world: &World, style: Style) {
    let api = OAuthApi::new(world, style);
    let client = api.another_client(json!({}));
    let mut issued = BTreeSet::new();
    for (query, total, count, page_num, page_total) in [
        ("?page=1", 0, 0, 1, 0),
        ("?page=1", 85, 85, 1, 1),
        ("?page=1", 110, 100, 1, 2),
        ("?page=-3", 110, 100, 1, 2),
        ("?page=0", 110, 100, 1, 2),
        ("?page=x", 110, 100, 1, 2),
        ("?page=2", 110, 10, 2, 2),
        ("?page=2", 200, 100, 2, 2),
        ("?page=3", 200, 0, 3, 2),
        ("?page=18446744073709551615", 200, 0, usize::MAX, 2),
    ] {
        issued.extend(api.issue(&client, total - issued.len()));
        let listed = api.listing(&client, query).expect_status(200).json();
        let keys: Vec<_> = listed.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["Pagination", "Tokens"]);
        let expected = json!({"page_num": page_num, "page_total": page_total, "page_size": 100});
        assert_eq!(listed["Pagination"], expected, "{query} of {total}");
        let codes: BTreeSet<String> = rows(&listed["Tokens"])
            .into_iter()
            .map(|row| row.0)
            .collect();
        assert_eq!(codes.len(), count, "{query} of {total}");
        assert!(codes.is_subset(&issued));
    }
    // Both pages together, and the plain list, are all of them in the order of their ends.
    let mut all = rows(&api.listing(&client, "?page=1").json()["Tokens"]);
    all.extend(rows(&api.listing(&client, "?page=2").json()["Tokens"]));
    let plain = api.listed(&client);
    assert_eq!(all, plain);
    assert_eq!(
        api.listing(&client, "?page=").json(),
        api.listing(&client, "").json()
    );
    let codes: BTreeSet<String> = plain.iter().map(|row| row.0.clone()).collect();
    assert_eq!(codes, issued);
    assert!(plain.iter().map(|row| row.1).is_sorted());
    let in_an_hour = now_s() + 3600;
    assert!(plain.iter().all(|row| in_an_hour.abs_diff(row.1) < 120));
}

#[test]
fn listed_tokens_are_in_clear_and_go_when_they_end_t12() {
    let world = World::shared();
    for style in STYLES {
        lists_until_they_end(&world, style);
    }
}

fn lists_until_they_end(world: &World, style: Style) {
    let short = json!({"raftgate": {"access_token_ttl_s": 6}});
    let api = OAuthApi::with(world, style, short);
    let (one, two) = (api.another_client(json!({})), api.another_client(json!({})));
    for client in [&one, &two] {
        let issued = api.issue(client, 3);
        let listed: BTreeSet<_> = api.listed(client).into_iter().map(|row| row.0).collect();
        assert_eq!(listed, issued);
        listed.iter().for_each(|token| api.assert_good(token));
    }
    wait_for("the tokens end", || {
        [&one, &two]
            .iter()
            .all(|client| api.listing(client, "").text() == "[]")
    });
    let page = api.listing(&one, "?page=1").json();
    assert_eq!(
        page["Pagination"],
        json!({"page_num": 1, "page_total": 0, "page_size": 100})
    );
    assert_eq!(page["Tokens"], json!([]));
}

#[test]
fn with_hash_keys_names_are_listed_that_open_nothing_and_revoke_t13() {
    let node = Node::builder().configuration("[compat]\nhash_keys = true");
    let world = World::of(node.start());
    for style in STYLES {
        let api = OAuthApi::new(&world, style);
        let tokens: Vec<_> = (0..3).map(|_| api.access_token()).collect();
        let listed = api.listed(&api.client);
        assert_eq!(listed.len(), 3);
        for (code, _) in &listed {
            assert_eq!(code.len(), 32, "{code}");
            assert!(!tokens.contains(code));
            api.assert_unknown(code);
        }
        // Either names a token when it is revoked, and the others stay.
        let revoke = |token: &str| {
            let form = [("token", token), ("client_id", api.client.id.as_str())];
            api.revoke_at_control(&form).expect_status(200);
        };
        revoke(&tokens[1]);
        let left: BTreeSet<_> = api.listed(&api.client).into_iter().collect();
        let gone: Vec<_> = listed.iter().filter(|row| !left.contains(row)).collect();
        assert_eq!((left.len(), gone.len()), (2, 1));
        revoke(&left.first().unwrap().0);
        assert_eq!(api.listed(&api.client).len(), 1);
        let good = tokens.iter().filter(|token| api.call(token).status == 200);
        assert_eq!(good.count(), 1);
    }
    // They go when they end, as in clear.
    let short = |style: Style| json!({"error_style": style.name(), "access_token_ttl_s": 6});
    let apis = STYLES.map(|style| {
        let api = OAuthApi::with(&world, style, json!({"raftgate": short(style)}));
        let issued = api.issue(&api.client, 3);
        let listed: BTreeSet<_> = api.listed(&api.client).into_iter().collect();
        assert_eq!(listed.len(), 3);
        assert!(
            listed
                .iter()
                .all(|row| row.0.len() == 32 && !issued.contains(&row.0))
        );
        api
    });
    wait_for("the tokens end", || {
        apis.iter()
            .all(|api| api.listing(&api.client, "").text() == "[]")
    });
}

#[test]
fn a_revoked_token_leaves_the_list_and_its_siblings_stay_d29() {
    let world = World::shared();
    let api = OAuthApi::new(&world, Style::Rfc);
    let mut tokens: Vec<_> = (0..5).map(|_| api.access_token()).collect();
    let form = [
        ("token", tokens[2].as_str()),
        ("client_id", api.client.id.as_str()),
    ];
    api.revoke_at_control(&form).expect_status(200);
    tokens.remove(2);
    let listed: BTreeSet<_> = api
        .listed(&api.client)
        .into_iter()
        .map(|row| row.0)
        .collect();
    assert_eq!(listed, tokens.into_iter().collect());
    let form = [
        ("client_id", api.client.id.as_str()),
        ("client_secret", &api.client.secret),
    ];
    api.revoke_all_at_control(&form).expect_status(200);
    assert_eq!(api.listed(&api.client), []);
    let fresh = api.access_token();
    assert_eq!(api.listed(&api.client)[0].0, fresh);
    world
        .node
        .ask("DELETE", &api.client_path(&api.client), &Value::Null)
        .expect_status(200);
    assert_eq!(api.listed(&api.client), []);
}

#[test]
fn unknown_clients_have_no_tokens_and_unknown_apis_are_404_d34() {
    let world = World::shared();
    for style in STYLES {
        lists_none_of_nobody(&world, style);
    }
}

fn lists_none_of_nobody(world: &World, style: Style) {
    let api = OAuthApi::new(world, style);
    let nobody = Credentials {
        id: "nobody".into(),
        secret: String::new(),
    };
    assert_eq!(api.listing(&nobody, "").expect_status(200).text(), "[]");
    let path = "/tyk/oauth/clients/no-api/nobody/tokens";
    let answer = world.node.ask("GET", path, &Value::Null).expect_status(404);
    let expected = json!({"status": "error", "message": "OAuth Client ID not found"});
    assert_eq!(answer.json(), expected);
    let path = format!("{}/tokens", api.client_path(&api.client));
    for method in ["POST", "PUT", "DELETE"] {
        world
            .node
            .ask(method, &path, &Value::Null)
            .expect_status(405);
    }
}
