"""Command line of the load comparison: one mode, one Markdown table on standard output."""

import argparse
import sys
import tempfile
from pathlib import Path

import apis
import callers
import echoes
import edits
import encrypted
import machine
import million
import pressure
import proxying
import startup
import tokens

ROOT = Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(
        prog="benches/load/compare",
        description="Measures raftgate beside nginx on the same cores: gateway on one core, wrk and upstream on another.",
    )
    parser.add_argument("mode", choices=list(MODES), nargs="?", default="proxy")
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/raftgate", help="the raftgate to measure")
    parser.add_argument("--gateway-core", type=int, default=0, help="core of the gateway that is measured")
    parser.add_argument("--load-core", type=int, default=1, help="core of wrk and of the upstream")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds; the table shows medians")
    parser.add_argument("--seconds", type=int, default=5, help="length of one measurement")
    parser.add_argument("--bodies", default="128,65536,10485760", help="sizes of the answers in bytes")
    parser.add_argument("--gateways", default="nginx,nginx-buffers,keyless,oauth", help="what `proxy` compares")
    parser.add_argument("--connections", default="1,16,128", help="connections of `tokens`")
    parser.add_argument("--count", type=int, default=1_000_000, help="live tokens of `million` and `pressure`")
    parser.add_argument("--pressure-connections", type=int, default=8, help="connections of the proxied requests of `pressure`")
    parser.add_argument("--apis", type=int, default=10_000, help="how many APIs `apis` loads")
    parser.add_argument("--changes", type=int, default=50, help="how many changes `apis` measures")
    parser.add_argument("--folder", type=Path, default=ROOT / "target", help="where data is kept; its disk is measured")
    return parser.parse_args()


def smoke(options):
    """Every mode once and briefly: shows that the script works, not how fast anything is."""
    options.rounds, options.seconds = 1, 1
    options.bodies, options.connections, options.count = "128,65536", "1,16", 2_000
    options.apis, options.changes = 300, 4
    for name, mode in MODES.items():
        if name != "smoke":
            mode(options)


MODES = {
    "proxy": proxying.run,
    "auth-token": callers.run_token,
    "basic-auth": callers.run_basic,
    "headers": edits.run,
    "tls": encrypted.run_tls,
    "http2": encrypted.run_http2,
    "websocket": echoes.run,
    "apis": apis.run,
    "tokens": tokens.run,
    "startup": startup.run,
    "idle": startup.run_idle,
    "million": million.run,
    "pressure": pressure.run,
    "smoke": smoke,
}


def main():
    options = arguments()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="load-", dir=options.folder) as folder:
        options.folder = Path(folder)
        print(machine.description(options), flush=True)
        MODES[options.mode](options)


if __name__ == "__main__":
    try:
        main()
    except (AssertionError, OSError, RuntimeError) as error:
        sys.exit(f"benches/load/compare: {error}")
