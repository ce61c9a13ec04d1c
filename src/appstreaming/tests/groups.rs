use jiff::civil;

use super::{Cloud, counts, page_number, run, sample};
use crate::aliyun::Error;
use crate::appstreaming::{Client, GroupQuery, Listing};
use crate::fleet::{App, Group, NodePool, Ota, Tag, TimerPeriod, WeeklySchedule};

fn list_bytes(
    respond: impl Fn(usize) -> Vec<u8> + Send + Sync,
    size: u32,
) -> Result<Listing<Vec<Group>>, Error> {
    let cloud = Cloud::new(|request: &_| respond(page_number(request)));
    let query = GroupQuery { product_type: "CloudApp".to_owned(), ..GroupQuery::default() };
    run(Client::new(&cloud, size).list_groups(&query))
}

fn list(name: &str) -> Listing<Vec<Group>> {
    list_bytes(|_| sample(name), 100).unwrap()
}

#[test]
fn a_complete_group_is_read_field_by_field_in_base_units() {
    let listing = list("list_app_instance_group");
    let pool = NodePool {
        id: "rg-g6922kced36hx0001".into(),
        node_instance_type: "appstreaming.vgpu.4c8g.2g".into(),
        node_type_name: "无影-通用型_4核8G".into(),
        strategy_type: Some("NODE_FIXED".into()),
        nodes: Some(1.0),
        nodes_used: Some(1.0),
        scaling_nodes: Some(8.0),
        scaling_nodes_used: Some(4.0),
        node_capacity: Some(2.0),
        amount: Some(2.0),
        max_scaling_amount: Some(8.0),
        max_idle_app_instances: Some(3.0),
        scaling_step: Some(2.0),
        scaling_usage_threshold: Some(0.85),
        scaling_down_after_idle_seconds: Some(300.0),
        warm_up: Some(false),
        strategy_enable_date: Some(civil::date(2022, 8, 1)),
        strategy_disable_date: Some(civil::date(2022, 9, 8)),
        schedules: vec![WeeklySchedule {
            weekdays: vec![1],
            periods: vec![TimerPeriod {
                start: civil::time(9, 30, 0, 0),
                end: civil::time(11, 0, 0, 0),
                amount: 5.0,
            }],
        }],
    };
    let group = Group {
        id: "aig-9ciijz60n4xsv0001".into(),
        region_id: "cn-hangzhou".into(),
        name: "办公应用".into(),
        product_type: "CloudApp".into(),
        instance_type: "__dynamic__".into(),
        os_type: "Windows".into(),
        charge_type: "PrePaid".into(),
        charge_resource_mode: "Node".into(),
        image_id: "img-8z4nztpaqvay40001".into(),
        spec_id: "spec-8o18t8uc31qib00001".into(),
        office_site_id: "cn-beijing+dir-1723010001".into(),
        policy_id: "pg-g3k5wa2ms20001".into(),
        policy_version: "CENTER".into(),
        auth_mode: "App".into(),
        access_type: "INTERNET".into(),
        user_group_auth_mode: "Mixed".into(),
        status: Some("PUBLISHED".into()),
        resource_status: Some("AVAILABLE".into()),
        created: Some("2022-04-26T15:06:16Z".parse().unwrap()),
        expires: Some("2022-04-27T16:00:00Z".parse().unwrap()),
        amount: Some(1.0),
        min_amount: Some(1.0),
        max_amount: Some(10.0),
        reserve_amount_ratio: Some(0.2),
        reserve_min_amount: Some(1.0),
        reserve_max_amount: Some(5.0),
        scaling_step: Some(10.0),
        scaling_usage_threshold: Some(0.85),
        scaling_down_after_idle_seconds: Some(300.0),
        session_timeout_seconds: Some(900.0),
        ota: Some(Ota {
            version: "0.0.1-D-20220615.110001".into(),
            new_version: "0.0.1-D-20220630.110001".into(),
            task_id: "ota-e49929gv8acz50001".into(),
        }),
        skip_user_auth_check: Some(false),
        policy_image_supported: Some(false),
        user_group_mixed_auth_supported: Some(false),
        apps: vec![App {
            id: "ca-i87mycyn419nu0001".into(),
            name: "办公应用".into(),
            version: "1.0.0".into(),
            version_name: "初始版本".into(),
        }],
        tags: vec![Tag { key: "department".into(), value: "design".into(), system: false }],
        node_pools: vec![pool],
    };
    assert_eq!(listing.data, [group]);
    assert_eq!((listing.requests, listing.inconsistencies), (1, 0));
    assert_eq!(listing.issues, Default::default());
}

