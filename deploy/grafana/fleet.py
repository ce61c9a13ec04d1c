"""The dashboard of the fleet: problems, all delivery groups in one table, and their history."""

from parts import *

JOB_AND_GROUP = "job, account, region_id, group_id"
# Listings of persistent sessions may be less frequent than polls.
AGE = f'time() - min by (group_id) (appstreaming_group_refreshed_timestamp_seconds{{operation!="ListPersistentAppInstances",{GROUPS}}})'


def count_or_zero(expr):
    """Returns a query for the number of series that `expr` matches, 0 if there are none."""
    return f"count({expr}) or vector(0)"


def firing(severity):
    return count_or_zero(f'ALERTS{{alertname=~"AppStreaming.*",alertstate="firing",severity="{severity}"}}')


def changes(metric, window):
    """Returns the increase of a group's counter, once for all replicas."""
    return f"{ONE} (increase({metric}{{{GROUPS}}}[{window}]))"


# Statuses as in the alerts: groups that are MAINTAIN_FAILED keep their previous image.
NOT_IN_SERVICE = (
    f'max by ({JOB_AND_GROUP}) (appstreaming_group_status{{status=~"PUBLISHED|MAINTAIN_FAILED",{GROUPS}}}) == 0 or '
    f'max by ({JOB_AND_GROUP}) (appstreaming_group_resource_status{{resource_status=~"UNAVAILABLE|RELEASED",{GROUPS}}}) == 1'
)
# The share that the alert AppStreamingDisconnectStorm compares with 30 %.
REGIONS = 'account=~"$account",region_id=~"$region"'
LOST_SHARE = (
    f"region:appstreaming_session_disconnects:increase5m{{{REGIONS}}} / (sum by (job, account, region_id) (max without (instance, pod, session_status) "
    f'(max_over_time(appstreaming_group_sessions{{session_status="CONNECT",{REGIONS}}}[10m]))) > 0)'
)
BAD = steps(GREEN, (1, RED))
WORTH_A_LOOK = steps(GREEN, (1, YELLOW))


