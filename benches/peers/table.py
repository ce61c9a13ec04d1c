"""The table of docs/performance.md."""

import math
import statistics
from dataclasses import dataclass

# The names of two contestants whose figures are the bases of the ratios.
BOUND, PEER = "floor", "Go"


@dataclass(frozen=True)
class Row:
    label: str
    size: str
    mode: str
    key: str
    # Whether a ratio has a meaning.
    is_cost: bool = True


ROWS = (
    Row("CPU of a poll, M aggregate, ms", "M", "aggregate", "poll_cpu_ms"),
    Row("CPU of a poll, S aggregate, ms", "S", "aggregate", "poll_cpu_ms"),
    Row("CPU of a poll and a gzip scrape, M detailed, ms", "M", "detailed", "cycle_cpu_ms"),
    Row("CPU of a gzip scrape, S aggregate, ms", "S", "aggregate", "gzip_cpu_ms"),
    Row("CPU of a gzip scrape, M aggregate, ms", "M", "aggregate", "gzip_cpu_ms"),
    Row("CPU of an identity scrape, S aggregate, ms", "S", "aggregate", "identity_cpu_ms"),
    Row("CPU of an identity scrape, M aggregate, ms", "M", "aggregate", "identity_cpu_ms"),
    Row("start to first response, S aggregate, ms", "S", "aggregate", "first_response_ms"),
    Row("start to first response, M aggregate, ms", "M", "aggregate", "first_response_ms"),
    Row("start to complete metrics, S aggregate, ms", "S", "aggregate", "complete_ms"),
    Row("start to complete metrics, M aggregate, ms", "M", "aggregate", "complete_ms"),
    Row("RSS after polls, M aggregate, MB", "M", "aggregate", "rss_mb"),
    Row("peak with scrapes, M aggregate, MB", "M", "aggregate", "peak_mb"),
    Row("RSS after polls, M detailed, MB", "M", "detailed", "rss_mb"),
    Row("peak with scrapes, M detailed, MB", "M", "detailed", "peak_mb"),
    Row("series, M aggregate", "M", "aggregate", "series", is_cost=False),
    Row("body, M aggregate, MB", "M", "aggregate", "body_mb", is_cost=False),
    Row("series, M detailed", "M", "detailed", "series", is_cost=False),
    Row("body, M detailed, MB", "M", "detailed", "body_mb", is_cost=False),
    Row("stripped binary (Python: packages), MB", "S", "aggregate", "program_mb"),
)


class Samples:
    """The figures of all visits, by size, mode and contestant."""

    def __init__(self):
        self.visits = []

    def add(self, round_number, size, mode, contestant, figures):
        visit = {"round": round_number, "size": size, "mode": mode, "contestant": contestant}
        self.visits.append({**visit, **figures})

    def values(self, row, contestant):
        """The figure of each round in which it was measured."""
        return {
            visit["round"]: visit[row.key]
            for visit in self.visits
            if (visit["size"], visit["mode"], visit["contestant"]) == (row.size, row.mode, contestant)
            and visit.get(row.key) is not None
        }

    def names(self):
        return list(dict.fromkeys(visit["contestant"] for visit in self.visits))


def number(value):
    """Three significant digits, and no fewer than all digits before the point."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(digits, 3)}f}"


def ratio(ours, base):
    """The median of the ratios within rounds, with the smallest and the greatest one.

    The visits of one round are minutes apart, so that a slow moment of the machine hits both.
    """
    found = [ours[each] / base[each] for each in ours if base.get(each)]
    if not found:
        return "–"
    spread = f" ({number(min(found))}–{number(max(found))})" if len(found) > 1 else ""
    return f"{number(statistics.median(found))}{spread}"


def render(samples, ours):
    names = samples.names()
    bases = [base for base in (BOUND, PEER) if base in names and ours in names]
    header = ["figure", *names, *(f"{ours} / {base}" for base in bases)]
    lines = [f"| {' | '.join(header)} |", f"|---|{'--:|' * (len(header) - 1)}"]
    for row in ROWS:
        values = {name: samples.values(row, name) for name in names}
        if not any(values.values()):
            continue
        cells = [number(statistics.median(found.values()) if found else None) for found in values.values()]
        cells += [ratio(values[ours], values[base]) if row.is_cost else "" for base in bases]
        lines.append(f"| {row.label} | {' | '.join(cells)} |")
    return "\n".join(lines)
