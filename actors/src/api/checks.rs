//! Health checks of an API's targets: one task per API, which ends with its owner.

use std::sync::Arc;
use std::time::Duration;

use awc::Client;
use awc::http::Version;
use futures_util::StreamExt as _;
use futures_util::stream;
use raftgate_model::api::{HealthCheck, Target};
use raftgate_model::id::ApiId;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::snapshot::{Balancer, CompiledApi};

/// How many targets of one API are asked at a time.
const ASKED_AT_ONCE: usize = 16;

/// The checks of one API's targets; they end when this is dropped.
#[derive(Debug)]
pub(super) struct Checks(JoinHandle<()>);

impl Drop for Checks {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Checks {
    /// Checks an API's targets on the present thread, if its definition asks for it.
    pub(super) fn of(api: &CompiledApi) -> Option<Self> {
        let balancer = Arc::clone(api.balancer.as_ref()?);
        let check = balancer.check()?.clone();
        let client = client(api, &check);
        let task = run(api.id.clone(), balancer, check, client);
        Some(Self(actix::spawn(task)))
    }
}

/// A client that keeps no connection: a new one is what a request might need.
fn client(api: &CompiledApi, check: &HealthCheck) -> Client {
    let timeout = Duration::from_millis(u64::from(check.timeout_ms));
    let connector = awc::Connector::new()
        .max_http_version(Version::HTTP_11)
        .timeout(timeout)
        .handshake_timeout(timeout)
        .conn_keep_alive(Duration::ZERO)
        .limit(0);
    let connector = match &api.tls {
        Some(tls) => connector.rustls_0_23(Arc::clone(&tls.config)),
        None => connector,
    };
    Client::builder()
        .connector(connector)
        .disable_timeout()
        .disable_redirects()
        .no_default_headers()
        .finish()
}

async fn run(api: ApiId, balancer: Arc<Balancer>, check: HealthCheck, client: Client) {
    let mut streaks = vec![0_u32; balancer.targets().len()];
    let mut rounds = tokio::time::interval(Duration::from_millis(u64::from(check.interval_ms)));
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        let asked = balancer
            .targets()
            .iter()
            .map(|target| ask(&client, target, &check));
        let answers: Vec<_> = stream::iter(asked).buffered(ASKED_AT_ONCE).collect().await;
        for (index, (answer, streak)) in answers.iter().zip(&mut streaks).enumerate() {
            let was_down = balancer.is_down(index);
            let is_down = judge(was_down, answer.is_ok(), streak, &check);
            if is_down == was_down {
                continue;
            }
            balancer.set_down(index, is_down);
            let origin = balancer.targets().get(index).map_or("", Target::origin);
            match answer {
                Ok(()) => info!(%api, origin, "the target is well again"),
                Err(reason) => warn!(%api, origin, %reason, "the target is down"),
            }
        }
    }
}

/// Whether a target counts as down after this answer; `streak` counts those in a row that speak against what it counts as.
fn judge(was_down: bool, is_well: bool, streak: &mut u32, check: &HealthCheck) -> bool {
    if is_well != was_down {
        *streak = 0;
        return was_down;
    }
    *streak = streak.saturating_add(1);
    let needed = if was_down {
        check.healthy_after
    } else {
        check.unhealthy_after
    };
    if *streak < needed {
        return was_down;
    }
    *streak = 0;
    !was_down
}

/// What is wrong with a target.
#[derive(Debug, thiserror::Error)]
enum Unwell {
    #[error("it answered {0}")]
    Status(u16),
    #[error("{0}")]
    Unreachable(String),
    #[error("it took too long")]
    Late,
}

/// Asks a target once; 2xx and 3xx are good answers.
async fn ask(client: &Client, target: &Target, check: &HealthCheck) -> Result<(), Unwell> {
    let url = format!("{}{}", target.origin(), check.path);
    let request = client
        .get(url)
        .insert_header(("host", target.host_header()))
        .insert_header((
            "user-agent",
            concat!("raftgate/", env!("CARGO_PKG_VERSION")),
        ))
        .force_close();
    let timeout = Duration::from_millis(u64::from(check.timeout_ms));
    match tokio::time::timeout(timeout, request.send()).await {
        Ok(Ok(answer)) => match answer.status().as_u16() {
            200..=399 => Ok(()),
            status => Err(Unwell::Status(status)),
        },
        Ok(Err(error)) => Err(Unwell::Unreachable(error.to_string())),
        Err(_) => Err(Unwell::Late),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
