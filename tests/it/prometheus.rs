//! A real Prometheus scrapes the demo, as on a newcomer's machine.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{Exporter, eventually, http, run};

pub struct Prometheus {
    child: Child,
    pub url: String,
    _data: tempfile::TempDir,
}

impl Prometheus {
    /// Debian's Prometheus with the configuration that the project ships.
    fn start() -> Self {
        Self::with(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/prometheus/prometheus.yml"), &[])
    }

    /// Debian's Prometheus with this configuration file.
    pub fn with(configuration: &str, arguments: &[&str]) -> Self {
        Self::run("prometheus", configuration, arguments)
    }

    /// Prometheus 3 with this configuration file.
    pub fn version_3(configuration: &str, arguments: &[&str]) -> Self {
        let program = std::env::var("PROMETHEUS_3").expect("the path of Prometheus 3: just prometheus-3");
        Self::run(&program, configuration, arguments)
    }

    fn run(program: &str, configuration: &str, arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a directory for the data");
        let free =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let child = Command::new(program)
            .arg(format!("--config.file={configuration}"))
            .args(arguments)
            .arg(format!("--storage.tsdb.path={}", data.path().display()))
            .arg(format!("--web.listen-address={free}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {program}: {error}"));
        Self { child, url: format!("http://{free}"), _data: data }
    }

    /// The current result of a query: labels and values. It is empty if Prometheus does not respond.
    pub fn query(&self, query: &str) -> Vec<(Value, f64)> {
        self.try_query(query).unwrap_or_default()
    }

    /// Like [`query`](Self::query), but returns an error if there is no response or the query is
    /// invalid.
    pub fn try_query(&self, query: &str) -> Result<Vec<(Value, f64)>, String> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let response = http::try_get(&format!("{}/api/v1/query?query={encoded}", self.url))
            .map_err(|error| error.to_string())?;
        if response.status != 200 {
            return Err(response.body);
        }
        let result = response.json()["data"]["result"].clone();
        Ok(result
            .as_array()
            .into_iter()
            .flatten()
            // A native histogram has no value.
            .filter_map(|series| Some((series["metric"].clone(), series["value"][1].as_str()?)))
            .map(|(labels, value)| (labels, value.parse().expect("a number")))
            .collect())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // The process may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs a real Prometheus and port 9877: just end-to-end"]
fn a_real_prometheus_agrees_with_the_truth_of_the_cloud() {
    let mut command = crate::support::binary();
    // At a time at which sessions run.
    let start = "2026-03-04T10:30:00+08:00";
    command.args(["demo", "--speed", "0", "--start", start, "--web.listen-address", ":9877"]);
    let exporter = Exporter::spawn_as_is(&mut command);
    let truth = http::get(&exporter.truth_url()).json();
    let prometheus = Prometheus::start();

    eventually("Prometheus has scraped the exporter", || {
        let up = prometheus.query("up{job=\"appstreaming\"}");
        (up.len() == 1 && up[0].1 == 1.0).then_some(())
    });
    let in_use = eventually("sessions in use are scraped", || {
        let found =
            prometheus.query("sum by (group_id) (appstreaming_group_instances{status=~\"BOUND|RUNNING\"})");
        (!found.is_empty()).then_some(found)
    });
    let groups = truth["groups"].as_array().expect("groups");
    assert_eq!(in_use.len(), groups.len());
    for group in groups {
        let (_, found) = in_use
            .iter()
            .find(|(labels, _)| labels["group_id"] == group["group_id"])
            .unwrap_or_else(|| panic!("no series of {}", group["group_id"]));
        assert_eq!(Some(*found), group["sessions_in_use"].as_f64(), "{}", group["group_id"]);
    }
    assert_eq!(prometheus.query("min(appstreaming_up)")[0].1, 1.0);
    for (document, tables) in [
        (include_str!("../../README.md"), 1),
        // One table for each product.
        (include_str!("../../docs/coming-from.md"), 5),
    ] {
        assert_every_query_has_a_result(&prometheus, document, tables);
    }
}

/// Runs the queries in the last column of the marked tables of a document.
fn assert_every_query_has_a_result(prometheus: &Prometheus, document: &str, tables: usize) {
    let marked: Vec<&str> = document.split("<!-- queries -->").skip(1).step_by(2).collect();
    assert_eq!(marked.len(), tables);
    for table in marked {
        // The first two rows are the header and the line below it.
        let rows: Vec<&str> = table.lines().filter(|line| line.starts_with('|')).skip(2).collect();
        assert!(rows.len() >= 10, "a table with {} rows", rows.len());
        for row in rows {
            let query = row.rsplit('`').nth(1).filter(|_| row.ends_with("` |"));
            let query = query.unwrap_or_else(|| panic!("no query in the last column: {row}"));
            let query = query.replace("\\|", "|");
            let what = format!("{query} has a result");
            eventually(&what, || (!prometheus.query(&query).is_empty()).then_some(()));
        }
    }
}

#[test]
#[ignore = "needs Debian's promtool: just end-to-end"]
fn promtool_reports_no_problems() {
    let cloud = crate::support::Cloud::start(&["--groups", "10"]);
    let all = [
        "collectors.instances=detailed",
        "collectors.persistent=detailed",
        "collectors.users=plain",
        "collectors.stateset=full",
        "labels.group=[\"name\", \"tag:department\"]",
        "labels.tags=[\"*\"]",
        "labels.system_tags=true",
    ];
    let exporter = Exporter::polling(&cloud, &all);
    exporter.first_poll();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), exporter.get("/metrics").body).expect("written");
    let checked =
        run(Command::new("sh").arg("-c").arg(format!("promtool check metrics < {}", file.path().display())));
    assert_eq!((checked.status, checked.stdout.as_str(), checked.stderr.as_str()), (0, "", ""));

    let checked = run(Command::new("promtool").args([
        "check",
        "config",
        concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/prometheus/prometheus.yml"),
    ]));
    assert_eq!(checked.status, 0, "{}{}", checked.stdout, checked.stderr);
}
