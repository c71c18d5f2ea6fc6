//! The data plane alone, for load generators: one keyless API at `/` on one listener, without storage, cluster or actors.
//!
//! Run with `-- --listen ADDR --target URL [--workers N]`; it prints the address and serves until it is killed.
#![allow(clippy::print_stdout, reason = "the address is for whoever started it")]

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use http::StatusCode;
use raftgate::boot::gateway_settings;
use raftgate::clock::{SystemClock, SystemEntropy};
use raftgate::config::environment::Environment;
use raftgate::config::flags::Flags;
use raftgate::config::resolve;
use raftgate::proxy::{
    EndpointAnswer, EndpointHandler, EndpointResponse, Gateway, GatewayCounters, GatewayParts,
    Serving,
};
use raftgate_actors::snapshot::{CompiledApi, GatewaySnapshot, Publisher, gateway_tls};
use raftgate_model::api::{ListenPath, Target};
use raftgate_model::id::ApiId;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Arguments {
    listen: SocketAddr,
    target: Target,
    workers: usize,
}

fn arguments() -> Result<Option<Arguments>, Box<dyn Error>> {
    let mut listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut target = None;
    let mut workers = 1;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--listen" => listen = value()?.parse()?,
            "--target" => target = Some(Target::parse(&value()?)?),
            "--workers" => workers = value()?.parse()?,
            // `cargo bench` says so to every bench.
            "--bench" => {}
            _ => return Err(format!("unknown argument {word}").into()),
        }
    }
    Ok(target.map(|target| Arguments {
        listen,
        target,
        workers,
    }))
}

fn main() -> Result<(), Box<dyn Error>> {
    let Some(arguments) = arguments()? else {
        println!("nothing to do without --target URL");
        return Ok(());
    };
    let api = CompiledApi::keyless(
        ApiId::new("bench")?,
        ListenPath::parse("/")?,
        arguments.target,
    );
    let publisher = Publisher::new(GatewaySnapshot::build([Arc::new(api)], []).0);
    let answer: EndpointAnswer =
        Arc::new(|_| Box::pin(async { EndpointResponse::new(StatusCode::OK, "") }));
    let endpoints = EndpointHandler {
        answer: Arc::clone(&answer),
        refuse_body: Arc::new(|_, _, _| EndpointResponse::new(StatusCode::PAYLOAD_TOO_LARGE, "")),
    };
    let serving = Serving {
        tokens: None,
        snapshots: publisher.source(),
        endpoints,
        records: None,
    };
    let parts = GatewayParts {
        serving: Arc::new(OnceLock::from(serving)),
        starting: answer,
        upstream_tls: gateway_tls()?,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        counters: Arc::new(GatewayCounters::default()),
    };
    let nothing = Environment::from_pairs::<String, String>([]);
    let mut settings = gateway_settings(&resolve(None, &nothing, &Flags::default())?, None);
    settings.listen = arguments.listen;
    settings.workers = arguments.workers;
    actix_rt::System::new().block_on(async move {
        let gateway = Gateway::start(settings, parts).await?;
        println!("ready gateway={}", gateway.address());
        std::future::pending::<()>().await;
        Ok(())
    })
}
