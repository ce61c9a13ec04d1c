use jiff::civil::{date, time};
use proptest::prelude::*;

use super::*;
use crate::fleet::WeeklySchedule;

const MINUTES_A_DAY: usize = 24 * 60;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn period(start: &str, end: &str, amount: f64) -> TimerPeriod {
    TimerPeriod { start: start.parse().unwrap(), end: end.parse().unwrap(), amount }
}

fn pool(weekdays: &[i8], periods: &[TimerPeriod]) -> NodePool {
    NodePool {
        strategy_type: Some("NODE_SCALING_BY_SCHEDULE".into()),
        schedules: vec![WeeklySchedule { weekdays: weekdays.to_vec(), periods: periods.to_vec() }],
        ..NodePool::default()
    }
}

fn amount(pool: &NodePool, now: &str) -> f64 {
    scheduled_amount(pool, instant(now), &zone("Asia/Shanghai")).unwrap()
}

fn change(pool: &NodePool, now: &str) -> Option<Timestamp> {
    next_change(pool, instant(now), &zone("Asia/Shanghai"))
}

const EVERY_DAY: [i8; 7] = [1, 2, 3, 4, 5, 6, 7];
const MONDAY: [i8; 1] = [1];

// 2026-11-23 is a Monday.

#[test]
fn a_period_applies_from_its_start_until_just_before_its_end() {
    let pool = pool(&MONDAY, &[period("08:00", "18:00", 5.0)]);
    assert_eq!(amount(&pool, "2026-11-23T07:59:59+08:00"), 0.0);
    assert_eq!(amount(&pool, "2026-11-23T08:00:00+08:00"), 5.0);
    assert_eq!(amount(&pool, "2026-11-23T17:59:59+08:00"), 5.0);
    assert_eq!(amount(&pool, "2026-11-23T18:00:00+08:00"), 0.0);
    assert_eq!(amount(&pool, "2026-11-24T09:00:00+08:00"), 0.0, "Tuesday");

    assert_eq!(change(&pool, "2026-11-23T07:00:00+08:00"), Some(instant("2026-11-23T08:00:00+08:00")));
    assert_eq!(change(&pool, "2026-11-23T08:00:00+08:00"), Some(instant("2026-11-23T18:00:00+08:00")));
    assert_eq!(change(&pool, "2026-11-23T18:00:00+08:00"), Some(instant("2026-11-30T08:00:00+08:00")));
}

#[test]
fn a_period_past_midnight_continues_on_the_next_day() {
    let pool = pool(&MONDAY, &[period("22:00", "06:00", 3.0)]);
    assert_eq!(amount(&pool, "2026-11-23T05:00:00+08:00"), 0.0, "only Sunday's period would apply");
    assert_eq!(amount(&pool, "2026-11-23T23:00:00+08:00"), 3.0);
    assert_eq!(amount(&pool, "2026-11-24T05:59:00+08:00"), 3.0);
    assert_eq!(amount(&pool, "2026-11-24T06:00:00+08:00"), 0.0);
    assert_eq!(change(&pool, "2026-11-23T23:00:00+08:00"), Some(instant("2026-11-24T06:00:00+08:00")));
}

#[test]
fn a_period_on_sunday_night_continues_on_monday() {
    let pool = pool(&[7], &[period("22:00", "06:00", 3.0)]);
    assert_eq!(amount(&pool, "2026-11-23T05:00:00+08:00"), 3.0);
}

#[test]
fn a_period_that_starts_and_ends_at_the_same_time_lasts_24_hours() {
    let pool = pool(&MONDAY, &[period("09:00", "09:00", 2.0)]);
    assert_eq!(amount(&pool, "2026-11-23T09:00:00+08:00"), 2.0);
    assert_eq!(amount(&pool, "2026-11-24T08:59:00+08:00"), 2.0);
    assert_eq!(change(&pool, "2026-11-23T09:00:00+08:00"), Some(instant("2026-11-24T09:00:00+08:00")));
}

#[test]
fn the_largest_of_overlapping_periods_applies_and_equal_amounts_are_not_a_change() {
    let pool = pool(
        &MONDAY,
        &[period("08:00", "12:00", 5.0), period("10:00", "14:00", 8.0), period("14:00", "16:00", 8.0)],
    );
    assert_eq!(amount(&pool, "2026-11-23T11:00:00+08:00"), 8.0);
    assert_eq!(change(&pool, "2026-11-23T11:00:00+08:00"), Some(instant("2026-11-23T16:00:00+08:00")));
}

