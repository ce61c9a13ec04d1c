//! Delivery groups, as `ListAppInstanceGroup` describes them.

use crate::fleet::timestamp::seconds;
use crate::metrics::catalogue::collector::Collector;
use crate::metrics::catalogue::family::{Extract, Family, Section};
use crate::metrics::input::{GroupRow, flag};
use crate::metrics::sample_writer::SampleWriter;

pub(super) const SECTION: Section = Section {
    title: "Groups",
    introduction: "From `ListAppInstanceGroup`, one element of `AppInstanceGroupModels` for each \
        group. Collector `groups`, always on.",
    families: FAMILIES,
};

const GAUGE: Family = Family { collector: Collector::Groups, ..Family::GAUGE };

static FAMILIES: &[Family] = &[
    Family {
        name: "appstreaming_group_info",
        help: "Properties of the delivery group as labels; always 1.",
        source: "AppInstanceGroupName, ProductType, AppInstanceType, OsType, ChargeType, ChargeResourceMode, \
         AppCenterImageId, SpecId, OfficeSiteId, AppPolicyId, AppPolicyVersion, AuthMode, AccessType, \
         UserGroupAuthMode",
        labels: &[
            "name",
            "product_type",
            "instance_type",
            "os_type",
            "charge_type",
            "charge_resource_mode",
            "image_id",
            "spec_id",
            "office_site_id",
            "policy_id",
            "policy_version",
            "auth_mode",
            "access_type",
            "user_group_auth_mode",
        ],
        extract: Extract::GroupSeries(info),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_status",
        help: "Whether the delivery group is in this status: 1 for the current one, 0 for the others.",
        source: "Status",
        labels: &["status"],
        extract: Extract::GroupSeries(|row, samples| {
            samples.write_state_set("status", &row.input.values.group_status, row.group().status.as_deref());
        }),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_resource_status",
        help: "Whether the delivery group's resources are in this status: 1 for the current one, 0 for the others.",
        source: "ResourceStatus",
        labels: &["resource_status"],
        extract: Extract::GroupSeries(|row, samples| {
            let current = row.group().resource_status.as_deref();
            samples.write_state_set("resource_status", &row.input.values.resource_status, current);
        }),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_created_timestamp_seconds",
        help: "Creation time of the delivery group, in Unix seconds.",
        source: "GmtCreate",
        extract: Extract::Group(|row| row.group().created.map(seconds)),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_expiry_timestamp_seconds",
        help: "End of the delivery group's subscription, in Unix seconds.",
        source: "ExpiredTime",
        extract: Extract::Group(|row| row.group().expires.map(seconds)),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_amount",
        help: "Subscription resources configured for the delivery group.",
        source: "Amount",
        extract: Extract::Group(|row| row.group().amount),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_min_amount",
        help: "Lower bound of the number of instances of the delivery group.",
        source: "MinAmount",
        extract: Extract::Group(|row| row.group().min_amount),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_max_amount",
        help: "Upper bound of the number of instances of the delivery group.",
        source: "MaxAmount",
        extract: Extract::Group(|row| row.group().max_amount),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_reserve_amount_ratio",
        help: "Share of the delivery group's sessions that is kept idle, 0 to 1.",
        source: "ReserveAmountRatio",
        extract: Extract::Group(|row| row.group().reserve_amount_ratio),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_reserve_min_amount",
        help: "Minimum number of idle sessions that the delivery group keeps.",
        source: "ReserveMinAmount",
        extract: Extract::Group(|row| row.group().reserve_min_amount),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_reserve_max_amount",
        help: "Maximum number of idle sessions that the delivery group keeps.",
        source: "ReserveMaxAmount",
        extract: Extract::Group(|row| row.group().reserve_max_amount),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_scaling_step",
        help: "Sessions added by one scale-out of the delivery group.",
        source: "ScalingStep",
        extract: Extract::Group(|row| row.group().scaling_step),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_scaling_usage_threshold_ratio",
        help: "Session usage above which a scale-out of the delivery group starts, 0 to 1.",
        source: "ScalingUsageThreshold",
        extract: Extract::Group(|row| row.group().scaling_usage_threshold),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_scaling_down_after_idle_seconds",
        help: "Idle time in seconds after which scale-in releases a resource of the delivery group.",
        source: "ScalingDownAfterIdleMinutes",
        extract: Extract::Group(|row| row.group().scaling_down_after_idle_seconds),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_session_timeout_seconds",
        help: "Time in seconds that a disconnected session is kept; +Inf if it is kept without limit.",
        source: "SessionTimeout",
        extract: Extract::Group(|row| row.group().session_timeout_seconds),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_ota_info",
        help: "Current and available version of the delivery group's image; always 1.",
        source: "OtaInfo.OtaVersion, OtaInfo.NewOtaVersion, OtaInfo.TaskId",
        labels: &["ota_version", "new_ota_version", "task_id"],
        extract: Extract::GroupSeries(|row, samples| {
            if let Some(ota) = &row.group().ota {
                let labels = [
                    ("ota_version", &*ota.version),
                    ("new_ota_version", &*ota.new_version),
                    ("task_id", &*ota.task_id),
                ];
                samples.write(&labels, 1.0);
            }
        }),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_ota_update_available",
        help: "Whether a newer version of the delivery group's image is available: 1 or 0.",
        source: "OtaInfo.NewOtaVersion",
        extract: Extract::Group(|row| row.group().ota.as_ref().map(|ota| flag(!ota.new_version.is_empty()))),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_skip_user_auth_check",
        help: "Whether the delivery group skips the authorization check of users: 1 or 0.",
        source: "SkipUserAuthCheck",
        extract: Extract::Group(|row| row.group().skip_user_auth_check.map(flag)),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_policy_image_supported",
        help: "Whether the delivery group's image supports the unified policy: 1 or 0.",
        source: "AppPolicyImageCheck",
        extract: Extract::Group(|row| row.group().policy_image_supported.map(flag)),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_user_group_mixed_auth_supported",
        help: "Whether users and user groups can be authorised for the delivery group together: 1 or 0.",
        source: "SupportUserGroupMixedAuth",
        extract: Extract::Group(|row| row.group().user_group_mixed_auth_supported.map(flag)),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_app_info",
        help: "An application that the delivery group offers; always 1.",
        source: "Apps[].AppId, Apps[].AppName, Apps[].AppVersion, Apps[].AppVersionName",
        labels: &["app_id", "app_name", "app_version", "app_version_name"],
        extract: Extract::GroupSeries(apps),
        ..GAUGE
    },
    Family {
        name: "appstreaming_group_tags",
        help: "Tags of the delivery group selected by labels.tags; always 1.",
        source: "Tags[], ResourceTags[]",
        labels: &["tag_<key>"],
        extract: Extract::GroupSeries(|row, samples| {
            if let Some(labels) = row.input.names.tag_labels(row.group()) {
                samples.write(&labels, 1.0);
            }
        }),
        ..GAUGE
    },
];

