//! `ListAppInstanceGroup`: one element, with its nested objects.

use super::object::object;
use super::{Maybe, Objects, Scalar, Scalars};

object! {
    /// One element of `AppInstanceGroupModels`.
    Group<'a> {
        /// The installed applications.
        apps: Objects<App<'a>> = "Apps",
        /// Id of the image.
        image_id: Scalar<'a> = "AppCenterImageId",
        /// The group's region.
        region_id: Scalar<'a> = "RegionId",
        /// The kind of product.
        product_type: Scalar<'a> = "ProductType",
        /// A placeholder such as `__dynamic__`, not a size.
        instance_type: Scalar<'a> = "AppInstanceType",
        /// The group's id, unique.
        id: Scalar<'a> = "AppInstanceGroupId",
        /// Number of subscription resources that the customer configured.
        amount: Scalar<'a> = "Amount",
        /// Lower bound of the number of instances.
        min_amount: Scalar<'a> = "MinAmount",
        /// Upper bound of the number of instances.
        max_amount: Scalar<'a> = "MaxAmount",
        /// Share of sessions kept idle: percent, sent as a string.
        reserve_amount_ratio: Scalar<'a> = "ReserveAmountRatio",
        /// Lower bound of the number of sessions kept idle.
        reserve_min_amount: Scalar<'a> = "ReserveMinAmount",
        /// Upper bound of the number of sessions kept idle.
        reserve_max_amount: Scalar<'a> = "ReserveMaxAmount",
        /// Sessions added by one scale-out.
        scaling_step: Scalar<'a> = "ScalingStep",
        /// Usage above which a scale-out starts: percent, sent as a string.
        scaling_usage_threshold: Scalar<'a> = "ScalingUsageThreshold",
        /// Minutes without a session before a scale-in.
        scaling_down_after_idle_minutes: Scalar<'a> = "ScalingDownAfterIdleMinutes",
        /// Prepaid or postpaid.
        charge_type: Scalar<'a> = "ChargeType",
        /// Time of creation.
        created: Scalar<'a> = "GmtCreate",
        /// The group's status.
        status: Scalar<'a> = "Status",
        /// Empty or null for groups sold by session.
        node_pools: Objects<NodePool<'a>> = "NodePool",
        /// A second id of the group: each group has its own.
        spec_id: Scalar<'a> = "SpecId",
        /// Minutes that a disconnected session is kept, sent as a string; -1 is unlimited.
        session_timeout: Scalar<'a> = "SessionTimeout",
        /// The group's name, free text, not unique.
        name: Scalar<'a> = "AppInstanceGroupName",
        /// When the subscription ends.
        expires: Scalar<'a> = "ExpiredTime",
        /// The versions of the image.
        ota_info: Maybe<OtaInfo<'a>> = "OtaInfo",
        /// The image's operating system.
        os_type: Scalar<'a> = "OsType",
        /// The status of the group's resources.
        resource_status: Scalar<'a> = "ResourceStatus",
        /// Id of the policy.
        policy_id: Scalar<'a> = "AppPolicyId",
        /// Sold by node or by session.
        charge_resource_mode: Scalar<'a> = "ChargeResourceMode",
        /// Whether the check of users is skipped.
        skip_user_auth_check: Scalar<'a> = "SkipUserAuthCheck",
        /// Id of the office network; the API's sample has a trailing line feed.
        office_site_id: Scalar<'a> = "OfficeSiteId",
        /// Whether the policy is unified (`CENTER`) or legacy (`DEFAULT`).
        policy_version: Scalar<'a> = "AppPolicyVersion",
        /// Whether the image supports the unified policy.
        policy_image_check: Scalar<'a> = "AppPolicyImageCheck",
        /// Equal to `Tags` in the API's sample.
        resource_tags: Objects<Tag<'a>> = "ResourceTags",
        /// The tags.
        tags: Objects<Tag<'a>> = "Tags",
        /// What users are authorised to use.
        auth_mode: Scalar<'a> = "AuthMode",
        /// The network by which clients connect.
        access_type: Scalar<'a> = "AccessType",
        /// Whether users and user groups can be authorised at the same time.
        support_user_group_mixed_auth: Scalar<'a> = "SupportUserGroupMixedAuth",
        /// Whether users and user groups are authorised at the same time.
        user_group_auth_mode: Scalar<'a> = "UserGroupAuthMode",
    }
}

