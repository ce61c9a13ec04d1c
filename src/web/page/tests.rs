use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::fleet::{
    App, Fetched, Group, GroupCounters, GroupSnapshot, NodePool, Observations, Snapshot, Tag, TargetHealth,
};
use crate::telemetry::status::{
    ApiCall, PollFailure, ReplicaMode, ReplicaRole, ReplicaStatus, Setup, Status,
};
use crate::web::view::{self, FleetQuery, ViewContext};

const EVIL: &str = "</td><script>alert('1')</script>\"&\u{1b}[31m";

const LOCATION: PageLocation<'_> = PageLocation { root: "./", telemetry_path: "/metrics", version: "1.2.3" };

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// A fleet in which every text from outside is hostile.
fn snapshot() -> Snapshot {
    let text = || EVIL.into();
    let group = Group {
        id: text(),
        region_id: text(),
        name: text(),
        status: Some(text()),
        resource_status: Some(text()),
        image_id: text(),
        apps: vec![App { id: text(), name: text(), version: text(), version_name: text() }],
        tags: vec![Tag { key: text(), value: text(), system: true }],
        node_pools: vec![NodePool {
            id: text(),
            node_type_name: text(),
            node_instance_type: text(),
            strategy_type: Some(text()),
            ..NodePool::default()
        }],
        ..Group::default()
    };
    let group = GroupSnapshot {
        account: EVIL.into(),
        target: EVIL.into(),
        group: Fetched { data: Arc::new(group), at: now() },
        instances: None,
        persistent: None,
        counters: GroupCounters::default(),
        observed: Observations::default(),
    };
    let target =
        TargetHealth { account: EVIL.into(), target: EVIL.into(), up: Some(false), last_success: None };
    Snapshot { at: now(), targets: vec![target], groups: vec![Arc::new(group)] }
}

fn status() -> Status {
    let failure = PollFailure {
        account: EVIL.into(),
        target: EVIL.into(),
        operation: "ListAppInstances",
        code: EVIL.into(),
        message: EVIL.into(),
        request_id: Some(EVIL.into()),
        advice: Some(EVIL.into()),
        count: 1,
    };
    let call = ApiCall {
        at: now(),
        account: EVIL.into(),
        operation: "ListAppInstances",
        code: EVIL.into(),
        took: std::time::Duration::from_millis(2),
        request_id: Some(EVIL.into()),
    };
    let (calls, failed_calls) = (vec![call.clone()], vec![call]);
    let replica = ReplicaStatus {
        mode: ReplicaMode::Pair,
        role: ReplicaRole::Standby,
        of: Some(EVIL.to_owned()),
        state_at: Some(now()),
        fetch_failure: Some(EVIL.to_owned()),
    };
    Status { failures: vec![failure], calls, failed_calls, replica, ..Status::default() }
}

/// Every page, by name.
fn pages() -> Vec<(&'static str, String)> {
    let (snapshot, status) = (snapshot(), status());
    let waiting_for = [EVIL.to_owned()];
    let context =
        ViewContext { snapshot: Some(&snapshot), status: &status, waiting_for: &waiting_for, now: now() };
    let query = FleetQuery { search: EVIL.to_owned(), ..FleetQuery::default() };
    let details =
        view::details(&snapshot.groups[0], Vec::new(), &context.evaluation_context(), context.time_zone());
    vec![
        ("fleet", super::fleet(LOCATION, &context, &FleetQuery::default())),
        ("filtered fleet", super::fleet(LOCATION, &context, &query)),
        ("group", super::group(LOCATION, &context, &details)),
        ("missing group", missing(LOCATION, EVIL, EVIL)),
        ("exporter", super::exporter(LOCATION, &context, EVIL)),
    ]
}

#[test]
fn text_from_outside_never_becomes_markup() {
    for (name, page) in pages() {
        assert_eq!(page.matches("<script").count(), 1, "{name}: only our own script");
        assert!(!page.contains("</td><") || !page.contains("alert('1')</"), "{name}");
        assert!(page.contains("&lt;script&gt;alert('1')&lt;/script&gt;&quot;&amp;"), "{name}: shown as text");
    }
}

#[test]
fn pages_load_nothing_from_other_hosts_and_have_nothing_inline() {
    for (name, page) in pages() {
        for forbidden in ["http:", "https:", "=\"//", " style=", "<style", " onclick"] {
            assert!(!page.contains(forbidden), "{name}: {forbidden}");
        }
    }
    let (style, script) = (assets::style().body, assets::script().body);
    for outside in ["http:", "https:", "@import", "url("] {
        assert!(!style.contains(outside) && !script.contains(outside), "{outside}");
    }
}

