"""Scrapes of one exporter, and what they cost it."""

import re
import socket
import statistics
import subprocess
import time
from urllib.parse import urlsplit

ENCODINGS = ("identity", "gzip")
# Scrapers of the load. Each of them sends the next request when it has the response.
CONNECTIONS = 8
MAX_LOAD_SECONDS = 30


class Scraper:
    """An HTTP client that keeps its connection, and reads responses at little cost."""

    def __init__(self, url, encoding="identity"):
        parts = urlsplit(url)
        self.address = (parts.hostname, parts.port)
        self.request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept-Encoding: {encoding}\r\n\r\n".encode()
        self.socket, self.buffer = None, bytearray(1 << 20)

    def scrape(self):
        """The length of the response's body."""
        if self.socket is None:
            self.socket = socket.create_connection(self.address, timeout=120)
        self.socket.sendall(self.request)
        head, rest = self._head()
        length = re.search(rb"content-length: *(\d+)", head)
        received, tail = len(rest), rest[-5:]
        while received < int(length[1]) if length else tail != b"0\r\n\r\n":
            count = self.socket.recv_into(self.buffer)
            if count == 0:
                break
            received += count
            tail = (tail + bytes(self.buffer[max(0, count - 5) : count]))[-5:]
        if b"connection: close" in head or head.startswith(b"http/1.0"):
            self.close()
        return received

    def _head(self):
        head = b""
        while b"\r\n\r\n" not in head:
            part = self.socket.recv(65536)
            if not part:
                raise ConnectionError("the exporter closed the connection")
            head += part
        head, rest = head.split(b"\r\n\r\n", 1)
        return head.lower(), rest

    def close(self):
        if self.socket:
            self.socket.close()
            self.socket = None


def seconds_to_first_response(process, url, seconds=60):
    """Seconds from the start of the process to its first response of any status."""
    parts = urlsplit(url)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            connection = socket.create_connection((parts.hostname, parts.port), 0.5)
        except OSError:
            process.check()
            time.sleep(0.0005)
            continue
        with connection:
            connection.settimeout(seconds)
            connection.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
            if connection.recv(64):
                took = time.monotonic() - process.started
                while connection.recv(1 << 20):
                    pass
                return took
    raise TimeoutError(f"timed out after {seconds} s: the first response of {process.command[0]}")


def cost_of_scrapes(process, url, encoding, seconds=1.5):
    """The CPU time of a scrape in milliseconds, the body's length and the median seconds of a scrape.

    Nothing else happens meanwhile. At least two scrapes are measured, at most a hundred.
    """
    scraper = Scraper(url, encoding)
    scraper.scrape()
    took, before, began = [], process.cpu(), time.monotonic()
    while len(took) < 2 or (time.monotonic() - began < seconds and len(took) < 100):
        start = time.monotonic()
        length = scraper.scrape()
        took.append(time.monotonic() - start)
    cost = (process.cpu() - before) / len(took)
    scraper.close()
    return cost, length, statistics.median(took)


def scrape_at_full_speed(url, encoding, seconds):
    """Scrapes over several connections at once, which shows the greatest memory."""
    seconds = min(MAX_LOAD_SECONDS, round(seconds + 0.5))
    headers = ["-H", f"Accept-Encoding: {encoding}"]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "60s", *headers, url]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def sum_of(body, name):
    """The sum of all series of a gauge."""
    lines = (line for line in body.splitlines() if line.startswith((f"{name}{{", f"{name} ")))
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def count_series(body):
    return sum(1 for line in body.splitlines() if line and not line.startswith("#"))
