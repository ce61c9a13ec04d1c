"""One visit: all figures of one contestant with one fleet in one mode."""

import math
import statistics
import time

from peers.fake_api import FakeApi, await_idle, costs_of_polls
from peers.scrapes import ENCODINGS, cost_of_scrapes, count_series, scrape_at_full_speed, seconds_to_first_response, sum_of
from processes import Process, free_port, get

# Longer than a measurement.
ONCE = 3600


class Visit:
    """Starts a contestant twice: to poll once, and to poll at an interval."""

    def __init__(self, contestant, size, mode):
        self.contestant, self.size, self.mode = contestant, size, mode
        self.figures, self.body = {}, None

    def start(self, api, interval):
        port = free_port()
        process = Process(self.contestant.command(api.address, port, interval, self.mode))
        return process, f"http://127.0.0.1:{port}/metrics"

    def run(self):
        once = self.measure_once()
        self.measure_polls(once)
        figures = self.figures
        figures["peak_mb"] = max(figures["peak_mb"], once["peak_mb"])
        figures["cycle_cpu_ms"] = figures["poll_cpu_ms"] + figures["gzip_cpu_ms"]
        figures["program_mb"] = size_of(self.contestant.program)
        return figures

    def measure_once(self):
        """The start, and scrapes while nothing else happens."""
        api = FakeApi(self.size.fleet)
        process, url = self.start(api, ONCE)
        try:
            self.figures["first_response_ms"] = seconds_to_first_response(process, url) * 1e3
            wall = api.await_polls(1, process) / 1e3
            complete = self.await_complete(process, url)
            self.figures["complete_ms"] = complete * 1e3
            self.figures["series"] = count_series(self.body)
            self.figures["body_mb"] = len(self.body.encode()) / 1e6
            await_idle(process, 30)
            scrape = self.measure_scrapes(process, url)
            # A start includes what happens once only, but a poll may end after its last response.
            return {"seconds": max(wall, complete), "scrape": scrape, "peak_mb": process.memory("VmHWM")}
        finally:
            process.end()
            api.end()

    def await_complete(self, process, url, seconds=120):
        """Seconds from the start of the process until the metrics contain all instances."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.body = get(url)
            took = time.monotonic() - process.started
            if sum_of(self.body, self.contestant.gauge) == self.size.fleet.instances:
                return took
            time.sleep(0.002)
        raise TimeoutError(f"timed out after {seconds} s: complete metrics of {self.contestant.name}")

    def measure_scrapes(self, process, url):
        took = {}
        for encoding in ENCODINGS:
            cost, _, took[encoding] = cost_of_scrapes(process, url, encoding)
            self.figures[f"{encoding}_cpu_ms"] = cost
        return took

    def measure_polls(self, once):
        """Polls at an interval, first without scrapes, then with as many as possible."""
        # A poll at an interval must have an idle time after it.
        interval = max(self.size.interval, math.ceil(once["seconds"] * 13) / 10)
        api = FakeApi(self.size.fleet)
        process, url = self.start(api, interval)
        try:
            costs = costs_of_polls(api, process, self.size.polls, interval)
            self.figures["poll_cpu_ms"] = statistics.median(cost.cpu for cost in costs)
            self.figures["rss_mb"] = process.memory("VmRSS")
            for encoding in ENCODINGS:
                # All connections have at least two responses.
                seconds = max(self.size.load_seconds, interval * 1.2, once["scrape"][encoding] * 16)
                scrape_at_full_speed(url, encoding, seconds)
            self.figures["peak_mb"] = process.memory("VmHWM")
        finally:
            process.end()
            api.end()


def size_of(path):
    if path is None:
        return None
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6

