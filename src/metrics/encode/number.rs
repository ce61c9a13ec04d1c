//! Numbers as the Prometheus text formats write them.

/// 2^63: whole numbers from here on do not fit into an `i64` and are written with an exponent.
const INTEGER_LIMIT: f64 = 9_223_372_036_854_775_808.0;

/// Appends `value`: a whole number below 2^63 without fraction or exponent, another finite number
/// with the fewest digits that parse back to the same value, or `+Inf`, `-Inf` or `NaN`.
pub(super) fn push_number(out: &mut Vec<u8>, value: f64) {
    if value == value.trunc() && value.abs() < INTEGER_LIMIT {
        // Exact: every whole f64 below the limit is an i64.
        push_integer(out, value as i64);
    } else if value.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value > 0.0 {
        out.extend_from_slice(b"+Inf");
    } else {
        out.extend_from_slice(b"-Inf");
    }
}

/// Like [`push_number`], but a whole number gets a fraction (`10.0`), as OpenMetrics and Prometheus
/// write the bounds of buckets.
pub(super) fn push_float(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else {
        push_number(out, value);
    }
}

/// Appends a whole number.
pub(super) fn push_integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(value: f64) -> String {
        let mut out = Vec::new();
        push_number(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn whole_numbers_have_neither_fraction_nor_exponent() {
        assert_eq!(shown(0.0), "0");
        assert_eq!(shown(-3.0), "-3");
        assert_eq!(shown(1_650_985_576.0), "1650985576");
        assert_eq!(shown(1e18), "1000000000000000000");
    }

    #[test]
    fn milliseconds_of_a_timestamp_are_kept() {
        assert_eq!(shown(1_650_985_576.123), "1650985576.123");
    }

    #[test]
    fn other_numbers_take_the_fewest_digits() {
        assert_eq!(shown(0.85), "0.85");
        assert_eq!(shown(0.1 + 0.2), "0.30000000000000004");
        assert_eq!(shown(1e300), "1e300");
    }

    #[test]
    fn infinities_and_nan_have_names() {
        assert_eq!(shown(f64::INFINITY), "+Inf");
        assert_eq!(shown(f64::NEG_INFINITY), "-Inf");
        assert_eq!(shown(f64::NAN), "NaN");
    }

    #[test]
    fn bounds_keep_their_fraction() {
        let shown = |value| {
            let mut out = Vec::new();
            push_float(&mut out, value);
            String::from_utf8(out).unwrap()
        };
        assert_eq!([0.025, 1.0, 300.0, f64::INFINITY].map(shown), ["0.025", "1.0", "300.0", "+Inf"]);
    }

    proptest! {
        #[test]
        fn every_finite_number_reads_back_to_itself(value in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO) {
            prop_assert_eq!(shown(value).parse::<f64>().unwrap(), value);
        }
    }
}
