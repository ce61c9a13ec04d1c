//! The data of a simulated delivery group. How the data changes over time is in `advance` and its
//! parts.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use jiff::civil;
use rand::rngs::Xoshiro256PlusPlus;

use super::status::{GroupStatus, InstanceStatus, PersistentStatus, ScheduleCounts, SessionStatus, Strategy};

/// An instant in seconds since 1970.
pub type Second = i64;

/// The length of one step in seconds. Nothing changes between two steps.
pub(super) const STEP: Second = 10;

/// An instant that is never reached.
pub(super) const NEVER: Second = Second::MAX;

/// One delivery group and everything in it.
#[derive(Debug, Clone)]
pub struct SimulatedGroup {
    /// What stays the same, unless a control request changes it.
    pub settings: GroupSettings,
    /// The simulated status, which [`overrides`](Self::overrides) may hide.
    pub phase: GroupPhase,
    /// `ExpiredTime`; `None` for a pay-as-you-go group.
    pub expires: Option<Second>,
    /// The image and its update.
    pub ota: OtaState,
    /// Node pools. A group that is sold by session has one, which the API does not show.
    pub pools: Vec<SimulatedPool>,
    /// Nodes by serial number. A group that is sold by session has one for each instance.
    pub nodes: Vec<Node>,
    /// Instances by serial number, the oldest first.
    pub instances: Vec<SimulatedInstance>,
    /// Deleted instances, the most recently deleted at the end.
    pub deleted: VecDeque<SimulatedInstance>,
    /// Persistent sessions; empty unless `AuthMode` is `Session`.
    pub persistent: Vec<PersistentSession>,
    /// Statuses that control requests have set.
    pub overrides: Overrides,
    /// Which nodes count towards the number that a schedule demands.
    pub schedule_counts: ScheduleCounts,
    /// How the group changes over time.
    pub(super) course: Course,
    /// What happened since the simulation started.
    pub events: GroupEvents,
    /// The source of all random choices of the group.
    pub(super) rng: Xoshiro256PlusPlus,
    /// The instant up to which the group is simulated.
    pub(super) now: Second,
    /// The serial number of the next instance.
    pub(super) next_instance: u64,
    /// The serial number of the next node.
    pub(super) next_node: u32,
    /// The serial number of the next persistent session.
    pub(super) next_persistent: u64,
}

/// What stays the same while a group is simulated.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupSettings {
    /// The seed of the group's identifiers and random choices.
    pub key: u64,
    /// `AppInstanceGroupId`.
    pub id: String,
    /// `AppInstanceGroupName`.
    pub name: String,
    /// `RegionId`.
    pub region_id: &'static str,
    /// `SpecId`.
    pub spec_id: String,
    /// `AppCenterImageId`.
    pub image_id: &'static str,
    /// `OfficeSiteId`, for some groups with the line feed at the end that the real API returns.
    pub office_site_id: String,
    /// Whether `ChargeType` is `PrePaid`.
    pub prepaid: bool,
    /// Whether `ChargeResourceMode` is `Node`; otherwise it is `AppInstance`.
    pub sold_by_node: bool,
    /// `AuthMode`.
    pub auth_mode: &'static str,
    /// `AccessType`.
    pub access_type: &'static str,
    /// `SessionTimeout` in minutes; -1: disconnected sessions are kept without a limit.
    pub session_timeout: i32,
    /// Whether the network strategy is `Mixed`, in which instances have a public address.
    pub mixed_network: bool,
    /// `SkipUserAuthCheck`.
    pub skip_user_auth_check: bool,
    /// `Amount`.
    pub amount: u32,
    /// `MinAmount`.
    pub min_amount: u32,
    /// `MaxAmount`.
    pub max_amount: u32,
    /// Key, value and scope of `Tags`.
    pub tags: &'static [(&'static str, &'static str, &'static str)],
    /// `Apps`.
    pub apps: &'static [SimulatedApp],
    /// The user groups that may use the group.
    pub user_groups: &'static [&'static str],
    /// `GmtCreate`.
    pub created: Second,
    /// Expected sessions at the busiest time of day, as a share of
    /// [`initial_slots`](Self::initial_slots).
    pub(super) peak: f64,
    /// Slots for sessions at the start.
    pub(super) initial_slots: u32,
    /// The mean length of a session in seconds.
    pub(super) session_seconds: f64,
    /// Seconds by which the group's daily curve is shifted, so that groups are not busy at the same
    /// time.
    pub(super) shift: Second,
    /// The number of the group's first user.
    pub(super) first_user: u32,
    /// The number of users.
    pub(super) users: u32,
}

