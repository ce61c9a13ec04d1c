"""The dashboard of one delivery group: state, sessions, instances, node pools and settings."""

from parts import *


def build(runbook):
    board = start(GROUP, "App Streaming / Delivery group", "One delivery group of Alibaba Cloud App Streaming.", runbook)
    board = board.with_variable(account_variable()).with_variable(region_variable()).with_variable(group_variable(multi=False))
    one = lambda metric, labels="": f"{ONE} ({metric}{{{labels}{GROUPS}}})"

    board = board.with_row(row("State"))
    for panel in (
        number("Status", "The group's status. Only PUBLISHED lets users start applications.",
               f"max by (status) (appstreaming_group_status{{{GROUPS}}}) == 1", legend="{{status}}", text_mode="name"),
        number("Resources", "The status of the group's resources.",
               f"max by (resource_status) (appstreaming_group_resource_status{{{GROUPS}}}) == 1", legend="{{resource_status}}", text_mode="name"),
        number("Usage", "Sessions in use divided by the session capacity.", f"max(group:appstreaming_session_usage:ratio{{{GROUPS}}})",
               unit="percentunit", colors=steps(GREEN, (0.8, YELLOW), (0.95, RED))),
        number("Idle sessions", "Sessions that are ready for a user.", f'max(appstreaming_group_instances{{status="IDLE",{GROUPS}}})', colors=steps(RED, (1, GREEN))),
        number("Subscription ends in", "Time until the subscription ends; - if the group is pay-as-you-go.",
               f"max(appstreaming_group_expiry_timestamp_seconds{{{GROUPS}}}) - time()", unit="s", colors=steps(RED, (86400, YELLOW), (7 * 86400, GREEN))),
        number("Data age", "Age of the oldest listing of the group. If it is more than a few poll intervals, see the dashboard of the exporter.",
               f"time() - min(appstreaming_group_refreshed_timestamp_seconds{{{GROUPS}}})", unit="s", colors=steps(GREEN, (300, YELLOW), (600, RED))),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("Sessions"))
    for panel in (
        lines("Sessions and capacity", "Sessions in use, sessions that the group can serve, and sessions that can start before a scale-out.",
              (f"group:appstreaming_sessions_in_use:sum{{{GROUPS}}}", "in use"), (one("appstreaming_group_session_capacity"), "capacity"),
              (one("appstreaming_group_sessions_until_scale_out"), "until scale-out")),
        lines("Connected and disconnected", "Sessions with a connected user, and sessions with a disconnected user, who may reconnect.",
              (one("appstreaming_group_sessions"), "{{session_status}}"), stacked=True),
        lines("Starts and ends per hour", "User bindings that began and ended within an hour, as far as polls detected them.",
              (f"group:appstreaming_sessions_started:increase1h{{{GROUPS}}}", "started"),
              (f"{ONE} (increase(appstreaming_group_sessions_ended_total{{{GROUPS}}}[1h]))", "ended")),
        lines("Longest session", "The longest usage of the current sessions, and their mean usage per bound user.",
              (one("appstreaming_group_session_usage_duration_max_seconds"), "longest"),
              (f"{one('appstreaming_group_session_usage_duration_seconds')} / ({one('appstreaming_group_bound_users')} > 0)", "mean"), unit="s"),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("Instances"))
    for panel in (
        lines("Instances by status", "Instances of the group, by status.", (f"{one('appstreaming_group_instances')} > 0", "{{status}}"), stacked=True),
        lines("Longest in one status", "Longest time of an instance in each transient status. An instance with a long time is stuck.",
              (f'time() - {one("appstreaming_group_instance_oldest_modified_timestamp_seconds", "status=~" + chr(34) + "INIT|STARTING|CLOSING|BOUND|IDLE|RUNNING|UNAVAILABLE" + chr(34) + ",")}', "{{status}}"),
              unit="s"),
        lines("Statuses entered per hour", "Instances per hour that entered each status, as far as polls detected them.",
              (f"{ONE} (increase(appstreaming_group_instances_entered_total{{{GROUPS}}}[1h])) > 0", "{{status}}")),
        lines("Nodes by sessions", "Nodes by the number of sessions in use on them; only in groups sold by node.",
              (f"{one('appstreaming_group_nodes')} > 0", "{{sessions}} sessions"), stacked=True),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("Node pools"))
    for panel in (
        lines("Nodes", "Bought nodes and nodes that scaling added, and the number of them in use.",
              (one("appstreaming_node_pool_nodes"), "{{node_pool_id}} bought"), (one("appstreaming_node_pool_nodes_used"), "{{node_pool_id}} bought, in use"),
              (one("appstreaming_node_pool_scaling_nodes"), "{{node_pool_id}} added"), (one("appstreaming_node_pool_scaling_nodes_used"), "{{node_pool_id}} added, in use")),
        lines("Schedule", "Nodes that the active schedule requires, and all existing nodes. Empty if no schedule is active.",
              (one("appstreaming_node_pool_scheduled_amount"), "{{node_pool_id}} required"),
              (f"{one('appstreaming_node_pool_nodes')} + {one('appstreaming_node_pool_scaling_nodes')}", "{{node_pool_id}} existing")),
        grid("Scaling", "Scaling strategy of each pool, and the nodes that it has added.",
             [("strategy", f"max by (node_pool_id, strategy_type) (appstreaming_node_pool_strategy{{{GROUPS}}} == 1)"),
              ("added", f"max by (node_pool_id) (appstreaming_node_pool_scaling_nodes{{{GROUPS}}})"),
              ("most", f"max by (node_pool_id) (appstreaming_node_pool_max_scaling_amount{{{GROUPS}}})"),
              ("threshold", f"max by (node_pool_id) (appstreaming_node_pool_scaling_usage_threshold_ratio{{{GROUPS}}})"),
              ("used", f"max by (node_pool_id) (node_pool:appstreaming_session_usage:min_ratio{{{GROUPS}}})")],
             {"node_pool_id": "Node pool", "strategy_type": "Strategy", "Value #used": "Usage, at least", "Value #threshold": "Threshold", "Value #added": "Added", "Value #most": "May be added"},
             joined_by="node_pool_id", height=6, properties={"Usage, at least": {"unit": "percentunit"}, "Threshold": {"unit": "percentunit"}}),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("Persistent sessions"))
    for panel in (
        lines("Persistent sessions by status", "Persistent sessions of the group, by status.", (f"{one('appstreaming_group_persistent_sessions')} > 0", "{{status}}"), stacked=True),
        lines("Authorised users", "Users who may use persistent sessions of the group, and users bound to instances now.",
              (one("appstreaming_group_persistent_authorized_users"), "authorised"), (one("appstreaming_group_bound_users"), "bound")),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("About"))
    for panel in (
        grid("Settings", "Settings of the group as the API returns them.",
             [("A", f"max without (instance, pod, job) (appstreaming_group_info{{{GROUPS}}})")],
             {"name": "Name", "group_id": "Id", "region_id": "Region", "charge_type": "Charged", "charge_resource_mode": "Sold by", "auth_mode": "Authorised by", "access_type": "Access", "image_id": "Image", "office_site_id": "Office site"}, height=5),
        grid("Applications", "Applications that the group offers, with their versions.", [("A", f"max without (instance, pod, job) (appstreaming_group_app_info{{{GROUPS}}})")],
             {"app_name": "Application", "app_version_name": "Version", "app_id": "Id"}, width=12, height=5),
        grid("Image", "Version of the image, and the version that is available as an update.", [("A", f"max without (instance, pod, job) (appstreaming_group_ota_info{{{GROUPS}}})")],
             {"ota_version": "Version", "new_ota_version": "Available", "task_id": "Task"}, width=12, height=5),
    ):
        board = board.with_panel(panel)
    return board
