"""Proxied requests: raftgate keyless and with OAuth beside nginx, interleaved on the same cores."""

import setup
import wrk
from report import median, size_name, table
from servers import KEYLESS, OAUTH, Nginx, Raftgate, Site, status_and_size, upstream

CONNECTIONS = 64
# With more at a time, most large answers would still be under way when a measurement ends.
CONNECTIONS_LARGE, LARGE = 8, 1024 * 1024
BUFFERS = Site(location="            proxy_buffer_size 64k; proxy_buffers 16 64k;\n")


class Lane:
    """One thing that is compared: a server, a path before `/SIZE`, headers, and the lane that it is measured by."""

    def __init__(self, name, server, prefix, headers=None, beside="nginx"):
        self.name, self.server, self.prefix, self.headers, self.beside = name, server, prefix, headers, beside


def run(options):
    sizes = [int(size) for size in options.bodies.split(",")]
    behind = upstream(options.folder / "behind", options.load_core, sizes)
    servers = [behind]
    try:
        lanes = open_lanes(options, behind.port, servers)
        for size in sizes:
            print(compare(options, lanes, size), flush=True)
    finally:
        for server in servers:
            server.stop()


def open_lanes(options, upstream_port, servers):
    wanted = options.gateways.split(",")
    lanes = []
    if "nginx" in wanted:
        proxy = Nginx(options.folder / "proxy", options.gateway_core, upstream=upstream_port)
        servers.append(proxy)
        lanes.append(Lane("nginx", proxy, ""))
    if "nginx-buffers" in wanted:
        proxy = Nginx(options.folder / "buffers", options.gateway_core, upstream=upstream_port, site=BUFFERS)
        servers.append(proxy)
        lanes.append(Lane("nginx, 64 KiB buffers", proxy, ""))
    if {"keyless", "oauth"} & set(wanted):
        node = Raftgate(options, options.folder / "node")
        servers.append(node)
        node.start()
        if "keyless" in wanted:
            setup.keyless(node, upstream_port)
            lanes.append(Lane("raftgate keyless", node, KEYLESS))
        if "oauth" in wanted:
            token = setup.token(node, setup.oauth(node, upstream_port))
            lanes.append(Lane("raftgate OAuth", node, OAUTH, {"Authorization": f"Bearer {token}"}))
    return lanes


def compare(options, lanes, size):
    """Runs the rounds for one body size."""
    for lane in lanes:
        got = status_and_size(lane.server, f"{lane.prefix}/{size}", lane.headers)
        if got != (200, size):
            raise RuntimeError(f"{lane.name} answers {got[0]} with {got[1]} bytes for a body of {size}")
        measure(options, lane, size, seconds=1)
    runs = rounds(options, lanes, lambda lane: measure(options, lane, size, options.seconds))
    heads = [f"{size_name(size)} body, {connections(size)} connections", "requests/s", "of nginx", "p50 ms", "p99 ms", "CPU us/request"]
    base = lambda lane: median(runs.get(lane.beside, []), "per_s")
    return table(heads, [row(lane.name, runs[lane.name], base(lane)) for lane in lanes])


def rounds(options, lanes, measure):
    """Measures every lane in every round; every other round goes through the lanes backwards."""
    runs = {lane.name: [] for lane in lanes}
    for number in range(options.rounds):
        for lane in lanes if number % 2 == 0 else reversed(lanes):
            runs[lane.name].append(measure(lane))
    return runs


def measure(options, lane, size, seconds):
    path = f"{lane.prefix}/{size}"
    return wrk.measure(lane.server, options.load_core, path, seconds, connections(size), lane.headers)


def connections(size):
    return CONNECTIONS if size < LARGE else CONNECTIONS_LARGE


def row(name, runs, base):
    per_s = median(runs, "per_s")
    ratio = f"{per_s / base:.2f}" if base else ""
    return [
        name,
        f"{per_s:,.0f}",
        ratio,
        f"{median(runs, 'p50_ms'):.2f}",
        f"{median(runs, 'p99_ms'):.2f}",
        f"{median(runs, 'cpu_us'):.1f}",
    ]
