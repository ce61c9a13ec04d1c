//! `ListAppInstanceGroup`: one element.

use super::field_reader::FieldReader;
use super::instance::CHARGE_TYPES;
use crate::appstreaming::wire;
use crate::fleet::{App, DecodeIssues, Group, NodePool, Ota, Tag, TimerPeriod, WeeklySchedule, vocabulary};

const PRODUCT_TYPES: &[&str] = &["CloudApp", "CloudBrowser", "AndroidCloud", "WuyingServer"];
const CHARGE_RESOURCE_MODES: &[&str] = &["Node", "AppInstance"];
const OS_TYPES: &[&str] = &["Windows"];
const POLICY_VERSIONS: &[&str] = &["CENTER", "DEFAULT"];
const AUTH_MODES: &[&str] = &["App", "AppInstanceGroup", "Session"];
const ACCESS_TYPES: &[&str] = &["INTERNET", "VPC", "ANY"];
const USER_GROUP_AUTH_MODES: &[&str] = &["Mixed", "User"];
const SCOPES: &[&str] = &["Custom", "System"];

/// Reads a delivery group; `None` when it has no readable id, which is counted in `issues`.
pub fn group(group: &wire::Group<'_>, issues: &mut DecodeIssues) -> Option<Group> {
    let read = &mut FieldReader::new(issues);
    let id = read.required("AppInstanceGroupId", group.id, FieldReader::code)?.into();
    Some(Group {
        id,
        region_id: read.owned_code("RegionId", group.region_id),
        name: read.owned_text("AppInstanceGroupName", group.name),
        product_type: read.owned_choice("ProductType", PRODUCT_TYPES, group.product_type),
        instance_type: read.owned_code("AppInstanceType", group.instance_type),
        os_type: read.owned_choice("OsType", OS_TYPES, group.os_type),
        charge_type: read.owned_choice("ChargeType", CHARGE_TYPES, group.charge_type),
        charge_resource_mode: read.owned_choice(
            "ChargeResourceMode",
            CHARGE_RESOURCE_MODES,
            group.charge_resource_mode,
        ),
        image_id: read.owned_code("AppCenterImageId", group.image_id),
        spec_id: read.owned_code("SpecId", group.spec_id),
        office_site_id: read.owned_code("OfficeSiteId", group.office_site_id),
        policy_id: read.owned_code("AppPolicyId", group.policy_id),
        policy_version: read.owned_choice("AppPolicyVersion", POLICY_VERSIONS, group.policy_version),
        auth_mode: read.owned_choice("AuthMode", AUTH_MODES, group.auth_mode),
        access_type: read.owned_choice("AccessType", ACCESS_TYPES, group.access_type),
        user_group_auth_mode: read.owned_choice(
            "UserGroupAuthMode",
            USER_GROUP_AUTH_MODES,
            group.user_group_auth_mode,
        ),
        status: read.status(&vocabulary::GROUP_STATUS, group.status),
        resource_status: read.status(&vocabulary::RESOURCE_STATUS, group.resource_status),
        created: read.time("GmtCreate", group.created),
        expires: read.time("ExpiredTime", group.expires),
        amount: read.amount("Amount", group.amount),
        min_amount: read.amount("MinAmount", group.min_amount),
        max_amount: read.amount("MaxAmount", group.max_amount),
        reserve_amount_ratio: read.percent("ReserveAmountRatio", group.reserve_amount_ratio),
        reserve_min_amount: read.amount("ReserveMinAmount", group.reserve_min_amount),
        reserve_max_amount: read.amount("ReserveMaxAmount", group.reserve_max_amount),
        scaling_step: read.amount("ScalingStep", group.scaling_step),
        scaling_usage_threshold: read.percent("ScalingUsageThreshold", group.scaling_usage_threshold),
        scaling_down_after_idle_seconds: read
            .minutes("ScalingDownAfterIdleMinutes", group.scaling_down_after_idle_minutes),
        session_timeout_seconds: read.minutes_or_unlimited("SessionTimeout", group.session_timeout),
        ota: ota(group, read),
        skip_user_auth_check: read.flag("SkipUserAuthCheck", group.skip_user_auth_check),
        policy_image_supported: read.flag("AppPolicyImageCheck", group.policy_image_check),
        user_group_mixed_auth_supported: read
            .flag("SupportUserGroupMixedAuth", group.support_user_group_mixed_auth),
        apps: apps(group, read),
        tags: tags(group, read),
        node_pools: node_pools(group, read),
    })
}

fn ota(group: &wire::Group<'_>, read: &mut FieldReader<'_>) -> Option<Ota> {
    let ota = read.object("OtaInfo", &group.ota_info)?;
    Some(Ota {
        version: read.owned_code("OtaVersion", ota.version),
        new_version: read.owned_code("NewOtaVersion", ota.new_version),
        task_id: read.owned_code("TaskId", ota.task_id),
    })
}

fn apps(group: &wire::Group<'_>, read: &mut FieldReader<'_>) -> Vec<App> {
    let mut apps: Vec<App> = Vec::with_capacity(group.apps.items.len());
    for app in read.list("Apps", &group.apps) {
        let app = App {
            id: read.owned_code("AppId", app.id),
            name: read.owned_text("AppName", app.name),
            version: read.owned_code("AppVersion", app.version),
            version_name: read.owned_text("AppVersionName", app.version_name),
        };
        // A duplicate would become a duplicate series.
        if !apps.contains(&app) {
            apps.push(app);
        }
    }
    apps
}

