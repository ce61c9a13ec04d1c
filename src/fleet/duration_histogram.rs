//! Histograms of durations that the exporter observes by comparing listings.
//!
//! What is not here: which durations are observed (`group_counters`), and how a histogram is
//! written (`metrics`).

mod saved;

use std::collections::BTreeMap;

/// Upper bounds of `appstreaming_group_instance_ready_seconds`, seconds: from an instance that was
/// started in advance to one that is probably stuck.
pub const READY_BOUNDS: &[f64] = &[15.0, 30.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1_800.0, 3_600.0];
/// Upper bounds of `appstreaming_group_session_duration_seconds`, seconds: from a lost start to a
/// whole day.
pub const SESSION_BOUNDS: &[f64] =
    &[60.0, 300.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0, 57_600.0, 86_400.0];

/// Observed durations, counted in fixed buckets, and in exponential buckets for native histograms.
#[derive(Debug, Clone, PartialEq)]
pub struct DurationHistogram {
    bounds: &'static [f64],
    /// The count of each bucket, not cumulative; the last one has no upper bound. Empty before the
    /// first observation, because most groups have few observations.
    counts: Vec<u64>,
    /// The count of each exponential bucket that is not empty, by index: the bucket `i` contains
    /// the values above 2^((i - 1) / 8), up to 2^(i / 8).
    exponential: BTreeMap<i32, u64>,
    /// Number of observations up to [`ZERO_THRESHOLD`](Self::ZERO_THRESHOLD).
    zeros: u64,
    sum: f64,
    count: u64,
}

impl DurationHistogram {
    /// Native histograms have 2^`SCHEMA` buckets for each power of two: each bound is 9 % above the
    /// previous one.
    pub const SCHEMA: i32 = 3;
    /// Observations up to this one count as 0 in native histograms, seconds: the API's times have
    /// milliseconds.
    pub const ZERO_THRESHOLD: f64 = 1e-3;

    /// A histogram without observations. `bounds` are the upper bounds of the fixed buckets in
    /// ascending order, seconds, without infinity.
    pub const fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: Vec::new(), exponential: BTreeMap::new(), zeros: 0, sum: 0.0, count: 0 }
    }

    /// Adds an observation, seconds. A negative one, which a difference of clocks can cause, counts
    /// as 0.
    pub fn observe(&mut self, seconds: f64) {
        let seconds = seconds.max(0.0);
        if self.counts.is_empty() {
            self.counts = vec![0; self.bounds.len() + 1];
        }
        self.counts[self.bounds.partition_point(|bound| *bound < seconds)] += 1;
        if seconds > Self::ZERO_THRESHOLD {
            *self.exponential.entry(exponential_index(seconds)).or_default() += 1;
        } else {
            self.zeros += 1;
        }
        self.sum += seconds;
        self.count += 1;
    }

    /// The upper bound and the cumulative count of each fixed bucket, without the infinite one.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let mut cumulative = 0;
        self.bounds.iter().enumerate().map(move |(index, bound)| {
            cumulative += self.counts.get(index).copied().unwrap_or_default();
            (*bound, cumulative)
        })
    }

    /// The index and the count of each exponential bucket that is not empty, in ascending order.
    pub fn exponential(&self) -> impl Iterator<Item = (i32, u64)> {
        self.exponential.iter().map(|(index, count)| (*index, *count))
    }

    /// The smallest bound of an exponential bucket up to which at least the share `quantile` of the
    /// observations lies, from 0 to 1: seconds, at most 9 % above the exact value. `None` without
    /// observations.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        let rank = (quantile * self.count as f64).ceil();
        let mut cumulative = self.zeros;
        if self.count == 0 || cumulative as f64 >= rank {
            return (self.count > 0).then_some(0.0);
        }
        let bucket = self.exponential.iter().find(|(_, count)| {
            cumulative += **count;
            cumulative as f64 >= rank
        });
        bucket.map(|(index, _)| (f64::from(*index) / f64::from(1 << Self::SCHEMA)).exp2())
    }

    /// The number of observations up to [`ZERO_THRESHOLD`](Self::ZERO_THRESHOLD).
    pub fn zeros(&self) -> u64 {
        self.zeros
    }

    /// The sum of all observations, seconds.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The number of all observations.
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// The index of the exponential bucket that contains `value`, which must be above 0.
fn exponential_index(value: f64) -> i32 {
    let per_power = f64::from(1 << DurationHistogram::SCHEMA);
    let index = (value.log2() * per_power).ceil();
    // The logarithm of a bound may be rounded up to the next bucket.
    let below = (index - 1.0) / per_power;
    if below.exp2() >= value { index as i32 - 1 } else { index as i32 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn histogram(observations: &[f64]) -> DurationHistogram {
        let mut histogram = DurationHistogram::new(READY_BOUNDS);
        observations.iter().for_each(|seconds| histogram.observe(*seconds));
        histogram
    }

    #[test]
    fn a_bound_belongs_to_the_bucket_below_it() {
        let histogram = histogram(&[15.0, 15.5, 7_200.0]);
        let buckets: Vec<_> = histogram.buckets().collect();
        assert_eq!(buckets[..2], [(15.0, 1), (30.0, 2)]);
        assert_eq!(buckets.last(), Some(&(3_600.0, 2)));
        assert_eq!((histogram.count(), histogram.sum()), (3, 7_230.5));
    }

    #[test]
    fn without_observations_every_bucket_is_0() {
        let histogram = histogram(&[]);
        assert_eq!(histogram.buckets().map(|(_, count)| count).sum::<u64>(), 0);
        assert_eq!(histogram.buckets().count(), READY_BOUNDS.len());
        assert_eq!(histogram.exponential().count(), 0);
    }

    #[test]
    fn a_negative_duration_counts_as_0() {
        let histogram = histogram(&[-3.0, 0.0]);
        assert_eq!((histogram.zeros(), histogram.count(), histogram.sum()), (2, 2, 0.0));
    }

    #[test]
    fn quantiles_are_at_most_a_bucket_too_high() {
        let observations: Vec<f64> = (1..=100).map(f64::from).collect();
        let histogram = histogram(&observations);
        for (quantile, exact) in [(0.5, 50.0), (0.95, 95.0), (1.0, 100.0)] {
            let found = histogram.quantile(quantile).unwrap();
            assert!((exact..exact * 1.1).contains(&found), "{quantile}: {found}");
        }
        assert_eq!(super::DurationHistogram::new(READY_BOUNDS).quantile(0.5), None);
    }

    #[test]
    fn powers_of_two_are_upper_bounds_of_exponential_buckets() {
        for power in -3..20 {
            assert_eq!(exponential_index(f64::from(power).exp2()), power * 8, "2^{power}");
        }
    }

    proptest! {
        #[test]
        fn a_value_lies_in_its_exponential_bucket(value in 1e-6_f64..1e9) {
            let index = f64::from(exponential_index(value));
            prop_assert!(((index - 1.0) / 8.0).exp2() < value);
            prop_assert!(value <= (index / 8.0).exp2() * (1.0 + 1e-12));
        }
    }
}
