//! The page about the exporter itself: accounts, targets, API calls, series, and the configuration.

use jiff::Timestamp;
use maud::{Markup, html};

use super::parts::{exact, local, or_dash, problems, relative, standby_of, time_of_day, untrusted};
use super::targets::targets;
use super::{NavTab, PageLocation, document};
use crate::telemetry::status::{ApiCall, BuildInfo, Status};
use crate::web::view::{AccountView, ExporterView, FleetQuery, ViewContext};

/// The whole page. `configuration` must not contain secrets.
pub(crate) fn render(location: PageLocation<'_>, context: &ViewContext<'_>, configuration: &str) -> String {
    let fleet = context.fleet(&FleetQuery::default());
    let main = html! {
        h1.verdict.named { "Exporter" }
        p.path { (version(context.status.build)) }
        p.path #replica { (replica(context, &fleet.exporter)) }
        @if !fleet.exporter.problems.is_empty() {
            section aria-labelledby="problems" {
                h2 #problems.hidden { "Problems" }
                (problems(&fleet.exporter.problems))
            }
        }
        (accounts(context, &fleet.accounts))
        (targets(context, &fleet.targets))
        (calls(context, "failed", "Last failed calls", &context.status.failed_calls))
        div.columns { (series(context.status)) (process(context.status)) }
        (calls(context, "calls", "Last calls", &context.status.calls))
        section aria-labelledby="configuration" {
            h2 #configuration { "Active configuration" }
            pre tabindex="0" role="group" aria-labelledby="configuration" { (configuration) }
        }
    };
    document(location, NavTab::Exporter, "Exporter", &main).into_string()
}

fn version(build: BuildInfo) -> Markup {
    let BuildInfo { version, revision, rustc } = build;
    html! { "version " (version) " · revision " (revision) " · rustc " (rustc) }
}

/// Which replica and shard this is, and the age of a standby's state.
fn replica(context: &ViewContext<'_>, exporter: &ExporterView<'_>) -> Markup {
    let (replica, shard) = (&exporter.replica, exporter.shard);
    html! {
        "replica: "
        @if replica.is_standby() {
            (standby_of(replica)) ", "
            @match replica.state_at {
                Some(at) => { "state from " (seconds_ago(at, context)) },
                None => "no state yet",
            }
        } @else {
            (replica.role)
        }
        @if shard.total > 1 { " · shard " (shard.index) " of " (shard.total) }
        @if let Some(failure) = replica.fetch_failure {
            " · the last request for the state failed: " (untrusted(failure))
        }
    }
}

/// A time relative to now, in seconds where [`relative`] has only `< 1 min`. This page changes all
/// the time anyway.
fn seconds_ago(at: Timestamp, context: &ViewContext<'_>) -> Markup {
    match context.age(at).as_secs() {
        seconds @ 0..120 => html! {
            time datetime=(exact(at)) title=(local(at, context.time_zone())) { (seconds) " s ago" }
        },
        _ => relative(at, context.now, context.time_zone()),
    }
}

fn accounts(context: &ViewContext<'_>, accounts: &[AccountView<'_>]) -> Markup {
    html! {
        section aria-labelledby="accounts" {
            h2 #accounts { "Accounts" }
            div.sheet tabindex="0" role="group" aria-labelledby="accounts" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Account" }
                            th scope="col" { "Credentials" }
                            th scope="col" { "Credentials expire" }
                            th scope="col" class="n" { "Requests/s now" }
                            th scope="col" class="n" { "Requests/s at most" }
                            th scope="col" class="n" { "Requests per poll" }
                            th scope="col" class="n" { "Poll takes" }
                            th scope="col" class="n" { "Poll interval" }
                        }
                    }
                    tbody { @for account in accounts { (account_row(context, account)) } }
                }
            }
            @for account in accounts.iter().filter(|account| !account.problems.is_empty()) {
                (problems(&account.problems))
            }
        }
    }
}

fn account_row(context: &ViewContext<'_>, account: &AccountView<'_>) -> Markup {
    let budget = &account.pace;
    let seconds = budget.planned.zip(budget.rate).map(|(planned, rate)| format!("{:.1} s", planned / rate));
    html! {
        tr {
            th scope="row" { (untrusted(account.account)) }
            td { (or_dash(account.credentials)) }
            td {
                @match account.credentials_expire {
                    Some(at) => (relative(at, context.now, context.time_zone())),
                    None => "no known expiry"
                }
            }
            td.n { (or_dash(budget.rate.map(|rate| format!("{rate:.1}")))) }
            td.n { ((budget.ceiling * 1000.0).round() / 1000.0) }
            td.n { (or_dash(budget.planned)) }
            td.n { (or_dash(seconds)) }
            td.n { (budget.interval) " s" }
        }
    }
}

fn calls(context: &ViewContext<'_>, id: &str, title: &str, calls: &[ApiCall]) -> Markup {
    html! {
        @if !calls.is_empty() {
            section aria-labelledby=(id) {
                h2 id=(id) { (title) }
                div.sheet tabindex="0" role="group" aria-labelledby=(id) {
                    table {
                        thead {
                            tr {
                                th scope="col" { "Time" }
                                th scope="col" { "Account" }
                                th scope="col" { "Operation" }
                                th scope="col" { "Code" }
                                th scope="col" class="n" { "Duration" }
                                th scope="col" { "Request id" }
                            }
                        }
                        tbody {
                            @for call in calls {
                                tr {
                                    td { (time_of_day(call.at, context.time_zone())) }
                                    td { (untrusted(&call.account)) }
                                    td { (call.operation) }
                                    td {
                                        span class={
                                            "status " (if &*call.code == "OK" { "good" } else { "critical" })
                                        }
                                        { (call.code) }
                                    }
                                    td.n { (call.took.as_millis()) " ms" }
                                    td { code { (or_dash(call.request_id.as_deref())) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn series(status: &Status) -> Markup {
    html! {
        section aria-labelledby="series" {
            h2 #series { "Series by collector" }
            dl.facts { @for (collector, series) in &status.series { dt { (collector) } dd { (series) } } }
        }
    }
}

fn process(status: &Status) -> Markup {
    let mebibytes = |bytes: f64| format!("{:.1} MiB", bytes / 1024.0 / 1024.0);
    html! {
        section aria-labelledby="work" {
            h2 #work { "Process" }
            dl.facts {
                dt { "Memory" } dd { (or_dash(status.process.resident_bytes.map(mebibytes))) }
                dt { "CPU time" } dd {
                    (or_dash(status.process.cpu_seconds.map(|seconds| format!("{seconds:.1} s"))))
                }
                dt { "Requests in flight" } dd { (status.requests_in_flight) }
                dt { "Poll overruns" } dd { (status.poll_overruns) }
            }
        }
    }
}
