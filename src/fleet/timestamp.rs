//! Timestamps as Prometheus represents them.

use jiff::Timestamp;

/// Seconds since the Unix epoch, with millisecond resolution: finer digits would not survive in a
/// 64-bit float together with today's seconds.
pub fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}
