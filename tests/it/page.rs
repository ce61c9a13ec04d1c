//! The pages and their JSON, over HTTP.

use serde_json::{Value, json};

use crate::support::{Cloud, Exporter, eventually, http};

fn fleet(exporter: &Exporter, query: &str) -> Value {
    let response = exporter.get(&format!("/api/v1/fleet{query}"));
    assert_eq!(response.status, 200, "{}", response.body);
    assert_eq!(response.header("content-type"), Some("application/json; charset=utf-8"));
    response.json()
}

fn group_ids(fleet: &Value) -> Vec<&str> {
    let groups = fleet["groups"].as_array().expect("a list of groups");
    groups.iter().map(|group| group["group_id"].as_str().expect("an id")).collect()
}

#[test]
fn the_page_shows_every_group_and_a_verdict() {
    let cloud = Cloud::start(&["--groups", "9"]);
    let exporter = Exporter::polling(&cloud, &["poll.interval=60s"]);
    exporter.first_poll();
    let page = exporter.get("/");
    let truth = cloud.truth();
    for group in truth["groups"].as_array().expect("groups") {
        let id = group["group_id"].as_str().expect("an id");
        assert!(page.body.contains(id), "{id}");
        let of_group = exporter.get(&format!("/groups/test/{id}"));
        assert_eq!(of_group.status, 200);
        assert!(of_group.body.contains(id) && of_group.body.contains("over the last hour"));
    }
    assert!(page.body.contains("<h1 id=\"verdict\""));
    assert!(page.body.contains("rel=\"icon\""));
}

#[test]
fn the_json_agrees_with_the_truth_of_the_cloud() {
    let cloud = Cloud::start(&["--groups", "8"]);
    let exporter = Exporter::polling(&cloud, &["poll.interval=60s"]);
    exporter.first_poll();
    let (fleet, truth) = (fleet(&exporter, ""), cloud.truth());
    assert_eq!(fleet["totals"]["groups"], 8);
    assert_eq!(fleet["totals"]["in_use"].as_f64(), truth["totals"]["sessions_in_use"].as_f64());
    for group in fleet["groups"].as_array().expect("groups") {
        let is_same_group = |known: &&Value| known["group_id"] == group["group_id"];
        let known =
            truth["groups"].as_array().expect("groups").iter().find(is_same_group).expect("a known group");
        assert_eq!(group["status"], known["status"]);
        assert_eq!(group["sessions"]["in_use"].as_f64(), known["sessions_in_use"].as_f64());
        assert_eq!(group["sessions"]["capacity"].as_f64(), known["capacity"].as_f64(), "{group}");
        let path = format!("/api/v1/groups/test/{}", group["group_id"].as_str().expect("an id"));
        let details = exporter.get(&path).json();
        assert_eq!(details["sessions"], group["sessions"]);
        let counted = details["instances"].as_array().expect("counts").iter();
        let sum: u64 = counted.map(|count| count["count"].as_u64().expect("a number")).sum();
        assert_eq!(Some(sum), known["instances_total"].as_u64());
        assert_eq!(details["history"].as_array().expect("samples").len(), 1);
    }
    for key in ["version", "at", "waiting_for", "totals", "targets", "accounts", "groups"] {
        assert!(!fleet[key].is_null(), "{key}");
    }
    assert_eq!(fleet["accounts"][0]["credentials"], "access_key");
}

#[test]
fn names_with_html_are_escaped() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let id = cloud.truth()["groups"][0]["group_id"].as_str().expect("an id").to_owned();
    let name = "</a><script>alert(1)</script>\"'&<img src=x onerror=alert(2)>";
    cloud.control(&json!({ "set_group": { "group_id": id, "name": name } }));
    let exporter = Exporter::polling(&cloud, &["accounts.0.name=<b>&\"acc/ount"]);
    eventually("the group is polled", || (fleet(&exporter, "")["totals"]["groups"] == 1).then_some(()));
    let path = format!("/groups/{}/{id}", "%3Cb%3E%26%22acc%2Fount");
    for page in [exporter.get("/"), exporter.get(&path), exporter.get("/exporter")] {
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("<script>alert") && !page.body.contains("<img src=x"), "{}", page.body);
        assert!(!page.body.contains("<b>&"), "{}", page.body);
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    }
    assert!(exporter.get("/").body.contains("&lt;script&gt;alert(1)"));
    assert_eq!(fleet(&exporter, "")["groups"][0]["name"], name);
    let searched = exporter.get("/?q=%3Cscript%3Ealert(3)%3C/script%3E&account=%22%3E%3Cscript%3E&sort=%22");
    assert!(!searched.body.contains("<script>alert(3)") && !searched.body.contains("\"><script>"));
}

#[test]
fn an_unknown_group_is_not_found_as_a_page_or_as_json() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let exporter = Exporter::polling(&cloud, &[]);
    exporter.first_poll();
    let page = exporter.get("/groups/test/aig-none");
    assert_eq!(page.status, 404);
    assert!(page.header("content-type").expect("a type").starts_with("text/html"));
    assert!(page.body.contains("No such group") && page.body.contains("aig-none"));
    assert_eq!(exporter.get("/api/v1/groups/test/aig-none").status, 404);
    for path in ["/groups", "/groups/", "/groups/test", "/groups/test/", "/groups/a/b/c", "/groups/%ff/a"] {
        assert_eq!(exporter.get(path).status, 404, "{path}");
    }
}

