use super::{Cloud, counts, page_number, run, sample};
use crate::{
    appstreaming::{Client, Listing},
    fleet::{FoldOptions, InstanceSummary, PersistentSummary},
};

fn instances(
    answer: impl Fn(usize) -> Vec<u8> + Send + Sync,
    options: FoldOptions,
) -> Listing<InstanceSummary> {
    let cloud = Cloud::new(|request: &_| answer(page_number(request)));
    run(Client::new(&cloud, 2).list_instances("aig-1", options)).unwrap()
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
fn every_status_is_counted_and_both_spellings_of_idle_are_one() {
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
fn no_instances_are_no_error() {
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
fn a_listing_that_shifts_between_its_pages_is_fetched_again_and_counts_nobody_twice() {
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
fn elements_that_are_no_instances_or_have_no_id_cost_nobody_else_anything() {
    let body = r#"{"TotalCount":6,"AppInstanceModels":[{"AppInstanceId":"ai-1","Status":"IDLE","BindInfo":"nobody"},
        null,"ai-2",{"Status":"IDLE"},[],{"AppInstanceId":"ai-3","Status":"BOUND","Status":"IDLE","Extra":{"deep":[[[{}]]]}}]}"#;
    let listing = instances(|_| body.into(), FoldOptions::default());
    assert_eq!(listing.data.statuses.get("IDLE"), 2);
    assert_eq!(
        counts(&listing.issues.unparsable),
        [("AppInstanceId", 1), ("AppInstanceModels", 3), ("BindInfo", 1)]
    );
    assert_eq!(listing.inconsistencies, 0, "what can't be read is there all the same");
}

#[test]
fn times_that_only_details_show_are_only_read_for_details() {
    let body = r#"{"TotalCount":1,"AppInstanceModels":[{"AppInstanceId":"ai-1","GmtCreate":"soon","GmtModified":"later"}]}"#;
    let aggregate = instances(|_| body.into(), FoldOptions::default());
    assert_eq!(counts(&aggregate.issues.unparsable), [("GmtModified", 1)]);
    let detailed = instances(|_| body.into(), FoldOptions { detail: true, ..FoldOptions::default() });
    assert_eq!(counts(&detailed.issues.unparsable), [("GmtCreate", 1), ("GmtModified", 1)]);
}

#[test]
fn persistent_sessions_are_folded_with_their_users() {
    let listing = persistent("list_persistent_app_instances");
    assert_eq!(listing.data.statuses.get("RUNNING"), 1);
    assert_eq!((listing.data.authorized_users, listing.data.reported), (Some(1), 1));
    assert_eq!(listing.issues, Default::default());

    let listing = persistent("list_persistent_app_instances_all_statuses");
    assert_eq!(listing.data.statuses.total(), 10);
    assert_eq!(listing.data.instance_statuses.total(), 9, "the stopped one has no instance");
    assert_eq!(listing.data.authorized_users, Some(6));
    assert_eq!((listing.requests, listing.issues), (1, Default::default()));
}

#[test]
fn persistent_sessions_without_users_or_with_unknown_states_are_told_apart() {
    let listing = persistent("list_persistent_app_instances_unknown_values");
    assert_eq!(listing.data.authorized_users, None);
    assert_eq!(listing.data.instance_statuses.get("IDLE"), 1);
    assert_eq!(counts(&listing.issues.unknown), [("AppInstancePersistentStatus", 1)]);
    assert_eq!(listing.issues.unparsable.len(), 0);

    assert_eq!(persistent("list_persistent_app_instances_minimal").data.statuses.get("STOPPED"), 1);
    assert_eq!(persistent("list_persistent_app_instances_empty").data.statuses.total(), 0);
}
