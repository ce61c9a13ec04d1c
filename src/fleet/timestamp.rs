//! Timestamps as Prometheus represents them.

use jiff::Timestamp;

/// Seconds since the Unix epoch, with millisecond resolution, which is that of Prometheus's own
/// timestamps.
pub fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}