/// One element of `Apps`.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedApp {
    /// `AppId`.
    pub id: &'static str,
    /// `AppName`.
    pub name: &'static str,
    /// `AppVersion`.
    pub version: &'static str,
    /// `AppVersionName`.
    pub version_name: &'static str,
    /// `AppIcon`.
    pub icon: &'static str,
}

/// `OtaInfo`: the image and its update.
#[derive(Debug, Clone, PartialEq)]
pub struct OtaState {
    /// `OtaVersion`.
    pub version: String,
    /// `NewOtaVersion`; `None` if no update is available.
    pub new_version: Option<String>,
    /// `TaskId`.
    pub task_id: String,
    /// When the next version becomes available, or when the available one is installed.
    pub(super) due: Second,
}

/// How a group changes over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Users come and go, and the group scales, is updated and expires.
    Natural,
    /// Nothing changes.
    Still,
    /// Every session is disconnected and connected again, over and over.
    Storms,
    /// Idle instances are replaced all the time, and the new ones need more and more time to start.
    SlowStarts {
        /// When the times began to grow.
        since: Second,
    },
}

/// The status of a group, and when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupPhase {
    /// `Status`.
    pub status: GroupStatus,
    /// When the status ends; [`NEVER`] if only an event, such as an expiry, ends it.
    pub(super) until: Second,
}

/// Statuses that control requests have set. They stay until a control request removes them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// `Status` of the group.
    pub status: Option<String>,
    /// `ResourceStatus` of the group.
    pub resource_status: Option<String>,
    /// `Status` of instances by serial number. These instances are not simulated further.
    pub instances: BTreeMap<u64, String>,
}

/// Events of a group since the simulation started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupEvents {
    /// Instances that entered each status, which is in upper case. A new instance enters its first
    /// status.
    pub entered: BTreeMap<Cow<'static, str>, u64>,
    /// Connected sessions that were disconnected.
    pub disconnects: u64,
    /// Disconnected sessions that were connected again.
    pub reconnects: u64,
    /// Users who were bound to an instance.
    pub sessions_started: u64,
    /// Users who are no longer bound.
    pub sessions_ended: u64,
    /// Times from the creation of an instance to its first status in which it can serve a user.
    pub ready: Durations,
    /// Durations of the bindings that ended.
    pub bindings: Durations,
}

/// Durations, in whole seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations {
    /// The number of durations.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// The last ones, each with the instant at which it ended.
    pub recent: VecDeque<(Second, u64)>,
}

/// One element of `NodePool`.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedPool {
    /// `NodePoolId`.
    pub id: String,
    /// The kind of its nodes.
    pub size: NodeSize,
    /// `StrategyType`.
    pub strategy: Strategy,
    /// `Amount`: nodes bought when the group was created.
    pub bought: u32,
    /// `MaxScalingAmount`.
    pub max_scaling: u32,
    /// `MaxIdleAppInstanceAmount`: the pool does not scale out while it has this many idle slots;
    /// 0: no such limit.
    pub max_idle: u32,
    /// `ScalingStep`.
    pub step: u32,
    /// `ScalingUsageThreshold`, percent.
    pub threshold: u32,
    /// `ScalingDownAfterIdleMinutes`.
    pub idle_minutes: u32,
    /// `RecurrenceSchedules`.
    pub schedules: &'static [SimulatedSchedule],
    /// The factor by which the amounts of the schedules are multiplied in this pool.
    pub schedule_factor: u32,
    /// `StrategyEnableDate` and `StrategyDisableDate`, both included.
    pub enabled: Option<(civil::Date, civil::Date)>,
    /// `WarmUp`.
    pub warm_up: bool,
    /// The pool does not scale out before this instant.
    pub(super) rests_until: Second,
}

