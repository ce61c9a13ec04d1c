//! The same fleet in every format, as real readers receive it.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::prometheus::Prometheus;
use crate::support::{Cloud, Exporter, Exposition, eventually, http, python, run};

const TEXT: &str = "text/plain;version=0.0.4";
const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0";
const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

/// `Accept`, the value of the label `format`, and the start of the content type.
const FORMATS: [(&str, &str, &str); 5] = [
    (TEXT, "text-0.0.4", "text/plain; version=0.0.4; charset=utf-8"),
    ("text/plain;version=1.0.0", "text-1.0.0", "text/plain; version=1.0.0; charset=utf-8; escaping="),
    (
        "application/openmetrics-text;version=0.0.1",
        "openmetrics-0.0.1",
        "application/openmetrics-text; version=0.0.1; charset=utf-8",
    ),
    (
        OPENMETRICS,
        "openmetrics-1.0.0",
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=",
    ),
    (
        PROTOBUF,
        "protobuf",
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
    ),
];

/// The metrics of the fleet, without those that change from scrape to scrape.
const FLEET: &str = "/metrics?collect[]=groups&collect[]=node_pools&collect[]=instances\
    &collect[]=transitions&collect[]=lifecycle&collect[]=nodes&collect[]=persistent\
    &collect[]=instances_detail&collect[]=persistent_detail&collect[]=health";

/// The histograms that protobuf also contains as native ones.
const NATIVE: [&str; 2] =
    ["appstreaming_group_instance_ready_seconds", "appstreaming_group_session_duration_seconds"];

/// Only the first poll takes place during a test.
const ONE_POLL: &str = "poll.interval=1h";

/// Status, content type, content encoding and body of a response.
fn fetch(exporter: &Exporter, path: &str, accept: &str, encoding: &str) -> (u16, String, String, Vec<u8>) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
    let request = agent.get(format!("{}{path}", exporter.url));
    let sent = request.header("Accept", accept).header("Accept-Encoding", encoding).call();
    let mut response = sent.unwrap_or_else(|error| panic!("GET {path}: {error}"));
    let header = |name: &str| {
        response.headers().get(name).map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    };
    let (kind, coding) = (header("content-type"), header("content-encoding"));
    let status = response.status().as_u16();
    (status, kind, coding, response.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap())
}

#[test]
fn a_large_uncompressed_body_is_complete_although_its_length_is_not_announced() {
    let cloud = Cloud::start(&["--groups", "8", "--instances-per-group", "3500"]);
    let exporter = Exporter::polling(&cloud, &[ONE_POLL, "collectors.instances=detailed"]);
    exporter.first_poll();
    let all = http::get_with(&format!("{}/metrics", exporter.url), &[("Accept-Encoding", "identity")]);
    assert_eq!(all.header("transfer-encoding"), Some("chunked"));
    assert!(Exposition::parse(&all.body).has("appstreaming_exporter_build_info"), "the last part is missing");
    for accept in [TEXT, OPENMETRICS, PROTOBUF] {
        let (_, _, coding, plain) = fetch(&exporter, FLEET, accept, "identity");
        assert_eq!(coding, "");
        let (_, _, coding, packed) = fetch(&exporter, FLEET, accept, "zstd");
        assert_eq!(coding, "zstd");
        assert!(plain == zstd::decode_all(&packed[..]).unwrap(), "{accept}");
        assert!(plain.len() > 8 << 20, "{} bytes for {accept}", plain.len());
    }
}

