//! What a node pool's schedule asks for now, and when that next changes.
//!
//! A schedule speaks of the wall clock: a period is in force while the clock of its time zone shows a
//! time in it, on a day that the strategy's dates include. Where clocks are put forward or back this
//! is what people expect of "08:00 to 18:00"; a minute that the clock skips is in no period, one that
//! it shows twice is in a period twice.
//!
//! What is not here: which time zone that is. The API does not say, so the configuration does.

use std::ops::RangeInclusive;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::{NodePool, TimerPeriod};

/// How far ahead a change is looked for once the strategy is in force. The pattern is weekly, so a
/// change that there is comes within a week; the second week is for one that falls in the hour that
/// a clock skips.
const DAYS_AHEAD: i32 = 15;

/// Nodes that the schedule of `pool` asks for at `now`.
///
/// 0 outside every period and outside the strategy's dates, the largest amount where periods
/// overlap; `None` where the strategy is not `NODE_SCALING_BY_SCHEDULE`.
pub fn scheduled_amount(pool: &NodePool, now: Timestamp, time_zone: &TimeZone) -> Option<f64> {
    is_scheduled(pool).then(|| amount_at(pool, time_zone.to_datetime(now)))
}

/// The earliest instant after `now` at which [`scheduled_amount`] has another value.
///
/// `None` where it never has, and where the strategy is not `NODE_SCALING_BY_SCHEDULE`.
pub fn next_change(pool: &NodePool, now: Timestamp, time_zone: &TimeZone) -> Option<Timestamp> {
    let amount = scheduled_amount(pool, now, time_zone)?;
    let enable = strategy_enable(pool, time_zone);
    let disable = strategy_disable(pool, time_zone);
    if disable.is_some_and(|disable| disable <= now) {
        return None;
    }

    let from = enable.map_or(now, |enable| enable.max(now));
    let first_day = time_zone.to_datetime(from).date();
    // A day more than the last one searched: a period of that day may end in it.
    let last_day = first_day.saturating_add((DAYS_AHEAD + 1).days());
    let mut instants: Vec<Timestamp> = enable.into_iter().chain(disable).collect();
    push_boundaries(pool, first_day..=last_day, time_zone, &mut instants);
    push_clock_changes(from, last_day, time_zone, &mut instants);
    instants.retain(|instant| *instant > now);
    instants.sort_unstable();
    // Between two of these instants the clock passes no boundary, so the first that differs is it.
    instants.into_iter().find(|instant| amount_at(pool, time_zone.to_datetime(*instant)) != amount)
}

/// The start of the first day on which the strategy is in force, whatever the strategy is; `None`
/// where no such day is given.
pub fn strategy_enable(pool: &NodePool, time_zone: &TimeZone) -> Option<Timestamp> {
    start_of_day(pool.strategy_enable_date?, time_zone)
}

/// The end of the last day on which the strategy is in force, which is the midnight after it,
/// whatever the strategy is; `None` where no such day is given.
pub fn strategy_disable(pool: &NodePool, time_zone: &TimeZone) -> Option<Timestamp> {
    start_of_day(pool.strategy_disable_date?.tomorrow().ok()?, time_zone)
}

fn is_scheduled(pool: &NodePool) -> bool {
    pool.strategy_type.as_deref() == Some("NODE_SCALING_BY_SCHEDULE")
}

/// Nodes that the schedule asks for when the wall clock shows `clock`.
fn amount_at(pool: &NodePool, clock: DateTime) -> f64 {
    let (date, time) = (clock.date(), clock.time());
    let begun = pool.strategy_enable_date.is_none_or(|first| first <= date);
    let ended = pool.strategy_disable_date.is_some_and(|last| last < date);
    if !begun || ended {
        return 0.0;
    }

    let today = date.weekday().to_monday_one_offset();
    let yesterday = date.weekday().previous().to_monday_one_offset();
    periods(pool)
        .filter(|(weekday, period)| {
            let follows_into_the_next_day = ends_on_the_next_day(period);
            let began_today =
                *weekday == today && period.start <= time && (follows_into_the_next_day || time < period.end);
            let began_yesterday = *weekday == yesterday && follows_into_the_next_day && time < period.end;
            began_today || began_yesterday
        })
        .map(|(_, period)| period.amount)
        .fold(0.0, f64::max)
}

/// Every period on every weekday it recurs on. An amount that is no number of nodes asks for nothing.
fn periods(pool: &NodePool) -> impl Iterator<Item = (i8, &TimerPeriod)> {
    pool.schedules.iter().flat_map(|schedule| {
        let usable =
            schedule.periods.iter().filter(|period| period.amount.is_finite() && period.amount > 0.0);
        usable.flat_map(|period| schedule.weekdays.iter().map(move |weekday| (*weekday, period)))
    })
}

/// A period that ends at the minute in which it starts is 24 hours.
fn ends_on_the_next_day(period: &TimerPeriod) -> bool {
    period.end <= period.start
}

/// The instants at which the wall clock shows a period's start or end.
///
/// Starts and ends are taken on every day, whatever the weekday: an instant too many costs one
/// comparison, and midnights need no care.
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
            // An hour that comes twice has two such instants. One that is skipped has none; the
            // instant at which the clock is put forward stands for it.
            let instant = time_zone.to_ambiguous_timestamp(day.to_datetime(*time));
            instants.extend(instant.earlier());
            instants.extend(instant.later());
        }
    }
}

/// The instants at which the clock is put forward or back.
fn push_clock_changes(from: Timestamp, last_day: Date, time_zone: &TimeZone, instants: &mut Vec<Timestamp>) {
    let Some(until) = start_of_day(last_day, time_zone) else {
        return;
    };
    let changes = time_zone.following(from).map(|transition| transition.timestamp());
    instants.extend(changes.take_while(|change| *change <= until));
}

/// `None` only at the end of what can be represented, in the year 9999.
fn start_of_day(date: Date, time_zone: &TimeZone) -> Option<Timestamp> {
    date.to_zoned(time_zone.clone()).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests;
