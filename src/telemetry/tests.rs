use super::status::{ReplicaMode, ReplicaRole};
use super::*;
use crate::aliyun::{AttemptOutcome, Waited};
use crate::metrics::{Histogram, MetricType, Sample, Value, catalogue};

fn find<'a>(families: &'a [MetricFamily], name: &str) -> &'a MetricFamily {
    families.iter().find(|family| family.name == name).unwrap_or_else(|| panic!("no {name}"))
}

fn own(name: &str) -> String {
    format!("appstreaming_exporter_{name}")
}

fn sample<'a>(families: &'a [MetricFamily], name: &str, labels: &[(&str, &str)]) -> &'a Sample {
    let family = find(families, &own(name));
    let fits = |sample: &&Sample| {
        sample.labels.len() == labels.len()
            && labels.iter().all(|(n, v)| sample.labels.iter().any(|(name, value)| name == n && value == v))
    };
    family.samples.iter().find(fits).unwrap_or_else(|| panic!("no {name} with {labels:?} in {family:?}"))
}

fn number(telemetry: &Telemetry, name: &str, labels: &[(&str, &str)]) -> f64 {
    match sample(&telemetry.gather().families, name, labels).value {
        Value::Number(value) => value,
        ref other => panic!("{name} is {other:?}"),
    }
}

fn finished(observer: &dyn RequestObserver, code: &str) {
    let took = Duration::from_millis(30);
    observer.finished(&AttemptOutcome { operation: "ListAppInstances", code, took, request_id: None });
}

#[test]
fn series_with_labels_known_in_advance_start_at_0() {
    let telemetry = Telemetry::new();
    telemetry.observer("a");
    telemetry.add_target("a", "CloudApp");
    telemetry.add_representation("text-0.0.4", "identity");
    for (name, labels) in [
        ("polls_total", &[("account", "a"), ("target", "CloudApp"), ("result", "success")][..]),
        ("polls_total", &[("account", "a"), ("target", "CloudApp"), ("result", "failure")]),
        ("poll_overruns_total", &[]),
        ("api_requests_total", &[("account", "a"), ("operation", "ListAppInstances"), ("code", "OK")]),
        ("api_retries_total", &[("operation", "ListPersistentAppInstances")]),
        ("api_limiter_wait_seconds_total", &[("account", "a")]),
        ("api_in_flight", &[]),
        ("poll_planned_requests", &[("account", "a")]),
        ("paging_inconsistencies_total", &[("operation", "ListAppInstanceGroup")]),
        ("credentials_refreshes_total", &[("account", "a"), ("result", "failure")]),
        ("series", &[("collector", "persistent_detail")]),
        ("series_dropped_total", &[("collector", "instances_detail")]),
        ("scrapes_total", &[("format", "text-0.0.4"), ("encoding", "identity")]),
        ("takeovers_total", &[]),
    ] {
        assert_eq!(number(&telemetry, name, labels), 0.0, "{name}");
    }
}

#[test]
fn times_of_events_that_never_happened_are_absent() {
    let telemetry = Telemetry::new();
    telemetry.observer("a");
    let absent = |name: &str| telemetry.gather().families.iter().all(|family| family.name != own(name));
    for name in [
        "config_last_reload_successful",
        "config_last_reload_success_timestamp_seconds",
        "credentials_expiry_timestamp_seconds",
        "state_timestamp_seconds",
    ] {
        assert!(absent(name), "{name}");
    }

    let at = Timestamp::from_millisecond(1_500).unwrap();
    telemetry.credentials_expiry("a", Some(at));
    assert_eq!(number(&telemetry, "credentials_expiry_timestamp_seconds", &[("account", "a")]), 1.5);
    telemetry.credentials_expiry("a", None);
    telemetry.credentials_expiry("a", None);
    assert!(absent("credentials_expiry_timestamp_seconds"));

    telemetry.config_loaded(true, at);
    telemetry.config_loaded(false, Timestamp::from_second(9).unwrap());
    assert_eq!(number(&telemetry, "config_last_reload_successful", &[]), 0.0);
    assert_eq!(number(&telemetry, "config_last_reload_success_timestamp_seconds", &[]), 1.5);
}

