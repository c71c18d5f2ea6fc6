#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed unwrap is a failed test"
)]

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use parking_lot::Mutex;
use raftgate_model::api::{ApiSpec, ListenPath, Rotation, TargetPlace, Verification};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::api::addresses::LOOK_UPS_MAX;
use crate::snapshot::TlsConfigs;
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

/// Look-ups that are counted, and do what the test says.
fn counted<F>(look_up: F) -> (LookUps, Arc<AtomicUsize>)
where
    F: Fn(usize, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
{
    let count = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&count);
    let look_ups = LookUps::new(Arc::new(move |_, port| {
        look_up(counting.fetch_add(1, Ordering::SeqCst), port)
    }));
    (look_ups, count)
}

/// Look-ups that hang until the sender goes.
fn hanging() -> (LookUps, Arc<AtomicUsize>, mpsc::SyncSender<()>) {
    let (sender, hang) = mpsc::sync_channel(0);
    let hang = Mutex::new(hang);
    let (look_ups, count) = counted(move |_, _| {
        let _: Result<(), _> = hang.lock().recv();
        Err(io::Error::other("it hung"))
    });
    (look_ups, count, sender)
}

#[actix::test]
async fn a_name_that_does_not_resolve_says_nothing_about_its_target() {
    let (look_ups, count) = counted(|_, _| Err(io::Error::other("no resolver answers")));
    let api = api(&["http://one.test:1/".to_owned()], check());
    let balancer = balancer(&api);
    let checks = Checks::begin(&api, &look_ups).unwrap();
    let looked_up = |times| count.load(Ordering::SeqCst) >= times;
    until("it was looked up", || looked_up(5)).await;
    assert!(!balancer.is_down(place(&balancer, 0)));
    balancer.set_down(place(&balancer, 0), true);
    until("it was looked up again", || looked_up(10)).await;
    assert!(
        balancer.is_down(place(&balancer, 0)),
        "nor does it make it well"
    );
    drop(checks);
}

#[actix::test]
async fn the_last_known_address_is_asked_while_look_ups_fail() {
    let target = Answering::start().await;
    let (look_ups, count) = counted(|number, port| match number {
        0 => Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]),
        _ => Err(io::Error::other("no resolver answers")),
    });
    let api = api(&[format!("http://one.test:{}/", target.port)], check());
    let balancer = balancer(&api);
    let checks = Checks::begin(&api, &look_ups).unwrap();
    target.asked_again(3).await;
    assert!(count.load(Ordering::SeqCst) > 1);
    target.status.set(503);
    until("the target is down", || {
        balancer.is_down(place(&balancer, 0))
    })
    .await;
    target.status.set(204);
    until("the target is up", || {
        !balancer.is_down(place(&balancer, 0))
    })
    .await;
    drop(checks);
}

#[actix::test]
async fn a_target_is_asked_at_the_address_that_can_be_connected_to() {
    let target = Answering::start().await;
    let (look_ups, _) = counted(|_, port| {
        let nowhere = SocketAddr::from(([127, 99, 7, 1], port));
        Ok(vec![nowhere, SocketAddr::from(([127, 0, 0, 1], port))])
    });
    let api = api(&[format!("http://one.test:{}/", target.port)], check());
    let balancer = balancer(&api);
    balancer.set_down(place(&balancer, 0), true);
    let checks = Checks::begin(&api, &look_ups).unwrap();
    until("the target is up", || {
        !balancer.is_down(place(&balancer, 0))
    })
    .await;
    drop(checks);
}

