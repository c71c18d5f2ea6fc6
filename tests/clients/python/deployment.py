"""The deployment that a flow runs against, and the browser of its user."""

import json
import sys
from dataclasses import dataclass

import requests


@dataclass
class Client:
    id: str
    secret: str | None


class Deployment:
    """What the test wrote to the file that it names on the command line."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            fields = json.load(file)
        self.authorize = fields["authorize"]
        self.token = fields["token"]
        self.revoke = fields["revoke"]
        self.api = fields["api"]
        self.redirect_uri = fields["redirect_uri"]
        self.scope = fields["scope"]
        # How the server names a client or a person that it does not believe: the styles differ.
        self.wrong_secret = fields["wrong_secret"]
        self.wrong_password = fields["wrong_password"]
        self.confidential = Client(fields["client"]["id"], fields["client"]["secret"])
        self.public = Client(fields["public_client"], None)
        self.person = fields["person"]["name"]
        self.password = fields["person"]["password"]

    def callback_of(self, url):
        """Follows redirects as a browser does, up to where it would call the client."""
        for _ in range(10):
            answer = requests.get(url, allow_redirects=False, timeout=30)
            url = answer.headers.get("Location")
            if url is None:
                sys.exit(f"the browser stays at {answer.url}: {answer.status_code} {answer.text}")
            if url.startswith(self.redirect_uri):
                return url
        sys.exit(f"the browser is sent in circles: {url}")

    def expect_called(self, answer):
        """The API let the request through to its upstream."""
        assert answer.status_code == 200, (answer.status_code, answer.text)
        assert answer.json()["target"] == "/called", answer.text

    def expect_refused(self, token):
        """The API does not take the token."""
        answer = requests.get(self.api, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        assert answer.status_code in (401, 403), (answer.status_code, answer.text)


def raised(kind, call):
    """The error that the call ends with."""
    try:
        result = call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} but {result!r}")
