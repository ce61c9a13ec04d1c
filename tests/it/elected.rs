//! Two replicas of which a Lease of Kubernetes elects the active one.

use std::collections::BTreeMap;
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
        Self::with_groups("4")
    }

    fn with_groups(groups: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { cloud: cloud(groups), api_server: ApiServer::start(), directory }
    }

    /// A pod that polls one of `total` shards and keeps its state.
    fn shard(&self, index: usize, total: usize) -> Exporter {
        let path = format!("state.path={}", self.directory.path().join(format!("state-{index}")).display());
        let (index, total) = (format!("sharding.index={index}"), format!("sharding.total={total}"));
        self.pod("pod", &[&path, &index, &total])
    }

    /// The sessions that have started in each group, as the cloud counts them.
    fn truth(&self) -> BTreeMap<String, f64> {
        let truth = self.cloud.truth();
        let groups = truth["groups"].as_array().unwrap().iter();
        let started = |group: &serde_json::Value| group["events"]["sessions_started"].as_f64().unwrap();
        groups.map(|group| (group["group_id"].as_str().unwrap().to_owned(), started(group))).collect()
    }

    /// Simulates ten seconds, and waits until each of the pods counts what has happened in its
    /// groups, which are all groups together.
    fn step(&self, pods: &[&Exporter]) {
        self.cloud.control(&json!({"jump_seconds": 10}));
        let truth = self.truth();
        eventually("the counters equal the truth", || {
            let counted: Vec<_> = pods.iter().flat_map(|pod| started(pod)).collect();
            let are_equal = counted.iter().all(|(group, count)| truth[group] == *count);
            let counted: BTreeMap<_, _> = counted.into_iter().collect();
            (are_equal && counted.len() == truth.len()).then_some(())
        });
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

/// The sessions that have started in each group of a pod.
fn started(pod: &Exporter) -> BTreeMap<String, f64> {
    let exposition = pod.scrape();
    exposition.series(STARTED, &[]).map(|(labels, count)| (labels["group_id"].clone(), count)).collect()
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
fn a_group_that_moves_to_a_new_shard_keeps_its_counters() {
    let cluster = Cluster::with_groups("16");
    let old = [0, 1, 2].map(|index| cluster.shard(index, 3));
    old.iter().for_each(|pod| _ = pod.first_poll());
    let [one, two, three] = &old;
    (0..12).for_each(|_| cluster.step(&[one, two, three]));

    let truth = cluster.truth();
    let new = cluster.shard(3, 4);
    let exposition = new.first_poll();
    let moved = started(&new);
    assert!(moved.len() < 16 && moved.values().sum::<f64>() > 0.0, "{moved:?}");
    for (group, count) in &moved {
        assert_eq!(truth[group], *count, "{group}: {}", new.log());
    }
    let listings = [("operation", "ListAppInstances")];
    let polls = exposition.sum("appstreaming_exporter_polls_total", &[]);
    let requests = exposition.sum("appstreaming_exporter_api_requests_total", &listings);
    assert_eq!(requests, polls * moved.len() as f64, "each of its groups is listed once by each poll");
    cluster.step(&[one, two, three, &new]);

    old.into_iter().for_each(|pod| assert_eq!(pod.end("-TERM").0, 0));
    let [one, two, three] = [0, 1, 2].map(|index| cluster.shard(index, 4));
    let all = [&one, &two, &three, &new];
    cluster.step(&all);
    assert_eq!(all.map(|pod| started(pod).len()).iter().sum::<usize>(), 16, "each group has one owner");
}

#[test]
fn groups_of_a_removed_shard_keep_their_counters_while_it_can_be_asked() {
    let cluster = Cluster::with_groups("16");
    let [first, second] = [0, 1].map(|index| cluster.shard(index, 2));
    [&first, &second].into_iter().for_each(|pod| _ = pod.first_poll());
    (0..12).for_each(|_| cluster.step(&[&first, &second]));
    assert!([&first, &second].iter().all(|pod| started(pod).values().sum::<f64>() > 0.0));
    assert_eq!(first.end("-TERM").0, 0);
    let only = cluster.shard(0, 1);
    eventually("it polls all groups", || (started(&only).len() == 16).then_some(()));
    assert_eq!(started(&only), cluster.truth());
    cluster.step(&[&only, &second]);
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
