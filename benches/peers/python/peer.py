#!/usr/bin/env python3
"""An exporter of the official SDK for Python and a collector of prometheus_client.

A background thread polls. The collector creates the metrics from the newest snapshot for each
scrape. Groups are polled one after the other: several threads only cost more CPU time.

    peer.py --endpoint HOST:PORT --port PORT --interval SECONDS [--detailed]
"""

import argparse
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from alibabacloud_appstream_center20210901 import models
from alibabacloud_appstream_center20210901.client import Client
from alibabacloud_tea_openapi.utils_models import Config
from prometheus_client import start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import CollectorRegistry

STATUSES = ("INIT", "STARTING", "CLOSING", "CLOSED", "RUNNING", "IDLE", "BOUND", "UNAVAILABLE", "DELETED")
SESSIONS = ("connect", "disconnect")
PERSISTENT_STATUSES = ("STARTING", "RUNNING", "STOPPED", "UNAVAILABLE", "DELETING", "PENDING", "STOPPING", "DELETED", "REBUILDING")
POOL_FIELDS = {
    "node_amount": ("nodes", "Subscribed nodes."),
    "node_used": ("nodes_used", "Subscribed nodes in use."),
    "node_capacity": ("node_capacity_sessions", "Sessions per node."),
    "scaling_node_amount": ("scaling_nodes", "Scalable nodes."),
    "scaling_node_used": ("scaling_nodes_used", "Scalable nodes in use."),
}


@dataclass
class Group:
    model: object
    statuses: Counter = field(default_factory=Counter)
    sessions: Counter = field(default_factory=Counter)
    persistent: Counter = field(default_factory=Counter)
    # Empty if the metrics are aggregate.
    instances: list = field(default_factory=list)


def entries(fetch, name):
    """The entries of all pages of a list."""
    number, seen = 1, 0
    while True:
        body = fetch(number).body
        page = getattr(body, name) or []
        yield from page
        seen += len(page)
        if not page or seen >= body.total_count:
            return
        number += 1


def unix_seconds(text):
    return datetime.fromisoformat(text).timestamp() if text else 0.0


class Poller:
    def __init__(self, client, is_detailed):
        self.client, self.is_detailed = client, is_detailed
        self.groups, self.polls, self.took = None, 0, 0.0

    def poll_forever(self, interval):
        while True:
            started = time.monotonic()
            try:
                self.poll()
            except Exception as error:  # keep the previous snapshot
                print("poll failed:", error, file=sys.stderr)
            time.sleep(max(0.0, interval - (time.monotonic() - started)))

    def poll(self):
        started = time.monotonic()
        fetch = lambda number: self.client.list_app_instance_group(
            models.ListAppInstanceGroupRequest(product_type="CloudApp", page_size=100, page_number=number)
        )
        self.groups = [self.group(model) for model in list(entries(fetch, "app_instance_group_models"))]
        self.took = time.monotonic() - started
        self.polls += 1

    def group(self, model):
        group, group_id = Group(model), model.app_instance_group_id
        fetch = lambda number: self.client.list_app_instances(
            models.ListAppInstancesRequest(app_instance_group_id=group_id, page_size=100, page_number=number)
        )
        for each in entries(fetch, "app_instance_models"):
            group.statuses[each.status.upper()] += 1
            if each.session_status:
                group.sessions[each.session_status] += 1
            if self.is_detailed:
                usage = each.bind_info.usage_duration if each.bind_info else 0
                times = unix_seconds(each.gmt_create), unix_seconds(each.gmt_modified)
                group.instances.append((each.app_instance_id, each.status, usage or 0, *times))
        fetch = lambda number: self.client.list_persistent_app_instances(
            models.ListPersistentAppInstancesRequest(
                product_type="CloudApp", app_instance_group_id=group_id, page_size=100, page_number=number
            )
        )
        for each in entries(fetch, "persistent_app_instance_models"):
            group.persistent[each.app_instance_persistent_status] += 1
        return group

    def collect(self):
        """The metrics of the newest snapshot, for prometheus_client."""
        yield CounterMetricFamily("appstream_polls", "Polls done.", value=self.polls)
        yield GaugeMetricFamily("appstream_poll_duration_seconds", "How long the last poll took.", value=self.took)
        groups = self.groups
        if groups is None:
            return
        yield counts(groups, "instances", "Instances by status.", STATUSES, lambda group: group.statuses)
        yield counts(groups, "sessions", "Sessions by status.", SESSIONS, lambda group: group.sessions)
        yield counts(
            groups, "persistent_instances", "Persistent instances by status.", PERSISTENT_STATUSES, lambda group: group.persistent
        )
        for name, (metric, help_text) in POOL_FIELDS.items():
            yield pools(groups, name, metric, help_text)
        if self.is_detailed:
            yield from instances(groups)


def gauge(name, help_text, labels):
    return GaugeMetricFamily(f"appstream_{name}", help_text, labels=labels)


def counts(groups, name, help_text, statuses, counter):
    family = gauge(name, help_text, ["group_id", "group_name", "status"])
    for group in groups:
        found = counter(group)
        for status in statuses:
            labels = [group.model.app_instance_group_id, group.model.app_instance_group_name, status]
            family.add_metric(labels, found[status])
    return family


def pools(groups, name, metric, help_text):
    family = gauge(f"node_pool_{metric}", help_text, ["group_id", "pool_id", "node_type"])
    for group in groups:
        for pool in group.model.node_pool or []:
            labels = [group.model.app_instance_group_id, pool.node_pool_id, pool.node_instance_type]
            family.add_metric(labels, getattr(pool, name) or 0)
    return family


def instances(groups):
    labels = ["group_id", "instance_id"]
    status = gauge("instance_status", "1 for the status the instance has.", [*labels, "status"])
    usage = gauge("instance_usage_duration_seconds", "Use duration.", labels)
    created = gauge("instance_created_timestamp_seconds", "Creation time.", labels)
    modified = gauge("instance_modified_timestamp_seconds", "Update time.", labels)
    for group in groups:
        group_id = group.model.app_instance_group_id
        for instance_id, its_status, its_usage, its_creation, its_change in group.instances:
            status.add_metric([group_id, instance_id, its_status], 1)
            usage.add_metric([group_id, instance_id], its_usage)
            created.add_metric([group_id, instance_id], its_creation)
            modified.add_metric([group_id, instance_id], its_change)
    return status, usage, created, modified


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--endpoint", required=True)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--interval", type=float, default=60)
    arguments.add_argument("--detailed", action="store_true")
    options = arguments.parse_args()
    keys = {"access_key_id": "measured", "access_key_secret": "measured-secret"}
    client = Client(Config(region_id="cn-hangzhou", endpoint=options.endpoint, protocol="HTTP", **keys))
    poller = Poller(client, options.detailed)
    registry = CollectorRegistry()
    registry.register(poller)
    start_http_server(options.port, "127.0.0.1", registry)
    threading.Thread(target=poller.poll_forever, args=(options.interval,), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
