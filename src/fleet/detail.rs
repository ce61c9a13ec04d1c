//! Single instances, kept only in detailed mode: hundreds of thousands of them, so compactly.
//!
//! All texts of a group's instances lie in one buffer; an instance is a row of fixed size that says
//! where its texts end. Nobody needs an instance apart from its listing, so a view is all that is
//! handed out.

use std::fmt;

use jiff::Timestamp;

use super::InstanceRecord;
use super::statuses::{Code, StatusNames, Statuses};

/// The instances of one group, sorted by id.
#[derive(Clone, Default)]
pub struct InstanceDetails {
    texts: String,
    rows: Vec<Row>,
    names: StatusNames,
}

/// One instance of [`InstanceDetails`]. Texts are `None` where the API sends none, never empty.
#[derive(Clone, Copy)]
pub struct InstanceDetail<'a> {
    details: &'a InstanceDetails,
    row: &'a Row,
}

/// The instances of [`InstanceDetails`], one after the other.
#[derive(Debug, Clone)]
pub struct InstanceDetailsIter<'a> {
    details: &'a InstanceDetails,
    rows: std::slice::Iter<'a, Row>,
}

/// The texts of an instance, in the order in which they lie in the buffer.
#[derive(Debug, Clone, Copy)]
enum Text {
    Id,
    EndUserId,
    PublicIp,
    PrivateIp,
    NetworkInterfaceId,
    NodeId,
    ChargeType,
}

const TEXTS: usize = Text::ChargeType as usize + 1;
/// Stands for a time that is not known; jiff's range ends long before.
const NO_TIME: i64 = i64::MIN;

/// What is kept of one instance: 72 bytes. An `Option` around the numbers would make it a third more.
#[derive(Debug, Clone)]
struct Row {
    /// Where its texts begin.
    start: usize,
    /// Where each text ends, counted from `start`.
    ends: [u32; TEXTS],
    status: Option<Code>,
    connected: Option<bool>,
    /// NaN: none.
    usage_seconds: f64,
    /// Microseconds since the epoch.
    created: i64,
    modified: i64,
}

impl InstanceDetails {
    /// How many instances there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none: the group has no instance, or details are not kept.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The instances by id, in byte order.
    pub fn iter(&self) -> InstanceDetailsIter<'_> {
        InstanceDetailsIter { details: self, rows: self.rows.iter() }
    }

    /// Keeps `record`, whose status has the provisional code `status`.
    pub(super) fn push(
        &mut self,
        record: &InstanceRecord<'_>,
        status: Option<Code>,
        connected: Option<bool>,
    ) {
        let start = self.texts.len();
        // In the order of `Text`.
        let ends = [
            Some(record.id),
            record.end_user_id,
            record.public_ip,
            record.private_ip,
            record.network_interface_id,
            record.node_id,
            record.charge_type,
        ]
        .map(|text| self.push_text(start, text.unwrap_or_default()));
        self.rows.push(Row {
            start,
            ends,
            status,
            connected,
            usage_seconds: record.usage_seconds.unwrap_or(f64::NAN),
            created: record.created.map_or(NO_TIME, Timestamp::as_microsecond),
            modified: record.modified.map_or(NO_TIME, Timestamp::as_microsecond),
        });
    }

    /// Sorts, gives statuses their final code, and lets go of what was allocated ahead.
    pub(super) fn finish(mut self, statuses: &Statuses) -> Self {
        let Self { texts, rows, names } = &mut self;
        rows.sort_unstable_by(|one, other| one.text(texts, Text::Id).cmp(other.text(texts, Text::Id)));
        for row in rows.iter_mut() {
            row.status = row.status.map(|code| statuses.translate(code));
        }
        rows.shrink_to_fit();
        texts.shrink_to_fit();
        *names = statuses.names.clone();
        self
    }

    /// Appends `text` to the texts that begin at `start`, and says where it ends.
    fn push_text(&mut self, start: usize, text: &str) -> u32 {
        let end = self.texts.len() - start;
        match u32::try_from(end + text.len()) {
            Ok(end) => {
                self.texts.push_str(text);
                end
            }
            // The texts of one instance are limited by one answer's size: 4 GiB of them is no text.
            // What is there already ended within bounds.
            Err(_) => u32::try_from(end).unwrap_or(u32::MAX),
        }
    }
}

