"""Client-credentials tokens over HTTP, each durable before its answer, with the disk's own rate beside it."""

import machine
import setup
import wrk
from report import median, table
from servers import Raftgate


def run(options):
    node = Raftgate(options, options.folder / "tokens")
    try:
        node.start()
        # No request of this measurement reaches an upstream; port 9 is never asked.
        script = setup.script(options.folder, setup.oauth(node, upstream_port=9))
        rows = [row(options, node, script, int(count)) for count in options.connections.split(",")]
    finally:
        node.remove()
    heads = ["connections", "tokens/s", "p50 ms", "p99 ms", "CPU us/token", "disk's fdatasync/s"]
    print(table(heads, rows), flush=True)


def row(options, node, script, connections):
    measure = lambda seconds: wrk.measure(node, options.load_core, "/", seconds, connections, script=script)
    measure(1)
    runs = [measure(options.seconds) for _ in range(options.rounds)]
    return [
        str(connections),
        f"{median(runs, 'per_s'):,.0f}",
        f"{median(runs, 'p50_ms'):.2f}",
        f"{median(runs, 'p99_ms'):.2f}",
        f"{median(runs, 'cpu_us'):.1f}",
        f"{machine.fdatasyncs_per_s(options.folder, 1.0):,.0f}",
    ]
