//! `check`, the doctor: findings, their causes and advice.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::commands::settings;
use crate::support::process::Finished;
use crate::support::{Cloud, binary, run};

fn check(settings: &[String]) -> Finished {
    run(binary().args(["check", "--online"]).args(settings))
}

fn json_of(settings: &[String]) -> (i32, Value) {
    let checked = run(binary().args(["check", "--online", "--format", "json"]).args(settings));
    let document = serde_json::from_str(&checked.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", checked.stdout, checked.stderr));
    (checked.status, document)
}

/// The findings of one check of the first account.
fn findings<'d>(document: &'d Value, check: &str) -> Vec<&'d Value> {
    let all = document["accounts"][0]["findings"].as_array().expect("findings");
    all.iter().filter(|finding| finding["check"] == check).collect()
}

fn operation<'d>(document: &'d Value, operation: &str) -> &'d Value {
    let found = findings(document, "operation");
    found
        .into_iter()
        .find(|finding| finding["operation"] == operation)
        .expect("a finding for every operation")
}

/// A server that returns a fixed body for every action, and whose clock can be wrong.
struct StubCloud {
    url: String,
}

impl StubCloud {
    /// A server whose clock is `ahead` seconds ahead.
    fn start(ahead: i64) -> Self {
        Self::with_identity(
            ahead,
            r#"{"RequestId":"1","IdentityType":"RAMUser","AccountId":"1234567890123456","Arn":"acs:ram::1234567890123456:user/exporter"}"#,
        )
    }

    /// A server with this clock and this response to `GetCallerIdentity`.
    fn with_identity(ahead: i64, identity: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // The threads run until the process of the tests exits.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || respond(stream, ahead, identity));
            }
        });
        Self { url }
    }

    fn settings(&self) -> Vec<String> {
        [
            format!("accounts.0.endpoint={}", self.url),
            "accounts.0.credentials.source=access_key".to_owned(),
            "accounts.0.credentials.access_key_id=LTAI5tExampleAbCd".to_owned(),
            "accounts.0.credentials.access_key_secret=a-secret-that-must-not-leak".to_owned(),
        ]
        .into_iter()
        .flat_map(|setting| ["--set".to_owned(), setting])
        .collect()
    }
}

fn respond(mut stream: TcpStream, ahead: i64, identity: &str) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut action, mut length) = (String::new(), 0);
    for line in reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
        let line = line.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("x-acs-action: ") {
            action = value.to_owned();
        } else if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    let body = match action.as_str() {
        "getcalleridentity" => identity,
        "listappinstancegroup" => {
            r#"{"TotalCount":1,"AppInstanceGroupModels":[{"AppInstanceGroupId":"aig-1","AuthMode":"App"}]}"#
        }
        "listappinstances" => r#"{"TotalCount":3,"AppInstanceModels":[{"AppInstanceId":"ai-1"}]}"#,
        "listpersistentappinstances" => r#"{"Code":"InvalidParameter.AuthMode","Message":"has none"}"#,
        _ => r#"{"Code":"MissingAction","Message":"which one?"}"#,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 + ahead;
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(now as u64));
    let status = if body.contains("\"Code\"") { "400 Bad Request" } else { "200 OK" };
    // The client may have disconnected.
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}

#[test]
fn check_without_online_sends_no_request() {
    let cloud = Cloud::start(&["--groups", "3"]);
    let offline = run(binary().arg("check").args(settings(&cloud, &[])));
    assert_eq!(offline.status, 0, "{}", offline.stderr);
    assert!(offline.stdout.contains("good"), "{}", offline.stdout);
    assert!(!offline.stdout.contains("Account"), "{}", offline.stdout);
    assert_eq!(cloud.stats()["answers"], json!({}));
}

