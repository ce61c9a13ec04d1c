//! Delivery groups, as `ListAppInstanceGroup` describes them.

use super::{Chapter, Collector, Extract, Family};
use crate::fleet::timestamp::seconds;
use crate::metrics::Kind;
use crate::metrics::rows::{GroupRow, flag};
use crate::metrics::series::Series;

pub(super) const CHAPTER: Chapter = Chapter {
    title: "Groups",
    introduction: "From `ListAppInstanceGroup`, one element of `AppInstanceGroupModels` each. \
        Collector `groups`, always on.",
    families: FAMILIES,
};

const fn gauge(
    name: &'static str,
    own_labels: &'static [&'static str],
    source: &'static str,
    help: &'static str,
    extract: Extract,
) -> Family {
    Family::new(Collector::Groups, Kind::Gauge, name, own_labels, source, help, extract)
}

static FAMILIES: &[Family] = &[
    gauge(
        "appstreaming_group_info",
        &[
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
        "AppInstanceGroupName, ProductType, AppInstanceType, OsType, ChargeType, ChargeResourceMode, \
         AppCenterImageId, SpecId, OfficeSiteId, AppPolicyId, AppPolicyVersion, AuthMode, AccessType, \
         UserGroupAuthMode",
        "What the delivery group is; always 1.",
        Extract::GroupSeries(info),
    ),
    gauge(
        "appstreaming_group_status",
        &["status"],
        "Status",
        "Whether the delivery group is in this status: 1 for the current one, 0 for the others.",
        Extract::GroupSeries(|row, series| {
            series.state_set("status", &row.table.words.group_status, row.group().status.as_deref());
        }),
    ),
    gauge(
        "appstreaming_group_resource_status",
        &["resource_status"],
        "ResourceStatus",
        "Whether the delivery group's resources are in this status: 1 for the current one, 0 for the others.",
        Extract::GroupSeries(|row, series| {
            let current = row.group().resource_status.as_deref();
            series.state_set("resource_status", &row.table.words.resource_status, current);
        }),
    ),
    gauge(
        "appstreaming_group_created_timestamp_seconds",
        &[],
        "GmtCreate",
        "When the delivery group was created.",
        Extract::Group(|row| row.group().created.map(seconds)),
    ),
    gauge(
        "appstreaming_group_expiry_timestamp_seconds",
        &[],
        "ExpiredTime",
        "When the delivery group's subscription ends.",
        Extract::Group(|row| row.group().expires.map(seconds)),
    ),
    gauge(
        "appstreaming_group_amount",
        &[],
        "Amount",
        "Subscription resources configured for the delivery group.",
        Extract::Group(|row| row.group().amount),
    ),
    gauge(
        "appstreaming_group_min_amount",
        &[],
        "MinAmount",
        "Lower bound of the number of instances of the delivery group.",
        Extract::Group(|row| row.group().min_amount),
    ),
    gauge(
        "appstreaming_group_max_amount",
        &[],
        "MaxAmount",
        "Upper bound of the number of instances of the delivery group.",
        Extract::Group(|row| row.group().max_amount),
    ),
    gauge(
        "appstreaming_group_reserve_amount_ratio",
        &[],
        "ReserveAmountRatio",
        "Share of the delivery group's sessions that is kept unused, 0 to 1.",
        Extract::Group(|row| row.group().reserve_amount_ratio),
    ),
    gauge(
        "appstreaming_group_reserve_min_amount",
        &[],
        "ReserveMinAmount",
        "Fewest unused sessions that the delivery group keeps.",
        Extract::Group(|row| row.group().reserve_min_amount),
    ),
    gauge(
        "appstreaming_group_reserve_max_amount",
        &[],
        "ReserveMaxAmount",
        "Most unused sessions that the delivery group keeps.",
        Extract::Group(|row| row.group().reserve_max_amount),
    ),
    gauge(
        "appstreaming_group_scaling_step",
        &[],
        "ScalingStep",
        "Sessions added by one scale-out of the delivery group.",
        Extract::Group(|row| row.group().scaling_step),
    ),
    gauge(
        "appstreaming_group_scaling_usage_threshold_ratio",
        &[],
        "ScalingUsageThreshold",
        "Session usage above which a scale-out of the delivery group starts, 0 to 1.",
        Extract::Group(|row| row.group().scaling_usage_threshold),
    ),
    gauge(
        "appstreaming_group_scaling_down_after_idle_seconds",
        &[],
        "ScalingDownAfterIdleMinutes",
        "How long a resource of the delivery group is idle before scale-in releases it.",
        Extract::Group(|row| row.group().scaling_down_after_idle_seconds),
    ),
    gauge(
        "appstreaming_group_session_timeout_seconds",
        &[],
        "SessionTimeout",
        "How long a disconnected session is kept; +Inf where it is kept for ever.",
        Extract::Group(|row| row.group().session_timeout_seconds),
    ),
    gauge(
        "appstreaming_group_ota_info",
        &["ota_version", "new_ota_version", "task_id"],
        "OtaInfo.OtaVersion, OtaInfo.NewOtaVersion, OtaInfo.TaskId",
        "Version of the delivery group's image, and the one that waits; always 1.",
        Extract::GroupSeries(|row, series| {
            if let Some(ota) = &row.group().ota {
                let labels = [
                    ("ota_version", &*ota.version),
                    ("new_ota_version", &*ota.new_version),
                    ("task_id", &*ota.task_id),
                ];
                series.put(&labels, 1.0);
            }
        }),
    ),
    gauge(
        "appstreaming_group_ota_update_available",
        &[],
        "OtaInfo.NewOtaVersion",
        "Whether a newer version of the delivery group's image waits: 1 or 0.",
        Extract::Group(|row| row.group().ota.as_ref().map(|ota| flag(!ota.new_version.is_empty()))),
    ),
    gauge(
        "appstreaming_group_skip_user_auth_check",
        &[],
        "SkipUserAuthCheck",
        "Whether users of the delivery group are let in without a check of their rights: 1 or 0.",
        Extract::Group(|row| row.group().skip_user_auth_check.map(flag)),
    ),
    gauge(
        "appstreaming_group_policy_image_supported",
        &[],
        "AppPolicyImageCheck",
        "Whether the delivery group's image supports the unified policy: 1 or 0.",
        Extract::Group(|row| row.group().policy_image_supported.map(flag)),
    ),
    gauge(
        "appstreaming_group_user_group_mixed_auth_supported",
        &[],
        "SupportUserGroupMixedAuth",
        "Whether users and user groups can be authorised for the delivery group together: 1 or 0.",
        Extract::Group(|row| row.group().user_group_mixed_auth_supported.map(flag)),
    ),
    gauge(
        "appstreaming_group_app_info",
        &["app_id", "app_name", "app_version", "app_version_name"],
        "Apps[].AppId, Apps[].AppName, Apps[].AppVersion, Apps[].AppVersionName",
        "An application that the delivery group offers; always 1.",
        Extract::GroupSeries(apps),
    ),
    gauge(
        "appstreaming_group_tags",
        &["tag_<key>"],
        "Tags[], ResourceTags[]",
        "The delivery group's tags, as far as they are asked for; always 1.",
        Extract::GroupSeries(|row, series| {
            if let Some(labels) = row.table.names.of_tags(row.group()) {
                series.put(&labels, 1.0);
            }
        }),
    ),
];

fn info(row: &GroupRow<'_>, series: &mut Series<'_>) {
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
    series.put(&labels, 1.0);
}

/// One series an application: of two with the same id the first counts, of those without an id each
/// that differs.
fn apps(row: &GroupRow<'_>, series: &mut Series<'_>) {
    let apps = &row.group().apps;
    for (index, app) in apps.iter().enumerate() {
        // Groups have a handful of applications: looking back is quicker than a set.
        let seen =
            apps[..index].iter().any(|before| before == app || (!app.id.is_empty() && before.id == app.id));
        if !seen {
            let labels = [
                ("app_id", &*app.id),
                ("app_name", &*app.name),
                ("app_version", &*app.version),
                ("app_version_name", &*app.version_name),
            ];
            series.put(&labels, 1.0);
        }
    }
}
