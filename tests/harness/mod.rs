//! What the black-box suites share: the real binary as a node, a client, and servers that record what reaches them.

#![allow(dead_code, unused_imports, reason = "each suite uses a part of it")]

mod answer;
mod fixture;
mod node;
mod process;
mod recording;
mod style;
mod wait;

pub(crate) use answer::{Answer, Client};
pub(crate) use fixture::{Credentials, keyless_api, merge, oauth_api, policy};
pub(crate) use node::{Node, NodeBuilder};
pub(crate) use process::{Finished, Process, run};
pub(crate) use recording::{Received, RecordingServer, Reply};
pub(crate) use style::{STYLES, Style};
pub(crate) use wait::{PATIENCE, eventually, wait_for};
