//! Two replicas of which a Lease of Kubernetes elects the active one.

use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::replicas::{STARTED, TOKEN, assert_no_counter_goes_down, cloud, fleet, is_active, requests};
use crate::support::leases::ApiServer;
use crate::support::{Cloud, Exporter, binary, eventually, throughout, within};

const LEASE: &str = "appstreaming-exporter";

/// A cluster with a simulated cloud.
struct Cluster {
    cloud: Cloud,
    api_server: ApiServer,
    directory: TempDir,
}

impl Cluster {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { cloud: cloud("4"), api_server: ApiServer::start(), directory }
    }

    fn pod(&self, name: &str, settings: &[&str]) -> Exporter {
        let mut all = Exporter::settings(&self.cloud, &["replicas.mode=kubernetes", TOKEN]);
        all.extend(settings.iter().map(ToString::to_string));
        let mut command = binary();
        command.arg("run").args(all.iter().flat_map(|setting| ["--set", setting]));
        command.env("KUBECONFIG", self.api_server.kubeconfig(self.directory.path()));
        command.env("POD_NAME", name).env_remove("KUBERNETES_SERVICE_HOST");
        Exporter::spawn(&mut command)
    }

    fn holder(&self) -> Option<String> {
        self.api_server.holder(LEASE)
    }
}

#[test]
fn one_of_two_pods_polls_and_both_serve_the_same_fleet() {
    let cluster = Cluster::new();
    let first = cluster.pod("one", &[]);
    first.first_poll();
    let second = cluster.pod("two", &[]);
    second.first_poll();
    assert_eq!((is_active(&first), is_active(&second)), (true, false));
    assert_eq!(cluster.holder(), Some(format!("one@{}", first.url)));
    cluster.cloud.control(&json!({"jump_seconds": 600}));
    first.scrape_until("sessions have started", |exposition| exposition.sum(STARTED, &[]) > 0.0);
    eventually("the same bytes", || (fleet(&first) == fleet(&second)).then_some(()));
}

#[test]
fn a_rollout_hands_over_within_two_seconds_and_no_counter_goes_down() {
    let cluster = Cluster::new();
    let mut old = cluster.pod("pod-0", &[]);
    old.first_poll();
    for rollout in 1..4 {
        let new = cluster.pod(&format!("pod-{rollout}"), &[]);
        new.first_poll();
        cluster.cloud.control(&json!({"jump_seconds": 600}));
        let before = fleet(&new);
        assert_eq!(old.end("-TERM").0, 0);
        within(Duration::from_secs(2), "the new pod polls", || is_active(&new).then_some(()));
        assert_no_counter_goes_down(&before, &fleet(&new));
        let takeovers = new.scrape().value("appstreaming_exporter_takeovers_total", &[]);
        assert_eq!(takeovers, Some(1.0));
        old = new;
    }
}

#[test]
fn a_pod_takes_over_from_one_that_is_killed_when_its_lease_has_expired() {
    let cluster = Cluster::new();
    let first = cluster.pod("one", &[]);
    first.first_poll();
    let second = cluster.pod("two", &[]);
    second.first_poll();
    let before = fleet(&second);
    first.end("-KILL");
    within(Duration::from_secs(20), "the other pod polls", || is_active(&second).then_some(()));
    assert_no_counter_goes_down(&before, &fleet(&second));
}

#[test]
fn without_the_api_server_the_active_pod_polls_until_its_lease_has_expired() {
    let cluster = Cluster::new();
    let first = cluster.pod("one", &[]);
    first.first_poll();
    let second = cluster.pod("two", &[]);
    second.first_poll();
    cluster.api_server.set_down(true);
    throughout(Duration::from_secs(5), "the active pod polls", || is_active(&first));
    within(Duration::from_secs(15), "its lease expires", || (!is_active(&first)).then_some(()));
    assert!(!is_active(&second));
    assert!(fleet(&first).contains("appstreaming_group_instances"), "its data is still served");
    cluster.api_server.set_down(false);
    within(Duration::from_secs(20), "one pod polls", || {
        (is_active(&first) != is_active(&second)).then_some(())
    });
}

#[test]
fn each_shard_has_its_own_lease_and_its_share_of_the_groups() {
    let cluster = Cluster::new();
    let shard = |index: usize| {
        let index = format!("sharding.index={index}");
        cluster.pod("pod", &["sharding.total=2", &index])
    };
    let shards = [shard(0), shard(1)];
    for shard in &shards {
        shard.first_poll();
        assert!(is_active(shard));
    }
    assert_eq!(cluster.api_server.names(), ["appstreaming-exporter-0", "appstreaming-exporter-1"]);
    let counts = shards.each_ref().map(|shard| shard.scrape().series("appstreaming_group_info", &[]).count());
    assert_eq!(counts.iter().sum::<usize>(), 4, "{counts:?}");
}

#[test]
fn a_pod_that_cannot_reach_the_api_server_does_not_poll_and_is_not_ready() {
    let cluster = Cluster::new();
    cluster.api_server.set_down(true);
    let pod = cluster.pod("one", &[]);
    throughout(Duration::from_secs(4), "it does not poll", || !is_active(&pod));
    assert_eq!(requests(&cluster.cloud), 0);
    assert_eq!(pod.get("/-/ready").status, 503);
    assert_eq!(pod.end("-TERM").0, 0);
}
