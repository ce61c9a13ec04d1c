use std::collections::BTreeMap;

use super::{Cloud, run, sample};
use crate::aliyun::Request;
use crate::aliyun::request::Parameter;
use crate::appstreaming::{Client, GroupFilter, GroupQuery, InstanceQuery, PageRequest, PersistentQuery};
use crate::fleet::FoldOptions;

const PAGE: PageRequest = PageRequest { number: 3, size: 50 };

fn shown(parameters: &[Parameter]) -> Vec<String> {
    let mut shown: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    shown.sort();
    shown
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn every_parameter_of_the_group_listing_is_where_the_api_expects_it() {
    let query = GroupQuery {
        product_type: "CloudApp".to_owned(),
        region: some("cn-hangzhou"),
        group_id: some("aig-1"),
        filter: GroupFilter {
            group_name: some("设计"),
            image_id: some("img-1"),
            node_instance_type: some("appstreaming.vgpu.4c8g.2g"),
            office_site_id: some("cn-hongkong+dir-6"),
            tags: BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())]),
            status: texts(&["PUBLISHED", "FAILED"]),
            user_group_ids: texts(&["ug-1"]),
            excluded_user_group_ids: texts(&["ug-2"]),
        },
    };
    let request = query.request(PAGE);
    assert_eq!((request.operation, request.version), ("ListAppInstanceGroup", "2021-09-01"));
    assert_eq!(
        shown(&request.query),
        [
            "AppCenterImageId=img-1",
            "AppInstanceGroupId=aig-1",
            "AppInstanceGroupName=设计",
            "BizRegionId=cn-hangzhou",
            "NodeInstanceType=appstreaming.vgpu.4c8g.2g",
            "OfficeSiteId=cn-hongkong+dir-6",
            "PageNumber=3",
            "PageSize=50",
            "ProductType=CloudApp",
            "Tag.1.Key=a",
            "Tag.1.Value=1",
            "Tag.2.Key=b",
            "Tag.2.Value=",
        ]
    );
    assert_eq!(
        shown(request.form.as_ref().unwrap()),
        ["ExcludedUserGroupIds.1=ug-2", "Status.1=PUBLISHED", "Status.2=FAILED", "UserGroupIds.1=ug-1"]
    );
}

#[test]
fn every_parameter_of_the_instance_listing_is_where_the_api_expects_it() {
    let query = InstanceQuery {
        group_id: "aig-1".to_owned(),
        instance_id: some("ai-1"),
        user_ids: texts(&["alice", "bob"]),
        instance_ids: texts(&["ai-1", "ai-2"]),
        include_deleted: true,
        status: texts(&["IDLE"]),
    };
    let request = query.request(PAGE);
    assert_eq!((request.operation, request.version), ("ListAppInstances", "2021-09-01"));
    assert_eq!(
        shown(&request.query),
        [
            "AppInstanceGroupId=aig-1",
            "AppInstanceId=ai-1",
            "IncludeDeleted=true",
            "PageNumber=3",
            "PageSize=50",
            "UserIdList.1=alice",
            "UserIdList.2=bob",
        ]
    );
    assert_eq!(
        shown(request.form.as_ref().unwrap()),
        ["AppInstanceIdList.1=ai-1", "AppInstanceIdList.2=ai-2", "Status.1=IDLE"]
    );
}

#[test]
fn every_parameter_of_the_persistent_listing_is_in_the_query_and_there_is_no_form() {
    let query = PersistentQuery {
        product_type: "CloudApp".to_owned(),
        group_id: "aig-1".to_owned(),
        persistent_ids: texts(&["p-1", "p-2"]),
    };
    let request = query.request(PAGE);
    assert_eq!((request.operation, request.version), ("ListPersistentAppInstances", "2021-09-01"));
    assert_eq!(
        shown(&request.query),
        [
            "AppInstanceGroupId=aig-1",
            "AppInstancePersistentIds.1=p-1",
            "AppInstancePersistentIds.2=p-2",
            "PageNumber=3",
            "PageSize=50",
            "ProductType=CloudApp",
        ]
    );
    assert_eq!(request.form, None);
}

#[test]
fn empty_filters_are_not_sent_but_the_form_is_present() {
    let empty = GroupFilter { group_name: some(""), ..GroupFilter::default() };
    let query =
        GroupQuery { product_type: "CloudApp".to_owned(), region: None, group_id: None, filter: empty };
    let request = query.request(PAGE);
    assert_eq!(shown(&request.query), ["PageNumber=3", "PageSize=50", "ProductType=CloudApp"]);
    assert_eq!(request.form, Some(Vec::new()));
    let request = InstanceQuery::of("aig-1").request(PAGE);
    assert_eq!(shown(&request.query), ["AppInstanceGroupId=aig-1", "PageNumber=3", "PageSize=50"]);
    assert_eq!(request.form, Some(Vec::new()));
}

#[test]
fn a_client_requests_from_page_1_with_the_configured_size_within_the_apis_limits() {
    for (configured, sent) in [(0, "1"), (20, "20"), (100, "100"), (1000, "100")] {
        let cloud = Cloud::new(|_: &_| sample("list_app_instances_empty"));
        run(Client::new(&cloud, configured).list_instances("aig-1", FoldOptions::default())).unwrap();
        let requests: Vec<Request> = cloud.requests();
        assert_eq!(requests.len(), 1);
        assert_eq!(super::parameter(&requests[0], "PageSize"), Some(sent));
        assert_eq!(super::parameter(&requests[0], "PageNumber"), Some("1"));
        assert_eq!(super::parameter(&requests[0], "RegionId"), None);
    }
}
