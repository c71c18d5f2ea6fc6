#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed unwrap is a failed test"
)]

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use futures_util::FutureExt as _;
use parking_lot::Mutex;
use raftgate_model::api::{ListenPath, Rotation, TargetPlace, Verification};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_blocking;

use super::*;
use crate::api::health_checks::{IN_FLIGHT_MAX, LOOK_UPS};
use crate::resolver::{LookingUp, Resolver};
use crate::snapshot::{TlsConfigs, gateway_tls};
use crate::test_cluster::until;

/// A check that judges at once, and asks as often as it can.
fn check() -> HealthCheck {
    HealthCheck {
        interval_ms: 1,
        timeout_ms: 20,
        unhealthy_after: 1,
        healthy_after: 1,
        ..HealthCheck::of("/up")
    }
}

fn api(targets: &[String], check: HealthCheck) -> CompiledApi {
    let targets: Vec<Target> = targets
        .iter()
        .map(|url| Target::parse(url).unwrap())
        .collect();
    let first = targets.first().unwrap().clone();
    let balancer = Balancer::new(Rotation::new(targets).unwrap(), Some(check));
    let id = ApiId::new("api").unwrap();
    CompiledApi {
        balancer: Some(Arc::new(balancer)),
        ..CompiledApi::keyless(id, ListenPath::parse("/api/").unwrap(), first)
    }
}

fn place(balancer: &Balancer, index: usize) -> TargetPlace {
    balancer.places().nth(index).unwrap().0
}

fn balancer(api: &CompiledApi) -> Arc<Balancer> {
    Arc::clone(api.balancer.as_ref().unwrap())
}

/// A target that answers what the test says.
struct Answering {
    port: u16,
    asked: Rc<Cell<usize>>,
    status: Rc<Cell<u16>>,
}

impl Answering {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let this = Self {
            port: listener.local_addr().unwrap().port(),
            asked: Rc::default(),
            status: Rc::new(Cell::new(204)),
        };
        let (asked, status) = (Rc::clone(&this.asked), Rc::clone(&this.status));
        actix::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                // A check that was given up on the way is none.
                let mut head = [0; 1024];
                if stream.read(&mut head).await.is_ok_and(|bytes| bytes > 0) {
                    asked.set(asked.get() + 1);
                    let answer =
                        format!("HTTP/1.1 {} x\r\ncontent-length: 0\r\n\r\n", status.get());
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            }
        });
        this
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    async fn asked_again(&self, times: usize) {
        let enough = self.asked.get() + times;
        until("the target was asked again", || self.asked.get() >= enough).await;
    }
}

fn all() -> HealthChecks {
    HealthChecks::on(actix::Arbiter::current(), gateway_tls().unwrap())
}

/// Checks whose look-ups are counted, and do what the test says.
fn looking_up<F>(look_up: F) -> (HealthChecks, Arc<AtomicUsize>)
where
    F: Fn() -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
{
    let count = Arc::new(AtomicUsize::new(0));
    let (counting, look_up) = (Arc::clone(&count), Arc::new(look_up));
    let answering = move |_| -> LookingUp {
        counting.fetch_add(1, Ordering::SeqCst);
        let look_up = Arc::clone(&look_up);
        Box::pin(async move { spawn_blocking(move || look_up()).await.unwrap() })
    };
    let resolver = Resolver::new(LOOK_UPS, Box::new(answering));
    let all = HealthChecks::with(actix::Arbiter::current(), gateway_tls().unwrap(), resolver);
    (all, count)
}

/// The same with look-ups that hang until the sender goes.
fn hanging() -> (HealthChecks, Arc<AtomicUsize>, mpsc::SyncSender<()>) {
    let (sender, hang) = mpsc::sync_channel(0);
    let hang = Mutex::new(hang);
    let (all, count) = looking_up(move || {
        let _: Result<(), _> = hang.lock().recv();
        Err(io::Error::other("it hung"))
    });
    (all, count, sender)
}

#[actix::test]
async fn a_name_that_does_not_resolve_says_nothing_about_its_target() {
    let clock = Answering::start().await;
    let (all, _) = looking_up(|| Err(io::Error::other("no resolver answers")));
    let api = api(&["http://one.test:1/".to_owned(), clock.url()], check());
    let balancer = balancer(&api);
    let named = place(&balancer, 0);
    let _checks = Checks::of(Some(&api), None, &all).unwrap();
    clock.asked_again(5).await;
    assert!(!balancer.is_down(named));
    balancer.set_down(named, true);
    clock.asked_again(5).await;
    assert!(balancer.is_down(named), "nor does it make it well");
}

