//! The families with series for each instance and each persistent session.

use std::borrow::Cow;

use crate::fleet::InstanceDetail;
use crate::fleet::timestamp::seconds;
use crate::metrics::catalogue::collector::Collector;
use crate::metrics::catalogue::family::{Extract, Family, Section};
use crate::metrics::encode::Label;
use crate::metrics::input::{GroupRow, flag};
use crate::metrics::options::{StateSet, UserLabel};
use crate::metrics::sample_writer::SampleWriter;

pub(super) const SECTION: Section = Section {
    title: "Detail",
    introduction: "Series for each instance and each persistent session. Off by default, because every \
        object has several series: `collectors.instances = \"detailed\"` (collector `instances_detail`) and \
        `collectors.persistent = \"detailed\"` (collector `persistent_detail`).\n\n\
        Status metrics have a series for the current status only, with value 1, unless \
        `collectors.stateset = \"full\"`. The label `user` depends on `collectors.users`: `off` (default) \
        omits it, `hash` is the first 16 hex digits of a keyed HMAC-SHA256 of the name, `plain` is the name. \
        If a snapshot has more than `collectors.max_series` series, whole collectors of this section and the \
        collector `nodes` are dropped, the largest first.",
    families: FAMILIES,
};

const INSTANCE: Family = Family { collector: Collector::InstancesDetail, ..Family::GAUGE };
const PERSISTENT: Family = Family { collector: Collector::PersistentDetail, ..Family::GAUGE };

