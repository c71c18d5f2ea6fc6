"""Requests whose header fields are changed on both ways, beside nginx that changes the same ones."""

from contextlib import ExitStack

import setup
from proxying import Lane, compare
from servers import Nginx, Raftgate, Site, got, upstream

SIZE = 128
EDITED = "/edited"
SENT = {"X-Load-Removed": "from the client"}
# What the upstream saw of the request comes back in the answer, so that the edits can be looked at.
SHOWN = Site(server='        add_header X-Load-Seen "$http_x_load_added/$http_x_load_removed" always;\n')
NGINX_EDITS = Site(
    location=(
        '            proxy_set_header X-Load-Added yes; proxy_set_header X-Load-Removed "";\n'
        "            add_header X-Load-Answer yes; proxy_hide_header ETag;\n"
    )
)


def run(options):
    with ExitStack() as ends:
        behind = upstream(options.folder / "behind-edits", options.load_core, [SIZE], SHOWN)
        ends.callback(behind.stop)
        node = Raftgate(options, options.folder / "edits")
        ends.callback(node.stop)
        node.start()
        setup.edited(node, EDITED, behind.port)
        lanes = []
        for name, site in (("nginx", None), ("nginx, the same edits", NGINX_EDITS)):
            server = Nginx(options.folder / name.replace(", ", "-").replace(" ", "-"), options.gateway_core, upstream=behind.port, site=site)
            ends.callback(server.stop)
            lanes.append(Lane(name, server, "", SENT))
        lanes.append(Lane("raftgate, header transforms", node, EDITED, SENT, "nginx, the same edits"))
        for lane in lanes[1:]:
            is_edited(lane)
        print(compare(options, lanes, SIZE), flush=True)


def is_edited(lane):
    _, fields, _ = got(lane.server, f"{lane.prefix}/{SIZE}", lane.headers)
    seen = (fields.get("X-Load-Seen"), fields.get("X-Load-Answer"), fields.get("ETag"))
    if seen != ("yes/", "yes", None):
        raise RuntimeError(f"{lane.name} does not edit header fields: {seen}")
