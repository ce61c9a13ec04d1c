#!/usr/bin/env python3
"""Measures the exporter beside its peers and bounds, and prints the table of docs/performance.md.

    benches/compare.py BINARY [--rounds 3] [--sizes S,M] [--only go,floor,ours]

Each round visits every contestant once for each size of the fleet and each mode, so that a slow
moment of the machine hits all of them. A figure is the median of the rounds. `benches/peers/setup`
must have run; benches/peers/README.md explains what is measured. Standard library only.
"""

import argparse
import json
import os
import platform
import re
import statistics
import sys
import time
from pathlib import Path

from peers.contestants import MODES, SIZES, contestants
from peers.fake_api import TARGET
from peers.nginx import static_scrapes
from peers.table import PEER, Samples, number, render
from peers.visit import Visit

# Detailed metrics of a small fleet show nothing that the other visits do not show.
SKIPPED = ("S", "detailed")


def work_ms():
    """How long a fixed piece of work takes, which shows how busy the machine is."""
    began = time.perf_counter()
    sum(each * each for each in range(300_000))
    return (time.perf_counter() - began) * 1e3


def machine():
    model = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    name = model[1] if model else platform.processor()
    return f"{name}, {os.cpu_count()} cores, Linux {platform.release()}, {time.strftime('%Y-%m-%d')}"


class Comparison:
    def __init__(self, options):
        self.options = options
        self.contestants = contestants(options.binary)
        self.ours = self.contestants[-1].name
        if options.only:
            self.contestants = [each for each in self.contestants if each.short_name in options.only.split(",")]
        self.samples, self.static, self.work, self.failures = Samples(), {}, [], []

    def run(self):
        began = time.monotonic()
        for round_number in range(1, self.options.rounds + 1):
            for size in self.options.sizes.split(","):
                for mode in MODES:
                    if (size, mode) == SKIPPED:
                        continue
                    for contestant in self.contestants:
                        outcome = self.visit(round_number, size, mode, contestant)
                        seconds = time.monotonic() - began
                        print(f"[{seconds:5.0f} s] round {round_number}, {size} {mode}, {contestant.name}: {outcome}", file=sys.stderr)

    def visit(self, round_number, size, mode, contestant):
        self.work.append(work_ms())
        visit = Visit(contestant, SIZES[size], mode)
        try:
            figures = visit.run()
        except (OSError, RuntimeError) as error:
            self.failures.append(f"{contestant.name}, {size} {mode}, round {round_number}: {error}")
            return "failed"
        self.samples.add(round_number, size, mode, contestant.name, figures)
        (TARGET / "samples.json").write_text(json.dumps(self.samples.visits, indent=1), encoding="utf-8")
        if contestant.name == PEER and mode == MODES[0]:
            self.static.setdefault(size, []).append(static_scrapes(visit.body))
        return f"CPU of a poll {number(figures['poll_cpu_ms'])} ms"

    def report(self):
        print(f"{render(self.samples, self.ours)}\n")
        rounds = "one round" if self.options.rounds == 1 else f"medians of {self.options.rounds} rounds"
        print(f"{machine()}; {rounds}. In brackets: the smallest and the greatest ratio of a round.")
        for size, found in self.static.items():
            middle = {key: number(statistics.median(each[key] for each in found)) for key in found[0]}
            print(
                f"nginx sends the body of {PEER} ({size} aggregate) as a file with {middle['gzip_cpu_ms']} ms of CPU time "
                f"for a gzip scrape, and {middle['identity_cpu_ms']} ms for an identity scrape."
            )
        middle = statistics.median(self.work)
        print(
            f"Noise: a fixed piece of work took {number(middle)} ms before the visits, "
            f"at least {number(min(self.work))} ms and at most {number(max(self.work))} ms."
        )


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("binary")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--sizes", default="S,M", help="sizes of the fleet, separated by commas")
    arguments.add_argument("--only", help="python, go, naive, floor, ours; separated by commas")
    comparison = Comparison(arguments.parse_args())
    comparison.run()
    if comparison.samples.visits:
        comparison.report()
    for failure in comparison.failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    return 1 if comparison.failures else 0


if __name__ == "__main__":
    sys.exit(main())
