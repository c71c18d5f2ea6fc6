"""Start to the first proxied request, and memory at rest."""

import json
import statistics
import time

import machine
import setup
import wrk
from report import table
from servers import KEYLESS, Raftgate, status_and_size, upstream

REST_S = 5


def run(options):
    """Founds a node with a definition in its folder, then restarts it; each start ends with a proxied answer."""
    behind = upstream(options.folder / "behind-start", options.load_core, [128])
    try:
        founded, restarted = [], []
        for number in range(max(3, options.rounds)):
            node = node_with_definition(options, behind.port, f"start-{number}")
            founded.append(first_answer_ms(node))
            node.stop()
            restarted.append(first_answer_ms(node))
            node.remove()
    finally:
        behind.stop()
    rows = [row("empty data directory", founded), row("initialised data directory", restarted)]
    print(table(["start to first proxied request", "median ms", "best ms", "worst ms"], rows), flush=True)


def node_with_definition(options, upstream_port, name):
    definitions = options.folder / name / "definitions"
    definitions.mkdir(parents=True)
    definition = setup.definition("load-keyless", KEYLESS, upstream_port, oauth=False)
    (definitions / "keyless.json").write_text(json.dumps(definition))
    return Raftgate(options, options.folder / name, f'[definitions]\ndir = "{definitions}"\n')


def first_answer_ms(node):
    began = time.monotonic()
    node.start()
    while status_and_size(node, f"{KEYLESS}/128") != (200, 128):
        if time.monotonic() - began > 60:
            raise RuntimeError(f"no proxied answer within 60 s:\n{node.log()}")
        time.sleep(0.001)
    return (time.monotonic() - began) * 1000


def row(name, times_ms):
    return [name, f"{statistics.median(times_ms):.0f}", f"{min(times_ms):.0f}", f"{max(times_ms):.0f}"]


def run_idle(options):
    behind = upstream(options.folder / "behind-idle", options.load_core, [128])
    node = node_with_definition(options, behind.port, "idle")
    try:
        node.start()
        time.sleep(REST_S)
        rest = machine.memory_mib(node.process.pid)
        busy_s = machine.cpu_s(node.pids())
        time.sleep(REST_S)
        busy_s = machine.cpu_s(node.pids()) - busy_s
        wrk.measure(node, options.load_core, f"{KEYLESS}/128", options.seconds)
        loaded = machine.memory_mib(node.process.pid)
    finally:
        node.remove()
        behind.stop()
    heads = ["memory", "RSS MiB", "CPU % of a core"]
    rows = [
        [f"idle, {REST_S} s after the start", f"{rest:.1f}", f"{busy_s / REST_S * 100:.2f}"],
        ["after proxied load with 64 connections", f"{loaded:.1f}", ""],
    ]
    print(table(heads, rows), flush=True)
