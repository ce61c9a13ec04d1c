"""The fake API as a process, and the polls that it has served."""

import http.client
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

from processes import Process

# Where `setup` installs and builds.
TARGET = Path(__file__).resolve().parents[2] / "target/peers"
PAGE = 100


@dataclass(frozen=True)
class Fleet:
    groups: int
    instances_per_group: int
    persistent_per_group: int

    @property
    def instances(self):
        return self.groups * self.instances_per_group

    def requests(self):
        """The requests of one poll for each operation."""
        return {
            "ListAppInstanceGroup": pages(self.groups),
            "ListAppInstances": self.groups * pages(self.instances_per_group),
            "ListPersistentAppInstances": self.groups * pages(self.persistent_per_group),
        }


def pages(entries):
    return max(1, math.ceil(entries / PAGE))


class FakeApi(Process):
    def __init__(self, fleet):
        self.fleet = fleet
        sizes = {
            "--groups": fleet.groups,
            "--instances-per-group": fleet.instances_per_group,
            "--persistent-per-group": fleet.persistent_per_group,
        }
        command = [TARGET / "release/fake-api", *(part for each in sizes.items() for part in each)]
        super().__init__(command, r"listening on (\S+)")
        self.connection = http.client.HTTPConnection(self.address, timeout=30)

    def statistics(self):
        self.connection.request("GET", "/_stats")
        return json.loads(self.connection.getresponse().read())

    def polls(self, statistics=None):
        """The number of whole polls that were served."""
        requests = (statistics or self.statistics())["requests"]
        return min(requests[operation] // count for operation, count in self.fleet.requests().items())

    def await_polls(self, count, exporter, seconds=300):
        """Waits until `exporter` has polled `count` times; returns the wall time of the last poll, ms."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            exporter.check()
            statistics = self.statistics()
            if self.polls(statistics) >= count and statistics["in_flight"] == 0:
                poll = statistics["polls"][-1]
                return (poll["ended_us"] - poll["started_us"]) / 1e3
            time.sleep(0.004)
        raise TimeoutError(f"timed out after {seconds} s: {count} polls of {exporter.command[0]}")


def await_idle(process, seconds):
    """Waits until a process hardly uses the CPU; returns its CPU time at that moment, ms.

    So the work after the last response of the API, such as rendering, belongs to the poll.
    """
    end = time.monotonic() + seconds
    before, at = process.cpu(), time.monotonic()
    while time.monotonic() < end:
        time.sleep(0.06)
        after, now = process.cpu(), time.monotonic()
        # 3 % of a core.
        if (after - before) / 1e3 < 0.03 * (now - at):
            return after
        before, at = after, now
    return before


@dataclass(frozen=True)
class PollCost:
    """The cost of one poll in milliseconds."""

    cpu: float
    # Of the first thread, which polls.
    main_thread: float
    wall: float


def costs_of_polls(api, process, polls, interval):
    """The costs of the polls after the first one, which opens connections and sizes buffers."""
    api.await_polls(1, process)
    before, costs = counters(api, process, interval), []
    for _ in range(polls):
        wall = api.await_polls(before[2] + 1, process, interval * 4 + 120)
        after = counters(api, process, interval)
        count = after[2] - before[2]
        costs.append(PollCost((after[0] - before[0]) / count, (after[1] - before[1]) / count, wall))
        before = after
    return costs


def counters(api, process, interval):
    cpu = await_idle(process, interval)
    return cpu, process.main_thread_cpu(), api.polls()
