#!/usr/bin/env python3
"""Replaces and kills replicas under scrapes, and compares them with one process and with the truth.

    tests/replicas/rollouts.py BINARY [--duration 600] [--mode pair]

One exporter, the reference, polls a simulated cloud; two replicas poll an equal one. This program
and a real Prometheus each scrape the replicas once a second through a load balancer (service.py).
Every minute one of the replicas is replaced, in turns, and in the middle of the run the active one
is killed. Needs Prometheus in the PATH; otherwise standard library only.
"""

import argparse
import pathlib
import random
import sys
import threading
import time
import zlib

from exposition import fleet, polled_at
from processes import LOG, OPENER, Prometheus, eventually
from replicas import Pair, Pods
from report import Report
from service import SERVED_BY, Service
from simulation import Simulation

MODES = {"pair": Pair, "kubernetes": Pods}


class Run:
    def __init__(self, options):
        self.options = options
        settings = [f"poll.interval={options.interval}s", "api.requests_per_second=200"]
        self.service = Service()
        self.simulation = Simulation(options, settings)
        self.replicas = MODES[options.mode](options, self.simulation.clouds[1], settings, self.service)
        self.prometheus = None
        self.ended = threading.Event()
        # Why a thread ended early.
        self.broken = []
        # For each scrape: its time, the number of the last complete step, the replica that served
        # it, and its compressed body.
        self.scrapes = []
        self.failed_scrapes = []
        # For each change of the active replica: its kind, and how long no replica was active.
        self.takeovers = []

    def measure(self):
        # The polls of all clouds begin at about the same time.
        self.replicas.start()
        self.simulation.start_reference()
        self.replicas.start()
        self.simulation.begin(self.served)
        self.prometheus = Prometheus({"replicas": self.service.address, "reference": self.simulation.reference.address})
        for job in ("replicas", "reference"):
            eventually(f"Prometheus scrapes the {job}", lambda job=job: self.prometheus.is_scraping(job))
        time.sleep(2)
        self.began = time.time()
        threads = [threading.Thread(target=self.watched, args=(work,)) for work in (self.scrape, self.simulate)]
        for thread in threads:
            thread.start()
        try:
            self.roll_out()
        finally:
            self.ended.set()
            for thread in threads:
                thread.join()
        self.after = self.simulation.requests()
        # The last step must be in the last scrape of Prometheus.
        time.sleep(3)
        self.until = time.time()

    def watched(self, work):
        try:
            while not self.ended.is_set():
                work()
        except Exception as error:  # Reported as a failure of the run.
            self.broken.append(f"{work.__name__}: {error!r}")

    def scrape(self):
        began, step = time.time(), len(self.simulation.expected) - 1
        try:
            with OPENER.open(f"http://{self.service.address}/metrics", timeout=10) as response:
                self.scrapes.append((began, step, response.headers[SERVED_BY], zlib.compress(response.read(), 1)))
        except OSError as error:
            self.failed_scrapes.append(f"{began - self.began:.1f} s: {error}")
        time.sleep(max(0.0, 1 - (time.time() - began)))

    def simulate(self):
        self.simulation.step()

    def served(self):
        """The newest data that a replica serves."""
        found = []
        for replica in list(self.replicas.running):
            try:
                found.append(fleet(replica.get("/metrics", timeout=5)))
            except OSError:
                pass
        return max(found, key=polled_at, default={})

    def roll_out(self):
        # Not always at the same time since the last poll.
        choices = random.Random(1)
        count = self.options.rollouts
        begin = time.monotonic()
        for number in range(count):
            at = begin + self.options.duration / count * (number + choices.uniform(0.2, 0.6))
            time.sleep(max(0.0, at - time.monotonic()))
            self.report(f"rollout {number + 1}", self.replicas.replace(number % 2))
            if number == count // 2:
                self.report("crash", self.kill_active())
        time.sleep(max(0.0, begin + self.options.duration - time.monotonic()))

    def report(self, event, takeovers):
        self.takeovers.extend(takeovers)
        times = ", ".join(f"{kind} {took:.2f} s" for kind, took in takeovers) or "the standby"
        print(f"{time.time() - self.began:6.1f} s  {event}: {times}", file=sys.stderr, flush=True)

    def kill_active(self):
        """Kills the active replica right after a poll, so that no poll is due before the takeover."""
        last = polled_at(self.served())
        seconds = self.options.interval + 10
        eventually("a poll ends", lambda: True if polled_at(self.served()) > last else None, seconds)
        time.sleep(1)
        return self.replicas.kill_active()

    def end(self):
        if self.prometheus:
            self.prometheus.end()
        self.replicas.end()
        self.simulation.end()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("binary")
    arguments.add_argument("--mode", choices=sorted(MODES), default="pair")
    arguments.add_argument("--duration", type=float, default=600, help="seconds")
    arguments.add_argument("--rollouts", type=int, default=10, help="spread over the duration")
    arguments.add_argument("--interval", type=float, default=25, help="of polls, in seconds; longer than a takeover after a crash")
    arguments.add_argument("--takeover-after", type=float, default=15, help="of a pair, in seconds")
    arguments.add_argument("--groups", type=int, default=8)
    arguments.add_argument("--instances", type=int, default=250, help="of each group")
    arguments.add_argument("--log", default="target/rollouts.log", help="where the output of all processes is written")
    options = arguments.parse_args()
    run = Run(options)
    try:
        run.measure()
        report = Report(run)
    finally:
        run.end()
        pathlib.Path(options.log).write_text("".join(LOG), encoding="utf-8")
    print(report.table())
    for failure in report.failures:
        print(f"FAILED: {failure}")
    sys.exit(1 if report.failures else 0)


if __name__ == "__main__":
    main()
