//! Listings of many pages, including listings that change while they are fetched and listings with
//! inconsistent pages.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};

use proptest::prelude::*;

use super::{Cloud, page_number, page_size, run};
use crate::aliyun::Request;
use crate::appstreaming::{Client, GroupQuery, Listing};
use crate::fleet::{FoldOptions, InstanceSummary};

/// A page with the instances `ids`. `total` and `echo` are the JSON texts of `TotalCount` and
/// `PageSize`; an empty text leaves the member out.
fn page(ids: impl IntoIterator<Item = usize>, total: &str, echo: &str) -> Vec<u8> {
    let statuses = ["RUNNING", "idle", "BOUND", "", "NOVEL"];
    let instances: Vec<String> = ids
        .into_iter()
        .map(|id| {
            format!(
                r#"{{"AppInstanceId":"ai-{id}","Status":"{}","BindInfo":{{"EndUserId":"user-{}","UsageDuration":{id}}},
                "GmtModified":"2026-11-22T08:{:02}:00.000+08:00","NodeId":"i-{}"}}"#,
                statuses[id % statuses.len()],
                id % 7,
                id % 60,
                id / 4,
            )
        })
        .collect();
    let member = |name: &str, value: &str| {
        if value.is_empty() { String::new() } else { format!(r#""{name}":{value},"#) }
    };
    let head = member("TotalCount", total) + &member("PageSize", echo);
    format!(r#"{{{head}"AppInstanceModels":[{}]}}"#, instances.join(",")).into_bytes()
}

/// The ids on the requested page of a listing of `count` instances.
fn window(request: &Request, size: usize, count: usize) -> std::ops::Range<usize> {
    let start = (page_number(request) - 1) * size;
    start.min(count)..(start + size).min(count)
}

fn list(size: u32, respond: impl Fn(&Request) -> Vec<u8> + Send + Sync) -> Listing<InstanceSummary> {
    let cloud = Cloud::new(respond);
    let listing = run(Client::new(&cloud, size).list_instances("aig-1", FoldOptions::default())).unwrap();
    listing.map(|listing| listing.summary)
}

#[test]
fn an_unchanged_listing_takes_one_request_per_page() {
    for (count, size, requests) in
        [(0, 10, 1), (1, 10, 1), (10, 10, 1), (11, 10, 2), (1000, 100, 10), (5, 1, 5)]
    {
        let listing = list(size, |request| {
            page(window(request, page_size(request), count), &count.to_string(), &size.to_string())
        });
        assert_eq!((listing.requests, listing.inconsistencies), (requests, 0), "{count} by {size}");
        assert_eq!(listing.data.statuses.total(), count as u64);
        assert_eq!(listing.data.reported, count as u64);
    }
}

#[test]
fn a_listing_that_changed_once_is_fetched_again_completely() {
    let calls = AtomicU64::new(0);
    let listing = list(10, |request| {
        // During the first pass an instance appears before all others.
        let grown = calls.fetch_add(1, Ordering::Relaxed) > 0;
        let window = window(request, 10, if grown { 26 } else { 25 });
        let ids = window.map(|position| if grown { (position + 25) % 26 } else { position });
        page(ids, if grown { "26" } else { "25" }, "10")
    });
    assert_eq!((listing.requests, listing.inconsistencies), (6, 1));
    assert_eq!((listing.data.statuses.total(), listing.data.reported), (26, 26));
    assert_eq!(listing.issues.unknown["Status"], 5, "the issues of a discarded pass are discarded");
}

#[test]
fn a_listing_whose_total_keeps_changing_is_returned_after_three_passes() {
    let calls = AtomicU64::new(20);
    let listing = list(10, |request| {
        let total = calls.fetch_add(1, Ordering::Relaxed);
        page(window(request, 10, 20), &total.to_string(), "10")
    });
    assert_eq!(listing.inconsistencies, 3);
    assert_eq!(listing.data.statuses.total(), 20);
}

#[test]
fn a_total_that_is_too_high_ends_at_the_first_empty_page() {
    for total in ["1000", "18446744073709551615"] {
        let listing = list(10, |request| page(window(request, 10, 25), total, "10"));
        assert_eq!((listing.data.statuses.total(), listing.inconsistencies), (25, 3), "{total}");
        assert!(listing.requests <= 3 * 12, "{total}: {}", listing.requests);
    }
}

#[test]
fn a_total_that_is_too_low_hides_no_instance() {
    for total in ["0", "3", "12"] {
        let listing = list(10, |request| page(window(request, 10, 35), total, "10"));
        assert_eq!((listing.data.statuses.total(), listing.inconsistencies), (35, 3), "{total}");
    }
}

#[test]
fn without_a_readable_total_pages_are_fetched_until_one_is_not_full() {
    for total in ["", "null", "\"many\"", "-1", "{}"] {
        for (count, requests) in [(0, 1), (5, 1), (10, 2), (25, 3), (30, 4)] {
            let listing = list(10, |request| page(window(request, 10, count), total, "10"));
            assert_eq!((listing.requests, listing.inconsistencies), (requests, 0), "{total} {count}");
            assert_eq!(listing.data.statuses.total(), count as u64);
            assert_eq!(listing.data.reported, count as u64);
        }
    }
}

#[test]
fn smaller_pages_than_requested_are_followed_whether_reported_or_not() {
    for echo in ["20", "\"20\"", "", "100", "0"] {
        let listing = list(100, |request| page(window(request, 20, 95), "95", echo));
        assert_eq!((listing.data.statuses.total(), listing.inconsistencies), (95, 0), "{echo}");
        assert_eq!(listing.requests, 5, "{echo}");
    }
}

#[test]
fn a_server_that_sends_all_elements_at_once_receives_one_request() {
    let listing = list(10, |_| page(0..95, "95", "10"));
    assert_eq!((listing.data.statuses.total(), listing.requests), (95, 1));
}

#[test]
fn a_listing_of_a_server_that_ignores_the_page_number_ends() {
    for total in ["100000", "5", ""] {
        let listing = list(10, |_| page(0..10, total, "10"));
        assert_eq!(listing.data.statuses.total(), 10);
        assert!(listing.requests <= 3 * 20, "{total}: {}", listing.requests);
    }
}

#[test]
fn a_page_that_fails_fails_the_listing() {
    let cloud = Cloud::new(|request: &_| match page_number(request) {
        7 => super::sample("error_internal"),
        _ => page(window(request, 10, 200), "200", "10"),
    });
    let error = run(Client::new(&cloud, 10).list_instances("aig-1", FoldOptions::default())).unwrap_err();
    assert_eq!(error.code(), "InternalError");
}

#[test]
fn a_later_page_without_its_list_is_an_error_unless_it_is_after_the_last() {
    let holed = Cloud::new(|request: &_| match page_number(request) {
        2 => br#"{"TotalCount":30,"AppInstanceModels":null}"#.to_vec(),
        _ => page(window(request, 10, 30), "30", "10"),
    });
    assert!(run(Client::new(&holed, 10).list_instances("aig-1", FoldOptions::default())).is_err());
    let listing = list(10, |request| match page_number(request) {
        1 => page(0..9, "10", "10"),
        _ => br#"{"TotalCount":10,"AppInstanceModels":null}"#.to_vec(),
    });
    assert_eq!(listing.data.statuses.total(), 9);
}

#[test]
fn a_listing_can_be_dropped_and_started_again() {
    let cloud =
        Cloud::disordered(|request: &_| page(window(request, 10, 300), "300", "10"), 0x9E37_79B9_7F4A_7C15);
    let client = Client::new(&cloud, 10);
    for polls in 0..40 {
        let mut listing = pin!(client.list_instances("aig-1", FoldOptions::default()));
        let context = &mut Context::from_waker(Waker::noop());
        for _ in 0..polls {
            if listing.as_mut().poll(context).is_ready() {
                break;
            }
        }
    }
    let whole = run(client.list_instances("aig-1", FoldOptions::default())).unwrap();
    assert_eq!(whole.data.summary.statuses.total(), 300);
}

#[test]
fn a_listing_may_be_spawned_on_any_thread() {
    fn spawned<T>(_: impl Future<Output = T> + Send + 'static) {}

    // Never run: the test is that this compiles with the real client.
    let _ = |client: Arc<Client>| {
        spawned(async move {
            let groups = client.list_groups(&GroupQuery::default()).await;
            let instances = client.list_instances("aig-1", FoldOptions::default()).await;
            let persistent = client.list_persistent("CloudApp", "aig-1", FoldOptions::default()).await;
            (groups, instances, persistent)
        });
    };
}

#[test]
fn at_most_eight_pages_of_one_listing_are_requested_at_once() {
    let cloud = Cloud::disordered(|request: &_| page(window(request, 1, 50), "50", "1"), u64::MAX);
    let client = Client::new(&cloud, 1);
    let mut listing = pin!(client.list_instances("aig-1", FoldOptions::default()));
    let context = &mut Context::from_waker(Waker::noop());
    let mut before = 0;
    while listing.as_mut().poll(context).is_pending() {
        let requests = cloud.requests().len();
        assert!(requests - before <= 9, "{before} then {requests}");
        before = requests;
    }
}

#[test]
fn a_duplicate_group_is_listed_once_at_its_first_position() {
    let body = |ids: &[&str]| {
        let groups: Vec<String> =
            ids.iter().map(|id| format!(r#"{{"AppInstanceGroupId":"{id}"}}"#)).collect();
        format!(r#"{{"TotalCount":4,"PageSize":2,"AppInstanceGroupModels":[{}]}}"#, groups.join(","))
    };
    let cloud = Cloud::disordered(
        |request: &_| match page_number(request) {
            1 => body(&["d", "c"]).into_bytes(),
            2 => body(&["c", "b"]).into_bytes(),
            _ => body(&[]).into_bytes(),
        },
        99,
    );
    let listing = run(Client::new(&cloud, 2).list_groups(&GroupQuery::default())).unwrap();
    let ids: Vec<&str> = listing.data.iter().map(|group| &*group.id).collect();
    assert_eq!((ids, listing.inconsistencies), (vec!["d", "c", "b"], 3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn neither_page_size_nor_the_order_of_responses_changes_the_result(
        count in 0_usize..400,
        size in 1_u32..=100,
        seed in any::<u64>(),
        detail in any::<bool>(),
    ) {
        let options = FoldOptions { nodes: true, detail, ..FoldOptions::default() };
        let respond = |request: &Request| {
            page(window(request, page_size(request), count), &count.to_string(), "")
        };
        let straight = Cloud::new(respond);
        let expected = run(Client::new(&straight, 100).list_instances("aig-1", options)).unwrap();
        let disordered = Cloud::disordered(respond, seed);
        let listing = run(Client::new(&disordered, size).list_instances("aig-1", options)).unwrap();
        prop_assert_eq!(&listing.data, &expected.data);
        prop_assert_eq!(&listing.issues, &expected.issues);
        prop_assert_eq!(listing.inconsistencies, 0);
        prop_assert_eq!(listing.requests, (count as u64).div_ceil(u64::from(size)).max(1));
    }
}