#[test]
fn slashes_and_spaces_of_names_are_escaped_in_paths() {
    let path = parts::group_path("../../", "a/b", "aig-1 ?");
    assert_eq!(path, "../../groups/a%2Fb/aig-1%20%3F");
}

#[test]
fn assets_are_found_by_the_digest_of_their_contents() {
    for asset in [assets::style(), assets::script()] {
        let path = format!("/{}", asset.path());
        assert_eq!(assets::find(&path), Some(asset));
    }
    assert_eq!(assets::find("/assets/page.css"), None);
}

#[test]
fn before_the_first_poll_the_page_shows_why_the_exporter_is_not_ready() {
    let status = Status::default();
    let waiting_for = ["waiting for first poll of a/CloudApp".to_owned()];
    let context = ViewContext { snapshot: None, status: &status, waiting_for: &waiting_for, now: now() };
    let page = super::fleet(LOCATION, &context, &FleetQuery::default());
    assert!(page.contains("Waiting for the first poll</span></h1>"), "{page}");
    assert!(page.contains("waiting for first poll of a/CloudApp"));
}

/// The text of the element with the id `replica`, without its markup.
fn replica_line(page: &str) -> Option<String> {
    let line = page.split("id=\"replica\">").nth(1)?.split("</p>").next()?;
    let texts = line.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    Some(texts.collect())
}

fn replica_lines(status: &Status) -> (Option<String>, Option<String>) {
    let snapshot = snapshot();
    let context = ViewContext { snapshot: Some(&snapshot), status, waiting_for: &[], now: now() };
    let fleet = super::fleet(LOCATION, &context, &FleetQuery::default());
    (replica_line(&super::exporter(LOCATION, &context, "")), replica_line(&fleet))
}

fn standby(age_seconds: i64, fetch_failure: Option<&str>) -> Status {
    let replica = ReplicaStatus {
        mode: ReplicaMode::Pair,
        role: ReplicaRole::Standby,
        of: Some("http://10.0.0.7:9950".to_owned()),
        state_at: Some(now() - SignedDuration::from_secs(age_seconds)),
        fetch_failure: fetch_failure.map(str::to_owned),
    };
    Status { replica, ..Status::default() }
}

#[test]
fn the_pages_show_which_replica_this_is() {
    let line = |text: &str| Some(text.to_owned());
    assert_eq!(replica_lines(&Status::default()), (line("replica: single"), None));

    let replica = ReplicaStatus { mode: ReplicaMode::Kubernetes, ..ReplicaStatus::default() };
    let setup = Setup { shard_index: 2, shards: 3, ..Setup::default() };
    let active = Status { replica, setup, ..Status::default() };
    assert_eq!(replica_lines(&active), (line("replica: active · shard 2 of 3"), None));

    let (exporter, fleet) = replica_lines(&standby(12, None));
    assert_eq!(exporter, line("replica: standby of http://10.0.0.7:9950, state from 12 s ago"));
    assert_eq!(fleet, line("This replica is a standby of http://10.0.0.7:9950"));
}

#[test]
fn the_pages_of_a_standby_show_that_its_state_is_old_and_why() {
    let (exporter, fleet) = replica_lines(&standby(200, Some("connection refused")));
    let expected = "replica: standby of http://10.0.0.7:9950, state from 3 min ago · the last request for the \
                    state failed: connection refused";
    assert_eq!(exporter.as_deref(), Some(expected));
    let expected = "This replica is a standby of http://10.0.0.7:9950, with its state from 3 min ago";
    assert_eq!(fleet.as_deref(), Some(expected));
}

#[test]
fn a_standby_without_a_state_waits_for_that_of_the_active_replica() {
    let mut status = standby(0, None);
    status.replica.state_at = None;
    let context = ViewContext { snapshot: None, status: &status, waiting_for: &[], now: now() };
    let page = super::fleet(LOCATION, &context, &FleetQuery::default());
    assert!(page.contains("Waiting for the state of the active replica</span></h1>"), "{page}");
    let exporter = super::exporter(LOCATION, &context, "");
    assert!(replica_line(&exporter).is_some_and(|line| line.ends_with("9950, no state yet")), "{exporter}");
}