#[test]
fn every_format_and_encoding_is_served_by_name_and_counted() {
    let cloud = Cloud::start(&["--groups", "5"]);
    let exporter = Exporter::polling(&cloud, &[ONE_POLL]);
    exporter.first_poll();
    let before = exporter.scrape();
    for (accept, format, kind) in FORMATS {
        for encoding in ["identity", "gzip", "zstd"] {
            let (status, content_type, coding, body) = fetch(&exporter, "/metrics", accept, encoding);
            assert_eq!(status, 200);
            assert!(content_type.starts_with(kind), "{content_type} for {format}");
            assert_eq!(coding, if encoding == "identity" { "" } else { encoding });
            let magic: &[u8] = match encoding {
                "gzip" => b"\x1f\x8b",
                "zstd" => b"\x28\xb5\x2f\xfd",
                _ => b"",
            };
            assert!(body.starts_with(magic), "{format} {encoding}");
        }
    }

    let after = exporter.scrape();
    for (accept, format, _) in FORMATS {
        let end = if format.starts_with("openmetrics") { "# EOF\n".len() } else { 0 };
        let (.., fleet) = fetch(&exporter, FLEET, accept, "identity");
        for encoding in ["identity", "gzip", "zstd"] {
            let labels = [("format", format), ("encoding", encoding)];
            let scrapes =
                |exposition: &Exposition| exposition.value("appstreaming_exporter_scrapes_total", &labels);
            // One of the scrapes `before` and `after`, which have this format, is counted as well.
            let scrape = u8::from(format == "text-0.0.4" && encoding == "identity");
            assert_eq!(scrapes(&after), scrapes(&before).map(|n| n + 1.0 + f64::from(scrape)), "{labels:?}");
            let bytes =
                after.value("appstreaming_exporter_snapshot_bytes", &labels).expect("rendered by now");
            if encoding == "identity" {
                assert_eq!(bytes as usize, fleet.len() - end, "{labels:?}");
            } else {
                assert!(bytes > 0.0 && (bytes as usize) < fleet.len() / 3, "{labels:?} {bytes}");
            }
        }
    }
}

#[test]
fn a_format_that_is_never_requested_is_never_rendered() {
    let cloud = Cloud::start(&["--groups", "2"]);
    let exporter = Exporter::polling(&cloud, &[ONE_POLL]);
    let seen = exporter.first_poll();
    let rendered: Vec<_> =
        seen.series("appstreaming_exporter_snapshot_bytes", &[]).map(|(labels, _)| labels).collect();
    assert!(rendered.iter().all(|labels| labels["encoding"] == "identity"), "{rendered:?}");
    assert!(rendered.iter().all(|labels| labels["format"].starts_with("text-")), "{rendered:?}");
}

#[test]
fn openmetrics_has_units_start_times_and_exemplars_with_request_ids() {
    let cloud = Cloud::start(&["--groups", "5"]);
    let exporter = Exporter::polling(&cloud, &[ONE_POLL]);
    exporter.first_poll();
    let (.., body) = fetch(&exporter, "/metrics", OPENMETRICS, "identity");
    let body = String::from_utf8(body).unwrap();
    assert!(body.ends_with("\n# EOF\n") && body.matches("# EOF").count() == 1);
    let durations = "appstreaming_exporter_api_request_duration_seconds";
    assert!(body.contains(&format!("# UNIT {durations} seconds\n")));
    let exemplified = |line: &&str| {
        line.starts_with(&format!("{durations}_bucket{{")) && line.contains(" # {request_id=\"")
    };
    assert!(body.lines().any(|line| exemplified(&line)), "{body}");
    assert!(body.contains("# TYPE appstreaming_exporter_polls counter\n"));
    assert!(body.contains("\nappstreaming_exporter_polls_total{"));
    let created =
        body.lines().find_map(|line| line.strip_prefix("appstreaming_exporter_poll_overruns_created "));
    let created: f64 = created.expect("a start").parse().expect("a time");
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let age = now - Duration::from_secs_f64(created);
    assert!(age < Duration::from_secs(600), "{age:?}");
}

