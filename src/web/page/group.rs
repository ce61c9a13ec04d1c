//! A group's own page.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::parts::{
    bar, clock, display_name, group_path, or_dash, problems, relative, status, time_of_day, untrusted,
};
use super::{NavTab, PageLocation, chart, document, week};
use crate::fleet::{HumanDuration, plural};
use crate::web::view::{
    DurationsView, EventsView, GroupDetails, GroupView, NodePoolView, StatusCount, ViewContext,
};

/// The whole page.
pub(crate) fn render(
    location: PageLocation<'_>,
    context: &ViewContext<'_>,
    details: &GroupDetails<'_>,
) -> String {
    let group = &details.group;
    let main = html! {
        (heading(location, group))
        @if !group.problems.is_empty() {
            section aria-labelledby="problems" {
                h2 #problems.hidden { "Problems" }
                (problems(&group.problems))
            }
        }
        div.columns {
            (sessions(group))
            @if let Some(events) = &details.events { (happened(context, events, details.nodes_by_sessions)) }
            (freshness(context, details))
        }
        (instances(context, details))
        (node_pools(context, details))
        (week::schedules(context, details))
        div.columns {
            (about(context, details))
            (apps(details))
            (tags(details))
        }
    };
    document(location, NavTab::Group, display_name(group.name, group.group_id), &main).into_string()
}

/// The page for a group that does not exist.
pub(crate) fn missing(location: PageLocation<'_>, account: &str, id: &str) -> String {
    let main = html! {
        h1.verdict.waiting { "No such group" }
        section.note {
            p { "Account " strong { (untrusted(account)) } " has no group " strong { (untrusted(id)) } " now." }
            p {
                "It may have been deleted, or its data is too old to be shown. "
                a href=(location.root) { "Back to the fleet" }
            }
        }
    };
    document(location, NavTab::Group, "No such group", &main).into_string()
}

fn heading(location: PageLocation<'_>, group: &GroupView<'_>) -> Markup {
    html! {
        p.path { a href=(location.root) { "Fleet" } " / " (untrusted(group.account)) " / " (group.region_id) }
        h1.verdict.named {
            (untrusted(display_name(group.name, group.group_id))) " " (status(group.status))
            @if let Some(resources) = group.resource_status { " " (status(Some(resources))) }
        }
        p.path {
            code { (group.group_id) }
            " · "
            a href=(group_path(&format!("{}api/v1/", location.root), group.account, group.group_id)) { "JSON" }
        }
    }
}

fn sessions(group: &GroupView<'_>) -> Markup {
    let sessions = &group.sessions;
    let percent = |ratio: f64| format!("{:.0} %", ratio * 100.0);
    html! {
        section aria-labelledby="sessions" {
            h2 #sessions { "Sessions" }
            p.big {
                (or_dash(sessions.in_use))
                small {
                    " of "
                    (or_dash(sessions.capacity))
                    " in use"
                    @if let Some(usage) = sessions.usage_ratio { ", " (percent(usage)) }
                }
            }
            div.tall { (bar(sessions)) }
            dl.facts {
                @if let Some(ratio) = sessions.connected_ratio {
                    dt { "Connected, of capacity" } dd { (percent(ratio)) }
                }
                @if let Some(answer) = sessions.scale_out_answer { dt { "Scale-out" } dd { (answer) } }
                dt { "Scale-out above" } dd { (or_dash(sessions.scale_out_at)) }
                dt { "Headroom until then" } dd { (or_dash(sessions.until_scale_out)) }
                dt { "Idle" } dd { (or_dash(sessions.idle)) }
                dt { "Connected" } dd { (or_dash(sessions.connected)) }
                dt { "Disconnected" } dd { (or_dash(sessions.disconnected)) }
            }
        }
    }
}

