"""The processes of a measurement, and what the kernel counts for them. Standard library only."""

import os
import re
import socket
import subprocess
import tempfile
import time
import urllib.request

# The keys that the simulated cloud accepts. The fake API accepts any.
KEYS = ("simulated-access-key-id", "simulated-access-key-secret")
# The program must not read the settings of the user who runs the measurement.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("APPSTREAMING_EXPORTER_", "ALIBABA_CLOUD_"))}
# No proxy of the environment may be used for loopback addresses.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
END_SECONDS = 5


def get(url):
    with OPENER.open(url) as response:
        return response.read().decode()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Process:
    """A process. Its output is in a file, so that it never waits for a reader.

    If there is a `marker`, waits until a line of the output matches it: its group is the address.
    """

    def __init__(self, command, marker=None):
        self.command = [str(part) for part in command]
        self.output = tempfile.TemporaryFile("w+")
        self.started = time.monotonic()
        self.child = subprocess.Popen(self.command, stdout=self.output, stderr=subprocess.STDOUT, env=ENVIRONMENT)
        if marker:
            self.address = self._find(marker)
            self.url = self.address if self.address.startswith("http") else f"http://{self.address}"

    def _find(self, marker):
        while True:
            ended = self.child.poll() is not None
            found = re.search(marker, self.log())
            if found:
                return found.group(1)
            if ended:
                self.check()
            time.sleep(0.01)

    def log(self):
        """The output until now. The process goes on writing at the end of the file."""
        return os.pread(self.output.fileno(), 1 << 20, 0).decode(errors="replace")

    def check(self):
        if self.child.poll() is not None:
            raise RuntimeError(f"{self.command[0]} ended with status {self.child.returncode}:\n{self.log()}")

    def cpu(self):
        """CPU time of all threads, also of those that have ended, in milliseconds."""
        self.check()
        # The clock of another process, as clock_getcpuclockid(3) calculates it.
        return time.clock_gettime((~self.child.pid << 3) | 2) * 1000

    def main_thread_cpu(self):
        """CPU time of the first thread, which polls, in milliseconds."""
        with open(f"/proc/{self.child.pid}/task/{self.child.pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e6

    def memory(self, field):
        """A field of the process's status, such as VmRSS, in megabytes."""
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as file:
            return int(re.search(rf"{field}:\s+(\d+) kB", file.read()).group(1)) * 1024 / 1e6

    def end(self):
        self.child.terminate()
        try:
            self.child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.output.close()


def settings_of(endpoint, settings):
    """The arguments of an exporter that polls one account at this URL."""
    sets = [
        "accounts.0.name=measured",
        f"accounts.0.endpoint={endpoint}",
        "accounts.0.credentials.source=access_key",
        f"accounts.0.credentials.access_key_id={KEYS[0]}",
        f"accounts.0.credentials.access_key_secret={KEYS[1]}",
        *settings,
    ]
    return [part for each in sets for part in ("--set", each)]


def exporter_command(binary, endpoint, settings, listen="127.0.0.1:0"):
    """The command of an exporter that polls one account at this URL."""
    return [binary, "run", "--web.listen-address", listen, *settings_of(endpoint, settings)]
