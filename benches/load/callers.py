"""Requests with a key and with a password, beside nginx that checks the same credential."""

import base64
import hashlib
from contextlib import ExitStack

import setup
from proxying import Lane, compare
from servers import Nginx, Raftgate, Site, status_and_size, upstream

SIZE = 128
KEYED, USERS = "/keyed", "/users"
USER, PASSWORD = "load", "a password of the load comparison"


def run_token(options):
    """nginx looks the header up in a `map`, which holds the one key."""
    with ExitStack() as ends:
        behind, node = begin(options, "token", ends)
        key = setup.key(node, KEYED, behind.port)
        check = Site(
            http=f'    map_hash_bucket_size 256; map $http_authorization $known {{ default 0; "{key}" 1; }}\n',
            location="            if ($known = 0) { return 401; }\n",
        )
        finish(options, ends, behind, check, Lane("raftgate, auth token", node, KEYED, {"Authorization": key}, "nginx, map"))


def run_basic(options):
    """nginx knows the password by one round of SHA-1, raftgate by argon2id and by what it remembers of passwords that were right."""
    with ExitStack() as ends:
        behind, node = begin(options, "basic", ends)
        setup.user(node, USERS, behind.port, USER, PASSWORD)
        digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
        known = options.folder / "htpasswd"
        known.write_text(f"{USER}:{{SHA}}{digest}\n")
        check = Site(location=f"            auth_basic load; auth_basic_user_file {known};\n")
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {pair}"}
        finish(options, ends, behind, check, Lane("raftgate, basic auth", node, USERS, headers, "nginx, auth_basic"))


def begin(options, name, ends):
    behind = upstream(options.folder / f"behind-{name}", options.load_core, [SIZE])
    ends.callback(behind.stop)
    node = Raftgate(options, options.folder / name)
    ends.callback(node.stop)
    node.start()
    return behind, node


def finish(options, ends, behind, check, lane):
    """Compares one lane with nginx that checks, and shows nginx that does not beside both."""
    lanes = []
    for name, site in (("nginx", None), (lane.beside, check)):
        folder = options.folder / name.replace(", ", "-")
        server = Nginx(folder, options.gateway_core, upstream=behind.port, site=site)
        ends.callback(server.stop)
        lanes.append(Lane(name, server, "", lane.headers if site else None))
    refuses_strangers(lanes[1].server, "")
    refuses_strangers(lane.server, lane.prefix)
    print(compare(options, [*lanes, lane], SIZE), flush=True)


def refuses_strangers(server, prefix):
    """A comparison of checks that let everybody in would say nothing."""
    status, _ = status_and_size(server, f"{prefix}/{SIZE}", {"Authorization": "Basic bm9ib2R5Om5vdGhpbmc="})
    if status != 401 and status != 403:
        raise RuntimeError(f"a stranger is answered {status}")
