//! What the operator chose about the rendering, apart from the snapshot.

use jiff::tz::{Offset, TimeZone};

use super::{GroupLabel, TagSelection, Users};

/// How a snapshot is shown. [`Default`] is what an empty configuration means.
#[derive(Debug, Clone)]
pub struct RenderOptions {
    /// `labels.group`: labels added to every series that has a `group_id`, in this order.
    pub group_labels: Vec<GroupLabel>,
    /// `labels.tags`: the tags shown by `appstreaming_group_tags`.
    pub tags: TagSelection,
    /// `labels.system_tags`: whether tags of scope `System` may be shown.
    pub system_tags: bool,
    /// `collectors.users`.
    pub users: Users,
    /// `collectors.stateset = "full"`: states of instances and persistent sessions as whole state
    /// sets instead of the current state alone.
    pub full_statesets: bool,
    /// `collectors.max_series`: beyond it the detail collectors are dropped.
    pub max_series: u64,
    /// `schedule.time_zone`: where the wall clock of schedules hangs.
    pub time_zone: TimeZone,
    /// `collectors.node_pools`.
    pub node_pools: bool,
    /// `collectors.nodes`.
    pub nodes: bool,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self {
            group_labels: Vec::new(),
            tags: TagSelection::None,
            system_tags: false,
            users: Users::Off,
            full_statesets: false,
            max_series: 2_000_000,
            // Asia/Shanghai, which has had no other offset since 1991.
            time_zone: TimeZone::fixed(Offset::constant(8)),
            node_pools: true,
            nodes: true,
        }
    }
}
