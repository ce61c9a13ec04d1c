//! Responses to a scraper, a health check and a browser.

use crate::support::{Cloud, Exporter, http};

#[test]
fn metrics_are_text_0_0_4_with_a_content_length() {
    let cloud = Cloud::start(&["--groups", "2"]);
    let exporter = Exporter::polling(&cloud, &["poll.interval=60s"]);
    exporter.first_poll();
    let response = exporter.get("/metrics");
    assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(response.header("content-length"), Some(response.body.len().to_string().as_str()));
    assert!(response.body.contains("# HELP appstreaming_group_status "));
    assert!(response.body.contains("# TYPE appstreaming_group_sessions_started_total counter"));
    let head = http::head(&format!("{}/metrics", exporter.url));
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-type"), response.header("content-type"));
}

#[test]
fn every_metric_served_is_in_the_catalogue_with_its_type_and_help() {
    let cloud = Cloud::start(&["--groups", "10"]);
    let detailed = ["collectors.instances=detailed", "collectors.persistent=detailed", "labels.tags=[\"*\"]"];
    let exporter = Exporter::polling(&cloud, &detailed);
    exporter.first_poll();
    let printed = crate::support::run(crate::support::binary().args(["catalog", "--format", "json"]));
    let catalogue: Vec<serde_json::Value> = serde_json::from_str(&printed.stdout).expect("a list");
    for line in exporter.get("/metrics").body.lines() {
        let Some(rest) = line.strip_prefix("# TYPE ") else { continue };
        let (name, kind) = rest.split_once(' ').expect("name and type");
        if name.starts_with("process_") {
            continue;
        }
        let entry = catalogue
            .iter()
            .find(|entry| entry["name"] == name)
            .unwrap_or_else(|| panic!("{name} is not in the catalogue"));
        assert_eq!(entry["type"], kind, "{name}");
    }
}

#[test]
fn unknown_paths_and_methods_have_the_usual_statuses() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let exporter = Exporter::polling(&cloud, &[]);
    assert_eq!(exporter.get("/nowhere").status, 404);
    let rejected = http::post(&format!("{}/metrics", exporter.url), &serde_json::json!({}));
    assert_eq!(rejected.status, 405);
    assert_eq!(rejected.header("allow"), Some("GET, HEAD"));
}

#[test]
fn the_configuration_page_hides_every_secret() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let exporter =
        Exporter::polling(&cloud, &["collectors.users=hash", "collectors.user_hash_key=pepper-9151"]);
    let page = exporter.get("/config").body;
    assert!(page.contains("<secret>") && page.contains("interval = \"1s\""), "{page}");
    assert!(!page.contains("pepper-9151"));
    assert!(!page.contains(appstreaming_exporter::simulator::ACCESS_KEY_SECRET));
    assert!(!page.contains(appstreaming_exporter::simulator::ACCESS_KEY_ID));
}

#[test]
fn the_page_shows_every_target() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let exporter = Exporter::polling(&cloud, &[]);
    exporter.first_poll();
    let page = exporter.get("/");
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(page.body.contains("CloudApp") && page.body.contains("/metrics"), "{}", page.body);
}
