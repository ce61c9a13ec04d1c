"""The exporter: whether its numbers can be believed, and what they cost."""

from parts import *


def build(runbook):
    board = start(EXPORTER, "App Streaming / Exporter", "Health of the exporter: polls, the API, credentials, scrapes and the process.", runbook)
    board = board.with_variable(account_variable())
    rate = lambda metric, by, labels="": f"sum by ({by}) (rate({metric}{{{labels}}}[$__rate_interval]))"
    quantile = lambda q, metric, by="": f"histogram_quantile({q}, sum by (le{by}) (rate({metric}[$__rate_interval])))"

    board = board.with_row(row("Problems"))
    for panel in (
        number("Exporters", "Exporters that can be scraped.", "count(appstreaming_exporter_build_info) or vector(0)", colors=steps(RED, (1, GREEN))),
        number("Targets that fail", "Targets whose last poll did not succeed whole.", f"count(appstreaming_up{{{ACCOUNTS}}} == 0) or vector(0)", colors=steps(GREEN, (1, RED))),
        number("Oldest poll", "Time since the target that is longest without a whole poll had its last one.",
               f"time() - min(appstreaming_target_poll_timestamp_seconds{{{ACCOUNTS}}})", unit="s", colors=steps(GREEN, (300, YELLOW), (600, RED))),
        number("Throttled", "Share of the API requests of the last 15 minutes that were throttled.",
               f'(sum(increase(appstreaming_exporter_api_requests_total{{code=~"Throttling.*",{ACCOUNTS}}}[15m])) or vector(0)) / sum(increase(appstreaming_exporter_api_requests_total{{{ACCOUNTS}}}[15m]))',
               unit="percentunit", colors=steps(GREEN, (0.01, YELLOW), (0.05, RED))),
        number("Credentials expire in", "Time until the first of the temporary credentials in use expires; - where none does.",
               f"min(appstreaming_exporter_credentials_expiry_timestamp_seconds{{{ACCOUNTS}}}) - time()", unit="s", colors=steps(RED, (120, GREEN))),
        number("Series dropped", "Series left out within the last hour because there were more than collectors.max_series.",
               "sum(increase(appstreaming_exporter_series_dropped_total[1h])) or vector(0)", colors=steps(GREEN, (1, YELLOW))),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("Polls"))
    for panel in (
        lines("Polls by result", "Polls that ended, per second, by target and result.",
              (rate("appstreaming_exporter_polls_total", "account, target, result", ACCOUNTS), "{{account}} {{target}} {{result}}"), unit="ops"),
        lines("Duration of polls", "From start to end, waiting for the rate limit included.",
              *((quantile(q, "appstreaming_exporter_poll_duration_seconds_bucket"), f"{round(q * 100)} % are within") for q in (0.5, 0.95)), unit="s"),
        lines("Age of the last whole poll", "Time since each target's last poll that succeeded whole.",
              (f"time() - appstreaming_target_poll_timestamp_seconds{{{ACCOUNTS}}}", "{{account}} {{target}}"), unit="s", colors=steps(GREEN, (600, RED))),
        lines("Polls that overran", "Polls that were still running when the next one was due, within an hour.",
              ("increase(appstreaming_exporter_poll_overruns_total[1h])", "{{instance}}")),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("API"))
    for panel in (
        lines("Requests by outcome", "Attempts at the API per second, by operation and the API's code.",
              (rate("appstreaming_exporter_api_requests_total", "operation, code", ACCOUNTS), "{{operation}} {{code}}"), unit="reqps"),
        lines("Duration of requests", "95 % of the attempts take at most so long, waiting for the rate limit not included.",
              (quantile(0.95, "appstreaming_exporter_api_request_duration_seconds_bucket", ", operation"), "{{operation}}"), unit="s"),
        lines("Rate limit", "Requests per second allowed now, lower than configured after throttling, and requests per second made.",
              (f"appstreaming_exporter_api_rate_limit{{{ACCOUNTS}}}", "{{account}} allowed"), (rate("appstreaming_exporter_api_requests_total", "account", ACCOUNTS), "{{account}} made"), unit="reqps"),
        lines("Waiting for the rate limit", "Seconds that requests waited, per second.",
              (rate("appstreaming_exporter_api_limiter_wait_seconds_total", "account", ACCOUNTS), "{{account}}"), unit="s"),
        lines("In flight and retries", "Requests that are being answered now, and attempts per second that repeated a failed one.",
              ("sum(appstreaming_exporter_api_in_flight)", "in flight"), (rate("appstreaming_exporter_api_retries_total", "operation"), "{{operation}} retries")),
        lines("Requests that a poll takes", "API requests of one poll, by the fleet seen last.", (f"appstreaming_exporter_poll_planned_requests{{{ACCOUNTS}}}", "{{account}}")),
        lines("What was odd in answers", "Listings whose pages didn't fit together, within an hour.",
              ("sum by (operation) (increase(appstreaming_exporter_paging_inconsistencies_total[1h]))", "{{operation}}"), width=24),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("Configuration and credentials"))
    for panel in (
        number("Configuration", "1 where the last attempt to load the configuration succeeded.", "min by (instance) (appstreaming_exporter_config_last_reload_successful)", colors=steps(RED, (1, GREEN)), legend="{{instance}}", width=6),
        number("In force for", "How long the configuration has been in force.", "time() - max by (instance) (appstreaming_exporter_config_last_reload_success_timestamp_seconds)", unit="s", legend="{{instance}}", width=6),
        number("Version", "Version and revision of the exporters that run.", "max by (version, revision) (appstreaming_exporter_build_info)", legend="{{version}} {{revision}}", text_mode="name", width=12),
        lines("Credentials fetched", "Attempts to get credentials within an hour, by result.",
              (f"sum by (account, result) (increase(appstreaming_exporter_credentials_refreshes_total{{{ACCOUNTS}}}[1h]))", "{{account}} {{result}}"), width=24),
    ):
        board = board.with_panel(panel)

    board = board.with_row(row("Scrapes and process"))
    for panel in (
        lines("Series by collector", "Series in the fleet's last snapshot.", ("sum by (collector) (appstreaming_exporter_series) > 0", "{{collector}}"), stacked=True),
        lines("Scrapes", "Scrapes answered per second, by format and encoding.", (f'{rate("appstreaming_exporter_scrapes_total", "format, encoding")} > 0', "{{format}} {{encoding}}"), unit="reqps"),
        lines("Size of a snapshot", "Bytes of the fleet's last snapshot, as rendered.", ("max by (format, encoding) (appstreaming_exporter_snapshot_bytes) > 0", "{{format}} {{encoding}}"), unit="bytes"),
        lines("CPU", "Cores used.", ('sum by (instance) (rate(process_cpu_seconds_total[$__rate_interval]) and on (job, instance) appstreaming_exporter_build_info)', "{{instance}}"), unit="short"),
        lines("Memory", "Resident memory.", ("process_resident_memory_bytes and on (job, instance) appstreaming_exporter_build_info", "{{instance}}"), unit="bytes"),
        lines("Files and threads", "Open file descriptors and threads.", ("process_open_fds and on (job, instance) appstreaming_exporter_build_info", "{{instance}} files"), ("process_threads and on (job, instance) appstreaming_exporter_build_info", "{{instance}} threads")),
    ):
        board = board.with_panel(panel)
    return board
