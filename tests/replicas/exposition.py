"""Reads scrapes: the series that all replicas have in common."""

import re

# Every replica has series of its own with these names.
OWN = ("appstreaming_exporter_", "process_")
COUNTER = re.compile(r"_(total|count|sum|bucket)(?=\{| |$)")
POLLED = "appstreaming_target_poll_timestamp_seconds"


def fleet(text):
    """The value of each series of the fleet, by its name and labels."""
    lines = (line for line in text.splitlines() if not line.startswith(("#", *OWN)))
    return {series: float(value) for series, value in (line.rsplit(" ", 1) for line in lines)}


def name(series):
    return series.partition("{")[0]


def label(series, key):
    return re.search(rf'[{{,]{key}="([^"]*)"', series).group(1)


def counters(values):
    """The counters, and the counts, sums and buckets of histograms."""
    found = {series: value for series, value in values.items() if COUNTER.search(name(series))}
    return {series: value for series, value in found.items() if not name(series).endswith("_info")}


def depends_on_poll(series):
    """Whether the value depends on the time of the poll. The start of an instance ends when a poll sees it."""
    return name(series).endswith(("timestamp_seconds", "instance_ready_seconds_sum"))


def without_times(values):
    """All series, without the values that depend on the time of the poll."""
    return {series: None if depends_on_poll(series) else value for series, value in values.items()}


def polled_at(values):
    """When the last successful poll ended, in Unix seconds; 0 before the first one."""
    return max((value for series, value in values.items() if name(series) == POLLED), default=0.0)
