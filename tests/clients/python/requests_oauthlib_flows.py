"""Flows of requests-oauthlib, with revocation by oauthlib below it: requests_oauthlib_flows.py FLOW DEPLOYMENT."""

import sys

import requests
from oauthlib.oauth2 import BackendApplicationClient, LegacyApplicationClient, MobileApplicationClient
from oauthlib.oauth2 import AccessDeniedError, InvalidGrantError, OAuth2Error
from requests_oauthlib import OAuth2Session

from deployment import Deployment, raised


def log_in(at, client=None, **extra):
    """A session that went through the authorization code grant with PKCE."""
    client = client or at.confidential
    oauth = OAuth2Session(client.id, redirect_uri=at.redirect_uri, scope=at.scope.split(), pkce="S256")
    url, _ = oauth.authorization_url(at.authorize, **extra)
    callback = at.callback_of(url)
    token = oauth.fetch_token(at.token, authorization_response=callback, client_secret=client.secret)
    assert token["scope"] == at.scope.split(), token
    at.expect_called(oauth.get(at.api))
    return oauth


def code(at):
    log_in(at)


def code_without_pkce(at):
    client = at.confidential
    oauth = OAuth2Session(client.id, redirect_uri=at.redirect_uri, scope=at.scope.split())
    url, _ = oauth.authorization_url(at.authorize)
    oauth.fetch_token(at.token, authorization_response=at.callback_of(url), client_secret=client.secret)
    at.expect_called(oauth.get(at.api))


def credentials_in_the_body(at):
    client = at.confidential
    oauth = OAuth2Session(client.id, redirect_uri=at.redirect_uri, scope=at.scope.split())
    url, _ = oauth.authorization_url(at.authorize)
    callback = at.callback_of(url)
    oauth.fetch_token(
        at.token, authorization_response=callback, client_secret=client.secret, include_client_id=True
    )
    at.expect_called(oauth.get(at.api))


def public_code(at):
    log_in(at, at.public)


def denied(at):
    raised(AccessDeniedError, lambda: log_in(at, login_hint="nobody"))


def client_credentials(at):
    client = at.confidential
    oauth = OAuth2Session(client=BackendApplicationClient(client_id=client.id, scope=at.scope.split()))
    oauth.fetch_token(at.token, client_secret=client.secret)
    at.expect_called(oauth.get(at.api))
    impostor = OAuth2Session(client=BackendApplicationClient(client_id=client.id))
    error = raised(OAuth2Error, lambda: impostor.fetch_token(at.token, client_secret="not-the-secret"))
    assert error.error == at.wrong_secret, error.error


def refresh(at):
    oauth = log_in(at)
    before = dict(oauth.token)
    auth = (at.confidential.id, at.confidential.secret)
    after = oauth.refresh_token(at.token, auth=auth)
    assert after["access_token"] != before["access_token"]
    assert after["refresh_token"] != before["refresh_token"]
    at.expect_called(oauth.get(at.api))
    at.expect_refused(before["access_token"])


def refresh_by_itself(at):
    """A session whose token has run out refreshes it before the next call."""
    before = log_in(at).token
    told = []
    client = at.confidential
    oauth = OAuth2Session(
        client.id,
        token={**before, "expires_in": -30, "expires_at": 1},
        auto_refresh_url=at.token,
        auto_refresh_kwargs={"client_id": client.id, "client_secret": client.secret},
        token_updater=told.append,
    )
    at.expect_called(oauth.get(at.api))
    assert len(told) == 1 and told[0]["access_token"] != before["access_token"], told


def revoke(at):
    oauth = log_in(at)
    auth = (at.confidential.id, at.confidential.secret)
    for kind in ("access_token", "refresh_token"):
        url, headers, body = oauth._client.prepare_token_revocation_request(at.revoke, oauth.token[kind], kind)
        answer = requests.post(url, data=body, headers=headers, auth=auth, timeout=30)
        assert answer.status_code == 200, answer.text
        at.expect_refused(oauth.token["access_token"])
    raised(InvalidGrantError, lambda: oauth.refresh_token(at.token, auth=auth))


def password(at):
    client = at.confidential
    oauth = OAuth2Session(client=LegacyApplicationClient(client_id=client.id, scope=at.scope.split()))
    pair = {"username": at.person, "password": at.password}
    oauth.fetch_token(at.token, client_secret=client.secret, **pair)
    at.expect_called(oauth.get(at.api))
    oauth.refresh_token(at.token, auth=(client.id, client.secret))
    at.expect_called(oauth.get(at.api))
    guess = {"username": at.person, "password": "guessed"}
    error = raised(OAuth2Error, lambda: oauth.fetch_token(at.token, client_secret=client.secret, **guess))
    assert error.error == at.wrong_password, error.error


def implicit(at):
    client = MobileApplicationClient(client_id=at.confidential.id)
    oauth = OAuth2Session(client=client, redirect_uri=at.redirect_uri, scope=at.scope.split())
    url, _ = oauth.authorization_url(at.authorize)
    token = oauth.token_from_fragment(at.callback_of(url))
    assert "refresh_token" not in token, token
    at.expect_called(oauth.get(at.api))


FLOWS = [
    code, code_without_pkce, credentials_in_the_body, public_code, denied, client_credentials, refresh, refresh_by_itself,
    revoke, password, implicit,
]

if __name__ == "__main__":
    {flow.__name__: flow for flow in FLOWS}[sys.argv[1]](Deployment(sys.argv[2]))
