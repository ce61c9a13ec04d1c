//! The complete output for a small fleet that has every field set.

use jiff::civil::{date, time};

use super::fixture::{at, exposition, fetched, group, instances, listed, persistent};
use crate::fleet::{
    App, Group, GroupCounters, GroupSnapshot, InstanceRecord, NodePool, Ota, PersistentRecord, Tag,
    TimerPeriod, WeeklySchedule,
};
use crate::metrics::options::{GroupLabel, PseudonymKey, RenderOptions, TagSelection, UserLabel};

/// A group sold by node with every field that the API can return.
fn full() -> GroupSnapshot {
    let pool = NodePool {
        id: "rg-ew7va2g1wl3vm****".into(),
        node_instance_type: "appstreaming.general.4c8g".into(),
        node_type_name: "无影-通用型_4核8G".into(),
        strategy_type: Some("NODE_SCALING_BY_SCHEDULE".into()),
        nodes: Some(2.0),
        nodes_used: Some(1.0),
        scaling_nodes: Some(1.0),
        scaling_nodes_used: Some(0.0),
        node_capacity: Some(2.0),
        amount: Some(2.0),
        max_scaling_amount: Some(10.0),
        max_idle_app_instances: Some(3.0),
        scaling_step: Some(2.0),
        scaling_usage_threshold: Some(0.85),
        scaling_down_after_idle_seconds: Some(300.0),
        warm_up: Some(true),
        strategy_enable_date: Some(date(2026, 1, 1)),
        strategy_disable_date: Some(date(2026, 12, 31)),
        schedules: vec![WeeklySchedule {
            weekdays: vec![1, 5],
            periods: vec![TimerPeriod { start: time(9, 0, 0, 0), end: time(18, 30, 0, 0), amount: 4.0 }],
        }],
    };
    let group = Group {
        name: "CAD \"Büro\" \\ 设计\nzwei".into(),
        product_type: "CloudApp".into(),
        instance_type: "__dynamic__".into(),
        os_type: "Windows".into(),
        charge_type: "PrePaid".into(),
        charge_resource_mode: "Node".into(),
        image_id: "img-bp13mu****".into(),
        spec_id: "spec-aig9rtc9b2****".into(),
        office_site_id: "cn-hongkong+dir-643067****".into(),
        policy_id: "pg-g3k5wa2ms2****".into(),
        policy_version: "CENTER".into(),
        auth_mode: "Session".into(),
        access_type: "INTERNET".into(),
        user_group_auth_mode: "Mixed".into(),
        status: Some("PUBLISHED".into()),
        resource_status: Some("AVAILABLE".into()),
        created: Some(at("2022-04-26T15:06:16.123Z")),
        expires: Some(at("2026-12-31T16:00:00Z")),
        amount: Some(2.0),
        min_amount: Some(1.0),
        max_amount: Some(10.0),
        reserve_amount_ratio: Some(0.2),
        reserve_min_amount: Some(1.0),
        reserve_max_amount: Some(5.0),
        scaling_step: Some(1.0),
        scaling_usage_threshold: Some(0.85),
        scaling_down_after_idle_seconds: Some(600.0),
        session_timeout_seconds: Some(f64::INFINITY),
        ota: Some(Ota {
            version: "0.0.1-D-20220615.000000".into(),
            new_version: "0.0.1-D-20220630.000000".into(),
            task_id: "ota-be7jzm7ekg****".into(),
        }),
        skip_user_auth_check: Some(false),
        policy_image_supported: Some(true),
        user_group_mixed_auth_supported: Some(true),
        apps: vec![App {
            id: "ca-b2ronxxd****".into(),
            name: "Notepad".into(),
            version: "1.0.0".into(),
            version_name: "Initial".into(),
        }],
        tags: vec![
            Tag { key: "department".into(), value: "design".into(), system: false },
            Tag { key: "acs:rm:rgId".into(), value: "rg-acfmv****".into(), system: true },
        ],
        node_pools: vec![pool],
        ..group("aig-9ciijz60n4xsv****")
    };
    let running = InstanceRecord {
        id: "ai-1".into(),
        status: Some("running".into()),
        session_status: Some("connect".into()),
        end_user_id: Some("alice".into()),
        usage_seconds: Some(3600.0),
        private_ip: Some("10.0.0.4".into()),
        node_id: Some("i-node1".into()),
        charge_type: Some("PrePaid".into()),
        created: Some(at("2026-11-01T00:00:00Z")),
        modified: Some(at("2026-11-02T00:30:00.5Z")),
        ..InstanceRecord::default()
    };
    let idle = InstanceRecord { id: "ai-2".into(), status: Some("idle".into()), ..InstanceRecord::default() };
    let sessions = [PersistentRecord {
        id: "p-0bxls9m3cl7s****".into(),
        name: Some("alice's desk".into()),
        status: Some("RUNNING".into()),
        instance_id: Some("ai-1".into()),
        instance_status: Some("running".into()),
        authorized_users: Some(vec!["alice".into(), "bob".into()]),
        created: Some(at("2026-10-01T00:00:00Z")),
    }];
    let mut counters = GroupCounters::new(at("2026-11-28T00:00:00Z"));
    counters.sessions_started = 1;
    counters.add_transition("NONE", "IDLE", 2);
    counters.add_transition("IDLE", "RUNNING", 1);
    counters.ready.observe(42.0);
    GroupSnapshot {
        instances: Some(fetched(instances(&[running, idle]))),
        persistent: Some(fetched(persistent(&sessions))),
        counters,
        ..listed(group)
    }
}

#[test]
fn the_output_of_a_small_fleet_does_not_change() {
    let options = RenderOptions {
        group_labels: vec![GroupLabel::Name, GroupLabel::Tag("department".to_owned())],
        tags: TagSelection::All,
        system_tags: true,
        users: UserLabel::Hash(PseudonymKey::new(b"key")),
        ..RenderOptions::default()
    };
    // The second group has only an id, the one field that the API must return.
    let exposition = exposition([full(), listed(group("aig-bare"))], options);
    insta::assert_snapshot!("small_fleet", std::str::from_utf8(&exposition.text()).unwrap());
    insta::assert_snapshot!("small_fleet_series", format!("{:#?}", exposition.series()));
}
