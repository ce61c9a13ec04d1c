#!/usr/bin/env python3
"""Measures how the cost of polls grows with the fleet, and draws docs/images/growth.svg.

    benches/growth.py BINARY [--instances 1000 3000 ... 1000000] [--polls 3] [--image PATH]

For each fleet of groups of 500 instances, starts the fake API and an exporter in aggregate mode,
which polls as fast as the API responds. The figures without a scrape are the medians of several
polls; memory is read after one gzip scrape. The busy share is the CPU time that the polling thread
needs for a poll, divided by an interval of 60 s. `benches/peers/setup --api` must have run. The
largest fleet needs 1 GB of memory for the fake API. Standard library only.
"""

import argparse
import gzip
import math
import statistics
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from chart import Line, Panel, draw
from peers.fake_api import FakeApi, Fleet, costs_of_polls
from processes import OPENER, Process, exporter_command

GROUP = 500
PERSISTENT = 100
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
# The interval of the busy share and of the request rates, in seconds: the default of poll.interval.
INTERVAL = 60
# The default of api.requests_per_second.
RATE = 20
# A poll must end before the next one begins, so that the thread is idle between them.
INSTANCES_PER_SECOND = 150_000
# A process with a greater share has no time left for retries and slow responses.
MAX_BUSY = 0.8
IMAGE = Path(__file__).resolve().parents[1] / "docs/images/growth.svg"


@dataclass
class Growth:
    instances: int
    requests: int
    cpu: float
    wall: float
    busy: float
    rss: float
    peak: float
    body: float
    packed: float

    @property
    def rate(self):
        """Requests per second that the API must allow for one poll per interval."""
        return self.requests / INTERVAL


def scrape(url):
    """The body of a gzip scrape, and its length as it was sent."""
    request = urllib.request.Request(f"{url}/metrics", headers={"Accept-Encoding": "gzip"})
    with OPENER.open(request) as response:
        packed = response.read()
    return len(gzip.decompress(packed)) / 1e6, len(packed) / 1e6


def measure(binary, instances, polls):
    fleet = Fleet(instances // GROUP, GROUP, PERSISTENT)
    interval = 1 + math.ceil(instances / INSTANCES_PER_SECOND)
    settings = [f"poll.interval={interval}s", "api.requests_per_second=100000"]
    api = FakeApi(fleet)
    exporter = Process(exporter_command(binary, api.url, settings), r"address=(\S+)")
    try:
        costs = costs_of_polls(api, exporter, polls, interval)
        body, packed = scrape(exporter.url)
        return Growth(
            instances=instances,
            requests=sum(fleet.requests().values()),
            cpu=statistics.median(cost.cpu for cost in costs),
            wall=statistics.median(cost.wall for cost in costs),
            busy=statistics.median(cost.main_thread for cost in costs) / 1e3 / INTERVAL,
            rss=exporter.memory("VmRSS"),
            peak=exporter.memory("VmHWM"),
            body=body,
            packed=packed,
        )
    finally:
        exporter.end()
        api.end()


def header():
    names = (
        "instances",
        "CPU of a poll, ms",
        "wall of a poll, ms",
        f"busy share at {INTERVAL} s",
        "RSS, MB",
        "peak, MB",
        "body / gzip, MB",
        "requests of a poll",
        f"requests per second at {INTERVAL} s",
        f"shortest interval at {RATE} requests per second, s",
    )
    return f"| {' | '.join(names)} |\n|{'--:|' * len(names)}"


def row(found):
    cells = (
        f"{found.instances:,}",
        f"{found.cpu:,.1f}",
        f"{found.wall:,.0f}",
        f"{found.busy:.3%}",
        f"{found.rss:,.1f}",
        f"{found.peak:,.1f}",
        f"{found.body:,.2f} / {found.packed:,.2f}",
        f"{found.requests:,}",
        f"{found.rate:,.1f}",
        f"{found.requests / RATE:,.0f}",
    )
    return f"| {' | '.join(cells)} |"


def limits(largest):
    """What limits one process, calculated from the largest fleet: the rate, or the thread."""
    by_rate = largest.instances * RATE * INTERVAL / largest.requests
    by_thread = largest.instances * MAX_BUSY / largest.busy
    rate = by_thread / largest.instances * largest.rate
    return (
        f"At {RATE} requests per second, one poll in {INTERVAL} s reads {by_rate:,.0f} instances. "
        f"The polling thread is busy for {MAX_BUSY:.0%} of the time at {by_thread:,.0f} instances, "
        f"for which the API must allow {rate:,.0f} requests per second."
    )


def panels(found):
    def line(label, value):
        return Line(label, [(each.instances, value(each)) for each in found])

    return [
        Panel("one poll, ms", [line("wall", lambda each: each.wall), line("CPU", lambda each: each.cpu)]),
        Panel("memory, MB", [line("peak", lambda each: each.peak), line("RSS", lambda each: each.rss)]),
        Panel(f"polling thread busy at {INTERVAL} s, %", [line("busy", lambda each: each.busy * 100)]),
    ]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("binary")
    arguments.add_argument("--instances", type=int, nargs="+", default=SIZES)
    arguments.add_argument("--polls", type=int, default=3)
    arguments.add_argument("--image", type=Path, default=IMAGE)
    options = arguments.parse_args()
    print(header(), flush=True)
    found = []
    for instances in options.instances:
        found.append(measure(options.binary, instances, options.polls))
        print(row(found[-1]), flush=True)
    print(f"\n{limits(found[-1])}")
    options.image.write_text(draw("instances", panels(found)), encoding="utf-8")


if __name__ == "__main__":
    main()
