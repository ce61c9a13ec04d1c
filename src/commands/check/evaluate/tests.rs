//! Which findings follow from which observations.

use super::*;
use crate::aliyun::diagnose::{PassedStage, UnreachableAddress};
use crate::commands::check::collect::PersistentCount;
use crate::commands::check::finding::CheckReport;
use crate::commands::check::text;

const LIMITS: PollLimits = PollLimits {
    interval: Duration::from_secs(60),
    timeout: Duration::from_secs(300),
    stale_after: Duration::from_secs(300),
    rate: 20.0,
    shards: 1,
    max_in_flight: 8,
    page_size: 100,
};

fn place() -> Endpoint {
    Endpoint::parse("https://appstream.example:8443").unwrap()
}

fn error(code: &str) -> Error {
    Error::from_body("ListAppInstances", 400, format!(r#"{{"Code":"{code}","Message":"no"}}"#).as_bytes())
}

fn target(groups: ProbeOutcome<GroupCounts>) -> TargetObservations {
    TargetObservations {
        name: "CloudApp".to_owned(),
        groups,
        instances: ProbeOutcome::Passed(("aig-1".to_owned(), 40)),
        persistent: ProbeOutcome::Passed(("aig-1".to_owned(), 0)),
        sizes: None,
    }
}

fn seen(listed: usize, own: usize) -> TargetObservations {
    target(ProbeOutcome::Passed(GroupCounts { listed, own, missing: Vec::new() }))
}

fn levels(findings: &[Finding]) -> Vec<Level> {
    findings.iter().map(|finding| finding.level).collect()
}

#[test]
fn a_failed_connection_is_reported_with_its_stage_and_advice() {
    let passed = |stage, detail: &str| PassedStage {
        stage,
        took: Duration::from_millis(3),
        detail: detail.to_owned(),
    };
    let broken =
        |stage, certificate| FailedStage { stage, message: "gone".to_owned(), bad_certificate: certificate };
    let way = vec![passed(Stage::Resolve, "192.0.2.1")];
    for (failed, proxy, vpc, word, advice) in [
        (broken(Stage::Resolve, false), None, false, "resolved", "name resolution"),
        (broken(Stage::Resolve, false), None, true, "resolved", "vpc = false"),
        (broken(Stage::Connect, false), None, false, "connection failed", "8443"),
        (broken(Stage::Connect, false), Some("proxy:3128"), false, "connection failed", "api.proxy"),
        (broken(Stage::Tls, false), None, false, "TLS handshake", "HTTPS"),
        (broken(Stage::Tls, true), None, false, "TLS handshake", "SSL_CERT_FILE"),
        (broken(Stage::Http, false), None, false, "no HTTP response", "the API"),
    ] {
        let probe = Diagnosis {
            passed: way.clone(),
            failed: Some(failed),
            proxy: proxy.map(str::to_owned),
            ..Diagnosis::default()
        };
        let finding = endpoint(&probe, &place(), vpc);
        assert_eq!(finding.level, Level::Error);
        assert!(
            finding.message.contains("192.0.2.1 (3 ms)") && finding.message.contains(word),
            "{finding:?}"
        );
        assert!(finding.advice.as_deref().is_some_and(|text| text.contains(advice)), "{finding:?}");
    }
}

#[test]
fn an_address_that_accepts_no_connection_is_a_warning_if_another_one_does() {
    let unreachable = UnreachableAddress {
        address: "[2001:db8::1]:443".parse().unwrap(),
        message: "timed out after 5s".to_owned(),
    };
    let connected = PassedStage {
        stage: Stage::Connect,
        took: Duration::from_millis(3),
        detail: "192.0.2.1:443".to_owned(),
    };
    let probe = Diagnosis { passed: vec![connected], unreachable: vec![unreachable], ..Diagnosis::default() };
    let finding = endpoint(&probe, &place(), false);
    assert_eq!(finding.level, Level::Warning);
    assert_eq!(
        finding.message,
        "connected to 192.0.2.1:443 (3 ms), but not to [2001:db8::1]:443: timed out after 5s"
    );
    assert!(finding.advice.is_some_and(|advice| advice.contains("use another address")));
}

#[test]
fn a_clock_difference_is_a_warning_above_a_minute_and_an_error_above_fifteen() {
    let ours = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    for (off, level, words) in [
        (0.0, Level::Ok, "in step"),
        (-59.0, Level::Ok, "59 s behind"),
        (61.0, Level::Warning, "61 s ahead of"),
        (-899.0, Level::Warning, "899 s behind"),
        (901.0, Level::Error, "901 s ahead of"),
        (-86_400.0, Level::Error, "86400 s behind"),
    ] {
        let half = Duration::from_millis(500);
        let theirs = if off >= 0.0 {
            ours - Duration::from_secs_f64(off)
        } else {
            ours + Duration::from_secs_f64(-off)
        };
        let probe = Diagnosis {
            clocks: Some(ClockComparison { peer: theirs - half, local: ours }),
            ..Diagnosis::default()
        };
        let finding = clock(&probe).unwrap();
        assert_eq!((finding.level, finding.advice.is_some()), (level, level != Level::Ok), "{off}");
        assert!(finding.message.contains(words), "{off}: {}", finding.message);
    }
}

#[test]
fn a_response_without_a_date_is_a_note() {
    assert_eq!(clock(&Diagnosis::default()).map(|finding| finding.level), Some(Level::Note));
    let failed = Some(FailedStage { stage: Stage::Connect, message: String::new(), bad_certificate: false });
    assert_eq!(clock(&Diagnosis { failed, ..Diagnosis::default() }), None);
}

#[test]
fn credentials_are_judged_by_their_expiry() {
    let now: Timestamp = "2026-11-22T08:00:00Z".parse().unwrap();
    let keys = |temporary, expires: Option<&str>| {
        let expires = expires.map(|end| end.parse().unwrap());
        credentials(
            &Ok(CredentialsSummary { source: "oidc_role", id: "…AbCd".to_owned(), temporary, expires }),
            now,
        )
    };
    assert_eq!(keys(false, None).level, Level::Ok);
    assert_eq!(keys(true, None).level, Level::Warning);
    let lasting = keys(true, Some("2026-11-22T08:42:00Z"));
    assert_eq!(lasting.level, Level::Ok);
    assert_eq!(
        lasting.message,
        "temporary keys …AbCd from oidc_role, until 2026-11-22T08:42:00Z (in 42 minutes)"
    );
    assert_eq!(keys(true, Some("2026-11-22T08:01:00Z")).level, Level::Warning);
    assert_eq!(keys(true, Some("2026-11-22T07:59:00Z")).level, Level::Error);
    let none = credentials(&Err("credentials from uri: no response".to_owned()), now);
    assert!(none.level == Level::Error && none.message.contains("uri") && none.advice.is_some());
}

#[test]
fn the_identity_is_at_most_a_warning() {
    let caller = |identity_type: &str| CallerIdentity {
        identity_type: identity_type.to_owned(),
        account_id: "12".to_owned(),
        arn: "acs:ram::12:user/exporter".to_owned(),
    };
    let user = identity(&ProbeOutcome::Passed(caller("RAMUser"))).unwrap();
    assert_eq!(
        (user.level, user.message.as_str()),
        (Level::Ok, "RAMUser acs:ram::12:user/exporter of account 12")
    );
    assert_eq!(identity(&ProbeOutcome::Passed(caller("Account"))).unwrap().level, Level::Warning);
    assert_eq!(identity(&ProbeOutcome::Failed(error("InvalidAction.NotFound"))).unwrap().level, Level::Note);
    assert_eq!(identity(&ProbeOutcome::TimedOut(Duration::from_secs(10))).unwrap().level, Level::Note);
    assert_eq!(identity(&ProbeOutcome::Skipped("")), None);
}

#[test]
fn a_denied_operation_is_reported_with_its_action_and_a_policy_of_the_called_operations() {
    let denied = TargetObservations {
        instances: ProbeOutcome::Failed(error("NoPermission")),
        persistent: ProbeOutcome::Skipped("collectors.persistent is off"),
        ..seen(3, 3)
    };
    let findings = operations(&denied);
    assert_eq!(levels(&findings), [Level::Ok, Level::Error, Level::Note]);
    let advice = findings[1].advice.as_deref().unwrap();
    assert!(advice.contains("appstreaming:ListAppInstances"), "{advice}");
    assert_eq!(findings[1].code.as_deref(), Some("NoPermission"));
    assert!(denied.is_denied());
    assert_eq!(called_operations(&[denied]), [LIST_APP_INSTANCE_GROUP, LIST_APP_INSTANCES]);
}

#[test]
fn a_blocked_account_and_a_wrong_key_need_no_policy() {
    for code in ["Forbidden.RiskControl", "SignatureDoesNotMatch", "Throttling.User"] {
        assert!(!target(ProbeOutcome::Failed(error(code))).is_denied(), "{code}");
    }
}

#[test]
fn an_empty_fleet_is_a_warning_with_advice() {
    let findings = operations(&seen(0, 0));
    assert_eq!(levels(&findings), [Level::Warning, Level::Note, Level::Note]);
    assert!(findings[0].advice.as_deref().unwrap().contains("endpoint_region"));
    let elsewhere = operations(&seen(3, 0));
    assert!(
        elsewhere[0].level == Level::Warning && elsewhere[0].advice.as_deref().unwrap().contains("sharding")
    );
    assert_eq!(operations(&seen(3, 2))[0].message, "3 delivery groups, 2 of them polled here");
}

#[test]
fn groups_picked_by_an_id_that_is_not_there_are_named() {
    let missing = vec!["aig-gone".to_owned()];
    let findings = operations(&target(ProbeOutcome::Passed(GroupCounts { listed: 1, own: 1, missing })));
    assert!(
        findings
            .iter()
            .any(|finding| finding.level == Level::Warning && finding.message.contains("aig-gone"))
    );
}

#[test]
fn skipped_operations_are_reported_once() {
    assert_eq!(operations(&target(ProbeOutcome::Skipped("no credentials"))).len(), 1);
    let late = operations(&target(ProbeOutcome::TimedOut(Duration::from_secs(30))));
    assert_eq!(levels(&late), [Level::Error, Level::Note, Level::Note]);
}

#[test]
fn what_a_poll_needs_is_counted_or_estimated() {
    let sizes = |groups: usize, instances: Option<&[u64]>, persistent: &[(u64, f64)]| {
        let counts = persistent.iter().map(|&(sessions, share)| PersistentCount { sessions, share });
        ListingSizes {
            group_listings: vec![groups as u64],
            groups,
            instances: instances.map(<[u64]>::to_vec),
            persistent: (!persistent.is_empty()).then(|| counts.collect()),
        }
    };
    let latency = Duration::from_millis(10);
    // One page of groups, 1 + 3 pages of instances, 1 + 1 of persistent sessions.
    let whole = sizes(2, Some(&[40, 250]), &[(0, 1.0), (12, 1.0)]);
    let exact = PollDemand { requests: 7, counted: None, average: false, latency };
    assert_eq!(poll_demand(&[&whole], &LIMITS, latency), exact);
    let large = sizes(600, Some(&[150; 20]), &[]);
    let estimated = poll_demand(&[&large, &whole], &LIMITS, latency);
    assert_eq!((estimated.requests, estimated.counted), (6 + 1200 + 7, Some((24, 604))));
    // 20 of 30 groups are listed by every tenth poll.
    let idle = sizes(30, None, &[(0, 0.1), (5, 1.0), (0, 0.1)]);
    let average = poll_demand(&[&idle], &LIMITS, latency);
    assert_eq!((average.requests, average.average), (1 + 10 + 2, true));
    let denied = sizes(30, Some(&[]), &[]);
    assert_eq!(
        poll_demand(&[&denied], &LIMITS, latency).requests,
        1 + 30,
        "a page for each group if none could be counted"
    );
}

#[test]
fn an_account_without_denied_operations_has_no_policy() {
    let observed = Observations {
        name: "production".to_owned(),
        endpoint: place(),
        vpc: false,
        connection: Diagnosis::default(),
        credentials: Ok(CredentialsSummary {
            source: "environment",
            id: "…AbCd".to_owned(),
            temporary: false,
            expires: None,
        }),
        identity: ProbeOutcome::Skipped(""),
        targets: vec![seen(3, 3)],
        latency: None,
        throttled: 2,
    };
    let report = evaluate_account(&observed, &LIMITS, Timestamp::UNIX_EPOCH);
    assert_eq!((report.level(), report.policy.as_deref()), (Level::Warning, None));
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.message.contains("2 requests") && finding.advice.is_some())
    );
}

