"""Runs wrk and reads what it prints."""

import re
import subprocess
from dataclasses import dataclass

from machine import cpu_s
from servers import TOOLS, pinned

UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass
class Run:
    """One measurement; `cpu_us` is what the gateway used for one request."""

    requests: int
    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


def latency_ms(output, percentile):
    found = re.search(rf"^\s+{percentile}%\s+([\d.]+)(us|ms|s|m)\s*$", output, re.M)
    if not found:
        raise RuntimeError(f"wrk printed no {percentile}th percentile\n{output}")
    return float(found.group(1)) * UNITS_MS[found.group(2)]


def measure(server, core, path, seconds, connections=64, headers=None, script=None):
    """Loads `server` for `seconds`; any answer outside 2xx and 3xx, or a broken connection, is an error."""
    command = [TOOLS / "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "--latency"]
    for name, value in (headers or {}).items():
        command += ["-H", f"{name}: {value}"]
    if script:
        command += ["-s", script]
    command.append(f"{'https' if server.tls else 'http'}://127.0.0.1:{server.port}{path}")
    before = cpu_s(server.pids())
    finished = subprocess.run(pinned(core, command), capture_output=True, text=True, timeout=seconds + 120)
    used_s = cpu_s(server.pids()) - before
    output = finished.stdout
    bad = re.search(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", output)
    if finished.returncode != 0 or bad:
        raise RuntimeError(f"wrk {path}: {bad.group(0) if bad else finished.stderr}\n{output}")
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    if requests == 0:
        raise RuntimeError(f"wrk {path}: no request was answered\n{output}")
    per_s = float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))
    return Run(requests, per_s, latency_ms(output, 50), latency_ms(output, 99), used_s / requests * 1e6)
