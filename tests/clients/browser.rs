//! A person with a real browser at the demo's login and consent page.

use std::collections::BTreeMap;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Client, Process, RecordingServer, Reply, eventually};
use crate::program::FLOW;
use crate::webdriver::Browser;

/// A demo that went through its tour and serves on.
struct Demo {
    process: Process,
    _folder: TempDir,
}

impl Demo {
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let place = folder.path().to_str().unwrap().to_owned();
        let variables = [("TMPDIR".to_owned(), place)];
        let mut process = Process::start(&["demo".to_owned()], &variables, folder.path());
        eventually("the demo serves on", FLOW, || {
            assert_eq!(process.ended(), None, "{}", process.out.text());
            process
                .out
                .find(|line| line.starts_with("Notifications are told").then_some(()))
        });
        Self {
            process,
            _folder: folder,
        }
    }

    /// The last line of its output that `pick` takes something from.
    fn last<T>(&self, pick: impl Fn(&str) -> Option<T>) -> T {
        let text = self.process.out.text();
        let found = text.lines().rev().find_map(pick);
        found.unwrap_or_else(|| panic!("not in the demo's output:\n{text}"))
    }

    /// The address that it asks people to open.
    fn address(&self) -> String {
        self.last(|line| {
            let line = line.trim();
            (line.starts_with("http://") && line.contains("/oauth/authorize?"))
                .then(|| line.to_owned())
        })
    }

    /// A field of the exchange that it prints for afterwards.
    fn field(&self, name: &str) -> String {
        self.last(|line| {
            let (_, rest) = line.split_once(&format!("--data-urlencode '{name}="))?;
            Some(rest.split('\'').next()?.to_owned())
        })
    }

    fn token_url(&self) -> String {
        let (base, _) = self
            .address()
            .split_once("/oauth/")
            .map(|(base, rest)| (base.to_owned(), rest.to_owned()))
            .unwrap();
        format!("{base}/oauth/token")
    }
}

fn query(address: &str) -> BTreeMap<String, String> {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

#[track_caller]
fn assert_quiet(browser: &Browser) {
    let console = browser.console();
    assert!(
        console.is_empty(),
        "the page {:?} complains: {console:?}",
        browser.title()
    );
}

/// Logs in up to the consent page, once with a wrong password.
fn sign_in(browser: &Browser, demo: &Demo) {
    browser.open(&demo.address());
    browser.wait_for_title("Sign in");
    assert_quiet(browser);
    // Nothing of where the browser came from went along.
    assert_eq!(browser.script("return document.referrer"), "");
    browser.write("#name", "alice");
    browser.write("#password", "guessed");
    browser.click("button");
    eventually("the wrong password is told", FLOW, || {
        let alerts = browser.script("return document.querySelectorAll('.alert').length");
        (alerts == 1).then_some(())
    });
    assert_eq!(browser.text(".alert"), "The name or the password is wrong.");
    // A 401 of the page itself is what the console tells of; a script error is not.
    let complaints = browser.console();
    let of_status = |line: &String| line.contains("status of 401");
    assert!(complaints.iter().all(of_status), "{complaints:?}");
    browser.write("#name", "alice");
    browser.write("#password", "wonderland");
    browser.click("button");
    browser.wait_for_title("Do you agree?");
    assert_quiet(browser);
}

#[test]
fn approving_brings_a_code_that_opens_the_api() {
    let demo = Demo::start();
    let browser = Browser::start();
    sign_in(&browser, &demo);
    browser.click("button[value=approve]");
    browser.wait_for_title("The client has a code");
    assert_quiet(&browser);
    let arrived = query(&browser.address());
    assert_eq!(arrived["state"], query(&demo.address())["state"]);
    assert_eq!(browser.script("return document.referrer"), "");
    // The page shows the code that the address holds.
    assert!(browser.text("dl").contains(&arrived["code"]));
    let fields = ["grant_type", "client_id", "redirect_uri", "code_verifier"];
    let values = fields.map(|name| (name, demo.field(name)));
    let mut form: Vec<(&str, &str)> = values
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    form.push(("code", &arrived["code"]));
    let answer = Client::new().post_form(&demo.token_url(), &[], &form);
    let tokens = answer.expect_status(200).json();
    let token = tokens["access_token"].as_str().unwrap();
    let api = demo.token_url().replace("/oauth/token", "/hello");
    let bearer = format!("Bearer {token}");
    let answer = Client::new().get(&api, &[("authorization", &bearer)]);
    answer.expect_status(200);
}

#[test]
fn denying_brings_the_error_and_the_state_and_no_code() {
    let demo = Demo::start();
    let browser = Browser::start();
    sign_in(&browser, &demo);
    browser.click("button[value=deny]");
    browser.wait_for_title("The client was refused");
    assert_quiet(&browser);
    let arrived = query(&browser.address());
    assert_eq!(arrived["error"], "access_denied");
    assert_eq!(arrived["state"], query(&demo.address())["state"]);
    assert!(!arrived.contains_key("code"), "{arrived:?}");
}

#[test]
fn going_back_and_approving_again_brings_no_second_code() {
    let demo = Demo::start();
    let browser = Browser::start();
    sign_in(&browser, &demo);
    let of_form = |script: &str| browser.script(script).as_str().unwrap().to_owned();
    let action = of_form("return document.querySelector('button[value=approve]').form.action");
    let ticket = of_form("return document.querySelector('input[name=ticket]').value");
    browser.click("button[value=approve]");
    browser.wait_for_title("The client has a code");
    assert!(query(&browser.address()).contains_key("code"));
    browser.script("history.back(); return 0");
    eventually("the browser went back", FLOW, || {
        (browser.title() != "The client has a code").then_some(())
    });
    assert!(
        !browser.address().contains("code="),
        "{}",
        browser.address()
    );
    // Where the browser kept the form, it is sent once more; where it kept none, the same is sent for it.
    let has_form =
        browser.script("return document.querySelector('button[value=approve]') !== null");
    if has_form == Value::Bool(true) {
        browser.click("button[value=approve]");
        browser.wait_for_title("This does not work");
    }
    let form = [("ticket", ticket.as_str()), ("decision", "approve")];
    let again = Client::new().post_form(&action, &[], &form);
    let again = again.expect_status(400);
    assert_eq!(again.header("location"), "");
    assert!(again.text().contains("no longer valid"), "{}", again.text());
}

#[test]
fn clickjacking_the_login_page_shows_nothing_in_its_frame() {
    let demo = Demo::start();
    let browser = Browser::start();
    let framed = demo.address();
    let page = format!(
        "<!doctype html><title>Win a prize</title><iframe id=f src=\"{}\"></iframe>",
        framed.replace('&', "&amp;")
    );
    let trap = RecordingServer::start(move |received| match received.target.as_str() {
        "/" => Reply::ok(page.clone()).with_header("Content-Type", "text/html"),
        _ => Reply::status(204, ""),
    });
    browser.open(&trap.url("/"));
    browser.wait_for_title("Win a prize");
    eventually("the browser refuses the frame", FLOW, || {
        let refusal =
            |line: &String| line.contains("frame-ancestors") || line.contains("X-Frame-Options");
        browser.console().iter().any(refusal).then_some(())
    });
}