#[test]
fn the_documentation_shows_the_output_of_the_doctor() {
    let passed = |stage, took, detail: &str| PassedStage {
        stage,
        took: Duration::from_millis(took),
        detail: detail.to_owned(),
    };
    let ours = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let denied = r#"{"Code":"NoPermission","Message":"You are not authorized to do this action.",
                     "RequestId":"6A7D1B36-2C4F-4B1E-9C55-0D2D5E7F8A90"}"#;
    let observed = Observations {
        name: "production".to_owned(),
        endpoint: Endpoint::https("appstream-center.cn-shanghai.aliyuncs.com").unwrap(),
        vpc: false,
        connection: Diagnosis {
            passed: vec![
                passed(Stage::Resolve, 4, "203.0.113.7"),
                passed(Stage::Connect, 11, "203.0.113.7:443"),
                passed(Stage::Tls, 24, "TLS 1.3"),
                passed(Stage::Http, 31, "status 400"),
            ],
            clocks: Some(ClockComparison { peer: ours + Duration::from_millis(74_500), local: ours }),
            ..Diagnosis::default()
        },
        credentials: Ok(CredentialsSummary {
            source: "oidc_role",
            id: "…AbCd".to_owned(),
            temporary: true,
            expires: Some("2026-11-22T08:42:00Z".parse().unwrap()),
        }),
        identity: ProbeOutcome::Passed(CallerIdentity {
            identity_type: "AssumedRoleUser".to_owned(),
            account_id: "1234567890123456".to_owned(),
            arn: "acs:ram::1234567890123456:assumed-role/exporter/appstreaming-exporter".to_owned(),
        }),
        targets: vec![TargetObservations {
            instances: ProbeOutcome::Failed(Error::from_body("ListAppInstances", 403, denied.as_bytes())),
            persistent: ProbeOutcome::Passed(("aig-9ciijz60n4xsv0001".to_owned(), 0)),
            sizes: Some(ListingSizes {
                group_listings: vec![200],
                groups: 200,
                instances: Some(Vec::new()),
                persistent: Some(vec![PersistentCount { sessions: 0, share: 0.1 }; 20]),
            }),
            ..seen(200, 200)
        }],
        latency: Some(Duration::from_millis(35)),
        throttled: 0,
    };
    let report = evaluate_account(&observed, &LIMITS, "2026-11-22T08:00:00Z".parse().unwrap());
    let report = CheckReport {
        parts: Vec::new(),
        origins: vec!["exporter.toml".to_owned()],
        warnings: Vec::new(),
        accounts: Some(vec![report]),
    };
    let shown = anstream::adapter::strip_str(&text::render(&report, None)).to_string();
    let page = include_str!("../../../../docs/operations.md");
    assert!(page.contains(&format!("```text\n{shown}```")), "docs/operations.md should show:\n{shown}");
}