/// In the documentation's sample, both lists of tags are equal. The second one is used where the
/// first one is empty.
fn tags(group: &wire::Group<'_>, read: &mut FieldReader<'_>) -> Vec<Tag> {
    let tags = read.list("Tags", &group.tags);
    let tags = if tags.is_empty() { read.list("ResourceTags", &group.resource_tags) } else { tags };
    tags.iter().filter_map(|tag| self::tag(tag, read)).collect()
}

fn tag(tag: &wire::Tag<'_>, read: &mut FieldReader<'_>) -> Option<Tag> {
    let key = read.required("Key", tag.key, FieldReader::text)?.into();
    let scope = read.choice("Scope", SCOPES, tag.scope);
    Some(Tag {
        key,
        value: read.owned_text("Value", tag.value),
        system: scope.is_some_and(|scope| scope.eq_ignore_ascii_case("System")),
    })
}

/// A pool without an id is kept, because its nodes are part of the group's capacity. A second pool
/// with the same id is counted as unreadable and dropped, because its series would be duplicates of
/// those of the first pool.
fn node_pools(group: &wire::Group<'_>, read: &mut FieldReader<'_>) -> Vec<NodePool> {
    let mut pools: Vec<NodePool> = Vec::with_capacity(group.node_pools.items.len());
    for pool in read.list("NodePool", &group.node_pools) {
        let pool = node_pool(pool, read);
        if pools.iter().any(|earlier| earlier.id == pool.id) {
            read.count_unparsable("NodePoolId");
        } else {
            pools.push(pool);
        }
    }
    pools
}

fn node_pool(pool: &wire::NodePool<'_>, read: &mut FieldReader<'_>) -> NodePool {
    NodePool {
        id: read.owned_code("NodePoolId", pool.id),
        node_instance_type: read.owned_code("NodeInstanceType", pool.node_instance_type),
        node_type_name: read.owned_text("NodeTypeName", pool.node_type_name),
        strategy_type: read.status(&vocabulary::STRATEGY_TYPE, pool.strategy_type),
        nodes: read.amount("NodeAmount", pool.node_amount),
        nodes_used: read.amount("NodeUsed", pool.node_used),
        scaling_nodes: read.amount("ScalingNodeAmount", pool.scaling_node_amount),
        scaling_nodes_used: read.amount("ScalingNodeUsed", pool.scaling_node_used),
        node_capacity: read.amount("NodeCapacity", pool.node_capacity),
        amount: read.amount("Amount", pool.amount),
        max_scaling_amount: read.amount("MaxScalingAmount", pool.max_scaling_amount),
        max_idle_app_instances: read.amount("MaxIdleAppInstanceAmount", pool.max_idle_app_instance_amount),
        scaling_step: read.amount("ScalingStep", pool.scaling_step),
        scaling_usage_threshold: read.percent("ScalingUsageThreshold", pool.scaling_usage_threshold),
        scaling_down_after_idle_seconds: read
            .minutes("ScalingDownAfterIdleMinutes", pool.scaling_down_after_idle_minutes),
        warm_up: read.flag("WarmUp", pool.warm_up),
        strategy_enable_date: read.date("StrategyEnableDate", pool.strategy_enable_date),
        strategy_disable_date: read.date("StrategyDisableDate", pool.strategy_disable_date),
        schedules: schedules(pool, read),
    }
}

fn schedules(pool: &wire::NodePool<'_>, read: &mut FieldReader<'_>) -> Vec<WeeklySchedule> {
    let schedules = read.list("RecurrenceSchedules", &pool.recurrence_schedules);
    schedules.iter().filter_map(|schedule| self::schedule(schedule, read)).collect()
}

/// Only weekly recurrence is documented. A schedule with another recurrence is counted as unknown
/// and dropped.
fn schedule(schedule: &wire::RecurrenceSchedule<'_>, read: &mut FieldReader<'_>) -> Option<WeeklySchedule> {
    let recurrence = read.required("RecurrenceType", schedule.recurrence_type, FieldReader::code)?;
    if !recurrence.eq_ignore_ascii_case("weekly") {
        read.count_unknown("RecurrenceType");
        return None;
    }
    let mut weekdays: Vec<i8> = Vec::with_capacity(7);
    for weekday in read.scalars("RecurrenceValues", &schedule.recurrence_values) {
        let weekday = read.required("RecurrenceValues", *weekday, |read, field, scalar| {
            read.parsed(field, scalar, |text| text.parse().ok().filter(|day| (1..=7).contains(day)))
        });
        weekdays.extend(weekday.filter(|weekday| !weekdays.contains(weekday)));
    }
    let periods = read.list("TimerPeriods", &schedule.timer_periods);
    let periods = periods.iter().filter_map(|period| self::period(period, read)).collect();
    Some(WeeklySchedule { weekdays, periods })
}

/// Reads all three fields before it returns `None`, so that each unreadable one is counted.
fn period(period: &wire::TimerPeriod<'_>, read: &mut FieldReader<'_>) -> Option<TimerPeriod> {
    let amount = read.required("Amount", period.amount, FieldReader::amount);
    let start = read.required("StartTime", period.start, FieldReader::clock);
    let end = read.required("EndTime", period.end, FieldReader::clock);
    Some(TimerPeriod { start: start?, end: end?, amount: amount? })
}
