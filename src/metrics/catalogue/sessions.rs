//! Instances and sessions, folded by group from `ListAppInstances`.

use std::collections::BTreeMap;

use super::{Chapter, Collector, Extract, Family};
use crate::fleet::timestamp::seconds;
use crate::metrics::Kind;
use crate::metrics::rows::GroupRow;
use crate::metrics::series::Series;

pub(super) const CHAPTER: Chapter = Chapter {
    title: "Sessions",
    introduction: "From `ListAppInstances`, folded by group as the pages arrive. Collector `instances`, \
        on by default (`aggregate`); `appstreaming_node_instances` is collector `nodes`. The counters \
        compare two polls, so what begins and ends between them is not seen; a group's first listing is \
        the baseline, and an outage causes no transitions by itself.",
    families: FAMILIES,
};

const fn gauge(
    name: &'static str,
    own_labels: &'static [&'static str],
    source: &'static str,
    help: &'static str,
    extract: Extract,
) -> Family {
    Family::new(Collector::Instances, Kind::Gauge, name, own_labels, source, help, extract)
}

const fn counter(
    name: &'static str,
    own_labels: &'static [&'static str],
    source: &'static str,
    help: &'static str,
    extract: Extract,
) -> Family {
    Family::new(Collector::Instances, Kind::Counter, name, own_labels, source, help, extract)
}

static FAMILIES: &[Family] = &[
    gauge(
        "appstreaming_group_instances",
        &["status"],
        "AppInstanceModels[].Status",
        "Instances of the delivery group in this status; UNKNOWN are those that the API sends without one.",
        Extract::GroupSeries(|row, series| {
            if let Some(instances) = row.instances() {
                series.counts("status", &row.table.words.instance_status, &instances.statuses);
            }
        }),
    ),
    gauge(
        "appstreaming_group_sessions",
        &["session_status"],
        "AppInstanceModels[].SessionStatus",
        "Instances of the delivery group by session status, whatever their own status is.",
        Extract::GroupSeries(|row, series| {
            if let Some(instances) = row.instances() {
                series.counts("session_status", &row.table.words.session_status, &instances.session_statuses);
            }
        }),
    ),
    gauge(
        "appstreaming_group_instance_oldest_modified_timestamp_seconds",
        &["status"],
        "AppInstanceModels[].GmtModified",
        "When the instance that was longest in this status was last modified: an old one is stuck.",
        Extract::GroupSeries(oldest_modified),
    ),
    gauge(
        "appstreaming_group_bound_users",
        &[],
        "AppInstanceModels[].BindInfo.EndUserId",
        "Distinct users bound to instances of the delivery group now.",
        Extract::Group(|row| row.instances().map(|instances| instances.bound_users as f64)),
    ),
    gauge(
        "appstreaming_group_session_usage_seconds",
        &[],
        "AppInstanceModels[].BindInfo.UsageDuration",
        "Sum of the usage of the delivery group's instances there are now; falls when sessions end.",
        Extract::Group(|row| row.instances().map(|instances| instances.usage_seconds_sum)),
    ),
    gauge(
        "appstreaming_group_session_usage_max_seconds",
        &[],
        "AppInstanceModels[].BindInfo.UsageDuration",
        "The longest usage among the delivery group's instances there are now.",
        Extract::Group(|row| row.instances().and_then(|instances| instances.usage_seconds_max)),
    ),
    gauge(
        "appstreaming_group_instances_reported",
        &[],
        "TotalCount of ListAppInstances",
        "Instances that the API says the delivery group has, to be held against the sum of appstreaming_group_instances.",
        Extract::Group(|row| row.instances().map(|instances| instances.reported as f64)),
    ),
    counter(
        "appstreaming_group_instance_transitions_total",
        &["from", "to"],
        "derived from AppInstanceModels[].Status of two polls",
        "Instances of the delivery group seen to change status between two polls; from NONE are new, to GONE have vanished.",
        Extract::GroupSeries(transitions),
    ),
    counter(
        "appstreaming_group_sessions_started_total",
        &[],
        "derived from AppInstanceModels[].BindInfo.EndUserId of two polls",
        "User bindings of the delivery group that began between two polls.",
        Extract::Group(|row| row.instances().map(|_| row.facts.counters.sessions_started as f64)),
    ),
    counter(
        "appstreaming_group_sessions_ended_total",
        &[],
        "derived from AppInstanceModels[].BindInfo.EndUserId of two polls",
        "User bindings of the delivery group that ended between two polls.",
        Extract::Group(|row| row.instances().map(|_| row.facts.counters.sessions_ended as f64)),
    ),
    gauge(
        "appstreaming_group_session_capacity",
        &[],
        "derived from NodePool[] or AppInstanceModels[].Status",
        "Sessions that the delivery group can serve now.",
        Extract::Group(|row| row.session_capacity()),
    ),
    gauge(
        "appstreaming_group_session_usage_ratio",
        &[],
        "derived from AppInstanceModels[].Status",
        "Sessions in use (instances BOUND or RUNNING) divided by the session capacity.",
        Extract::Group(|row| row.session_usage_ratio()),
    ),
    gauge(
        "appstreaming_group_sessions_until_scale_out",
        &[],
        "derived from ScalingUsageThreshold",
        "Sessions that can still start before usage passes the scaling threshold.",
        Extract::Group(|row| row.sessions_until_scale_out()),
    ),
    Family::new(
        Collector::Nodes,
        Kind::Gauge,
        "appstreaming_node_instances",
        &["node_id", "charge_type"],
        "AppInstanceModels[].NodeId, AppInstanceModels[].ChargeType",
        "Instances on this node; only in delivery groups sold by node.",
        Extract::GroupSeries(node_instances),
    ),
];

fn oldest_modified(row: &GroupRow<'_>, series: &mut Series<'_>) {
    let Some(instances) = row.instances() else { return };
    let words = &row.table.words.instance_status;
    let mut oldest = BTreeMap::new();
    for (status, modified) in &instances.oldest_modified {
        let least = oldest.entry(words.counted(status)).or_insert(*modified);
        *least = (*least).min(*modified);
    }
    for (status, modified) in oldest {
        series.put(&[("status", status)], seconds(modified));
    }
}

fn transitions(row: &GroupRow<'_>, series: &mut Series<'_>) {
    if row.instances().is_none() {
        return;
    }
    let words = &row.table.words.instance_status;
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for ((from, to), count) in &row.facts.counters.transitions {
        *counts.entry((words.transition_end(from), words.transition_end(to))).or_default() += count;
    }
    for ((from, to), count) in counts {
        series.put(&[("from", from), ("to", to)], count as f64);
    }
}

fn node_instances(row: &GroupRow<'_>, series: &mut Series<'_>) {
    let Some(instances) = row.instances() else { return };
    if row.table.options.nodes {
        for node in &instances.nodes {
            let labels = [("node_id", &*node.node_id), ("charge_type", &*node.charge_type)];
            series.put(&labels, node.instances as f64);
        }
    }
}
