"""Medians and Markdown."""

import statistics


def median(runs, name):
    """Median of one field over the runs; 0 when there are none."""
    return statistics.median(getattr(run, name) for run in runs) if runs else 0.0


def size_name(size):
    for unit, bytes_of in (("MiB", 1024 * 1024), ("KiB", 1024)):
        if size >= bytes_of and size % bytes_of == 0:
            return f"{size // bytes_of} {unit}"
    return f"{size} B"


def table(heads, rows):
    align = ["---"] + ["---:"] * (len(heads) - 1)
    lines = [f"| {' | '.join(cells)} |" for cells in [heads, align, *rows]]
    return "\n" + "\n".join(lines)