#[test]
fn polls_are_counted_by_result() {
    let telemetry = Telemetry::new();
    telemetry.observer("a");
    telemetry.poll_finished("a", "CloudApp", true, Duration::from_millis(700));
    telemetry.poll_finished("a", "CloudApp", false, Duration::from_secs(3));
    telemetry.poll_overrun(Timestamp::UNIX_EPOCH);
    telemetry.planned_requests("a", 1_200);
    telemetry.paging_inconsistencies("ListAppInstances", 2);
    let labels = [("account", "a"), ("target", "CloudApp"), ("result", "failure")];
    assert_eq!(number(&telemetry, "polls_total", &labels), 1.0);
    assert_eq!(number(&telemetry, "poll_overruns_total", &[]), 1.0);
    assert_eq!(number(&telemetry, "poll_planned_requests", &[("account", "a")]), 1_200.0);
    let operation = [("operation", "ListAppInstances")];
    assert_eq!(number(&telemetry, "paging_inconsistencies_total", &operation), 2.0);

    let families = telemetry.gather().families;
    let Value::Histogram(histogram) = &sample(&families, "poll_duration_seconds", &[]).value else {
        panic!("no histogram")
    };
    let Histogram { buckets, sum, count, .. } = histogram;
    assert_eq!((*sum, *count), (3.7, 2));
    assert!(buckets.is_sorted() && buckets.iter().all(|(bound, _)| bound.is_finite()));
    let up_to = |limit: f64| buckets.iter().rfind(|(bound, _)| *bound <= limit).unwrap().1;
    assert_eq!((up_to(0.5), up_to(1.0), up_to(1_000.0)), (0, 1, 2), "cumulative");
}

#[test]
fn requests_are_counted_by_account_operation_and_code() {
    let telemetry = Telemetry::new();
    let observer = telemetry.observer("a");
    finished(&*observer, "OK");
    finished(&*observer, "Throttling.User");
    observer.retried("ListAppInstances");
    observer.waited(Waited { total: Duration::from_millis(250), rate_limit: Duration::ZERO });
    observer.rate_limit(12.5);
    observer.in_flight(1);
    observer.in_flight(1);
    observer.in_flight(-1);
    let labels = |code: &'static str| [("account", "a"), ("operation", "ListAppInstances"), ("code", code)];
    assert_eq!(number(&telemetry, "api_requests_total", &labels("OK")), 1.0);
    assert_eq!(number(&telemetry, "api_requests_total", &labels("Throttling.User")), 1.0);
    assert_eq!(number(&telemetry, "api_retries_total", &[("operation", "ListAppInstances")]), 1.0);
    assert_eq!(number(&telemetry, "api_limiter_wait_seconds_total", &[("account", "a")]), 0.25);
    assert_eq!(number(&telemetry, "api_rate_limit", &[("account", "a")]), 12.5);
    assert_eq!(number(&telemetry, "api_in_flight", &[]), 1.0);
}

#[test]
fn the_last_request_of_each_bucket_is_its_exemplar() {
    let telemetry = Telemetry::new();
    let observer = telemetry.observer("a");
    let finish = |milliseconds: u64, request_id: Option<&str>| {
        let took = Duration::from_millis(milliseconds);
        observer.finished(&AttemptOutcome { operation: "ListAppInstances", code: "OK", took, request_id });
    };
    finish(30, Some("FIRST"));
    finish(30, Some("SECOND"));
    finish(30, None);
    finish(31, Some(&"x".repeat(119)));
    finish(60_000, Some("SLOW"));
    finish(25, Some("ON-THE-BOUND"));
    let families = telemetry.gather().families;
    let labels = [("operation", "ListAppInstances")];
    let Value::Histogram(histogram) = &sample(&families, "api_request_duration_seconds", &labels).value
    else {
        panic!("no histogram")
    };
    let of_bucket = |(above, upto, _)| {
        let exemplar = histogram.exemplar(above, upto)?;
        let [(name, id)] = &exemplar.labels[..] else { panic!("{exemplar:?}") };
        assert_eq!(name, "request_id");
        Some((upto, id.as_str()))
    };
    let shown: Vec<_> = histogram.intervals().filter_map(of_bucket).collect();
    assert_eq!(shown, [(0.025, "ON-THE-BOUND"), (0.05, "SECOND"), (f64::INFINITY, "SLOW")]);
}

