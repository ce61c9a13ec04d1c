//! The state machine alone.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use crate::replica::election::Leadership;
use crate::replica::election::elector::{Elector, Reply, Request, Step};
use crate::replica::election::lease::{Candidate, Lease, holder};

const DURATION: Duration = Duration::from_secs(15);

fn candidate(identity: &str) -> Candidate {
    Candidate { lease: "lease".to_owned(), identity: identity.to_owned(), lease_seconds: 15 }
}

fn wall(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn follower(holder: Option<&str>) -> Leadership {
    Leadership::Follower { holder: holder.map(str::to_owned) }
}

fn request(step: Step) -> Request {
    match step {
        Step::Send(request) => request,
        Step::Wait(until) => panic!("waits until {until:?}"),
    }
}

fn written(step: Step) -> Box<Lease> {
    match request(step) {
        Request::Create(lease) | Request::Update(lease) => lease,
        Request::Get => panic!("reads the lease"),
    }
}

fn wait(step: Step) -> Instant {
    match step {
        Step::Wait(until) => until,
        Step::Send(request) => panic!("sends {request:?}"),
    }
}

/// An elector that has read this Lease at `now`.
fn having_read(lease: Lease, now: Instant) -> Elector {
    let mut elector = Elector::new(candidate("this"), now);
    assert_eq!(elector.leadership(now), Leadership::Unknown);
    assert_eq!(request(elector.next(now, wall(0), true)), Request::Get);
    elector.replied(Reply::Found(Box::new(lease)), now, now);
    elector
}

/// An elector that has created the Lease at `now`.
fn leader(now: Instant) -> Elector {
    let mut elector = Elector::new(candidate("this"), now);
    elector.next(now, wall(0), true);
    elector.replied(Reply::Missing, now, now);
    let lease = written(elector.next(now, wall(0), true));
    elector.replied(Reply::Written(lease), now, now);
    assert_eq!(elector.leadership(now), Leadership::Leader);
    elector
}

#[test]
fn a_missing_lease_is_created() {
    let now = Instant::now();
    let mut elector = Elector::new(candidate("this"), now);
    elector.next(now, wall(0), true);
    elector.replied(Reply::Missing, now, now);
    let Request::Create(lease) = request(elector.next(now, wall(7), true)) else { panic!("no creation") };
    let spec = &lease.spec;
    assert_eq!(holder(&lease), Some("this"));
    assert_eq!((spec.lease_duration_seconds, spec.lease_transitions), (Some(15), Some(0)));
    assert_eq!(spec.acquire_time.as_ref().unwrap().0, wall(7));
    assert_eq!(spec.renew_time.as_ref().unwrap().0, wall(7));
}

#[test]
fn a_released_lease_is_taken_over_with_one_more_transition() {
    let now = Instant::now();
    let other = candidate("other");
    let released = other.release(&other.take_over(&other.create(wall(0)), wall(1)), wall(2));
    let mut elector = having_read(released, now);
    assert_eq!(elector.leadership(now), follower(None));
    let lease = written(elector.next(now, wall(3), true));
    let spec = &lease.spec;
    assert_eq!((holder(&lease), spec.lease_transitions), (Some("this"), Some(2)));
    assert_eq!(spec.lease_duration_seconds, Some(15), "not the duration of the released lease");
    elector.replied(Reply::Written(lease), now, now);
    assert_eq!(elector.leadership(now), Leadership::Leader);
}

#[test]
fn a_renewal_keeps_the_time_of_the_acquisition_the_transitions_and_the_metadata() {
    let mut observed = candidate("this").take_over(&candidate("other").create(wall(0)), wall(1));
    observed.metadata.insert("resourceVersion".to_owned(), "41".into());
    observed.metadata.insert("labels".to_owned(), json!({"team": "a"}));
    let lease = candidate("this").renew(&observed, wall(9));
    let spec = &lease.spec;
    assert_eq!(spec.acquire_time.as_ref().unwrap().0, wall(1));
    assert_eq!(spec.renew_time.as_ref().unwrap().0, wall(9));
    assert_eq!(spec.lease_transitions, Some(1));
    assert_eq!(lease.metadata, observed.metadata);
}

#[test]
fn a_held_lease_is_claimed_when_it_has_not_changed_for_its_duration() {
    let start = Instant::now();
    let lease = candidate("other").create(wall(0));
    let mut elector = having_read(lease.clone(), start);
    for second in 1..15 {
        let now = wait(elector.next(start + seconds(second - 1), wall(0), true));
        assert_eq!(now, start + seconds(second), "reads each second");
        assert_eq!(request(elector.next(now, wall(0), true)), Request::Get);
        elector.replied(Reply::Found(Box::new(lease.clone())), now, now);
        assert_eq!(elector.leadership(now), follower(Some("other")));
    }
    let now = wait(elector.next(start + seconds(14), wall(0), true));
    assert_eq!(request(elector.next(now, wall(0), true)), Request::Get, "reads before it claims");
    elector.replied(Reply::Found(Box::new(lease)), now, now);
    assert_eq!(holder(&written(elector.next(now, wall(0), true))), Some("this"));
}

#[test]
fn the_clock_of_the_holder_does_not_matter() {
    let start = Instant::now();
    for clock in [-3600, 0, 3600] {
        let mut elector = having_read(candidate("other").create(wall(clock)), start);
        wait(elector.next(start, wall(0), true));
        let mut now = start;
        for renewal in 1..20 {
            now += seconds(10);
            elector.next(now, wall(0), true);
            let renewed = candidate("other").create(wall(clock + renewal * 10));
            elector.replied(Reply::Found(Box::new(renewed)), now, now);
            wait(elector.next(now, wall(0), true));
        }
        let last = candidate("other").create(wall(clock + 190));
        now += DURATION;
        elector.next(now, wall(0), true);
        elector.replied(Reply::Found(Box::new(last)), now, now);
        assert_eq!(holder(&written(elector.next(now, wall(0), true))), Some("this"), "not kept for ever");
    }
}

#[test]
fn a_change_of_the_metadata_does_not_renew_the_lease() {
    let start = Instant::now();
    let mut lease = candidate("other").create(wall(0));
    let mut elector = having_read(lease.clone(), start);
    wait(elector.next(start, wall(0), true));
    lease.metadata.insert("resourceVersion".to_owned(), "2".into());
    let now = start + DURATION;
    elector.next(now, wall(0), true);
    elector.replied(Reply::Found(Box::new(lease)), now, now);
    let claim = written(elector.next(now, wall(0), true));
    assert_eq!(claim.metadata["resourceVersion"], "2", "of the version that was read last");
}

#[test]
fn the_leader_renews_without_reading_and_leads_for_a_duration_from_when_it_sent_the_renewal() {
    let start = Instant::now();
    let mut elector = leader(start);
    let sent = wait(elector.next(start, wall(0), true));
    assert_eq!(sent, start + seconds(3));
    let lease = written(elector.next(sent, wall(3), true));
    elector.replied(Reply::Written(lease), sent, sent + seconds(2));
    assert_eq!(elector.leadership(sent + DURATION - Duration::from_millis(1)), Leadership::Leader);
    assert_eq!(elector.leadership(sent + DURATION), follower(None));
}

#[test]
fn a_leader_that_cannot_renew_retries_until_its_term_ends() {
    let start = Instant::now();
    let mut elector = leader(start);
    let mut now = wait(elector.next(start, wall(0), true));
    let mut attempts = 0;
    loop {
        let step = elector.next(now, wall(0), true);
        assert_eq!(elector.deadline(now, seconds(3)), (now + seconds(3)).min(start + DURATION));
        if let Step::Send(_) = step {
            attempts += 1;
            elector.failed(now);
        }
        now = wait(elector.next(now, wall(0), true));
        if now >= start + DURATION {
            break;
        }
        assert_eq!(elector.leadership(now), Leadership::Leader);
    }
    assert_eq!(now, start + DURATION, "the end of the term is noticed in time");
    assert_eq!(elector.leadership(now), follower(None));
    assert_eq!(attempts, 12);
}

#[test]
fn a_leader_that_finds_another_holder_is_not_the_leader_any_more() {
    let start = Instant::now();
    let mut elector = leader(start);
    let now = wait(elector.next(start, wall(0), true));
    elector.next(now, wall(0), true);
    elector.replied(Reply::Conflict, now, now);
    assert_eq!(elector.leadership(now), Leadership::Leader, "a conflict does not mean another holder");
    assert_eq!(request(elector.next(now, wall(0), true)), Request::Get);
    elector.replied(Reply::Found(Box::new(candidate("other").create(wall(0)))), now, now);
    assert_eq!(elector.leadership(now), follower(Some("other")));
    assert!(!elector.may_hold());
}

#[test]
fn a_claim_whose_response_is_lost_is_found_by_the_next_read() {
    let start = Instant::now();
    let mut elector = Elector::new(candidate("this"), start);
    elector.next(start, wall(0), true);
    elector.replied(Reply::Missing, start, start);
    let claim = written(elector.next(start, wall(0), true));
    elector.failed(start);
    assert!(elector.may_hold());
    let now = wait(elector.next(start, wall(0), true));
    assert_eq!(request(elector.next(now, wall(0), true)), Request::Get);
    elector.replied(Reply::Found(claim), now, now);
    assert_eq!(elector.leadership(now), follower(None), "the term is not confirmed");
    let lease = written(elector.next(now, wall(1), true));
    assert_eq!(lease.spec.lease_transitions, Some(0), "the same term");
    elector.replied(Reply::Written(lease), now, now);
    assert_eq!(elector.leadership(now), Leadership::Leader);
}

#[test]
fn a_deleted_lease_is_created_again_by_its_holder() {
    let start = Instant::now();
    let mut elector = leader(start);
    let now = wait(elector.next(start, wall(0), true));
    elector.next(now, wall(0), true);
    elector.replied(Reply::Conflict, now, now);
    elector.next(now, wall(0), true);
    elector.replied(Reply::Missing, now, now);
    assert_eq!(elector.leadership(now), Leadership::Leader);
    assert!(matches!(request(elector.next(now, wall(0), true)), Request::Create(_)));
}

#[test]
fn a_standby_creates_a_deleted_lease_only_when_the_term_of_the_holder_has_ended() {
    let start = Instant::now();
    let mut elector = having_read(candidate("other").create(wall(0)), start);
    let mut now = wait(elector.next(start, wall(0), true));
    while now < start + DURATION {
        assert_eq!(request(elector.next(now, wall(0), true)), Request::Get);
        elector.replied(Reply::Missing, now, now);
        assert_eq!(elector.leadership(now), follower(Some("other")));
        now = wait(elector.next(now, wall(0), true));
    }
    elector.next(now, wall(0), true);
    elector.replied(Reply::Missing, now, now);
    assert!(matches!(request(elector.next(now, wall(0), true)), Request::Create(_)));
}

#[test]
fn a_replica_that_must_not_claim_reads_only() {
    let start = Instant::now();
    let own = candidate("this").create(wall(0));
    let released = candidate("other").release(&candidate("other").create(wall(0)), wall(1));
    for reply in [Reply::Missing, Reply::Found(Box::new(own)), Reply::Found(Box::new(released))] {
        let mut elector = Elector::new(candidate("this"), start);
        elector.next(start, wall(0), false);
        elector.replied(reply.clone(), start, start);
        let until = wait(elector.next(start, wall(0), false));
        assert_eq!(until, start + seconds(1));
        assert_eq!(elector.leadership(start), follower(None));
        // The permission comes: the Lease is read again, and claimed.
        let now = start + Duration::from_millis(300);
        elector.hurry(now);
        assert_eq!(request(elector.next(now, wall(0), true)), Request::Get);
        elector.replied(reply, now, now);
        assert_eq!(holder(&written(elector.next(now, wall(0), true))), Some("this"));
    }
}

#[test]
fn conflicts_are_retried_with_a_fresh_read_and_not_without_end() {
    let now = Instant::now();
    let released = candidate("other").release(&candidate("other").create(wall(0)), wall(1));
    let mut elector = having_read(released.clone(), now);
    let mut claims = 0;
    loop {
        match elector.next(now, wall(0), true) {
            Step::Send(Request::Get) => elector.replied(Reply::Found(Box::new(released.clone())), now, now),
            Step::Send(_) => {
                claims += 1;
                elector.replied(Reply::Conflict, now, now);
            }
            Step::Wait(until) => {
                assert_eq!(until, now + seconds(1));
                break;
            }
        }
    }
    assert_eq!(claims, 4);
}
