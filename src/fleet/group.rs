//! A delivery group and its node pools, as `ListAppInstanceGroup` describes them, in base units.

use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};

/// One delivery group.
///
/// Texts are empty where the API omits them. Numbers, flags and times are `None` where the API
/// omits them or sends an unreadable value, so that an unknown value is never mistaken for 0.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    /// `AppInstanceGroupId`: the key, never empty.
    pub id: Box<str>,
    /// `RegionId`: the region of the group.
    pub region_id: Box<str>,
    /// `AppInstanceGroupName`, verbatim; not unique.
    pub name: Box<str>,
    /// `ProductType`.
    pub product_type: Box<str>,
    /// `AppInstanceType`.
    pub instance_type: Box<str>,
    /// `OsType`.
    pub os_type: Box<str>,
    /// `ChargeType`: `PrePaid` or `PostPaid`.
    pub charge_type: Box<str>,
    /// `ChargeResourceMode`: `Node` or `AppInstance`.
    pub charge_resource_mode: Box<str>,
    /// `AppCenterImageId`.
    pub image_id: Box<str>,
    /// `SpecId`.
    pub spec_id: Box<str>,
    /// `OfficeSiteId`, trimmed.
    pub office_site_id: Box<str>,
    /// `AppPolicyId`.
    pub policy_id: Box<str>,
    /// `AppPolicyVersion`.
    pub policy_version: Box<str>,
    /// `AuthMode`.
    pub auth_mode: Box<str>,
    /// `AccessType`.
    pub access_type: Box<str>,
    /// `UserGroupAuthMode`.
    pub user_group_auth_mode: Box<str>,
    /// `Status`, upper case (see [`GROUP_STATUS`](super::vocabulary::GROUP_STATUS)).
    pub status: Option<Box<str>>,
    /// `ResourceStatus`, upper case.
    pub resource_status: Option<Box<str>>,
    /// `GmtCreate`.
    pub created: Option<Timestamp>,
    /// `ExpiredTime`.
    pub expires: Option<Timestamp>,
    /// `Amount`: number of subscription resources that the customer configured.
    pub amount: Option<f64>,
    /// `MinAmount`: lower bound of the number of instances.
    pub min_amount: Option<f64>,
    /// `MaxAmount`: upper bound of the number of instances.
    pub max_amount: Option<f64>,
    /// `ReserveAmountRatio`: share of sessions kept idle, as a ratio, 0 to 1.
    pub reserve_amount_ratio: Option<f64>,
    /// `ReserveMinAmount`: lower bound of the number of sessions kept idle.
    pub reserve_min_amount: Option<f64>,
    /// `ReserveMaxAmount`: upper bound of the number of sessions kept idle.
    pub reserve_max_amount: Option<f64>,
    /// `ScalingStep`: sessions added by one scale-out.
    pub scaling_step: Option<f64>,
    /// `ScalingUsageThreshold` as a ratio, 0 to 1.
    pub scaling_usage_threshold: Option<f64>,
    /// `ScalingDownAfterIdleMinutes`, in seconds.
    pub scaling_down_after_idle_seconds: Option<f64>,
    /// `SessionTimeout`, in seconds; infinity where the API sends -1 for unlimited.
    pub session_timeout_seconds: Option<f64>,
    /// `OtaInfo`.
    pub ota: Option<Ota>,
    /// `SkipUserAuthCheck`.
    pub skip_user_auth_check: Option<bool>,
    /// `AppPolicyImageCheck`: whether the image supports the unified policy.
    pub policy_image_supported: Option<bool>,
    /// `SupportUserGroupMixedAuth`: whether users and user groups can be authorised at the same
    /// time.
    pub user_group_mixed_auth_supported: Option<bool>,
    /// `Apps`.
    pub apps: Vec<App>,
    /// `Tags`, or `ResourceTags` where `Tags` is absent or empty.
    pub tags: Vec<Tag>,
    /// `NodePool`; empty for groups sold by session.
    pub node_pools: Vec<NodePool>,
}

