//! The official Python SDK works with the simulated cloud. It is an independent check: the cloud
//! and the exporter are based on the same understanding of the API.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::{Cloud, python, run};

/// A Python interpreter with the SDK.
pub fn python_of_the_sdk() -> PathBuf {
    python("sdk", "alibabacloud_appstream_center20210901")
}

#[test]
#[ignore = "installs the official SDK with pip: just end-to-end"]
fn the_official_sdk_lists_the_same_fleet_with_both_signatures() {
    let python = python_of_the_sdk();
    let cloud = Cloud::start(&["--groups", "9", "--instances-per-group", "130"]);
    let truth = cloud.truth();
    for signature in ["v3", "v2"] {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/list_all.py");
        let listed = run(Command::new(&python)
            .arg(script)
            .arg(cloud.url.trim_start_matches("http://"))
            .arg(signature));
        assert_eq!(listed.status, 0, "{signature}: {}", listed.stderr);
        let seen: Value = serde_json::from_str(&listed.stdout).expect("JSON");
        assert_agrees(&seen, &truth, signature);
    }
}

fn assert_agrees(seen: &Value, truth: &Value, signature: &str) {
    let groups = truth["groups"].as_array().expect("groups");
    assert_eq!(seen["groups"].as_array().expect("groups").len(), groups.len(), "{signature}");
    for group in groups {
        let id = group["group_id"].as_str().expect("an id");
        let instances =
            seen["instances"][id].as_array().unwrap_or_else(|| panic!("{signature}: {id} is missing"));
        let persistent = seen["persistent"][id].as_array().expect("a list");
        assert_eq!(Some(instances.len() as u64), group["instances_total"].as_u64(), "{signature} {id}");
        assert_eq!(Some(persistent.len() as u64), group["persistent_total"].as_u64(), "{signature} {id}");
        for (status, count) in group["instances"].as_object().expect("counts") {
            let found = instances.iter().filter(|instance| instance["Status"] == *status).count();
            assert_eq!(Some(found as u64), count.as_u64(), "{signature} {id} {status}");
        }
    }
}
