//! The fleet: what is wrong first, then every group.

use maud::{Markup, html};

use super::parts::{
    badge, bar, clock, display_name, failure, group_path, or_dash, relative, status, untrusted,
};
use super::targets::targets;
use super::{NavTab, PageLocation, document};
use crate::fleet::plural;
use crate::fleet::problems::{ProblemKind, Severity};
use crate::web::view::{
    FleetQuery, FleetTotals, FleetView, GroupView, LocatedProblem, ProblemFilter, ProblemSubject, SortColumn,
    TargetView, ViewContext,
};

/// Of one kind of problem so many are shown; the others by one click.
const SHOWN_OF_A_KIND: usize = 5;

/// The whole page.
pub(crate) fn render(place: PageLocation<'_>, facts: &ViewContext<'_>, query: &FleetQuery) -> String {
    let fleet = facts.fleet(query);
    let main = html! {
        (verdict(&fleet))
        @if fleet.at.is_some() { (totals(&fleet.totals)) }
        (waiting(fleet.waiting_for))
        (problems(place, &fleet))
        @if fleet.at.is_some() {
            section aria-labelledby="groups" {
                h2 #groups { "Groups" }
                (filter(&fleet, query))
                (groups(place, facts, &fleet, query))
            }
            (targets(facts, &fleet.targets))
        }
    };
    document(place, NavTab::Fleet, &title(&fleet), &main).into_string()
}

fn title(fleet: &FleetView<'_>) -> String {
    match fleet.problems.iter().filter(|finding| finding.problem.severity < Severity::Notice).count() {
        0 => "Fleet".to_owned(),
        urgent => format!("({urgent}) FleetView"),
    }
}

