#![allow(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected must fail"
)]

use super::*;
use crate::snapshot::Publisher;

const NOW: Revision = Revision(7);
/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_millis(20);

fn id(name: &str) -> ApiId {
    ApiId::new(name).unwrap()
}

fn published(degraded: &[(&str, Hindrance)]) -> ConfigStatus {
    let degraded = degraded.iter().map(|(name, hindrance)| DegradedApi {
        id: id(name),
        hindrance: *hindrance,
        reason: "out of reach".into(),
    });
    ConfigStatus {
        revision: Some(NOW),
        degraded: degraded.collect(),
    }
}

fn handle(status: ConfigStatus) -> (watch::Sender<ConfigStatus>, RegistryHandle) {
    let (sender, statuses) = watch::channel(status);
    (
        sender,
        RegistryHandle::new(Publisher::default().source(), statuses),
    )
}

#[actix::test]
async fn an_api_that_is_late_is_waited_for_and_no_other() {
    let (sender, handle) = handle(published(&[("late", Hindrance::Late)]));
    let (own, others) = (id("late"), id("other"));
    let of_others = [others];
    let other = handle.in_force(NOW, Scope::Apis(&of_others), PATIENCE);
    assert_eq!(other.await, Ok(()));
    assert_eq!(handle.published(NOW, PATIENCE).await, Ok(()));

    let of_own = [own];
    for scope in [Scope::Apis(&of_own), Scope::Everything] {
        let waited = handle.in_force(NOW, scope, SOON).await;
        assert_eq!(waited, Err(NotInForce::Late));
    }
    let waited = handle.in_force(NOW, Scope::Apis(&of_own), PATIENCE);
    let comes = async {
        tokio::task::yield_now().await;
        sender.send_replace(published(&[]));
    };
    assert_eq!(tokio::join!(waited, comes).0, Ok(()));
}

#[actix::test]
async fn what_cannot_be_served_is_said_at_once_to_whoever_asks_for_it() {
    let (_sender, handle) = handle(published(&[("broken", Hindrance::Unservable)]));
    let (broken, fine) = ([id("broken")], [id("fine")]);
    let told = handle.in_force(NOW, Scope::Apis(&fine), PATIENCE).await;
    assert_eq!(told, Ok(()));
    for scope in [Scope::Apis(&broken), Scope::Everything] {
        let told = handle.in_force(NOW, scope, PATIENCE).await;
        let Err(NotInForce::Unservable(apis)) = told else {
            unreachable!("{told:?}");
        };
        assert_eq!(apis.to_string(), "API broken: out of reach");
    }
}

#[actix::test]
async fn an_owner_that_is_gone_is_not_waited_for() {
    let (sender, handle) = handle(published(&[("late", Hindrance::Late)]));
    drop(sender);
    let waited = handle.in_force(NOW, Scope::Everything, PATIENCE).await;
    assert_eq!(waited, Err(NotInForce::Stopped));
}

#[test]
fn only_the_first_few_that_cannot_be_served_are_named() {
    let names: Vec<_> = (0..12).map(|number| format!("api{number}")).collect();
    let broken: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), Hindrance::Unservable))
        .collect();
    let told = Unservable(published(&broken).degraded.to_vec()).to_string();
    assert!(told.contains("api9") && !told.contains("api10"), "{told}");
    assert!(told.ends_with("; and 2 more"), "{told}");
}

#[test]
fn what_is_published_is_behind_what_is_stored_until_all_of_it_is_in_force() {
    let status = published(&[("late", Hindrance::Late), ("broken", Hindrance::Unservable)]);
    assert!(status.is_behind(&id("late"), NOW));
    assert!(status.is_behind(&id("broken"), NOW));
    assert!(!status.is_behind(&id("fine"), NOW));
    assert!(status.is_behind(&id("fine"), Revision(8)));
    assert!(ConfigStatus::default().is_behind(&id("fine"), Revision(0)));
}
