//! Fleets that are too large for one poll, listed through the rate limiter of the client. Time is
//! paused, and advances when every task waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use proptest::prelude::*;
use tokio::time::{Instant, sleep, sleep_until};

use super::options::{ListingDepth, ListingOptions, PollOptions};
use super::poll::CarryOver;
use super::poll_result::{ListingOutcome, PolledGroup};
use super::*;
use crate::aliyun::{Call, Error, RateLimiter, Request};
use crate::appstreaming::{self, GroupQuery};

/// Elements per page.
const PAGE_SIZE: u64 = 2;

/// A fleet and the limits of its polls.
#[derive(Debug, Clone)]
struct Fleet {
    /// The pages of each group's instances.
    pages: Vec<u64>,
    requests_per_second: f64,
    latency: Duration,
    timeout: Duration,
    interval: Duration,
}

/// An API that responds after the latency of the fleet, behind the client's rate limiter.
#[derive(Clone)]
struct Api(Arc<ApiState>);

struct ApiState {
    fleet: Fleet,
    limiter: RateLimiter,
    /// Requests for the instances of each group.
    sent: Mutex<BTreeMap<usize, u64>>,
}

/// What one poll did.
#[derive(Debug)]
struct PollResult {
    /// The groups whose instances it listed.
    listed: Vec<usize>,
    planned: u64,
    requests: u64,
    took: Duration,
}

impl Call for Api {
    async fn call<T: Send>(
        &self,
        request: &Request,
        parse: impl Fn(&[u8]) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let Self(state) = self;
        let slot = state.limiter.admit(request.turn.order()).await;
        request.turn.record_attempt();
        let body = state.respond(request);
        sleep(state.fleet.latency).await;
        drop(slot);
        parse(body.as_bytes())
    }
}

