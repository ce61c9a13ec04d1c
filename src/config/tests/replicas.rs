//! `[state]` and `[replicas]`.

use std::time::Duration;

use super::*;
use crate::replica::options::{PairRole, ReplicaSetup};

const TOKEN: &str = "token = \"0123456789abcdef\"";

fn replicas(text: &str) -> String {
    format!("[replicas]\n{text}")
}

#[test]
fn one_replica_without_a_state_file_is_the_default() {
    let config = toml("").config();
    assert_eq!(config.replicas.setup, ReplicaSetup::Off);
    assert_eq!(config.state.path, None);
}

#[test]
fn a_pair_has_a_role_a_peer_and_a_token() {
    let pair = format!("mode = \"pair\"\nrole = \"standby\"\npeer = \"https://one:9950\"\n{TOKEN}");
    let mode = toml(&replicas(&pair)).config().replicas.setup;
    let ReplicaSetup::Pair { role, peer, takeover_after } = mode else { panic!("{mode:?}") };
    assert_eq!((role, peer.to_string().as_str()), (PairRole::Standby, "https://one:9950"));
    assert_eq!(takeover_after, Duration::from_secs(15));

    let problems = toml("[replicas]\nmode = \"pair\"").problems();
    let named = ["replicas.role", "replicas.token", "replicas.peer"];
    assert!(problems.len() == 3 && named.iter().all(|key| problems.iter().any(|text| text.contains(key))));
    assert_rejected(&replicas("role = \"second\""), 2, &["primary", "standby"]);
    assert_rejected(&replicas("takeover_after = \"2s\""), 2, &["takeover_after", "3s"]);
}

#[test]
fn a_token_that_is_short_or_not_valid_in_a_header_is_rejected_and_never_shown() {
    for token in ["short", "0123456789 abcdef", "0123456789abcdeü"] {
        let problems = toml(&replicas(&format!("token = \"{token}\""))).problems();
        assert!(problems.len() == 1 && problems[0].contains("replicas.token"), "{problems:?}");
        assert!(!problems[0].contains(token), "{problems:?}");
    }
    let config = toml(&replicas(TOKEN)).config();
    assert!(!config.to_string().contains("0123456789abcdef"));
}

#[test]
fn plain_http_beyond_loopback_must_be_allowed() {
    for key in ["peer", "advertise"] {
        assert_rejected(&replicas(&format!("{key} = \"http://one:9950\"")), 2, &["replicas.allow_http"]);
        toml(&replicas(&format!("{key} = \"http://127.0.0.1:9950\""))).config();
        toml(&replicas(&format!("allow_http = true\n{key} = \"http://one:9950\""))).config();
        let problems = toml(&replicas(&format!("{key} = \"https://user:hunter2@one\""))).problems();
        assert!(problems.len() == 1 && !problems[0].contains("hunter2"), "{problems:?}");
    }
}

#[test]
fn the_name_of_a_lease_is_one_that_kubernetes_accepts() {
    for name in ["Exporter", "-a", "a-", "a..b", "a_b"] {
        assert_rejected(&replicas(&format!("lease = \"{name}\"")), 2, &["replicas.lease"]);
    }
    toml(&replicas("lease = \"team-a.exporter-1\"")).config();
}

#[cfg(feature = "kubernetes")]
#[test]
fn a_pod_knows_its_name_its_namespace_and_its_address() {
    let files = toml(&replicas(&format!("mode = \"kubernetes\"\n{TOKEN}")))
        .variable("POD_NAME", "exporter-7f-x")
        .variable("POD_NAMESPACE", "monitoring")
        .variable("POD_IP", "10.0.0.7");
    let mode = files.config().replicas.setup;
    let ReplicaSetup::Kubernetes { lease, pod } = mode else { panic!("{mode:?}") };
    assert_eq!(lease, "appstreaming-exporter");
    assert_eq!(pod.name.as_deref(), Some("exporter-7f-x"));
    assert_eq!(pod.namespace.as_deref(), Some("monitoring"));
    assert_eq!(pod.ip.as_deref(), Some("10.0.0.7"));
}

#[cfg(not(feature = "kubernetes"))]
#[test]
fn a_binary_without_the_feature_rejects_the_mode_kubernetes() {
    assert_rejected(&replicas(&format!("mode = \"kubernetes\"\n{TOKEN}")), 2, &["feature `kubernetes`"]);
}

#[test]
fn the_state_is_written_every_second_to_every_hour() {
    let state = toml("[state]\npath = \"/var/lib/x/state\"\ninterval = \"1h\"").config().state;
    assert_eq!(state.path.as_deref(), Some(Path::new("/var/lib/x/state")));
    for interval in ["500ms", "2h"] {
        assert_rejected(&format!("[state]\ninterval = \"{interval}\""), 2, &["state.interval"]);
    }
}
