//! `ListAppInstanceGroup`: one element, with its nested objects.

use super::object::object;
use super::{Maybe, Objects, Scalar, Scalars};

object! {
    /// One element of `AppInstanceGroupModels`.
    Group<'a> {
        /// The key.
        id: Scalar<'a> = "AppInstanceGroupId",
        /// Free text.
        name: Scalar<'a> = "AppInstanceGroupName",
        /// One to one with the id.
        spec_id: Scalar<'a> = "SpecId",
        /// The kind of product.
        product_type: Scalar<'a> = "ProductType",
        /// Where the group lives.
        region_id: Scalar<'a> = "RegionId",
        /// The group's status.
        status: Scalar<'a> = "Status",
        /// The status of its resources.
        resource_status: Scalar<'a> = "ResourceStatus",
        /// Prepaid or postpaid.
        charge_type: Scalar<'a> = "ChargeType",
        /// Sold by node or by session.
        charge_resource_mode: Scalar<'a> = "ChargeResourceMode",
        /// Subscription resources configured.
        amount: Scalar<'a> = "Amount",
        /// Lower bound of the number of instances.
        min_amount: Scalar<'a> = "MinAmount",
        /// Upper bound of the number of instances.
        max_amount: Scalar<'a> = "MaxAmount",
        /// Percent, a string.
        reserve_amount_ratio: Scalar<'a> = "ReserveAmountRatio",
        /// Lower bound of unused sessions.
        reserve_min_amount: Scalar<'a> = "ReserveMinAmount",
        /// Upper bound of unused sessions.
        reserve_max_amount: Scalar<'a> = "ReserveMaxAmount",
        /// Sessions added by one scale-out.
        scaling_step: Scalar<'a> = "ScalingStep",
        /// Percent, a string.
        scaling_usage_threshold: Scalar<'a> = "ScalingUsageThreshold",
        /// Minutes.
        scaling_down_after_idle_minutes: Scalar<'a> = "ScalingDownAfterIdleMinutes",
        /// Minutes, a string; -1 is unlimited.
        session_timeout: Scalar<'a> = "SessionTimeout",
        /// Empty or null for groups sold by session.
        node_pools: Objects<NodePool<'a>> = "NodePool",
        /// The installed applications.
        apps: Objects<App<'a>> = "Apps",
        /// A placeholder, not a size.
        instance_type: Scalar<'a> = "AppInstanceType",
        /// The image.
        image_id: Scalar<'a> = "AppCenterImageId",
        /// The image's operating system.
        os_type: Scalar<'a> = "OsType",
        /// The policy.
        policy_id: Scalar<'a> = "AppPolicyId",
        /// Unified or legacy policy.
        policy_version: Scalar<'a> = "AppPolicyVersion",
        /// Whether the image supports the unified policy.
        policy_image_check: Scalar<'a> = "AppPolicyImageCheck",
        /// Whether users are not authenticated.
        skip_user_auth_check: Scalar<'a> = "SkipUserAuthCheck",
        /// What users are authorised to use.
        auth_mode: Scalar<'a> = "AuthMode",
        /// The network by which clients connect.
        access_type: Scalar<'a> = "AccessType",
        /// Whether users and user groups can be authorised at the same time.
        support_user_group_mixed_auth: Scalar<'a> = "SupportUserGroupMixedAuth",
        /// Whether users and user groups are authorised at the same time.
        user_group_auth_mode: Scalar<'a> = "UserGroupAuthMode",
        /// Sent with a trailing line feed.
        office_site_id: Scalar<'a> = "OfficeSiteId",
        /// The image's version.
        ota_info: Maybe<OtaInfo<'a>> = "OtaInfo",
        /// The tags.
        tags: Objects<Tag<'a>> = "Tags",
        /// A copy of the tags.
        resource_tags: Objects<Tag<'a>> = "ResourceTags",
        /// Time of creation.
        created: Scalar<'a> = "GmtCreate",
        /// When the subscription ends.
        expires: Scalar<'a> = "ExpiredTime",
    }
}

