#!/usr/bin/env python3
"""Measures the cost of polling a whole fleet, with the built binary over loopback.

    benches/fleet.py BINARY [--groups 200] [--instances-per-group 500] [--polls 5]

Starts the simulated cloud and, one after the other, exporters in several modes, as separate
processes. CPU time covers all threads of the process, as counted by the kernel in nanoseconds, from
the end of one poll to the end of the next: polling, parsing, rendering. Memory is read from /proc
after the last poll. The ratio divides the exporter's CPU time by the CPU time that the simulated
cloud spent on the same pages, which cancels out the speed of the machine. Standard library only.
"""

import argparse
import json
import re
import time

from processes import Process, exporter_command, get

MODES = {
    "aggregate": [],
    "aggregate, no nodes": ["collectors.nodes=false"],
    "detailed": ["collectors.instances=detailed", "collectors.persistent=detailed"],
}


def polls_ended(url):
    """Number of successful polls, total seconds of all polls, and length of the body."""
    text = get(url + "/metrics")
    ended = re.search(r'_polls_total\{[^}]*result="success"[^}]*\} (\S+)', text)
    took = re.search(r"_poll_duration_seconds_sum(?:\{[^}]*\})? (\S+)", text)
    return int(float(ended.group(1))), float(took.group(1)), len(text)


def wait_for_poll(url, count):
    while polls_ended(url)[0] < count:
        time.sleep(0.2)


def measure(binary, cloud, settings, polls):
    limits = ["poll.interval=3s", "api.requests_per_second=5000"]
    exporter = Process(exporter_command(binary, cloud.url, [*limits, *settings]), r"address=(\S+)")
    try:
        url = exporter.url
        # The first poll opens connections and determines buffer sizes.
        wait_for_poll(url, 1)
        time.sleep(0.5)
        before = exporter.cpu(), cloud.cpu(), polls_ended(url)
        while polls_ended(url)[0] < before[2][0] + polls:
            time.sleep(1)
        time.sleep(0.5)
        after = exporter.cpu(), cloud.cpu(), polls_ended(url)
        ended = after[2][0] - before[2][0]
        return {
            "cpu": (after[0] - before[0]) / ended,
            "ratio": (after[0] - before[0]) / (after[1] - before[1]),
            "wall": (after[2][1] - before[2][1]) / ended * 1000,
            "rss": exporter.memory("VmRSS"),
            "peak": exporter.memory("VmHWM"),
            "body": after[2][2] / 1e6,
        }
    finally:
        exporter.end()


def arguments_of_a_fleet(page):
    """The arguments that all measurements of a fleet have in common."""
    arguments = argparse.ArgumentParser(description=page.splitlines()[0])
    arguments.add_argument("binary")
    arguments.add_argument("--groups", type=int, default=200)
    arguments.add_argument("--instances-per-group", type=int, default=500)
    return arguments


def simulated(options):
    """Starts a simulated cloud whose fleet does not change."""
    return Process(
        [
            options.binary,
            "simulate",
            *("--listen", "127.0.0.1:0"),
            *("--speed", "0"),
            *("--groups", str(options.groups)),
            *("--instances-per-group", str(options.instances_per_group)),
        ],
        r"listens at (\S+)",
    )


def main():
    arguments = arguments_of_a_fleet(__doc__)
    arguments.add_argument("--polls", type=int, default=5)
    options = arguments.parse_args()
    cloud = simulated(options)
    try:
        print("| mode | CPU of a poll, ms | relative to the cloud | wall of a poll, ms | RSS, MB | peak, MB | body, MB |")
        print("|---|--:|--:|--:|--:|--:|--:|")
        for mode, settings in MODES.items():
            found = measure(options.binary, cloud, settings, options.polls)
            print(
                f"| {mode} | {found['cpu']:.0f} | {found['ratio']:.2f} | {found['wall']:.0f} "
                f"| {found['rss']:.1f} | {found['peak']:.1f} | {found['body']:.1f} |",
                flush=True,
            )
        totals = json.loads(get(cloud.url + "/_truth"))["totals"]
        print(f"\n{totals['groups']} groups, {totals['instances']} instances, {totals['persistent']} persistent sessions.")
    finally:
        cloud.end()


if __name__ == "__main__":
    main()
