//! The serialised form of details: the names of their statuses, all texts in one string, and all
//! rows in one byte string.
//!
//! The texts are in the order of the rows, so a row contains the lengths of its texts and no
//! positions.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{InstanceDetails, NO_TIME, Row, TEXTS, Text};
use crate::fleet::saved::{Bytes, MAX_NAMES};
use crate::fleet::statuses::{StatusId, StatusNames};

/// A row's bytes, little endian: the lengths of its texts, the status, the connection, the usage
/// duration and two times.
const ROW_BYTES: usize = 4 * TEXTS + 2 + 3 * 8;
/// Stored instead of an unknown status.
const NO_STATUS: u8 = u8::MAX;

/// What details are written as and read from; empty without instances.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct SavedDetails {
    /// The names of all status ids, in the order of the ids.
    names: Vec<Box<str>>,
    texts: String,
    rows: Bytes,
    users_are_labels: bool,
}

impl Serialize for InstanceDetails {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut saved = SavedDetails::default();
        if !self.is_empty() {
            saved.names = self.names.iter().map(Box::from).collect();
            saved.users_are_labels = self.users_are_labels;
        }
        saved.texts.reserve_exact(self.texts.len());
        saved.rows.0.reserve_exact(self.rows.len() * ROW_BYTES);
        for instance in self {
            instance.texts().iter().for_each(|text| saved.texts.push_str(text));
            saved.rows.0.extend(instance.row.to_bytes());
        }
        saved.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for InstanceDetails {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SavedDetails::deserialize(deserializer)?.restore().map_err(serde::de::Error::custom)
    }
}

impl SavedDetails {
    fn restore(self) -> Result<InstanceDetails, &'static str> {
        if self.names.len() > MAX_NAMES {
            return Err("too many statuses of instances");
        }
        let (names, ids) = match self.names.is_empty() {
            true => (StatusNames::default(), Vec::new()),
            false => StatusNames::restore(&self.names),
        };
        let (chunks, []) = self.rows.0.as_chunks::<ROW_BYTES>() else {
            return Err("the details of instances end within a row");
        };
        let mut rows = Vec::with_capacity(chunks.len());
        let mut start = 0;
        for bytes in chunks {
            let row = Row::from_bytes(bytes, start, &self.texts, &ids);
            let row = row.ok_or("a row of instances does not match their texts or statuses")?;
            start = row.end();
            rows.push(row);
        }
        let Self { texts, users_are_labels, .. } = self;
        if start != texts.len() {
            return Err("the texts of instances do not end with the last instance");
        }
        let details = InstanceDetails { texts, rows, names, users_are_labels };
        match details.iter().is_sorted_by(|one, other| one.id() < other.id()) {
            true => Ok(details),
            false => Err("instances are not in ascending order"),
        }
    }
}

impl Row {
    /// Where the instance's texts end in the buffer.
    fn end(&self) -> usize {
        self.start + self.ends[TEXTS - 1] as usize
    }

    fn to_bytes(&self) -> impl Iterator<Item = u8> {
        let starts = [0].into_iter().chain(self.ends);
        let lengths = starts.zip(self.ends).map(|(start, end)| end - start);
        let status = self.status.map_or(NO_STATUS, |id| u8::try_from(id).unwrap_or(NO_STATUS));
        let connected = self.connected.map_or(0, |connected| 1 + u8::from(connected));
        let times = [self.created, self.modified];
        lengths
            .flat_map(u32::to_le_bytes)
            .chain([status, connected])
            .chain(self.usage_seconds.to_le_bytes())
            .chain(times.into_iter().flat_map(i64::to_le_bytes))
    }

    /// The row with these bytes, whose texts begin at `start` in `texts`; `ids` are the final ids of
    /// its status ids. `None` if a text is not in `texts`, or the status has no name.
    fn from_bytes(bytes: &[u8; ROW_BYTES], start: usize, texts: &str, ids: &[StatusId]) -> Option<Self> {
        let (lengths, rest) = bytes.split_first_chunk::<{ 4 * TEXTS }>()?;
        let ([status, connected], rest) = rest.split_first_chunk::<2>()?;
        let (numbers, _) = rest.as_chunks::<8>();
        let [usage, created, modified] = *numbers else { return None };
        let mut ends = [0; TEXTS];
        let mut end = 0_u32;
        for (slot, length) in ends.iter_mut().zip(lengths.as_chunks::<4>().0) {
            end = end.checked_add(u32::from_le_bytes(*length))?;
            if !texts.is_char_boundary(start.checked_add(end as usize)?) {
                return None;
            }
            *slot = end;
        }
        let usage = f64::from_le_bytes(usage);
        Some(Self {
            start,
            ends,
            status: match *status {
                NO_STATUS => None,
                id => Some(*ids.get(usize::from(id))?),
            },
            connected: match connected {
                0 => None,
                connected => Some(*connected > 1),
            },
            usage_seconds: if usage.is_finite() && usage >= 0.0 { usage } else { f64::NAN },
            created: time(created),
            modified: time(modified),
        })
    }
}

