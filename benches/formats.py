#!/usr/bin/env python3
"""Measures format and size for each client, and how scraping at full speed slows down polls.

    benches/formats.py BINARY [--groups 200] [--instances-per-group 500] [--turns 3] [--rates 200 5000]

Starts the simulated cloud and exporters as separate processes on loopback. First the sizes: one
scrape for each client's own Accept header and each encoding. Then the wall time of polls at rate
limits (requests per second), alternating between no scrapes and `wrk`, which scrapes over four
connections as fast as it can. Needs `wrk` for the second part; otherwise standard library only.
"""

import re
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request

from fleet import arguments_of_a_fleet, simulated
from processes import Process, exporter_command, get

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
OPENMETRICS_0 = "application/openmetrics-text;version=0.0.1"
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
UTF_8 = "escaping=allow-utf-8"
# The headers of curl and Prometheus 2.42 were recorded; the others are taken from the sources.
CLIENTS = {
    "curl, a browser": "*/*",
    "Prometheus 2.42": f"{OPENMETRICS},{OPENMETRICS_0};q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "Prometheus 3.16": f"{OPENMETRICS};{UTF_8};q=0.7,{OPENMETRICS_0};q=0.6,text/plain;version=1.0.0;{UTF_8};q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3",
    "Prometheus 3.16 with native histograms": f"{PROTOBUF};q=0.7,{OPENMETRICS};{UTF_8};q=0.6,{OPENMETRICS_0};q=0.5,text/plain;version=1.0.0;{UTF_8};q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "Telegraf 1.37": f"{PROTOBUF};q=0.7,text/plain;version=0.0.4;q=0.3",
    "VictoriaMetrics 1.154": "text/plain;version=0.0.4;q=1,*/*;q=0.1",
}
MODES = {
    "aggregate": [],
    "detailed": ["collectors.instances=detailed", "collectors.persistent=detailed"],
}


def exporter(binary, cloud_url, settings):
    process = Process(exporter_command(binary, cloud_url, settings), r"address=(\S+)")
    while True:
        try:
            get(f"{process.url}/-/ready")
            return process
        except urllib.error.HTTPError:
            time.sleep(0.1)


def scrape(url, accept, encoding):
    request = urllib.request.Request(url + "/metrics", headers={"Accept": accept, "Accept-Encoding": encoding})
    with urllib.request.urlopen(request) as response:
        return response.headers["Content-Type"], len(response.read())


def sizes(binary, cloud_url):
    print("| client | gets | aggregate | gzip | zstd | detailed | gzip | zstd |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    rows = {client: [] for client in CLIENTS}
    kinds = {}
    for settings in MODES.values():
        process = exporter(binary, cloud_url, ["poll.interval=1h", "api.requests_per_second=5000", *settings])
        try:
            for client, accept in CLIENTS.items():
                for encoding in ("identity", "gzip", "zstd"):
                    kinds[client], size = scrape(process.url, accept, encoding)
                    rows[client].append(f"{size:,}")
        finally:
            process.end()
    for client, row in rows.items():
        kind, _, parameters = kinds[client].partition(";")
        version = re.search(r"version=(\S+?)(;|$)", parameters)
        print(f"| {client} | `{kind}` {version.group(1) if version else 'delimited'} | {' | '.join(row)} |")


def poll_seconds(url, polls):
    """Wall time in seconds of each of the next polls, from the exporter's own histogram."""

    def totals():
        text = get(url + "/metrics?collect[]=exporter")
        count, total = (re.search(rf"_poll_duration_seconds_{name} (\S+)", text) for name in ("count", "sum"))
        return float(count.group(1)), float(total.group(1))

    count, total = totals()
    found = []
    while len(found) < polls:
        time.sleep(0.25)
        now, seconds = totals()
        if now > count:
            found.append((seconds - total) / (now - count))
            count, total = now, seconds
    return found


def polls_under_load(binary, cloud_url, turns, rates):
    print("\n| requests per second | mode | encoding | scrapes/s | wall of a poll, ms | without scrapes | slower by |")
    print("|--:|---|---|--:|--:|--:|--:|")
    for rate in rates:
        for mode, settings in MODES.items():
            for encoding in ("gzip", "identity"):
                limits = ["poll.interval=1s", f"api.requests_per_second={rate}"]
                process = exporter(binary, cloud_url, [*limits, *settings])
                try:
                    scrapes, loaded, quiet = in_turns(process.url, encoding, turns, max(1, rate // 500))
                finally:
                    process.end()
                print(
                    f"| {rate:,} | {mode} | {encoding} | {scrapes:,.0f} | {loaded * 1000:,.0f} | {quiet * 1000:,.0f} "
                    f"| {loaded / quiet - 1:.0%} |",
                    flush=True,
                )


def in_turns(url, encoding, turns, polls):
    """Scrapes per second, and the median wall time in seconds of a poll with and without scrapes.

    Polls with and without scrapes alternate, so that other load on the machine affects both.
    """
    quiet, loaded, scrapes = [], [], []
    for _ in range(turns):
        poll_seconds(url, 1)
        quiet += poll_seconds(url, polls)
        headers = ["-H", f"Accept: {OPENMETRICS}", "-H", f"Accept-Encoding: {encoding}"]
        command = ["wrk", "-t1", "-c4", "-d300", *headers, url + "/metrics"]
        wrk = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            # The current poll began before the load, so it is not measured.
            poll_seconds(url, 1)
            began, before = time.monotonic(), served(url)
            loaded += poll_seconds(url, polls)
            scrapes.append((served(url) - before) / (time.monotonic() - began))
        finally:
            wrk.kill()
            wrk.wait()
    return statistics.mean(scrapes), statistics.median(loaded), statistics.median(quiet)


def served(url):
    text = get(url + "/metrics?collect[]=exporter")
    return sum(float(value) for value in re.findall(r'_scrapes_total\{[^}]*openmetrics[^}]*\} (\S+)', text))


def main():
    arguments = arguments_of_a_fleet(__doc__)
    arguments.add_argument("--turns", type=int, default=3)
    arguments.add_argument("--rates", type=int, nargs="*", default=[200, 5000])
    options = arguments.parse_args()
    cloud = simulated(options)
    try:
        sizes(options.binary, cloud.url)
        if options.turns:
            polls_under_load(options.binary, cloud.url, options.turns, options.rates)
    finally:
        cloud.end()


if __name__ == "__main__":
    sys.exit(main())
