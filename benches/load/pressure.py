"""Latency of proxied OAuth requests at rest, while tokens are written at full rate, and while snapshots are built."""

import threading
from concurrent.futures import ThreadPoolExecutor

import million
import setup
import wrk
from report import median, table
from servers import OAUTH, Raftgate, upstream

TOKEN_CONNECTIONS = 128


def run(options):
    behind = upstream(options.folder / "behind-pressure", options.load_core, [128])
    node = Raftgate(options, options.folder / "pressure")
    try:
        node.start()
        credentials = setup.oauth(node, behind.port)
        script = setup.script(options.folder, credentials)
        headers = {"Authorization": f"Bearer {setup.token(node, credentials)}"}
        million.fill(options, node, script)
        lanes = {
            "quiet": lambda: proxied(options, node, headers),
            "while tokens are written": lambda: while_tokens(options, node, headers, script),
            "while snapshots are built": lambda: while_snapshots(options, node, headers),
        }
        runs = {name: [] for name in lanes}
        for _ in range(options.rounds):
            for name, measure in lanes.items():
                runs[name].append(measure())
    finally:
        node.remove()
        behind.stop()
    heads = [f"proxied with OAuth, {options.count:,} live tokens", "requests/s", "p50 ms", "p99 ms", "p99 of quiet", "beside it"]
    print(table(heads, rows(runs)), flush=True)


def proxied(options, node, headers):
    path = f"{OAUTH}/128"
    return wrk.measure(node, options.load_core, path, options.seconds, options.pressure_connections, headers), ""


def while_tokens(options, node, headers, script):
    """Tokens are written from a second before the measurement to a second after it."""
    with ThreadPoolExecutor(1) as pool:
        seconds = options.seconds + 2
        tokens = pool.submit(wrk.measure, node, options.load_core, "/", seconds, TOKEN_CONNECTIONS, None, script)
        threading.Event().wait(1)
        run, _ = proxied(options, node, headers)
        return run, f"{tokens.result().per_s:,.0f} tokens/s"


def while_snapshots(options, node, headers):
    """Snapshots are built and saved one after another for as long as the measurement takes."""
    over = threading.Event()

    def save():
        built = 0
        while not over.is_set():
            million.save_snapshot(options, node)
            built += 1
        return built

    with ThreadPoolExecutor(1) as pool:
        snapshots = pool.submit(save)
        try:
            run, _ = proxied(options, node, headers)
        finally:
            over.set()
        return run, f"{snapshots.result()} snapshots"


def rows(runs):
    quiet = median([run for run, _ in runs["quiet"]], "p99_ms")
    for name, of_lane in runs.items():
        measured = [run for run, _ in of_lane]
        p99 = median(measured, "p99_ms")
        yield [
            name,
            f"{median(measured, 'per_s'):,.0f}",
            f"{median(measured, 'p50_ms'):.2f}",
            f"{p99:.2f}",
            f"{p99 / quiet:.2f}",
            of_lane[-1][1],
        ]
