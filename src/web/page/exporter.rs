//! The page about the exporter itself: how its calls go, who signs them, what it serves.

use maud::{Markup, html};

use super::parts::{or_dash, problems, relative, time_of_day, untrusted};
use super::targets::targets;
use super::{NavTab, PageLocation, document};
use crate::telemetry::status::{ApiCall, BuildInfo, Status};
use crate::web::view::{AccountView, FleetQuery, ViewContext};

/// The whole page. `configuration` is free of secrets already.
pub(crate) fn render(place: PageLocation<'_>, facts: &ViewContext<'_>, configuration: &str) -> String {
    let fleet = facts.fleet(&FleetQuery::default());
    let main = html! {
        h1.verdict.named { "Exporter" }
        p.path { (version(facts.status.build)) }
        (accounts(facts, &fleet.accounts))
        (targets(facts, &fleet.targets))
        (calls(facts, "failed", "Last failed calls", &facts.status.failed_calls))
        div.columns { (series(facts.status)) (work(facts.status)) }
        (calls(facts, "calls", "Last calls", &facts.status.calls))
        section aria-labelledby="configuration" {
            h2 #configuration { "Configuration in force" }
            pre tabindex="0" role="group" aria-labelledby="configuration" { (configuration) }
        }
    };
    document(place, NavTab::Exporter, "Exporter", &main).into_string()
}

fn version(build: BuildInfo) -> Markup {
    let BuildInfo { version, revision, rustc } = build;
    html! { "version " (version) " · revision " (revision) " · rustc " (rustc) }
}

fn accounts(facts: &ViewContext<'_>, accounts: &[AccountView<'_>]) -> Markup {
    let (zone, now) = (facts.time_zone(), facts.now);
    let seconds = |account: &AccountView<'_>| {
        let pace = &account.pace;
        pace.planned.zip(pace.rate).map(|(planned, rate)| format!("{:.1} s", planned / rate))
    };
    html! {
        section aria-labelledby="accounts" {
            h2 #accounts { "Accounts" }
            div.sheet tabindex="0" role="group" aria-labelledby="accounts" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Account" }
                            th scope="col" { "Credentials" }
                            th scope="col" { "They end" }
                            th scope="col" class="n" { "Requests/s now" }
                            th scope="col" class="n" { "at most" }
                            th scope="col" class="n" { "Requests a poll" }
                            th scope="col" class="n" { "which take" }
                            th scope="col" class="n" { "Polled every" }
                        }
                    }
                    tbody {
                        @for account in accounts {
                            tr {
                                th scope="row" { (untrusted(account.account)) }
                                td { (or_dash(account.credentials)) }
                                td {
                                    @match account.credentials_expire {
                                        Some(at) => (relative(at, now, zone)),
                                        None => "no known end"
                                    }
                                }
                                td.n { (or_dash(account.pace.rate.map(|rate| format!("{rate:.1}")))) }
                                td.n { (account.pace.ceiling) }
                                td.n { (or_dash(account.pace.planned)) }
                                td.n { (or_dash(seconds(account))) }
                                td.n { (account.pace.interval) " s" }
                            }
                        }
                    }
                }
            }
            @for account in accounts.iter().filter(|account| !account.problems.is_empty()) {
                (problems(&account.problems))
            }
        }
    }
}

fn calls(facts: &ViewContext<'_>, id: &str, title: &str, calls: &[ApiCall]) -> Markup {
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
                                th scope="col" class="n" { "Took" }
                                th scope="col" { "Request id" }
                            }
                        }
                        tbody {
                            @for call in calls {
                                tr {
                                    td { (time_of_day(call.at, facts.time_zone())) }
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

fn work(status: &Status) -> Markup {
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
                dt { "Polls that overran" } dd { (status.poll_overruns) }
            }
        }
    }
}
