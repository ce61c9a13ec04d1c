"""The dashboard of one delivery group: state, sessions, instances, node pools and settings."""

from parts import *


def build(runbook):
    board = start(GROUP, "App Streaming / Delivery group", "One delivery group of Alibaba Cloud App Streaming.", runbook)
    board = board.with_variable(account_variable()).with_variable(region_variable()).with_variable(group_variable(multi=False))
    one = lambda metric, labels="": f"{ONE} ({metric}{{{labels}{GROUPS}}})"

    per_hour = lambda metric: f"{ONE} (increase({metric}{{{GROUPS}}}[1h]))"

    board = board.with_row(row("State"))
    for panel in (
        number("Status", "The group's status. Users can start applications if it is PUBLISHED, or MAINTAIN_FAILED with the previous image.",
               f"max by (status) (appstreaming_group_status{{{GROUPS}}}) == 1", legend="{{status}}", text_mode="name"),
        number("Resources", "The status of the group's resources.",
               f"max by (resource_status) (appstreaming_group_resource_status{{{GROUPS}}}) == 1", legend="{{resource_status}}", text_mode="name"),
        number("Scale-out", f"Whether the group scales out by usage, and if not, why not. {ABOUT_VERDICTS} The value is - if the group has no verdict.",
               verdict(), mapped=VERDICT_TEXTS),
        number("Usage", "Sessions in use divided by the session capacity. This is the upper bound of usage: disconnected sessions count.",
               f"max(group:appstreaming_session_usage:ratio{{{GROUPS}}})", unit="percentunit", colors=steps(GREEN, (0.8, YELLOW), (0.95, RED))),
        number("Usage, connected only", "Connected sessions divided by the session capacity. This is the lower bound of usage.",
               f"max(group:appstreaming_session_connected:ratio{{{GROUPS}}})", unit="percentunit"),
        number("Headroom", "Sessions that can still start with the present capacity.",
               f"max(group:appstreaming_session_headroom:sum{{{GROUPS}}})", colors=steps(YELLOW, (1, GREEN))),
        number("Idle sessions", "Sessions that are ready for a user. In some groups the cloud makes an instance only when a user comes: they need none.",
               f'max(appstreaming_group_instances{{status="IDLE",{GROUPS}}})'),
        number("Until scale-out", "Sessions that can start before usage exceeds the scaling threshold. The value is - if the group does not scale by usage, or if nothing more may be added.",
               f"max(appstreaming_group_sessions_until_scale_out{{{GROUPS}}})"),
        number("Longest disconnect", "Time since the session that has been disconnected longest was disconnected, as observed by the exporter. The value is - if none is.",
               f"time() - min(appstreaming_group_session_disconnected_oldest_timestamp_seconds{{{GROUPS}}})", unit="s"),
        number("Check of users", "Whether the cloud checks that a user is authorised for the group.",
               f"max(appstreaming_group_skip_user_auth_check{{{GROUPS}}})", mapped=texts(("Checked", GREEN), ("Skipped", YELLOW))),
        number("Subscription ends in", "Time until the subscription ends. The value is - if the group is pay-as-you-go.",
               f"max(appstreaming_group_expiry_timestamp_seconds{{{GROUPS}}}) - time()", unit="s", colors=steps(RED, (86400, YELLOW), (7 * 86400, GREEN))),
        number("Data age", "Age of the older of the listings of the group and of its instances. If it is more than a few poll intervals, see the dashboard of the exporter.",
               f'time() - min(appstreaming_group_refreshed_timestamp_seconds{{operation!="ListPersistentAppInstances",{GROUPS}}})', unit="s", colors=steps(GREEN, (300, YELLOW), (600, RED))),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("Sessions"))
    for panel in (
        lines("Sessions and capacity", "Sessions in use, sessions whose user is connected, sessions that the group can serve, and sessions that can start before a scale-out.",
              (f"group:appstreaming_sessions_in_use:sum{{{GROUPS}}}", "in use"), (f"group:appstreaming_sessions_connected:sum{{{GROUPS}}}", "connected"),
              (one("appstreaming_group_session_capacity"), "capacity"), (one("appstreaming_group_sessions_until_scale_out"), "until scale-out")),
        lines("Bounds of usage", "Sessions in use and connected sessions, divided by the session capacity, and the thresholds above which a scale-out starts. "
              "The vendor leaves open which of the two it compares.",
              (f"group:appstreaming_session_usage:ratio{{{GROUPS}}}", "in use"), (f"group:appstreaming_session_connected:ratio{{{GROUPS}}}", "connected"),
              (f'{one("appstreaming_node_pool_scaling_usage_threshold_ratio")} and on (account, region_id, group_id, node_pool_id) (appstreaming_node_pool_strategy{{strategy_type="NODE_SCALING_BY_USAGE"}} == 1)', "threshold of {{node_pool_id}}"),
              (f'{one("appstreaming_group_scaling_usage_threshold_ratio")} and on (account, region_id, group_id) appstreaming_group_info{{charge_resource_mode="AppInstance"}}', "threshold"),
              unit="percentunit"),
        lines("Connected and disconnected", "Sessions with a connected user, and sessions with a disconnected user, who may reconnect.",
              (one("appstreaming_group_sessions"), "{{session_status}}"), stacked=True),
        lines("Disconnects and reconnects per hour", "Sessions that were disconnected within an hour, and disconnected sessions that the same user connected to again, as far as polls detected them.",
              (per_hour("appstreaming_group_session_disconnects_total"), "disconnects"), (per_hour("appstreaming_group_session_reconnects_total"), "reconnects")),
        lines("Starts and ends per hour", "User bindings that began and ended within an hour, as far as polls detected them.",
              (f"group:appstreaming_sessions_started:increase1h{{{GROUPS}}}", "started"),
              (per_hour("appstreaming_group_sessions_ended_total"), "ended")),
        lines("Duration of ended sessions", "Median and 95th percentile of the duration of sessions that ended within an hour. Empty if none ended.",
              *quantiles("appstreaming_group_session_duration_seconds", by="account, region_id, group_id", matchers=GROUPS, window="1h"), unit="s"),
        lines("Longest session", "The longest usage of the current sessions, and their mean usage per bound user.",
              (one("appstreaming_group_session_usage_duration_max_seconds"), "longest"),
              (f"{one('appstreaming_group_session_usage_duration_seconds')} / ({one('appstreaming_group_bound_users')} > 0)", "mean"), unit="s"),
        lines("Longest disconnected session", "Time since the session that has been disconnected longest was disconnected, as observed by the exporter, and the group's session timeout. "
              "A timeout without limit is not shown.",
              (f"time() - {one('appstreaming_group_session_disconnected_oldest_timestamp_seconds')}", "longest"),
              (f"{one('appstreaming_group_session_timeout_seconds')} < Inf", "timeout"), unit="s"),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("Instances"))
    for panel in (
        lines("Instances by status", "Instances of the group, by status.", (f"{one('appstreaming_group_instances')} > 0", "{{status}}"), stacked=True),
        lines("Longest in one status", "Longest time of an instance in each status, as observed by the exporter. An instance with a long time in INIT, STARTING, CLOSING or UNAVAILABLE is stuck.",
              (f'time() - {one("appstreaming_group_instance_oldest_since_timestamp_seconds", "status!~" + chr(34) + "CLOSED|DELETED" + chr(34) + ",")}', "{{status}}"),
              unit="s"),
        lines("Statuses entered per hour", "Instances per hour that entered each status, as far as polls detected them.",
              (f'{per_hour("appstreaming_group_instances_entered_total")} > 0', "{{status}}")),
        lines("Time until ready", "Time from the creation of an instance until it was first IDLE, BOUND or RUNNING: median and 95th percentile of an hour, and 95th percentile of 6 hours. "
              "The latter needs at least 20 starts.",
              *quantiles("appstreaming_group_instance_ready_seconds", by="account, region_id, group_id", matchers=GROUPS, window="1h"),
              (f"group:appstreaming_instance_ready_seconds:p95_6h{{{GROUPS}}}", "95 %, 6 hours"), unit="s"),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("Scaling and node pools"))
    for panel in (
        timeline("Scale-out over time", f"Whether the group scales out by usage, and if not, why not. {ABOUT_VERDICTS} Empty if the group has no verdict.",
                 verdict(), "verdict", VERDICT_TEXTS, height=5),
        lines("Nodes", "Bought nodes and nodes that scaling added, and the number of them in use.",
              (one("appstreaming_node_pool_nodes"), "{{node_pool_id}} bought"), (one("appstreaming_node_pool_nodes_used"), "{{node_pool_id}} bought, in use"),
              (one("appstreaming_node_pool_scaling_nodes"), "{{node_pool_id}} added"), (one("appstreaming_node_pool_scaling_nodes_used"), "{{node_pool_id}} added, in use")),
        lines("Nodes by sessions", "Nodes by the number of sessions in use on them. Only groups sold by node have nodes.",
              (f"{one('appstreaming_group_nodes')} > 0", "{{sessions}} sessions"), stacked=True),
        lines("Schedule", "Nodes that the active schedule requires, and all existing nodes. Empty if no schedule is active.",
              (one("appstreaming_node_pool_scheduled_amount"), "{{node_pool_id}} required"),
              (f"{one('appstreaming_node_pool_nodes')} + {one('appstreaming_node_pool_scaling_nodes')}", "{{node_pool_id}} existing")),
        lines("Distance to the scaling limit", "Sessions in use as a share of the number above which scaling can add nothing more, and the added share of what scaling may add.",
              (f"group:appstreaming_scaling_limit_usage:ratio{{{GROUPS}}}", "sessions"), (f"node_pool:appstreaming_scaling_nodes:ratio{{{GROUPS}}}", "{{node_pool_id}} nodes added"),
              (f"group:appstreaming_instances:ratio{{{GROUPS}}}", "instances"), unit="percentunit", colors=steps(GREEN, (0.9, YELLOW), (1, RED))),
        grid("Scaling", "Scaling strategy of each pool, and the nodes that it has added. Usage is the least that the pool must have.",
             [("strategy", f"max by (node_pool_id, strategy_type) (appstreaming_node_pool_strategy{{{GROUPS}}} == 1)"),
              ("used", f"max by (node_pool_id) (node_pool:appstreaming_session_usage:min_ratio{{{GROUPS}}})"),
              ("connected", f"max by (node_pool_id) (node_pool:appstreaming_session_connected:min_ratio{{{GROUPS}}})"),
              ("threshold", f"max by (node_pool_id) (appstreaming_node_pool_scaling_usage_threshold_ratio{{{GROUPS}}})"),
              ("added", f"max by (node_pool_id) (appstreaming_node_pool_scaling_nodes{{{GROUPS}}})"),
              ("most", f"max by (node_pool_id) (appstreaming_node_pool_max_scaling_amount{{{GROUPS}}})")],
             {"node_pool_id": "Node pool", "strategy_type": "Strategy", "Value #used": "Usage, at least", "Value #connected": "Connected, at least",
              "Value #threshold": "Threshold", "Value #added": "Added", "Value #most": "May be added"},
             joined_by="node_pool_id", height=6,
             properties={field: {"unit": "percentunit"} for field in ("Usage, at least", "Connected, at least", "Threshold")}),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("Persistent sessions"))
    for panel in (
        lines("Persistent sessions by status", "Persistent sessions of the group, by status.", (f"{one('appstreaming_group_persistent_sessions')} > 0", "{{status}}"), stacked=True),
        lines("Authorised users", "Users who may use persistent sessions of the group, and users who are bound to instances now.",
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
