//! How a group advances through simulated time, in steps of equal length.

use jiff::Timestamp;

use super::model::{Course, STEP, SimulatedGroup};
use super::{course, lifecycle, persistent, scaling, sessions};

/// Simulates a group up to `to`. Does nothing if the group has already reached that instant.
pub fn advance(group: &mut SimulatedGroup, to: Timestamp) {
    let to = to.as_second();
    let length = if group.course == Course::Natural { STEP } else { course::STEP };
    while group.now.checked_add(length).is_some_and(|next| next <= to) {
        group.now += length;
        match group.course {
            Course::Natural => step(group),
            _ => course::step(group),
        }
    }
}

fn step(group: &mut SimulatedGroup) {
    lifecycle::step(group);
    sessions::step_instances(group);
    persistent::step(group);
    sessions::step_arrivals(group);
    scaling::step(group);
}
