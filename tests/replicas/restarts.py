#!/usr/bin/env python3
"""Measures restarts with a state file: the first response without the cloud, and a restart loop.

    tests/replicas/restarts.py BINARY [--restarts 20]

For fleets of several sizes, an exporter polls once and ends. Then the cloud is unreachable, and the
next process must serve the same series, with the time of the poll, and be ready. In the loop, each
process ends as soon as it is ready, every other one by a crash. Standard library only.
"""

import argparse
import pathlib
import sys
import tempfile
import time

from exposition import fleet, polled_at
from processes import Cloud, Exporter, eventually

SIZES = ((20, 50), (200, 500), (2000, 500))
# Seconds from the start of the process.
LIMIT = 1


def settings(directory):
    return [f"state.path={directory}/state", "poll.interval=1h", "api.requests_per_second=5000"]


def first_poll(process):
    text = eventually("the first poll", lambda: polled(process), seconds=120, pause=0.2)
    eventually("the process is ready", lambda: True if process.is_ready() else None)
    return fleet(text)


def polled(process):
    text = process.get("/metrics", timeout=60)
    return text if polled_at(fleet(text)) > 0 else None


def without_cloud(binary, groups, instances):
    """The time until a restarted process serves the fleet, without the cloud; and its failures."""
    with tempfile.TemporaryDirectory() as directory:
        cloud = Cloud(binary, groups, instances)
        first = Exporter(binary, cloud, settings(directory))
        try:
            before = first_poll(first)
            first.terminate()
        finally:
            first.kill()
            cloud.kill()
        size = pathlib.Path(directory, "state").stat().st_size
        began = time.monotonic()
        second = Exporter(binary, cloud, settings(directory))
        try:
            after = second.get("/metrics", timeout=60)
            took = time.monotonic() - began
            failures = [] if second.is_ready() else ["the process is not ready"]
        finally:
            second.kill()
        after = fleet(after)
        # Ages and remaining times go on.
        missing = set(before) - set(after)
        if missing:
            failures.append(f"{len(missing)} of {len(before)} series are missing, such as {min(missing)}")
        if polled_at(after) != polled_at(before):
            failures.append("the time of the poll differs")
        if took > LIMIT:
            failures.append(f"the first response took {took:.2f} s")
        return (groups * instances, len(before), size, took), failures


def restart_loop(binary, restarts):
    """The requests of the first process, and those after all restarts."""
    with tempfile.TemporaryDirectory() as directory:
        cloud = Cloud(binary, *SIZES[0])
        try:
            process = Exporter(binary, cloud, settings(directory))
            first_poll(process)
            eventually("the state is written", lambda: True if pathlib.Path(directory, "state").exists() else None)
            once = sum(cloud.requests().values())
            for restart in range(restarts):
                process.kill() if restart % 2 == 0 else process.terminate()
                process = Exporter(binary, cloud, settings(directory))
                first_poll(process)
            process.kill()
            return once, sum(cloud.requests().values())
        finally:
            cloud.kill()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("binary")
    arguments.add_argument("--restarts", type=int, default=20)
    options = arguments.parse_args()
    failures = []
    print("| instances | series | state file, kB | first response, ms |\n|--:|--:|--:|--:|")
    for groups, instances in SIZES:
        (count, series, size, took), failed = without_cloud(options.binary, groups, instances)
        failures += failed
        print(f"| {count:,} | {series:,} | {size / 1000:,.0f} | {took * 1000:.0f} |", flush=True)
    once, after = restart_loop(options.binary, options.restarts)
    print(f"\n{once} requests without a restart, {after} after {options.restarts} restarts.")
    if once != after:
        failures.append("restarts sent requests")
    for failure in failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