#[test]
fn overnight_periods_are_cut_at_the_enable_and_disable_dates() {
    let pool = NodePool {
        strategy_enable_date: Some(date(2026, 11, 24)),
        strategy_disable_date: Some(date(2026, 11, 25)),
        ..pool(&EVERY_DAY, &[period("22:00", "06:00", 3.0)])
    };
    assert_eq!(amount(&pool, "2026-11-23T23:00:00+08:00"), 0.0);
    assert_eq!(change(&pool, "2026-01-01T00:00:00+08:00"), Some(instant("2026-11-24T00:00:00+08:00")));
    assert_eq!(amount(&pool, "2026-11-24T00:00:00+08:00"), 3.0);
    assert_eq!(amount(&pool, "2026-11-25T23:59:59+08:00"), 3.0);
    assert_eq!(change(&pool, "2026-11-25T23:00:00+08:00"), Some(instant("2026-11-26T00:00:00+08:00")));
    assert_eq!(amount(&pool, "2026-11-26T00:00:00+08:00"), 0.0);
    assert_eq!(change(&pool, "2026-11-26T00:00:00+08:00"), None);
}

#[test]
fn a_strategy_begins_at_the_first_midnight_and_ends_at_the_last() {
    let pool = NodePool {
        strategy_enable_date: Some(date(2026, 3, 29)),
        strategy_disable_date: Some(date(2026, 3, 29)),
        ..NodePool::default()
    };
    let berlin = zone("Europe/Berlin");
    assert_eq!(strategy_enable(&pool, &berlin), Some(instant("2026-03-29T00:00:00+01:00")));
    assert_eq!(strategy_disable(&pool, &berlin), Some(instant("2026-03-30T00:00:00+02:00")));
    assert_eq!(strategy_enable(&NodePool::default(), &berlin), None);
    assert_eq!(strategy_disable(&NodePool::default(), &berlin), None);
}

#[test]
fn a_change_far_in_the_future_is_found() {
    let starts = NodePool {
        strategy_enable_date: Some(date(2031, 5, 5)),
        ..pool(&MONDAY, &[period("08:00", "18:00", 5.0)])
    };
    assert_eq!(change(&starts, "2026-11-23T07:00:00+08:00"), Some(instant("2031-05-05T08:00:00+08:00")));

    let ends = NodePool {
        strategy_disable_date: Some(date(2031, 5, 5)),
        ..pool(&EVERY_DAY, &[period("00:00", "00:00", 5.0)])
    };
    assert_eq!(change(&ends, "2026-11-23T07:00:00+08:00"), Some(instant("2031-05-06T00:00:00+08:00")));
}

#[test]
fn a_constant_amount_has_no_next_change() {
    let always = pool(&EVERY_DAY, &[period("00:00", "00:00", 5.0)]);
    assert_eq!(amount(&always, "2026-11-23T07:00:00+08:00"), 5.0);
    assert_eq!(change(&always, "2026-11-23T07:00:00+08:00"), None);
    let empty = pool(&EVERY_DAY, &[]);
    assert_eq!(amount(&empty, "2026-11-23T07:00:00+08:00"), 0.0);
    assert_eq!(change(&empty, "2026-11-23T07:00:00+08:00"), None);
    let invalid = pool(&EVERY_DAY, &[period("08:00", "09:00", f64::NAN), period("08:00", "09:00", -1.0)]);
    assert_eq!(change(&invalid, "2026-11-23T07:00:00+08:00"), None);
}

#[test]
fn without_the_strategy_for_schedules_there_is_no_amount() {
    for strategy in [None, Some("NODE_FIXED"), Some("NODE_SCALING_BY_USAGE")] {
        let pool = NodePool {
            strategy_type: strategy.map(Into::into),
            ..pool(&EVERY_DAY, &[period("00:00", "00:00", 5.0)])
        };
        let now = instant("2026-11-23T07:00:00+08:00");
        assert_eq!(scheduled_amount(&pool, now, &TimeZone::UTC), None);
        assert_eq!(next_change(&pool, now, &TimeZone::UTC), None);
    }
}

#[test]
fn working_hours_follow_the_clock_when_daylight_saving_time_begins() {
    let berlin = zone("Europe/Berlin");
    let pool = pool(&[6, 7, 1], &[period("08:00", "18:00", 5.0)]);
    let next = |now| next_change(&pool, instant(now), &berlin);
    assert_eq!(next("2026-03-28T12:00:00+01:00"), Some(instant("2026-03-28T18:00:00+01:00")));
    assert_eq!(next("2026-03-28T18:00:00+01:00"), Some(instant("2026-03-29T08:00:00+02:00")));
}

#[test]
fn a_start_in_a_skipped_hour_takes_effect_when_the_clock_is_put_forward() {
    let berlin = zone("Europe/Berlin");
    let pool = pool(&[7], &[period("02:30", "05:00", 5.0)]);
    let now = instant("2026-03-29T01:00:00+01:00");
    assert_eq!(next_change(&pool, now, &berlin), Some(instant("2026-03-29T03:00:00+02:00")));
}

#[test]
fn a_period_within_a_skipped_hour_next_applies_a_week_later() {
    let berlin = zone("Europe/Berlin");
    let pool = pool(&[7], &[period("02:15", "02:45", 5.0)]);
    let now = instant("2026-03-29T01:00:00+01:00");
    assert_eq!(next_change(&pool, now, &berlin), Some(instant("2026-04-05T02:15:00+02:00")));
}

