//! The demand for sessions: a curve over the day and the week at UTC+8, and random arrivals and
//! durations.

use rand::{Rng, RngExt};

use super::model::Second;

const HOUR: f64 = 3600.0;
const DAY: Second = 86_400;
/// UTC+8 as an offset in seconds.
const BEIJING: Second = 8 * 3600;

/// The expected sessions as a share of those at the busiest time: few at night and at weekends,
/// most before noon and in the afternoon.
pub(super) fn demand_at(at: Second) -> f64 {
    let local = at + BEIJING;
    let second_of_day = local.rem_euclid(DAY) as f64;
    // 1 January 1970 was a Thursday; 0 is Monday here.
    let weekday = (local.div_euclid(DAY) + 3).rem_euclid(7);
    let hump = |hour: f64, width: f64| {
        let distance = (second_of_day / HOUR - hour) / width;
        (-distance * distance).exp()
    };
    let day = 0.04 + 0.96 * hump(10.5, 1.9).max(hump(15.5, 2.3)).max(0.35 * hump(20.5, 1.5));
    if weekday >= 5 { 0.3 * day } else { day }
}

/// A random duration in seconds, exponentially distributed with this mean: at least 1, at most 40
/// times the mean.
pub(super) fn random_duration(rng: &mut impl Rng, mean: f64) -> Second {
    let share: f64 = rng.random();
    (-(1.0 - share).ln() * mean).clamp(1.0, 40.0 * mean) as Second
}

/// A random count, Poisson-distributed with this mean.
pub(super) fn random_count(rng: &mut impl Rng, mean: f64) -> u32 {
    // Knuth's method underflows for large means, so they are drawn in portions.
    let mut count = 0;
    let mut left = mean;
    while left > 0.0 {
        let portion = left.min(30.0);
        left -= portion;
        let limit = (-portion).exp();
        let mut product: f64 = rng.random();
        while product > limit {
            count += 1;
            product *= rng.random::<f64>();
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rand::SeedableRng;
    use rand::rngs::Xoshiro256PlusPlus;

    use super::*;

    fn at(time: &str) -> Second {
        time.parse::<Timestamp>().unwrap().as_second()
    }

    #[test]
    fn demand_is_high_by_day_and_on_weekdays() {
        let monday_morning = demand_at(at("2026-11-23T10:30:00+08:00"));
        assert!(monday_morning > 0.99);
        assert!(demand_at(at("2026-11-23T03:00:00+08:00")) < 0.1);
        assert!(demand_at(at("2026-11-22T10:30:00+08:00")) < 0.31, "a Sunday");
        assert!(demand_at(at("2026-11-27T15:30:00+08:00")) > 0.99, "a Friday");
    }

    #[test]
    fn random_counts_and_durations_have_the_requested_mean() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let count: u32 = (0..2_000).map(|_| random_count(&mut rng, 45.5)).sum();
        assert!((90_000..92_000).contains(&count), "{count}");
        let total: Second = (0..20_000).map(|_| random_duration(&mut rng, 600.0)).sum();
        assert!((11_600_000..12_400_000).contains(&total), "{total}");
    }
}
