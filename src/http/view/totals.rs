//! Sums over the fleet.

use serde::Serialize;

use super::{Group, Target};
use crate::fleet::problems::Severity;

/// Sums over every group.
#[derive(Debug, Default, Serialize)]
pub(in crate::http) struct Totals {
    pub(in crate::http) groups: usize,
    /// Groups by how urgent the most urgent of their problems is.
    pub(in crate::http) critical: usize,
    pub(in crate::http) warning: usize,
    pub(in crate::http) notice: usize,
    pub(in crate::http) targets: usize,
    pub(in crate::http) targets_down: usize,
    /// Over the groups of which it is known.
    pub(in crate::http) capacity: f64,
    pub(in crate::http) in_use: f64,
    pub(in crate::http) idle: u64,
    pub(in crate::http) connected: u64,
    pub(in crate::http) disconnected: u64,
}

impl Totals {
    pub(super) fn of(groups: &[Group<'_>], targets: &[Target<'_>]) -> Self {
        let having = |severity| groups.iter().filter(|group| group.severity() == Some(severity)).count();
        let mut totals = Self {
            groups: groups.len(),
            critical: having(Severity::Critical),
            warning: having(Severity::Warning),
            notice: having(Severity::Notice),
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