/// A kind of node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeSize {
    /// `NodeInstanceType`.
    pub instance_type: &'static str,
    /// `NodeTypeName`.
    pub type_name: &'static str,
    /// `NodeCapacity`: sessions that one node serves at once.
    pub capacity: u32,
}

/// One element of `RecurrenceSchedules`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedSchedule {
    /// `RecurrenceType`.
    pub recurrence_type: &'static str,
    /// `RecurrenceValues`: ISO weekdays.
    pub weekdays: &'static [i8],
    /// `TimerPeriods`. None of them crosses midnight.
    pub periods: &'static [SimulatedPeriod],
}

/// One element of `TimerPeriods`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimulatedPeriod {
    /// `Amount`, before it is multiplied by the pool's factor.
    pub nodes: u32,
    /// `StartTime` as hour and minute.
    pub start: (i8, i8),
    /// `EndTime` as hour and minute.
    pub end: (i8, i8),
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Unique in the group, increasing.
    pub serial: u32,
    /// Position in [`SimulatedGroup::pools`].
    pub pool: u8,
    /// Whether scaling added it; otherwise it was bought.
    pub elastic: bool,
    /// Whether it is being released: it is no longer counted and accepts no sessions.
    pub releasing: bool,
    /// Instances on it that are `BOUND` or `RUNNING`.
    pub sessions: u32,
    /// Instances on it.
    pub(super) instances: u32,
    /// The start of its time without a session; without meaning while it has sessions.
    pub(super) idle_since: Second,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedInstance {
    /// Unique in the group, increasing.
    pub serial: u64,
    /// Serial number of the node.
    pub node: u32,
    /// Whether its node was added by scaling.
    pub elastic: bool,
    /// `Status`.
    pub status: InstanceStatus,
    /// `SessionStatus`.
    pub session: SessionStatus,
    /// The bound end user.
    pub user: Option<u32>,
    /// `GmtCreate`.
    pub created: Second,
    /// `GmtModified`: the last change of anything, not only of the status.
    pub modified: Second,
    /// When it entered the status that the API returns.
    pub entered: Second,
    /// Since when its session is disconnected; `None` unless it is.
    pub disconnected: Option<Second>,
    /// Whether it has ever been able to serve a user.
    pub(super) was_ready: bool,
    /// When the user was bound; without meaning for an instance without a user.
    pub bound: Second,
    /// Position of the persistent session that runs on it.
    pub(super) persistent: Option<u32>,
    /// When it changes next.
    pub(super) due: Second,
    /// When its session ends.
    pub(super) ends: Second,
}

/// One persistent session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersistentSession {
    /// `AppInstancePersistentId`.
    pub id: String,
    /// `AppInstancePersistentName`.
    pub name: String,
    /// `AppInstancePersistentStatus`.
    pub status: PersistentStatus,
    /// Serial number of the instance on which it runs.
    pub instance: Option<u64>,
    /// `AuthorizedUsers`.
    pub users: Vec<u32>,
    /// `GmtCreate`.
    pub created: Second,
    /// When it changes next.
    pub(super) due: Second,
}

/// The nodes and sessions of a pool at one instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// Bought nodes.
    pub nodes: u32,
    /// Bought nodes with a session.
    pub nodes_used: u32,
    /// Nodes added by scaling.
    pub scaling_nodes: u32,
    /// Nodes added by scaling that have a session.
    pub scaling_nodes_used: u32,
    /// Sessions on all nodes.
    pub sessions: u32,
}