/// The answer to "is everything all right?", as the page's heading.
fn verdict(fleet: &FleetView<'_>) -> Markup {
    let count = |severity| fleet.problems.iter().filter(|found| found.problem.severity == severity).count();
    let (critical, warnings) = (count(Severity::Critical), count(Severity::Warning));
    let (class, text) = match (fleet.at, critical, warnings) {
        (None, ..) => ("waiting", "Waiting for the first poll".to_owned()),
        (_, 0, 0) if fleet.totals.groups == 0 => ("waiting", "There is no delivery group".to_owned()),
        (_, 0, 0) if fleet.totals.groups == 1 => ("good", "The only group is well".to_owned()),
        (_, 0, 0) => ("good", format!("All {} groups are well", fleet.totals.groups)),
        (_, 0, warnings) => ("warning", plural(warnings, "warning")),
        (_, critical, 0) => ("critical", plural(critical, "critical problem")),
        (_, critical, warnings) => (
            "critical",
            format!("{} and {}", plural(critical, "critical problem"), plural(warnings, "warning")),
        ),
    };
    html! { h1 #verdict class={ "verdict " (class) } { span role="status" { (text) } } }
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

/// What is wrong, kind by kind.
fn problems(place: PageLocation<'_>, fleet: &FleetView<'_>) -> Markup {
    let key = |finding: &LocatedProblem<'_>| (finding.problem.severity, finding.problem.kind);
    html! {
        @if !fleet.problems.is_empty() {
            section aria-labelledby="problems" {
                h2 #problems.hidden { "Problems" }
                ul.problems {
                    @for kind in fleet.problems.chunk_by(|a, b| key(a) == key(b)) {
                        (kind_of_problem(place, fleet, kind))
                    }
                }
            }
        }
    }
}

fn kind_of_problem(
    place: PageLocation<'_>,
    fleet: &FleetView<'_>,
    findings: &[LocatedProblem<'_>],
) -> Markup {
    let (severity, kind) = (findings[0].problem.severity, findings[0].problem.kind);
    let more = findings.len().saturating_sub(SHOWN_OF_A_KIND);
    let rest = FleetQuery { show: ProblemFilter::Kind(kind), ..FleetQuery::default() };
    html! {
        li id={ "problem-" (severity.class()) "-" (kind.as_str()) } class={ "kind " (severity.class()) } {
            h3 {
                (kind.title()) " "
                small { (severity.word()) @if findings.len() > 1 { " · " (findings.len()) } }
            }
            ul {
                @for finding in findings.iter().take(SHOWN_OF_A_KIND) {
                    li {
                        (subject(place, &finding.subject))
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

fn subject(place: PageLocation<'_>, subject: &ProblemSubject<'_>) -> Markup {
    html! {
        @match subject {
            ProblemSubject::Target { account, target } => {
                a href={ (place.root) "exporter" } { (untrusted(account)) " / " (untrusted(target)) }
            }
            ProblemSubject::Account(account) => a href={ (place.root) "exporter" } { (untrusted(account)) },
            ProblemSubject::Group { account, id, name } => {
                a href=(group_path(place.root, account, id)) { (untrusted(display_name(name, id))) }
            }
        }
    }
}

/// Why a target is down; nothing for any other problem.
fn reasons(fleet: &FleetView<'_>, kind: ProblemKind, subject: &ProblemSubject<'_>) -> Markup {
    let is_it = |known: &&TargetView<'_>| match *subject {
        ProblemSubject::Target { account, target } => (account, target) == (known.account, known.target),
        _ => false,
    };
    let target = fleet.targets.iter().filter(|_| kind == ProblemKind::TargetDown).find(is_it);
    html! { @for reason in target.iter().flat_map(|target| &target.failures) { (failure(reason)) } }
}

/// Search and filter: a plain form, whose button the script makes superfluous.
fn filter(fleet: &FleetView<'_>, query: &FleetQuery) -> Markup {
    let mut accounts: Vec<&str> = fleet.targets.iter().map(|target| target.account).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let option = |value: &str, text: &str, selected: bool| {
        html! { option value=(value) selected[selected] { (text) } }
    };
    let kinds = ProblemKind::ALL.into_iter().filter(|kind| {
        query.show == ProblemFilter::Kind(*kind)
            || fleet.problems.iter().any(|found| {
                found.problem.kind == *kind && matches!(found.subject, ProblemSubject::Group { .. })
            })
    });
    let sort =
        FleetQuery { sort: query.sort, descending: query.descending, ..FleetQuery::default() }.to_string();
    html! {
        form #filter.filter role="search" aria-label="Groups" method="get" {
            label {
                span { "Search" }
                input type="search" name="q" value=(query.search) placeholder="name, id, region, status"
                    autocomplete="off" spellcheck="false";
            }
            @if accounts.len() > 1 {
                label {
                    span { "Account" }
                    select name="account" {
                        (option("", "all", query.account.is_none()))
                        @for account in accounts {
                            (option(account, account, query.account.as_deref() == Some(account)))
                        }
                    }
                }
            }
            label {
                span { "Status" }
                select name="status" {
                    (option("", "all", query.status.is_none()))
                    @for status in &fleet.statuses {
                        (option(status, status, query.status.as_deref() == Some(status)))
                    }
                }
            }
            label {
                span { "Show" }
                select name="show" {
                    (option("", "all groups", query.show == ProblemFilter::All))
                    (option("problems", "any problem", query.show == ProblemFilter::Problems))
                    @for kind in kinds {
                        (option(kind.as_str(), kind.title(), query.show == ProblemFilter::Kind(kind)))
                    }
                }
            }
            @if let Some(sort) = sort.strip_prefix("sort=") { input type="hidden" name="sort" value=(sort); }
            button { "Apply" }
            p.count role="status" {
                (fleet.groups.len()) " of " (plural(fleet.totals.groups, "group"))
                @if !query.is_unfiltered() { " · " a data-live href="?#groups" { "show all" } }
            }
        }
    }
}

fn groups(
    place: PageLocation<'_>,
    facts: &ViewContext<'_>,
    fleet: &FleetView<'_>,
    query: &FleetQuery,
) -> Markup {
    let heading = |class: &str, sort: SortColumn, title: &str, hint: &str| {
        let order = match (query.sort == sort, query.descending) {
            (false, _) => None,
            (true, false) => Some("ascending"),
            (true, true) => Some("descending"),
        };
        let link = match query.sorted_by(sort).to_string() {
            link if link.is_empty() => "?".to_owned(),
            link => format!("?{link}"),
        };
        html! {
            th scope="col" class=(class) aria-sort=[order] {
                a data-live href={ (link) "#groups" } title=(hint) { (title) }
            }
        }
    };
    html! {
        @if fleet.groups.is_empty() {
            p.nothing {
                @if fleet.totals.groups == 0 { "No target has listed a group." } @else { "No group fits." }
            }
        } @else {
            div.sheet {
                table.groups {
                    thead {
                        tr {
                            (heading("", SortColumn::Name, "Group", "by name"))
                            (heading("", SortColumn::Problems, "State", "by urgency"))
                            (heading("", SortColumn::Usage, "Sessions", "in use; the mark is where a scale-out starts"))
                            (heading("n", SortColumn::Connected, "Conn.", "connected sessions"))
                            (heading("n", SortColumn::Disconnected, "Disc.", "disconnected sessions"))
                            (heading("n", SortColumn::Idle, "Idle", "instances that wait for a user"))
                            (heading("n", SortColumn::Headroom, "Headroom", "sessions left until a scale-out"))
                            (heading("n", SortColumn::Change, "Schedule", "when a schedule next changes"))
                            (heading("n", SortColumn::Expiry, "Expires", "when the subscription ends"))
                            (heading("n", SortColumn::Fetched, "Data", "how old the oldest part of the data is"))
                        }
                    }
                    tbody { @for group in &fleet.groups { (row(place, facts, group)) } }
                }
            }
        }
    }
}

/// Whether the group's status says already what kind of problem it has.
fn says(group: &GroupView<'_>, kind: ProblemKind) -> bool {
    match kind {
        ProblemKind::Failed | ProblemKind::Ceased => true,
        ProblemKind::Expired => group.status.is_some_and(|status| status.starts_with("EXPIRED")),
        _ => false,
    }
}

fn row(place: PageLocation<'_>, facts: &ViewContext<'_>, group: &GroupView<'_>) -> Markup {
    let (sessions, zone, now) = (&group.sessions, facts.time_zone(), facts.now);
    html! {
        tr id=(group_path("", group.account, group.group_id)) {
            th scope="row" {
                a href=(group_path(place.root, group.account, group.group_id)) {
                    (untrusted(display_name(group.name, group.group_id)))
                }
                small { (group.group_id) " · " (group.region_id) " · " (untrusted(group.account)) }
            }
            td {
                (status(group.status))
                @for problem in group.problems.iter().filter(|problem| !says(group, problem.kind)) {
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
                    None => span.unknown title="no schedule will change anything" { "–" }
                }
            }
            td.n data-label="Expires" {
                @match group.expires { Some(at) => (relative(at, now, zone)), None => "never" }
            }
            td.n data-label="Data" { (crate::fleet::HumanDuration(facts.age(group.fetched)).to_string()) }
        }
    }
}