fn info(row: &GroupRow<'_>, samples: &mut SampleWriter<'_>) {
    let group = row.group();
    let labels = [
        ("name", &*group.name),
        ("product_type", &*group.product_type),
        ("instance_type", &*group.instance_type),
        ("os_type", &*group.os_type),
        ("charge_type", &*group.charge_type),
        ("charge_resource_mode", &*group.charge_resource_mode),
        ("image_id", &*group.image_id),
        ("spec_id", &*group.spec_id),
        ("office_site_id", &*group.office_site_id),
        ("policy_id", &*group.policy_id),
        ("policy_version", &*group.policy_version),
        ("auth_mode", &*group.auth_mode),
        ("access_type", &*group.access_type),
        ("user_group_auth_mode", &*group.user_group_auth_mode),
    ];
    samples.write(&labels, 1.0);
}

/// One series for each application. If two applications have the same id, only the first is
/// written. Applications without an id are distinguished by their other fields.
fn apps(row: &GroupRow<'_>, samples: &mut SampleWriter<'_>) {
    let apps = &row.group().apps;
    for (index, app) in apps.iter().enumerate() {
        // Groups have few applications: comparing with the previous ones is faster than a set.
        let seen =
            apps[..index].iter().any(|before| before == app || (!app.id.is_empty() && before.id == app.id));
        if !seen {
            let labels = [
                ("app_id", &*app.id),
                ("app_name", &*app.name),
                ("app_version", &*app.version),
                ("app_version_name", &*app.version_name),
            ];
            samples.write(&labels, 1.0);
        }
    }
}
