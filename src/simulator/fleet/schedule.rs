//! What a pool's schedule asks for, in the model's own words: the exporter's rule is written anew.

use jiff::{Timestamp, tz::Offset};

use super::{
    model::{Second, SimulatedPool},
    status::Strategy,
};

const BEIJING: Offset = Offset::constant(8);

/// Nodes that the pool's schedule asks for at an instant; `None` where no schedule is in force.
pub(in super::super) fn scheduled_nodes(pool: &SimulatedPool, at: Second) -> Option<u32> {
    if pool.strategy != Strategy::BySchedule {
        return None;
    }
    let local = BEIJING.to_datetime(Timestamp::from_second(at).ok()?);
    if pool.enabled.is_some_and(|(first, last)| local.date() < first || local.date() > last) {
        return None;
    }
    let weekday = local.weekday().to_monday_one_offset();
    let time = (local.hour(), local.minute());
    let most = pool
        .schedules
        .iter()
        .filter(|schedule| schedule.weekdays.contains(&weekday))
        .flat_map(|schedule| schedule.periods)
        .filter(|period| period.start <= time && time < period.end)
        .map(|period| period.nodes * pool.schedule_factor)
        .max();
    Some(most.unwrap_or(0))
}
