//! Timestamps as Prometheus represents them, and as minutes.

use jiff::Timestamp;

/// Seconds since the Unix epoch, with millisecond resolution, which is that of Prometheus's own
/// timestamps.
pub fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

/// Minutes since 1970, clamped to the range of `u32`.
pub fn minute(at: Timestamp) -> u32 {
    u32::try_from(at.as_second().max(0) / 60).unwrap_or(u32::MAX)
}