#[test]
fn a_period_within_an_hour_that_occurs_twice_applies_twice() {
    let berlin = zone("Europe/Berlin");
    let pool = pool(&[7], &[period("02:15", "02:45", 5.0)]);
    let mut now = instant("2026-10-25T00:00:00+02:00");
    for expected in [
        "2026-10-25T02:15:00+02:00",
        "2026-10-25T02:45:00+02:00",
        "2026-10-25T02:15:00+01:00",
        "2026-10-25T02:45:00+01:00",
        "2026-11-01T02:15:00+01:00",
    ] {
        now = next_change(&pool, now, &berlin).unwrap();
        assert_eq!(now, instant(expected));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Compares the announced changes with an oracle that evaluates every minute of two weeks.
    #[test]
    fn the_amount_changes_at_the_announced_instants_and_at_no_others(
        pool in any_pool(),
        (zone_name, first) in prop_oneof![
            Just(("Asia/Shanghai", "2026-11-23T00:00:00+08:00")),
            Just(("UTC", "2026-02-20T00:00:00Z")),
            Just(("Europe/Berlin", "2026-03-22T00:00:00+01:00")),
            Just(("Europe/Berlin", "2026-10-18T00:00:00+02:00")),
            // Daylight saving time of half an hour.
            Just(("Australia/Lord_Howe", "2026-03-29T00:00:00+11:00")),
            Just(("Australia/Lord_Howe", "2026-09-27T00:00:00+10:30")),
            // The clock is put forward at midnight, so one day begins at 01:00.
            Just(("Africa/Cairo", "2026-04-17T00:00:00+02:00")),
        ],
    ) {
        let time_zone = zone(zone_name);
        let first = instant(first);
        let minute = |number: usize| first + (number as i64).minutes();
        let values: Vec<f64> =
            (0..14 * MINUTES_A_DAY).map(|number| oracle(&pool, minute(number), &time_zone)).collect();

        let mut now = first;
        loop {
            let value = scheduled_amount(&pool, now, &time_zone).unwrap();
            let until = next_change(&pool, now, &time_zone);
            let from = (now.duration_since(first).as_mins()) as usize;
            let to = until.map_or(values.len(), |until| {
                assert!(until > now);
                (until.duration_since(first).as_mins() as usize).min(values.len())
            });
            for (number, expected) in values.iter().enumerate().take(to).skip(from) {
                prop_assert_eq!(*expected, value, "{} at {}", zone_name, minute(number));
            }
            match until {
                Some(until) if to < values.len() => {
                    prop_assert_ne!(values[to], value, "no change at {}", until);
                    now = until;
                }
                _ => break,
            }
        }
    }
}

/// The required nodes, found by checking every period that could have begun.
fn oracle(pool: &NodePool, now: Timestamp, time_zone: &TimeZone) -> f64 {
    let clock = time_zone.to_datetime(now);
    let within = pool.strategy_enable_date.is_none_or(|day| clock.date() >= day)
        && pool.strategy_disable_date.is_none_or(|day| clock.date() <= day);
    let mut largest = 0.0;
    for schedule in pool.schedules.iter().filter(|_| within) {
        for day in [clock.date().yesterday().unwrap(), clock.date()] {
            if !schedule.weekdays.contains(&day.weekday().to_monday_one_offset()) {
                continue;
            }
            for period in &schedule.periods {
                let start = day.to_datetime(period.start);
                let mut end = day.to_datetime(period.end);
                if end <= start {
                    end = day.tomorrow().unwrap().to_datetime(period.end);
                }
                if start <= clock && clock < end && period.amount > largest {
                    largest = period.amount;
                }
            }
        }
    }
    largest
}

fn any_pool() -> impl Strategy<Value = NodePool> {
    let minute = prop_oneof![Just(0), Just(30), 0_i8..60];
    // Prefers the hours around midnight and around changes of the clock.
    let hour = prop_oneof![0_i8..4, 0_i8..24];
    let clock = (hour, minute).prop_map(|(hour, minute)| time(hour, minute, 0, 0));
    let period = (clock.clone(), clock, 0_u8..4).prop_map(|(start, end, amount)| TimerPeriod {
        start,
        end,
        amount: f64::from(amount),
    });
    let schedule = (proptest::collection::vec(1_i8..=7, 0..7), proptest::collection::vec(period, 0..4))
        .prop_map(|(weekdays, periods)| WeeklySchedule { weekdays, periods });
    let day = proptest::option::of(prop_oneof![
        (15_i8..=31).prop_map(|day| date(2026, 3, day)),
        (1_i8..=30).prop_map(|day| date(2026, 11, day)),
    ]);
    (proptest::collection::vec(schedule, 0..3), day.clone(), day).prop_map(|(schedules, enable, disable)| {
        NodePool { strategy_enable_date: enable, strategy_disable_date: disable, schedules, ..pool(&[], &[]) }
    })
}
