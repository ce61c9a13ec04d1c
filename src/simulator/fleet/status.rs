//! Statuses of the model, and their values in the API.

/// `Status` of a group: only the values that the model enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupStatus {
    /// In service.
    Published,
    /// Being published.
    Deploying,
    /// Could not be published.
    Failed,
    /// The image is being updated.
    Maintaining,
    /// The image could not be updated. The group stays in service.
    MaintainFailed,
    /// The subscription has expired.
    Expired,
    /// The resources of an expired group are being released.
    ExpiredRecycling,
    /// Stopped because of an overdue payment.
    Ceased,
}

/// `StrategyType`: how a node pool scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    Fixed,
    BySchedule,
    ByUsage,
}

/// Which nodes count towards the number that a schedule demands: the documentation of the API
/// leaves it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScheduleCounts {
    /// All nodes of the pool.
    Total,
    /// The nodes that scaling has added.
    #[default]
    Elastic,
}

/// `Status` of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InstanceStatus {
    Init,
    Starting,
    Closing,
    Closed,
    Running,
    Idle,
    Bound,
    Unavailable,
    Deleted,
}

/// `SessionStatus` of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStatus {
    None,
    Connect,
    Disconnect,
}

/// `AppInstancePersistentStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PersistentStatus {
    Pending,
    Starting,
    Running,
    Stopping,
    Stopped,
    Rebuilding,
    Unavailable,
    Deleting,
    Deleted,
}

impl GroupStatus {
    /// The value in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Published => "PUBLISHED",
            Self::Deploying => "DEPLOYING",
            Self::Failed => "FAILED",
            Self::Maintaining => "MAINTAINING",
            Self::MaintainFailed => "MAINTAIN_FAILED",
            Self::Expired => "EXPIRED",
            Self::ExpiredRecycling => "EXPIRED_RECYCLING",
            Self::Ceased => "CEASED",
        }
    }
}

impl Strategy {
    /// The value in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "NODE_FIXED",
            Self::BySchedule => "NODE_SCALING_BY_SCHEDULE",
            Self::ByUsage => "NODE_SCALING_BY_USAGE",
        }
    }
}

impl InstanceStatus {
    /// All values, in the order of the API's documentation.
    pub const ALL: [Self; 9] = [
        Self::Init,
        Self::Starting,
        Self::Closing,
        Self::Closed,
        Self::Running,
        Self::Idle,
        Self::Bound,
        Self::Unavailable,
        Self::Deleted,
    ];

    /// The value in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Init => "INIT",
            Self::Starting => "STARTING",
            Self::Closing => "CLOSING",
            Self::Closed => "CLOSED",
            Self::Running => "RUNNING",
            Self::Idle => "IDLE",
            Self::Bound => "BOUND",
            Self::Unavailable => "UNAVAILABLE",
            Self::Deleted => "DELETED",
        }
    }

    /// Whether the instance has a session.
    pub fn is_in_use(self) -> bool {
        matches!(self, Self::Bound | Self::Running)
    }
}

impl SessionStatus {
    /// The value in the API: lower case, empty if there is no session.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Connect => "connect",
            Self::Disconnect => "disconnect",
        }
    }
}

impl PersistentStatus {
    /// All values, in the order of the API's documentation.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Starting,
        Self::Running,
        Self::Stopping,
        Self::Stopped,
        Self::Rebuilding,
        Self::Unavailable,
        Self::Deleting,
        Self::Deleted,
    ];

    /// The value in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Stopping => "STOPPING",
            Self::Stopped => "STOPPED",
            Self::Rebuilding => "REBUILDING",
            Self::Unavailable => "UNAVAILABLE",
            Self::Deleting => "DELETING",
            Self::Deleted => "DELETED",
        }
    }
}
