//! What the operator can configure about rendering, as plain values.
//!
//! Each `Default` here is the default of a configuration key; no other module repeats it. What is
//! not here: how the keys are read and checked (`config`), and how the values are used (the parent
//! module).

mod user_label;

use jiff::tz::{Offset, TimeZone};

pub use user_label::{PseudonymKey, UserLabel};

/// Default of `collectors.max_series`: room for 300,000 instances at six detail series each.
pub const DEFAULT_MAX_SERIES: u64 = 2_000_000;

/// Default of `labels.max_value_length`: longer than the names in the console, and short enough for
/// the limits of common Prometheus servers unless most characters take three or four bytes.
pub const DEFAULT_MAX_VALUE_LENGTH: usize = 1024;

/// Default of `schedule.time_zone`, as a name.
pub const DEFAULT_TIME_ZONE_NAME: &str = "Asia/Shanghai";

/// Default of `schedule.time_zone`, as a constant: the offset of `Asia/Shanghai`, unchanged since
/// 1991.
pub const DEFAULT_TIME_ZONE: TimeZone = TimeZone::fixed(Offset::constant(8));

/// How a snapshot is rendered.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderOptions {
    /// `labels.group`: labels added to every series that has a `group_id`, in this order.
    pub group_labels: Vec<GroupLabel>,
    /// `labels.tags`: the tags that become labels of `appstreaming_group_tags`.
    pub tags: TagSelection,
    /// `labels.system_tags`: whether `tags` may select tags of scope `System`.
    pub system_tags: bool,
    /// `labels.max_value_length`: longer label values are shortened to this number of characters.
    pub max_value_length: usize,
    /// `collectors.users`: the label `user` of `appstreaming_instance_info`.
    pub users: UserLabel,
    /// `collectors.stateset`: for which statuses each instance and persistent session has a series.
    pub state_set: StateSet,
    /// `collectors.max_series`: detail collectors and the collector `nodes` are dropped from a
    /// snapshot with more series, the largest first.
    pub max_series: u64,
    /// `schedule.time_zone`: the time zone of the days and times in schedules.
    pub time_zone: TimeZone,
    /// `collectors.node_pools`: whether node pools become series.
    pub node_pools: bool,
    /// `collectors.nodes`: whether instances are counted by node.
    pub nodes: bool,
    /// `collectors.transitions`: whether changes of status are counted by pair.
    pub transitions: bool,
    /// `collectors.lifecycle`: whether ready times and session durations are served.
    pub lifecycle: bool,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self {
            group_labels: Vec::new(),
            tags: TagSelection::default(),
            system_tags: false,
            max_value_length: DEFAULT_MAX_VALUE_LENGTH,
            users: UserLabel::default(),
            state_set: StateSet::default(),
            max_series: DEFAULT_MAX_SERIES,
            time_zone: DEFAULT_TIME_ZONE,
            node_pools: true,
            nodes: false,
            transitions: false,
            lifecycle: true,
        }
    }
}

/// A label that `labels.group` adds to every series that has a `group_id`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GroupLabel {
    /// `name`: the group's name, as label `group_name`.
    Name,
    /// `tag:KEY`: the value of the tag with this key, as label `tag_<key>`. The tag may be of scope
    /// `System` even without `labels.system_tags`, because the operator names its key.
    Tag(String),
}

/// The tags that become labels of `appstreaming_group_tags`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TagSelection {
    /// No tag: the metric does not exist.
    #[default]
    None,
    /// The tags with these keys.
    Keys(Vec<String>),
    /// Every tag.
    All,
}

/// The statuses for which a single instance or persistent session has a series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StateSet {
    /// The current status, with value 1.
    #[default]
    Current,
    /// Every known status, with value 1 for the current one and 0 for the others.
    Full,
}
