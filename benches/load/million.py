"""Memory, lookups and restart with a million live tokens."""

import subprocess
import threading
import time

import machine
import setup
import wrk
from report import table
from servers import OAUTH, Raftgate, upstream

CONNECTIONS = 128
LOAD_S = 5


class Peak:
    """Highest resident memory while the block runs, looked at every 50 ms."""

    def __init__(self, pid):
        self.pid, self.mib, self._over = pid, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self):
        while not self._over.wait(0.05):
            self.mib = max(self.mib, machine.memory_mib(self.pid))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


def run(options):
    behind = upstream(options.folder / "behind-million", options.load_core, [128])
    node = Raftgate(options, options.folder / "million")
    try:
        node.start()
        credentials = setup.oauth(node, behind.port)
        rows = [["empty", "0", f"{machine.memory_mib(node.process.pid):.0f}", lookups(options, node, credentials), ""]]
        count, peak, took_s = fill(options, node, setup.script(options.folder, credentials))
        rows.append([f"filled at {count / took_s:,.0f}/s", f"{count:,}", f"{peak:.0f}", lookups(options, node, credentials), ""])
        peak, took_s = save_snapshot(options, node)
        rows.append(["while a snapshot is saved", f"{count:,}", f"{peak:.0f}", "", f"{took_s:.1f}"])
        node.stop()
        took_s = node.start()
        after = machine.memory_mib(node.process.pid)
        rows.append(["restarted", f"{count:,}", f"{after:.0f}", lookups(options, node, credentials), f"{took_s:.1f}"])
        rows.append(["highest since the restart", "", f"{machine.memory_mib(node.process.pid, 'VmHWM'):.0f}", "", ""])
    finally:
        node.remove()
        behind.stop()
    print(table(["live tokens", "count", "RSS MiB (peak)", "OAuth requests/s", "took s"], rows), flush=True)


def lookups(options, node, credentials):
    headers = {"Authorization": f"Bearer {setup.token(node, credentials)}"}
    return f"{wrk.measure(node, options.load_core, f'{OAUTH}/128', options.seconds, headers=headers).per_s:,.0f}"


def fill(options, node, script):
    """Asks for tokens until `--count` are live; wrk runs for whole seconds, so it may be some more."""
    count, took_s = 0, 0.0
    with Peak(node.process.pid) as peak:
        while count < options.count:
            run = wrk.measure(node, options.load_core, "/", min(LOAD_S, options.seconds), CONNECTIONS, script=script)
            count += run.requests
            took_s += run.requests / run.per_s
    return count, peak.mib, took_s


def save_snapshot(options, node):
    secret = node.folder / "data/control.secret"
    file = options.folder / "million.snapshot"
    command = [node.binary, "snapshot", "save", file, "--control", f"127.0.0.1:{node.control}", "--control-secret-file", secret]
    began = time.monotonic()
    with Peak(node.process.pid) as peak:
        finished = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if finished.returncode != 0:
        raise RuntimeError(f"snapshot save: {finished.stderr}")
    file.unlink()
    return peak.mib, time.monotonic() - began
