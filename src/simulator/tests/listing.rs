//! The three operations: parameters, filters, pages, and that their responses agree with `/_truth`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::*;

const GROUPS: &str = "ListAppInstanceGroup";
const INSTANCES: &str = "ListAppInstances";
const PERSISTENT: &str = "ListPersistentAppInstances";
const PRODUCT: (&str, &str) = ("ProductType", "CloudApp");

fn counts<'a>(records: &'a [Value], status: impl Fn(&'a Value) -> Option<&'a str>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for status in records.iter().filter_map(status).filter(|status| !status.is_empty()) {
        *counts.entry(status.to_uppercase()).or_default() += 1;
    }
    counts
}

/// The counts above 0.
fn present(counts: &Value) -> BTreeMap<String, u64> {
    let counts: BTreeMap<String, u64> = serde_json::from_value(counts.clone()).unwrap();
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

fn check_listing_against_truth(cloud: &mut TestCloud) {
    let truth = cloud.truth();
    let groups = cloud.list_all(GROUPS, "AppInstanceGroupModels", &[PRODUCT]);
    assert_eq!(groups.len(), truth["groups"].as_array().unwrap().len());
    for (group, truth) in groups.iter().zip(truth["groups"].as_array().unwrap()) {
        let id = group["AppInstanceGroupId"].as_str().unwrap();
        assert_eq!(truth["group_id"], id);
        assert_eq!(truth["name"], group["AppInstanceGroupName"]);
        assert_eq!(truth["status"], group["Status"]);
        assert_eq!(truth["resource_status"], group["ResourceStatus"]);
        for (pool, truth) in
            group["NodePool"].as_array().unwrap().iter().zip(truth["node_pools"].as_array().unwrap())
        {
            assert_eq!(truth["nodes"], pool["NodeAmount"]);
            assert_eq!(truth["scaling_nodes_used"], pool["ScalingNodeUsed"]);
        }
        let instances = cloud.list_all(INSTANCES, "AppInstanceModels", &[("AppInstanceGroupId", id)]);
        let ids: BTreeSet<&str> =
            instances.iter().map(|one| one["AppInstanceId"].as_str().unwrap()).collect();
        assert_eq!(ids.len() as u64, truth["instances_total"].as_u64().unwrap());
        assert_eq!(counts(&instances, |one| one["Status"].as_str()), present(&truth["instances"]));
        assert_eq!(counts(&instances, |one| one["SessionStatus"].as_str()), present(&truth["sessions"]));
        let users: BTreeSet<&str> =
            instances.iter().filter_map(|one| one["BindInfo"]["EndUserId"].as_str()).collect();
        assert_eq!(users.len() as u64, truth["bound_users"].as_u64().unwrap());
        let usage: u64 = instances.iter().filter_map(|one| one["BindInfo"]["UsageDuration"].as_u64()).sum();
        assert_eq!(usage, truth["usage_seconds_sum"].as_u64().unwrap());
        if truth["charge_resource_mode"] == "Node" {
            let nodes: BTreeMap<&str, u64> = instances.iter().fold(BTreeMap::new(), |mut nodes, one| {
                *nodes.entry(one["NodeId"].as_str().unwrap()).or_default() += 1;
                nodes
            });
            assert_eq!(json!(nodes), truth["nodes"]);
        }
        let query = [PRODUCT, ("AppInstanceGroupId", id)];
        let persistent = cloud.list_all(PERSISTENT, "PersistentAppInstanceModels", &query);
        assert_eq!(
            counts(&persistent, |one| one["AppInstancePersistentStatus"].as_str()),
            present(&truth["persistent"])
        );
        assert_eq!(
            counts(&persistent, |one| one["AppInstanceStatus"].as_str()),
            present(&truth["persistent_instances"])
        );
    }
}

#[test]
fn a_full_listing_agrees_with_the_truth() {
    let mut cloud = TestCloud::frozen();
    check_listing_against_truth(&mut cloud);
    for jump in [600, 5 * 3_600, 3 * 86_400] {
        cloud.control(&format!("{{\"jump_seconds\":{jump}}}")).unwrap();
        check_listing_against_truth(&mut cloud);
    }
}

#[test]
fn the_same_seed_gives_the_same_listing() {
    let listing = |seed| {
        let mut cloud = TestCloud::new(SimulatorOptions { seed, speed: 0.0, ..SimulatorOptions::default() });
        cloud.control("{\"jump_seconds\":7200}").unwrap();
        let id = cloud.group_ids().remove(0);
        cloud.list_all(INSTANCES, "AppInstanceModels", &[("AppInstanceGroupId", &id)])
    };
    assert_eq!(listing(1), listing(1));
    assert_ne!(listing(1), listing(2));
}

#[test]
fn a_frozen_fleet_has_the_configured_size() {
    let options = SimulatorOptions {
        groups: 17,
        instances_per_group: 33,
        persistent_per_group: 5,
        speed: 0.0,
        ..SimulatorOptions::default()
    };
    let cloud = TestCloud::new(options);
    let truth = cloud.truth();
    assert_eq!(truth["totals"]["groups"], 17);
    assert_eq!(truth["totals"]["instances"], 17 * 33);
    for group in truth["groups"].as_array().unwrap() {
        assert_eq!(group["persistent_total"], if group["auth_mode"] == "Session" { 5 } else { 0 });
    }
}

#[test]
fn missing_and_invalid_parameters_are_rejected_with_their_codes() {
    let mut cloud = TestCloud::frozen();
    let id = cloud.group_ids().remove(0);
    for (operation, query, code) in [
        (GROUPS, vec![], "MissingProductType"),
        (GROUPS, vec![("ProductType", "Cloud")], "ProductTypeInvalid"),
        (INSTANCES, vec![], "MissingAppInstanceGroupId"),
        (INSTANCES, vec![("AppInstanceGroupId", "aig-none")], "InvalidAppInstanceGroup.NotFound"),
        (PERSISTENT, vec![("AppInstanceGroupId", "aig-none")], "MissingProductType"),
        (PERSISTENT, vec![PRODUCT], "MissingAppInstanceGroupId"),
        (PERSISTENT, vec![PRODUCT, ("AppInstanceGroupId", "aig-none")], "InvalidAppInstanceGroup.NotFound"),
        (GROUPS, vec![PRODUCT, ("PageSize", "0")], "InvalidParameter.PageSize"),
        (GROUPS, vec![PRODUCT, ("PageSize", "101")], "InvalidParameter.PageSize"),
        (GROUPS, vec![PRODUCT, ("PageSize", "ten")], "InvalidParameter.PageSize"),
        (GROUPS, vec![PRODUCT, ("PageNumber", "0")], "InvalidParameter.PageNumber"),
        (GROUPS, vec![PRODUCT, ("PageNumber", "-1")], "InvalidParameter.PageNumber"),
        (
            INSTANCES,
            vec![("AppInstanceGroupId", id.as_str()), ("IncludeDeleted", "True")],
            "InvalidParameter.AppInstanceIdList",
        ),
        (
            INSTANCES,
            vec![("AppInstanceGroupId", id.as_str()), ("IncludeDeleted", "yes")],
            "InvalidParameter.IncludeDeleted",
        ),
    ] {
        assert_eq!(cloud.rejected(operation, &query, &[]), (400, code.to_owned()), "{query:?}");
    }
}

#[test]
fn pages_are_parts_of_one_list_and_pages_past_its_end_are_empty() {
    let mut cloud = TestCloud::frozen();
    let page = |cloud: &mut TestCloud, number, size| {
        cloud.call(GROUPS, &[PRODUCT, ("PageNumber", number), ("PageSize", size)], &[]).unwrap()
    };
    let first = page(&mut cloud, "1", "5");
    let second = page(&mut cloud, "2", "5");
    let third = page(&mut cloud, "3", "5");
    assert_eq!(
        (&first["TotalCount"], &first["PageNumber"], &first["PageSize"]),
        (&json!(8), &json!(1), &json!(5))
    );
    assert_eq!(first["AppInstanceGroupModels"].as_array().unwrap().len(), 5);
    assert_eq!(second["AppInstanceGroupModels"].as_array().unwrap().len(), 3);
    assert_eq!((&third["TotalCount"], &third["AppInstanceGroupModels"]), (&json!(8), &json!([])));
    let far = page(&mut cloud, "4294967295", "100");
    assert_eq!(far["AppInstanceGroupModels"], json!([]));
    let defaults = cloud.call(GROUPS, &[PRODUCT], &[]).unwrap();
    assert_eq!((&defaults["PageSize"], &defaults["PageNumber"]), (&json!(20), &json!(1)));
}

#[test]
fn groups_can_be_filtered_by_every_documented_parameter() {
    let mut cloud = TestCloud::frozen();
    let all = cloud.list_all(GROUPS, "AppInstanceGroupModels", &[PRODUCT]);
    let found = |cloud: &mut TestCloud, query: &[(&'static str, &str)], form: &[(&'static str, &str)]| {
        let mut query = query.to_vec();
        query.push(PRODUCT);
        cloud.call(GROUPS, &query, form).unwrap()["TotalCount"].as_u64().unwrap()
    };
    let expected =
        |accepts: &dyn Fn(&Value) -> bool| all.iter().filter(|group| accepts(group)).count() as u64;
    let id = all[3]["AppInstanceGroupId"].as_str().unwrap();
    assert_eq!(found(&mut cloud, &[("AppInstanceGroupId", id)], &[]), 1);
    assert_eq!(found(&mut cloud, &[("AppInstanceGroupName", "办公")], &[]), 1);
    assert_eq!(found(&mut cloud, &[("AppInstanceGroupName", "\\组")], &[]), 1);
    let in_shanghai = expected(&|group| group["RegionId"] == "cn-shanghai");
    assert_eq!(found(&mut cloud, &[("BizRegionId", "cn-shanghai")], &[]), in_shanghai);
    assert!(in_shanghai > 0 && in_shanghai < 8);
    let published = expected(&|group| group["Status"] == "PUBLISHED");
    assert_eq!(found(&mut cloud, &[], &[("Status.1", "PUBLISHED")]), published);
    assert_eq!(found(&mut cloud, &[], &[("Status.1", "PUBLISHED"), ("Status.2", "DEPLOYING")]), 8);
    assert_eq!(found(&mut cloud, &[("Tag.1.Key", "department"), ("Tag.1.Value", "service")], &[]), 2);
    assert_eq!(found(&mut cloud, &[("Tag.1.Key", "department"), ("Tag.2.Key", "stage")], &[]), 1);
    assert_eq!(found(&mut cloud, &[("NodeInstanceType", "appstreaming.general.4c8g")], &[]), 2);
    let site =
        all.iter().map(|group| group["OfficeSiteId"].as_str().unwrap()).find(|site| site.ends_with('\n'));
    assert_eq!(found(&mut cloud, &[("OfficeSiteId", site.unwrap().trim())], &[]), 1);
    assert_eq!(found(&mut cloud, &[("AppCenterImageId", "img-none")], &[]), 0);
    assert_eq!(found(&mut cloud, &[], &[("UserGroupIds.1", "ug-all")]), 4);
    assert_eq!(found(&mut cloud, &[], &[("ExcludedUserGroupIds.1", "ug-all")]), 4);
    assert_eq!(found(&mut cloud, &[("RegionId", "deprecated")], &[]), 8);
}

#[test]
fn instances_can_be_filtered_by_status_user_and_id_even_when_deleted() {
    let mut cloud = TestCloud::frozen();
    let id = cloud.group_ids().pop().unwrap();
    let group = ("AppInstanceGroupId", id.as_str());
    let before = cloud.list_all(INSTANCES, "AppInstanceModels", &[group]);
    let bound = before.iter().find(|one| one["BindInfo"]["EndUserId"].is_string()).unwrap();
    let user = bound["BindInfo"]["EndUserId"].as_str().unwrap();
    let by_user = cloud.call(INSTANCES, &[group, ("UserIdList.1", user)], &[]).unwrap();
    assert!(by_user["AppInstanceModels"].as_array().unwrap().contains(bound));
    let idle = before.iter().filter(|one| one["Status"] == "IDLE").count();
    let by_status = cloud.call(INSTANCES, &[group], &[("Status.1", "idle")]).unwrap();
    assert_eq!(by_status["TotalCount"], idle);

    cloud.control("{\"jump_seconds\":86400}").unwrap();
    let now = cloud.list_all(INSTANCES, "AppInstanceModels", &[group]);
    let ids: BTreeSet<&str> = now.iter().map(|one| one["AppInstanceId"].as_str().unwrap()).collect();
    let deleted_id =
        before.iter().map(|one| one["AppInstanceId"].as_str().unwrap()).find(|id| !ids.contains(id)).unwrap();
    let lookup = [("AppInstanceIdList.1", deleted_id)];
    assert_eq!(cloud.call(INSTANCES, &[group], &lookup).unwrap()["TotalCount"], 0);
    let deleted = cloud.call(INSTANCES, &[group, ("IncludeDeleted", "True")], &lookup).unwrap();
    assert_eq!(deleted["AppInstanceModels"][0]["Status"], "DELETED");
}

#[test]
fn responses_have_the_fields_and_irregularities_of_the_samples() {
    let mut cloud = TestCloud::frozen();
    let keys = |record: &Value| -> BTreeSet<String> { record.as_object().unwrap().keys().cloned().collect() };
    let sample = |name: &str, list: &str| {
        let path = format!("{}/tests/data/samples/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let sample: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        (keys(&sample), sample[list][0].clone())
    };
    let (envelope, group) = sample("list_app_instance_group", "AppInstanceGroupModels");
    let response = cloud.call(GROUPS, &[PRODUCT], &[]).unwrap();
    assert_eq!(keys(&response), envelope);
    for one in response["AppInstanceGroupModels"].as_array().unwrap() {
        assert_eq!(keys(one), keys(&group));
        assert!(one["ScalingUsageThreshold"].is_string() && one["SessionTimeout"].is_string());
        assert!(one["GmtCreate"].as_str().unwrap().ends_with("+00:00"));
        for pool in one["NodePool"].as_array().unwrap() {
            assert!(keys(pool).is_subset(&keys(&group["NodePool"][0])));
        }
    }
    let id = cloud.group_ids().remove(2);
    let query = [PRODUCT, ("AppInstanceGroupId", id.as_str())];
    let (envelope, instance) = sample("list_app_instances", "AppInstanceModels");
    let response = cloud.call(INSTANCES, &query[1..], &[]).unwrap();
    assert_eq!(keys(&response), envelope);
    for one in response["AppInstanceModels"].as_array().unwrap() {
        assert!(keys(one).is_subset(&keys(&instance)));
        assert!(one["GmtCreate"].as_str().unwrap().ends_with("+08:00"));
    }
    let (envelope, session) = sample("list_persistent_app_instances", "PersistentAppInstanceModels");
    let response = cloud.call(PERSISTENT, &query, &[]).unwrap();
    assert_eq!(keys(&response), envelope);
    assert_eq!(keys(&response["PersistentAppInstanceModels"][0]), keys(&session));
}

#[test]
fn a_status_that_was_set_stays_until_it_is_removed() {
    let mut cloud = TestCloud::frozen();
    let id = cloud.group_ids().pop().unwrap();
    let group = ("AppInstanceGroupId", id.as_str());
    let one = cloud.call(INSTANCES, &[group], &[]).unwrap()["AppInstanceModels"][0]["AppInstanceId"].clone();
    cloud
        .control(&json!({"set_instance": {"instance_id": one, "status": "HIBERNATED"}}).to_string())
        .unwrap();
    cloud
        .control(&json!({"set_group": {"group_id": id, "status": "STOPPED", "name": "改名"}}).to_string())
        .unwrap();
    cloud.control("{\"jump_seconds\":86400}").unwrap();
    check_listing_against_truth(&mut cloud);
    let truth = cloud.truth();
    let overrides = truth["groups"].as_array().unwrap().last().unwrap();
    assert_eq!((&overrides["status"], &overrides["name"]), (&json!("STOPPED"), &json!("改名")));
    assert_eq!(overrides["instances"]["HIBERNATED"], 1);
    cloud.control(&json!({"set_instance": {"instance_id": one, "status": null}}).to_string()).unwrap();
    cloud.control(&json!({"set_group": {"group_id": id, "status": null}}).to_string()).unwrap();
    let truth = cloud.truth();
    let free = truth["groups"].as_array().unwrap().last().unwrap();
    assert_eq!(free["instances"].get("HIBERNATED"), None);
    assert_ne!(free["status"], "STOPPED");
}

#[test]
fn groups_can_be_added_and_deleted() {
    let mut cloud = TestCloud::frozen();
    let ids = cloud.group_ids();
    let done = cloud.control(&json!({"delete_groups": [ids[3]], "add_groups": 2}).to_string()).unwrap();
    assert_eq!(done["groups"], 9);
    assert_eq!(cloud.group_ids()[0], done["added"][1]);
    let deleted = [("AppInstanceGroupId", ids[3].as_str())];
    assert_eq!(cloud.rejected(INSTANCES, &deleted, &[]).1, "InvalidAppInstanceGroup.NotFound");
    check_listing_against_truth(&mut cloud);
}

#[test]
fn an_invalid_control_request_changes_nothing() {
    let cloud = TestCloud::frozen();
    for (control, reason) in [
        (r#"{"add_groups":1,"delete_groups":["aig-none"]}"#, "there is no group aig-none"),
        (r#"{"add_groups":1,"set_instance":{"instance_id":"ai-none","status":"IDLE"}}"#, "no instance"),
        (r#"{"add_groups":1,"speed":-1}"#, "speed is -1"),
        (r#"{"add_groups":1,"add_fault":{"share":2,"fault":"drop"}}"#, "share"),
        (r#"{"add_group":1}"#, "unknown field"),
    ] {
        let error = cloud.control(control).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
    assert_eq!(cloud.group_ids().len(), 8);
}

#[test]
fn faults_can_make_the_total_or_the_list_wrong() {
    let mut cloud = TestCloud::frozen();
    let mut with = |fault: &str| {
        cloud.control(&format!("{{\"faults\":[{{\"requests\":1,\"fault\":{fault}}}]}}")).unwrap();
        cloud.call(GROUPS, &[PRODUCT], &[])
    };
    assert_eq!(with(r#"{"total_count":{"add":-3}}"#).unwrap()["TotalCount"], 5);
    assert_eq!(with(r#"{"total_count":{"set":99}}"#).unwrap()["TotalCount"], 99);
    assert_eq!(with(r#""null_list""#).unwrap()["AppInstanceGroupModels"], Value::Null);
    let (status, code, body) = with(r#"{"error":{"code":"Unusual","status":200}}"#).unwrap_err();
    assert_eq!((status, code.as_str()), (200, "Unusual"));
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["Code"], "Unusual");
}