#[test]
fn the_number_of_series_stays_bounded_if_the_api_sends_endless_codes() {
    let telemetry = Telemetry::new();
    for index in 0..500 {
        // A new observer each time: several clients of an account share its limit.
        finished(&*telemetry.observer("a"), &format!("Code.{index}"));
    }
    finished(&*telemetry.observer("a"), &"x".repeat(10_000));
    finished(&*telemetry.observer("a"), "timeout");
    let families = telemetry.gather().families;
    let requests = find(&families, &own("api_requests_total"));
    // 64 codes, OTHER, timeout, and OK at 0 for three operations.
    assert_eq!(requests.samples.len(), 64 + 1 + 1 + 3);
    let labels = |code: &'static str| [("account", "a"), ("operation", "ListAppInstances"), ("code", code)];
    assert_eq!(number(&telemetry, "api_requests_total", &labels("OTHER")), 437.0);
    assert_eq!(number(&telemetry, "api_requests_total", &labels("timeout")), 1.0);
}

#[test]
fn every_recorded_value_advances_the_revision() {
    let telemetry = Telemetry::new();
    let observer = telemetry.observer("a");
    let mut findings = DecodeIssues::default();
    findings.count_unknown("Status");
    let at = Timestamp::from_second(9).unwrap();
    let setup = Setup { shards: 3, ..Setup::default() };
    let events: [(&str, &dyn Fn()); 24] = [
        ("observer", &|| drop(telemetry.observer("b"))),
        ("add_target", &|| telemetry.add_target("a", "t")),
        ("poll_finished", &|| telemetry.poll_finished("a", "t", true, Duration::from_secs(1))),
        ("poll_overrun", &|| telemetry.poll_overrun(at)),
        ("planned_requests", &|| telemetry.planned_requests("a", 7)),
        ("paging_inconsistencies", &|| telemetry.paging_inconsistencies("ListAppInstances", 1)),
        ("findings", &|| telemetry.findings(&findings)),
        ("credentials_source", &|| telemetry.credentials_source("c", "uri")),
        ("credentials_refreshed", &|| telemetry.credentials_refreshed("a", true)),
        ("credentials_expiry", &|| telemetry.credentials_expiry("a", Some(at))),
        ("config_loaded", &|| telemetry.config_loaded(true, at)),
        ("settings", &|| telemetry.settings(&setup)),
        ("replica_active", &|| telemetry.replica_active(false)),
        ("state_served", &|| telemetry.state_served(at)),
        ("state_restored", &|| telemetry.state_restored(RestoreSource::File, RestoreResult::Ok)),
        ("taken_over", &|| telemetry.taken_over()),
        ("snapshot_rendered", &|| telemetry.snapshot_rendered(&[("groups", 7)].into(), &BTreeMap::new())),
        ("body_bytes", &|| telemetry.body_bytes([(["protobuf", "zstd"], 1)].into())),
        ("finished", &|| finished(&*observer, "OK")),
        ("retried", &|| observer.retried("ListAppInstances")),
        ("rate_limit", &|| observer.rate_limit(2.5)),
        ("in_flight", &|| observer.in_flight(1)),
        ("forget_target", &|| telemetry.forget_target("a", "t")),
        ("forget_account", &|| telemetry.forget_account("b")),
    ];
    for (name, record) in events {
        let before = (telemetry.revision(), telemetry.part(OwnPart::Recorded));
        record();
        assert_ne!(telemetry.part(OwnPart::Recorded), before.1, "{name} changes a value");
        assert_ne!(telemetry.revision(), before.0, "{name} advances the revision");
    }
    let before = telemetry.revision();
    let waited = Waited { total: Duration::from_millis(250), rate_limit: Duration::ZERO };
    observer.waited(waited);
    assert_ne!(telemetry.revision(), before);
}

#[test]
fn a_scrape_changes_no_recorded_value() {
    let telemetry = Telemetry::new();
    telemetry.add_representation("protobuf", "zstd");
    let before = (telemetry.revision(), telemetry.part(OwnPart::Recorded));
    for count in 1..=2 {
        telemetry.scraped("protobuf", "zstd");
        let scrapes = telemetry.part(OwnPart::Scrapes).families;
        assert_eq!(scrapes[0].samples[0].value, Value::Number(f64::from(count)));
    }
    assert_eq!((telemetry.revision(), telemetry.part(OwnPart::Recorded)), before);
}

