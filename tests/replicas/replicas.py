"""Two replicas: how they are started, replaced and killed."""

import threading
import time

from processes import TOKEN, Exporter, eventually, free_port

# The chart lets a pod that ends serve for this long, in seconds, until no request reaches it.
PRE_STOP = 3


class Replicas:
    """What a pair and pods have in common."""

    def __init__(self, options, cloud, settings, service):
        self.binary, self.cloud, self.service = options.binary, cloud, service
        self.settings = [*settings, f"replicas.token={TOKEN}"]
        self.running = []

    def start(self):
        """Starts the next replica, and waits until it gets requests."""
        self.running.append(self.launch(len(self.running)))
        self.await_service(self.running[-1])

    def await_service(self, replica):
        self.service.add(replica.address)
        eventually("a replica is in service", lambda: True if self.service.ready.get(replica.address) else None)

    def kill_active(self):
        """Kills the active replica, and starts another one after the takeover."""
        (number,) = (number for number in range(2) if self.running[number].is_active())
        began = time.monotonic()
        self.running[number].kill()
        takeovers = [("crash", seconds_until_active([self.running[1 - number]], began))]
        time.sleep(2)
        return takeovers + self.relaunch(number)

    def terminate(self, replica, others):
        """Ends a replica in order. Returns how long no other one was active, if it was active itself."""
        was_active = replica.is_active()
        began = time.monotonic()
        ending = threading.Thread(target=replica.terminate)
        ending.start()
        takeovers = [("graceful", seconds_until_active(others, began))] if was_active else []
        ending.join()
        return takeovers

    def end(self):
        for replica in self.running:
            replica.kill()


class Pair(Replicas):
    """A primary and a standby on fixed ports, restarted in place as systemd restarts them."""

    ROLES = ("primary", "standby")

    def __init__(self, options, cloud, settings, service):
        super().__init__(options, cloud, settings, service)
        self.settings += ["replicas.mode=pair", f"replicas.takeover_after={options.takeover_after}s"]
        self.ports = [free_port(), free_port()]

    def launch(self, number):
        peer = f"http://127.0.0.1:{self.ports[1 - number]}"
        settings = [*self.settings, f"replicas.role={self.ROLES[number]}", f"replicas.peer={peer}"]
        return Exporter(self.binary, self.cloud, settings, self.ports[number])

    def replace(self, number):
        """Restarts a replica. Returns the changes of the active one: their kinds and their times."""
        return self.terminate(self.running[number], [self.running[1 - number]]) + self.relaunch(number)

    def relaunch(self, number):
        """Starts a replica that has ended. A primary takes back."""
        began = time.monotonic()
        self.running[number] = replica = self.launch(number)
        takeovers = [("return", seconds_until_active([replica], began))] if number == 0 else []
        self.await_service(replica)
        return takeovers


class Pods(Replicas):
    """Pods of a Deployment: a new one starts before an old one ends. They elect the active one."""

    def __init__(self, options, cloud, settings, service):
        super().__init__(options, cloud, settings, service)
        self.settings.append("replicas.mode=kubernetes")
        self.launched = 0

    def launch(self, _):
        self.launched += 1
        pod = {"POD_NAME": f"exporter-{self.launched}", "POD_NAMESPACE": "monitoring"}
        return Exporter(self.binary, self.cloud, self.settings, environment=pod)

    def replace(self, number):
        """Starts a pod, then deletes another one."""
        before = self.running[number]
        self.relaunch(number)
        # A pod that is deleted is no longer an endpoint of the Service.
        self.service.remove(before.address)
        time.sleep(PRE_STOP)
        return self.terminate(before, self.running)

    def relaunch(self, number):
        self.running[number] = self.launch(number)
        self.await_service(self.running[number])
        return []


def seconds_until_active(replicas, began):
    """Waits until one of the replicas is active; returns the seconds since `began`."""
    is_one_active = lambda: True if any(replica.is_active() for replica in replicas) else None
    eventually("another replica is active", is_one_active, pause=0.02)
    return time.monotonic() - began