#[test]
fn groups_keep_the_order_of_the_api_and_names_with_escapes() {
    let listing = list("list_app_instance_group_fleet");
    let names: Vec<&str> = listing.data.iter().map(|group| &*group.name).collect();
    assert_eq!(names, ["设计 CAD \"A\"\\组", "Training Room", "Sessions only", "办公应用"]);
    let [usage, schedule, sessions, expired] = &listing.data[..] else { panic!("four groups") };
    assert_eq!(usage.session_timeout_seconds, Some(f64::INFINITY));
    assert_eq!(&*usage.ota.as_ref().unwrap().new_version, "");
    assert_eq!(schedule.expires, None);
    assert_eq!(&*schedule.office_site_id, "cn-hangzhou+dir-1723010003");
    assert_eq!(sessions.node_pools, []);
    assert_eq!(&*sessions.charge_resource_mode, "AppInstance");
    assert_eq!(expired.node_pools.len(), 2);
    assert_eq!(expired.status.as_deref(), Some("EXPIRED_RECYCLING"));
    assert_eq!(listing.issues, Default::default());
}

#[test]
fn numbers_sent_as_strings_are_read() {
    let listing = list("list_app_instance_group_odd_types");
    let group = &listing.data[0];
    assert_eq!(group.amount, Some(3.0));
    assert_eq!(group.reserve_amount_ratio, Some(0.205));
    assert_eq!(group.scaling_usage_threshold, Some(0.85));
    assert_eq!(group.session_timeout_seconds, Some(900.0));
    assert_eq!(group.skip_user_auth_check, Some(false));
    assert_eq!((group.apps.len(), group.node_pools.len(), group.tags.len()), (0, 0, 0));
    assert_eq!(group.ota, None);
    assert_eq!((listing.requests, listing.inconsistencies), (1, 0));
    assert_eq!(listing.issues, Default::default());
}

#[test]
fn unknown_values_are_kept_unreadable_ones_are_dropped_and_both_are_counted() {
    let listing = list("list_app_instance_group_unknown_values");
    let group = &listing.data[0];
    assert_eq!(group.status.as_deref(), Some("DEPLOYED"));
    assert_eq!(group.resource_status.as_deref(), Some("HIBERNATING"));
    assert_eq!(&*group.charge_type, "SpotPaid");
    assert_eq!((group.created, group.expires), (None, None));
    assert_eq!((group.reserve_amount_ratio, group.scaling_usage_threshold), (None, None));
    assert_eq!(group.session_timeout_seconds, None);
    let pool = &group.node_pools[0];
    assert_eq!(pool.strategy_type.as_deref(), Some("NODE_SCALING_BY_FORECAST"));
    assert_eq!(pool.scaling_usage_threshold, None);
    assert_eq!(pool.schedules, []);
    assert_eq!(
        counts(&listing.issues.unknown),
        [
            ("AccessType", 1),
            ("AppPolicyVersion", 1),
            ("AuthMode", 1),
            ("ChargeResourceMode", 1),
            ("ChargeType", 1),
            ("OsType", 1),
            ("RecurrenceType", 1),
            ("ResourceStatus", 1),
            ("Status", 1),
            ("StrategyType", 1),
        ]
    );
    assert_eq!(
        counts(&listing.issues.unparsable),
        [("ExpiredTime", 1), ("GmtCreate", 1), ("ScalingUsageThreshold", 2), ("SessionTimeout", 1)]
    );
}

#[test]
fn a_group_may_have_only_an_id() {
    let listing = list("list_app_instance_group_minimal");
    assert_eq!(listing.data, [Group { id: "aig-0mini000000000001".into(), ..Group::default() }]);
    assert_eq!(listing.issues, Default::default());
}

#[test]
fn an_empty_or_null_list_is_a_listing_without_groups() {
    for name in ["list_app_instance_group_empty", "list_app_instance_group_null_list"] {
        let listing = list(name);
        assert_eq!((listing.data.len(), listing.requests, listing.inconsistencies), (0, 1, 0), "{name}");
    }
}

#[test]
fn a_listing_of_two_pages_requests_no_third_page() {
    let listing = list_bytes(
        |page| match page {
            1 => sample("list_app_instance_group_page_1_of_2"),
            2 => sample("list_app_instance_group_page_2_of_2"),
            _ => panic!("page {page} was requested"),
        },
        2,
    )
    .unwrap();
    let ids: Vec<&str> = listing.data.iter().map(|group| &*group.id).collect();
    assert_eq!(ids, ["aig-0usage00000000001", "aig-0sched00000000001", "aig-0sess000000000001"]);
    assert_eq!((listing.requests, listing.inconsistencies), (2, 0));
}

#[test]
fn a_server_that_sends_smaller_pages_than_requested_is_listed_completely() {
    let listing = list_bytes(
        |page| match page {
            1 => sample("list_app_instance_group_page_1_of_2"),
            2 => sample("list_app_instance_group_page_2_of_2"),
            _ => sample("list_app_instance_group_past_last_page"),
        },
        100,
    )
    .unwrap();
    assert_eq!((listing.data.len(), listing.requests, listing.inconsistencies), (3, 2, 0));
}

#[test]
fn an_error_in_a_response_with_status_200_is_an_error() {
    let error = list_bytes(|_| sample("error_throttling_user"), 100).unwrap_err();
    assert_eq!(error.code(), "Throttling.User");
    assert_eq!(error.operation(), "ListAppInstanceGroup");
}

