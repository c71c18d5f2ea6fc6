"""What the measurements ran on, and what a process used of it."""

import os
import platform
import time
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SYNC_BLOCK = bytes(4096)


def field(path, name):
    """The first value of a `name: value` line; empty when there is none."""
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def description(options):
    model = field("/proc/cpuinfo", "model name") or platform.machine()
    memory_gib = int(field("/proc/meminfo", "MemTotal").split()[0]) / 1024 / 1024
    syncs = fdatasyncs_per_s(options.folder)
    return (
        f"Machine: {model}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, Linux {platform.release()}; "
        f"disk: {disk(options.folder)}, {syncs:,.0f} fdatasync/s of 4 KiB. "
        f"Gateway on core {options.gateway_core}, wrk and upstream on core {options.load_core}."
    )


def disk(folder):
    """Device and file system that hold `folder`, by the longest mount point above it."""
    best = ("", "unknown", "")
    for line in Path("/proc/mounts").read_text().splitlines():
        device, point, kind = line.split()[:3]
        above = point == "/" or str(folder.resolve()).startswith(point.rstrip("/") + "/")
        if above and len(point) >= len(best[0]):
            best = (point, device, kind)
    return f"{best[1]} {best[2]}"


def fdatasyncs_per_s(folder, seconds=2.0):
    """How often the disk makes 4 KiB durable when one thread overwrites a preallocated file, one block after another."""
    path = folder / "fdatasync"
    with open(path, "wb", buffering=0) as file:
        for _ in range(4096):
            file.write(SYNC_BLOCK)
        os.fsync(file.fileno())
        count, began = 0, time.monotonic()
        while (took := time.monotonic() - began) < seconds:
            os.pwrite(file.fileno(), SYNC_BLOCK, count % 4096 * len(SYNC_BLOCK))
            os.fdatasync(file.fileno())
            count += 1
    path.unlink()
    return count / took


def cpu_s(pids):
    """User and system time that the processes have used, their threads included."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_PER_S


def memory_mib(pid, name="VmRSS"):
    """Resident memory of a process; `VmHWM` is its peak."""
    return int(field(f"/proc/{pid}/status", name).split()[0]) / 1024
