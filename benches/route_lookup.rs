//! What finding the API of a request costs, among 10, 1,000 and 10,000 APIs.
//!
//! Budget: the checks of a request, routing among them, add at most 2 us of CPU (stretch 1 us), and a look-up costs
//! the same whatever the number of APIs. Publishing a change may cost more, and hardly does (`snapshot_change`); building all
//! of it anew is dear (`snapshot_build`).

#![allow(
    clippy::expect_used,
    reason = "a bench whose fixture is wrong may panic"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use raftgate_actors::snapshot::{CompiledApi, GatewaySnapshot, Place, SnapshotChange};
use raftgate_model::api::{ListenPath, Target};
use raftgate_model::id::ApiId;

const COUNTS: [usize; 3] = [10, 1_000, 10_000];
/// Every so many APIs one is bound to a host of its own.
const HOST_EVERY: usize = 10;

fn api(number: usize) -> Arc<CompiledApi> {
    let id = ApiId::new(&format!("api-{number}")).expect("a short name");
    // Depths differ, as they do where teams choose their own paths.
    let path = match number % 3 {
        0 => format!("/service-{number}/"),
        1 => format!("/team/service-{number}/"),
        _ => format!("/team/service-{number}/v2/"),
    };
    let listen_path = ListenPath::parse(&path).expect("a plain path");
    let target = Target::parse("http://127.0.0.1:9000/").expect("a plain URL");
    let mut api = CompiledApi::keyless(id, listen_path, target);
    if number.is_multiple_of(HOST_EVERY) {
        api.host = Some(format!("host-{number}.example").into());
    }
    Arc::new(api)
}

fn apis(count: usize) -> Vec<Arc<CompiledApi>> {
    (0..count).map(api).collect()
}

/// Host and path of a request, and the API that must be found.
struct Request {
    what: &'static str,
    host: &'static str,
    path: String,
    found: Option<String>,
}

fn requests(count: usize) -> Vec<Request> {
    // The last API of a kind, so that no order of insertion helps.
    let last = |rest| {
        (0..count)
            .rev()
            .find(move |number| number % 3 == rest && number % HOST_EVERY != 0)
    };
    let (shallow, deep) = (last(0).expect("enough APIs"), last(2).expect("enough APIs"));
    let request = |what, host, path, found| Request {
        what,
        host,
        path,
        found,
    };
    vec![
        request(
            "shallow",
            "gateway.example:8080",
            format!("/service-{shallow}/users"),
            Some(format!("api-{shallow}")),
        ),
        request(
            "deep",
            "gateway.example:8080",
            format!("/team/service-{deep}/v2/users/42/orders/7/items"),
            Some(format!("api-{deep}")),
        ),
        request(
            "own_host",
            "host-0.example:8080",
            "/service-0/users".to_owned(),
            Some("api-0".to_owned()),
        ),
        request(
            "none",
            "gateway.example:8080",
            "/nobody/listens/here/at/all".to_owned(),
            None,
        ),
    ]
}

fn lookups(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route_lookup");
    for count in COUNTS {
        let (snapshot, conflicts) = GatewaySnapshot::build(apis(count), []);
        let table = snapshot.routes();
        assert!(conflicts.is_empty(), "paths of their own");
        for request in requests(count) {
            let find = || table.place(Some(black_box(request.host)), black_box(&request.path));
            let found = find().map(|place| match place {
                Place::Served(found) => found.api.id.to_string(),
                Place::Unserved(id) => format!("{id}, unserved"),
            });
            // The bench measures nothing if another API answers.
            assert_eq!(found, request.found, "{}", request.what);
            group.bench_function(BenchmarkId::new(request.what, count), |bench| {
                bench.iter(|| find().is_some());
            });
        }
    }
    group.finish();
}

fn publishing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("snapshot_build");
    group.sample_size(10);
    for count in COUNTS {
        let apis = apis(count);
        group.bench_function(BenchmarkId::from_parameter(count), |bench| {
            bench.iter_batched(
                || apis.clone(),
                |apis| GatewaySnapshot::build(apis, []),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn changing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("snapshot_change");
    for count in COUNTS {
        let (snapshot, conflicts) = GatewaySnapshot::build(apis(count), []);
        assert!(conflicts.is_empty(), "paths of their own");
        let newer = api(count / 2);
        let change = || SnapshotChange {
            apis: vec![(newer.id.clone(), Some(Arc::clone(&newer)))],
            policies: Vec::new(),
        };
        group.bench_function(BenchmarkId::from_parameter(count), |bench| {
            bench.iter(|| snapshot.with(change()).is_some());
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = lookups, publishing, changing
}
criterion_main!(benches);
