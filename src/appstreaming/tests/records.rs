//! Records exactly as the API sends them.

use super::{Cloud, page_number, parameter, run, sample};
use crate::appstreaming::{Client, GroupQuery, InstanceQuery, PersistentQuery, Record};

fn texts(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.get()).collect()
}

#[test]
fn a_record_is_kept_byte_for_byte_with_unknown_fields() {
    let record = r#"{ "AppInstanceId" : "ai-1",  "New": {"x": 1.10, "y": [null]}, "Status":"\u0049DLE" }"#;
    let body = format!(r#"{{"TotalCount":1,"AppInstanceModels":[{record}]}}"#);
    let cloud = Cloud::new(|_| body.clone().into_bytes());
    let listing = run(Client::new(&cloud, 100).records(&InstanceQuery::of("aig-1"))).unwrap();
    assert_eq!(texts(&listing.data), [record]);
}

#[test]
fn records_keep_the_order_of_the_api_when_pages_arrive_in_another_order() {
    for seed in 1..20 {
        let cloud = Cloud::disordered(
            |request| {
                let first = (page_number(request) - 1) * 2;
                let items: Vec<_> =
                    (first..first + 2).map(|n| format!(r#"{{"AppInstanceId":"ai-{n}"}}"#)).collect();
                format!(r#"{{"TotalCount":12,"AppInstanceModels":[{}]}}"#, items.join(",")).into_bytes()
            },
            seed,
        );
        let listing = run(Client::new(&cloud, 2).records(&InstanceQuery::of("aig-1"))).unwrap();
        let expected: Vec<_> = (0..12).map(|n| format!(r#"{{"AppInstanceId":"ai-{n}"}}"#)).collect();
        assert_eq!(texts(&listing.data), expected, "{seed}");
    }
}

#[test]
fn duplicates_are_listed_once_and_records_without_an_id_are_kept() {
    let body = br#"{"TotalCount":4,"PersistentAppInstanceModels":[
        {"AppInstancePersistentId":"p-1"},{"AppInstancePersistentName":"no id"},{"AppInstancePersistentId":"p-1"},7]}"#;
    let cloud = Cloud::new(|_| body.to_vec());
    let query = PersistentQuery::of("CloudApp", "aig-1");
    let listing = run(Client::new(&cloud, 100).records(&query)).unwrap();
    let expected = [r#"{"AppInstancePersistentId":"p-1"}"#, r#"{"AppInstancePersistentName":"no id"}"#];
    assert_eq!(texts(&listing.data), expected);
}

#[test]
fn the_documented_samples_are_listed_completely() {
    let cloud = Cloud::new(|_| sample("list_app_instance_group_fleet"));
    let query = GroupQuery { product_type: "CloudApp".to_owned(), ..GroupQuery::default() };
    let listing = run(Client::new(&cloud, 100).records(&query)).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&sample("list_app_instance_group_fleet")).unwrap();
    let sent = body["AppInstanceGroupModels"].as_array().unwrap();
    let listed: Vec<serde_json::Value> =
        listing.data.iter().map(|record| serde_json::from_str(record.get()).unwrap()).collect();
    assert_eq!(&listed, sent);
}

#[test]
fn counting_requests_a_page_of_one_element() {
    let cloud =
        Cloud::new(|_| br#"{"TotalCount":4321,"AppInstanceModels":[{"AppInstanceId":"ai-1"}]}"#.to_vec());
    assert_eq!(run(Client::new(&cloud, 100).count(&InstanceQuery::of("aig-1"))).unwrap(), 4321);
    let requests = cloud.requests();
    assert_eq!((requests.len(), parameter(&requests[0], "PageSize")), (1, Some("1")));
}

#[test]
fn an_error_response_is_an_error() {
    let cloud = Cloud::new(|_| br#"{"Code":"NoPermission","Message":"no"}"#.to_vec());
    let error = run(Client::new(&cloud, 100).records(&InstanceQuery::of("aig-1"))).unwrap_err();
    assert_eq!(error.code(), "NoPermission");
}
