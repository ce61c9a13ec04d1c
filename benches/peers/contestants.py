"""What is measured: the exporter, its peers and two bounds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from peers.fake_api import TARGET, Fleet
from processes import exporter_command

MODES = ("aggregate", "detailed")


@dataclass(frozen=True)
class Size:
    """A fleet, and how long it is measured."""

    fleet: Fleet
    # Seconds between the starts of polls. Slower exporters get a longer interval.
    interval: float
    polls: int
    load_seconds: float


SIZES = {
    "S": Size(Fleet(20, 50, 10), interval=1.0, polls=6, load_seconds=2),
    "M": Size(Fleet(200, 500, 100), interval=2.5, polls=3, load_seconds=5),
}


@dataclass(frozen=True)
class Contestant:
    """An exporter that polls the fake API over plain HTTP and serves `/metrics`."""

    name: str
    # The command for an endpoint (host:port), a port, an interval in seconds and a mode.
    command: Callable
    # The gauge whose sum is the number of instances.
    gauge: str = "appstream_instances"
    # A file or a folder; none if its size has no meaning.
    program: Path | None = None

    @property
    def short_name(self):
        return self.name.split()[0].lower()


def peer(name, program, *command, is_program=True):
    """A peer, which has the same arguments as all peers."""

    def full(endpoint, port, interval, mode):
        more = ["--detailed"] if mode == "detailed" else []
        return [*command, "--endpoint", endpoint, "--port", port, "--interval", f"{interval:g}", *more]

    return Contestant(name, full, program=program if is_program else None)


def exporter(binary):
    def command(endpoint, port, interval, mode):
        settings = [
            f"poll.interval={interval:g}s",
            # As many as the fake API answers: the CPU time of a poll is measured, not the limit.
            "api.requests_per_second=100000",
            f"collectors.instances={mode}",
        ]
        return [*exporter_command(binary, f"http://{endpoint}", settings, f"127.0.0.1:{port}"), "--log.level", "warn"]

    return Contestant("ours", command, gauge="appstreaming_group_instances", program=Path(binary))


def contestants(binary):
    """All contestants in the order of the table's columns."""
    script = Path(__file__).parent / "python/peer.py"
    go, naive, floor = TARGET / "go-peer", TARGET / "release/naive", TARGET / "release/floor"
    return [
        peer("Python SDK", TARGET / "python/lib", TARGET / "python/bin/python", script),
        peer("Go", go, go),
        peer("naive Rust", naive, naive),
        peer("floor", floor, floor, is_program=False),
        exporter(binary),
    ]