#[test]
fn every_problem_of_a_configuration_is_listed_at_once_as_text_and_as_json() {
    let wrong = ["--set", "poll.intervall=1s", "--set", "poll.page_size=0"];
    let text = run(binary().arg("check").args(wrong));
    assert_eq!(text.status, 1);
    for key in ["poll.intervall", "poll.page_size"] {
        assert!(text.stderr.contains(key), "{}", text.stderr);
    }
    let json = run(binary().args(["check", "--format", "json"]).args(wrong));
    assert_eq!(json.status, 1);
    let document: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(document["status"], "trouble");
    let keys: Vec<&str> = document["configuration"]["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["key"].as_str().unwrap())
        .collect();
    assert!(keys.contains(&"poll.intervall") && keys.contains(&"poll.page_size"), "{keys:?}");
}

#[test]
fn without_problems_the_doctor_confirms_every_check() {
    let cloud = Cloud::start(&["--groups", "3"]);
    for signature in ["v2", "v3"] {
        let checked = check(&settings(&cloud, &[&format!("api.signature={signature}")]));
        assert_eq!(checked.status, 0, "{}{}", checked.stdout, checked.stderr);
        for part in [
            "Account test",
            "✓ ok",
            "connected to 127.0.0.1",
            "in step",
            "from access_key",
            "target CloudApp",
            "3 delivery groups",
            "40 instances of group aig-",
            "persistent sessions of group aig-",
            "4 requests a poll on average",
            "the exporter will work",
        ] {
            assert!(checked.stdout.contains(part), "{part}: {}", checked.stdout);
        }
        assert!(!checked.stdout.contains('\x1b'), "no colours in a pipe");
        assert!(!checked.stdout.contains(appstreaming_exporter::simulator::ACCESS_KEY_ID));
    }
}

#[test]
fn a_missing_permission_is_reported_with_the_policy_to_paste() {
    let cloud = Cloud::start(&["--groups", "3"]);
    cloud.control(
        &json!({"faults": [{"operation": "ListAppInstances", "fault": {"error": {"code": "NoPermission"}}}]}),
    );
    let (status, document) = json_of(&settings(&cloud, &["collectors.persistent=off"]));
    assert_eq!(
        (status, &document["status"], &document["accounts"][0]["level"]),
        (1, &json!("trouble"), &json!("error"))
    );
    assert_eq!(operation(&document, "ListAppInstanceGroup")["level"], "ok");
    let denied = operation(&document, "ListAppInstances");
    assert_eq!(
        (&denied["level"], &denied["code"], &denied["target"]),
        (&json!("error"), &json!("NoPermission"), &json!("CloudApp"))
    );
    assert!(denied["advice"].as_str().unwrap().contains("appstreaming:ListAppInstances"), "{denied}");
    assert!(denied["request_id"].is_string());
    let policy: Value = serde_json::from_str(document["accounts"][0]["policy"].as_str().unwrap()).unwrap();
    assert_eq!(
        policy["Statement"][0]["Action"],
        json!(["appstreaming:ListAppInstanceGroup", "appstreaming:ListAppInstances"]),
        "only the operations of this configuration"
    );
    let text = check(&settings(&cloud, &[]));
    assert_eq!(text.status, 1);
    assert!(text.stdout.contains("✗ error") && text.stdout.contains("what to do: grant"), "{}", text.stdout);
    assert!(text.stdout.contains(r#""appstreaming:ListPersistentAppInstances""#), "{}", text.stdout);
}

#[test]
fn an_account_with_problems_does_not_hide_the_others() {
    let cloud = Cloud::start(&["--groups", "3"]);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut all = settings(&cloud, &[]);
    for setting in [
        "accounts.1.name=closed".to_owned(),
        format!("accounts.1.endpoint=https://{closed}"),
        "accounts.2.name=without-credentials".to_owned(),
        format!("accounts.2.endpoint={}", cloud.url),
    ] {
        all.extend(["--set".to_owned(), setting]);
    }
    let (status, document) = json_of(&all);
    assert_eq!(status, 1);
    let accounts = document["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 3);
    assert_ne!(accounts[0]["level"], "error", "{}", accounts[0]);
    let of = |account: &Value, check: &str| {
        account["findings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|finding| finding["check"] == check)
            .cloned()
            .unwrap()
    };
    let unreachable = of(&accounts[1], "endpoint");
    assert_eq!((&unreachable["level"], &unreachable["code"]), (&json!("error"), &json!("connect")));
    assert!(unreachable["advice"].as_str().unwrap().contains(&closed.port().to_string()));
    let credentials = of(&accounts[2], "credentials");
    assert_eq!(credentials["level"], "error", "{credentials}");
    assert_eq!(of(&accounts[2], "endpoint")["level"], "ok", "the connection is checked without credentials");
}

#[test]
fn plain_http_instead_of_tls_is_distinguished_from_an_unreachable_host() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let https = cloud.url.replace("http://", "https://");
    let (status, document) = json_of(&settings(&cloud, &[&format!("accounts.0.endpoint={https}")]));
    let endpoint = findings(&document, "endpoint")[0].clone();
    assert_eq!((status, &endpoint["code"]), (1, &json!("tls")), "{endpoint}");
    assert!(endpoint["message"].as_str().unwrap().contains("connected to 127.0.0.1"), "{endpoint}");
}

#[test]
fn a_wrong_secret_is_an_error_of_the_operation_and_is_not_shown() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let secret = "a-secret-that-must-not-leak-7731";
    let checked = check(&settings(&cloud, &[&format!("accounts.0.credentials.access_key_secret={secret}")]));
    assert_eq!(checked.status, 1);
    assert!(checked.stdout.contains("SignatureDoesNotMatch"), "{}", checked.stdout);
    assert!(checked.stdout.contains("check the AccessKey secret"), "{}", checked.stdout);
    assert!(!checked.stdout.contains(secret) && !checked.stderr.contains(secret));
}

#[test]
fn the_identity_of_the_caller_is_shown_if_it_can_be_determined() {
    let stub = StubCloud::start(0);
    let (status, document) = json_of(&stub.settings());
    assert_eq!(status, 0, "{document}");
    let identity = findings(&document, "identity")[0].clone();
    assert_eq!(identity["level"], "ok");
    assert!(
        identity["message"].as_str().unwrap().contains("user/exporter of account 1234567890123456"),
        "{identity}"
    );
    let persistent = operation(&document, "ListPersistentAppInstances");
    assert_eq!(
        persistent["level"], "ok",
        "the API may return an error for a group without persistent sessions: {persistent}"
    );
    let text = document.to_string();
    assert!(!text.contains("LTAI5t") && !text.contains("must-not-leak"), "{text}");
}

#[test]
fn an_unknown_caller_is_only_a_note() {
    let stub = StubCloud::with_identity(0, r#"{"Code":"InternalError","Message":"not today"}"#);
    let (status, document) = json_of(&stub.settings());
    assert_eq!(status, 0, "{document}");
    let identity = findings(&document, "identity")[0].clone();
    assert_eq!(identity["level"], "note", "{identity}");
}

#[test]
fn a_wrong_clock_is_a_warning_or_an_error_by_its_difference() {
    for (ahead, status, level) in
        [(0, 0, "ok"), (120, 0, "warning"), (-120, 0, "warning"), (1200, 1, "error")]
    {
        let stub = StubCloud::start(ahead);
        let (ended, document) = json_of(&stub.settings());
        let clock = findings(&document, "clock")[0].clone();
        assert_eq!((ended, clock["level"].as_str().unwrap()), (status, level), "{ahead}: {clock}");
        let side = if ahead > 0 { "behind" } else { "ahead of" };
        assert!(ahead == 0 || clock["message"].as_str().unwrap().contains(side), "{ahead}: {clock}");
    }
}

#[test]
fn a_poll_that_does_not_fit_is_reported_with_changes_that_make_it_fit() {
    let cloud = Cloud::start(&["--groups", "8"]);
    let slow = ["poll.interval=2s", "api.requests_per_second=4"];
    let (status, document) = json_of(&settings(&cloud, &slow));
    assert_eq!(status, 0, "late polls are only a warning: {document}");
    let poll = findings(&document, "poll")[0].clone();
    assert_eq!(poll["level"], "warning", "{poll}");
    assert!(poll["message"].as_str().unwrap().starts_with("12 requests a poll on average"), "{poll}");
    for change in ["poll.interval to 10s", "api.requests_per_second to 8", "sharding"] {
        assert!(poll["advice"].as_str().unwrap().contains(change), "{change}: {poll}");
    }
    let impossible = ["poll.interval=1s", "poll.timeout=2s", "api.requests_per_second=4"];
    let (status, document) = json_of(&settings(&cloud, &impossible));
    assert_eq!((status, &findings(&document, "poll")[0]["level"]), (1, &json!("error")));
}

#[test]
fn requests_of_a_large_fleet_are_estimated_from_a_sample_of_its_groups() {
    let cloud = Cloud::start(&["--groups", "300", "--instances-per-group", "150"]);
    let (status, document) = json_of(&settings(&cloud, &["api.requests_per_second=1000"]));
    assert_eq!(status, 0, "{document}");
    let poll = findings(&document, "poll")[0]["message"].as_str().unwrap().to_owned();
    // 3 pages of groups, 2 of each group's instances, and 1 of the persistent sessions of 5 of 20
    // groups; those of the others are listed by every tenth poll.
    assert!(poll.starts_with("about 701 requests a poll on average, estimated from"), "{poll}");
    let requests = cloud.stats()["answers"]["OK"].as_u64().unwrap();
    assert!(requests <= 50, "{requests} requests");
}

#[test]
fn an_empty_fleet_is_a_warning() {
    let cloud = Cloud::start(&["--groups", "2"]);
    let (status, document) = json_of(&settings(&cloud, &[r#"accounts.0.regions=["cn-nowhere"]"#]));
    assert_eq!(status, 0, "{document}");
    let groups = operation(&document, "ListAppInstanceGroup");
    assert_eq!(
        (&groups["level"], &groups["target"]),
        (&json!("warning"), &json!("CloudApp/cn-nowhere")),
        "{groups}"
    );
    assert!(groups["advice"].as_str().unwrap().contains("endpoint_region"));
}

#[test]
fn an_api_that_does_not_respond_is_reported_in_bounded_time() {
    let cloud = Cloud::start(&["--groups", "2", "--latency", "10s"]);
    let short_timeouts = ["api.request_timeout=500ms", "api.connect_timeout=500ms"];
    let started = std::time::Instant::now();
    let (status, document) = json_of(&settings(&cloud, &short_timeouts));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!((status, &findings(&document, "endpoint")[0]["code"]), (1, &json!("http")), "{document}");
}