/// The stored form of a time, [`NO_TIME`] for one that is out of range.
fn time(bytes: [u8; 8]) -> i64 {
    super::time(i64::from_le_bytes(bytes)).map_or(NO_TIME, |at| at.as_microsecond())
}

impl InstanceDetails {
    /// A copy in which `label` has replaced each user's name by the value of its label, or removed
    /// it. Labels that replaced names before are kept as they are.
    pub fn with_user_labels(&self, label: impl Fn(&str) -> Option<String>) -> Self {
        let mut copy = Self {
            texts: String::with_capacity(self.texts.len()),
            rows: Vec::with_capacity(self.rows.len()),
            names: self.names.clone(),
            users_are_labels: true,
        };
        for instance in self {
            let start = copy.texts.len();
            let mut texts = instance.texts();
            let user = instance.end_user_id().filter(|_| !self.users_are_labels).map(&label);
            if let Some(user) = &user {
                texts[Text::EndUserId as usize] = user.as_deref().unwrap_or_default();
            }
            let ends = texts.map(|text| copy.push_text(start, text));
            copy.rows.push(Row { start, ends, ..instance.row.clone() });
        }
        copy
    }

    /// A copy without the names or labels of users.
    pub fn without_users(&self) -> Self {
        let without = Self { users_are_labels: false, ..self.clone() };
        without.with_user_labels(|_| None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{DecodeIssues, FoldOptions, InstanceFold, InstanceRecord};

    fn details(users: &[(&str, &str)]) -> InstanceDetails {
        let mut fold = InstanceFold::new(FoldOptions { detail: true, ..FoldOptions::default() });
        for (id, user) in users {
            let record = InstanceRecord {
                id: (*id).into(),
                status: Some("IDLE".into()),
                end_user_id: Some((*user).into()),
                node_id: Some("n".into()),
                ..InstanceRecord::default()
            };
            fold.add(&record, &mut DecodeIssues::default());
        }
        fold.finish(0).summary.details
    }

    /// The details that another process reads after `change` to what was written.
    fn read(change: impl FnOnce(&mut SavedDetails)) -> Result<InstanceDetails, &'static str> {
        let bytes = rmp_serde::to_vec_named(&details(&[("a", "无"), ("b", "")])).unwrap();
        let mut saved: SavedDetails = rmp_serde::from_slice(&bytes).unwrap();
        change(&mut saved);
        saved.restore()
    }

    #[test]
    fn details_that_do_not_match_their_texts_are_rejected() {
        assert!(read(|_| {}).is_ok());
        assert!(read(|saved| saved.rows.0.truncate(ROW_BYTES + 1)).is_err(), "within a row");
        assert!(read(|saved| saved.rows.0.truncate(ROW_BYTES)).is_err(), "texts remain");
        assert!(read(|saved| saved.texts.push('x')).is_err(), "texts remain");
        assert!(read(|saved| saved.texts.truncate(4)).is_err(), "texts are missing");
        assert!(read(|saved| saved.rows.0[4] = 1).is_err(), "within a character");
        assert!(read(|saved| saved.rows.0[3] = 0xFF).is_err(), "beyond the texts");
        assert!(read(|saved| saved.rows.0[4 * TEXTS] = 99).is_err(), "a status without a name");
        assert!(read(|saved| saved.texts.replace_range(..1, "c")).is_err(), "not in order");
        assert!(read(|saved| saved.names.clear()).is_err(), "no names");
    }

    #[test]
    fn users_are_replaced_by_labels_or_removed() {
        let named = details(&[("a", "alice"), ("b", ""), ("c", "carol")]);
        let users = |details: &InstanceDetails| -> Vec<Option<String>> {
            details.iter().map(|instance| instance.end_user_id().map(str::to_owned)).collect()
        };
        let labelled = named.with_user_labels(|name| Some(name.len().to_string()));
        assert_eq!(users(&labelled), [Some("5".into()), None, Some("5".into())]);
        assert_eq!(users(&labelled.with_user_labels(|_| Some("other".into()))), users(&labelled));
        for details in [&named, &labelled] {
            let without = details.without_users();
            assert_eq!(users(&without), [None, None, None]);
            assert!(!without.texts.contains("alice"), "the name is not in the buffer");
            let ids: Vec<(&str, Option<&str>)> =
                without.iter().map(|instance| (instance.id(), instance.node_id())).collect();
            assert_eq!(ids, [("a", Some("n")), ("b", Some("n")), ("c", Some("n"))]);
        }
    }
}