#[actix::test]
async fn a_target_is_asked_at_the_address_that_can_be_connected_to() {
    let target = Answering::start().await;
    let (all, count) = looking_up(|| {
        let found = [[127, 99, 7, 1], [127, 0, 0, 1]];
        Ok(found.map(|address| SocketAddr::from((address, 0))).to_vec())
    });
    let api = api(&[format!("http://one.test:{}/", target.port)], check());
    let balancer = balancer(&api);
    let named = place(&balancer, 0);
    balancer.set_down(named, true);
    let _checks = Checks::of(Some(&api), None, &all).unwrap();
    until("the target is up", || !balancer.is_down(named)).await;
    // Not every round asks for its name.
    target.asked_again(5).await;
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[actix::test]
async fn look_ups_that_hang_hold_few_threads_and_judge_nobody() {
    let clock = Answering::start().await;
    let (all, count, sender) = hanging();
    let begin = |names: Range<usize>| {
        let mut urls: Vec<String> = names.map(|name| format!("http://{name}.test:1/")).collect();
        urls.push(clock.url());
        let api = api(&urls, check());
        let checks = Checks::of(Some(&api), None, &all).unwrap();
        (balancer(&api), checks)
    };
    // One name has one look-up, however often its target's turn comes, and whichever APIs it is a target of.
    let one = [begin(0..1), begin(0..1)];
    clock.asked_again(5).await;
    assert_eq!(count.load(Ordering::SeqCst), 1);
    // Many have as many as there is room for.
    let room = LOOK_UPS.names;
    let many = [begin(0..room), begin(room..2 * room)];
    let counted = || count.load(Ordering::SeqCst);
    until("the room is taken", || counted() >= room).await;
    clock.asked_again(10).await;
    assert_eq!(counted(), room);
    // Their threads keep the room when nobody waits for them any more.
    let ended = many.into_iter().chain(one).map(|(balancer, _)| balancer);
    let balancers: Vec<_> = ended.collect();
    let again = begin(2 * room..3 * room);
    clock.asked_again(5).await;
    assert_eq!(counted(), room);
    for balancer in balancers.iter().chain([&again.0]) {
        // The last one has an address, and may be slow on a busy machine.
        let names = balancer.places().take(balancer.places().len() - 1);
        let down = names.filter(|(place, _)| balancer.is_down(*place));
        assert_eq!(down.count(), 0);
    }
    drop(sender);
    until("there is room again", || counted() > room).await;
}

#[actix::test]
async fn each_answer_counts_when_it_comes() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let unwell = Answering::start().await;
    unwell.status.set(503);
    let check = HealthCheck {
        timeout_ms: 60_000,
        ..check()
    };
    let silent_url = format!("http://{}/", silent.local_addr().unwrap());
    let api = api(&[silent_url, unwell.url()], check);
    let balancer = balancer(&api);
    let _checks = Checks::of(Some(&api), None, &all()).unwrap();
    until("the target is down", || {
        balancer.is_down(place(&balancer, 1))
    })
    .await;
    assert!(!balancer.is_down(place(&balancer, 0)));
}

fn with_own_tls(api: &CompiledApi) -> CompiledApi {
    let tls = UpstreamTls {
        verification: Verification::Skipped,
        ..UpstreamTls::default()
    };
    CompiledApi {
        balancer: api.balancer.clone(),
        tls: TlsConfigs::default().of(tls).unwrap(),
        ..CompiledApi::keyless(
            api.id.clone(),
            ListenPath::parse("/api/").unwrap(),
            api.target.clone(),
        )
    }
}

/// An API with a target that takes connections and never answers, and does not come to a judgement in a test.
async fn undecided() -> (CompiledApi, TcpListener) {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let check = HealthCheck {
        timeout_ms: 60_000,
        ..check()
    };
    let url = format!("http://{}/", silent.local_addr().unwrap());
    (api(&[url], check), silent)
}

/// The checks of an API that ask its target by now, and the connection on which they do.
async fn begun(
    api: &CompiledApi,
    running: Option<Checks>,
    target: &TcpListener,
) -> (Checks, TcpStream) {
    let checks = Checks::of(Some(api), running, &all()).unwrap();
    let (asking, _) = target.accept().await.unwrap();
    (checks, asking)
}