#[test]
fn decode_issues_series_and_scrapes_are_counted() {
    let telemetry = Telemetry::new();
    let mut findings = DecodeIssues::default();
    findings.count_unknown("Status");
    findings.count_unparsable("GmtCreate");
    telemetry.findings(&findings);
    telemetry.findings(&findings);
    assert_eq!(number(&telemetry, "unknown_values_total", &[("field", "Status")]), 2.0);
    assert_eq!(number(&telemetry, "unparsable_fields_total", &[("field", "GmtCreate")]), 2.0);

    telemetry.snapshot_rendered(&[("groups", 7)].into(), &[("instances_detail", 90)].into());
    telemetry.snapshot_rendered(&BTreeMap::new(), &[("instances_detail", 10)].into());
    assert_eq!(number(&telemetry, "series", &[("collector", "groups")]), 0.0, "of the last snapshot");
    assert_eq!(number(&telemetry, "series_dropped_total", &[("collector", "instances_detail")]), 100.0);

    let representation = [("format", "text-0.0.4"), ("encoding", "identity")];
    telemetry.body_bytes([(["protobuf", "zstd"], 1)].into());
    telemetry.body_bytes(BTreeMap::new());
    assert!(telemetry.gather().families.iter().all(|family| family.name != own("snapshot_bytes")));
    telemetry.body_bytes([(["text-0.0.4", "identity"], 1_234)].into());
    telemetry.scraped("text-0.0.4", "identity");
    assert_eq!(number(&telemetry, "snapshot_bytes", &representation), 1_234.0);
    assert_eq!(number(&telemetry, "scrapes_total", &representation), 1.0);
}

#[test]
fn every_own_family_of_the_catalogue_is_gathered_in_order() {
    let telemetry = Telemetry::new();
    finished(&*telemetry.observer("a"), "OK");
    telemetry.add_target("a", "CloudApp");
    let mut findings = DecodeIssues::default();
    findings.count_unknown("Status");
    findings.count_unparsable("Status");
    telemetry.findings(&findings);
    telemetry.credentials_expiry("a", Some(Timestamp::UNIX_EPOCH));
    telemetry.config_loaded(true, Timestamp::UNIX_EPOCH);
    telemetry.body_bytes([(["text-0.0.4", "identity"], 1)].into());
    telemetry.scraped("text-0.0.4", "identity");
    telemetry.state_served(Timestamp::UNIX_EPOCH);
    telemetry.settings(&Setup::default());

    let families = telemetry.gather().families;
    assert!(families.is_sorted_by(|a, b| a.name < b.name), "sorted and different");
    let ours = |family: &&catalogue::Family| match family.collector {
        catalogue::Collector::Process => cfg!(target_os = "linux"),
        collector => collector == catalogue::Collector::Exporter,
    };
    assert_eq!(families.len(), catalogue::families().filter(ours).count());
    for described in catalogue::families().filter(ours) {
        let family = find(&families, described.name);
        assert_eq!(
            (&*family.help, family.metric_type),
            (described.help, described.metric_type),
            "{}",
            family.name
        );
        let mut expected: Vec<&str> = described.all_labels().collect();
        expected.sort_unstable();
        for sample in &family.samples {
            let mut names: Vec<&str> = sample.labels.iter().map(|(name, _)| &**name).collect();
            names.sort_unstable();
            assert_eq!(names, expected, "{}", family.name);
        }
    }
}

#[test]
fn a_process_without_replicas_is_active() {
    let telemetry = Telemetry::new();
    assert_eq!(number(&telemetry, "replica_active", &[]), 1.0);
    assert_eq!(telemetry.status(Setup::default()).replica, ReplicaStatus::default());
}

#[test]
fn a_replica_shows_its_role_its_state_and_its_takeovers() {
    let telemetry = Telemetry::new();
    let at = Timestamp::from_millisecond(1_500).unwrap();
    let standby = ReplicaStatus {
        mode: ReplicaMode::Pair,
        role: ReplicaRole::Standby,
        of: Some("http://10.0.0.7:9877".to_owned()),
        state_at: Some(at),
        fetch_failure: None,
    };
    telemetry.replica_active(false);
    telemetry.replica(ReplicaStatus { state_at: None, ..standby.clone() });
    telemetry.state_served(at);
    assert_eq!(number(&telemetry, "replica_active", &[]), 0.0);
    assert_eq!(number(&telemetry, "state_timestamp_seconds", &[]), 1.5);
    assert_eq!(telemetry.status(Setup::default()).replica, standby);

    telemetry.replica_active(true);
    telemetry.taken_over();
    assert_eq!(number(&telemetry, "replica_active", &[]), 1.0);
    assert_eq!(number(&telemetry, "takeovers_total", &[]), 1.0);
}