def build(runbook):
    board = start(FLEET, "App Streaming / Fleet", "Delivery groups of Alibaba Cloud App Streaming: problems, sessions, capacity, subscriptions.", runbook)
    board = board.with_variable(account_variable()).with_variable(region_variable()).with_variable(group_variable(multi=True))

    board = board.with_row(row("Problems"))
    for panel in (
        number("Critical alerts", "Firing alerts of severity critical. See the runbook.", firing("critical"), colors=BAD, width=6),
        number("Groups not in service", "Delivery groups whose applications users cannot start: neither PUBLISHED nor MAINTAIN_FAILED, or without available resources.",
               count_or_zero(NOT_IN_SERVICE), colors=BAD, width=6),
        number("Groups without room", "Delivery groups in use that have neither an idle session nor headroom. Groups outside their schedule do not count.",
               count_or_zero(f"group:appstreaming_sessions_without_headroom:sum{{{GROUPS}}}"), colors=BAD, width=6),
        number("Failing targets", "Targets whose last poll did not succeed completely. Their numbers may be old.",
               count_or_zero(f'appstreaming_up{{{ACCOUNTS}}} == 0'), colors=BAD, width=6),
        number("Warnings", "Firing alerts of severity warning. See the runbook.", firing("warning"), colors=WORTH_A_LOOK, width=6),
        number("Groups at the scaling limit", "Delivery groups above the scaling threshold, by connected sessions alone, to which scaling can add nothing more.",
               count_or_zero(f'max by ({JOB_AND_GROUP}) (appstreaming_group_scale_out{{verdict="at_limit",{GROUPS}}}) == 1'), colors=BAD, width=6),
        number("Connections lost in 5 minutes", "Sessions that were disconnected within the last 5 minutes while their user stayed bound.",
               f"sum({changes('appstreaming_group_session_disconnects_total', '5m')}) or vector(0)", width=6, decimals=0),
        number("Subscriptions ending in 7 days", "Delivery groups whose subscription ends within 7 days, or has ended.",
               count_or_zero(f'{ONE} (appstreaming_group_expiry_timestamp_seconds{{{GROUPS}}}) - time() < 7 * 86400'), colors=WORTH_A_LOOK, width=6),
    ):
        board = board.with_panel(panel)
    board = board.with_panel(grid(
        "Firing alerts", "Alerts of this exporter that are firing now, with their labels. Each alert has a section in the runbook.",
        [("A", 'ALERTS{alertname=~"AppStreaming.*",alertstate="firing"}')],
        {"severity": "Severity", "alertname": "Alert", "name": "Delivery group", "group_id": "group_id", "account": "account", "region_id": "Region", "instance": "Exporter"},
        height=7, sort=("Severity", False), properties={"Delivery group": to_group()},
    ))

    board = board.with_row(row("Groups"))
    board = board.with_panel(grid(
        "Delivery groups", "One row for each delivery group, with the highest usage first. The name links to the dashboard of the group. "
        "Usage counts all sessions in use, Connected only those whose user is connected.",
        [
            ("info", f"max by (account, region_id, group_id, name) (group:appstreaming_group_info:name{{{GROUPS}}})"),
            ("status", f"max by (group_id, status) (appstreaming_group_status{{{GROUPS}}} == 1)"),
            ("verdict", verdict(by="group_id")),
            ("usage", f"max by (group_id) (group:appstreaming_session_usage:ratio{{{GROUPS}}})"),
            ("connected", f"max by (group_id) (group:appstreaming_session_connected:ratio{{{GROUPS}}})"),
            ("used", f"max by (group_id) (group:appstreaming_sessions_in_use:sum{{{GROUPS}}})"),
            ("capacity", f"max by (group_id) (appstreaming_group_session_capacity{{{GROUPS}}})"),
            ("headroom", f"max by (group_id) (group:appstreaming_session_headroom:sum{{{GROUPS}}})"),
            ("idle", f'max by (group_id) (appstreaming_group_instances{{status="IDLE",{GROUPS}}})'),
            ("out", f"max by (group_id) (appstreaming_group_sessions_until_scale_out{{{GROUPS}}})"),
            ("expiry", f"max by (group_id) (appstreaming_group_expiry_timestamp_seconds{{{GROUPS}}}) - time()"),
            ("age", AGE),
        ],
        {"name": "Name", "status": "Status", "Value #verdict": "Scale-out", "Value #usage": "Usage", "Value #connected": "Connected", "Value #used": "In use",
         "Value #capacity": "Capacity", "Value #headroom": "Headroom", "Value #idle": "Idle", "Value #out": "Until scale-out", "Value #expiry": "Ends in",
         "Value #age": "Data age", "region_id": "Region", "account": "account", "group_id": "group_id"},
        joined_by="group_id", sort=("Usage", True), height=11,
        properties={
            "Name": to_group(),
            "Scale-out": worded(VERDICT_TEXTS),
            "Usage": {"unit": "percentunit", "max": 1, **colored([GREEN, (0.8, YELLOW), (0.95, RED)])},
            "Connected": {"unit": "percentunit", "max": 1},
            "Ends in": {"unit": "s", **colored([RED, (86400, YELLOW), (7 * 86400, GREEN)])},
            "Data age": {"unit": "s", **colored([GREEN, (300, YELLOW), (600, RED)])},
        },
    ))
    board = board.with_panel(timeline("Scale-out over time", f"Whether each delivery group scales out by usage, and if not, why not. {ABOUT_VERDICTS}",
                                      named(verdict()), "{{name}}", VERDICT_TEXTS, height=10))

    board = board.with_row(row("Sessions"))
    for panel in (
        lines("Sessions and capacity", "Sessions in use in all selected groups, sessions whose user is connected, and the sessions that the groups can serve.",
              (f"sum(group:appstreaming_sessions_in_use:sum{{{GROUPS}}})", "in use"),
              (f"sum(group:appstreaming_sessions_connected:sum{{{GROUPS}}})", "connected"),
              (f"sum({ONE} (appstreaming_group_session_capacity{{{GROUPS}}}))", "capacity")),
        lines("Usage, the ten highest", "Sessions in use divided by the session capacity.",
              (f"topk(10, {named(f'group:appstreaming_session_usage:ratio{{{GROUPS}}}')})", "{{name}}"),
              unit="percentunit", most=1, colors=steps(GREEN, (0.8, YELLOW), (0.95, RED))),
        lines("Connected and disconnected", "Sessions with a connected user, and sessions with a disconnected user.",
              (f"sum by (session_status) ({ONE} (appstreaming_group_sessions{{{GROUPS}}}))", "{{session_status}}"), stacked=True),
        lines("Disconnects and reconnects per 5 minutes", "Sessions that were disconnected within 5 minutes, and disconnected sessions that the same user connected to again, as far as polls detected them.",
              (f"sum by (region_id) ({changes('appstreaming_group_session_disconnects_total', '5m')})", "{{region_id}} disconnects"),
              (f"sum by (region_id) ({changes('appstreaming_group_session_reconnects_total', '5m')})", "{{region_id}} reconnects")),
        lines("Session starts per hour", "User bindings that began within the last hour, as far as polls detected them.",
              (f"sum by (region_id) (group:appstreaming_sessions_started:increase1h{{{GROUPS}}})", "{{region_id}}")),
        lines("Share of connections lost", "Disconnections within 5 minutes divided by the connected sessions, of all groups of an account and region. "
              "More than 30 % and at least ten disconnections raise an alert.",
              (LOST_SHARE, "{{account}} {{region_id}}"), unit="percentunit", colors=steps(GREEN, (0.3, RED))),
        lines("Longest disconnected, the ten longest", "Time since the session that has been disconnected longest was disconnected, as observed by the exporter.",
              (f"topk(10, {named(f'(time() - {ONE} (appstreaming_group_session_disconnected_oldest_timestamp_seconds{{{GROUPS}}}))')})", "{{name}}"), unit="s"),
        lines("Users", "Users who are bound to instances now, and users who may use persistent sessions. A user of several groups counts once in each.",
              (f"sum({ONE} (appstreaming_group_bound_users{{{GROUPS}}}))", "bound"),
              (f"sum({ONE} (appstreaming_group_persistent_authorized_users{{{GROUPS}}}))", "authorised for persistent sessions")),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("Capacity"))
    for panel in (
        lines("Headroom, the ten smallest", "Sessions that can still start with the present capacity.",
              (f"bottomk(10, {named(f'group:appstreaming_session_headroom:sum{{{GROUPS}}}')})", "{{name}}")),
        lines("Scaling in use", "Added share of what scaling may add: node pools that scale by usage, and groups sold by session.",
              (f"node_pool:appstreaming_scaling_nodes:ratio{{{GROUPS}}}", "{{group_id}} {{node_pool_id}}"),
              (f"group:appstreaming_instances:ratio{{{GROUPS}}}", "{{group_id}}"),
              unit="percentunit", most=1, colors=steps(GREEN, (0.8, YELLOW), (1, RED))),
        lines("Instances by status", "Instances of all selected groups, by status.",
              (f"sum by (status) ({ONE} (appstreaming_group_instances{{{GROUPS}}})) > 0", "{{status}}"), stacked=True),
        lines("Persistent sessions by status", "Persistent sessions of all selected groups, by status.",
              (f"sum by (status) ({ONE} (appstreaming_group_persistent_sessions{{{GROUPS}}})) > 0", "{{status}}"), stacked=True),
        lines("Time until ready, the ten slowest", "95th percentile of the time from the creation of an instance until it is ready, over 6 hours. Groups with fewer than 20 starts are not shown.",
              (f"topk(10, {named(f'group:appstreaming_instance_ready_seconds:p95_6h{{{GROUPS}}}')})", "{{name}}"), unit="s"),
        lines("Nodes by sessions", "Nodes by the number of sessions in use on them. Only groups sold by node have nodes.",
              (f"sum by (sessions) ({ONE} (appstreaming_group_nodes{{{GROUPS}}})) > 0", "{{sessions}} sessions"), stacked=True),
    ):
        board = board.with_panel(panel)
    return board
