//! `raftgate demo`: a node and everything around it on loopback, and a tour of it over real HTTP.
//!
//! The samples know the node as any client does, by its two listeners; the tour sends what it prints.

mod callback;
mod exchange;
mod html;
mod identity;
mod narrator;
mod node;
mod request;
mod sample_server;
mod samples;
mod scene;
mod sink;
mod tour;
mod upstream;

use std::sync::Arc;

use raftgate_model::clock::{Clock, Entropy};
use tokio::sync::mpsc;

use self::node::DemoNode;
use self::request::Request;
use self::samples::Samples;
use self::scene::{APP, PASSWORD, PERSON, Scene};
use self::sink::Received;
use self::tour::{Login, Tour};
use crate::cli::terminal::{Exit, Terminal};
use crate::clock::{SystemClock, SystemEntropy};
use crate::signals::{Signal, Signals};

pub use self::samples::NodeDoors;

/// What the demo does after the tour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterTour {
    /// It ends.
    End,
    /// It serves until SIGINT or SIGTERM.
    KeepServing,
}

/// What the demo gets from outside.
pub struct DemoParts {
    /// The node to show; the caller ends it.
    pub node: NodeDoors,
    /// What comes after the tour.
    pub after: AfterTour,
    /// Judges the age of notifications.
    pub clock: Arc<dyn Clock>,
    /// Makes states, verifiers, tickets and the sink's secret.
    pub entropy: Arc<dyn Entropy>,
}

/// Starts a node of the demo's own and shows it; inside an actix system.
pub async fn run(after: AfterTour, terminal: &mut Terminal<'_>) -> Exit {
    // Before the node, whose folder with its key ring must not stay behind.
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => {
            terminal.complain(format_args!("signals cannot be listened to: {error}"));
            return Exit::Failure;
        }
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let node = match DemoNode::start(Arc::clone(&clock), Arc::clone(&entropy)).await {
        Ok(node) => node,
        Err(error) => {
            terminal.complain(format_args!("the node cannot start: {error}"));
            return Exit::Failure;
        }
    };
    let parts = DemoParts {
        node: node.doors(),
        after,
        clock,
        entropy,
    };
    let exit = show(parts, &mut signals, terminal).await;
    node.stop().await;
    exit
}

/// Starts the samples around a node, goes through the tour, and serves on or ends; inside an actix system.
///
/// Success means that every step answered as it should; the step that did not is named.
pub async fn show(parts: DemoParts, signals: &mut Signals, terminal: &mut Terminal<'_>) -> Exit {
    let started = Samples::start(parts.node, parts.clock, parts.entropy);
    let (samples, scene, mut received) = match started {
        Ok(started) => started,
        Err(error) => {
            terminal.complain(format_args!("the sample servers cannot start: {error}"));
            return Exit::Failure;
        }
    };
    introduce(&scene, terminal);
    let outcome = tokio::select! {
        outcome = Tour::new(terminal, &scene, &mut received).run() => Some(outcome),
        () = interrupted(signals) => None,
    };
    let exit = match outcome {
        Some(Ok(steps)) => {
            terminal.say(format_args!("\nAll {steps} steps answered as they should."));
            if parts.after == AfterTour::KeepServing {
                invite(&scene, terminal);
                serve_on(&mut received, signals, terminal).await;
            }
            Exit::Success
        }
        Some(Err(failure)) => {
            terminal.complain(failure);
            Exit::Failure
        }
        None => {
            terminal.complain("interrupted before the end of the tour");
            Exit::Failure
        }
    };
    samples.stop().await;
    exit
}

async fn interrupted(signals: &mut Signals) {
    while signals.next().await != Signal::Drain {}
}

fn introduce(scene: &Scene, terminal: &mut Terminal<'_>) {
    terminal.say(
        "A node, an upstream, an identity server, a client and a notification sink run on loopback.\n\
         Each request below is a command that can be repeated; its answer follows, set in.\n",
    );
    for (name, url) in [
        ("gateway", format!("http://{}/", scene.gateway)),
        ("control API", format!("http://{}/", scene.control)),
        ("upstream", scene.upstream_url()),
        ("identity server", scene.login_url()),
        ("notification sink", scene.sink_url()),
        ("client", scene.redirect_uri()),
    ] {
        terminal.say(format_args!("  {name:<18} {url}"));
    }
    let secret = scene.control_secret.expose();
    terminal.say(format_args!("  {:<18} {secret}", "control secret"));
}

/// Tells how to go the same way with a browser.
fn invite(scene: &Scene, terminal: &mut Terminal<'_>) {
    let login = Login::new(scene);
    let redirect_uri = scene.redirect_uri();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", APP),
        ("redirect_uri", redirect_uri.as_str()),
        ("code_verifier", login.verifier()),
        ("code", "CODE"),
    ];
    let exchange = Request::post_form(scene.api("oauth/token"), &form);
    terminal.say(format_args!(
        "\nIt keeps serving. To log in by yourself, open this in a browser:\n\n  {}\n\n\
         Sign in as {PERSON} with the password {PASSWORD}. Then put the code that the client's page shows in place of CODE:\n\n{}\n\n\
         Notifications are told as they arrive. Ctrl-C ends everything and removes the data.",
        login.authorize_url(scene),
        exchange.curl(),
    ));
}

/// Tells of notifications until the operator ends it.
async fn serve_on(
    received: &mut mpsc::Receiver<Received>,
    signals: &mut Signals,
    terminal: &mut Terminal<'_>,
) {
    loop {
        tokio::select! {
            // A stream of notifications must not keep the demo from ending.
            biased;
            () = interrupted(signals) => return,
            arrived = received.recv() => match arrived {
                Some(arrived) => terminal.say(told(&arrived)),
                None => return interrupted(signals).await,
            },
        }
    }
}

fn told(arrived: &Received) -> String {
    let judged = match arrived.fault {
        None => "signature right".to_owned(),
        Some(fault) => format!("refused: {fault}"),
    };
    let kind = arrived.member("notification_type");
    format!(
        "\nnotification {} of type {kind}, {judged}\n    {}",
        arrived.id, arrived.text
    )
}

#[cfg(test)]
#[path = "demo_tests.rs"]
mod tests;