/// What happened since the first listing, and how the sessions are spread over nodes.
fn happened(context: &ViewContext<'_>, events: &EventsView, nodes: &[(u32, u64)]) -> Markup {
    html! {
        section aria-labelledby="events" {
            h2 #events { "Since " (clock(events.since, context.now, context.time_zone())) }
            dl.facts {
                dt { "Sessions started" } dd { (events.sessions_started) }
                dt { "Sessions ended" } dd { (events.sessions_ended) }
                dt { "Connections lost" } dd { (events.disconnects) }
                dt { "Reconnected" } dd { (events.reconnects) }
                dt { "Until ready, median / 95 %" } dd { (durations(events.ready.as_ref())) }
                dt { "Session length, median / 95 %" } dd { (durations(events.session_durations.as_ref())) }
                @for (sessions, count) in nodes {
                    dt { "Nodes with " (plural(*sessions, "session")) } dd { (count) }
                }
            }
        }
    }
}

fn durations(durations: Option<&DurationsView>) -> Markup {
    let text = |seconds: f64| {
        if seconds < 120.0 {
            format!("{seconds:.0} s")
        } else {
            HumanDuration(SignedDuration::from_secs(seconds as i64)).to_string()
        }
    };
    html! {
        @match durations {
            Some(durations) => { (text(durations.median)) " / " (text(durations.p95)) },
            None => span.unknown title="none observed" { "–" },
        }
    }
}

fn freshness(context: &ViewContext<'_>, details: &GroupDetails<'_>) -> Markup {
    let (now, zone) = (context.now, context.time_zone());
    html! {
        section aria-labelledby="data" {
            h2 #data { "Data" }
            dl.facts {
                @for fetched in &details.fetched_by {
                    dt { code { (fetched.operation) } }
                    dd { (HumanDuration(context.age(fetched.at)).to_string()) " old, " (time_of_day(fetched.at, zone)) }
                }
                dt { "Schedule changes" }
                dd {
                    @match details.group.next_schedule_change {
                        Some(at) => (clock(at, now, zone)),
                        None => "never"
                    }
                }
                dt { "Subscription ends" }
                dd { @match details.group.expires { Some(at) => (relative(at, now, zone)), None => "never" } }
            }
        }
    }
}

fn instances(context: &ViewContext<'_>, details: &GroupDetails<'_>) -> Markup {
    html! {
        section aria-labelledby="instances" {
            h2 #instances { "Instances" small { "over the last hour" } }
            @match &details.instances {
                Some(counts) => div.instances {
                    (chart::history(&details.samples, context.now))
                    (statuses(context, "Instances now, by status", counts))
                },
                None => p.nothing { "There is no recent listing of instances." },
            }
            @if let Some(counts) = &details.persistent_sessions {
                @if counts.iter().any(|count| count.count > 0) {
                    h3 { "Persistent sessions" }
                    (statuses(context, "Persistent sessions now, by status", counts))
                }
            }
        }
    }
}

/// A table of the statuses that occur.
fn statuses(context: &ViewContext<'_>, caption: &str, counts: &[StatusCount<'_>]) -> Markup {
    let unchanged = |oldest: Option<Timestamp>| {
        oldest.map(|oldest| HumanDuration(context.age(oldest).max(SignedDuration::ZERO)).to_string())
    };
    let has_times = counts.iter().any(|count| count.oldest_modified.is_some());
    html! {
        table.small {
            caption.hidden { (caption) }
            thead {
                tr {
                    th scope="col" { "Status" }
                    th scope="col" class="n" { "Now" }
                    @if has_times { th scope="col" class="n" { "Unchanged for up to" } }
                }
            }
            tbody {
                @for count in counts.iter().filter(|count| count.count > 0) {
                    tr {
                        th scope="row" {
                            span class={ "swatch " (chart::class(count.status)) } {} (count.status)
                        }
                        td.n { (count.count) }
                        @if has_times { td.n { (or_dash(unchanged(count.oldest_modified))) } }
                    }
                }
                @if counts.iter().all(|count| count.count == 0) {
                    tr { th scope="row" { "none" } td.n { "0" } @if has_times { td {} } }
                }
            }
        }
    }
}