impl<'a> IntoIterator for &'a InstanceDetails {
    type Item = InstanceDetail<'a>;
    type IntoIter = InstanceDetailsIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> Iterator for InstanceDetailsIter<'a> {
    type Item = InstanceDetail<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rows.next().map(|row| InstanceDetail { details: self.details, row })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

impl ExactSizeIterator for InstanceDetailsIter<'_> {}

impl PartialEq for InstanceDetails {
    /// The same instances: the order in which their texts arrived does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for InstanceDetails {
    /// Only their number: they hold user names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceDetails").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<'a> InstanceDetail<'a> {
    /// `AppInstanceId`.
    pub fn id(&self) -> &'a str {
        self.row.text(&self.details.texts, Text::Id)
    }

    /// `Status`, upper-cased; one of too many unheard-of ones is [`words::OTHER`](super::words::OTHER).
    pub fn status(&self) -> Option<&'a str> {
        self.row.status.map(|code| self.details.names.word(code))
    }

    /// `SessionStatus`: true for `CONNECT`, false for `DISCONNECT`, `None` for anything else.
    pub fn connected(&self) -> Option<bool> {
        self.row.connected
    }

    /// `BindInfo.UsageDuration`, seconds: finite, not negative.
    pub fn usage_seconds(&self) -> Option<f64> {
        Some(self.row.usage_seconds).filter(|seconds| !seconds.is_nan())
    }

    /// `BindInfo.EndUserId`: personal data.
    pub fn end_user_id(&self) -> Option<&'a str> {
        self.text(Text::EndUserId)
    }

    /// `MainEthPublicIp`.
    pub fn public_ip(&self) -> Option<&'a str> {
        self.text(Text::PublicIp)
    }

    /// `NetworkInterfaceIp`.
    pub fn private_ip(&self) -> Option<&'a str> {
        self.text(Text::PrivateIp)
    }

    /// `NetworkInterfaceId`.
    pub fn network_interface_id(&self) -> Option<&'a str> {
        self.text(Text::NetworkInterfaceId)
    }

    /// `NodeId`: only in groups sold by node.
    pub fn node_id(&self) -> Option<&'a str> {
        self.text(Text::NodeId)
    }

    /// `ChargeType` of the node.
    pub fn charge_type(&self) -> Option<&'a str> {
        self.text(Text::ChargeType)
    }

    /// `GmtCreate`, to the microsecond.
    pub fn created(&self) -> Option<Timestamp> {
        time(self.row.created)
    }

    /// `GmtModified`, to the microsecond.
    pub fn modified(&self) -> Option<Timestamp> {
        time(self.row.modified)
    }

    fn text(&self, text: Text) -> Option<&'a str> {
        Some(self.row.text(&self.details.texts, text)).filter(|text| !text.is_empty())
    }

    fn texts(&self) -> [&'a str; TEXTS] {
        [
            Text::Id,
            Text::EndUserId,
            Text::PublicIp,
            Text::PrivateIp,
            Text::NetworkInterfaceId,
            Text::NodeId,
            Text::ChargeType,
        ]
        .map(|text| self.row.text(&self.details.texts, text))
    }
}

impl PartialEq for InstanceDetail<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.texts() == other.texts()
            && self.status() == other.status()
            && self.connected() == other.connected()
            && self.usage_seconds() == other.usage_seconds()
            && self.created() == other.created()
            && self.modified() == other.modified()
    }
}

impl fmt::Debug for InstanceDetail<'_> {
    /// What can be shown to anybody: no user name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceDetail")
            .field("id", &self.id())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl Row {
    fn text<'a>(&self, texts: &'a str, text: Text) -> &'a str {
        let position = text as usize;
        let begin = if position == 0 { 0 } else { self.ends[position - 1] };
        &texts[self.start + begin as usize..self.start + self.ends[position] as usize]
    }
}

/// `NO_TIME` is outside of what a [`Timestamp`] can be.
fn time(microseconds: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(microseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_takes_72_bytes_and_its_texts() {
        assert_eq!(size_of::<Row>(), 72);
    }
}
