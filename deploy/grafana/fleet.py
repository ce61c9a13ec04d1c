"""The dashboard of the fleet: problems, all delivery groups in one table, and their history."""

from parts import *


def count_or_zero(expr):
    """Returns a query for the number of series that `expr` matches, 0 if there are none."""
    return f"count({expr}) or vector(0)"


def firing(severity):
    return count_or_zero(f'ALERTS{{alertname=~"AppStreaming.*",alertstate="firing",severity="{severity}"}}')


BAD = steps(GREEN, (1, RED))
WORTH_A_LOOK = steps(GREEN, (1, YELLOW))


def build(runbook):
    board = start(FLEET, "App Streaming / Fleet", "Delivery groups of Alibaba Cloud App Streaming: problems, sessions, capacity, subscriptions.", runbook)
    board = board.with_variable(account_variable()).with_variable(region_variable()).with_variable(group_variable(multi=True))

    board = board.with_row(row("Problems"))
    for panel in (
        number("Critical alerts", "Firing alerts of severity critical. See the runbook.", firing("critical"), colors=BAD),
        number("Warnings", "Firing alerts of severity warning. See the runbook.", firing("warning"), colors=WORTH_A_LOOK),
        number("Groups not published", "Delivery groups whose applications users cannot start.",
               count_or_zero(f'{ONE} (appstreaming_group_status{{status="PUBLISHED",{GROUPS}}}) == 0'), colors=BAD),
        number("Groups without an idle session", "Delivery groups in use in which no other session is ready.",
               count_or_zero(f'{ONE} (appstreaming_group_instances{{status="IDLE",{GROUPS}}}) == 0 and on (account, region_id, group_id) group:appstreaming_sessions_in_use:sum > 0'), colors=BAD),
        number("Subscriptions ending in 7 days", "Delivery groups whose subscription ends within 7 days, or has ended.",
               count_or_zero(f'{ONE} (appstreaming_group_expiry_timestamp_seconds{{{GROUPS}}}) - time() < 7 * 86400'), colors=WORTH_A_LOOK),
        number("Failing targets", "Targets whose last poll did not succeed completely: the numbers on this page may be old.",
               count_or_zero(f'appstreaming_up{{{ACCOUNTS}}} == 0'), colors=BAD),
    ):
        board = board.with_panel(panel)
    board = board.with_panel(grid(
        "Firing alerts", "Alerts of this exporter that are firing now, with their labels. Each alert has a section in the runbook.",
        [("A", 'ALERTS{alertname=~"AppStreaming.*",alertstate="firing"}')],
        {"severity": "Severity", "alertname": "Alert", "name": "Delivery group", "group_id": "group_id", "account": "account", "region_id": "Region", "instance": "Exporter"},
        height=7, sort=("Severity", False), properties={"Delivery group": to_group()},
    ))

    board = board.with_row(row("Groups"))
    by_group = "max by (account, region_id, group_id)"
    board = board.with_panel(grid(
        "Delivery groups", "One row for each delivery group, with the highest usage first. The name links to the dashboard of the group.",
        [
            ("info", f"max by (account, region_id, group_id, name) (group:appstreaming_group_info:name{{{GROUPS}}})"),
            ("status", f"max by (group_id, status) (appstreaming_group_status{{{GROUPS}}} == 1)"),
            ("used", f"max by (group_id) (group:appstreaming_sessions_in_use:sum{{{GROUPS}}})"),
            ("capacity", f"max by (group_id) (appstreaming_group_session_capacity{{{GROUPS}}})"),
            ("usage", f"max by (group_id) (group:appstreaming_session_usage:ratio{{{GROUPS}}})"),
            ("idle", f'max by (group_id) (appstreaming_group_instances{{status="IDLE",{GROUPS}}})'),
            ("out", f"max by (group_id) (appstreaming_group_sessions_until_scale_out{{{GROUPS}}})"),
            ("expiry", f"max by (group_id) (appstreaming_group_expiry_timestamp_seconds{{{GROUPS}}}) - time()"),
            ("age", f"time() - min by (group_id) (appstreaming_group_refreshed_timestamp_seconds{{{GROUPS}}})"),
        ],
        {"name": "Name", "status": "Status", "Value #usage": "Usage", "Value #used": "In use", "Value #capacity": "Capacity", "Value #idle": "Idle",
         "Value #out": "Until scale-out", "Value #expiry": "Ends in", "Value #age": "Data age", "region_id": "Region", "account": "account", "group_id": "group_id"},
        joined_by="group_id", sort=("Usage", True), height=11,
        properties={
            "Name": to_group(),
            "Usage": {"unit": "percentunit", "max": 1, **colored([GREEN, (0.8, YELLOW), (0.95, RED)])},
            "Idle": colored([RED, (1, GREEN)]),
            "Ends in": {"unit": "s", **colored([RED, (86400, YELLOW), (7 * 86400, GREEN)])},
            "Data age": {"unit": "s", **colored([GREEN, (300, YELLOW), (600, RED)])},
        },
    ))

    board = board.with_row(row("Sessions"))
    for panel in (
        lines("Sessions and capacity", "Sessions in use in all selected groups, and the sessions that the groups can serve.",
              (f"sum(group:appstreaming_sessions_in_use:sum{{{GROUPS}}})", "in use"),
              (f"sum({ONE} (appstreaming_group_session_capacity{{{GROUPS}}}))", "capacity")),
        lines("Usage, the ten highest", "Sessions in use divided by the session capacity.",
              (f"topk(10, group:appstreaming_session_usage:ratio{{{GROUPS}}} * on (account, region_id, group_id) group_left (name) max by (account, region_id, group_id, name) (group:appstreaming_group_info:name))", "{{name}}"),
              unit="percentunit", most=1, colors=steps(GREEN, (0.8, YELLOW), (0.95, RED))),
        lines("Session starts per hour", "User bindings that began within the last hour, as far as polls detected them.",
              (f"sum by (region_id) (group:appstreaming_sessions_started:increase1h{{{GROUPS}}})", "{{region_id}}")),
        lines("Connected and disconnected", "Sessions with a connected user, and sessions with a disconnected user.",
              (f"sum by (session_status) ({ONE} (appstreaming_group_sessions{{{GROUPS}}}))", "{{session_status}}"), stacked=True),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("Capacity"))
    for panel in (
        lines("Headroom, the ten smallest", "Sessions that can still start with the present capacity.",
              (f"bottomk(10, group:appstreaming_session_headroom:sum{{{GROUPS}}} * on (account, region_id, group_id) group_left (name) max by (account, region_id, group_id, name) (group:appstreaming_group_info:name))", "{{name}}")),
        lines("Scaling in use", "Added share of what scaling may add: node pools that scale by usage, and groups sold by session.",
              (f"node_pool:appstreaming_scaling_nodes:ratio{{{GROUPS}}}", "{{group_id}} {{node_pool_id}}"),
              (f"group:appstreaming_instances:ratio{{{GROUPS}}}", "{{group_id}}"),
              unit="percentunit", most=1, colors=steps(GREEN, (0.8, YELLOW), (1, RED))),
        lines("Instances by status", "Instances of all selected groups, by status.",
              (f"sum by (status) ({ONE} (appstreaming_group_instances{{{GROUPS}}})) > 0", "{{status}}"), stacked=True),
        lines("Persistent sessions by status", "Persistent sessions of all selected groups, by status.",
              (f"sum by (status) ({ONE} (appstreaming_group_persistent_sessions{{{GROUPS}}})) > 0", "{{status}}"), stacked=True),
    ):
        board = board.with_panel(panel)
    return board
