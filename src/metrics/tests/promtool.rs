//! The catalogue checked by Prometheus's `promtool check metrics`.

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

use crate::metrics::catalogue;
use crate::metrics::encode::text;
use crate::metrics::{Histogram, MetricFamily, MetricType, Sample, Value};

/// One family for each row of the catalogue, with all its labels.
fn whole_catalogue() -> Vec<MetricFamily> {
    let sample = |family: &catalogue::Family| Sample {
        labels: family.all_labels().map(|name| (name.replace("<key>", "key").into(), "x".into())).collect(),
        value: match family.metric_type {
            MetricType::Histogram => Value::Histogram(Histogram {
                buckets: vec![(0.5, 1), (1.0, 1)],
                sum: 2.5,
                count: 2,
                exemplars: Vec::new(),
                native: None,
            }),
            MetricType::Gauge | MetricType::Counter => Value::Number(1.0),
        },
    };
    catalogue::families()
        .map(|family| MetricFamily {
            name: family.name.into(),
            help: family.help.into(),
            metric_type: family.metric_type,
            samples: vec![sample(family)],
        })
        .collect()
}

#[test]
fn promtool_reports_no_problem_in_the_whole_catalogue() {
    let spawned = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match spawned {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("skipped: promtool is not installed");
            return;
        }
        spawned => spawned.unwrap(),
    };
    promtool.stdin.take().unwrap().write_all(&text::encode(&whole_catalogue())).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let report = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && report.is_empty(), "{report}");
}