object! {
    /// One element of `NodePool`.
    NodePool<'a> {
        /// The key.
        id: Scalar<'a> = "NodePoolId",
        /// Size id.
        node_instance_type: Scalar<'a> = "NodeInstanceType",
        /// Name of the size.
        node_type_name: Scalar<'a> = "NodeTypeName",
        /// Current number of subscription nodes.
        node_amount: Scalar<'a> = "NodeAmount",
        /// Subscription nodes in use.
        node_used: Scalar<'a> = "NodeUsed",
        /// Sessions that one node can serve.
        node_capacity: Scalar<'a> = "NodeCapacity",
        /// Current number of elastic nodes.
        scaling_node_amount: Scalar<'a> = "ScalingNodeAmount",
        /// Elastic nodes in use.
        scaling_node_used: Scalar<'a> = "ScalingNodeUsed",
        /// Nodes bought when the group was created.
        amount: Scalar<'a> = "Amount",
        /// The scaling strategy.
        strategy_type: Scalar<'a> = "StrategyType",
        /// Maximum number of elastic nodes.
        max_scaling_amount: Scalar<'a> = "MaxScalingAmount",
        /// Idle sessions above which no scale-out happens.
        max_idle_app_instance_amount: Scalar<'a> = "MaxIdleAppInstanceAmount",
        /// Nodes added by one scale-out.
        scaling_step: Scalar<'a> = "ScalingStep",
        /// Percent, a string.
        scaling_usage_threshold: Scalar<'a> = "ScalingUsageThreshold",
        /// Minutes.
        scaling_down_after_idle_minutes: Scalar<'a> = "ScalingDownAfterIdleMinutes",
        /// Present also where the strategy is another.
        recurrence_schedules: Objects<RecurrenceSchedule<'a>> = "RecurrenceSchedules",
        /// First day on which the strategy applies.
        strategy_enable_date: Scalar<'a> = "StrategyEnableDate",
        /// Last day on which the strategy applies.
        strategy_disable_date: Scalar<'a> = "StrategyDisableDate",
        /// Whether nodes are prepared in advance.
        warm_up: Scalar<'a> = "WarmUp",
    }
}

object! {
    /// One element of `RecurrenceSchedules`.
    RecurrenceSchedule<'a> {
        /// Weekly, in any case.
        recurrence_type: Scalar<'a> = "RecurrenceType",
        /// 1 Monday to 7 Sunday.
        recurrence_values: Scalars<'a> = "RecurrenceValues",
        /// Periods of the day.
        timer_periods: Objects<TimerPeriod<'a>> = "TimerPeriods",
    }
}

object! {
    /// One element of `TimerPeriods`.
    TimerPeriod<'a> {
        /// Nodes required.
        amount: Scalar<'a> = "Amount",
        /// Start, wall clock.
        start: Scalar<'a> = "StartTime",
        /// End, wall clock.
        end: Scalar<'a> = "EndTime",
    }
}

object! {
    /// One element of `Apps`.
    App<'a> {
        /// The key.
        id: Scalar<'a> = "AppId",
        /// Free text.
        name: Scalar<'a> = "AppName",
        /// Its version.
        version: Scalar<'a> = "AppVersion",
        /// The version's name, free text.
        version_name: Scalar<'a> = "AppVersionName",
        /// A URL, or empty.
        icon: Scalar<'a> = "AppIcon",
    }
}

object! {
    /// The versions of the image: in use, and of a pending update.
    OtaInfo<'a> {
        /// The version in use.
        version: Scalar<'a> = "OtaVersion",
        /// Null or empty when no update is pending.
        new_version: Scalar<'a> = "NewOtaVersion",
        /// The update task.
        task_id: Scalar<'a> = "TaskId",
    }
}

object! {
    /// One tag.
    Tag<'a> {
        /// Its name.
        key: Scalar<'a> = "Key",
        /// Its value.
        value: Scalar<'a> = "Value",
        /// Set by the system or by the customer.
        scope: Scalar<'a> = "Scope",
    }
}
