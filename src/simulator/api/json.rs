//! Values as the API writes them in JSON.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::simulator::fleet::Second;

/// A time with milliseconds and an offset: `2026-11-22T16:15:07.000+08:00`.
#[derive(Debug, Clone, Copy)]
pub struct ApiTime {
    at: Second,
    offset_hours: i8,
}

impl ApiTime {
    /// A time at UTC.
    pub fn utc(at: Second) -> Self {
        Self { at, offset_hours: 0 }
    }

    /// A time at UTC+8.
    pub fn beijing(at: Second) -> Self {
        Self { at, offset_hours: 8 }
    }
}

impl Serialize for ApiTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let zone = TimeZone::fixed(Offset::constant(self.offset_hours));
        let at = Timestamp::from_second(self.at).unwrap_or_default().to_zoned(zone);
        serializer.collect_str(&at.strftime("%Y-%m-%dT%H:%M:%S.000%:z"))
    }
}

/// Serializes a time, and a missing one as empty text.
pub fn time_or_empty<S: Serializer>(time: &Option<ApiTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => time.serialize(serializer),
        None => serializer.serialize_str(""),
    }
}

/// Serializes a number as text, as the API does for some of its numbers.
pub fn as_text<S: Serializer>(number: &impl ToString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&number.to_string())
}

/// The JSON of a record.
pub fn raw(record: &impl Serialize) -> Box<RawValue> {
    to_raw_value(record).expect("records have field names as keys, and their fields always serialize")
}

/// The JSON of a response.
pub fn bytes(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("bodies have field names as keys, and their fields always serialize")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_an_offset() {
        let at = "2026-11-22T08:15:07Z".parse::<Timestamp>().unwrap().as_second();
        assert_eq!(raw(&ApiTime::beijing(at)).get(), r#""2026-11-22T16:15:07.000+08:00""#);
        assert_eq!(raw(&ApiTime::utc(at)).get(), r#""2026-11-22T08:15:07.000+00:00""#);
    }
}
