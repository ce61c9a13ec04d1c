//! The nodes that a pool's schedule demands. This is a second implementation of the exporter's
//! rule, so that tests can compare the two.

use jiff::Timestamp;
use jiff::tz::Offset;

use super::model::{Second, SimulatedPool};
use super::status::Strategy;

const BEIJING: Offset = Offset::constant(8);

/// The nodes that the pool's schedule demands at an instant; `None` if the pool does not scale by
/// schedule, or before its enable date or after its disable date.
pub fn scheduled_nodes(pool: &SimulatedPool, at: Second) -> Option<u32> {
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
