#!/usr/bin/env python3
"""Counts the instructions of the shipped binary with valgrind, and compares them with shipped.json.

    benches/shipped.py BINARY            fails if a job needs over 5 % more instructions than recorded
    benches/shipped.py BINARY --write    records the counts

Each job is a whole process with a fixed simulated fleet. The simulated cloud is another process, and
is not counted. Counts differ by less than 1 % from run to run. Standard library only.
"""

import argparse
import gzip
import json
import pathlib
import re
import tempfile
import time
import urllib.request

from processes import OPENER, Process, exporter_command, settings_of

COUNTS = pathlib.Path(__file__).with_name("shipped.json")
TOLERANCE = 0.05
SCRAPES = 500
RATE = "api.requests_per_second=100000"
DETAILED = ["collectors.instances=detailed", "collectors.persistent=detailed"]

# Groups, instances of each, persistent sessions of each, settings.
POLLS = {
    "start and an empty poll": (0, 0, 0, []),
    "poll of 100 small groups": (100, 1, 1, []),
    "poll of 10,000 instances": (10, 1000, 100, []),
    "poll of 5,000 instances in detail": (5, 1000, 100, DETAILED),
}
SCRAPE = f"{SCRAPES} gzip scrapes"


class Cloud(Process):
    """A simulated cloud whose fleet is the same in each run."""

    def __init__(self, binary, groups, instances, persistent):
        fleet = ["--groups", groups, "--instances-per-group", instances, "--persistent-per-group", persistent]
        at = ["--start", "2026-03-04T10:30:00+08:00", "--speed", "0"]
        super().__init__([binary, "simulate", "--listen", "127.0.0.1:0", *fleet, *at], r"listens at (\S+)")


def counted(folder, command):
    """The command under callgrind, and the file of its profile."""
    profile = pathlib.Path(folder) / "profile"
    return ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={profile}", *command], profile


def instructions(profile):
    return int(re.search(r"^(?:totals|summary): (\d+)", profile.read_text(), re.MULTILINE).group(1))


def poll(binary, groups, instances, persistent, settings):
    """The instructions of a process that polls once and prints the metrics."""
    cloud = Cloud(binary, groups, instances, persistent)
    try:
        with tempfile.TemporaryDirectory() as folder:
            command = [binary, "once", *settings_of(cloud.url, [RATE, *settings])]
            command, profile = counted(folder, command)
            process = Process(command)
            status = process.child.wait()
            if status != 0:
                raise RuntimeError(f"{command} ended with status {status}:\n{process.log()}")
            return instructions(profile)
    finally:
        cloud.end()


def scrape(url):
    request = urllib.request.Request(url + "/metrics", headers={"Accept-Encoding": "gzip"})
    with OPENER.open(request) as response:
        return gzip.decompress(response.read()).decode()


def scraped(binary, scrapes):
    """The instructions of a process that polls once and is then scraped."""
    cloud = Cloud(binary, 10, 100, 20)
    try:
        with tempfile.TemporaryDirectory() as folder:
            command = exporter_command(binary, cloud.url, [RATE, "poll.interval=1h"])
            command, profile = counted(folder, command)
            exporter = Process(command, r"address=(\S+)")
            while "appstreaming_up{" not in scrape(exporter.url):
                time.sleep(0.1)
            for _ in range(scrapes):
                scrape(exporter.url)
            exporter.end()
            return instructions(profile)
    finally:
        cloud.end()


def count(binary):
    counts = {name: poll(binary, *job) for name, job in POLLS.items()}
    # What the process does before and after its scrapes cancels out.
    counts[SCRAPE] = scraped(binary, SCRAPES) - scraped(binary, 0)
    return counts


def compare(counts, recorded):
    """Prints the changes; returns whether all are within the tolerance."""
    accepted = True
    for name, counted in counts.items():
        before = recorded.get(name)
        change = counted / before - 1 if before else None
        verdict = ""
        if change is None or change > TOLERANCE:
            verdict, accepted = "not recorded" if change is None else "MORE THAN 5 % WORSE", False
        elif change < -TOLERANCE:
            # Otherwise a later loss of the same size would pass.
            verdict = "better: record it with --write"
        print(f"{name:<36} {before or 0:>13,} -> {counted:>13,}  {(change or 0) * 100:>+7.2f} %  {verdict}")
    return accepted


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("binary")
    arguments.add_argument("--write", action="store_true")
    options = arguments.parse_args()
    counts = count(options.binary)
    if options.write:
        COUNTS.write_text(json.dumps(counts, indent=2) + "\n", encoding="ascii")
    if not compare(counts, json.loads(COUNTS.read_text(encoding="ascii"))):
        raise SystemExit("A job costs more. If it is worth it, record the counts with --write; otherwise `just instructions` finds the part.")


if __name__ == "__main__":
    main()