#[actix::test]
async fn look_ups_that_hang_hold_few_threads_and_judge_nobody() {
    let clock = Answering::start().await;
    let (look_ups, count, sender) = hanging();
    let begin = |names: usize| {
        let mut urls: Vec<String> = (0..names)
            .map(|name| format!("http://{name}.test:1/"))
            .collect();
        urls.push(clock.url());
        let api = api(&urls, check());
        let checks = Checks::begin(&api, &look_ups).unwrap();
        (balancer(&api), checks)
    };
    // One name has one look-up, however often its target's turn comes.
    let one = begin(1);
    clock.asked_again(5).await;
    assert_eq!(count.load(Ordering::SeqCst), 1);
    // Many have as many as there is room for, whichever APIs they are of.
    let many = [begin(LOOK_UPS_MAX), begin(LOOK_UPS_MAX)];
    until("the room is taken", || {
        count.load(Ordering::SeqCst) >= LOOK_UPS_MAX
    })
    .await;
    clock.asked_again(10).await;
    assert_eq!(count.load(Ordering::SeqCst), LOOK_UPS_MAX);
    // Their threads keep the room when nobody waits for them any more.
    let balancers: Vec<_> = many
        .into_iter()
        .chain([one])
        .map(|(balancer, _)| balancer)
        .collect();
    let again = begin(LOOK_UPS_MAX);
    clock.asked_again(5).await;
    assert_eq!(count.load(Ordering::SeqCst), LOOK_UPS_MAX);
    for balancer in balancers.iter().chain([&again.0]) {
        // The last one has an address, and may be slow on a busy machine.
        let names = balancer.places().take(balancer.places().len() - 1);
        let down = names.filter(|(place, _)| balancer.is_down(*place));
        assert_eq!(down.count(), 0);
    }
    drop(sender);
    until("there is room again", || {
        count.load(Ordering::SeqCst) > LOOK_UPS_MAX
    })
    .await;
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
    let _checks = Checks::of(Some(&api), None).unwrap();
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

#[actix::test]
async fn checks_go_on_where_a_new_version_would_check_the_same() {
    let (first, _silent) = undecided().await;
    let checks = Checks::of(Some(&first), None).unwrap();
    let id = checks.task.id();
    let checks = Checks::of(Some(&first), Some(checks)).unwrap();
    assert_eq!(checks.task.id(), id);

    let over_tls = with_own_tls(&first);
    let checks = Checks::of(Some(&over_tls), Some(checks)).unwrap();
    let over_tls_id = checks.task.id();
    assert_ne!(over_tls_id, id);
    let (other, _silent) = undecided().await;
    let checks = Checks::of(Some(&other), Some(checks)).unwrap();
    assert_ne!(checks.task.id(), over_tls_id);

    // Those that ended are begun again.
    checks.task.abort();
    until("they ended", || checks.task.is_finished()).await;
    let checks = Checks::of(Some(&other), Some(checks)).unwrap();
    assert!(!checks.task.is_finished());
    assert!(Checks::of(None, Some(checks)).is_none());
}

#[actix::test]
async fn where_nobody_checks_any_more_nobody_is_down() {
    let (api, _silent) = undecided().await;
    let balancer = balancer(&api);
    balancer.set_down(place(&balancer, 0), true);
    let checks = Checks::of(Some(&api), None).unwrap();
    // Whoever follows goes on with what was found.
    let ended = checks.task.abort_handle();
    let checks = Checks::of(Some(&with_own_tls(&api)), Some(checks)).unwrap();
    until("the first ones ended", || ended.is_finished()).await;
    assert!(balancer.is_down(place(&balancer, 0)));
    drop(checks);
    until("the target is up", || {
        !balancer.is_down(place(&balancer, 0))
    })
    .await;
}

#[test]
fn a_target_changes_after_as_many_answers_in_a_row_as_the_check_says() {
    let check = HealthCheck {
        unhealthy_after: 3,
        healthy_after: 2,
        ..HealthCheck::of("/")
    };
    let mut streak = 0;
    let mut down = false;
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
    for (place, (is_well, expected)) in answers.into_iter().enumerate() {
        down = judge(down, is_well, &mut streak, &check);
        assert_eq!(down, expected, "after answer {place}");
    }
}

#[actix::test]
async fn whatever_is_read_as_a_path_can_be_asked_for() {
    let client = awc::Client::default();
    let mut read = 0;
    for mark in (0_u8..=0x7f).map(char::from) {
        for path in [format!("/a{mark}b"), format!("/a?b{mark}c")] {
            let definition = json!({
                "api_id": "a", "name": "a", "active": true, "use_keyless": true,
                "proxy": {"listen_path": "/a/", "target_url": "http://up/"},
                "raftgate": {"health_check": {"path": path}},
            });
            if ApiSpec::from_text(&definition.to_string()).is_ok() {
                let request = client.get(format!("http://up:80{path}"));
                let asked = request.get_uri().path_and_query().unwrap();
                assert_eq!(asked.as_str(), path);
                read += 1;
            }
        }
    }
    assert!(read > 2 * 62, "letters and digits at least: {read}");
}
