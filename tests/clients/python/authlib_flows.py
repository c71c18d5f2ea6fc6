"""Flows of Authlib: authlib_flows.py FLOW DEPLOYMENT."""

import sys

from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from deployment import Deployment, raised


def session(at, client=None, **settings):
    client = client or at.confidential
    return OAuth2Session(client.id, client.secret, scope=at.scope, redirect_uri=at.redirect_uri, **settings)


def log_in(at, client=None):
    """A session that went through the authorization code grant with PKCE."""
    oauth = session(at, client, code_challenge_method="S256", token_endpoint=at.token)
    verifier = generate_token(48)
    url, state = oauth.create_authorization_url(at.authorize, code_verifier=verifier)
    callback = at.callback_of(url)
    token = oauth.fetch_token(at.token, authorization_response=callback, code_verifier=verifier, state=state)
    assert token["token_type"].lower() == "bearer", token
    assert token["scope"] == at.scope, token
    at.expect_called(oauth.get(at.api))
    return oauth


def code(at):
    log_in(at)


def code_without_pkce(at):
    oauth = session(at)
    url, state = oauth.create_authorization_url(at.authorize)
    oauth.fetch_token(at.token, authorization_response=at.callback_of(url), state=state)
    at.expect_called(oauth.get(at.api))


def public_code(at):
    log_in(at, at.public)


def wrong_verifier(at):
    oauth = session(at, code_challenge_method="S256")
    url, state = oauth.create_authorization_url(at.authorize, code_verifier=generate_token(48))
    callback = at.callback_of(url)
    call = lambda: oauth.fetch_token(
        at.token, authorization_response=callback, code_verifier=generate_token(48), state=state
    )
    assert raised(OAuthError, call).error == "invalid_grant"


def client_credentials(at):
    oauth = session(at)
    token = oauth.fetch_token(at.token, grant_type="client_credentials")
    assert "refresh_token" not in token, token
    at.expect_called(oauth.get(at.api))
    impostor = OAuth2Session(at.confidential.id, "not-the-secret")
    call = lambda: impostor.fetch_token(at.token, grant_type="client_credentials")
    assert raised(OAuthError, call).error == at.wrong_secret


def refresh(at):
    oauth = log_in(at)
    before = oauth.token
    after = oauth.refresh_token(at.token)
    assert after["access_token"] != before["access_token"]
    assert after["refresh_token"] != before["refresh_token"]
    at.expect_called(oauth.get(at.api))
    at.expect_refused(before["access_token"])


def refresh_by_itself(at):
    """A session whose token has run out refreshes it before the next call."""
    oauth = log_in(at)
    told = []
    oauth.update_token = lambda token, **_: told.append(token)
    before = oauth.token["access_token"]
    oauth.token["expires_at"] = 1
    at.expect_called(oauth.get(at.api))
    assert oauth.token["access_token"] != before
    assert len(told) == 1, told


def revoke(at):
    oauth = log_in(at)
    token = oauth.token
    answer = oauth.revoke_token(at.revoke, token["access_token"], token_type_hint="access_token")
    assert answer.status_code == 200, answer.text
    at.expect_refused(token["access_token"])
    oauth.refresh_token(at.token)
    answer = oauth.revoke_token(at.revoke, oauth.token["refresh_token"], token_type_hint="refresh_token")
    assert answer.status_code == 200, answer.text
    at.expect_refused(oauth.token["access_token"])
    assert raised(OAuthError, lambda: oauth.refresh_token(at.token)).error == "invalid_grant"


def password(at):
    oauth = session(at)
    oauth.fetch_token(at.token, username=at.person, password=at.password)
    at.expect_called(oauth.get(at.api))
    oauth.refresh_token(at.token)
    at.expect_called(oauth.get(at.api))
    call = lambda: session(at).fetch_token(at.token, username=at.person, password="guessed")
    assert raised(OAuthError, call).error == at.wrong_password


def implicit(at):
    oauth = session(at)
    url, state = oauth.create_authorization_url(at.authorize, response_type="token")
    token = oauth.fetch_token(authorization_response=at.callback_of(url), state=state)
    assert "refresh_token" not in token, token
    at.expect_called(oauth.get(at.api))


FLOWS = [
    code, code_without_pkce, public_code, wrong_verifier, client_credentials, refresh, refresh_by_itself, revoke, password,
    implicit,
]

if __name__ == "__main__":
    {flow.__name__: flow for flow in FLOWS}[sys.argv[1]](Deployment(sys.argv[2]))
