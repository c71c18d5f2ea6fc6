"""WebSocket messages that come back, through raftgate and through nginx, by the generator `sockets.rs`.

Clients and echo server share the load core, which short messages keep busier than the gateway's: there the CPU of an echo
says more than the rate.
"""

import re
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass

import setup
from machine import cpu_s
from proxying import Lane, rounds, row
from report import median, size_name, table
from servers import TOOLS, Nginx, Raftgate, Site, pinned

CONNECTIONS = 64
TUNNEL = "/tunnel"
SIZES = (128, 16 * 1024)
UPGRADE = Site(
    connection='"upgrade"',
    location="            proxy_set_header Upgrade $http_upgrade;\n            proxy_read_timeout 3600s; proxy_send_timeout 3600s;\n",
)


@dataclass
class Echoes:
    """One measurement."""

    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


class Generator:
    """The load generator: it echoes at `port`, and sends what it is asked to."""

    def __init__(self, core):
        command = pinned(core, [TOOLS / "load-sockets"])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = int(self.line().split()[1])

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"load-sockets has ended: {self.process.stderr.read()}")
        return line

    def measure(self, lane, seconds, size):
        before = cpu_s(lane.server.pids())
        print(lane.server.port, f"{lane.prefix}/room", CONNECTIONS, seconds, size, file=self.process.stdin, flush=True)
        figures = dict(re.findall(r"(\w+)=([\d.]+)", self.line()))
        used_s = cpu_s(lane.server.pids()) - before
        count = int(figures["messages"])
        if count == 0:
            raise RuntimeError(f"{lane.name} brought no message back")
        return Echoes(
            count / float(figures["seconds"]),
            int(figures["p50_us"]) / 1000,
            int(figures["p99_us"]) / 1000,
            used_s / count * 1e6,
        )

    def stop(self):
        self.process.stdin.close()
        self.process.wait(60)


def run(options):
    with ExitStack() as ends:
        generator = Generator(options.load_core)
        ends.callback(generator.stop)
        proxy = Nginx(options.folder / "nginx-websocket", options.gateway_core, upstream=generator.port, site=UPGRADE)
        ends.callback(proxy.stop)
        node = Raftgate(options, options.folder / "websocket")
        ends.callback(node.stop)
        node.start()
        setup.tunnel(node, TUNNEL, generator.port)
        lanes = [Lane("nginx", proxy, ""), Lane("raftgate keyless", node, TUNNEL)]
        for size in SIZES:
            print(compare(options, generator, lanes, size), flush=True)


def compare(options, generator, lanes, size):
    runs = rounds(options, lanes, lambda lane: generator.measure(lane, options.seconds, size))
    base = median(runs["nginx"], "per_s")
    heads = [f"WebSocket echoes of {size_name(size)}, {CONNECTIONS} connections", "echoes/s", "of nginx", "p50 ms", "p99 ms", "CPU us/echo"]
    return table(heads, [row(name, of_lane, base) for name, of_lane in runs.items()])

