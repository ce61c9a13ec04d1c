//! Every instance and every persistent session by itself.

use super::{Chapter, Collector, Extract, Family};
use crate::fleet::timestamp::seconds;
use crate::metrics::Kind;
use crate::metrics::encode::Label;
use crate::metrics::options::StateSet;
use crate::metrics::rows::{GroupRow, flag};
use crate::metrics::series::Series;

pub(super) const CHAPTER: Chapter = Chapter {
    title: "Detail",
    introduction: "Every instance and every persistent session by itself. Opt-in, since it costs several \
        series for each: `collectors.instances = \"detailed\"` (collector `instances_detail`) and \
        `collectors.persistent = \"detailed\"` (collector `persistent_detail`).\n\n\
        States carry the current one only, value 1, unless `collectors.stateset = \"full\"`. The label \
        `user` exists as `collectors.users` says: `off` (default) leaves it out, `hash` is the first 16 \
        hex digits of a keyed HMAC-SHA256, `plain` is the name. Where a poll would serve more than \
        `collectors.max_series` series, these collectors are dropped whole, the larger first.",
    families: FAMILIES,
};

const fn instance(
    name: &'static str,
    own_labels: &'static [&'static str],
    source: &'static str,
    help: &'static str,
    extract: Extract,
) -> Family {
    Family::new(Collector::InstancesDetail, Kind::Gauge, name, own_labels, source, help, extract)
}

const fn persistent(
    name: &'static str,
    own_labels: &'static [&'static str],
    source: &'static str,
    help: &'static str,
    extract: Extract,
) -> Family {
    Family::new(Collector::PersistentDetail, Kind::Gauge, name, own_labels, source, help, extract)
}