/// Waits until whoever asks has given up.
async fn given_up(mut asking: TcpStream) {
    let mut asked = Vec::new();
    // It may have been cut off in the midst of something.
    let _ = asking.read_to_end(&mut asked).await;
}

#[actix::test]
async fn checks_go_on_where_a_new_version_would_check_the_same() {
    let (first, target) = undecided().await;
    let (checks, asking) = begun(&first, None, &target).await;
    assert!(checks.are_of(&first));
    let checks = Checks::of(Some(&first), Some(checks), &all()).unwrap();

    // The next one who asks is another, and the first one was there until then.
    let over_tls = with_own_tls(&first);
    assert!(!checks.are_of(&over_tls));
    let (checks, asking_next) = begun(&over_tls, Some(checks), &target).await;
    given_up(asking).await;
    let (other, other_target) = undecided().await;
    let (checks, asking_other) = begun(&other, Some(checks), &other_target).await;
    given_up(asking_next).await;
    assert!(Checks::of(None, Some(checks), &all()).is_none());
    given_up(asking_other).await;
}

#[actix::test]
async fn checks_that_have_ended_are_begun_again() {
    let (api, target) = undecided().await;
    let arbiter = actix::Arbiter::new();
    let elsewhere = HealthChecks::on(arbiter.handle(), gateway_tls().unwrap());
    let checks = Checks::of(Some(&api), None, &elsewhere).unwrap();
    let (asking, _) = target.accept().await.unwrap();
    arbiter.stop();
    given_up(asking).await;
    until("they ended", || !checks.are_of(&api)).await;
    let (checks, _asking) = begun(&api, Some(checks), &target).await;
    assert!(checks.are_of(&api));
    // Nobody checks where nothing runs any more.
    arbiter.join().unwrap();
    let nowhere = Checks::of(Some(&with_own_tls(&api)), Some(checks), &elsewhere).unwrap();
    assert!(nowhere.end.is_closed());
}

#[actix::test]
async fn where_nobody_checks_any_more_nobody_is_down() {
    let (api, target) = undecided().await;
    let balancer = balancer(&api);
    let a = place(&balancer, 0);
    balancer.set_down(a, true);
    let (checks, asking) = begun(&api, None, &target).await;
    // Whoever follows goes on with what was found.
    let (checks, _asking) = begun(&with_own_tls(&api), Some(checks), &target).await;
    given_up(asking).await;
    assert!(balancer.is_down(a));
    drop(checks);
    until("the target is up", || !balancer.is_down(a)).await;
}

#[actix::test]
async fn so_many_targets_of_all_apis_are_asked_at_a_time() {
    let clock = Answering::start().await;
    let _clock = Checks::of(Some(&api(&[clock.url()], check())), None, &all()).unwrap();
    let silent = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let patient = HealthCheck {
        timeout_ms: 60_000,
        ..check()
    };
    let all = all();
    let begin = |number: usize| {
        // Each address of the loopback is a target of its own.
        let urls: Vec<String> = (1..=ASKED_AT_ONCE)
            .map(|last| format!("http://127.0.{number}.{last}:{port}/"))
            .collect();
        Checks::of(Some(&api(&urls, patient.clone())), None, &all).unwrap()
    };
    // There is room for all APIs but one.
    let mut checks: Vec<Checks> = (0..=IN_FLIGHT_MAX / ASKED_AT_ONCE).map(begin).collect();
    let mut asking = Vec::new();
    for _ in 0..IN_FLIGHT_MAX {
        asking.push(silent.accept().await.unwrap());
    }
    clock.asked_again(10).await;
    assert!(silent.accept().now_or_never().is_none());
    checks.remove(0);
    for _ in 0..ASKED_AT_ONCE {
        asking.push(silent.accept().await.unwrap());
    }
}

#[test]
fn a_target_changes_after_as_many_answers_in_a_row_as_the_check_says() {
    let check = HealthCheck {
        unhealthy_after: 3,
        healthy_after: 2,
        ..HealthCheck::of("/")
    };
    let mut streak = 0;
    let mut standing = Standing::Up;
    let answers = [
        (false, false),
        (false, false),
        (true, false),
        (false, false),
        (false, false),
        (false, true),
        (false, true),
        (true, true),
        (false, true),
        (true, true),
        (true, false),
        (true, false),
    ];
    for (place, (is_well, is_down)) in answers.into_iter().enumerate() {
        standing = judge(standing, Standing::of(!is_well), &mut streak, &check);
        assert_eq!(standing, Standing::of(is_down), "after answer {place}");
    }
}
