#!/usr/bin/env python3
"""Measures a large fleet: one process, then shards with standbys, each over an equal simulated cloud.

    tests/replicas/large_fleet.py BINARY [--groups 2000] [--instances 500] [--shards 4] [--polls 6]

Between two polls the cloud simulates one step. In the middle of the second measurement the primary
of every shard ends, and its standby takes over. CPU time is that of all threads of a process from
one poll to another: requests, parsing, mirroring and rendering. Standard library only.
"""

import argparse
import sys
import threading
import time

from exposition import fleet, polled_at
from replicas import Pair, seconds_until_active
from processes import Cloud, Exporter, eventually

# One step of the simulation, in simulated seconds.
STEP = 10
# How long standbys may take to serve a state of this size, in seconds.
SETTLE = 3


class Fleet:
    """A cloud, which is the same at each start, and how it is polled."""

    def __init__(self, options):
        self.cloud = Cloud(options.binary, options.groups, options.instances)
        self.settings = [f"poll.interval={options.interval}s", "api.requests_per_second=5000"]

    def requests(self):
        return sum(self.cloud.requests().values())

    def poll(self, processes):
        """Simulates one step, and waits until every process serves the poll after it."""
        self.cloud.control(jump_seconds=STEP)
        await_poll(processes, time.time())

    def costs(self, processes, polls):
        """The CPU time of a poll and the memory after it, of each process."""
        before = [process.cpu() for process in processes]
        for _ in range(polls):
            self.poll(processes)
        spent = [(process.cpu() - earlier) / polls for process, earlier in zip(processes, before)]
        return [(cpu, process.memory("VmRSS"), process.memory("VmHWM")) for process, cpu in zip(processes, spent)]


def await_poll(processes, since):
    for process in processes:
        serves_poll = lambda process=process: True if polled_at(health(process)) > since else None
        eventually("a process serves the next poll", serves_poll, seconds=600, pause=1)
    time.sleep(SETTLE)


def health(process):
    return fleet(process.get("/metrics?collect[]=health", timeout=60))


def measure_one(large, options):
    """The costs of one process that polls the whole fleet."""
    process = Exporter(options.binary, large.cloud, large.settings)
    try:
        await_poll([process], 0)
        costs = large.costs([process], options.polls - 1)
        return [("one process", *costs[0])]
    finally:
        process.kill()


def measure_shards(large, options):
    """The costs of each process, and the times of the takeovers."""
    pairs = []
    try:
        for index in range(options.shards):
            shard = [f"sharding.index={index}", f"sharding.total={options.shards}"]
            pairs.append(Pair(options, large.cloud, [*large.settings, *shard], None))
        for number in range(2):
            for pair in pairs:
                pair.running.append(pair.launch(number))
        primaries, standbys = ([pair.running[number] for pair in pairs] for number in range(2))
        await_poll(primaries + standbys, 0)
        first = options.polls // 2
        costs = large.costs(primaries + standbys, first - 1)
        takeovers = end_all(primaries, standbys)
        later = large.costs(standbys, options.polls - first)
        names = [f"{role} of shard {index}" for role in ("primary", "standby") for index in range(options.shards)]
        names += [f"the same standby of shard {index}, active" for index in range(options.shards)]
        return [(name, *cost) for name, cost in zip(names, costs + later)], takeovers
    finally:
        for pair in pairs:
            pair.end()


def end_all(primaries, standbys):
    """Ends all primaries at once; returns how long each shard had no active replica."""
    times = [0.0] * len(primaries)

    def end(index):
        began = time.monotonic()
        ending = threading.Thread(target=primaries[index].terminate)
        ending.start()
        times[index] = seconds_until_active([standbys[index]], began)
        ending.join()

    threads = [threading.Thread(target=end, args=(index,)) for index in range(len(primaries))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("binary")
    arguments.add_argument("--groups", type=int, default=2000)
    arguments.add_argument("--instances", type=int, default=500, help="of each group")
    arguments.add_argument("--shards", type=int, default=4)
    arguments.add_argument("--polls", type=int, default=6)
    arguments.add_argument("--interval", type=float, default=30, help="of polls, in seconds")
    arguments.add_argument("--takeover-after", type=float, default=15, help="of a pair, in seconds")
    options = arguments.parse_args()
    large = Fleet(options)
    try:
        totals = large.cloud.truth(details=False)["totals"]
        print(f"{totals['groups']:,} groups, {totals['instances']:,} instances\n", flush=True)
        rows = measure_one(large, options)
        one = large.requests()
    finally:
        large.cloud.kill()
    large = Fleet(options)
    try:
        more, takeovers = measure_shards(large, options)
        shards = large.requests()
        memory = large.cloud.memory("VmRSS")
    finally:
        large.cloud.kill()
    print("| process | CPU of a poll, ms | RSS, MB | peak, MB |\n|---|--:|--:|--:|")
    for name, cpu, rss, peak in rows + more:
        print(f"| {name} | {cpu:.0f} | {rss:.0f} | {peak:.0f} |")
    difference = (shards - one) / one
    print(f"\nRequests of {options.polls} polls: {one:,} of one process, {shards:,} of {options.shards} shards ({difference:+.2%}).")
    print(f"Takeovers: {', '.join(f'{seconds:.2f} s' for seconds in takeovers)}. The cloud needs {memory:.0f} MB.")
    sys.exit(0 if abs(difference) <= 0.01 else 1)


if __name__ == "__main__":
    main()