#[test]
fn a_scrape_can_be_filtered_and_an_unknown_value_is_rejected() {
    let cloud = Cloud::start(&["--groups", "4"]);
    let exporter = Exporter::polling(&cloud, &[ONE_POLL]);
    let whole = exporter.first_poll();
    let groups: Vec<String> =
        whole.series("appstreaming_group_info", &[]).map(|(labels, _)| labels["group_id"].clone()).collect();
    let filtered = |query: &str| {
        let response = exporter.get(&format!("/metrics?{query}"));
        assert_eq!(response.status, 200, "{}", response.body);
        Exposition::parse(&response.body)
    };

    let two = filtered(&format!("group_id={}&group_id={}&utm=1", groups[0], groups[2]));
    assert_eq!(two.series("appstreaming_group_info", &[]).count(), 2);
    assert!(two.has("appstreaming_up") && two.has("appstreaming_exporter_build_info"));
    let one = filtered(&format!("collect[]=health&account=test&group_id={}", groups[1]));
    assert!(one.has("appstreaming_up") && !one.has("appstreaming_group_info"));
    assert!(!one.has("appstreaming_exporter_build_info") && !one.has("process_cpu_seconds_total"));
    let process: Vec<_> = filtered("collect%5B%5D=process").names().map(str::to_owned).collect();
    assert!(!process.is_empty() && process.iter().all(|name| name.starts_with("process_")), "{process:?}");

    for (query, named) in [
        ("account=prod", "unknown account \"prod\"\nknown: test\n"),
        ("group_id=aig-none", "unknown group_id \"aig-none\"\n"),
        ("region_id=mars", "unknown region_id \"mars\"\n"),
        ("collect[]=everything", "unknown collect[] \"everything\"\nknown: exporter, groups, "),
    ] {
        let rejected = exporter.get(&format!("/metrics?{query}"));
        assert_eq!(rejected.status, 400, "{query}");
        assert!(rejected.body.starts_with(named), "{}", rejected.body);
    }
}

#[test]
fn simultaneous_scrapes_receive_the_same_bytes() {
    let cloud = Cloud::start(&["--groups", "40"]);
    let exporter = Exporter::polling(&cloud, &[ONE_POLL, "collectors.instances=detailed"]);
    exporter.first_poll();
    let bodies: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let scrape = || scope.spawn(|| fetch(&exporter, "/metrics", OPENMETRICS, "gzip").3);
        let threads: Vec<_> = std::iter::repeat_with(scrape).take(8).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    // Only the exporter's own metrics differ. They follow the fleet's part, which is more than half of
    // the body.
    let fleet = bodies.iter().map(Vec::len).min().unwrap_or_default() / 2;
    assert!(fleet > 10_000);
    assert!(bodies.iter().all(|body| body[..fleet] == bodies[0][..fleet]));
}

/// Starts Prometheus with these arguments, waits until it has scraped the fleet, and compares its
/// series with those of the exporter's text.
fn prometheus_stores_the_same(arguments: &[&str], format: &str) -> (Exporter, Prometheus) {
    let cloud = Cloud::start(&["--groups", "6"]);
    let exporter =
        Exporter::polling(&cloud, &[ONE_POLL, "collectors.instances=detailed", "labels.group=[\"name\"]"]);
    exporter.first_poll();
    let configuration = tempfile::NamedTempFile::new().unwrap();
    let target = exporter.url.strip_prefix("http://").expect("an address");
    let text = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
         scrape_configs: [{{job_name: a, static_configs: [{{targets: ['{target}']}}]}}]\n"
    );
    std::fs::write(configuration.path(), text).unwrap();
    let prometheus = Prometheus::with(&configuration.path().display().to_string(), arguments);

    let fleet = "{job=\"a\",__name__=~\"appstreaming_[a-df-z].*\"}";
    let seen = eventually("Prometheus has the fleet", || {
        let seen = prometheus.query(fleet);
        (!seen.is_empty()).then_some(seen)
    });
    let series = |labels: &Value| -> BTreeMap<String, String> {
        let labels = labels.as_object().expect("labels").iter();
        let ours = labels.filter(|(name, _)| !["job", "instance"].contains(&name.as_str()));
        // For Prometheus, an empty label is a missing one.
        ours.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
    };
    let mut seen: Vec<_> = seen.iter().map(|(labels, value)| (series(labels), value.to_string())).collect();
    seen.sort();
    let served = Exposition::parse(&exporter.get(FLEET).body);
    let mut expected = Vec::new();
    for name in served.names() {
        for (labels, value) in served.series(name, &[]) {
            let mut labels: BTreeMap<_, _> =
                labels.clone().into_iter().filter(|(_, value)| !value.is_empty()).collect();
            labels.insert("__name__".to_owned(), name.to_owned());
            expected.push((labels, value.to_string()));
        }
    }
    expected.sort();
    if format == "protobuf" {
        // Prometheus stores native histograms instead of their classic buckets.
        expected.retain(|(labels, _)| !NATIVE.iter().any(|name| labels["__name__"].starts_with(name)));
    }
    // The timestamps of polls and schedules do not change, because simulated time does not pass.
    assert_eq!(seen.len(), expected.len());
    assert!(seen == expected, "first difference: {:?}", seen.iter().zip(&expected).find(|(a, b)| a != b));

    let scrapes = exporter.scrape();
    let labels = [("format", format), ("encoding", "gzip")];
    assert!(scrapes.value("appstreaming_exporter_scrapes_total", &labels) > Some(0.0), "{labels:?}");
    (exporter, prometheus)
}

