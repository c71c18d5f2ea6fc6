"""Many APIs: starting with them, their memory, finding one among them, and changing one while the others go on."""

import http.client
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import machine
import setup
import wrk
from proxying import rounds, row
from report import median, table
from servers import START_S, Raftgate, upstream

REST_S = 2
# Sizes of the two answers between which a change switches.
SIZES = (128, 256)
# How long a change may take until the measurement gives up.
CHANGE_S = 30
# Connections to other APIs that are held while one is changed.
HELD = 16


class Fleet:
    """A node with so many keyless APIs in its definitions folder."""

    def __init__(self, options, count, upstream_port):
        self.count, self.upstream_port = count, upstream_port
        folder = options.folder / f"apis-{count}"
        definitions = folder / "definitions"
        definitions.mkdir(parents=True)
        for number in range(count):
            (definitions / f"{api_id(number)}.json").write_text(json.dumps(self.definition(number)))
        configuration = f'[definitions]\ndir = "{definitions}"\n'
        self.node = Raftgate(options, folder, configuration)
        rest_s = min(REST_S, options.seconds)
        self.founded_s = self.node.start()
        self.founded_mib = self.mib_after(rest_s)
        self.node.stop()
        self.restarted_s = self.node.start()
        self.restarted_mib = self.mib_after(rest_s)

    def mib_after(self, rest_s):
        time.sleep(rest_s)
        return machine.memory_mib(self.node.process.pid)

    def definition(self, number, size=SIZES[0]):
        made = setup.definition(api_id(number), listen_path(number), self.upstream_port, oauth=False)
        made["proxy"]["target_url"] += f"{size}/"
        return made

    def change_ms(self, number, size):
        """From sending a change of one API until a request to it shows the change."""
        began = time.monotonic()
        self.node.ask("PUT", f"/tyk/apis/{api_id(number)}", self.definition(number, size))
        asked = Held(self.node, number)
        while asked.size() != size:
            if time.monotonic() - began > CHANGE_S:
                raise RuntimeError(f"a change is not in force after {CHANGE_S} s")
        took_ms = (time.monotonic() - began) * 1000
        asked.connection.close()
        return took_ms


def api_id(number):
    return f"load-{number}"


def listen_path(number):
    return f"/load/{number}"


class Held:
    """A connection to one API that is never made anew."""

    def __init__(self, node, number):
        self.path = f"{listen_path(number)}/body"
        self.connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=START_S)
        self.connection.connect()
        # Whoever asks on a connection that was closed learns of it.
        self.connection.auto_open = 0

    def size(self):
        self.connection.request("GET", self.path)
        response = self.connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"GET {self.path}: {response.status}")
        return len(body)


def run(options):
    counts = sorted({1, min(100, options.apis), options.apis})
    behind = upstream(options.folder / "behind-apis", options.load_core, [])
    for size in SIZES:
        folder = options.folder / f"behind-apis/root/{size}"
        folder.mkdir()
        (folder / "body").write_bytes(b"x" * size)
    fleets = []
    try:
        for count in counts:
            fleets.append(Fleet(options, count, behind.port))
        print(table(["APIs", "founding s", "restart s", "RSS MiB founded", "RSS MiB restarted", "KiB per API"], loads(fleets)), flush=True)
        print(lookups(options, fleets), flush=True)
        heads = [f"changes of one API among {counts[-1]:,}", "changes", "median ms", "max ms", "requests/s to others"]
        print(table(heads, changes(options, fleets[-1])), flush=True)
    finally:
        for fleet in fleets:
            fleet.node.remove()
        behind.stop()


def loads(fleets):
    one = fleets[0]
    for fleet in fleets:
        more = fleet.count - one.count
        each = f"{(fleet.restarted_mib - one.restarted_mib) * 1024 / more:.1f}" if more else ""
        yield [
            f"{fleet.count:,}",
            f"{fleet.founded_s:.2f}",
            f"{fleet.restarted_s:.2f}",
            f"{fleet.founded_mib:.1f}",
            f"{fleet.restarted_mib:.1f}",
            each,
        ]


class Lookups:
    """Requests to one node: to its last API, or to all of them in turn."""

    def __init__(self, fleet, what, **terms):
        noun = "API" if fleet.count == 1 else "APIs"
        self.name, self.node, self.terms = f"{fleet.count:,} {noun}, {what}", fleet.node, terms


def lookups(options, fleets):
    last = [Lookups(fleet, "the last one", path=f"{listen_path(fleet.count - 1)}/body") for fleet in fleets]
    script = lambda fleet: in_turn(options.folder, fleet.count)
    turns = [Lookups(fleet, "all in turn", path="/", script=script(fleet)) for fleet in fleets]
    measure = lambda lane: wrk.measure(lane.node, options.load_core, seconds=options.seconds, **lane.terms)
    runs = rounds(options, [*last, *turns], measure)
    heads = ["look-up, 64 connections", "requests/s", "of 1 API", "p50 ms", "p99 ms", "CPU us/request"]
    lines = []
    for lanes in (last, turns):
        base = median(runs[lanes[0].name], "per_s")
        lines += [row(lane.name, runs[lane.name], base) for lane in lanes]
    return table(heads, lines)


def in_turn(folder, count):
    """A wrk script that asks all APIs one after the other; its requests are made before it begins."""
    file = folder / f"in-turn-{count}.lua"
    file.write_text(
        "local requests, last = {}, 0\n"
        "function init(args)\n"
        f"  for number = 0, {count - 1} do\n"
        f'    requests[number] = wrk.format("GET", "{listen_path("")}" .. number .. "/body")\n'
        "  end\n"
        "end\n"
        "function request()\n"
        f"  last = (last + 1) % {count}\n"
        "  return requests[last]\n"
        "end\n"
    )
    return file


def changes(options, fleet):
    """Changes at rest, and while another API is loaded; connections to others are held meanwhile and must go on."""
    held = [Held(fleet.node, number) for number in range(min(HELD, fleet.count - 1))]
    changed = fleet.count - 1
    for connection in held:
        connection.size()
    sizes = [SIZES[(number + 1) % 2] for number in range(options.changes)]
    yield change_row("at rest", [fleet.change_ms(changed, size) for size in sizes], "")
    fleet.change_ms(changed, SIZES[0])
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(wrk.measure, fleet.node, options.load_core, f"{listen_path(0)}/body", 2 * options.seconds)
        took_ms = []
        for size in sizes:
            if load.done():
                break
            took_ms.append(fleet.change_ms(changed, size))
        # An answer outside 2xx or a connection that breaks ends the measurement.
        yield change_row("while another API is loaded", took_ms, f"{load.result().per_s:,.0f}")
    for connection in held:
        if connection.size() != SIZES[0]:
            raise RuntimeError("a change of one API shows at another")
        connection.connection.close()


def change_row(name, took_ms, others):
    return [name, str(len(took_ms)), f"{statistics.median(took_ms):.1f}", f"{max(took_ms):.1f}", others]
