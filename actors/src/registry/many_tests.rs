//! Changes among many: each costs what it changes, and ends where a start from state would end.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use raftgate_model::command::Command;
use raftgate_model::id::PolicyId;

use super::tests::{Config, keyless};
use super::*;
use crate::snapshot::Place;

const MANY: usize = 1000;

fn api(number: usize) -> ApiId {
    ApiId::new(&format!("api{number}")).unwrap()
}

fn policy(number: usize) -> PolicyId {
    PolicyId::new(&format!("policy{number}")).unwrap()
}

/// How many APIs and policies of a snapshot are not the very ones of another, and the first API among them.
fn anew(before: &GatewaySnapshot, after: &GatewaySnapshot) -> (usize, usize, Option<String>) {
    let is_anew = |id: &ApiId| match (before.api(id), after.api(id)) {
        (Some(before), Some(after)) => !Arc::ptr_eq(before, after),
        (None, None) => false,
        _ => true,
    };
    let apis: Vec<ApiId> = (0..MANY).map(api).filter(is_anew).collect();
    let policies = (0..MANY).map(policy).filter(|id| {
        let (before, after) = (before.policy(id), after.policy(id));
        !Arc::ptr_eq(before.unwrap(), after.unwrap())
    });
    let first = apis.first().map(ToString::to_string);
    (apis.len(), policies.count(), first)
}

#[actix::test]
async fn one_change_among_many_compiles_one_and_leaves_the_others_as_they_are() {
    let mut config = Config::new();
    for number in 0..MANY {
        let id = api(number);
        config.put(id.as_str(), &keyless(id.as_str(), "http://127.0.0.1:1"));
        config.put_policy(policy(number).as_str(), id.as_str());
    }
    let registry = config.run();
    config.settled(&registry).await;
    let first = registry.source().current();

    config.put("api500", &keyless("api500", "http://127.0.0.1:2"));
    config.settled(&registry).await;
    let second = registry.source().current();
    assert_eq!(anew(&first, &second), (1, 0, Some("api500".to_owned())));

    config.put_policy("policy7", "api8");
    config.settled(&registry).await;
    let third = registry.source().current();
    assert_eq!(anew(&second, &third), (0, 1, None));

    config.apply(Command::DeleteApi(api(3)));
    config.settled(&registry).await;
    let fourth = registry.source().current();
    assert_eq!(anew(&third, &fourth), (1, 0, Some("api3".to_owned())));
    assert!(fourth.routes().place(None, "/api3/").is_none());
    assert!(
        third.routes().place(None, "/api3/").is_some(),
        "its readers keep it"
    );
}

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % end
    }
}

/// Whose every path is, on a host of its own and on any other, and who is known by its id.
fn seen(registry: &RegistryHandle) -> Vec<String> {
    let snapshot = registry.source().current();
    let whose = |host: &str, path: usize| match snapshot
        .routes()
        .place(Some(host), &format!("/team/p{path}/x"))
    {
        None => "nobody".to_owned(),
        Some(Place::Unserved(id)) => format!("{id}, unserved"),
        Some(Place::Served(found)) => format!("{} {}", found.api.id, found.rest),
    };
    let hosts = ["own.example", "any.example"];
    let places = hosts
        .into_iter()
        .flat_map(|host| (0..4).map(move |path| (host, path)));
    let places = places.map(|(host, path)| whose(host, path));
    let known =
        (0..6).map(|number| format!("{:?}", snapshot.api(&api(number)).map(|api| api.revision)));
    let degraded = registry.status().degraded.len();
    places.chain(known).chain([degraded.to_string()]).collect()
}

/// A definition at one of a few places, or none that is in force.
fn random_definition(id: &str, numbers: &mut Numbers) -> String {
    let path = match numbers.below(5) {
        4 => "/team/".to_owned(),
        number => format!("/team/p{number}/"),
    };
    let mut text =
        keyless(id, "http://127.0.0.1:1").replace(&format!("\"/{id}/\""), &format!("\"{path}\""));
    if numbers.below(3) == 0 {
        text = text.replace("\"active\"", "\"domain\":\"own.example\",\"active\"");
    }
    if numbers.below(6) == 0 {
        text = text.replace("\"active\":true", "\"active\":false");
    }
    text
}

#[actix::test]
async fn any_changes_end_where_a_start_from_state_ends() {
    for seed in 1..=4 {
        let mut numbers = Numbers(seed);
        let mut config = Config::new();
        let registry = config.run();
        for _ in 0..40 {
            // Now and then several changes are one round; places are wanted twice, because nobody judges that here.
            for _ in 0..=numbers.below(3) {
                let id = api(usize::try_from(numbers.below(6)).unwrap());
                if numbers.below(4) == 0 {
                    config.apply(Command::DeleteApi(id));
                } else {
                    let text = random_definition(id.as_str(), &mut numbers);
                    config.put(id.as_str(), &text);
                }
            }
            config.settled(&registry).await;
            let fresh = config.run();
            config.settled(&fresh).await;
            assert_eq!(seen(&registry), seen(&fresh), "seed {seed}");
        }
    }
}