#[test]
#[ignore = "needs a real Prometheus: just end-to-end"]
fn prometheus_reads_openmetrics_with_its_exemplars() {
    let arguments = ["--enable-feature=exemplar-storage"];
    let (_exporter, prometheus) = prometheus_stores_the_same(&arguments, "openmetrics-1.0.0");
    let query = "appstreaming_exporter_api_request_duration_seconds_bucket";
    let url = format!("{}/api/v1/query_exemplars?query={query}&start=0&end=9999999999", prometheus.url);
    let found = eventually("Prometheus has exemplars", || {
        let response = http::get(&url).json();
        let first = response["data"][0]["exemplars"][0].clone();
        first.is_object().then_some(first)
    });
    assert!(found["labels"]["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{found}");
}

#[test]
#[ignore = "needs a real Prometheus: just end-to-end"]
fn prometheus_reads_protobuf() {
    // Prometheus 2 requests protobuf if it has the first feature, Prometheus 3 if it has the second.
    let arguments = ["--enable-feature=native-histograms,created-timestamp-zero-ingestion"];
    let (_exporter, prometheus) = prometheus_stores_the_same(&arguments, "protobuf");
    // Counters keep their names, and the bounds of buckets are those of the text format.
    for query in [
        "appstreaming_exporter_polls_total",
        "appstreaming_exporter_poll_duration_seconds_bucket{le=\"10.0\"}",
        "appstreaming_exporter_poll_duration_seconds_bucket{le=\"+Inf\"}",
    ] {
        assert!(!prometheus.query(query).is_empty(), "{query}");
    }
    for name in NATIVE {
        assert_eq!(prometheus.query(&format!("histogram_count({name})")).len(), 6, "{name}");
    }
}

#[test]
#[ignore = "installs the Python client with pip: just end-to-end"]
fn the_python_client_reads_the_same_from_text_and_openmetrics() {
    let python = python("readers", "prometheus_client, zstandard");
    let cloud = Cloud::start(&["--groups", "6"]);
    let all =
        [ONE_POLL, "collectors.instances=detailed", "collectors.persistent=detailed", "labels.tags=[\"*\"]"];
    let exporter = Exporter::polling(&cloud, &all);
    exporter.first_poll();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/readers/compare.py");
    let read = run(Command::new(python).arg(script).arg(format!("{}/metrics", exporter.url)));
    assert_eq!(read.status, 0, "{}", read.stderr);
    assert!(read.stdout.ends_with(" samples\n"), "{}", read.stdout);
}

#[test]
#[ignore = "needs curl: just end-to-end"]
fn curl_decompresses_every_encoding_that_it_requests() {
    let cloud = Cloud::start(&["--groups", "6"]);
    let exporter = Exporter::polling(&cloud, &[ONE_POLL]);
    exporter.first_poll();
    let url = format!("{}/metrics", exporter.url);
    for encoding in ["gzip", "zstd", "br, gzip;q=0.5"] {
        let header = format!("Accept-Encoding: {encoding}");
        let curl = run(Command::new("curl").args(["-sS", "--compressed", "-H", &header, &url]));
        assert_eq!((curl.status, curl.stderr.as_str()), (0, ""), "{encoding}");
        let seen = Exposition::parse(&curl.stdout);
        assert!(seen.has("appstreaming_up") && seen.has("process_cpu_seconds_total"), "{encoding}");
    }
}
