"""TLS and HTTP/2 from clients, and new handshakes, beside nginx with the same certificate.

A handshake costs its client more than the server, so that the load core bounds their rate: the CPU of the server is the
figure.
"""

import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import setup
from machine import cpu_s
from proxying import Lane, compare, rounds
from report import median, table
from servers import KEYLESS, TOOLS, Nginx, Raftgate, Site, pinned, upstream

SIZE = 128
# One client of `openssl s_time` makes one handshake after the other; so many of them keep the other side busy.
HANDSHAKERS = 8
# Connections, and requests at a time on each of them.
STREAMS = ((64, 1), (8, 16))


@dataclass
class Rate:
    """One measurement of something that is counted."""

    per_s: float
    cpu_us: float
    mean_ms: float = 0.0


def run_tls(options):
    with ExitStack() as ends:
        lanes = open_lanes(options, "tls", "ssl", ends)
        print(compare(options, lanes, SIZE), flush=True)
        heads = ["new TLS 1.3 handshakes, ECDSA P-256", "handshakes/s", "of nginx", "CPU us/handshake", "CPU of nginx"]
        print(table(heads, rows(rounds(options, lanes, lambda lane: handshakes(options, lane)), of_cpu=True)), flush=True)


def run_http2(options):
    with ExitStack() as ends:
        lanes = open_lanes(options, "http2", "ssl http2", ends)
        for connections, streams in STREAMS:
            runs = rounds(options, lanes, lambda lane: h2load(options, lane, connections, streams))
            heads = [f"HTTP/2, {connections} connections, {streams} at a time on each", "requests/s", "of nginx", "CPU us/request", "mean ms"]
            print(table(heads, rows(runs)), flush=True)


def open_lanes(options, name, listen, ends):
    """nginx and raftgate with one certificate; sessions are not resumed, so that a handshake is a whole one."""
    certificate, key = make_certificate(options.folder)
    behind = upstream(options.folder / f"behind-{name}", options.load_core, [SIZE])
    ends.callback(behind.stop)
    secured = Site(
        listen=listen,
        server=(
            f"        ssl_certificate {certificate}; ssl_certificate_key {key};\n"
            "        ssl_protocols TLSv1.3; ssl_session_tickets off; ssl_session_cache off;\n"
        ),
    )
    proxy = Nginx(options.folder / f"nginx-{name}", options.gateway_core, upstream=behind.port, site=secured)
    ends.callback(proxy.stop)
    node = Raftgate(options, options.folder / name, f'tls_cert = "{certificate}"\ntls_key = "{key}"\n')
    ends.callback(node.stop)
    node.start()
    setup.keyless(node, behind.port)
    return [Lane("nginx", proxy, ""), Lane("raftgate keyless", node, KEYLESS)]


def make_certificate(folder):
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = [TOOLS / "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "30"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


def rows(runs, of_cpu=False):
    base = {field: median(runs["nginx"], field) for field in ("per_s", "cpu_us")}
    for name, of_lane in runs.items():
        per_s, cpu_us = median(of_lane, "per_s"), median(of_lane, "cpu_us")
        last = f"{cpu_us / base['cpu_us']:.2f}" if of_cpu else f"{median(of_lane, 'mean_ms'):.2f}"
        yield [name, f"{per_s:,.0f}", f"{per_s / base['per_s']:.2f}", f"{cpu_us:.1f}", last]


def handshakes(options, lane):
    """Full handshakes, each on a connection of its own that carries nothing else."""
    command = [TOOLS / "openssl", "s_time", "-connect", f"127.0.0.1:{lane.server.port}", "-new", "-tls1_3"]
    command = pinned(options.load_core, [*command, "-time", options.seconds])
    ask = lambda _: subprocess.run(command, capture_output=True, text=True, timeout=options.seconds + 60)
    before, began = cpu_s(lane.server.pids()), time.monotonic()
    with ThreadPoolExecutor(HANDSHAKERS) as pool:
        finished = list(pool.map(ask, range(HANDSHAKERS)))
    took_s, used_s = time.monotonic() - began, cpu_s(lane.server.pids()) - before
    counts = [re.search(r"^(\d+) connections in [\d.]+s", run.stdout, re.M) for run in finished]
    if None in counts or any(run.returncode for run in finished):
        raise RuntimeError(f"openssl s_time against {lane.name}: {finished[0].stdout}{finished[0].stderr}")
    count = sum(int(found.group(1)) for found in counts)
    return Rate(count / took_s, used_s / count * 1e6)


def h2load(options, lane, connections, streams):
    """Requests over HTTP/2; one that fails or is not answered 2xx is an error."""
    command = [TOOLS / "h2load", "-t1", f"-c{connections}", f"-m{streams}", "-D", options.seconds]
    command.append(f"https://127.0.0.1:{lane.server.port}{lane.prefix}/{SIZE}")
    before = cpu_s(lane.server.pids())
    finished = subprocess.run(pinned(options.load_core, command), capture_output=True, text=True, timeout=options.seconds + 60)
    used_s = cpu_s(lane.server.pids()) - before
    output = finished.stdout
    rate = re.search(r"finished in [\d.]+m?s, ([\d.]+) req/s", output)
    counts = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", output)
    mean = re.search(r"^time for request:\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)\s", output, re.M)
    if finished.returncode != 0 or not (rate and counts and mean) or "Application protocol: h2" not in output:
        raise RuntimeError(f"h2load against {lane.name}: {output}{finished.stderr}")
    succeeded, *lost = (int(count) for count in counts.groups())
    answered = int(re.search(r"status codes: (\d+) 2xx", output).group(1))
    if any(lost) or succeeded == 0 or answered < succeeded:
        raise RuntimeError(f"h2load against {lane.name}: {output}")
    unit = {"us": 0.001, "ms": 1.0, "s": 1000.0}[mean.group(2)]
    return Rate(float(rate.group(1)), used_s / succeeded * 1e6, float(mean.group(1)) * unit)
