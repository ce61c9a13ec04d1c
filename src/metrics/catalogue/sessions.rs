//! Instances and sessions, counted by group from `ListAppInstances`.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::fleet::capacity::{self, Verdict};
use crate::fleet::timestamp::seconds;
use crate::fleet::{READY_BOUNDS, SESSION_BOUNDS};
use crate::metrics::catalogue::collector::Collector;
use crate::metrics::catalogue::family::{Extract, Family, Section};
use crate::metrics::input::{GroupRow, flag};
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
const TRANSITIONS: Family = Family { collector: Collector::Transitions, ..Family::COUNTER };
const LIFECYCLE: Family = Family { collector: Collector::Lifecycle, ..Family::HISTOGRAM };
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
        name: "appstreaming_group_session_usage_duration_seconds",
        help: "Sum of the usage durations of the delivery group's current instances, in seconds; falls when sessions end.",
        source: "AppInstanceModels[].BindInfo.UsageDuration",
        extract: Extract::Group(|row| row.instances().map(|instances| instances.usage_seconds_sum)),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_session_usage_duration_max_seconds",
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
        name: "appstreaming_group_instance_oldest_since_timestamp_seconds",
        help: "Since when the instance that has been longest in this status has been in it, as seen by the exporter, in Unix seconds; for instances of the first listing their modification time.",
        source: "derived from AppInstanceModels[].Status of successive polls",
        labels: &["status"],
        extract: Extract::GroupSeries(oldest_since),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_session_disconnected_oldest_timestamp_seconds",
        help: "Since when the session that has been disconnected longest has been disconnected, as seen by the exporter, in Unix seconds; no sample if none is disconnected.",
        source: "derived from AppInstanceModels[].SessionStatus of successive polls",
        extract: Extract::Group(|row| {
            row.instances().and(row.snapshot.observed.disconnected_oldest).map(seconds)
        }),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_instances_entered_total",
        help: "Instances of the delivery group that entered this status, as seen by comparing two polls; a new instance enters the status in which it appears.",
        source: "derived from AppInstanceModels[].Status of two polls",
        labels: &["status"],
        extract: Extract::GroupSeries(entered),
        ..COUNTER
    },
    Family {
        name: "appstreaming_group_instance_transitions_total",
        help: "Status changes of the delivery group's instances between two polls; from NONE are new instances, to GONE are instances that are no longer listed.",
        source: "derived from AppInstanceModels[].Status of two polls",
        labels: &["from", "to"],
        extract: Extract::GroupSeries(transitions),
        ..TRANSITIONS
    },
    Family {
        name: "appstreaming_group_sessions_started_total",
        help: "User bindings of the delivery group that began, as seen by comparing two polls.",
        source: "derived from AppInstanceModels[].BindInfo.EndUserId of two polls",
        extract: Extract::Group(|row| row.counters().map(|counters| counters.sessions_started as f64)),
        ..COUNTER
    },
    Family {
        name: "appstreaming_group_sessions_ended_total",
        help: "User bindings of the delivery group that ended, as seen by comparing two polls.",
        source: "derived from AppInstanceModels[].BindInfo.EndUserId of two polls",
        extract: Extract::Group(|row| row.counters().map(|counters| counters.sessions_ended as f64)),
        ..COUNTER
    },
    Family {
        name: "appstreaming_group_session_disconnects_total",
        help: "Sessions of the delivery group that were disconnected while their user stayed bound, as seen by comparing two polls.",
        source: "derived from AppInstanceModels[].SessionStatus of two polls",
        extract: Extract::Group(|row| row.counters().map(|counters| counters.disconnects as f64)),
        ..COUNTER
    },
    Family {
        name: "appstreaming_group_session_reconnects_total",
        help: "Disconnected sessions of the delivery group that the same user connected to again, as seen by comparing two polls.",
        source: "derived from AppInstanceModels[].SessionStatus of two polls",
        extract: Extract::Group(|row| row.counters().map(|counters| counters.reconnects as f64)),
        ..COUNTER
    },
    Family {
        name: "appstreaming_group_instance_ready_seconds",
        help: "Time from the creation of an instance until it was first seen IDLE, BOUND or RUNNING, in seconds; only instances that the exporter saw appear.",
        source: "derived from AppInstanceModels[].GmtCreate, GmtModified and Status of two polls",
        extract: Extract::GroupSeries(|row, samples| {
            if let Some(counters) = row.lifecycle() {
                samples.write_histogram(&counters.ready);
            }
        }),
        bounds: READY_BOUNDS,
        ..LIFECYCLE
    },
    Family {
        name: "appstreaming_group_session_duration_seconds",
        help: "Duration of sessions that ended, in seconds: the last usage duration that the exporter saw, so too short by at most one poll interval.",
        source: "derived from AppInstanceModels[].BindInfo.UsageDuration of two polls",
        extract: Extract::GroupSeries(|row, samples| {
            if let Some(counters) = row.lifecycle() {
                samples.write_histogram(&counters.session_durations);
            }
        }),
        bounds: SESSION_BOUNDS,
        ..LIFECYCLE
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
        help: "Sessions in use (instances BOUND or RUNNING) divided by the session capacity: the upper bound of usage; above 1 if more sessions are in use, no sample if the capacity is unknown or 0.",
        source: "derived from AppInstanceModels[].Status",
        extract: Extract::Group(|row| row.session_usage_ratio()),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_session_connected_ratio",
        help: "Connected sessions divided by the session capacity: the lower bound of usage; no sample if the capacity is unknown or 0.",
        source: "derived from AppInstanceModels[].SessionStatus",
        extract: Extract::Group(|row| row.session_connected_ratio()),
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
        name: "appstreaming_group_scale_out",
        help: "Whether the delivery group scales out by usage: exactly one verdict is 1; no sample where sessions until a scale-out cannot be derived.",
        source: "derived from ScalingUsageThreshold, MaxIdleAppInstanceAmount and the maximum",
        labels: &["verdict"],
        extract: Extract::GroupSeries(scale_out),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_nodes",
        help: "Nodes that carry instances of the delivery group, by the number of sessions in use on them; only in delivery groups sold by node.",
        source: "derived from AppInstanceModels[].NodeId and Status",
        labels: &["sessions"],
        extract: Extract::GroupSeries(nodes),
        ..GAUGE
    },
    Family {
        name: "appstreaming_node_instances",
        help: "Instances of this charge type on this node; only in delivery groups sold by node.",
        source: "AppInstanceModels[].NodeId, AppInstanceModels[].ChargeType",
        labels: &["node_id", "charge_type"],
        extract: Extract::GroupSeries(node_instances),
        ..NODES
    },
];

