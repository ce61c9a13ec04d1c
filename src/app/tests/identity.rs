//! Which changes of the configuration make a target another one, whose saved data is not continued.

use super::*;
use crate::poller::TargetKey;

/// The keys of all targets of a configuration with these settings.
fn keys(settings: &[&str]) -> Vec<TargetKey> {
    let telemetry = Telemetry::new();
    let supervisor = Supervisor::new(Arc::clone(&telemetry));
    plan(&config(settings), &telemetry, &supervisor).order.into_iter().map(|target| target.key).collect()
}

#[test]
fn another_source_or_filter_is_another_target() {
    let before = keys(&[]);
    assert_ne!(before[0], before[1], "two accounts");
    for setting in [
        "accounts.0.name=other",
        "accounts.0.endpoint=http://127.0.0.1:10",
        "accounts.0.product_types=[\"CloudBrowser\"]",
        "accounts.0.regions=[\"cn-hangzhou\"]",
        "accounts.0.filter.group_ids=[\"aig-1\"]",
        "accounts.0.filter.exclude_group_ids=[\"aig-1\"]",
        "accounts.0.filter.group_name=cad",
        "accounts.0.filter.image_id=img",
        "accounts.0.filter.office_site_id=cn-hangzhou+dir-1",
        "accounts.0.filter.node_instance_type=ecs.gn6i",
        "accounts.0.filter.status=[\"PUBLISHED\"]",
        "accounts.0.filter.user_group_ids=[\"ug-1\"]",
        "accounts.0.filter.excluded_user_group_ids=[\"ug-1\"]",
        "accounts.0.filter.tags.team=cad",
    ] {
        let after = keys(&[setting]);
        assert_ne!(after[0], before[0], "{setting}");
        assert_eq!(after[1], before[1], "{setting}: the other account is not concerned");
    }
}

#[test]
fn credentials_shard_and_rhythm_do_not_make_another_target() {
    let before = keys(&[]);
    for setting in [
        "accounts.0.credentials.access_key_id=LTAI1111111111111111",
        "accounts.0.credentials.access_key_secret=rotated",
        "poll.interval=30s",
        "collectors.instances=detailed",
        "api.requests_per_second=3",
    ] {
        assert_eq!(keys(&[setting]), before, "{setting}");
    }
    assert_eq!(keys(&["sharding.total=2", "sharding.index=1"]), before);
}

#[test]
fn the_order_of_ids_does_not_matter() {
    let ids = |ids: &str| keys(&[&format!("accounts.0.filter.group_ids={ids}")]);
    assert_eq!(ids(r#"["aig-1", "aig-2"]"#), ids(r#"["aig-2", "aig-1"]"#));
}

/// A key that changed with a version would drop the state of every fleet at the update.
#[test]
fn the_key_of_a_target_is_the_same_in_every_version() {
    // SHA-256 of `account=1:a`, `endpoint=18:http://127.0.0.1:9` and `product_type=8:CloudApp`, each
    // followed by a line feed.
    let expected = "f885c1205167982f0d357987be1e237c2a6ed62bb442d56b0503306481b97374";
    assert_eq!(serde_json::to_value(&keys(&[])[0]).unwrap(), expected);
}
