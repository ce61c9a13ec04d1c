//! Activation, supervision and reload, without a server and without a cloud.
//!
//! Polls go to a port of loopback that refuses connections; no test waits for one.

mod activation;
mod identity;
mod reload;
mod supervision;

use std::sync::Arc;

use super::assemble::{self, Plan};
use super::supervisor::Supervisor;
use crate::config::{self, Config, Sources};
use crate::document::Problems;
use crate::telemetry::Telemetry;

/// The sources of a configuration with two accounts, `a` and `b`, and the settings `more`.
fn sources(more: &[&str]) -> Sources {
    let account = |index: usize, name: &str| {
        [
            format!("accounts.{index}.name={name}"),
            format!("accounts.{index}.endpoint=http://127.0.0.1:9"),
            format!("accounts.{index}.credentials.source=access_key"),
            format!("accounts.{index}.credentials.access_key_id=LTAI0000000000000000"),
            format!("accounts.{index}.credentials.access_key_secret=secret"),
        ]
    };
    let set = account(0, "a").into_iter().chain(account(1, "b"));
    Sources { set: set.chain(more.iter().map(ToString::to_string)).collect(), ..Sources::default() }
}

fn load(more: &[&str]) -> Result<config::Loaded, Problems> {
    config::load(&sources(more))
}

fn config(more: &[&str]) -> Config {
    load(more).expect("a valid configuration").config
}

fn plan(config: &Config, telemetry: &Arc<Telemetry>, supervisor: &Supervisor) -> Plan {
    assemble::plan(config, telemetry, supervisor.clients()).expect("clients of both accounts")
}

/// Whether the exporter's own metrics have a sample with this label value.
fn has_label_value(telemetry: &Telemetry, value: &str) -> bool {
    let families = telemetry.gather().families;
    let samples = families.iter().flat_map(|family| &family.samples);
    samples.flat_map(|sample| &sample.labels).any(|(_, known)| known == value)
}
