//! The fleet: problems first, then every group.

use std::iter::once;

use jiff::SignedDuration;
use maud::{Markup, html};

use super::parts::{
    badge, bar, clock, display_name, failure, group_path, or_dash, relative, standby_of, status, untrusted,
};
use super::targets::targets;
use super::{NavTab, PageLocation, document};
use crate::fleet::plural;
use crate::fleet::problems::{ProblemKind, Severity};
use crate::web::view::{
    FleetQuery, FleetTotals, FleetView, GroupView, LocatedProblem, ProblemFilter, ProblemSubject, SortColumn,
    TargetView, ViewContext,
};

/// The number of problems shown of each kind. A link shows the others.
const MAX_SHOWN_PER_KIND: usize = 5;

/// The age from which the page shows that a standby's state has an age.
const OLD_STATE: SignedDuration = SignedDuration::from_mins(1);

/// The whole page.
pub(crate) fn render(location: PageLocation<'_>, context: &ViewContext<'_>, query: &FleetQuery) -> String {
    let fleet = context.fleet(query);
    let main = html! {
        (verdict(&fleet))
        @if fleet.exporter.replica.is_standby() { p.path #replica { (standby(context, &fleet)) } }
        @if fleet.at.is_some() { (totals(&fleet.totals)) }
        (waiting(fleet.waiting_for))
        (problems(location, &fleet))
        @if fleet.at.is_some() {
            section aria-labelledby="groups" {
                h2 #groups { "Groups" }
                (filter(&fleet, query))
                (groups(location, context, &fleet, query))
            }
            (targets(context, &fleet.targets))
        }
    };
    document(location, NavTab::Fleet, &title(&fleet), &main).into_string()
}

fn title(fleet: &FleetView<'_>) -> String {
    match fleet.problems.iter().filter(|finding| finding.problem.severity < Severity::Info).count() {
        0 => "Fleet".to_owned(),
        urgent => format!("({urgent}) Fleet"),
    }
}

/// The page's heading: the number of urgent problems, or that there are none.
fn verdict(fleet: &FleetView<'_>) -> Markup {
    let count = |severity| fleet.problems.iter().filter(|found| found.problem.severity == severity).count();
    let (critical, warnings) = (count(Severity::Critical), count(Severity::Warning));
    let (class, text) = match (fleet.at, critical, warnings) {
        (None, ..) if fleet.exporter.replica.is_standby() => {
            ("waiting", "Waiting for the state of the active replica".to_owned())
        }
        (None, ..) => ("waiting", "Waiting for the first poll".to_owned()),
        (_, 0, 0) if fleet.totals.groups == 0 => ("waiting", "There are no delivery groups".to_owned()),
        (_, 0, 0) if fleet.totals.out_of_service > 0 => ("warning", service(&fleet.totals)),
        (_, 0, 0) if fleet.totals.groups == 1 => ("good", "The only group is well".to_owned()),
        (_, 0, 0) => ("good", format!("All {} groups are well", fleet.totals.groups)),
        (_, 0, warnings) => ("warning", plural(warnings, "warning")),
        (_, critical, 0) => ("critical", plural(critical, "critical problem")),
        (_, critical, warnings) => (
            "critical",
            format!("{} and {}", plural(critical, "critical problem"), plural(warnings, "warning")),
        ),
    };
    let out_of_service = fleet.totals.out_of_service > 0 && critical + warnings > 0;
    html! {
        h1 #verdict class={ "verdict " (class) } {
            span role="status" { (text) @if out_of_service { ": " (service(&fleet.totals)) } }
        }
    }
}

/// That another replica polls. The age of its state is shown from a minute on.
fn standby(context: &ViewContext<'_>, fleet: &FleetView<'_>) -> Markup {
    let replica = &fleet.exporter.replica;
    let old = replica.state_at.filter(|at| context.age(*at) >= OLD_STATE);
    html! {
        "This replica is a " (standby_of(replica))
        @if let Some(at) = old { ", with its state from " (relative(at, context.now, context.time_zone())) }
    }
}

