//! The rules of the catalogue, one test for each; those of tags and labels are in `labels`.

use std::sync::Arc;

use jiff::civil::time;

use super::fixture::*;
use crate::fleet::{
    App, Group, GroupCounters, GroupSnapshot, InstanceRecord, NodePool, Ota, PersistentRecord, Snapshot,
    TargetHealth, TimerPeriod, WeeklySchedule,
};
use crate::metrics::catalogue::Collector;
use crate::metrics::encode::{Encoder, text::TextEncoder};
use crate::metrics::options::{PseudonymKey, RenderOptions, StateSet, UserLabel};
use crate::metrics::{Exposition, Selection};

const LABELS: &str = r#"account="default",region_id="cn-shanghai",group_id="aig-1""#;

fn defaults() -> RenderOptions {
    RenderOptions::default()
}

fn rendered(group: Group) -> String {
    text([listed(group)], defaults())
}

fn instance(id: &'static str, status: Option<&'static str>) -> InstanceRecord<'static> {
    InstanceRecord { id: id.into(), status: status.map(Into::into), ..InstanceRecord::default() }
}

#[test]
fn a_state_set_has_every_known_state_and_the_current_one_is_1() {
    let text = rendered(Group { status: Some("EXPIRED".into()), ..group("aig-1") });
    let lines = lines(&text, "appstreaming_group_status");
    assert_eq!(lines.len(), 8);
    assert_eq!(lines[0], format!(r#"appstreaming_group_status{{{LABELS},status="PUBLISHED"}} 0"#));
    assert_eq!(lines[3], format!(r#"appstreaming_group_status{{{LABELS},status="EXPIRED"}} 1"#));
}

#[test]
fn an_unknown_status_is_exported_verbatim_in_addition_to_the_known_ones() {
    let text = rendered(Group { status: Some("DEPLOYED".into()), ..group("aig-1") });
    let lines = lines(&text, "appstreaming_group_status");
    assert_eq!(lines.len(), 9);
    assert_eq!(lines[8], format!(r#"appstreaming_group_status{{{LABELS},status="DEPLOYED"}} 1"#));
}

#[test]
fn more_than_sixteen_unknown_statuses_over_all_groups_are_exported_as_other() {
    let groups = (0..20).rev().map(|number| {
        let status = Some(format!("ODD_{number:02}").into());
        listed(Group { status, ..group(&format!("aig-{number:02}")) })
    });
    let text = text(groups, defaults());
    let current: Vec<_> = lines(&text, "appstreaming_group_status")
        .into_iter()
        .filter(|line| line.ends_with(" 1"))
        .map(|line| line.split("group_id=").nth(1).unwrap())
        .collect();
    assert_eq!(current[0], r#""aig-19",status="OTHER"} 1"#);
    assert_eq!(current[3], r#""aig-16",status="OTHER"} 1"#);
    assert_eq!(current[4], r#""aig-15",status="ODD_15"} 1"#);
    assert_eq!(current[19], r#""aig-00",status="ODD_00"} 1"#);
}

#[test]
fn unknown_statuses_of_instances_are_limited_over_all_groups_too() {
    let groups = (0..20).map(|number| {
        let status = format!("odd_{number:02}");
        let record = InstanceRecord {
            id: "ai-1".into(),
            status: Some((&*status).into()),
            modified: Some(now()),
            ..InstanceRecord::default()
        };
        let mut listed = with_instances(group(&format!("aig-{number:02}")), &[record]);
        let upper = status.to_ascii_uppercase();
        listed.counters.add_transition("NONE", &upper, 2);
        listed.counters.add_transition("IDLE", &upper, 1);
        listed
    });
    let text = text(groups, RenderOptions { transitions: true, ..defaults() });
    for family in [
        "appstreaming_group_instances",
        "appstreaming_group_instance_oldest_modified_timestamp_seconds",
        "appstreaming_instance_status",
        "appstreaming_group_instances_entered_total",
        "appstreaming_group_instance_transitions_total",
    ] {
        let of =
            |id: &str| lines(&text, family).into_iter().filter(|line| line.contains(id)).collect::<Vec<_>>();
        assert!(of("aig-15").iter().any(|line| line.contains(r#"="ODD_15""#)), "{family}");
        assert!(of("aig-16").iter().any(|line| line.contains(r#"="OTHER""#)), "{family}");
        assert!(of("aig-16").iter().all(|line| !line.contains("ODD_")), "{family}");
    }
}

#[test]
fn an_absent_state_has_no_state_set() {
    assert!(!rendered(group("aig-1")).contains("appstreaming_group_status"));
}

#[test]
fn an_absent_field_has_no_sample_and_an_empty_family_no_metadata() {
    let text = rendered(group("aig-1"));
    let families: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert_eq!(
        families,
        [
            "appstreaming_group_info gauge",
            "appstreaming_up gauge",
            "appstreaming_group_refreshed_timestamp_seconds gauge",
            "appstreaming_target_poll_timestamp_seconds gauge",
        ]
    );
}

#[test]
fn an_info_metric_has_all_its_labels_and_is_1() {
    let text = rendered(Group { name: "n".into(), os_type: "Windows".into(), ..group("aig-1") });
    let [line] = lines(&text, "appstreaming_group_info")[..] else { panic!("one line") };
    assert!(line.contains(r#",name="n",product_type="",instance_type="",os_type="Windows","#));
    assert!(line.ends_with(" 1"));
}

#[test]
fn an_unlimited_timeout_is_infinite() {
    let text = rendered(Group { session_timeout_seconds: Some(f64::INFINITY), ..group("aig-1") });
    assert!(text.contains(&format!("appstreaming_group_session_timeout_seconds{{{LABELS}}} +Inf\n")));
}

#[test]
fn an_update_is_available_only_if_a_new_version_is_named() {
    let ota = |new: &str| Some(Ota { new_version: new.into(), ..Ota::default() });
    let name = "appstreaming_group_ota_update_available";
    let of = |ota| rendered(Group { ota, ..group("aig-1") });
    assert!(lines(&of(ota("2")), name)[0].ends_with(" 1"));
    assert!(lines(&of(ota("")), name)[0].ends_with(" 0"));
    assert!(lines(&of(None), name).is_empty());
}

#[test]
fn an_application_listed_twice_is_one_series() {
    let app = |id: &str, version: &str| App { id: id.into(), version: version.into(), ..App::default() };
    let apps = vec![app("ca-1", "1"), app("ca-1", "2"), app("ca-2", "1"), app("", "1"), app("", "1")];
    let text = rendered(Group { apps, ..group("aig-1") });
    let lines = lines(&text, "appstreaming_group_app_info");
    assert_eq!(lines.len(), 3);
    assert!(lines[0].contains(r#"app_id="ca-1",app_name="",app_version="1""#));
}

#[test]
fn of_two_node_pools_with_one_id_the_first_is_exported() {
    let pool = |nodes| NodePool { id: "rg-1".into(), nodes: Some(nodes), ..NodePool::default() };
    let text = rendered(Group { node_pools: vec![pool(1.0), pool(2.0)], ..group("aig-1") });
    assert_eq!(
        lines(&text, "appstreaming_node_pool_nodes"),
        [format!(r#"appstreaming_node_pool_nodes{{{LABELS},node_pool_id="rg-1"}} 1"#)]
    );
    assert_eq!(lines(&text, "appstreaming_node_pool_info").len(), 1);
}

#[test]
fn node_pools_can_be_switched_off() {
    let node_pools = vec![NodePool { id: "rg-1".into(), nodes: Some(1.0), ..NodePool::default() }];
    let options = RenderOptions { node_pools: false, ..defaults() };
    let text = text([listed(Group { node_pools, ..group("aig-1") })], options);
    assert!(!text.contains("node_pool"));
}

fn scheduled(strategy: &str) -> Group {
    let period = |hour, amount| TimerPeriod { start: time(hour, 0, 0, 0), end: time(18, 0, 0, 0), amount };
    let schedules = vec![
        WeeklySchedule { weekdays: vec![1], periods: vec![period(9, 3.0), period(9, 5.0)] },
        WeeklySchedule { weekdays: vec![1, 2], periods: vec![period(9, 4.0)] },
    ];
    let strategy_type = Some(strategy.into());
    let pool = NodePool { id: "rg-1".into(), strategy_type, schedules, ..NodePool::default() };
    Group { node_pools: vec![pool], ..group("aig-1") }
}

#[test]
fn a_repeated_period_is_one_series_with_the_larger_amount() {
    let text = rendered(scheduled("NODE_SCALING_BY_SCHEDULE"));
    let shown: Vec<_> = lines(&text, "appstreaming_node_pool_schedule_amount")
        .into_iter()
        .map(|line| line.split(r#"node_pool_id="rg-1","#).nth(1).unwrap())
        .collect();
    assert_eq!(
        shown,
        [r#"weekday="1",start="09:00",end="18:00"} 5"#, r#"weekday="2",start="09:00",end="18:00"} 4"#]
    );
}

#[test]
fn periods_are_exported_under_any_strategy_but_active_only_under_a_schedule() {
    let text = rendered(scheduled("NODE_FIXED"));
    assert_eq!(lines(&text, "appstreaming_node_pool_schedule_amount").len(), 2);
    assert!(!text.contains("appstreaming_node_pool_scheduled_amount"));
    assert!(!text.contains("appstreaming_node_pool_schedule_next_change"));
}

#[test]
fn the_schedule_is_read_in_the_configured_time_zone() {
    // 01:30 UTC on Monday 2 November 2026 is 09:30 in Shanghai.
    let of = |options| text([listed(scheduled("NODE_SCALING_BY_SCHEDULE"))], options);
    let shanghai = of(defaults());
    assert!(lines(&shanghai, "appstreaming_node_pool_scheduled_amount")[0].ends_with(" 5"));
    assert!(
        lines(&shanghai, "appstreaming_node_pool_schedule_next_change_timestamp_seconds")[0]
            .ends_with(" 1793613600")
    );
    let utc = of(RenderOptions { time_zone: jiff::tz::TimeZone::UTC, ..defaults() });
    assert!(lines(&utc, "appstreaming_node_pool_scheduled_amount")[0].ends_with(" 0"));
}

#[test]
fn instances_are_counted_by_every_known_status_and_unknown_only_when_there_is_one() {
    let known = text([with_instances(group("aig-1"), &[instance("ai-1", Some("idle"))])], defaults());
    assert_eq!(lines(&known, "appstreaming_group_instances").len(), 9);
    assert!(known.contains(r#"status="IDLE"} 1"#));
    let unknown = text([with_instances(group("aig-1"), &[instance("ai-1", None)])], defaults());
    let counted = lines(&unknown, "appstreaming_group_instances");
    assert_eq!(counted.len(), 10);
    assert_eq!(counted[9], format!(r#"appstreaming_group_instances{{{LABELS},status="UNKNOWN"}} 1"#));
    assert!(lines(&unknown, "appstreaming_instance_status").is_empty());
}

#[test]
fn without_any_usage_the_sum_is_0_and_there_is_no_maximum() {
    let text = text([with_instances(group("aig-1"), &[])], defaults());
    assert!(lines(&text, "appstreaming_group_session_usage_duration_seconds")[0].ends_with(" 0"));
    assert!(lines(&text, "appstreaming_group_session_usage_duration_max_seconds").is_empty());
}

#[test]
fn session_counters_start_at_0_and_exist_only_with_instances() {
    let seen = text([with_instances(group("aig-1"), &[])], defaults());
    for name in ["appstreaming_group_sessions_started_total", "appstreaming_group_sessions_ended_total"] {
        assert!(lines(&seen, name)[0].ends_with(" 0"), "{name}");
        assert!(seen.contains(&format!("# TYPE {name} counter\n")));
    }
    let mut counters = GroupCounters::default();
    counters.sessions_started = 3;
    let unseen = text([GroupSnapshot { counters, ..listed(group("aig-1")) }], defaults());
    assert!(!unseen.contains("_total"));
}

#[test]
fn instances_on_nodes_can_be_switched_off() {
    let record = InstanceRecord {
        node_id: Some("i-1".into()),
        charge_type: Some("PrePaid".into()),
        ..instance("ai-1", Some("IDLE"))
    };
    let of = |nodes| {
        text(
            [with_instances(group("aig-1"), std::slice::from_ref(&record))],
            RenderOptions { nodes, ..defaults() },
        )
    };
    assert_eq!(
        lines(&of(true), "appstreaming_node_instances"),
        [format!(r#"appstreaming_node_instances{{{LABELS},node_id="i-1",charge_type="PrePaid"}} 1"#)]
    );
    assert!(lines(&of(false), "appstreaming_node_instances").is_empty());
}

#[test]
fn an_instance_has_one_status_series_unless_full_state_sets_are_configured() {
    let of = |state_set, status| {
        let options = RenderOptions { state_set, ..defaults() };
        text([with_instances(group("aig-1"), &[instance("ai-1", Some(status))])], options)
    };
    assert_eq!(
        lines(&of(StateSet::Current, "idle"), "appstreaming_instance_status"),
        [format!(r#"appstreaming_instance_status{{{LABELS},instance_id="ai-1",status="IDLE"}} 1"#)]
    );
    assert_eq!(lines(&of(StateSet::Full, "idle"), "appstreaming_instance_status").len(), 9);
    assert_eq!(lines(&of(StateSet::Full, "odd"), "appstreaming_instance_status").len(), 10);
}

#[test]
fn an_unknown_session_status_has_no_connected_sample() {
    let connected = |session_status: Option<&'static str>| {
        let session_status = session_status.map(Into::into);
        let record = InstanceRecord { session_status, ..instance("ai-1", Some("RUNNING")) };
        let text = text([with_instances(group("aig-1"), &[record])], defaults());
        let lines = lines(&text, "appstreaming_instance_session_connected");
        lines.first().map(|line| line.rsplit(' ').next().unwrap().to_owned())
    };
    assert_eq!(connected(Some("connect")).as_deref(), Some("1"));
    assert_eq!(connected(Some("disconnect")).as_deref(), Some("0"));
    assert_eq!(connected(None), None);
    assert_eq!(connected(Some("odd")), None);
}

#[test]
fn the_user_label_follows_the_configuration() {
    let bound = InstanceRecord { end_user_id: Some("alice".into()), ..instance("ai-1", Some("BOUND")) };
    let free = instance("ai-2", Some("IDLE"));
    let info = |users| {
        let options = RenderOptions { users, ..defaults() };
        let text = text([with_instances(group("aig-1"), &[bound.clone(), free.clone()])], options);
        lines(&text, "appstreaming_instance_info").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(info(UserLabel::Off).iter().all(|line| !line.contains("user") && !line.contains("alice")));
    let plain = info(UserLabel::Plain);
    assert!(plain[0].ends_with(r#",user="alice"} 1"#) && plain[1].ends_with(r#",user=""} 1"#));
    let hashed = info(UserLabel::Hash(PseudonymKey::new(b"key")));
    // printf alice | openssl dgst -sha256 -hmac key
    assert!(hashed[0].ends_with(r#",user="76fb55e929c06b97"} 1"#), "{}", hashed[0]);
    assert!(hashed[1].ends_with(r#",user=""} 1"#));
}

#[test]
fn authorised_users_that_the_api_omits_have_no_sample() {
    let record =
        PersistentRecord { id: "p-1".into(), status: Some("RUNNING".into()), ..PersistentRecord::default() };
    let text = text([with_persistent(group("aig-1"), &[record])], defaults());
    assert!(!text.contains("authorized_users"));
    assert_eq!(lines(&text, "appstreaming_group_persistent_sessions").len(), 9);
    assert_eq!(lines(&text, "appstreaming_group_persistent_session_instances").len(), 9);
    assert_eq!(
        lines(&text, "appstreaming_persistent_session_status"),
        [format!(
            r#"appstreaming_persistent_session_status{{{LABELS},persistent_id="p-1",status="RUNNING"}} 1"#
        )]
    );
    assert!(lines(&text, "appstreaming_persistent_session_instance_status").is_empty());
}

#[test]
fn freshness_exists_only_with_its_data() {
    let text = text([with_persistent(group("aig-1"), &[])], defaults());
    let name = "appstreaming_group_refreshed_timestamp_seconds";
    assert_eq!(
        lines(&text, name),
        [
            format!(r#"{name}{{{LABELS},operation="ListAppInstanceGroup"}} 1793583000.25"#),
            format!(r#"{name}{{{LABELS},operation="ListPersistentAppInstances"}} 1793583000.25"#),
        ]
    );
}

#[test]
fn a_target_that_was_never_polled_has_no_up_sample() {
    let health = |name: &str, up| TargetHealth { target: name.into(), up, last_success: None, ..target() };
    let targets = vec![health("a", None), health("b", Some(false)), health("b", Some(true))];
    let snapshot = Snapshot { targets, ..snapshot([]) };
    let text = Exposition::new(Arc::new(snapshot), Arc::new(defaults())).text();
    let text = std::str::from_utf8(&text).unwrap();
    assert_eq!(lines(text, "appstreaming_up"), [r#"appstreaming_up{account="default",target="b"} 0"#]);
    assert!(!text.contains("target_poll_timestamp"));
}

fn detailed() -> [GroupSnapshot; 1] {
    let instances: Vec<_> = ["ai-1", "ai-2", "ai-3"].map(|id| instance(id, Some("IDLE"))).into();
    let records = [PersistentRecord { id: "p-1".into(), ..PersistentRecord::default() }];
    [GroupSnapshot {
        persistent: Some(fetched(persistent(&records))),
        ..with_instances(group("aig-1"), &instances)
    }]
}

#[test]
fn too_many_series_drop_the_larger_detail_collector_first_and_no_series_of_groups() {
    let whole = exposition(detailed(), defaults());
    let total: u64 = whole.series().values().sum();
    assert_eq!(whole.series()["instances_detail"], 6);
    assert_eq!(whole.series()["persistent_detail"], 1);
    assert!(whole.dropped().is_empty());

    let limited = |max_series| exposition(detailed(), RenderOptions { max_series, ..defaults() });
    assert!(limited(total).dropped().is_empty());
    let one = limited(total - 1);
    assert_eq!(one.dropped().iter().collect::<Vec<_>>(), [(&"instances_detail", &6)]);
    assert_eq!(one.series()["instances_detail"], 0);
    let text = String::from_utf8(one.text().to_vec()).unwrap();
    assert!(
        !text.contains("appstreaming_instance_") && text.contains("appstreaming_persistent_session_info")
    );

    let both = limited(1);
    assert_eq!(both.dropped().len(), 2);
    assert_eq!(both.series()["instances"], whole.series()["instances"]);
    assert_eq!(both.series().values().sum::<u64>(), total - 7);
}

#[test]
fn a_selection_restricts_accounts_regions_groups_and_collectors() {
    let other = TargetHealth { account: "other".into(), ..target() };
    let mut second = listed(group("aig-2"));
    second.account = "other".into();
    let snapshot = Snapshot { targets: vec![target(), other], ..snapshot([listed(group("aig-1")), second]) };
    let exposition = Exposition::new(Arc::new(snapshot), Arc::new(defaults()));
    let narrowed = |selection: Selection| {
        let mut encoder = TextEncoder::default();
        exposition.encode(&selection, &mut encoder, |_| {});
        String::from_utf8(encoder.finish()).unwrap()
    };
    assert_eq!(narrowed(Selection::default()).as_bytes(), exposition.text());

    let account = narrowed(Selection { accounts: ["other".into()].into(), ..Selection::default() });
    assert!(account.contains("aig-2") && !account.contains("default"));
    let one = narrowed(Selection { groups: ["aig-1".into()].into(), ..Selection::default() });
    assert!(one.contains(r#"appstreaming_up{account="default""#) && !one.contains("other"));
    let health = narrowed(Selection { collectors: [Collector::Health].into(), ..Selection::default() });
    assert!(health.contains("appstreaming_up") && !health.contains("appstreaming_group_info"));
    let nowhere = narrowed(Selection { regions: ["cn-beijing".into()].into(), ..Selection::default() });
    assert_eq!(nowhere, "");
}
