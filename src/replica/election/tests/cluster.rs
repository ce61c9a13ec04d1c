//! The election against a real API server: `tests/kubernetes/run` starts it, and grants the rights
//! of the shipped Role to the user `exporter`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use hyper::{Method, Request};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::sleep;

use super::api_server::{LEASE, Link, NAMESPACE};
use super::refusals;
use super::replica::{Replica, options};
use crate::replica::election::access::report;
use crate::replica::election::api::LeaseApi;
use crate::replica::election::client::{Client, client};
use crate::replica::election::elector::Request as ElectorRequest;
use crate::replica::election::kubeconfig;
use crate::replica::election::run::candidate;
use crate::replica::election::{Election, ElectionOptions, Leadership, Verb, check_access};

/// All tests use the same Lease, the only one that the Role permits.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

fn follower(holder: Option<&str>) -> Leadership {
    Leadership::Follower { holder: holder.map(str::to_owned) }
}

fn client_of(user: &str) -> Client {
    let directory = PathBuf::from(std::env::var_os("KUBERNETES_TEST_CLUSTER").expect("tests/kubernetes/run"));
    client(kubeconfig::read(&[directory.join(format!("{user}.kubeconfig"))]).unwrap()).unwrap()
}

/// Sends a request of the administrator for the Lease. Returns the body of a success.
async fn request(method: Method) -> Option<Value> {
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{LEASE}");
    let request = Request::builder().method(method).uri(path).body(Vec::new()).unwrap();
    let response = client_of("admin").send(request).await.unwrap();
    response.status().is_success().then(|| serde_json::from_slice(response.body()).unwrap())
}

async fn delete() {
    request(Method::DELETE).await.expect("the Lease existed");
}

/// Deletes the Lease, and keeps other tests from running.
async fn begin() -> MutexGuard<'static, ()> {
    let guard = ONE_AT_A_TIME.lock().await;
    request(Method::DELETE).await;
    guard
}

async fn spec() -> Value {
    request(Method::GET).await.expect("the Lease exists")["spec"].clone()
}

/// A replica that connects as the exporter does: with the kubeconfig of the environment.
async fn start(identity: &str, lease_duration: Duration) -> Replica {
    let options = ElectionOptions { lease_duration, ..options(identity) };
    Replica::run(Election::connect(options).unwrap(), Link::default())
}

const DURATION: Duration = Duration::from_secs(4);

#[tokio::test]
#[ignore = "needs tests/kubernetes/run"]
async fn an_api_server_refuses_what_the_double_refuses() {
    let _guard = begin().await;
    refusals::check(&client_of("admin"), delete).await;
}

#[tokio::test]
#[ignore = "needs tests/kubernetes/run"]
async fn the_shipped_role_permits_the_election() {
    let _guard = begin().await;
    let mut a = start("a@https://10.0.0.1:9877", DURATION).await;
    a.becomes(Leadership::Leader).await;
    let created = spec().await;
    let mut b = start("b@https://10.0.0.2:9877", DURATION).await;
    b.becomes(follower(Some("a@https://10.0.0.1:9877"))).await;
    sleep(DURATION).await;
    let renewed = spec().await;
    assert_eq!((a.role(), &renewed["acquireTime"]), (Leadership::Leader, &created["acquireTime"]));
    assert_ne!(renewed["renewTime"], created["renewTime"]);

    let released = Instant::now();
    a.release().await;
    b.becomes(Leadership::Leader).await;
    assert!(released.elapsed() < Duration::from_secs(2), "{:?}", released.elapsed());
    assert_eq!(spec().await["leaseTransitions"], 1);

    delete().await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!((b.role(), &spec().await["leaseTransitions"]), (Leadership::Leader, &0.into()));
    b.release().await;
    assert_eq!(spec().await["holderIdentity"], "");
}

#[tokio::test]
#[ignore = "needs tests/kubernetes/run"]
async fn a_standby_takes_over_after_a_crash() {
    let _guard = begin().await;
    let mut a = start("a", DURATION).await;
    a.becomes(Leadership::Leader).await;
    let mut b = start("b", DURATION).await;
    b.becomes(follower(Some("a"))).await;
    let crashed = Instant::now();
    a.crash();
    b.becomes(Leadership::Leader).await;
    assert!(crashed.elapsed() < DURATION + Duration::from_secs(2), "{:?}", crashed.elapsed());
    b.release().await;
}

#[tokio::test]
#[ignore = "needs tests/kubernetes/run"]
async fn of_eight_replicas_one_leads_and_each_hands_over_within_two_seconds() {
    let _guard = begin().await;
    let mut replicas = Vec::new();
    for number in 0..8 {
        replicas.push(start(&number.to_string(), DURATION).await);
    }
    sleep(Duration::from_secs(2)).await;
    let is_leader = |replica: &Replica| replica.role() == Leadership::Leader;
    while !replicas.is_empty() {
        assert_eq!(replicas.iter().filter(|replica| is_leader(replica)).count(), 1);
        let leader = replicas.remove(replicas.iter().position(is_leader).unwrap());
        leader.release().await;
        sleep(Duration::from_secs(2)).await;
    }
    assert_eq!(spec().await["leaseTransitions"], 7);
}

#[tokio::test]
#[ignore = "needs tests/kubernetes/run"]
async fn the_check_of_the_rights_distinguishes_the_shipped_role_from_none() {
    let _guard = begin().await;
    for exists in [false, true] {
        if exists {
            let lease = Box::new(candidate(&options("other")).create(Timestamp::now()));
            let deadline = tokio::time::Instant::now() + DURATION;
            let api = LeaseApi::new(client_of("admin"), NAMESPACE.to_owned(), LEASE.to_owned());
            api.send(&ElectorRequest::Create(lease), deadline).await.unwrap();
        }
        let found = check_access(options("a")).await.unwrap();
        assert_eq!((&*found.namespace, &*found.denied), (NAMESPACE, &[][..]));
        assert_eq!(found.holder.as_deref(), exists.then_some("other"));

        let stranger = LeaseApi::new(client_of("stranger"), NAMESPACE.to_owned(), LEASE.to_owned());
        let found = report(&stranger, &candidate(&options("a"))).await.unwrap();
        assert_eq!(found.denied[..2], [Verb::Get, Verb::Create]);
        assert!(found.advice().is_some());
    }
    let other_lease = ElectionOptions { lease: "other".to_owned(), ..options("a") };
    let found = check_access(other_lease).await.unwrap();
    assert_eq!(found.denied, [Verb::Get, Verb::Update], "the role is for one lease");
}
