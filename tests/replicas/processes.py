"""The processes of a measurement, and HTTP requests to them. Standard library only."""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

KEYS = ("simulated-access-key-id", "simulated-access-key-secret")
TOKEN = "0123456789abcdef0123456789abcdef"
# A busy time of a working day: the simulated users start and end sessions.
START = "2026-03-04T10:30:00+08:00"
# The program must not read the settings of the user who runs the measurement.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("APPSTREAMING_EXPORTER_", "ALIBABA_CLOUD_"))}
# No proxy of the environment may be used for loopback addresses.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


# The output of all processes, in the order in which it arrived.
LOG, LOG_LOCK = [], threading.Lock()


class Ended(Exception):
    """A process ended although nothing ended it."""


def get(url, timeout=10):
    with OPENER.open(url, timeout=timeout) as response:
        return response.read().decode()


def get_json(url):
    return json.loads(get(url, timeout=60))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def eventually(what, check, seconds=60, pause=0.05):
    """Repeats a check, and returns its first result that is not None."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = check()
        if found is not None:
            return found
        time.sleep(pause)
    raise TimeoutError(f"timed out after {seconds} s: {what}")


class Process:
    """A process whose output is collected. `marker` finds its address in the output."""

    def __init__(self, command, marker, environment=()):
        self.output, self.address = [], None
        self.command = [str(part) for part in command]
        self.child = subprocess.Popen(
            self.command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**ENVIRONMENT, **dict(environment)},
        )
        threading.Thread(target=self._collect, daemon=True).start()
        self.address = eventually(f"{self.command[1]} is listening", lambda: self._find(marker), pause=0.01)
        self.url = self.address if self.address.startswith("http") else f"http://{self.address}"

    def _collect(self):
        for line in self.child.stdout:
            self.output.append(line)
            with LOG_LOCK:
                LOG.append(f"{self.address if self.address else self.command[1]}: {line}")

    def _find(self, marker):
        for line in list(self.output):
            found = re.search(marker, line)
            if found:
                return found.group(1)
        if self.child.poll() is not None:
            raise Ended(f"{' '.join(self.command)} ended:\n{''.join(self.output)}")
        return None

    def get(self, path, timeout=10):
        return get(self.url + path, timeout)

    def cpu(self):
        """CPU time of all threads, also of those that have ended, in milliseconds."""
        with open(f"/proc/{self.child.pid}/stat", encoding="ascii") as file:
            # The name in parentheses may contain blanks.
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def memory(self, field):
        """A field of the process's status, in MB."""
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as file:
            return int(re.search(rf"{field}:\s+(\d+) kB", file.read()).group(1)) / 1024

    def terminate(self):
        """Ends the process as a service manager does; returns its exit status."""
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(timeout=30)

    def kill(self):
        self.child.kill()
        self.child.wait()


class Cloud(Process):
    """A simulated cloud whose time passes in steps only."""

    def __init__(self, binary, groups, instances, more=()):
        fleet = ("--groups", groups, "--instances-per-group", instances, "--seed", 3, "--start", START, "--speed", 0)
        super().__init__([binary, "simulate", "--listen", "127.0.0.1:0", *fleet, *more], r"listens at (\S+)")

    def control(self, **changes):
        request = urllib.request.Request(f"{self.url}/_control", json.dumps(changes).encode(), method="POST")
        OPENER.open(request, timeout=60).read()

    def requests(self):
        """The number of requests of each operation."""
        return get_json(f"{self.url}/_stats")["requests"]

    def truth(self, details=True):
        return get_json(f"{self.url}/_truth" + ("?details=true" if details else ""))


class Exporter(Process):
    """An exporter that polls a simulated cloud."""

    def __init__(self, binary, cloud, settings, port=0, environment=()):
        sets = [
            "accounts.0.name=measured",
            f"accounts.0.endpoint={cloud.url}",
            "accounts.0.credentials.source=access_key",
            f"accounts.0.credentials.access_key_id={KEYS[0]}",
            f"accounts.0.credentials.access_key_secret={KEYS[1]}",
            *settings,
        ]
        command = [binary, "run", "--web.listen-address", f"127.0.0.1:{port}"]
        super().__init__(command + [part for each in sets for part in ("--set", each)], r"address=(\S+)", environment)

    def is_ready(self):
        return is_ready(self.url)

    def is_active(self):
        """Whether this replica polls. A process that has ended does not."""
        try:
            return "\nappstreaming_exporter_replica_active 1\n" in self.get("/metrics?collect[]=exporter", timeout=2)
        except OSError:
            return False


def is_ready(url):
    try:
        get(f"{url}/-/ready", timeout=1)
        return True
    except OSError:
        return False


class Prometheus:
    """Prometheus that scrapes each target of `jobs` once a second."""

    def __init__(self, jobs):
        self.data = tempfile.TemporaryDirectory()
        targets = [{"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in jobs.items()]
        configuration = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": targets}
        path = f"{self.data.name}/prometheus.yml"
        with open(path, "w", encoding="utf-8") as file:
            # JSON is YAML.
            json.dump(configuration, file)
        self.url = f"http://127.0.0.1:{free_port()}"
        command = ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={self.data.name}/data"]
        listen = f"--web.listen-address={self.url.removeprefix('http://')}"
        self.child = subprocess.Popen([*command, listen], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def query(self, query, at=None):
        """The result of a query: a list of series."""
        parameters = {"query": query, **({} if at is None else {"time": f"{at:.3f}"})}
        found = get_json(f"{self.url}/api/v1/query?{urllib.parse.urlencode(parameters)}")
        return found["data"]["result"]

    def is_scraping(self, job):
        """True once the job was scraped successfully."""
        try:
            found = self.query(f'up{{job="{job}"}} == 1')
        except (OSError, urllib.error.HTTPError):
            return None
        return True if found else None

    def end(self):
        self.child.terminate()
        self.child.wait()
        self.data.cleanup()