#[test]
fn a_code_with_a_null_list_is_an_error_unless_total_count_is_0() {
    let with = |total: &str| format!(r#"{{"Code":"InternalError",{total}"AppInstanceGroupModels":null}}"#);
    for total in ["", r#""TotalCount":2,"#] {
        let error = list_bytes(|_| with(total).into(), 100).unwrap_err();
        assert_eq!(error.code(), "InternalError", "{total}");
    }
    assert_eq!(list_bytes(|_| with(r#""TotalCount":0,"#).into(), 100).unwrap().data, []);
}

#[test]
fn a_missing_list_although_groups_are_reported_is_an_error() {
    for body in [
        r#"{"TotalCount":3,"AppInstanceGroupModels":null}"#,
        r#"{"TotalCount":"3"}"#,
        r#"{"TotalCount":3,"AppInstanceGroupModels":{}}"#,
        r#"{"RequestId":"1"}"#,
        "{}",
        "[]",
        "null",
        "\"text\"",
        "",
        "<html>Bad gateway</html>",
        r#"{"TotalCount":1,"AppInstanceGroupModels":[{"AppInstanceGroupId":"aig-1"}]"#,
    ] {
        let error = list_bytes(|_| body.into(), 100).unwrap_err();
        assert_eq!(error.code(), "protocol", "{body}");
    }
}

#[test]
fn the_content_of_a_malformed_response_is_not_part_of_the_error() {
    let error = list_bytes(|_| b"\"alice@example.com\"".to_vec(), 100).unwrap_err();
    assert!(!error.to_string().contains("alice"), "{error}");
}

#[test]
fn invalid_periods_are_dropped_and_each_reason_is_counted() {
    let body = r#"{"TotalCount":1,"AppInstanceGroupModels":[{"AppInstanceGroupId":" aig-1\n","NodePool":[
        {"NodePoolId":"rg-1","RecurrenceSchedules":[
            {"RecurrenceType":"WEEKLY","RecurrenceValues":[1,"7",0,8,1,"x",null],"TimerPeriods":[
                {"Amount":"5","StartTime":"22:00","EndTime":"06:00"},
                {"Amount":5,"StartTime":"09:00"},
                {"Amount":5,"StartTime":"24:00","EndTime":"9:5"},
                {"Amount":-1,"StartTime":"09:00","EndTime":"10:00"},
                null]},
            {"RecurrenceValues":[1]}]}]}]}"#;
    let listing = list_bytes(|_| body.into(), 100).unwrap();
    assert_eq!(&*listing.data[0].id, "aig-1");
    let night = TimerPeriod { start: civil::time(22, 0, 0, 0), end: civil::time(6, 0, 0, 0), amount: 5.0 };
    assert_eq!(
        listing.data[0].node_pools[0].schedules,
        [WeeklySchedule { weekdays: vec![1, 7], periods: vec![night] }]
    );
    assert_eq!(
        counts(&listing.issues.unparsable),
        [
            ("Amount", 1),
            ("EndTime", 2),
            ("RecurrenceType", 1),
            ("RecurrenceValues", 4),
            ("StartTime", 1),
            ("TimerPeriods", 1),
        ]
    );
}

#[test]
fn tags_are_read_from_the_second_list_when_the_first_is_empty() {
    let body = r#"{"TotalCount":1,"AppInstanceGroupModels":[{"AppInstanceGroupId":"aig-1","Tags":[],
        "ResourceTags":[{"Key":"a","Value":"b","Scope":"System"},{"Value":"c"},{"Key":"d","Scope":"Other"}]}]}"#;
    let listing = list_bytes(|_| body.into(), 100).unwrap();
    let tag = |key: &str, value: &str, system| Tag { key: key.into(), value: value.into(), system };
    assert_eq!(listing.data[0].tags, [tag("a", "b", true), tag("d", "", false)]);
    assert_eq!(counts(&listing.issues.unparsable), [("Key", 1)]);
    assert_eq!(counts(&listing.issues.unknown), [("Scope", 1)]);
}

#[test]
fn a_version_sent_as_a_number_keeps_its_digits() {
    let body = r#"{"TotalCount":1,"AppInstanceGroupModels":[{"AppInstanceGroupId":7,"Apps":[{"AppId":"ca-1","AppVersion":1.10}]}]}"#;
    let listing = list_bytes(|_| body.into(), 100).unwrap();
    assert_eq!((&*listing.data[0].id, &*listing.data[0].apps[0].version), ("7", "1.10"));
}

#[test]
fn negative_or_infinite_percentages_and_minutes_have_no_value() {
    let body = r#"{"TotalCount":1,"AppInstanceGroupModels":[{"AppInstanceGroupId":"aig-1","ScalingUsageThreshold":"-1",
        "ReserveAmountRatio":"NaN","SessionTimeout":"-2","Amount":1e999,"MinAmount":"inf","MaxAmount":[1],
        "AppInstanceGroupName":"\ud83d"}]}"#;
    let listing = list_bytes(|_| body.into(), 100).unwrap();
    assert_eq!(listing.data, [Group { id: "aig-1".into(), ..Group::default() }]);
    assert_eq!(listing.issues.unparsable.len(), 7);
}