impl ApiState {
    fn respond(&self, request: &Request) -> String {
        let parameter = |name: &str| {
            request.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        let page: u64 = parameter("PageNumber").unwrap().parse().unwrap();
        let (total, list, id) = match parameter("AppInstanceGroupId") {
            Some(id) => {
                let group: usize = id[1..].parse().unwrap();
                *self.sent.lock().entry(group).or_default() += 1;
                (self.fleet.pages[group] * PAGE_SIZE, "AppInstanceModels", "AppInstanceId")
            }
            None => (self.fleet.pages.len() as u64, "AppInstanceGroupModels", "AppInstanceGroupId"),
        };
        let numbers = (page - 1) * PAGE_SIZE..(page * PAGE_SIZE).min(total);
        let elements: Vec<String> = numbers.map(|number| format!(r#"{{"{id}": "g{number:02}"}}"#)).collect();
        format!(r#"{{"TotalCount": {total}, "{list}": [{}]}}"#, elements.join(", "))
    }
}

impl Fleet {
    fn target(&self) -> (Target<Api>, Api) {
        let limiter = RateLimiter::new(self.requests_per_second, 8);
        let api = Api(Arc::new(ApiState { fleet: self.clone(), limiter, sent: Mutex::default() }));
        let query = GroupQuery { product_type: "CloudApp".into(), ..GroupQuery::default() };
        let settings = TargetSettings {
            account: "a".into(),
            name: "CloudApp".into(),
            key: TargetKey::default(),
            product_type: "CloudApp".into(),
            queries: vec![query],
            excluded: Vec::new(),
            shard: Shard::WHOLE,
            listings: ListingOptions { persistent: ListingDepth::Off, ..ListingOptions::default() },
            persistent: (&PollOptions::default()).into(),
            timeout: self.timeout,
            page_size: PAGE_SIZE as u32,
            concurrency: 16,
        };
        let client = appstreaming::Client::new(api.clone(), PAGE_SIZE as u32);
        (Target { settings: Arc::new(settings), api: client }, api)
    }

    /// Polls the fleet at its interval. Returns what each poll did, and the requests that were sent
    /// for each group.
    fn poll(&self, polls: usize) -> (Vec<PollResult>, BTreeMap<usize, u64>) {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (target, api) = self.target();
            let origin = Instant::now();
            let clock = move || Timestamp::UNIX_EPOCH + SignedDuration::try_from(origin.elapsed()).unwrap();
            let (mut carried, mut results) = (CarryOver::default(), Vec::new());
            let mut start = origin;
            for _ in 0..polls {
                sleep_until(start).await;
                let poll = target.poll(&mut carried, clock).await;
                let took = start.elapsed();
                let is_listed =
                    |group: &&PolledGroup| matches!(group.instances, ListingOutcome::Listed { .. });
                let listed = poll.groups.iter().flatten().filter(is_listed);
                let listed = listed.map(|group| group.group.data.id[1..].parse().unwrap()).collect();
                let (planned, requests) = (poll.planned_requests, poll.requests);
                results.push(PollResult { listed, planned, requests, took });
                while start <= Instant::now() {
                    start += self.interval;
                }
            }
            let sent = api.0.sent.lock().clone();
            (results, sent)
        })
    }

    /// The requests of the listing of groups.
    fn group_pages(&self) -> u64 {
        (self.pages.len() as u64).div_ceil(PAGE_SIZE)
    }

    /// The requests for instances that a poll can send at least: the listing of groups waits for
    /// its first page and then for the others.
    fn budget(&self) -> u64 {
        let seconds = self.timeout.saturating_sub(2 * self.latency).as_secs_f64();
        ((self.requests_per_second * seconds) as u64).saturating_sub(self.group_pages())
    }

    /// The number of polls within which every group is refreshed.
    fn bound(&self) -> usize {
        (self.pages.iter().sum::<u64>().div_ceil(self.budget()) + 1) as usize
    }
}

/// Fails if a group is not refreshed within the bound, or if requests were sent for listings that
/// were thrown away.
fn check(fleet: &Fleet) -> Result<(), TestCaseError> {
    let polls = 5 * fleet.bound();
    let (results, sent) = fleet.poll(polls);
    for (group, pages) in fleet.pages.iter().enumerate() {
        let polls: Vec<usize> =
            (0..polls).filter(|poll| results[*poll].listed.contains(&group)).map(|poll| poll + 1).collect();
        let steps = std::iter::once(0).chain(polls.iter().copied()).chain([results.len()]);
        let steps: Vec<usize> = steps.collect();
        let longest = steps.windows(2).map(|pair| pair[1] - pair[0]).max();
        prop_assert!(longest <= Some(fleet.bound()), "group {}: {:?}, bound {}", group, polls, fleet.bound());
        let used = polls.len() as u64 * pages;
        let unused = sent.get(&group).copied().unwrap_or_default() - used;
        prop_assert!(unused <= *pages, "group {}: {} requests were thrown away", group, unused);
    }
    let timeout = fleet.timeout + Duration::from_millis(2);
    prop_assert!(results.iter().all(|poll| poll.took <= timeout), "a poll is longer than its timeout");
    Ok(())
}

const EIGHT_LARGE_GROUPS: Fleet = Fleet {
    pages: Vec::new(),
    requests_per_second: 20.0,
    latency: Duration::from_millis(20),
    timeout: Duration::from_secs(3),
    interval: Duration::from_secs(3),
};

#[test]
fn groups_that_do_not_fit_into_one_poll_are_refreshed_in_turn() {
    let fleet = Fleet { pages: vec![10; 8], ..EIGHT_LARGE_GROUPS };
    let (results, sent) = fleet.poll(7);
    assert_eq!(results[0].listed, [0, 1, 2, 3, 4], "the first groups are listed completely");
    let mut refreshed: Vec<usize> = results[..3].iter().flat_map(|poll| poll.listed.clone()).collect();
    refreshed.sort_unstable();
    refreshed.dedup();
    assert_eq!(refreshed, (0..8).collect::<Vec<_>>());
    assert!((60..=62).contains(&results[0].requests), "{results:?}");
    let made: u64 = results.iter().map(|poll| poll.requests).sum();
    assert_eq!(made, sent.values().sum::<u64>() + 7 * 4, "requests of unfinished listings are counted");
    assert_eq!(results[2].planned, 84, "a whole poll: 4 pages of groups, 80 of instances");
    check(&fleet).unwrap();
}

#[test]
fn a_listing_that_outlives_its_poll_is_complete_at_the_next_one() {
    // 20 pages take a second, of which the poll waits a half. Then the listing goes on.
    let half = Duration::from_millis(500);
    let fleet = Fleet { pages: vec![20], timeout: half, ..EIGHT_LARGE_GROUPS };
    let (results, sent) = fleet.poll(2);
    assert!(results[0].listed.is_empty() && results[0].requests < 20, "{results:?}");
    assert_eq!((&results[1].listed[..], sent[&0]), (&[0][..], 20));
    assert!(results[1].took < half, "the result was there");
}

#[test]
fn even_a_listing_of_groups_that_takes_whole_polls_does_not_keep_their_members_from_being_listed() {
    let second = Duration::from_secs(1);
    let slow = Fleet { requests_per_second: 1.0, timeout: second, interval: second, ..EIGHT_LARGE_GROUPS };
    for pages in [vec![2; 3], vec![1; 6], vec![5]] {
        let fleet = Fleet { pages, ..slow.clone() };
        let (results, _) = fleet.poll(60);
        for group in 0..fleet.pages.len() {
            let listed = results.iter().filter(|poll| poll.listed.contains(&group)).count();
            assert!(listed >= 2, "group {group} of {:?}: {listed} of 60 polls", fleet.pages);
        }
    }
}

fn fleet() -> impl Strategy<Value = Fleet> {
    let pages = prop::collection::vec(1..30_u64, 1..12);
    (pages, 2..50_u32, 1..40_u64, 500..5000_u64, 0..3_u64).prop_map(
        |(pages, rate, latency, timeout, pause)| Fleet {
            pages,
            requests_per_second: f64::from(rate),
            latency: Duration::from_millis(latency),
            timeout: Duration::from_millis(timeout),
            interval: Duration::from_millis(timeout + 5 + pause * 500),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_group_is_refreshed_within_its_share_of_polls_and_no_request_is_thrown_away(fleet in fleet()) {
        prop_assume!(fleet.budget() >= 2);
        check(&fleet)?;
    }
}