#[test]
fn unchanged_pages_are_not_sent_again() {
    let cloud = Cloud::start(&["--groups", "3"]);
    let exporter = Exporter::polling(&cloud, &["poll.interval=60s"]);
    exporter.first_poll();
    let conditional = |path: &str, tag: &str| {
        let url = format!("{}{path}", exporter.url);
        http::get_with(&url, &[("if-none-match", tag)])
    };
    for path in ["/", "/api/v1/fleet", "/?sort=name"] {
        let first = exporter.get(path);
        let tag = first.header("etag").expect("a tag").to_owned();
        assert_eq!(first.header("cache-control"), Some("private, no-cache"), "{path}");
        let again = conditional(path, &tag);
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
        assert_eq!(again.header("etag"), Some(tag.as_str()), "{path}");
        assert_eq!(conditional(path, "\"other\"").status, 200, "{path}");
        let head = http::head(&format!("{}{path}", exporter.url));
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        assert_eq!(head.header("etag"), Some(tag.as_str()), "{path}");
        assert_eq!(head.header("content-length"), first.header("content-length"), "{path}");
    }
}

#[test]
fn the_parameters_of_the_url_filter_page_and_json_in_the_same_way() {
    let cloud = Cloud::start(&["--groups", "6"]);
    let truth = cloud.truth();
    let ids: Vec<&str> =
        truth["groups"].as_array().expect("groups").iter().filter_map(|g| g["group_id"].as_str()).collect();
    cloud.control(&json!({ "set_group": { "group_id": ids[2], "status": "FAILED" } }));
    let exporter = Exporter::polling(&cloud, &["poll.interval=60s"]);
    exporter.first_poll();
    assert_eq!(group_ids(&fleet(&exporter, "?status=FAILED")), [ids[2]]);
    assert_eq!(group_ids(&fleet(&exporter, "?show=group_publishing_failed")), [ids[2]]);
    assert_eq!(group_ids(&fleet(&exporter, &format!("?q={}", ids[4]))), [ids[4]]);
    assert_eq!(group_ids(&fleet(&exporter, "?account=none")).len(), 0);
    assert_eq!(group_ids(&fleet(&exporter, ""))[0], ids[2], "the most urgent group is first");
    let page = exporter.get(&format!("/?q={}", ids[4])).body;
    assert!(page.contains(&format!("groups/test/{}", ids[4])));
    assert!(!page.contains(&format!("<tr id=\"groups/test/{}\"", ids[0])));
    assert!(page.contains("Publishing failed"), "the filter does not apply to problems");
}

#[test]
fn a_target_that_is_down_shows_the_reason_and_a_remedy() {
    let cloud = Cloud::start(&["--groups", "2"]);
    let exporter = Exporter::polling(&cloud, &[]);
    exporter.first_poll();
    cloud.control(&json!({ "faults": [{ "fault": { "error": { "code": "Forbidden.RAM" } } }] }));
    let down = eventually("the target is down", || {
        let fleet = fleet(&exporter, "");
        (fleet["targets"][0]["up"] == false).then_some(fleet)
    });
    let failure = &down["targets"][0]["failures"][0];
    assert_eq!(failure["code"], "Forbidden.RAM");
    assert!(failure["advice"].as_str().expect("advice").contains("AliyunAppStreamingReadOnlyAccess"));
    assert!(failure["request_id"].is_string());
    assert_eq!(down["targets"][0]["problems"][0]["kind"], "permission_denied");
    for page in ["/", "/exporter"] {
        let body = exporter.get(page).body;
        assert!(
            body.contains("Forbidden.RAM") && body.contains("AliyunAppStreamingReadOnlyAccess"),
            "{body}"
        );
    }
    cloud.control(&json!({ "faults": [] }));
    eventually("the target is up", || {
        let fleet = fleet(&exporter, "");
        (fleet["targets"][0]["up"] == true && fleet["targets"][0]["failures"] == json!([])).then_some(())
    });
    let body = exporter.get("/exporter").body;
    assert!(body.contains("Last failed calls"), "the failure stays visible: {body}");
}

#[test]
fn no_page_contains_a_user_or_a_secret() {
    // At night there may be no session.
    let cloud = Cloud::start(&["--groups", "8", "--start", "2026-03-04T10:30:00+08:00"]);
    let detailed = [
        "collectors.instances=detailed",
        "collectors.persistent=detailed",
        "collectors.users=plain",
        "poll.interval=60s",
    ];
    let exporter = Exporter::polling(&cloud, &detailed);
    let exposition = exporter.first_poll();
    let users: Vec<String> = exposition
        .series("appstreaming_instance_info", &[])
        .filter_map(|(labels, _)| labels.get("user").cloned())
        .filter(|user| !user.is_empty())
        .collect();
    assert!(!users.is_empty(), "no user is bound");
    let mut paths: Vec<String> = ["/", "/exporter", "/api/v1/fleet"].map(String::from).into();
    for id in group_ids(&fleet(&exporter, "")) {
        paths.extend([format!("/groups/test/{id}"), format!("/api/v1/groups/test/{id}")]);
    }
    for path in paths {
        let body = exporter.get(&path).body;
        for user in &users {
            assert!(!body.contains(user.as_str()), "{path} names {user}");
        }
        assert!(!body.contains(appstreaming_exporter::simulator::ACCESS_KEY_SECRET), "{path}");
        assert!(!body.contains(appstreaming_exporter::simulator::ACCESS_KEY_ID), "{path}");
    }
}