/// How many groups are not in service.
fn service(totals: &FleetTotals) -> String {
    let verb = if totals.out_of_service == 1 { "is" } else { "are" };
    format!("{} of {} {verb} not in service", totals.out_of_service, plural(totals.groups, "group"))
}

fn totals(totals: &FleetTotals) -> Markup {
    let up = totals.targets - totals.targets_down;
    let share = if totals.capacity > 0.0 { (totals.in_use / totals.capacity * 100.0).round() } else { 0.0 };
    html! {
        dl.totals {
            div { dt { "Groups" } dd { (totals.groups) } }
            div.wide {
                dt { "Sessions in use" }
                dd { (totals.in_use) small { " of " (totals.capacity) ", " (share) " %" } }
            }
            div { dt { "Connected" } dd { (totals.connected) } }
            div { dt { "Disconnected" } dd { (totals.disconnected) } }
            div { dt { "Idle" } dd { (totals.idle) } }
            div class=[(up < totals.targets).then_some("critical")] {
                dt { "Targets up" } dd { (up) small { " of " (totals.targets) } }
            }
        }
    }
}

fn waiting(reasons: &[String]) -> Markup {
    html! {
        @if !reasons.is_empty() {
            section.note aria-labelledby="waiting" {
                h2 #waiting { "Not ready" }
                ul { @for reason in reasons { li { (untrusted(reason)) } } }
            }
        }
    }
}

/// All problems, by kind.
fn problems(location: PageLocation<'_>, fleet: &FleetView<'_>) -> Markup {
    let key = |finding: &LocatedProblem<'_>| (finding.problem.severity, finding.problem.kind);
    html! {
        @if !fleet.problems.is_empty() {
            section aria-labelledby="problems" {
                h2 #problems.hidden { "Problems" }
                ul.problems {
                    @for kind in fleet.problems.chunk_by(|a, b| key(a) == key(b)) {
                        (kind_of_problem(location, fleet, kind))
                    }
                }
            }
        }
    }
}

fn kind_of_problem(
    location: PageLocation<'_>,
    fleet: &FleetView<'_>,
    findings: &[LocatedProblem<'_>],
) -> Markup {
    let (severity, kind) = (findings[0].problem.severity, findings[0].problem.kind);
    let more = findings.len().saturating_sub(MAX_SHOWN_PER_KIND);
    let rest = FleetQuery { show: ProblemFilter::Kind(kind), ..FleetQuery::default() };
    html! {
        li id={ "problem-" (severity.class()) "-" (kind.as_str()) } class={ "kind " (severity.class()) } {
            h3 {
                (kind.title()) " "
                small { (severity.title()) @if findings.len() > 1 { " · " (findings.len()) } }
            }
            @if !is_failed_poll(kind) { p.advice { (findings[0].problem.advice) } }
            ul {
                @for finding in findings.iter().take(MAX_SHOWN_PER_KIND) {
                    li {
                        (subject(location, &finding.subject))
                        " "
                        span.detail { (finding.problem.detail) }
                        (reasons(fleet, kind, &finding.subject))
                    }
                }
            }
            @if more > 0 { a.more data-live href={ "?" (rest) "#groups" } { "and " (more) " more" } }
        }
    }
}

fn subject(location: PageLocation<'_>, subject: &ProblemSubject<'_>) -> Markup {
    html! {
        @match subject {
            ProblemSubject::Target { account, target } => {
                a href={ (location.root) "exporter" } { (untrusted(account)) " / " (untrusted(target)) }
            }
            ProblemSubject::Account(account) => a href={ (location.root) "exporter" } { (untrusted(account)) },
            ProblemSubject::Region { account, region_id } => {
                (untrusted(region_id)) " (" (untrusted(account)) ")"
            },
            ProblemSubject::Exporter => a href={ (location.root) "exporter" } { "the exporter" },
            ProblemSubject::Group { account, id, name } => {
                a href=(group_path(location.root, account, id)) { (untrusted(display_name(name, id))) }
            }
        }
    }
}

/// Whether a problem of this kind is that the last poll of a target failed.
fn is_failed_poll(kind: ProblemKind) -> bool {
    matches!(kind, ProblemKind::DataStale | ProblemKind::PermissionDenied | ProblemKind::CredentialsRejected)
}

/// Why a target is down; empty for any other problem.
fn reasons(fleet: &FleetView<'_>, kind: ProblemKind, subject: &ProblemSubject<'_>) -> Markup {
    let is_it = |known: &&TargetView<'_>| match *subject {
        ProblemSubject::Target { account, target } => (account, target) == (known.account, known.target),
        _ => false,
    };
    let target = fleet.targets.iter().filter(|_| is_failed_poll(kind)).find(is_it);
    html! { @for reason in target.iter().flat_map(|target| &target.failures) { (failure(reason)) } }
}