static FAMILIES: &[Family] = &[
    Family {
        name: "appstreaming_instance_info",
        help: "Properties of the instance as labels; always 1.",
        source: "AppInstanceModels[].AppInstanceId, NodeId, ChargeType, MainEthPublicIp, NetworkInterfaceIp, \
         NetworkInterfaceId, BindInfo.EndUserId",
        labels: &[
            "instance_id",
            "node_id",
            "charge_type",
            "public_ip",
            "private_ip",
            "network_interface_id",
            "user",
        ],
        extract: Extract::GroupSeries(instance_info),
        ..INSTANCE
    },
    Family {
        name: "appstreaming_instance_status",
        help: "The instance's status: 1 for the current one.",
        source: "AppInstanceModels[].Status",
        labels: &["instance_id", "status"],
        extract: Extract::GroupSeries(|row, samples| {
            let Some(instances) = row.instances() else { return };
            let values = &row.input.values.instance_status;
            let full = row.input.options.state_set == StateSet::Full;
            for instance in &instances.details {
                samples.write_state(
                    ("instance_id", instance.id()),
                    "status",
                    values,
                    instance.status(),
                    full,
                );
            }
        }),
        ..INSTANCE
    },
    Family {
        name: "appstreaming_instance_session_connected",
        help: "Whether a user is connected to the instance's session: 1 connected, 0 disconnected.",
        source: "AppInstanceModels[].SessionStatus",
        labels: &["instance_id"],
        extract: Extract::GroupSeries(|row, samples| {
            let Some(instances) = row.instances() else { return };
            for instance in &instances.details {
                samples.write_some(&[("instance_id", instance.id())], instance.connected().map(flag));
            }
        }),
        ..INSTANCE
    },
    Family {
        name: "appstreaming_instance_session_usage_duration_seconds",
        help: "Time in seconds that the instance's session has been in use.",
        source: "AppInstanceModels[].BindInfo.UsageDuration",
        labels: &["instance_id"],
        extract: Extract::GroupSeries(|row, samples| {
            let Some(instances) = row.instances() else { return };
            for instance in &instances.details {
                samples.write_some(&[("instance_id", instance.id())], instance.usage_seconds());
            }
        }),
        ..INSTANCE
    },
    Family {
        name: "appstreaming_instance_created_timestamp_seconds",
        help: "Creation time of the instance, in Unix seconds.",
        source: "AppInstanceModels[].GmtCreate",
        labels: &["instance_id"],
        extract: Extract::GroupSeries(|row, samples| {
            let Some(instances) = row.instances() else { return };
            for instance in &instances.details {
                samples.write_some(&[("instance_id", instance.id())], instance.created().map(seconds));
            }
        }),
        ..INSTANCE
    },
    Family {
        name: "appstreaming_instance_modified_timestamp_seconds",
        help: "Time of the instance's last modification, in Unix seconds.",
        source: "AppInstanceModels[].GmtModified",
        labels: &["instance_id"],
        extract: Extract::GroupSeries(|row, samples| {
            let Some(instances) = row.instances() else { return };
            for instance in &instances.details {
                samples.write_some(&[("instance_id", instance.id())], instance.modified().map(seconds));
            }
        }),
        ..INSTANCE
    },
    Family {
        name: "appstreaming_persistent_session_info",
        help: "Name of the persistent session and id of its current instance; always 1.",
        source: "PersistentAppInstanceModels[].AppInstancePersistentId, AppInstancePersistentName, AppInstanceId",
        labels: &["persistent_id", "name", "instance_id"],
        extract: Extract::GroupSeries(|row, samples| {
            let Some(summary) = row.persistent() else { return };
            for session in &summary.details {
                let labels = [
                    ("persistent_id", &*session.id),
                    ("name", &*session.name),
                    ("instance_id", &*session.instance_id),
                ];
                samples.write(&labels, 1.0);
            }
        }),
        ..PERSISTENT
    },
    Family {
        name: "appstreaming_persistent_session_status",
        help: "The persistent session's status: 1 for the current one.",
        source: "PersistentAppInstanceModels[].AppInstancePersistentStatus",
        labels: &["persistent_id", "status"],
        extract: Extract::GroupSeries(|row, samples| {
            let Some(summary) = row.persistent() else { return };
            let values = &row.input.values.persistent_status;
            let full = row.input.options.state_set == StateSet::Full;
            for session in &summary.details {
                let id = ("persistent_id", &*session.id);
                samples.write_state(id, "status", values, session.status.as_deref(), full);
            }
        }),
        ..PERSISTENT
    },
    Family {
        name: "appstreaming_persistent_session_instance_status",
        help: "The status of the instance behind the persistent session: 1 for the current one.",
        source: "PersistentAppInstanceModels[].AppInstanceStatus",
        labels: &["persistent_id", "status"],
        extract: Extract::GroupSeries(|row, samples| {
            let Some(summary) = row.persistent() else { return };
            let values = &row.input.values.persistent_instance_status;
            let full = row.input.options.state_set == StateSet::Full;
            for session in &summary.details {
                let id = ("persistent_id", &*session.id);
                samples.write_state(id, "status", values, session.instance_status.as_deref(), full);
            }
        }),
        ..PERSISTENT
    },
    Family {
        name: "appstreaming_persistent_session_authorized_users",
        help: "Number of users authorised for the persistent session.",
        source: "PersistentAppInstanceModels[].AuthorizedUsers",
        labels: &["persistent_id"],
        extract: Extract::GroupSeries(|row, samples| {
            let Some(summary) = row.persistent() else { return };
            for session in &summary.details {
                let users = session.authorized_users.map(|users| users as f64);
                samples.write_some(&[("persistent_id", &*session.id)], users);
            }
        }),
        ..PERSISTENT
    },
    Family {
        name: "appstreaming_persistent_session_created_timestamp_seconds",
        help: "Creation time of the persistent session, in Unix seconds.",
        source: "PersistentAppInstanceModels[].GmtCreate",
        labels: &["persistent_id"],
        extract: Extract::GroupSeries(|row, samples| {
            let Some(summary) = row.persistent() else { return };
            for session in &summary.details {
                samples.write_some(&[("persistent_id", &*session.id)], session.created.map(seconds));
            }
        }),
        ..PERSISTENT
    },
];

fn user_label<'n>(users: &UserLabel, instance: InstanceDetail<'n>) -> Option<Cow<'n, str>> {
    match instance.user_is_label() {
        true => users.saved_value(instance.end_user_id()),
        false => users.value(instance.end_user_id()),
    }
}

fn instance_info(row: &GroupRow<'_>, samples: &mut SampleWriter<'_>) {
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
        // A pseudonym costs a hash: it is not computed while series are only counted.
        let user =
            if samples.needs_label_values { user_label(&row.input.options.users, instance) } else { None };
        match &user {
            None => samples.write(&labels, 1.0),
            Some(user) => {
                let [id, node, charge, public, private, interface] = labels;
                samples.write(&[id, node, charge, public, private, interface, ("user", user)], 1.0);
            }
        }
    }
}
