//! `ListAppInstanceGroup`, one element with all that is nested in it.

use super::{Maybe, Objects, Scalar, Scalars, object::object};

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
        /// What the group is doing.
        status: Scalar<'a> = "Status",
        /// How its resources are.
        resource_status: Scalar<'a> = "ResourceStatus",
        /// How it is paid for.
        charge_type: Scalar<'a> = "ChargeType",
        /// Whether it is sold by node or by session.
        charge_resource_mode: Scalar<'a> = "ChargeResourceMode",
        /// Subscription resources configured.
        amount: Scalar<'a> = "Amount",
        /// Least instances.
        min_amount: Scalar<'a> = "MinAmount",
        /// Most instances.
        max_amount: Scalar<'a> = "MaxAmount",
        /// Percent, a string.
        reserve_amount_ratio: Scalar<'a> = "ReserveAmountRatio",
        /// Least sessions kept unused.
        reserve_min_amount: Scalar<'a> = "ReserveMinAmount",
        /// Most sessions kept unused.
        reserve_max_amount: Scalar<'a> = "ReserveMaxAmount",
        /// Sessions.
        scaling_step: Scalar<'a> = "ScalingStep",
        /// Percent, a string.
        scaling_usage_threshold: Scalar<'a> = "ScalingUsageThreshold",
        /// Minutes.
        scaling_down_after_idle_minutes: Scalar<'a> = "ScalingDownAfterIdleMinutes",
        /// Minutes, a string; -1 is for ever.
        session_timeout: Scalar<'a> = "SessionTimeout",
        /// Empty or null for groups sold by session.
        node_pools: Objects<NodePool<'a>> = "NodePool",
        /// What is installed.
        apps: Objects<App<'a>> = "Apps",
        /// A placeholder, not a size.
        instance_type: Scalar<'a> = "AppInstanceType",
        /// The image.
        image_id: Scalar<'a> = "AppCenterImageId",
        /// The image's system.
        os_type: Scalar<'a> = "OsType",
        /// The policy.
        policy_id: Scalar<'a> = "AppPolicyId",
        /// Unified or legacy policy.
        policy_version: Scalar<'a> = "AppPolicyVersion",
        /// Whether the image supports the unified policy.
        policy_image_check: Scalar<'a> = "AppPolicyImageCheck",
        /// Whether users go unchecked.
        skip_user_auth_check: Scalar<'a> = "SkipUserAuthCheck",
        /// What users are authorised for.
        auth_mode: Scalar<'a> = "AuthMode",
        /// The network it is reached by.
        access_type: Scalar<'a> = "AccessType",
        /// Whether users and user groups can be authorised together.
        support_user_group_mixed_auth: Scalar<'a> = "SupportUserGroupMixedAuth",
        /// Whether they are.
        user_group_auth_mode: Scalar<'a> = "UserGroupAuthMode",
        /// Sent with a line feed at its end.
        office_site_id: Scalar<'a> = "OfficeSiteId",
        /// The image's version.
        ota_info: Maybe<OtaInfo<'a>> = "OtaInfo",
        /// The tags.
        tags: Objects<Tag<'a>> = "Tags",
        /// The same tags once more.
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
        /// Subscription nodes there are now.
        node_amount: Scalar<'a> = "NodeAmount",
        /// Of these, in use.
        node_used: Scalar<'a> = "NodeUsed",
        /// Sessions one node can serve.
        node_capacity: Scalar<'a> = "NodeCapacity",
        /// Elastic nodes there are now.
        scaling_node_amount: Scalar<'a> = "ScalingNodeAmount",
        /// Of these, in use.
        scaling_node_used: Scalar<'a> = "ScalingNodeUsed",
        /// Nodes bought in the beginning.
        amount: Scalar<'a> = "Amount",
        /// How it scales.
        strategy_type: Scalar<'a> = "StrategyType",
        /// Most elastic nodes.
        max_scaling_amount: Scalar<'a> = "MaxScalingAmount",
        /// A brake on scale-out.
        max_idle_app_instance_amount: Scalar<'a> = "MaxIdleAppInstanceAmount",
        /// Nodes.
        scaling_step: Scalar<'a> = "ScalingStep",
        /// Percent, a string.
        scaling_usage_threshold: Scalar<'a> = "ScalingUsageThreshold",
        /// Minutes.
        scaling_down_after_idle_minutes: Scalar<'a> = "ScalingDownAfterIdleMinutes",
        /// Present even where it isn't in force.
        recurrence_schedules: Objects<RecurrenceSchedule<'a>> = "RecurrenceSchedules",
        /// First day.
        strategy_enable_date: Scalar<'a> = "StrategyEnableDate",
        /// Last day.
        strategy_disable_date: Scalar<'a> = "StrategyDisableDate",
        /// Whether nodes are prepared ahead.
        warm_up: Scalar<'a> = "WarmUp",
    }
}

object! {
    /// One element of `RecurrenceSchedules`.
    RecurrenceSchedule<'a> {
        /// Weekly, in either case.
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
        /// Nodes.
        amount: Scalar<'a> = "Amount",
        /// Wall clock.
        start: Scalar<'a> = "StartTime",
        /// Wall clock.
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
    /// The image's version and the one that waits.
    OtaInfo<'a> {
        /// The one in use.
        version: Scalar<'a> = "OtaVersion",
        /// Null or empty when none waits.
        new_version: Scalar<'a> = "NewOtaVersion",
        /// The update.
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
        /// Who set it.
        scope: Scalar<'a> = "Scope",
    }
}