/// Search and filter as a plain form. The script submits it at every change and hides the button.
fn filter(fleet: &FleetView<'_>, query: &FleetQuery) -> Markup {
    let order = FleetQuery { sort: query.sort, descending: query.descending, ..FleetQuery::default() };
    let statuses = fleet.statuses.iter().map(|status| (*status, *status));
    html! {
        form #filter.filter role="search" aria-label="Groups" method="get" {
            label {
                span { "Search" }
                input type="search" name="q" value=(query.search) placeholder="name, id, region, status"
                    autocomplete="off" spellcheck="false";
            }
            (account_select(fleet, query))
            (select("Status", "status", query.status.as_deref(), "all", statuses))
            (problem_select(fleet, query))
            @if let Some(sort) = order.to_string().strip_prefix("sort=") {
                input type="hidden" name="sort" value=(sort);
            }
            button { "Apply" }
            p.count role="status" {
                (fleet.groups.len()) " of " (plural(fleet.totals.groups, "group"))
                @if !query.is_unfiltered() { " · " a data-live href="?#groups" { "show all" } }
            }
        }
    }
}

/// A choice of accounts, if there are several.
fn account_select(fleet: &FleetView<'_>, query: &FleetQuery) -> Markup {
    let mut accounts: Vec<&str> = fleet.targets.iter().map(|target| target.account).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let count = accounts.len();
    let options = accounts.into_iter().map(|account| (account, account));
    html! { @if count > 1 { (select("Account", "account", query.account.as_deref(), "all", options)) } }
}

/// A choice of the kinds of problems that groups have now.
fn problem_select(fleet: &FleetView<'_>, query: &FleetQuery) -> Markup {
    let is_of_group = |found: &&LocatedProblem<'_>| matches!(found.subject, ProblemSubject::Group { .. });
    let kinds = ProblemKind::ALL.iter().copied().filter(|kind| {
        query.show == ProblemFilter::Kind(*kind)
            || fleet.problems.iter().filter(is_of_group).any(|found| found.problem.kind == *kind)
    });
    let options = once(("problems", "any problem")).chain(kinds.map(|kind| (kind.as_str(), kind.title())));
    select("Show", "show", Some(query.show.as_str()), "all groups", options)
}

/// A list of options, each a value and its text. The first option has no value and the text `all`.
fn select<'a>(
    title: &str,
    name: &str,
    selected: Option<&str>,
    all: &'a str,
    options: impl Iterator<Item = (&'a str, &'a str)>,
) -> Markup {
    let selected = selected.unwrap_or_default();
    html! {
        label {
            span { (title) }
            select name=(name) {
                @for (value, text) in once(("", all)).chain(options) {
                    option value=(value) selected[value == selected] { (text) }
                }
            }
        }
    }
}

