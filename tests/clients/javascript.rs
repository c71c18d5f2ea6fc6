//! JavaScript on Node.js: openid-client and oauth4webapi, and for the implicit grant client-oauth2.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::deployment::Deployment;
use crate::program::flow;
use crate::tools::{source, tool};

/// A script beside its libraries, with the authority that Node.js is told of by its own variable.
fn script(deployment: &Deployment, name: &str) -> Command {
    let folder = tempfile::tempdir_in(deployment.folder()).unwrap().keep();
    symlink(tool("js/node_modules"), folder.join("node_modules")).unwrap();
    for file in [name, "deployment.mjs"] {
        std::fs::copy(source("js").join(file), folder.join(file)).unwrap();
    }
    let mut command = Command::new(tool("bin/node"));
    command
        .arg(folder.join(name))
        .env("NODE_EXTRA_CA_CERTS", deployment.authority());
    command
}

fn openid_client(name: &str) {
    flow(name, |deployment| {
        script(deployment, "openid_client_flows.mjs")
    });
}

fn oauth4webapi(name: &str) {
    flow(name, |deployment| {
        script(deployment, "oauth4webapi_flows.mjs")
    });
}

fn client_oauth2(name: &str) {
    flow(name, |deployment| {
        script(deployment, "client_oauth2_flows.mjs")
    });
}

#[test]
fn client_oauth2_takes_an_implicit_token() {
    client_oauth2("implicit");
}

#[test]
fn client_oauth2_reads_a_denial() {
    client_oauth2("denied");
}

#[test]
fn openid_client_exchanges_a_code_with_pkce() {
    openid_client("code");
}

#[test]
fn openid_client_exchanges_a_code_as_a_public_client() {
    openid_client("public_code");
}

#[test]
fn openid_client_sends_its_credentials_by_basic() {
    openid_client("credentials_by_basic");
}

#[test]
fn openid_client_reads_a_denial() {
    openid_client("denied");
}

#[test]
fn openid_client_uses_client_credentials() {
    openid_client("client_credentials");
}

#[test]
fn openid_client_refreshes() {
    openid_client("refresh");
}

#[test]
fn openid_client_revokes() {
    openid_client("revoke");
}

#[test]
fn oauth4webapi_exchanges_a_code_with_pkce() {
    oauth4webapi("code");
}

#[test]
fn oauth4webapi_exchanges_a_code_as_a_public_client() {
    oauth4webapi("public_code");
}

#[test]
fn oauth4webapi_sends_its_credentials_in_the_body() {
    oauth4webapi("credentials_in_the_body");
}

#[test]
fn oauth4webapi_reads_a_denial() {
    oauth4webapi("denied");
}

#[test]
fn oauth4webapi_uses_client_credentials() {
    oauth4webapi("client_credentials");
}

#[test]
fn oauth4webapi_refreshes() {
    oauth4webapi("refresh");
}

#[test]
fn oauth4webapi_revokes() {
    oauth4webapi("revoke");
}

#[test]
fn openid_client_uses_a_persons_password() {
    openid_client("password");
}

#[test]
fn openid_client_exchanges_a_code_without_pkce() {
    openid_client("code_without_pkce");
}

#[test]
fn oauth4webapi_uses_a_persons_password() {
    oauth4webapi("password");
}

#[test]
fn oauth4webapi_exchanges_a_code_without_pkce() {
    oauth4webapi("code_without_pkce");
}
