//! Python: Authlib and requests-oauthlib.

use std::process::Command;

use crate::deployment::Deployment;
use crate::program::flow;
use crate::tools::{source, tool};

/// A script, with the libraries and the authority that `requests` is told of by its own variable.
fn script(deployment: &Deployment, name: &str) -> Command {
    let mut command = Command::new(tool("bin/python3"));
    command
        .arg(source("python").join(name))
        .env("PYTHONPATH", tool("python-libraries"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("REQUESTS_CA_BUNDLE", deployment.authority());
    command
}

fn authlib(name: &str) {
    flow(name, |deployment| script(deployment, "authlib_flows.py"));
}

fn requests_oauthlib(name: &str) {
    flow(name, |deployment| {
        script(deployment, "requests_oauthlib_flows.py")
    });
}

#[test]
fn authlib_exchanges_a_code_with_pkce() {
    authlib("code");
}

#[test]
fn authlib_exchanges_a_code_as_a_public_client() {
    authlib("public_code");
}

#[test]
fn authlib_reads_the_refusal_of_another_verifier() {
    authlib("wrong_verifier");
}

#[test]
fn authlib_uses_client_credentials() {
    authlib("client_credentials");
}

#[test]
fn authlib_refreshes() {
    authlib("refresh");
}

#[test]
fn authlib_refreshes_by_itself() {
    authlib("refresh_by_itself");
}

#[test]
fn authlib_revokes() {
    authlib("revoke");
}

#[test]
fn authlib_takes_an_implicit_token() {
    authlib("implicit");
}

#[test]
fn requests_oauthlib_exchanges_a_code_with_pkce() {
    requests_oauthlib("code");
}

#[test]
fn requests_oauthlib_sends_its_credentials_in_the_body() {
    requests_oauthlib("credentials_in_the_body");
}

#[test]
fn requests_oauthlib_exchanges_a_code_as_a_public_client() {
    requests_oauthlib("public_code");
}

#[test]
fn requests_oauthlib_reads_a_denial() {
    requests_oauthlib("denied");
}

#[test]
fn requests_oauthlib_uses_client_credentials() {
    requests_oauthlib("client_credentials");
}

#[test]
fn requests_oauthlib_refreshes() {
    requests_oauthlib("refresh");
}

#[test]
fn requests_oauthlib_refreshes_by_itself() {
    requests_oauthlib("refresh_by_itself");
}

#[test]
fn requests_oauthlib_revokes() {
    requests_oauthlib("revoke");
}

#[test]
fn requests_oauthlib_takes_an_implicit_token() {
    requests_oauthlib("implicit");
}

#[test]
fn authlib_uses_a_persons_password() {
    authlib("password");
}

#[test]
fn authlib_exchanges_a_code_without_pkce() {
    authlib("code_without_pkce");
}

#[test]
fn requests_oauthlib_uses_a_persons_password() {
    requests_oauthlib("password");
}

#[test]
fn requests_oauthlib_exchanges_a_code_without_pkce() {
    requests_oauthlib("code_without_pkce");
}
