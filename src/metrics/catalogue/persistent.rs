//! Persistent sessions, counted by group from `ListPersistentAppInstances`.

use crate::metrics::catalogue::collector::Collector;
use crate::metrics::catalogue::family::{Extract, Family, Section};

pub(super) const SECTION: Section = Section {
    title: "Persistent sessions",
    introduction: "From `ListPersistentAppInstances`, counted by group as the pages arrive. Collector \
        `persistent`, on by default (`aggregate`).",
    families: FAMILIES,
};

const GAUGE: Family = Family { collector: Collector::Persistent, ..Family::GAUGE };

static FAMILIES: &[Family] = &[
    Family {
        name: "appstreaming_group_persistent_sessions",
        help: "Persistent sessions of the delivery group in this status; UNKNOWN counts sessions that the API returns without a status.",
        source: "PersistentAppInstanceModels[].AppInstancePersistentStatus",
        labels: &["status"],
        extract: Extract::GroupSeries(|row, samples| {
            if let Some(persistent) = row.persistent() {
                samples.write_counts("status", &row.input.values.persistent_status, &persistent.statuses);
            }
        }),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_persistent_session_instances",
        help: "Instances behind persistent sessions of the delivery group in this status.",
        source: "PersistentAppInstanceModels[].AppInstanceStatus",
        labels: &["status"],
        extract: Extract::GroupSeries(|row, samples| {
            if let Some(persistent) = row.persistent() {
                let values = &row.input.values.persistent_instance_status;
                samples.write_counts("status", values, &persistent.instance_statuses);
            }
        }),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_persistent_authorized_users",
        help: "Number of distinct users authorised for persistent sessions of the delivery group.",
        source: "PersistentAppInstanceModels[].AuthorizedUsers",
        extract: Extract::Group(|row| row.persistent()?.authorized_users.map(|users| users as f64)),
        ..GAUGE
    },
];
