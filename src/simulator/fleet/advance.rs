//! How a group advances through simulated time, in steps of equal length.

use jiff::Timestamp;

use super::model::{STEP, SimulatedGroup};
use super::{lifecycle, persistent, scaling, sessions};

/// Simulates a group up to `to`. Does nothing if the group has already reached that instant.
pub fn advance(group: &mut SimulatedGroup, to: Timestamp) {
    let to = to.as_second();
    while group.now.checked_add(STEP).is_some_and(|next| next <= to) {
        group.now += STEP;
        lifecycle::step(group);
        sessions::step_instances(group);
        persistent::step(group);
        sessions::step_arrivals(group);
        scaling::step(group);
    }
}
