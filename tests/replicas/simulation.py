"""Two equal simulated clouds, whose time passes in steps: one step after each poll of both."""

import time

from exposition import fleet, polled_at
from processes import Cloud, Exporter, eventually

# The length of a step in simulated seconds. Within a step nothing changes.
STEP = 10
# How long standbys may take to serve a state, in seconds.
SETTLE = 1.5
# More than a poll takes, in seconds. A listing must not contain two steps.
QUIET = 1.0
READY = ("IDLE", "BOUND", "RUNNING")


class Simulation:
    """The clouds, and the reference: one exporter that polls the first cloud."""

    def __init__(self, options, settings):
        self.binary, self.settings, self.interval = options.binary, settings, options.interval
        self.reference = None
        self.clouds = [Cloud(options.binary, options.groups, options.instances) for _ in range(2)]
        # What the reference serves after each step.
        self.expected = []
        # Instances that were starting at the first poll, and have not been ready since. The
        # exporter did not see them appear, so it does not measure how long their start takes.
        self.starting = set()
        # The number of those that became ready, by group.
        self.unobserved = {}

    def start_reference(self):
        self.reference = Exporter(self.binary, self.clouds[0], self.settings)

    def begin(self, served):
        """Waits for the first polls. `served` returns what the replicas serve."""
        self.served = served
        self.await_polls(0)
        self.starting = {instance for _, instance, is_ready in self.instances() if not is_ready}
        self.before = self.requests()

    def requests(self):
        """The number of requests to each cloud."""
        return [sum(cloud.requests().values()) for cloud in self.clouds]

    def instances(self):
        for group in self.clouds[1].truth()["groups"]:
            for instance in group["instance_list"]:
                yield group["group_id"], instance["instance_id"], instance["status"] in READY

    def step(self):
        """Simulates one step, and waits until both clouds are polled and every replica serves it."""
        eventually("no poll is running", self.is_quiet, self.interval * 3)
        for cloud in self.clouds:
            cloud.control(jump_seconds=STEP)
        stepped = time.time()
        for group, instance, is_ready in self.instances():
            if is_ready and instance in self.starting:
                self.starting.remove(instance)
                self.unobserved[group] = self.unobserved.get(group, 0) + 1
        self.await_polls(stepped)

    def polled_at(self):
        """When the last polls of the two clouds ended."""
        return polled_at(fleet(self.reference.get("/metrics"))), polled_at(self.served())

    def is_quiet(self):
        """True if no poll is running, and none is due soon."""
        now = time.time()
        due = (at + self.interval - now for at in self.polled_at())
        # A poll that is overdue waits for a takeover, after which it begins at once.
        return True if all(seconds > QUIET for seconds in due) else None

    def await_polls(self, since):
        are_polled = lambda: True if min(self.polled_at()) > since else None
        eventually("both clouds are polled", are_polled, self.interval * 2 + 30, pause=0.2)
        time.sleep(SETTLE)
        self.expected.append(self.reference.get("/metrics"))

    def events(self):
        """The true value of each counter by its name and group, and by its status if it has one."""
        found = {}
        for group in self.clouds[1].truth()["groups"]:
            key, events = group["group_id"], group["events"]
            bindings = events["bindings"]
            values = {
                "sessions_started_total": events["sessions_started"],
                "sessions_ended_total": events["sessions_ended"],
                "session_disconnects_total": events["disconnects"],
                "session_reconnects_total": events["reconnects"],
                "instance_ready_seconds_count": events["ready"]["count"] - self.unobserved.get(key, 0),
                "session_duration_seconds_count": bindings["count"],
                # The last listing of a session is one step before its end.
                "session_duration_seconds_sum": bindings["seconds_sum"] - bindings["count"] * STEP,
            }
            for name, value in values.items():
                found[f"appstreaming_group_{name}", key, ""] = value
            for status, value in events["entered"].items():
                found["appstreaming_group_instances_entered_total", key, status] = value
        return found

    def end(self):
        for process in filter(None, (self.reference, *self.clouds)):
            process.kill()