fn oldest_modified(row: &GroupRow<'_>, samples: &mut SampleWriter<'_>) {
    if let Some(instances) = row.instances() {
        write_oldest(row, &instances.oldest_modified, samples);
    }
}

fn oldest_since(row: &GroupRow<'_>, samples: &mut SampleWriter<'_>) {
    if row.instances().is_some() {
        write_oldest(row, &row.snapshot.observed.oldest_since, samples);
    }
}

/// Writes the oldest of the times of each status.
fn write_oldest(row: &GroupRow<'_>, times: &[(Box<str>, Timestamp)], samples: &mut SampleWriter<'_>) {
    let values = &row.input.values.instance_status;
    let mut oldest = BTreeMap::new();
    for (status, at) in times {
        let oldest = oldest.entry(values.tally_label_value(status)).or_insert(*at);
        *oldest = (*oldest).min(*at);
    }
    for (status, at) in oldest {
        samples.write(&[("status", status)], seconds(at));
    }
}

fn entered(row: &GroupRow<'_>, samples: &mut SampleWriter<'_>) {
    let Some(counters) = row.counters() else { return };
    let values = &row.input.values.instance_status;
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (status, count) in counters.entered() {
        *counts.entry(values.tally_label_value(status)).or_default() += count;
    }
    for (status, count) in counts {
        samples.write(&[("status", status)], count as f64);
    }
}

fn transitions(row: &GroupRow<'_>, samples: &mut SampleWriter<'_>) {
    let Some(counters) = row.counters().filter(|_| row.input.options.transitions) else { return };
    let values = &row.input.values.instance_status;
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (from, to, count) in counters.transitions() {
        let pair = (values.transition_label_value(from), values.transition_label_value(to));
        *counts.entry(pair).or_default() += count;
    }
    for ((from, to), count) in counts {
        samples.write(&[("from", from), ("to", to)], count as f64);
    }
}

fn scale_out(row: &GroupRow<'_>, samples: &mut SampleWriter<'_>) {
    let Some(current) = row.scale_out() else { return };
    for verdict in Verdict::ALL {
        samples.write(&[("verdict", verdict.as_str())], flag(verdict == current));
    }
}

fn nodes(row: &GroupRow<'_>, samples: &mut SampleWriter<'_>) {
    /// Node capacities beyond this one get no series each: they are a mistake of the API.
    const MAX_SESSIONS: u32 = 1_000;
    let (Some(instances), Some(largest)) = (row.instances(), capacity::largest_node(row.group())) else {
        return;
    };
    let largest = (largest as u32).min(MAX_SESSIONS);
    let mut counts = vec![0_u64; largest as usize + 1];
    let mut more = 0;
    for (sessions, nodes) in &instances.nodes_by_sessions {
        match counts.get_mut(*sessions as usize) {
            Some(count) => *count += nodes,
            None => more += nodes,
        }
    }
    for (sessions, nodes) in counts.into_iter().enumerate() {
        samples.write(&[("sessions", &sessions.to_string())], nodes as f64);
    }
    samples.write(&[("sessions", "more")], more as f64);
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
