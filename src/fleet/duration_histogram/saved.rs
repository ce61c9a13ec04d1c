//! The serialised form of a histogram. It has no bounds of its own when it is read: they follow
//! from the field that contains it.

use std::collections::BTreeMap;

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};

use super::DurationHistogram;
use crate::fleet::saved::MAX_COUNT;

/// Indexes of the exponential buckets of all finite numbers of seconds, generously.
const INDEXES: std::ops::RangeInclusive<i32> = -100..=9_000;

/// What a histogram is written as and read from; empty without observations.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct SavedHistogram {
    /// The upper bounds of `counts`. Another version may have others.
    bounds: Vec<f64>,
    counts: Vec<u64>,
    exponential: BTreeMap<i32, u64>,
    zeros: u64,
    sum: f64,
}

impl Serialize for DurationHistogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let saved = match self.count {
            0 => SavedHistogram::default(),
            _ => SavedHistogram {
                bounds: self.bounds.to_vec(),
                counts: self.counts.clone(),
                exponential: self.exponential.clone(),
                zeros: self.zeros,
                sum: self.sum,
            },
        };
        saved.serialize(serializer)
    }
}

impl DurationHistogram {
    /// Reads a histogram with these bounds. One with other bounds starts again without
    /// observations.
    pub(in crate::fleet) fn deserialize<'de, D: Deserializer<'de>>(
        bounds: &'static [f64],
        deserializer: D,
    ) -> Result<Self, D::Error> {
        let saved = SavedHistogram::deserialize(deserializer)?;
        if saved.bounds != bounds {
            return Ok(Self::new(bounds));
        }
        let count = saved.count().ok_or_else(|| D::Error::custom("the counts of a histogram differ"))?;
        let SavedHistogram { bounds: _, counts, exponential, zeros, sum } = saved;
        Ok(Self { bounds, counts, exponential, zeros, sum, count })
    }
}

impl SavedHistogram {
    /// The number of observations; `None` if the buckets do not agree on it.
    fn count(&self) -> Option<u64> {
        let fixed = self.counts.iter().try_fold(0_u64, |total, count| total.checked_add(*count))?;
        let exponential =
            self.exponential.values().try_fold(self.zeros, |total, count| total.checked_add(*count))?;
        let is_valid = fixed == exponential
            && fixed <= MAX_COUNT
            && self.counts.len() == self.bounds.len() + 1
            && self.exponential.iter().all(|(index, count)| INDEXES.contains(index) && *count > 0)
            && self.sum.is_finite()
            && self.sum >= 0.0;
        is_valid.then_some(fixed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{READY_BOUNDS, SESSION_BOUNDS};

    fn histogram() -> DurationHistogram {
        let mut histogram = DurationHistogram::new(READY_BOUNDS);
        [0.0, 20.0, 20.0, 1e9].iter().for_each(|seconds| histogram.observe(*seconds));
        histogram
    }

    fn read(bounds: &'static [f64], saved: &impl Serialize) -> Option<DurationHistogram> {
        let bytes = rmp_serde::to_vec_named(saved).unwrap();
        DurationHistogram::deserialize(bounds, &mut rmp_serde::Deserializer::new(&bytes[..])).ok()
    }

    #[test]
    fn observations_are_kept() {
        assert_eq!(read(READY_BOUNDS, &histogram()), Some(histogram()));
        let empty = DurationHistogram::new(SESSION_BOUNDS);
        assert_eq!(read(SESSION_BOUNDS, &empty), Some(empty));
    }

    #[test]
    fn a_histogram_with_other_bounds_starts_again() {
        assert_eq!(read(SESSION_BOUNDS, &histogram()), Some(DurationHistogram::new(SESSION_BOUNDS)));
    }

    #[test]
    fn counts_that_differ_are_rejected() {
        let changed = |change: &dyn Fn(&mut SavedHistogram)| {
            let bytes = rmp_serde::to_vec_named(&histogram()).unwrap();
            let mut saved: SavedHistogram = rmp_serde::from_slice(&bytes).unwrap();
            change(&mut saved);
            read(READY_BOUNDS, &saved).is_some()
        };
        assert!(changed(&|_| {}));
        assert!(!changed(&|saved| saved.zeros += 1));
        assert!(!changed(&|saved| saved.counts[0] = u64::MAX));
        assert!(!changed(&|saved| saved.counts.truncate(3)));
        assert!(!changed(&|saved| saved.exponential.extend([(10_000, 0)])));
        assert!(!changed(&|saved| saved.sum = f64::NAN));
    }
}
