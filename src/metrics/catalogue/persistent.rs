//! Persistent sessions, folded by group from `ListPersistentAppInstances`.

use super::{Chapter, Collector, Extract, Family};
use crate::metrics::Kind;

pub(super) const CHAPTER: Chapter = Chapter {
    title: "Persistent sessions",
    introduction: "From `ListPersistentAppInstances`, folded by group as the pages arrive. Collector \
        `persistent`, on by default (`aggregate`).",
    families: FAMILIES,
};

const fn gauge(
    name: &'static str,
    own_labels: &'static [&'static str],
    source: &'static str,
    help: &'static str,
    extract: Extract,
) -> Family {
    Family::new(Collector::Persistent, Kind::Gauge, name, own_labels, source, help, extract)
}

static FAMILIES: &[Family] = &[
    gauge(
        "appstreaming_group_persistent_sessions",
        &["status"],
        "PersistentAppInstanceModels[].AppInstancePersistentStatus",
        "Persistent sessions of the delivery group in this status; UNKNOWN are those that the API sends without one.",
        Extract::GroupSeries(|row, series| {
            if let Some(persistent) = row.persistent() {
                series.counts("status", &row.table.words.persistent_status, &persistent.statuses);
            }
        }),
    ),
    gauge(
        "appstreaming_group_persistent_session_instances",
        &["status"],
        "PersistentAppInstanceModels[].AppInstanceStatus",
        "Instances behind persistent sessions of the delivery group in this status.",
        Extract::GroupSeries(|row, series| {
            if let Some(persistent) = row.persistent() {
                let words = &row.table.words.persistent_instance_status;
                series.counts("status", words, &persistent.instance_statuses);
            }
        }),
    ),
    gauge(
        "appstreaming_group_persistent_authorized_users",
        &[],
        "PersistentAppInstanceModels[].AuthorizedUsers",
        "Distinct users authorised for persistent sessions of the delivery group.",
        Extract::Group(|row| row.persistent()?.authorized_users.map(|users| users as f64)),
    ),
];