/// `OtaInfo`: the version of the image in use, and of a pending update.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ota {
    /// `OtaVersion`.
    pub version: Box<str>,
    /// `NewOtaVersion`; empty when no update is pending.
    pub new_version: Box<str>,
    /// `TaskId`.
    pub task_id: Box<str>,
}

/// One element of `Apps`, without `AppIcon`: neither metrics nor pages show that URL.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct App {
    /// `AppId`.
    pub id: Box<str>,
    /// `AppName`, verbatim.
    pub name: Box<str>,
    /// `AppVersion`.
    pub version: Box<str>,
    /// `AppVersionName`, verbatim.
    pub version_name: Box<str>,
}

/// One tag of a group.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tag {
    /// `Key`, verbatim.
    pub key: Box<str>,
    /// `Value`, verbatim.
    pub value: Box<str>,
    /// Whether `Scope` is `System`: the cloud set the tag, not the customer.
    pub system: bool,
}

/// One element of `NodePool`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NodePool {
    /// `NodePoolId`.
    pub id: Box<str>,
    /// `NodeInstanceType`.
    pub node_instance_type: Box<str>,
    /// `NodeTypeName`, verbatim.
    pub node_type_name: Box<str>,
    /// `StrategyType`, upper case (see [`STRATEGY_TYPE`](super::vocabulary::STRATEGY_TYPE)).
    pub strategy_type: Option<Box<str>>,
    /// `NodeAmount`: current number of subscription nodes.
    pub nodes: Option<f64>,
    /// `NodeUsed`: subscription nodes in use.
    pub nodes_used: Option<f64>,
    /// `ScalingNodeAmount`: current number of elastic nodes.
    pub scaling_nodes: Option<f64>,
    /// `ScalingNodeUsed`: elastic nodes in use.
    pub scaling_nodes_used: Option<f64>,
    /// `NodeCapacity`: sessions that one node can serve at once.
    pub node_capacity: Option<f64>,
    /// `Amount`: nodes bought when the group was created.
    pub amount: Option<f64>,
    /// `MaxScalingAmount`: maximum number of elastic nodes.
    pub max_scaling_amount: Option<f64>,
    /// `MaxIdleAppInstanceAmount`: number of idle sessions from which on no scale-out happens.
    pub max_idle_app_instances: Option<f64>,
    /// `ScalingStep`: nodes added by one scale-out.
    pub scaling_step: Option<f64>,
    /// `ScalingUsageThreshold` as a ratio, 0 to 1.
    pub scaling_usage_threshold: Option<f64>,
    /// `ScalingDownAfterIdleMinutes`, in seconds.
    pub scaling_down_after_idle_seconds: Option<f64>,
    /// `WarmUp`: whether nodes are prepared in advance.
    pub warm_up: Option<bool>,
    /// `StrategyEnableDate`: first day on which the strategy applies.
    pub strategy_enable_date: Option<civil::Date>,
    /// `StrategyDisableDate`: last day on which the strategy applies.
    pub strategy_disable_date: Option<civil::Date>,
    /// `RecurrenceSchedules`. They apply only where `strategy_type` is `NODE_SCALING_BY_SCHEDULE`.
    pub schedules: Vec<WeeklySchedule>,
}

/// One element of `RecurrenceSchedules` with `RecurrenceType` weekly, the only documented type.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WeeklySchedule {
    /// `RecurrenceValues`: ISO weekdays from 1 (Monday) to 7 (Sunday). Other values are dropped.
    pub weekdays: Vec<i8>,
    /// `TimerPeriods`.
    pub periods: Vec<TimerPeriod>,
}

/// One element of `TimerPeriods`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TimerPeriod {
    /// `StartTime`, wall clock; the API does not specify the time zone.
    pub start: civil::Time,
    /// `EndTime`, wall clock. When it is not later than `start`, it is on the next day.
    pub end: civil::Time,
    /// `Amount`: nodes that the period requires.
    pub amount: f64,
}
