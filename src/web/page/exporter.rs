//! The page about the exporter itself: how its calls go, who signs them, what it serves.

use maud::{Markup, html};

use super::parts::{foreign, known, problems, relative, time_of_day};
use super::targets::targets;
use super::{Place, Tab, document};
use crate::metrics::Value;
use crate::telemetry::status::ApiCall;
use crate::web::view::{Account, Facts, Query, number};

/// The whole page. `configuration` is free of secrets already.
pub(crate) fn render(place: Place<'_>, facts: &Facts<'_>, configuration: &str) -> String {
    let fleet = facts.fleet(&Query::default());
    let main = html! {
        h1.verdict.named { "Exporter" }
        p.path { (version(facts)) }
        (accounts(facts, &fleet.accounts))
        (targets(facts, &fleet.targets))
        (calls(facts, "failed", "Last failed calls", &facts.insight.failed_calls))
        div.columns { (series(facts)) (work(facts)) }
        (calls(facts, "calls", "Last calls", &facts.insight.calls))
        section aria-labelledby="configuration" {
            h2 #configuration { "Configuration in force" }
            pre tabindex="0" role="group" aria-labelledby="configuration" { (configuration) }
        }
    };
    document(place, Tab::Exporter, "Exporter", &main).into_string()
}

fn version(facts: &Facts<'_>) -> Markup {
    let build = facts.telemetry.iter().find(|family| family.name == "appstreaming_exporter_build_info");
    let labels = build.and_then(|family| family.samples.first()).map_or(&[][..], |sample| &sample.labels);
    html! {
        @for (index, (name, value)) in labels.iter().enumerate() {
            @if index > 0 { " · " } (name) " " (value)
        }
    }
}

fn accounts(facts: &Facts<'_>, accounts: &[Account<'_>]) -> Markup {
    let (zone, now) = (&facts.setup.time_zone, facts.now);
    let seconds = |account: &Account<'_>| {
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
                                th scope="row" { (foreign(account.account)) }
                                td { (known(account.credentials)) }
                                td {
                                    @match account.credentials_expire {
                                        Some(at) => (relative(at, now, zone)),
                                        None => "no known end"
                                    }
                                }
                                td.n { (known(account.pace.rate.map(|rate| format!("{rate:.1}")))) }
                                td.n { (account.pace.ceiling) }
                                td.n { (known(account.pace.planned)) }
                                td.n { (known(seconds(account))) }
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

fn calls(facts: &Facts<'_>, id: &str, title: &str, calls: &[ApiCall]) -> Markup {
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
                                    td { (time_of_day(call.at, &facts.setup.time_zone)) }
                                    td { (foreign(&call.account)) }
                                    td { (call.operation) }
                                    td {
                                        span class={
                                            "status " (if &*call.code == "OK" { "good" } else { "critical" })
                                        }
                                        { (call.code) }
                                    }
                                    td.n { (call.took.as_millis()) " ms" }
                                    td { code { (known(call.request_id.as_deref())) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Series by collector.
fn series(facts: &Facts<'_>) -> Markup {
    let family = facts.telemetry.iter().find(|family| family.name == "appstreaming_exporter_series");
    let rows = family.into_iter().flat_map(|family| &family.samples).filter_map(|sample| {
        let collector = sample.labels.first().map(|(_, value)| value)?;
        match sample.value {
            Value::Number(series) => Some((collector, series)),
            Value::Histogram { .. } => None,
        }
    });
    html! {
        section aria-labelledby="series" {
            h2 #series { "Series by collector" }
            dl.facts { @for (collector, series) in rows { dt { (collector) } dd { (series) } } }
        }
    }
}

/// What the process costs and does.
fn work(facts: &Facts<'_>) -> Markup {
    let of = |name| number(facts.telemetry, name, &[]);
    let mebibytes = |bytes: f64| format!("{:.1} MiB", bytes / 1024.0 / 1024.0);
    html! {
        section aria-labelledby="work" {
            h2 #work { "Process" }
            dl.facts {
                dt { "Memory" } dd { (known(of("process_resident_memory_bytes").map(mebibytes))) }
                dt { "CPU time" } dd {
                    (known(of("process_cpu_seconds_total").map(|seconds| format!("{seconds:.1} s"))))
                }
                dt { "Requests in flight" } dd { (known(of("appstreaming_exporter_api_in_flight"))) }
                dt { "Polls that overran" } dd { (known(of("appstreaming_exporter_poll_overruns_total"))) }
            }
        }
    }
}
