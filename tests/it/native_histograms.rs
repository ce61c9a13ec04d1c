//! Prometheus 3 scrapes protobuf: it stores native histograms, and the start times of counters.

use std::io::Write;
use std::time::Duration;

use crate::events::Watch;
use crate::prometheus::Prometheus;
use crate::support::{Exporter, within};

const READY: &str = "appstreaming_group_instance_ready_seconds";

/// Two jobs that scrape one exporter: `protobuf` stores native histograms and start times, `text`
/// has neither.
fn configuration(exporter: &Exporter) -> tempfile::NamedTempFile {
    let target = exporter.url.trim_start_matches("http://");
    let job = |name: &str, options: &str| {
        format!(
            "  - job_name: {name}\n    static_configs: [{{targets: ['{target}']}}]\n    {options}\n    \
             scrape_interval: 1s\n"
        )
    };
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let protobuf = job("protobuf", "scrape_native_histograms: true");
    let text = job("text", "scrape_protocols: [PrometheusText0.0.4]");
    write!(file, "scrape_configs:\n{protobuf}{text}").expect("written");
    file
}

/// Waits until a query has one result, which `is_expected` accepts.
fn await_value(prometheus: &Prometheus, query: &str, is_expected: impl Fn(f64) -> bool) {
    within(Duration::from_secs(60), query, || {
        let found = prometheus.query(query);
        assert!(found.len() <= 1, "{query}: {found:?}");
        found.first().filter(|(_, value)| is_expected(*value)).map(|_| ())
    });
}

#[test]
#[ignore = "needs Prometheus 3: just prometheus-3"]
fn prometheus_3_reads_native_histograms_and_counts_the_first_event() {
    let arguments = ["--groups", "8", "--instances-per-group", "250", "--seed", "3"];
    let mut watch = Watch::start(&arguments, &["collectors.transitions=true"]);
    let file = configuration(&watch.exporter);
    let path = file.path().to_str().expect("a path in UTF-8");
    let prometheus = Prometheus::version_3(path, &["--enable-feature=created-timestamp-zero-ingestion"]);
    for job in ["protobuf", "text"] {
        await_value(&prometheus, &format!("count(up{{job=\"{job}\"}} == 1)"), |count| count == 1.0);
    }

    // The first event of a pair of statuses makes its series, whose first sample is not 0.
    let transitions = "appstreaming_group_instance_transitions_total";
    let count = watch.step().sum(transitions, &[]);
    assert!(count > 0.0, "no instance changed its status");
    let increase = |job: &str| format!("sum(increase({transitions}{{job=\"{job}\"}}[5m]))");
    await_value(&prometheus, &increase("text"), |increase| increase == 0.0);
    await_value(&prometheus, &increase("protobuf"), |increase| increase >= count - 0.01);

    let observed = format!("{READY}_count");
    let mut exposition = watch.step();
    while exposition.sum(&observed, &[]) < 5.0 {
        exposition = watch.step();
    }
    let (sum, count) = (exposition.sum(&format!("{READY}_sum"), &[]), exposition.sum(&observed, &[]));
    let native = format!("sum({READY}{{job=\"protobuf\"}})");
    await_value(&prometheus, &format!("histogram_count({native})"), |found| found == count);
    // The simulated time is long past, so all instances seem to take the same long time, which is
    // beyond every classic bucket. A native bucket is at most 9 % wide.
    let rate = format!("sum(rate({READY}{{job=\"protobuf\"}}[5m]))");
    let mean = sum / count;
    await_value(&prometheus, &format!("histogram_quantile(0.95, {rate})"), |quantile| {
        (mean * 0.9..mean * 1.1).contains(&quantile)
    });
    let classic = format!("{READY}_bucket{{job=\"protobuf\"}}");
    assert!(prometheus.query(&classic).is_empty(), "the histograms are stored twice");
    assert!(!prometheus.query(&format!("{READY}_bucket{{job=\"text\"}}")).is_empty());
}
