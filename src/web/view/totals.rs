//! Sums over the fleet.

use serde::Serialize;

use super::{GroupView, TargetView};
use crate::fleet::problems::Severity;

/// Sums over every group.
#[derive(Debug, Default, Serialize)]
pub(crate) struct FleetTotals {
    pub(crate) groups: usize,
    /// Groups whose most urgent problem is critical.
    pub(crate) critical: usize,
    /// Groups whose most urgent problem is a warning.
    pub(crate) warning: usize,
    /// Groups whose most urgent problem is for information.
    pub(crate) info: usize,
    /// Groups of which users cannot start applications.
    pub(crate) out_of_service: usize,
    pub(crate) targets: usize,
    pub(crate) targets_down: usize,
    /// Sum over the groups whose capacity is known.
    pub(crate) capacity: f64,
    /// Sessions in use.
    pub(crate) in_use: f64,
    /// Instances without a user.
    pub(crate) idle: u64,
    pub(crate) connected: u64,
    pub(crate) disconnected: u64,
}

impl FleetTotals {
    /// The sums over `groups` and `targets`.
    pub(crate) fn new(groups: &[GroupView<'_>], targets: &[TargetView<'_>]) -> Self {
        let having = |severity| groups.iter().filter(|group| group.severity() == Some(severity)).count();
        let mut totals = Self {
            groups: groups.len(),
            critical: having(Severity::Critical),
            warning: having(Severity::Warning),
            info: having(Severity::Info),
            out_of_service: groups.iter().filter(|group| !group.in_service).count(),
            targets: targets.len(),
            targets_down: targets.iter().filter(|target| target.up == Some(false)).count(),
            ..Self::default()
        };
        for sessions in groups.iter().map(|group| &group.sessions) {
            totals.capacity += sessions.capacity.unwrap_or_default();
            totals.in_use += sessions.in_use.unwrap_or_default();
            totals.idle += sessions.idle.unwrap_or_default();
            totals.connected += sessions.connected.unwrap_or_default();
            totals.disconnected += sessions.disconnected.unwrap_or_default();
        }
        totals
    }
}
