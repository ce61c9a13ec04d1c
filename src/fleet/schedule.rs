//! The number of nodes that a node pool's schedule requires now, and when it changes next.
//!
//! A schedule refers to the wall clock: a period applies while the clock of the time zone shows a
//! time in the period, on a day within the strategy's dates. So "08:00 to 18:00" has its usual
//! meaning also on days on which the clock is put forward or back. A period within a skipped hour
//! does not apply on that day; a period within an hour that occurs twice applies twice.
//!
//! What is not here: the choice of the time zone. The API does not specify one, so the
//! configuration does.

use std::ops::RangeInclusive;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::{NodePool, TimerPeriod};

/// Number of days that are searched for a change, from the later of today and the strategy's first
/// day. The pattern repeats weekly, so the next change is within a week, or within two weeks if the
/// clock skips the hour of the first one.
const DAYS_AHEAD: i32 = 15;

/// Nodes that the schedule of `pool` requires at `now`.
///
/// 0 outside every period and outside the strategy's dates; the largest amount where periods
/// overlap; `None` where the strategy is not `NODE_SCALING_BY_SCHEDULE`.
pub fn scheduled_amount(pool: &NodePool, now: Timestamp, time_zone: &TimeZone) -> Option<f64> {
    is_scheduled(pool).then(|| amount_at(pool, time_zone.to_datetime(now)))
}

/// The earliest instant after `now` at which [`scheduled_amount`] differs from its value at `now`.
///
/// `None` where it never changes, and where the strategy is not `NODE_SCALING_BY_SCHEDULE`.
pub fn next_change(pool: &NodePool, now: Timestamp, time_zone: &TimeZone) -> Option<Timestamp> {
    let amount = scheduled_amount(pool, now, time_zone)?;
    let enable = strategy_enable(pool, time_zone);
    let disable = strategy_disable(pool, time_zone);
    if disable.is_some_and(|disable| disable <= now) {
        return None;
    }

    let from = enable.map_or(now, |enable| enable.max(now));
    let first_day = time_zone.to_datetime(from).date();
    // One more day than is searched, because a period of the last day may end on the next day.
    let last_day = first_day.saturating_add((DAYS_AHEAD + 1).days());
    let mut instants: Vec<Timestamp> = enable.into_iter().chain(disable).collect();
    push_boundaries(pool, first_day..=last_day, time_zone, &mut instants);
    push_clock_changes(from, last_day, time_zone, &mut instants);
    instants.retain(|instant| *instant > now);
    instants.sort_unstable();
    // Between two of these instants the clock passes no boundary, so the first different amount is
    // the next change.
    instants.into_iter().find(|instant| amount_at(pool, time_zone.to_datetime(*instant)) != amount)
}

/// The start of the first day on which the strategy applies, regardless of its type; `None` where
/// the API sends no such day.
pub fn strategy_enable(pool: &NodePool, time_zone: &TimeZone) -> Option<Timestamp> {
    start_of_day(pool.strategy_enable_date?, time_zone)
}

/// The end of the last day on which the strategy applies, which is the start of the next day,
/// regardless of the strategy's type; `None` where the API sends no such day.
pub fn strategy_disable(pool: &NodePool, time_zone: &TimeZone) -> Option<Timestamp> {
    start_of_day(pool.strategy_disable_date?.tomorrow().ok()?, time_zone)
}

fn is_scheduled(pool: &NodePool) -> bool {
    pool.strategy_type.as_deref() == Some("NODE_SCALING_BY_SCHEDULE")
}

/// Nodes that the schedule requires when the wall clock shows `clock`.
fn amount_at(pool: &NodePool, clock: DateTime) -> f64 {
    let (date, time) = (clock.date(), clock.time());
    let has_begun = pool.strategy_enable_date.is_none_or(|first| first <= date);
    let has_ended = pool.strategy_disable_date.is_some_and(|last| last < date);
    if !has_begun || has_ended {
        return 0.0;
    }

    let today = date.weekday().to_monday_one_offset();
    let yesterday = date.weekday().previous().to_monday_one_offset();
    periods(pool)
        .filter(|(weekday, period)| {
            let overnight = ends_on_the_next_day(period);
            let began_today = *weekday == today && period.start <= time && (overnight || time < period.end);
            let began_yesterday = *weekday == yesterday && overnight && time < period.end;
            began_today || began_yesterday
        })
        .map(|(_, period)| period.amount)
        .fold(0.0, f64::max)
}

/// Each weekday with each of its periods. Periods without a positive amount are ignored.
fn periods(pool: &NodePool) -> impl Iterator<Item = (i8, &TimerPeriod)> {
    pool.schedules.iter().flat_map(|schedule| {
        let usable =
            schedule.periods.iter().filter(|period| period.amount.is_finite() && period.amount > 0.0);
        usable.flat_map(|period| schedule.weekdays.iter().map(move |weekday| (*weekday, period)))
    })
}

/// A period that ends at the time at which it starts lasts 24 hours.
fn ends_on_the_next_day(period: &TimerPeriod) -> bool {
    period.end <= period.start
}

/// Adds the instants on `days` at which the wall clock shows the start or end of a period.
///
/// Starts and ends are added for every day, not only for the period's weekdays: a superfluous
/// instant costs one comparison, and periods that end after midnight need no special case.
fn push_boundaries(
    pool: &NodePool,
    days: RangeInclusive<Date>,
    time_zone: &TimeZone,
    instants: &mut Vec<Timestamp>,
) {
    let periods = pool.schedules.iter().flat_map(|schedule| &schedule.periods);
    let mut times: Vec<Time> = periods.flat_map(|period| [period.start, period.end]).collect();
    times.sort_unstable();
    times.dedup();
    for day in days.start().series(1.day()).take_while(|day| day <= days.end()) {
        for time in &times {
            // A time in an hour that occurs twice has two instants. A time in a skipped hour has
            // none; the instant at which the clock is put forward is used instead.
            let instant = time_zone.to_ambiguous_timestamp(day.to_datetime(*time));
            instants.extend(instant.earlier());
            instants.extend(instant.later());
        }
    }
}

/// Adds the instants from `from` to the start of `last_day` at which the clock is put forward or
/// back.
fn push_clock_changes(from: Timestamp, last_day: Date, time_zone: &TimeZone, instants: &mut Vec<Timestamp>) {
    let Some(until) = start_of_day(last_day, time_zone) else {
        return;
    };
    let changes = time_zone.following(from).map(|transition| transition.timestamp());
    instants.extend(changes.take_while(|change| *change <= until));
}

/// `None` only where the instant is outside the representable range, which ends in the year 9999.
fn start_of_day(date: Date, time_zone: &TimeZone) -> Option<Timestamp> {
    date.to_zoned(time_zone.clone()).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests;
