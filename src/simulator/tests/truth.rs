//! The truth about events, as `GET /_truth` returns it.

use serde_json::{Value, json};

use super::TestCloud;

fn groups(truth: &Value) -> &Vec<Value> {
    truth["groups"].as_array().unwrap()
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

#[test]
fn events_are_counted_from_the_start_of_the_simulation() {
    let cloud = TestCloud::frozen();
    for group in groups(&cloud.truth()) {
        assert_eq!(group["events"]["sessions_started"], 0);
        assert_eq!(group["events"]["entered"]["RUNNING"], 0, "zero for every known status");
    }
    cloud.control("{\"jump_seconds\":3600}").unwrap();
    for group in groups(&cloud.truth_of(true)).iter().filter(|group| group["status"] == "PUBLISHED") {
        let events = &group["events"];
        let (disconnects, reconnects) = (count(&events["disconnects"]), count(&events["reconnects"]));
        assert!(disconnects > 0 && reconnects > 0, "{}", group["name"]);
        let recent = events["ready"]["recent"].as_array().unwrap();
        let sum: u64 = recent.iter().map(|one| count(&one["seconds"])).sum();
        assert!(recent.len() < 256 && recent.len() as u64 == count(&events["ready"]["count"]));
        assert_eq!(sum, count(&events["ready"]["seconds_sum"]));
        assert_eq!(events["bindings"]["count"], events["sessions_ended"]);
    }
}

#[test]
fn every_instance_is_listed_on_request_with_the_start_of_its_status() {
    let cloud = TestCloud::frozen();
    cloud.control("{\"jump_seconds\":7200}").unwrap();
    for group in groups(&cloud.truth_of(true)) {
        let instances = group["instance_list"].as_array().unwrap();
        assert_eq!(instances.len() as u64, count(&group["instances_total"]));
        for (status, oldest) in group["oldest_since"].as_object().unwrap() {
            let in_status = instances.iter().filter(|instance| instance["status"] == status.as_str());
            assert_eq!(in_status.map(|instance| instance["since"].as_i64().unwrap()).min(), oldest.as_i64());
        }
        let disconnected = instances.iter().filter(|one| one["session_status"] == "DISCONNECT");
        let since: Vec<Option<i64>> =
            disconnected.map(|instance| instance["disconnected_since"].as_i64()).collect();
        assert_eq!(since.len() as u64, count(&group["sessions"]["DISCONNECT"]));
        assert_eq!(since.into_iter().min().flatten(), group["oldest_disconnected"].as_i64());
    }
    assert!(groups(&cloud.truth())[0].get("instance_list").is_none());
}

#[test]
fn a_status_that_was_set_is_entered_and_left() {
    let cloud = TestCloud::frozen();
    let truth = cloud.truth_of(true);
    let of_status = |status: &str| {
        let instances = groups(&truth).last().unwrap()["instance_list"].as_array().unwrap();
        let found = instances.iter().find(|one| one["status"] == status).unwrap();
        found["instance_id"].clone()
    };
    let (idle, id) = (of_status("IDLE"), groups(&truth).last().unwrap()["group_id"].clone());
    let entered = |cloud: &TestCloud, status: &str| {
        let truth = cloud.truth();
        let group = groups(&truth).iter().find(|group| group["group_id"] == id).unwrap().clone();
        group["events"]["entered"][status].clone()
    };
    for status in [json!("stopped"), json!("STOPPED"), Value::Null] {
        let control = json!({"set_instance": {"instance_id": idle, "status": status}});
        cloud.control(&control.to_string()).unwrap();
    }
    assert_eq!((entered(&cloud, "STOPPED"), entered(&cloud, "IDLE")), (json!(1), json!(1)));
}

#[test]
fn a_node_serves_several_sessions_where_its_kind_allows_it() {
    let mut cloud = TestCloud::frozen();
    let truth = cloud.truth();
    let mut most = 0;
    for group in groups(&truth).iter().filter(|group| group["charge_resource_mode"] == "Node") {
        let id = group["group_id"].as_str().unwrap().to_owned();
        let group_id = ("AppInstanceGroupId", id.as_str());
        let listed = cloud.list_all("ListAppInstances", "AppInstanceModels", &[group_id]);
        let by_sessions = group["nodes_by_sessions"].as_object().unwrap();
        let of_nodes = |(sessions, nodes): (&String, &Value)| {
            assert!(sessions != "more" || count(nodes) == 0, "{group}");
            (sessions.parse::<u64>().unwrap_or(0), count(nodes))
        };
        let nodes: Vec<(u64, u64)> = by_sessions.iter().map(of_nodes).collect();
        let in_use =
            listed.iter().filter(|one| ["RUNNING", "BOUND"].contains(&one["Status"].as_str().unwrap()));
        assert_eq!(
            nodes.iter().map(|(sessions, nodes)| sessions * nodes).sum::<u64>(),
            in_use.count() as u64
        );
        let present = listed.iter().map(|one| one["NodeId"].as_str().unwrap());
        let distinct = present.collect::<std::collections::HashSet<_>>().len() as u64;
        assert_eq!(nodes.iter().map(|(_, nodes)| nodes).sum::<u64>(), distinct);
        most = most
            .max(nodes.iter().filter(|(_, nodes)| *nodes > 0).map(|(sessions, _)| *sessions).max().unwrap());
    }
    assert_eq!(most, 6, "the largest kind of node");
}