fn node_pools(context: &ViewContext<'_>, details: &GroupDetails<'_>) -> Markup {
    html! {
        @if !details.node_pools.is_empty() {
            section aria-labelledby="pools" {
                h2 #pools { "Node pools" }
                div.sheet tabindex="0" role="group" aria-labelledby="pools" {
                    table.pools {
                        thead {
                            tr {
                                th scope="col" { "Pool" }
                                th scope="col" { "Strategy" }
                                th scope="col" class="n" { "Nodes used" }
                                th scope="col" class="n" { "Elastic used" }
                                th scope="col" class="n" { "Elastic at most" }
                                th scope="col" class="n" { "Sessions a node" }
                                th scope="col" class="n" { "Threshold" }
                                th scope="col" class="n" { "Scheduled now" }
                                th scope="col" class="n" { "Next change" }
                            }
                        }
                        tbody { @for pool in &details.node_pools { (node_pool(context, pool)) } }
                    }
                }
            }
        }
    }
}

fn node_pool(context: &ViewContext<'_>, pool: &NodePoolView<'_>) -> Markup {
    let used = |used, all| html! { (or_dash(used)) " / " (or_dash(all)) };
    let threshold = pool.scaling_usage_threshold_ratio.map(|ratio| format!("{:.0} %", ratio * 100.0));
    html! {
        tr {
            th scope="row" {
                (untrusted(display_name(pool.node_type_name, pool.node_pool_id)))
                small { (pool.node_pool_id) " · " (pool.node_instance_type) }
            }
            td { (pool.strategy_type.unwrap_or("unknown")) }
            td.n { (used(pool.nodes_used, pool.nodes)) }
            td.n { (used(pool.scaling_nodes_used, pool.scaling_nodes)) }
            td.n { (or_dash(pool.max_scaling_nodes)) }
            td.n { (or_dash(pool.node_capacity)) }
            td.n { (or_dash(threshold)) }
            td.n { @match pool.scheduled_nodes { Some(nodes) => (nodes.to_string()), None => "no schedule" } }
            td.n {
                @match pool.next_schedule_change {
                    Some(at) => (clock(at, context.now, context.time_zone())),
                    None => "never"
                }
            }
        }
    }
}

fn about(context: &ViewContext<'_>, details: &GroupDetails<'_>) -> Markup {
    let rows = [
        ("Product type", details.product_type),
        ("Instance type", details.instance_type),
        ("Operating system", details.os_type),
        ("Charged", details.charge_type),
        ("Charged by", details.charge_resource_mode),
        ("Image", details.image_id),
        ("Newer image", details.image_update.unwrap_or_default()),
    ];
    html! {
        section aria-labelledby="about" {
            h2 #about { "About" }
            dl.facts {
                @for (what, value) in rows.into_iter().filter(|(_, value)| !value.is_empty()) {
                    dt { (what) } dd { (untrusted(value)) }
                }
                @if let Some(created) = details.created {
                    dt { "Created" } dd { (relative(created, context.now, context.time_zone())) }
                }
            }
        }
    }
}

fn apps(details: &GroupDetails<'_>) -> Markup {
    html! {
        @if !details.apps.is_empty() {
            section aria-labelledby="apps" {
                h2 #apps { "Apps" }
                dl.facts {
                    @for app in &details.apps {
                        dt { (untrusted(display_name(app.name, app.id))) } dd {
                            (untrusted(app.version)) " " small { (untrusted(app.version_name)) }
                        }
                    }
                }
            }
        }
    }
}

fn tags(details: &GroupDetails<'_>) -> Markup {
    html! {
        @if !details.tags.is_empty() {
            section aria-labelledby="tags" {
                h2 #tags { "Tags" }
                dl.facts {
                    @for tag in &details.tags {
                        dt { (untrusted(tag.key)) @if tag.system { small { " (system)" } } } dd {
                            (untrusted(tag.value))
                        }
                    }
                }
            }
        }
    }
}
