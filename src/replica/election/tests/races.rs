//! Many replicas with slow, lossy and cut connections: at most one of them leads at a time.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use super::api_server::{ApiServer, Change, Link, Treatment};
use super::replica::Replica;
use crate::replica::election::Leadership;

const DURATION: Duration = Duration::from_secs(15);
/// Resolution of the runtime's timers.
const TIMER: Duration = Duration::from_millis(2);

/// What happens to a replica.
#[derive(Debug, Clone, Copy)]
enum Event {
    Treat(Treatment),
    /// It ends gracefully, and starts again.
    Restart,
    /// It crashes, and starts again.
    Crash,
}

#[derive(Debug, Clone)]
struct Scenario {
    /// The wrong clocks of the replicas, in seconds, and their latencies in milliseconds.
    replicas: Vec<(i64, Vec<(u64, u64)>)>,
    /// Milliseconds after the previous event, the replica, and what happens to it.
    events: Vec<(u64, usize, Event)>,
}

fn scenario() -> impl Strategy<Value = Scenario> {
    let latency = prop_oneof![8 => 0..50_u64, 2 => 0..900_u64, 1 => 0..4000_u64];
    let latencies = prop::collection::vec((latency.clone(), latency), 1..30);
    let replicas = prop::collection::vec((-4000..4000_i64, latencies), 2..=8);
    let event = prop_oneof![
        3 => Just(Event::Treat(Treatment::Respond)),
        1 => Just(Event::Treat(Treatment::Hang)),
        1 => Just(Event::Treat(Treatment::LoseResponse)),
        1 => Just(Event::Treat(Treatment::Refuse(500))),
        2 => Just(Event::Restart),
        2 => Just(Event::Crash),
    ];
    let events = prop::collection::vec((0..20_000_u64, 0..8_usize, event), 0..30);
    (replicas, events).prop_map(|(replicas, events)| Scenario { replicas, events })
}

/// Runs a scenario. Returns the terms of all replicas, and the changes of the Lease.
async fn run(scenario: &Scenario) -> (Vec<[Instant; 2]>, Vec<Change>) {
    let server = ApiServer::default();
    let start = |number: usize, generation: usize| {
        let (offset, latencies) = &scenario.replicas[number];
        let latencies =
            latencies.iter().map(|&(there, back)| [there, back].map(Duration::from_millis)).collect();
        let link = Link::with_latencies(latencies);
        Replica::start_with_clock(&server, &format!("{number}-{generation}"), link, *offset)
    };
    let mut replicas: Vec<Replica> = (0..scenario.replicas.len()).map(|number| start(number, 0)).collect();
    let mut ended: Vec<Replica> = Vec::new();
    for (generation, (pause, number, event)) in scenario.events.iter().enumerate() {
        sleep(Duration::from_millis(*pause)).await;
        let number = number % replicas.len();
        match event {
            Event::Treat(treatment) => replicas[number].link.treat(*treatment),
            Event::Restart | Event::Crash => {
                let old = std::mem::replace(&mut replicas[number], start(number, generation + 1));
                if matches!(event, Event::Crash) {
                    old.crash();
                } else {
                    old.begin_release();
                }
                ended.push(old);
            }
        }
    }
    replicas.iter().for_each(|replica| replica.link.treat(Treatment::Respond));
    // Slow connections can need several attempts.
    sleep(4 * DURATION).await;
    let end = Instant::now();
    let terms = replicas.iter().chain(&ended).flat_map(|replica| replica.terms(end)).collect();
    (terms, server.changes())
}

fn check(terms: &mut [[Instant; 2]], changes: &[Change]) -> Result<(), TestCaseError> {
    terms.sort();
    for pair in terms.windows(2) {
        let overlap = pair[0][1].saturating_duration_since(pair[1][0]);
        prop_assert!(overlap <= TIMER, "two leaders for {overlap:?}");
    }
    let holder = |change: &Change| change.spec["holderIdentity"].as_str().unwrap_or_default().to_owned();
    for pair in changes.windows(2) {
        let (old, new) = (holder(&pair[0]), holder(&pair[1]));
        if old != new && !old.is_empty() && !new.is_empty() {
            let age = pair[1].at - pair[0].at;
            prop_assert!(age >= DURATION, "{new} took the lease of {old} after {age:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn at_most_one_replica_leads_at_a_time(scenario in scenario()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let (mut terms, changes) = runtime.unwrap().block_on(run(&scenario));
        check(&mut terms, &changes)?;
    }
}

#[tokio::test(start_paused = true)]
async fn of_eight_replicas_that_start_together_one_leads_and_the_others_follow_it() {
    let server = ApiServer::default();
    let replicas: Vec<Replica> = (0..8).map(|number| Replica::start(&server, &number.to_string())).collect();
    for _ in 0..20 {
        sleep(Duration::from_secs(5)).await;
        let leaders = replicas.iter().filter(|replica| replica.role() == Leadership::Leader).count();
        assert_eq!(leaders, 1);
        let follower = Leadership::Follower { holder: server.holder() };
        assert_eq!(replicas.iter().filter(|replica| replica.role() == follower).count(), 7);
    }
}

#[tokio::test(start_paused = true)]
async fn eight_replicas_that_end_one_after_the_other_hand_over_within_two_seconds_each() {
    let server = ApiServer::default();
    let mut replicas: Vec<Replica> =
        (0..8).map(|number| Replica::start(&server, &number.to_string())).collect();
    sleep(Duration::from_secs(3)).await;
    while replicas.len() > 1 {
        let is_leader = |replica: &Replica| replica.role() == Leadership::Leader;
        let leader = replicas.remove(replicas.iter().position(is_leader).unwrap());
        let released = Instant::now();
        leader.release().await;
        sleep_until(released + Duration::from_secs(2)).await;
        assert_eq!(replicas.iter().filter(|replica| is_leader(replica)).count(), 1);
    }
    assert_ne!(server.spec(), Value::Null);
    assert_eq!(server.spec()["leaseTransitions"], 7);
}
