//! The election against the double, in paused time.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::api_server::{ApiServer, LEASE, Link, NAMESPACE, Treatment};
use super::log::Log;
use super::replica::Replica;
use crate::replica::election::Leadership;

const DURATION: Duration = Duration::from_secs(15);
/// A takeover after a crash: the duration of the Lease, and the time until the next read.
const AFTER_CRASH: Duration = Duration::from_secs(17);

fn follower(holder: Option<&str>) -> Leadership {
    Leadership::Follower { holder: holder.map(str::to_owned) }
}

/// A leader `a` and a standby `b`.
async fn pair(server: &ApiServer) -> (Replica, Replica) {
    let mut a = Replica::start(server, "a@https://10.0.0.1:9877");
    a.becomes(Leadership::Leader).await;
    let mut b = Replica::start(server, "b@https://10.0.0.2:9877");
    b.becomes(follower(Some("a@https://10.0.0.1:9877"))).await;
    (a, b)
}

#[tokio::test(start_paused = true)]
async fn the_first_replica_creates_the_lease_and_the_others_follow_it() {
    let server = ApiServer::default();
    let (a, b) = pair(&server).await;
    assert_eq!(server.holder().as_deref(), Some("a@https://10.0.0.1:9877"));
    let created = server.spec();
    assert_eq!((&created["leaseDurationSeconds"], &created["leaseTransitions"]), (&json!(15), &json!(0)));
    sleep(Duration::from_secs(600)).await;
    assert_eq!((a.role(), b.role()), (Leadership::Leader, follower(Some("a@https://10.0.0.1:9877"))));
    let renewed = server.spec();
    assert_eq!(renewed["acquireTime"], created["acquireTime"]);
    assert_ne!(renewed["renewTime"], created["renewTime"]);
    assert_eq!(renewed["leaseTransitions"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_standby_takes_over_within_two_seconds_of_a_release() {
    for phase in 0..10 {
        let server = ApiServer::default();
        let (a, mut b) = pair(&server).await;
        sleep(Duration::from_secs(20) + Duration::from_millis(370) * phase).await;
        let released = Instant::now();
        a.release().await;
        b.becomes(Leadership::Leader).await;
        assert!(released.elapsed() < Duration::from_secs(2), "{:?}", released.elapsed());
        assert_eq!(server.spec()["leaseTransitions"], 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_has_no_holder() {
    let server = ApiServer::default();
    let mut a = Replica::start(&server, "a");
    a.becomes(Leadership::Leader).await;
    let role = a.release().await;
    assert_eq!(role, follower(None));
    let spec = server.spec();
    assert_eq!((&spec["holderIdentity"], &spec["leaseTransitions"]), (&json!(""), &json!(0)));
}

#[tokio::test(start_paused = true)]
async fn a_standby_takes_over_when_the_lease_of_a_crashed_leader_has_expired() {
    for phase in 0..10 {
        let server = ApiServer::default();
        let (a, mut b) = pair(&server).await;
        sleep(Duration::from_secs(20) + Duration::from_millis(370) * phase).await;
        let crashed = Instant::now();
        a.crash();
        b.becomes(Leadership::Leader).await;
        let took = crashed.elapsed();
        // The last renewal was sent up to three seconds before the crash.
        assert!(took > Duration::from_secs(11) && took < AFTER_CRASH, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_restarts_with_the_same_identity_leads_at_once() {
    let server = ApiServer::default();
    let (a, b) = pair(&server).await;
    a.crash();
    sleep(Duration::from_secs(5)).await;
    let started = Instant::now();
    let mut again = Replica::start(&server, "a@https://10.0.0.1:9877");
    again.becomes(Leadership::Leader).await;
    assert!(started.elapsed() < Duration::from_secs(1));
    sleep(DURATION).await;
    assert_eq!(b.role(), follower(Some("a@https://10.0.0.1:9877")));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_lease_is_created_again_without_a_change_of_the_leader() {
    let server = ApiServer::default();
    let (a, b) = pair(&server).await;
    for _ in 0..5 {
        sleep(Duration::from_millis(7300)).await;
        server.delete();
        sleep(Duration::from_secs(4)).await;
        assert_eq!(server.holder().as_deref(), Some("a@https://10.0.0.1:9877"));
        assert_eq!((a.role(), b.role()), (Leadership::Leader, follower(Some("a@https://10.0.0.1:9877"))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_reach_the_api_server_leads_until_its_lease_has_expired() {
    for treatment in [Treatment::Hang, Treatment::Refuse(500), Treatment::Refuse(429)] {
        let server = ApiServer::default();
        let (mut a, b) = pair(&server).await;
        sleep(Duration::from_secs(20)).await;
        let renewed = server.changes().last().unwrap().at;
        a.link.treat(treatment);
        b.link.treat(treatment);
        a.becomes(follower(None)).await;
        let led = renewed.elapsed();
        assert!(led > DURATION - Duration::from_millis(50) && led <= DURATION, "{treatment:?}: {led:?}");
        sleep(Duration::from_secs(120)).await;
        assert_eq!(b.role(), follower(Some("a@https://10.0.0.1:9877")), "keeps the last known holder");

        a.link.treat(Treatment::Respond);
        let again = Instant::now();
        a.becomes(Leadership::Leader).await;
        assert!(again.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_cut_off_stops_before_a_standby_takes_over() {
    let server = ApiServer::default();
    let (mut a, mut b) = pair(&server).await;
    a.link.treat(Treatment::Hang);
    a.becomes(follower(None)).await;
    assert_ne!(b.role(), Leadership::Leader);
    b.becomes(Leadership::Leader).await;
    a.link.treat(Treatment::Respond);
    a.becomes(follower(Some("b@https://10.0.0.2:9877"))).await;
    assert_eq!(b.role(), Leadership::Leader);
}

#[tokio::test(start_paused = true)]
async fn a_lost_response_costs_neither_the_leader_nor_the_lease() {
    let server = ApiServer::default();
    let (a, b) = pair(&server).await;
    for _ in 0..10 {
        a.link.treat(Treatment::LoseResponse);
        sleep(Duration::from_secs(4)).await;
        a.link.treat(Treatment::Respond);
        sleep(Duration::from_secs(6)).await;
        assert_eq!((a.role(), b.role()), (Leadership::Leader, follower(Some("a@https://10.0.0.1:9877"))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_holder_whose_clock_is_an_hour_off_is_neither_robbed_nor_kept_for_ever() {
    for offset in [-3600, 3600] {
        let server = ApiServer::default();
        let mut a = Replica::start_with_clock(&server, "a", Link::default(), offset);
        a.becomes(Leadership::Leader).await;
        let mut b = Replica::start(&server, "b");
        sleep(Duration::from_secs(300)).await;
        assert_eq!((a.role(), b.role()), (Leadership::Leader, follower(Some("a"))));
        let crashed = Instant::now();
        a.crash();
        b.becomes(Leadership::Leader).await;
        assert!(crashed.elapsed() < AFTER_CRASH);
    }
}

#[tokio::test(start_paused = true)]
async fn other_clients_that_write_the_lease_cause_conflicts_and_no_change_of_the_leader() {
    let server = ApiServer::default();
    let (a, b) = pair(&server).await;
    for number in 0..100 {
        sleep(Duration::from_millis(740)).await;
        server.annotate(number);
    }
    assert_eq!((a.role(), b.role()), (Leadership::Leader, follower(Some("a@https://10.0.0.1:9877"))));
    assert_eq!(server.lease().unwrap()["metadata"]["annotations"]["number"], "99", "annotations are kept");
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_must_not_claim_yet_leaves_a_released_lease_to_others() {
    let server = ApiServer::default();
    let (a, mut b) = pair(&server).await;
    let mut c = Replica::start(&server, "c");
    c.permit(false);
    c.becomes(follower(Some("a@https://10.0.0.1:9877"))).await;
    a.release().await;
    b.becomes(Leadership::Leader).await;
    b.release().await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!((c.role(), server.holder()), (follower(None), None));
    let permitted = Instant::now();
    c.permit(true);
    c.becomes(Leadership::Leader).await;
    assert!(permitted.elapsed() < Duration::from_millis(100), "does not wait for the next read");
    c.permit(false);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(c.role(), Leadership::Leader, "a leader keeps the lease");
}

#[tokio::test(start_paused = true)]
async fn a_release_ends_in_time_when_the_api_server_hangs() {
    let server = ApiServer::default();
    let (a, b) = pair(&server).await;
    for replica in [a, b] {
        replica.link.treat(Treatment::Hang);
        let started = Instant::now();
        replica.release().await;
        assert!(started.elapsed() <= Duration::from_secs(2), "{:?}", started.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_standby_that_ends_does_not_write() {
    let server = ApiServer::default();
    let (a, b) = pair(&server).await;
    let before = Instant::now();
    b.release().await;
    assert_eq!((server.requests(&Method::PUT, before), a.role()), (0, Leadership::Leader));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_a_renewal_changes_while_it_is_given_up_is_given_up() {
    let server = ApiServer::default();
    for milliseconds in 0..20 {
        // Every response takes 10 ms to arrive, so some releases begin while a renewal is under
        // way.
        let link = Link::with_latencies(vec![[Duration::from_millis(10); 2]]);
        let mut a = Replica::start_with_clock(&server, "a", link, 0);
        a.becomes(Leadership::Leader).await;
        sleep(Duration::from_millis(2970 + milliseconds * 2)).await;
        a.release().await;
        sleep(Duration::from_millis(100)).await;
        assert_eq!(server.holder(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_right_is_logged_once_with_the_rule_that_the_role_needs() {
    // No other test logs this, so the tests that run at the same time do not disable it.
    const REFUSED: &str = "lease request refused";
    for (method, verb) in [("GET", "get"), ("POST", "create"), ("PUT", "update")] {
        let (server, log) = (ApiServer::default(), Log::default());
        let _guard = log.capture();
        if method == "PUT" {
            server.write(Value::Null);
        }
        let mut a = Replica::start(&server, "a");
        a.link.treat(Treatment::Forbid(method));
        sleep(Duration::from_secs(300)).await;
        assert_ne!(a.role(), Leadership::Leader);
        let lines: Vec<String> = log.lines().into_iter().filter(|line| line.contains(REFUSED)).collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        for expected in [
            format!("verb={verb}"),
            "leases.coordination.k8s.io".to_owned(),
            format!("namespace=\"{NAMESPACE}\""),
            format!("lease=\"{LEASE}\""),
            "add to the Role of the service account".to_owned(),
        ] {
            assert!(lines[0].contains(&expected), "{expected} is not in {}", lines[0]);
        }
        a.link.treat(Treatment::Respond);
        a.becomes(Leadership::Leader).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_is_unknown_until_the_lease_was_read() {
    let server = ApiServer::default();
    let a = Replica::start(&server, "a");
    a.link.treat(Treatment::Hang);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(a.role(), Leadership::Unknown);
    a.crash();
}

#[tokio::test(start_paused = true)]
async fn a_standby_reads_once_a_second_and_the_leader_renews_five_times_in_a_duration() {
    let server = ApiServer::default();
    let (_a, _b) = pair(&server).await;
    let start = Instant::now();
    timeout(Duration::from_secs(150), std::future::pending::<()>()).await.unwrap_err();
    let (reads, writes) = (server.requests(&Method::GET, start), server.requests(&Method::PUT, start));
    assert!((145..=150).contains(&reads), "{reads}");
    assert!((49..=51).contains(&writes), "{writes}");
}
