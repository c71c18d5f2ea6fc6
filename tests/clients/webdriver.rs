//! A browser by the WebDriver protocol: chromedriver as a child, and one session of chromium with a profile of its own.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Client, eventually};
use crate::program::FLOW;
use crate::tools::tool;

/// The name under which WebDriver wraps a reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Nothing goes out but what the test asks for.
const FLAGS: [&str; 7] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
];

/// chromedriver; it and what it started end with this value.
struct Driver {
    child: Child,
    /// Kept open: the driver would fail to write.
    _output: BufReader<ChildStdout>,
    url: String,
}

impl Driver {
    fn start() -> Self {
        let mut child = Command::new(tool("bin/chromedriver"))
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        let port = loop {
            let mut line = String::new();
            assert_ne!(
                output.read_line(&mut line).unwrap(),
                0,
                "chromedriver ended: {said}"
            );
            said.push_str(&line);
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim().trim_end_matches('.').to_owned();
            }
        };
        Self {
            child,
            _output: output,
            url: format!("http://127.0.0.1:{port}"),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        kill_group(self.child.id());
        let _ = self.child.wait();
    }
}

/// Ends a group of processes; one that is gone already is left alone.
fn kill_group(leader: u32) {
    if let Some(group) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// One window of a fresh browser; dropping it ends the browser.
pub(crate) struct Browser {
    client: Client,
    session: String,
    browser_process: Option<u32>,
    // In this order: the session's processes use the profile.
    _driver: Driver,
    _profile: TempDir,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let binary = tool("bin/chromium");
        let driver = Driver::start();
        let profile = TempDir::new().unwrap();
        let own = format!("--user-data-dir={}", profile.path().display());
        let arguments: Vec<&str> = FLAGS.into_iter().chain([own.as_str()]).collect();
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": binary, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let client = Client::new();
        let body = capabilities.to_string();
        let answer = client.send(
            "POST",
            &format!("{}/session", driver.url),
            &[],
            body.as_bytes(),
        );
        let made = answer.expect_status(200).json();
        let id = made["value"]["sessionId"].as_str().unwrap();
        let process = made["value"]["capabilities"]["goog:processID"].as_u64();
        Self {
            client,
            session: format!("{}/session/{id}", driver.url),
            browser_process: process.and_then(|process| u32::try_from(process).ok()),
            _driver: driver,
            _profile: profile,
        }
    }

    /// Sends a command and answers its value; fails the test with what the driver says of it.
    #[track_caller]
    fn command(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.session);
        let text = body.to_string();
        let answer = match body {
            Value::Null => self.client.get(&url, &[]),
            _ => self.client.send("POST", &url, &[], text.as_bytes()),
        };
        answer.expect_status(200).json()["value"].take()
    }

    /// Goes to an address and waits until its page is loaded.
    #[track_caller]
    pub(crate) fn open(&self, url: &str) {
        self.command("/url", &json!({"url": url}));
    }

    #[track_caller]
    pub(crate) fn address(&self) -> String {
        self.command("/url", &Value::Null)
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[track_caller]
    pub(crate) fn title(&self) -> String {
        self.command("/title", &Value::Null)
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Waits until the page has this title.
    #[track_caller]
    pub(crate) fn wait_for_title(&self, title: &str) {
        let what = format!("the page {title:?}");
        eventually(&what, FLOW, || (self.title() == title).then_some(()));
    }

    #[track_caller]
    fn find(&self, css: &str) -> String {
        let body = json!({"using": "css selector", "value": css});
        let found = self.command("/element", &body);
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn write(&self, css: &str, text: &str) {
        let path = format!("/element/{}/value", self.find(css));
        self.command(&path, &json!({"text": text}));
    }

    #[track_caller]
    pub(crate) fn click(&self, css: &str) {
        let path = format!("/element/{}/click", self.find(css));
        self.command(&path, &json!({}));
    }

    /// The text of an element as a person sees it.
    #[track_caller]
    pub(crate) fn text(&self, css: &str) -> String {
        let path = format!("/element/{}/text", self.find(css));
        self.command(&path, &Value::Null)
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// What a script that ends with `return` says about the page.
    #[track_caller]
    pub(crate) fn script(&self, script: &str) -> Value {
        self.command("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// What the console got since the last look.
    #[track_caller]
    pub(crate) fn console(&self) -> Vec<String> {
        let entries = self.command("/se/log", &json!({"type": "browser"}));
        let entries = entries.as_array().unwrap().iter();
        entries.map(|entry| entry["message"].to_string()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The polite way first; what is left of the browser goes with its group.
        let _ = self.client.try_send("DELETE", &self.session, &[], b"");
        if let Some(process) = self.browser_process {
            kill_group(process);
        }
    }
}
