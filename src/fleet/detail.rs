//! Single instances, kept only in detailed mode, in a compact form: a fleet may have hundreds of
//! thousands of them.
//!
//! All texts of a group's instances are stored in one buffer. An instance is a row of fixed size
//! with the positions of its texts. An [`InstanceDetail`] borrows one row and its texts.

mod saved;

use std::fmt;

use jiff::Timestamp;

use super::instance_record::InstanceRecord;
use super::statuses::{StatusId, StatusNames, StatusSummary};

/// The instances of one group, sorted by id.
#[derive(Clone, Default)]
pub struct InstanceDetails {
    texts: String,
    rows: Vec<Row>,
    names: StatusNames,
    /// Whether the texts of users are the values of their labels, not their names.
    users_are_labels: bool,
}

/// One instance of [`InstanceDetails`]. A text that the API does not send is `None`, never empty.
#[derive(Clone, Copy)]
pub struct InstanceDetail<'a> {
    details: &'a InstanceDetails,
    row: &'a Row,
}

/// Iterates over the instances of [`InstanceDetails`] in the order of their ids.
#[derive(Debug, Clone)]
pub struct InstanceDetailsIter<'a> {
    details: &'a InstanceDetails,
    rows: std::slice::Iter<'a, Row>,
}

/// The texts of an instance, in the order in which they are stored in the buffer.
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
/// Stored for an unknown time: outside the range of jiff's timestamps.
const NO_TIME: i64 = i64::MIN;

/// One instance in 72 bytes. `Option`s around the last three fields would add a third.
#[derive(Debug, Clone)]
struct Row {
    /// Position of the instance's first text in the buffer, bytes.
    start: usize,
    /// End of each text, bytes after `start`.
    ends: [u32; TEXTS],
    status: Option<StatusId>,
    connected: Option<bool>,
    /// NaN when unknown.
    usage_seconds: f64,
    /// Microseconds since the epoch; [`NO_TIME`] when unknown.
    created: i64,
    /// Like `created`.
    modified: i64,
}

impl InstanceDetails {
    /// The number of instances.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no instances: the group has none, or details are not kept.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The instances, sorted by id in byte order.
    pub fn iter(&self) -> InstanceDetailsIter<'_> {
        InstanceDetailsIter { details: self, rows: self.rows.iter() }
    }

    /// Appends `record`. `status` is the provisional id of its status, `connected` whether its user
    /// is connected; both are `None` when unknown.
    pub(super) fn push(
        &mut self,
        record: &InstanceRecord<'_>,
        status: Option<StatusId>,
        connected: Option<bool>,
    ) {
        let start = self.texts.len();
        // The same order as in `Text`.
        let ends = [
            Some(&record.id),
            record.end_user_id.as_ref(),
            record.public_ip.as_ref(),
            record.private_ip.as_ref(),
            record.network_interface_id.as_ref(),
            record.node_id.as_ref(),
            record.charge_type.as_ref(),
        ]
        .map(|text| self.push_text(start, text.map_or("", |text| text)));
        self.rows.push(Row {
            start,
            ends,
            status,
            connected,
            usage_seconds: record.usage().unwrap_or(f64::NAN),
            created: record.created.map_or(NO_TIME, Timestamp::as_microsecond),
            modified: record.modified.map_or(NO_TIME, Timestamp::as_microsecond),
        });
    }

    /// Sorts the instances, replaces provisional status ids by final ones, and frees unused memory.
    pub(super) fn finish(mut self, statuses: &StatusSummary) -> Self {
        let Self { texts, rows, names, .. } = &mut self;
        rows.sort_unstable_by(|one, other| one.text(texts, Text::Id).cmp(other.text(texts, Text::Id)));
        for row in rows.iter_mut() {
            row.status = row.status.map(|id| statuses.final_id(id));
        }
        rows.shrink_to_fit();
        texts.shrink_to_fit();
        *names = statuses.names.clone();
        self
    }

    /// Appends `text` to the buffer, and returns its end in bytes after `start`, where the
    /// instance's texts begin.
    fn push_text(&mut self, start: usize, text: &str) -> u32 {
        let end = self.texts.len() - start;
        match u32::try_from(end + text.len()) {
            Ok(end) => {
                self.texts.push_str(text);
                end
            }
            // Cannot happen: the limit on the size of a response keeps the texts of one instance
            // far below 4 GiB. If it did happen, the text would be dropped.
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
    /// Compares the instances, regardless of the order in which their texts are stored.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for InstanceDetails {
    /// Shows only the number of instances, because the instances contain user names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceDetails").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<'a> InstanceDetail<'a> {
    /// `AppInstanceId`.
    pub fn id(&self) -> &'a str {
        self.row.text(&self.details.texts, Text::Id)
    }

    /// `Status`, upper case; [`OTHER`](super::vocabulary::OTHER) for an unknown status that is not
    /// kept by name.
    pub fn status(&self) -> Option<&'a str> {
        self.row.status.map(|id| self.details.names.name(id))
    }

    /// `SessionStatus`: true for `CONNECT`, false for `DISCONNECT`, `None` for any other value.
    pub fn connected(&self) -> Option<bool> {
        self.row.connected
    }

    /// `BindInfo.UsageDuration`, seconds: finite, not negative.
    pub fn usage_seconds(&self) -> Option<f64> {
        Some(self.row.usage_seconds).filter(|seconds| !seconds.is_nan())
    }

    /// `BindInfo.EndUserId`: personal data. In details with
    /// [labels of users](InstanceDetails::with_user_labels), the label's value.
    pub fn end_user_id(&self) -> Option<&'a str> {
        self.text(Text::EndUserId)
    }

    /// Whether [`end_user_id`](Self::end_user_id) is the value of the user's label already.
    pub fn user_is_label(&self) -> bool {
        self.details.users_are_labels
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
            && self.user_is_label() == other.user_is_label()
            && self.status() == other.status()
            && self.connected() == other.connected()
            && self.usage_seconds() == other.usage_seconds()
            && self.created() == other.created()
            && self.modified() == other.modified()
    }
}

impl fmt::Debug for InstanceDetail<'_> {
    /// Shows only id and status, because the other fields include the user name.
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
        let start = if position == 0 { 0 } else { self.ends[position - 1] };
        &texts[self.start + start as usize..self.start + self.ends[position] as usize]
    }
}

/// `None` for [`NO_TIME`].
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