object! {
    /// One element of `NodePool`.
    NodePool<'a> {
        /// The pool's id.
        id: Scalar<'a> = "NodePoolId",
        /// Id of the node size.
        node_instance_type: Scalar<'a> = "NodeInstanceType",
        /// Current number of subscription nodes.
        node_amount: Scalar<'a> = "NodeAmount",
        /// Subscription nodes in use.
        node_used: Scalar<'a> = "NodeUsed",
        /// Sessions that one node can serve at once.
        node_capacity: Scalar<'a> = "NodeCapacity",
        /// Current number of elastic nodes.
        scaling_node_amount: Scalar<'a> = "ScalingNodeAmount",
        /// Elastic nodes in use.
        scaling_node_used: Scalar<'a> = "ScalingNodeUsed",
        /// The scaling strategy.
        strategy_type: Scalar<'a> = "StrategyType",
        /// Nodes bought when the group was created.
        amount: Scalar<'a> = "Amount",
        /// Maximum number of elastic nodes.
        max_scaling_amount: Scalar<'a> = "MaxScalingAmount",
        /// Number of idle sessions from which on no scale-out happens.
        max_idle_app_instance_amount: Scalar<'a> = "MaxIdleAppInstanceAmount",
        /// Nodes added by one scale-out.
        scaling_step: Scalar<'a> = "ScalingStep",
        /// Usage above which a scale-out starts: percent, sent as a string.
        scaling_usage_threshold: Scalar<'a> = "ScalingUsageThreshold",
        /// Minutes without a session before a scale-in.
        scaling_down_after_idle_minutes: Scalar<'a> = "ScalingDownAfterIdleMinutes",
        /// Weekly schedules; also sent where the strategy is not `NODE_SCALING_BY_SCHEDULE`.
        recurrence_schedules: Objects<RecurrenceSchedule<'a>> = "RecurrenceSchedules",
        /// Last day on which the strategy applies.
        strategy_disable_date: Scalar<'a> = "StrategyDisableDate",
        /// First day on which the strategy applies.
        strategy_enable_date: Scalar<'a> = "StrategyEnableDate",
        /// Whether nodes are prepared in advance.
        warm_up: Scalar<'a> = "WarmUp",
        /// Name of the node size.
        node_type_name: Scalar<'a> = "NodeTypeName",
    }
}

object! {
    /// One element of `RecurrenceSchedules`.
    RecurrenceSchedule<'a> {
        /// `weekly`, in any ASCII case.
        recurrence_type: Scalar<'a> = "RecurrenceType",
        /// Weekdays from 1 (Monday) to 7 (Sunday).
        recurrence_values: Scalars<'a> = "RecurrenceValues",
        /// Periods of the day.
        timer_periods: Objects<TimerPeriod<'a>> = "TimerPeriods",
    }
}

object! {
    /// One element of `TimerPeriods`.
    TimerPeriod<'a> {
        /// Number of nodes that the period requires.
        amount: Scalar<'a> = "Amount",
        /// End, wall clock.
        end: Scalar<'a> = "EndTime",
        /// Start, wall clock.
        start: Scalar<'a> = "StartTime",
    }
}

object! {
    /// One element of `Apps`.
    App<'a> {
        /// The application's id.
        id: Scalar<'a> = "AppId",
        /// The application's name, free text.
        name: Scalar<'a> = "AppName",
        /// The application's version.
        version: Scalar<'a> = "AppVersion",
        /// The version's name, free text.
        version_name: Scalar<'a> = "AppVersionName",
        /// URL of the icon, or empty.
        icon: Scalar<'a> = "AppIcon",
    }
}

object! {
    /// The versions of the image: in use, and of a pending update.
    OtaInfo<'a> {
        /// The version in use.
        version: Scalar<'a> = "OtaVersion",
        /// The version of the pending update; null or empty when no update is pending.
        new_version: Scalar<'a> = "NewOtaVersion",
        /// Id of the update task.
        task_id: Scalar<'a> = "TaskId",
    }
}

object! {
    /// One tag.
    Tag<'a> {
        /// The tag's name.
        key: Scalar<'a> = "Key",
        /// The tag's value.
        value: Scalar<'a> = "Value",
        /// Whether the tag was set by the system or by the customer.
        scope: Scalar<'a> = "Scope",
    }
}
