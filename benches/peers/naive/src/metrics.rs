//! The metrics.

use prometheus::{Gauge, GaugeVec, IntCounter, Opts, Registry};

use crate::Error;

pub struct Metrics {
    pub registry: Registry,
    pub polls: IntCounter,
    pub took: Gauge,
    pub instances: GaugeVec,
    pub sessions: GaugeVec,
    pub persistent: GaugeVec,
    /// Each with its field of a node pool.
    pub pools: [(&'static str, GaugeVec); 5],
    pub instance_status: GaugeVec,
    pub instance_usage: GaugeVec,
    pub instance_created: GaugeVec,
    pub instance_modified: GaugeVec,
}

impl Metrics {
    pub fn new() -> Result<Self, Error> {
        let registry = Registry::new();
        let gauges = |name: &str, help: &str, labels: &[&str]| -> Result<GaugeVec, Error> {
            let gauges = GaugeVec::new(Opts::new(format!("appstream_{name}"), help), labels)?;
            registry.register(Box::new(gauges.clone()))?;
            Ok(gauges)
        };
        let group = ["group_id", "group_name", "status"];
        let pool = ["group_id", "pool_id", "node_type"];
        let instance = ["group_id", "instance_id"];
        let status = ["group_id", "instance_id", "status"];
        let metrics = Self {
            registry: registry.clone(),
            polls: IntCounter::new("appstream_polls_total", "Polls done.")?,
            took: Gauge::new("appstream_poll_duration_seconds", "How long the last poll took.")?,
            instances: gauges("instances", "Instances by status.", &group)?,
            sessions: gauges("sessions", "Sessions by status.", &group)?,
            persistent: gauges("persistent_instances", "Persistent instances by status.", &group)?,
            pools: [
                ("NodeAmount", gauges("node_pool_nodes", "Subscribed nodes.", &pool)?),
                ("NodeUsed", gauges("node_pool_nodes_used", "Subscribed nodes in use.", &pool)?),
                ("NodeCapacity", gauges("node_pool_node_capacity_sessions", "Sessions per node.", &pool)?),
                ("ScalingNodeAmount", gauges("node_pool_scaling_nodes", "Scalable nodes.", &pool)?),
                ("ScalingNodeUsed", gauges("node_pool_scaling_nodes_used", "Scalable nodes in use.", &pool)?),
            ],
            instance_status: gauges("instance_status", "1 for the status the instance has.", &status)?,
            instance_usage: gauges("instance_usage_duration_seconds", "Use duration.", &instance)?,
            instance_created: gauges("instance_created_timestamp_seconds", "Creation time.", &instance)?,
            instance_modified: gauges("instance_modified_timestamp_seconds", "Update time.", &instance)?,
        };
        metrics.registry.register(Box::new(metrics.polls.clone()))?;
        metrics.registry.register(Box::new(metrics.took.clone()))?;
        Ok(metrics)
    }
}