#[test]
fn the_poll_interval_and_the_shard_are_those_of_the_active_configuration() {
    let telemetry = Telemetry::new();
    let interval = jiff::SignedDuration::from_secs(90);
    telemetry.settings(&Setup { interval, shard_index: 2, shards: 3, ..Setup::default() });
    assert_eq!(number(&telemetry, "poll_interval_seconds", &[]), 90.0);
    assert_eq!(number(&telemetry, "shard_info", &[("shard", "2"), ("shards", "3")]), 1.0);
}

#[test]
fn only_a_state_that_could_not_be_used_is_a_failed_restore() {
    let telemetry = Telemetry::new();
    telemetry.state_restored(RestoreSource::File, RestoreResult::Stale);
    assert_eq!(telemetry.status(Setup::default()).failed_restore, None);
    telemetry.state_restored(RestoreSource::File, RestoreResult::Damaged);
    telemetry.state_restored(RestoreSource::Peer, RestoreResult::Ok);
    let failed = telemetry.status(Setup::default()).failed_restore.unwrap();
    assert_eq!((failed.source, failed.result), ("file", "damaged"));
}

#[test]
fn restores_are_counted_from_0_for_every_source_and_result() {
    let telemetry = Telemetry::new();
    telemetry.state_restored(RestoreSource::Peer, RestoreResult::Stale);
    for source in ["file", "peer"] {
        for result in ["ok", "stale", "damaged", "foreign", "version"] {
            let expected = if (source, result) == ("peer", "stale") { 1.0 } else { 0.0 };
            let labels = [("source", source), ("result", result)];
            assert_eq!(number(&telemetry, "state_restores_total", &labels), expected, "{labels:?}");
        }
    }
}

#[test]
fn build_info_has_version_revision_and_compiler() {
    let families = Telemetry::new().gather().families;
    let labels = &find(&families, &own("build_info")).samples[0].labels;
    let pairs: Vec<(&str, &str)> = labels.iter().map(|(n, v)| (&**n, &**v)).collect();
    assert_eq!(pairs, [("version", VERSION), ("revision", REVISION), ("rustc", RUSTC)]);
    assert!(REVISION == "unknown" || (REVISION.len() == 40 && !REVISION.contains(' ')), "{REVISION}");
    assert!(RUSTC.starts_with("1."), "{RUSTC}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_standard_process_metrics_are_present() {
    let families = Telemetry::new().gather().families;
    let value = |name: &str| match find(&families, name).samples[0].value {
        Value::Number(value) => value,
        ref other => panic!("{other:?}"),
    };
    assert!(value("process_cpu_seconds_total") >= 0.0);
    assert_eq!(find(&families, "process_cpu_seconds_total").metric_type, MetricType::Counter);
    assert!(value("process_open_fds") >= 3.0 && value("process_max_fds") >= value("process_open_fds"));
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("process_virtual_memory_bytes") >= value("process_resident_memory_bytes"));
    assert!(value("process_virtual_memory_max_bytes") > 0.0);
    assert!(value("process_threads") >= 1.0);
    let age = Timestamp::now().as_millisecond() as f64 / 1e3 - value("process_start_time_seconds");
    assert!((-2.0..3_600.0).contains(&age), "{age}");
}

#[test]
fn credentials_that_are_refreshed_after_their_account_was_removed_leave_no_series() {
    let telemetry = Telemetry::new();
    telemetry.credentials_source("a", "static");
    telemetry.credentials_refreshed("a", true);
    telemetry.forget_account("a");
    telemetry.credentials_refreshed("a", true);
    let families = telemetry.gather().families;
    let refreshes = families.iter().find(|family| family.name == own("credentials_refreshes_total"));
    assert!(refreshes.is_none_or(|family| family.samples.is_empty()), "{refreshes:?}");
}
