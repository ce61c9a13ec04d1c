//! Instances and sessions, counted by group from `ListAppInstances`.

use std::collections::BTreeMap;

use crate::fleet::timestamp::seconds;
use crate::metrics::catalogue::collector::Collector;
use crate::metrics::catalogue::family::{Extract, Family, Section};
use crate::metrics::input::GroupRow;
use crate::metrics::sample_writer::SampleWriter;

pub(super) const SECTION: Section = Section {
    title: "Sessions",
    introduction: "From `ListAppInstances`, counted by group as the pages arrive. Collector `instances`, \
        on by default (`aggregate`); `appstreaming_node_instances` is collector `nodes`. The counters \
        compare two successive listings of a group, so a session or a status that begins and ends between \
        them is not counted. The first listing is the baseline, for which nothing is counted. A failed \
        listing adds no transitions.",
    families: FAMILIES,
};

const GAUGE: Family = Family { collector: Collector::Instances, ..Family::GAUGE };
const COUNTER: Family = Family { collector: Collector::Instances, ..Family::COUNTER };
const NODES: Family = Family { collector: Collector::Nodes, ..Family::GAUGE };

static FAMILIES: &[Family] = &[
    Family {
        name: "appstreaming_group_instances",
        help: "Instances of the delivery group in this status; UNKNOWN counts instances that the API returns without a status.",
        source: "AppInstanceModels[].Status",
        labels: &["status"],
        extract: Extract::GroupSeries(|row, samples| {
            if let Some(instances) = row.instances() {
                samples.write_counts("status", &row.input.values.instance_status, &instances.statuses);
            }
        }),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_sessions",
        help: "Instances of the delivery group with this session status, regardless of their own status.",
        source: "AppInstanceModels[].SessionStatus",
        labels: &["session_status"],
        extract: Extract::GroupSeries(|row, samples| {
            if let Some(instances) = row.instances() {
                samples.write_counts(
                    "session_status",
                    &row.input.values.session_status,
                    &instances.session_statuses,
                );
            }
        }),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_instance_oldest_modified_timestamp_seconds",
        help: "Oldest modification time of the instances in this status, in Unix seconds; an old one indicates a stuck instance.",
        source: "AppInstanceModels[].GmtModified",
        labels: &["status"],
        extract: Extract::GroupSeries(oldest_modified),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_bound_users",
        help: "Number of distinct users bound to instances of the delivery group.",
        source: "AppInstanceModels[].BindInfo.EndUserId",
        extract: Extract::Group(|row| row.instances().map(|instances| instances.bound_users as f64)),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_session_usage_seconds",
        help: "Sum of the usage durations of the delivery group's current instances, in seconds; falls when sessions end.",
        source: "AppInstanceModels[].BindInfo.UsageDuration",
        extract: Extract::Group(|row| row.instances().map(|instances| instances.usage_seconds_sum)),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_session_usage_max_seconds",
        help: "Longest usage duration of the delivery group's current instances, in seconds; no sample if none is in use.",
        source: "AppInstanceModels[].BindInfo.UsageDuration",
        extract: Extract::Group(|row| row.instances().and_then(|instances| instances.usage_seconds_max)),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_instances_reported",
        help: "Total number of instances that the API reports for the delivery group, for comparison with the sum of appstreaming_group_instances.",
        source: "TotalCount of ListAppInstances",
        extract: Extract::Group(|row| row.instances().map(|instances| instances.reported as f64)),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_instance_transitions_total",
        help: "Status changes of the delivery group's instances between two polls; from NONE are new instances, to GONE are instances that are no longer listed.",
        source: "derived from AppInstanceModels[].Status of two polls",
        labels: &["from", "to"],
        extract: Extract::GroupSeries(transitions),
        ..COUNTER
    },
    Family {
        name: "appstreaming_group_sessions_started_total",
        help: "User bindings of the delivery group that began, as seen by comparing two polls.",
        source: "derived from AppInstanceModels[].BindInfo.EndUserId of two polls",
        extract: Extract::Group(|row| row.instances().map(|_| row.snapshot.counters.sessions_started as f64)),
        ..COUNTER
    },
    Family {
        name: "appstreaming_group_sessions_ended_total",
        help: "User bindings of the delivery group that ended, as seen by comparing two polls.",
        source: "derived from AppInstanceModels[].BindInfo.EndUserId of two polls",
        extract: Extract::Group(|row| row.instances().map(|_| row.snapshot.counters.sessions_ended as f64)),
        ..COUNTER
    },
    Family {
        name: "appstreaming_group_session_capacity",
        help: "Number of sessions that the delivery group can serve at once; no sample if it cannot be derived.",
        source: "derived from NodePool[] or AppInstanceModels[].Status",
        extract: Extract::Group(|row| row.session_capacity()),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_session_usage_ratio",
        help: "Sessions in use (instances BOUND or RUNNING) divided by the session capacity; above 1 if more sessions are in use, no sample if the capacity is unknown or 0.",
        source: "derived from AppInstanceModels[].Status",
        extract: Extract::Group(|row| row.session_usage_ratio()),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_sessions_until_scale_out",
        help: "Sessions that can still start before usage exceeds the scaling threshold; 0 if none can, no sample without a threshold or a capacity.",
        source: "derived from ScalingUsageThreshold",
        extract: Extract::Group(|row| row.sessions_until_scale_out()),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_instances",
        help: "Instances on this node; only in delivery groups sold by node.",
        source: "AppInstanceModels[].NodeId, AppInstanceModels[].ChargeType",
        labels: &["node_id", "charge_type"],
        extract: Extract::GroupSeries(node_instances),
        ..NODES
    },
];

fn oldest_modified(row: &GroupRow<'_>, samples: &mut SampleWriter<'_>) {
    let Some(instances) = row.instances() else { return };
    let values = &row.input.values.instance_status;
    let mut oldest = BTreeMap::new();
    for (status, modified) in &instances.oldest_modified {
        let oldest = oldest.entry(values.tally_label_value(status)).or_insert(*modified);
        *oldest = (*oldest).min(*modified);
    }
    for (status, modified) in oldest {
        samples.write(&[("status", status)], seconds(modified));
    }
}

fn transitions(row: &GroupRow<'_>, samples: &mut SampleWriter<'_>) {
    if row.instances().is_none() {
        return;
    }
    let values = &row.input.values.instance_status;
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for ((from, to), count) in &row.snapshot.counters.transitions {
        *counts
            .entry((values.transition_label_value(from), values.transition_label_value(to)))
            .or_default() += count;
    }
    for ((from, to), count) in counts {
        samples.write(&[("from", from), ("to", to)], count as f64);
    }
}

fn node_instances(row: &GroupRow<'_>, samples: &mut SampleWriter<'_>) {
    let Some(instances) = row.instances() else { return };
    if row.input.options.nodes {
        for node in &instances.nodes {
            let labels = [("node_id", &*node.node_id), ("charge_type", &*node.charge_type)];
            samples.write(&labels, node.instances as f64);
        }
    }
}
