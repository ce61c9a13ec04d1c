use super::{Cloud, counts, page_number, run, sample};
use crate::appstreaming::{Client, Listing};
use crate::fleet::{FoldOptions, InstanceSummary, PersistentSummary};

fn instances(
    respond: impl Fn(usize) -> Vec<u8> + Send + Sync,
    options: FoldOptions,
) -> Listing<InstanceSummary> {
    let cloud = Cloud::new(|request: &_| respond(page_number(request)));
    run(Client::new(&cloud, 2).list_instances("aig-1", options)).unwrap().map(|listing| listing.summary)
}

fn persistent(name: &str) -> Listing<PersistentSummary> {
    let cloud = Cloud::new(|_: &_| sample(name));
    run(Client::new(&cloud, 100).list_persistent("CloudApp", "aig-1", FoldOptions::default())).unwrap()
}

#[test]
fn a_complete_instance_is_folded() {
    let listing = instances(|_| sample("list_app_instances"), FoldOptions::default());
    assert_eq!((listing.requests, listing.inconsistencies), (1, 0));
    let summary = listing.data;
    assert_eq!((summary.reported, summary.statuses.get("BOUND"), summary.statuses.total()), (1, 1, 1));
    assert_eq!(summary.session_statuses.get("CONNECT"), 1);
    assert_eq!((summary.bound_users, summary.usage_seconds_sum), (1, 2000.0));
    assert_eq!(listing.issues, Default::default());
}

#[test]
fn every_status_is_counted_in_any_case() {
    let listing = instances(|_| sample("list_app_instances_all_statuses"), FoldOptions::default());
    let summary = listing.data;
    for (status, count) in [("RUNNING", 2), ("IDLE", 2), ("BOUND", 1), ("DELETED", 1), ("CLOSED", 1)] {
        assert_eq!(summary.statuses.get(status), count, "{status}");
    }
    assert_eq!((summary.statuses.total(), summary.reported), (11, 11));
    assert_eq!((summary.bound_users, summary.usage_seconds_max), (3, Some(86_400.0)));
    assert_eq!(listing.issues, Default::default());
}

#[test]
fn a_group_may_have_no_instances() {
    let listing = instances(|_| sample("list_app_instances_empty"), FoldOptions::default());
    assert_eq!((listing.data.statuses.total(), listing.requests), (0, 1));
}

#[test]
fn an_instance_of_a_group_sold_by_session_has_few_fields() {
    let listing = instances(|_| sample("list_app_instances_minimal"), FoldOptions::default());
    assert_eq!(listing.data.statuses.get("RUNNING"), 1);
    assert_eq!((listing.data.bound_users, listing.data.usage_seconds_max), (0, None));
    assert_eq!(listing.issues, Default::default());
}

#[test]
fn unknown_and_unreadable_values_of_instances_are_counted() {
    let listing = instances(|_| sample("list_app_instances_unknown_values"), FoldOptions::default());
    assert_eq!(counts(&listing.issues.unknown), [("ChargeType", 1), ("SessionStatus", 1), ("Status", 1)]);
    assert_eq!(counts(&listing.issues.unparsable), [("GmtModified", 1), ("UsageDuration", 1)]);
    assert_eq!(listing.data.statuses.get("HIBERNATED"), 1);
    assert_eq!(listing.data.statuses.get("RUNNING"), 1);
}

#[test]
fn a_listing_that_changes_between_its_pages_is_fetched_again_without_duplicates() {
    let page = |number| match number {
        1 => sample("list_app_instances_page_1_of_2"),
        _ => sample("list_app_instances_page_2_of_2"),
    };
    let listing = instances(page, FoldOptions::default());
    assert_eq!(listing.data.statuses.total(), 3);
    assert_eq!(listing.data.reported, 4);
    assert_eq!(listing.inconsistencies, 3);
    assert_eq!(listing.requests, 6);
}

#[test]
fn invalid_elements_do_not_affect_other_instances() {
    let body = r#"{"TotalCount":6,"AppInstanceModels":[{"AppInstanceId":"ai-1","Status":"IDLE","BindInfo":"none"},
        null,"ai-2",{"Status":"IDLE"},[],{"AppInstanceId":"ai-3","Status":"BOUND","Status":"IDLE","Extra":{"deep":[[[{}]]]}}]}"#;
    let listing = instances(|_| body.into(), FoldOptions::default());
    assert_eq!(listing.data.statuses.get("IDLE"), 2);
    assert_eq!(
        counts(&listing.issues.unparsable),
        [("AppInstanceId", 1), ("AppInstanceModels", 3), ("BindInfo", 1)]
    );
    assert_eq!(listing.inconsistencies, 0, "unreadable elements count as listed");
}

#[test]
fn fields_that_only_details_export_are_read_only_for_details() {
    let body = r#"{"TotalCount":1,"AppInstanceModels":[
        {"AppInstanceId":"ai-1","GmtCreate":"soon","GmtModified":"later","MainEthPublicIp":[]}]}"#;
    let aggregate = instances(|_| body.into(), FoldOptions::default());
    let times = [("GmtCreate", 1), ("GmtModified", 1)];
    assert_eq!(counts(&aggregate.issues.unparsable), times, "ready times need the time of creation");
    let detailed = instances(|_| body.into(), FoldOptions { detail: true, ..FoldOptions::default() });
    assert_eq!(counts(&detailed.issues.unparsable), [&times[..], &[("MainEthPublicIp", 1)]].concat());
}

#[test]
fn persistent_sessions_are_folded_with_their_users() {
    let listing = persistent("list_persistent_app_instances");
    assert_eq!(listing.data.statuses.get("RUNNING"), 1);
    assert_eq!((listing.data.authorized_users, listing.data.reported), (Some(1), 1));
    assert_eq!(listing.issues, Default::default());

    let listing = persistent("list_persistent_app_instances_all_statuses");
    assert_eq!(listing.data.statuses.total(), 10);
    assert_eq!(listing.data.instance_statuses.total(), 9, "the stopped session has no instance");
    assert_eq!(listing.data.authorized_users, Some(6));
    assert_eq!((listing.requests, listing.issues), (1, Default::default()));
}

#[test]
fn persistent_sessions_may_lack_users_or_have_unknown_statuses() {
    let listing = persistent("list_persistent_app_instances_unknown_values");
    assert_eq!(listing.data.authorized_users, None);
    assert_eq!(listing.data.instance_statuses.get("IDLE"), 1);
    assert_eq!(counts(&listing.issues.unknown), [("AppInstancePersistentStatus", 1)]);
    assert_eq!(listing.issues.unparsable.len(), 0);

    assert_eq!(persistent("list_persistent_app_instances_minimal").data.statuses.get("STOPPED"), 1);
    assert_eq!(persistent("list_persistent_app_instances_empty").data.statuses.total(), 0);
}