static FAMILIES: &[Family] = &[
    instance(
        "appstreaming_instance_info",
        &["instance_id", "node_id", "charge_type", "public_ip", "private_ip", "network_interface_id", "user"],
        "AppInstanceModels[].AppInstanceId, NodeId, ChargeType, MainEthPublicIp, NetworkInterfaceIp, \
         NetworkInterfaceId, BindInfo.EndUserId",
        "What the instance is; always 1.",
        Extract::GroupSeries(instance_info),
    ),
    instance(
        "appstreaming_instance_status",
        &["instance_id", "status"],
        "AppInstanceModels[].Status",
        "The instance's status: 1 for the current one.",
        Extract::GroupSeries(|row, series| {
            let Some(instances) = row.instances() else { return };
            let words = &row.table.words.instance_status;
            let full = row.table.options.state_set == StateSet::Full;
            for instance in &instances.details {
                series.state_of(("instance_id", instance.id()), "status", words, instance.status(), full);
            }
        }),
    ),
    instance(
        "appstreaming_instance_session_connected",
        &["instance_id"],
        "AppInstanceModels[].SessionStatus",
        "Whether a user is connected to the instance's session: 1 connected, 0 disconnected.",
        Extract::GroupSeries(|row, series| {
            let Some(instances) = row.instances() else { return };
            for instance in &instances.details {
                series.put_some(&[("instance_id", instance.id())], instance.connected().map(flag));
            }
        }),
    ),
    instance(
        "appstreaming_instance_session_usage_duration_seconds",
        &["instance_id"],
        "AppInstanceModels[].BindInfo.UsageDuration",
        "How long the instance's session has been in use.",
        Extract::GroupSeries(|row, series| {
            let Some(instances) = row.instances() else { return };
            for instance in &instances.details {
                series.put_some(&[("instance_id", instance.id())], instance.usage_seconds());
            }
        }),
    ),
    instance(
        "appstreaming_instance_created_timestamp_seconds",
        &["instance_id"],
        "AppInstanceModels[].GmtCreate",
        "When the instance was created.",
        Extract::GroupSeries(|row, series| {
            let Some(instances) = row.instances() else { return };
            for instance in &instances.details {
                series.put_some(&[("instance_id", instance.id())], instance.created().map(seconds));
            }
        }),
    ),
    instance(
        "appstreaming_instance_modified_timestamp_seconds",
        &["instance_id"],
        "AppInstanceModels[].GmtModified",
        "When the instance was last modified.",
        Extract::GroupSeries(|row, series| {
            let Some(instances) = row.instances() else { return };
            for instance in &instances.details {
                series.put_some(&[("instance_id", instance.id())], instance.modified().map(seconds));
            }
        }),
    ),
    persistent(
        "appstreaming_persistent_session_info",
        &["persistent_id", "name", "instance_id"],
        "PersistentAppInstanceModels[].AppInstancePersistentId, AppInstancePersistentName, AppInstanceId",
        "What the persistent session is, and the instance behind it now; always 1.",
        Extract::GroupSeries(|row, series| {
            let Some(summary) = row.persistent() else { return };
            for session in &summary.details {
                let labels = [
                    ("persistent_id", &*session.id),
                    ("name", &*session.name),
                    ("instance_id", &*session.instance_id),
                ];
                series.put(&labels, 1.0);
            }
        }),
    ),
    persistent(
        "appstreaming_persistent_session_status",
        &["persistent_id", "status"],
        "PersistentAppInstanceModels[].AppInstancePersistentStatus",
        "The persistent session's status: 1 for the current one.",
        Extract::GroupSeries(|row, series| {
            let Some(summary) = row.persistent() else { return };
            let words = &row.table.words.persistent_status;
            let full = row.table.options.state_set == StateSet::Full;
            for session in &summary.details {
                let id = ("persistent_id", &*session.id);
                series.state_of(id, "status", words, session.status.as_deref(), full);
            }
        }),
    ),
    persistent(
        "appstreaming_persistent_session_instance_status",
        &["persistent_id", "status"],
        "PersistentAppInstanceModels[].AppInstanceStatus",
        "The status of the instance behind the persistent session: 1 for the current one.",
        Extract::GroupSeries(|row, series| {
            let Some(summary) = row.persistent() else { return };
            let words = &row.table.words.persistent_instance_status;
            let full = row.table.options.state_set == StateSet::Full;
            for session in &summary.details {
                let id = ("persistent_id", &*session.id);
                series.state_of(id, "status", words, session.instance_status.as_deref(), full);
            }
        }),
    ),
    persistent(
        "appstreaming_persistent_session_authorized_users",
        &["persistent_id"],
        "PersistentAppInstanceModels[].AuthorizedUsers",
        "Users authorised for the persistent session.",
        Extract::GroupSeries(|row, series| {
            let Some(summary) = row.persistent() else { return };
            for session in &summary.details {
                let users = session.authorized_users.map(|users| users as f64);
                series.put_some(&[("persistent_id", &*session.id)], users);
            }
        }),
    ),
    persistent(
        "appstreaming_persistent_session_created_timestamp_seconds",
        &["persistent_id"],
        "PersistentAppInstanceModels[].GmtCreate",
        "When the persistent session was created.",
        Extract::GroupSeries(|row, series| {
            let Some(summary) = row.persistent() else { return };
            for session in &summary.details {
                series.put_some(&[("persistent_id", &*session.id)], session.created.map(seconds));
            }
        }),
    ),
];

fn instance_info(row: &GroupRow<'_>, series: &mut Series<'_>) {
    let Some(instances) = row.instances() else { return };
    for instance in &instances.details {
        let labels: [Label<'_>; 6] = [
            ("instance_id", instance.id()),
            ("node_id", instance.node_id().unwrap_or_default()),
            ("charge_type", instance.charge_type().unwrap_or_default()),
            ("public_ip", instance.public_ip().unwrap_or_default()),
            ("private_ip", instance.private_ip().unwrap_or_default()),
            ("network_interface_id", instance.network_interface_id().unwrap_or_default()),
        ];
        // A pseudonym is a hash of its own: not worth making for somebody who only counts.
        let user =
            if series.labels_matter { row.table.options.users.value(instance.end_user_id()) } else { None };
        match &user {
            None => series.put(&labels, 1.0),
            Some(user) => {
                let [id, node, charge, public, private, interface] = labels;
                series.put(&[id, node, charge, public, private, interface, ("user", user)], 1.0);
            }
        }
    }
}