/// The heading of a column; a click sorts by the column.
fn column(query: &FleetQuery, class: &str, sort: SortColumn, title: &str, hint: &str) -> Markup {
    let order = match (query.sort == sort, query.descending) {
        (false, _) => None,
        (true, false) => Some("ascending"),
        (true, true) => Some("descending"),
    };
    let link = format!("?{}#groups", query.sorted_by(sort));
    html! {
        th scope="col" class=(class) aria-sort=[order] {
            a data-live href=(link) title=(hint) { (title) }
        }
    }
}

fn groups(
    location: PageLocation<'_>,
    context: &ViewContext<'_>,
    fleet: &FleetView<'_>,
    query: &FleetQuery,
) -> Markup {
    html! {
        @if fleet.groups.is_empty() {
            p.nothing {
                @if fleet.totals.groups == 0 { "No target has listed a group." } @else { "No group matches the filter." }
            }
        } @else {
            div.sheet {
                table.groups {
                    thead {
                        tr {
                            (column(query, "", SortColumn::Name, "Group", "by name"))
                            (column(query, "", SortColumn::Problems, "State", "by urgency"))
                            (column(query, "", SortColumn::Usage, "Sessions", "in use; the mark is where a scale-out starts"))
                            (column(query, "n", SortColumn::Connected, "Conn.", "connected sessions"))
                            (column(query, "n", SortColumn::Disconnected, "Disc.", "disconnected sessions"))
                            (column(query, "n", SortColumn::Idle, "Idle", "instances without a user"))
                            (column(query, "n", SortColumn::Headroom, "Headroom", "sessions left until a scale-out"))
                            (column(query, "n", SortColumn::Change, "Schedule", "when the schedule next changes the number of nodes"))
                            (column(query, "n", SortColumn::Expiry, "Expires", "when the subscription ends"))
                            (column(query, "n", SortColumn::Fetched, "Data", "how old the oldest part of the data is"))
                        }
                    }
                    tbody { @for group in &fleet.groups { (row(location, context, group)) } }
                }
            }
        }
    }
}

/// Whether the group's status already shows a problem of this kind.
fn is_shown_by_status(kind: ProblemKind) -> bool {
    matches!(
        kind,
        ProblemKind::GroupNotPublished
            | ProblemKind::GroupPublishingFailed
            | ProblemKind::GroupUpdateFailed
            | ProblemKind::GroupExpired
            | ProblemKind::GroupOverdue
    )
}

fn row(location: PageLocation<'_>, context: &ViewContext<'_>, group: &GroupView<'_>) -> Markup {
    let (sessions, zone, now) = (&group.sessions, context.time_zone(), context.now);
    html! {
        tr id=(group_path("", group.account, group.group_id)) {
            th scope="row" {
                a href=(group_path(location.root, group.account, group.group_id)) {
                    (untrusted(display_name(group.name, group.group_id)))
                }
                small { (group.group_id) " · " (group.region_id) " · " (untrusted(group.account)) }
            }
            td {
                (status(group.status))
                @for problem in group.problems.iter().filter(|problem| !is_shown_by_status(problem.kind)) {
                    " " (badge(problem.severity, problem.kind))
                }
            }
            td.sessions {
                div { (bar(sessions)) span.n { (or_dash(sessions.in_use)) " / " (or_dash(sessions.capacity)) } }
            }
            td.n data-label="Connected" { (or_dash(sessions.connected)) }
            td.n data-label="Disconnected" { (or_dash(sessions.disconnected)) }
            td.n data-label="Idle" { (or_dash(sessions.idle)) }
            td.n data-label="Headroom" { (or_dash(sessions.until_scale_out)) }
            td.n data-label="Schedule" {
                @match group.next_schedule_change {
                    Some(at) => (clock(at, now, zone)),
                    None => span.unknown title="no schedule changes it" { "–" }
                }
            }
            td.n data-label="Expires" {
                @match group.expires { Some(at) => (relative(at, now, zone)), None => "never" }
            }
            td.n data-label="Data" { (crate::fleet::HumanDuration(context.age(group.fetched)).to_string()) }
        }
    }
}
