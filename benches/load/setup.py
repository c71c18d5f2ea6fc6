"""APIs, policy, client and token that the measurements use, made through the control API."""

import base64
import json
import urllib.parse

from servers import KEYLESS, OAUTH, answer


def definition(api_id, listen_path, upstream_port, oauth):
    """A Classic definition; `strip_listen_path` leaves `/SIZE` for the upstream."""
    return {
        "api_id": api_id,
        "name": api_id,
        "org_id": "default",
        "active": True,
        "use_keyless": not oauth,
        "use_oauth2": oauth,
        "oauth_meta": {
            "allowed_access_types": ["client_credentials"],
            "allowed_authorize_types": ["token"],
            "auth_login_redirect": "http://127.0.0.1/login",
        },
        "auth": {"auth_header_name": "Authorization"},
        "version_data": {"not_versioned": True, "versions": {"Default": {"name": "Default"}}},
        "proxy": {
            "listen_path": f"{listen_path}/",
            "target_url": f"http://127.0.0.1:{upstream_port}/",
            "strip_listen_path": True,
        },
    }


def keyless(node, upstream_port):
    node.ask("POST", "/tyk/apis", definition("load-keyless", KEYLESS, upstream_port, oauth=False))


def tunnel(node, listen_path, upstream_port):
    """Makes a keyless API in front of a WebSocket server."""
    made = definition("load-tunnel", listen_path, upstream_port, oauth=False)
    made["proxy"]["target_url"] = f"ws://127.0.0.1:{upstream_port}/"
    node.ask("POST", "/tyk/apis", made)


def edited(node, listen_path, upstream_port):
    """Makes a keyless API that sets and removes a header field on each of the two ways."""
    made = definition("load-edited", listen_path, upstream_port, oauth=False)
    made["version_data"]["versions"]["Default"] |= {
        "global_headers": {"X-Load-Added": "yes"},
        "global_headers_remove": ["X-Load-Removed"],
        "global_response_headers": {"X-Load-Answer": "yes"},
        "global_response_headers_remove": ["ETag"],
    }
    node.ask("POST", "/tyk/apis", made)


def key(node, listen_path, upstream_port):
    """Makes an auth-token API and a generated key for it."""
    made = definition("load-keyed", listen_path, upstream_port, oauth=False)
    node.ask("POST", "/tyk/apis", made | {"use_keyless": False, "use_standard_auth": True})
    return node.ask("POST", "/tyk/keys", {"access_rights": rights("load-keyed")})["key"]


def user(node, listen_path, upstream_port, name, password):
    """Makes a basic-auth API and a user with a right to it."""
    made = definition("load-users", listen_path, upstream_port, oauth=False)
    node.ask("POST", "/tyk/apis", made | {"use_keyless": False, "use_basic_auth": True})
    session = {"access_rights": rights("load-users"), "basic_auth_data": {"password": password}}
    node.ask("POST", f"/tyk/keys/{name}", session)


def rights(api_id):
    return {api_id: {"api_id": api_id, "api_name": api_id, "versions": ["Default"]}}


def oauth(node, upstream_port):
    """Makes the OAuth API and a client; returns the client's Basic credentials."""
    node.ask("POST", "/tyk/apis", definition("load-oauth", OAUTH, upstream_port, oauth=True))
    policy = {"id": "load", "name": "load", "org_id": "default", "active": True, "quota_max": -1}
    policy["access_rights"] = rights("load-oauth")
    node.ask("POST", "/tyk/policies", policy)
    client = {"client_id": "load", "api_id": "load-oauth", "policy_id": "load", "redirect_uri": "http://127.0.0.1/back"}
    made = node.ask("POST", "/tyk/oauth/clients/create", client)
    pair = f"{made['client_id']}:{made['secret']}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def token_request(credentials):
    """Path, headers and body of a client-credentials request."""
    headers = {"Authorization": credentials, "Content-Type": "application/x-www-form-urlencoded"}
    return f"{OAUTH}/oauth/token", headers, urllib.parse.urlencode({"grant_type": "client_credentials"})


def token(node, credentials):
    path, headers, body = token_request(credentials)
    return answer(node.port, "POST", path, headers, body)["access_token"]


def script(folder, credentials):
    """A wrk script that asks for tokens."""
    path, headers, body = token_request(credentials)
    lines = ['wrk.method = "POST"', f"wrk.path = {json.dumps(path)}", f"wrk.body = {json.dumps(body)}"]
    lines += [f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items()]
    file = folder / "tokens.lua"
    file.write_text("\n".join(lines) + "\n")
    return file
