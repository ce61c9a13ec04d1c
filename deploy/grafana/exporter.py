"""The dashboard of the exporter: whether its numbers are reliable, and what they cost."""

from parts import *


def build(runbook):
    board = start(EXPORTER, "App Streaming / Exporter", "Health of the exporter: polls, the API, credentials, scrapes and the process.", runbook)
    board = board.with_variable(account_variable())
    rate = lambda metric, by, labels="": f"sum by ({by}) (rate({metric}{{{labels}}}[$__rate_interval]))"

    board = board.with_row(row("Problems"))
    for panel in (
        number("Exporters", "Exporters that can be scraped.", "count(appstreaming_exporter_build_info) or vector(0)", colors=steps(RED, (1, GREEN))),
        number("Failing targets", "Targets whose last poll did not succeed completely.", f"count(min by (account, target) (appstreaming_up{{{ACCOUNTS}}}) == 0) or vector(0)", colors=steps(GREEN, (1, RED))),
        number("Oldest poll", "Longest time of a target since its last complete poll.",
               f"time() - min(appstreaming_target_poll_timestamp_seconds{{{ACCOUNTS}}})", unit="s", colors=steps(GREEN, (300, YELLOW), (600, RED))),
        number("Throttled", "Share of the API requests of the last 15 minutes that were throttled.",
               f'(sum(increase(appstreaming_exporter_api_requests_total{{code=~"Throttling.*",{ACCOUNTS}}}[15m])) or vector(0)) / sum(increase(appstreaming_exporter_api_requests_total{{{ACCOUNTS}}}[15m]))',
               unit="percentunit", colors=steps(GREEN, (0.01, YELLOW), (0.05, RED))),
        number("Credentials expire in", "Time until the first of the temporary credentials in use expires. The value is - if none expire.",
               f"min(appstreaming_exporter_credentials_expiry_timestamp_seconds{{{ACCOUNTS}}}) - time()", unit="s", colors=steps(RED, (120, GREEN))),
        number("Series dropped", "Series left out within the last hour because collectors.max_series was exceeded.",
               "sum(increase(appstreaming_exporter_series_dropped_total[1h])) or vector(0)", colors=steps(GREEN, (1, YELLOW))),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("Polls"))
    for panel in (
        lines("Polls by result", "Polls that ended, per second, by target and result.",
              (rate("appstreaming_exporter_polls_total", "account, target, result", ACCOUNTS), "{{account}} {{target}} {{result}}"), unit="ops"),
        lines("Duration of polls", "Time from start to end, including the wait for the rate limit.",
              *quantiles("appstreaming_exporter_poll_duration_seconds"), unit="s"),
        lines("Age of the last complete poll", "Time since the last poll of each target that succeeded completely.",
              (f"time() - min by (account, target) (appstreaming_target_poll_timestamp_seconds{{{ACCOUNTS}}})", "{{account}} {{target}}"), unit="s", colors=steps(GREEN, (600, RED))),
        lines("Poll overruns", "Polls within an hour that were still running when the next poll was due.",
              ("increase(appstreaming_exporter_poll_overruns_total[1h])", "{{instance}}")),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("Replicas and state"))
    for panel in (
        number("Active replicas", "Replicas of each shard that poll: one, unless a takeover is under way.",
               "sum by (job, shard) (appstreaming_exporter_replica_active * on (job, instance) group_left (shard) appstreaming_exporter_shard_info)",
               colors=steps(RED, (1, GREEN), (2, YELLOW)), legend="{{job}} shard {{shard}}", width=12),
        number("Roles", "Whether each replica polls, or serves the state of the active one.", "max by (job, instance) (appstreaming_exporter_replica_active)",
               mapped=texts(("Standby", BLUE), ("Active", GREEN)), legend="{{instance}}", width=12),
        lines("Age of the served state", "Time since the snapshot that each replica serves was published.",
              ("time() - appstreaming_exporter_state_timestamp_seconds", "{{instance}}"), unit="s"),
        lines("Takeovers and restores", "Standbys that became active within an hour, and first restores of a state after a start or a takeover, by result.",
              ("sum(increase(appstreaming_exporter_takeovers_total[1h]))", "takeovers"), ("sum by (source, result) (increase(appstreaming_exporter_state_restores_total[1h]))", "{{source}} {{result}}")),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("API"))
    for panel in (
        lines("Requests by outcome", "Requests to the API per second, by operation and code, including retries.",
              (rate("appstreaming_exporter_api_requests_total", "operation, code", ACCOUNTS), "{{operation}} {{code}}"), unit="reqps"),
        lines("Duration of requests", "95th percentile of the duration of requests, without the wait for the rate limit.",
              (quantile(0.95, "appstreaming_exporter_api_request_duration_seconds", by="operation"), "{{operation}}"), unit="s"),
        lines("Rate limit", "Requests per second that all shards may send now (less than configured after throttling), and requests per second that were sent.",
              (f"sum by (account) (appstreaming_exporter_api_rate_limit{{{ACCOUNTS}}} and on (job, instance) appstreaming_exporter_replica_active == 1)", "{{account}} allowed"), (rate("appstreaming_exporter_api_requests_total", "account", ACCOUNTS), "{{account}} sent"), unit="reqps"),
        lines("Wait for the rate limit", "Seconds per second that requests waited for the rate limit.",
              (rate("appstreaming_exporter_api_limiter_wait_seconds_total", "account", ACCOUNTS), "{{account}}"), unit="s"),
        lines("In flight and retries", "Requests without a response yet, and retries per second.",
              ("sum(appstreaming_exporter_api_in_flight)", "in flight"), (rate("appstreaming_exporter_api_retries_total", "operation"), "{{operation}} retries")),
        lines("Requests per poll", "API requests of one poll, calculated from the last known fleet.", (f"appstreaming_exporter_poll_planned_requests{{{ACCOUNTS}}}", "{{account}}")),
        lines("Inconsistent listings", "Listings within an hour whose pages did not agree with each other.",
              ("sum by (operation) (increase(appstreaming_exporter_paging_inconsistencies_total[1h]))", "{{operation}}"), width=24),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("Configuration and credentials"))
    for panel in (
        number("Configuration", "Whether the last attempt to load the configuration succeeded.", "min by (instance) (appstreaming_exporter_config_last_reload_successful)", mapped=texts(("Failed", RED), ("Loaded", GREEN)), legend="{{instance}}", width=6),
        number("Configuration age", "Time since the active configuration was loaded.", "time() - max by (instance) (appstreaming_exporter_config_last_reload_success_timestamp_seconds)", unit="s", legend="{{instance}}", width=6),
        number("Version", "Version and revision of the running exporters.", "max by (version, revision) (appstreaming_exporter_build_info)", legend="{{version}} {{revision}}", text_mode="name", width=12),
        lines("Credential refreshes", "Attempts to obtain credentials within an hour, by result.",
              (f"sum by (account, result) (increase(appstreaming_exporter_credentials_refreshes_total{{{ACCOUNTS}}}[1h]))", "{{account}} {{result}}"), width=24),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("Scrapes and process"))
    for panel in (
        lines("Series by collector", "Series in the last snapshot of the fleet.", ("sum by (collector) (appstreaming_exporter_series) > 0", "{{collector}}"), stacked=True),
        lines("Scrapes", "Scrapes per second, by format and encoding.", (f'{rate("appstreaming_exporter_scrapes_total", "format, encoding")} > 0', "{{format}} {{encoding}}"), unit="reqps"),
        lines("Size of a snapshot", "Rendered size of the last snapshot of the fleet, in bytes.", ("max by (format, encoding) (appstreaming_exporter_snapshot_bytes) > 0", "{{format}} {{encoding}}"), unit="bytes"),
        lines("CPU", "CPU cores in use.", ('sum by (instance) (rate(process_cpu_seconds_total[$__rate_interval]) and on (job, instance) appstreaming_exporter_build_info)', "{{instance}}"), unit="short"),
        lines("Memory", "Resident memory of the process.", ("process_resident_memory_bytes and on (job, instance) appstreaming_exporter_build_info", "{{instance}}"), unit="bytes"),
        lines("Files and threads", "Open file descriptors and threads.", ("process_open_fds and on (job, instance) appstreaming_exporter_build_info", "{{instance}} files"), ("process_threads and on (job, instance) appstreaming_exporter_build_info", "{{instance}} threads")),
    ):
        board = board.with_panel(panel)
    return board
