//! Instance statuses as small numbers, both while pages are folded and in the kept instances.
//!
//! An instance's status must fit in a few bytes, even an undocumented one. Which undocumented
//! statuses are kept by name is known only at the end of a listing. So pages are folded with
//! provisional ids, and [`StatusSummary::final_id`] maps these to final ones.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::Tally;
use super::status_map::{Mergeable, StatusMap};
use super::vocabulary::{self, EnumValue, INSTANCE_STATUS, MAX_UNKNOWN_VALUES};

/// The number of a status: provisional in a [`StatusFold`], final in its [`StatusSummary`]. Final
/// ids are valid only with the [`StatusNames`] of the same listing.
pub(super) type StatusId = u32;

const ABSENT: StatusId = 0;
const OTHER: StatusId = 1;
const FIRST_KNOWN: StatusId = 2;
const FIRST_UNKNOWN: StatusId = FIRST_KNOWN + INSTANCE_STATUS.known.len() as StatusId;

/// Counts instances by status, and finds the oldest modification in each status.
#[derive(Debug)]
pub(super) struct StatusFold {
    stats: StatusMap<StatusStats>,
    next_id: StatusId,
}

/// The instances in one status.
#[derive(Debug, Clone, Default)]
struct StatusStats {
    instances: u64,
    oldest_modified: Option<Timestamp>,
    id: Option<StatusId>,
}

/// The result of a [`StatusFold`].
#[derive(Debug)]
pub(super) struct StatusSummary {
    /// Instances by status.
    pub(super) tally: Tally,
    /// The oldest modification in each status that has one, sorted by status.
    pub(super) oldest_modified: Vec<(Box<str>, Timestamp)>,
    /// The names of final ids.
    pub(super) names: StatusNames,
    /// The provisional and the final id of each unknown status that is kept by name.
    final_ids: Vec<(StatusId, StatusId)>,
}

/// The names of final ids. Names and ids depend only on which statuses were listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct StatusNames {
    unknown: Arc<[Box<str>]>,
}

impl StatusFold {
    /// A fold without instances.
    pub(super) fn new() -> Self {
        let mut stats = StatusMap::<StatusStats>::new(&INSTANCE_STATUS);
        stats.get_mut(&EnumValue::Absent).id = Some(ABSENT);
        stats.get_mut(&EnumValue::Unknown(vocabulary::OTHER.into())).id = Some(OTHER);
        for (position, id) in (0..INSTANCE_STATUS.known.len()).zip(FIRST_KNOWN..) {
            stats.get_mut(&EnumValue::Known(position)).id = Some(id);
        }
        Self { stats, next_id: FIRST_UNKNOWN }
    }

    /// Counts one instance, and returns its status's provisional id.
    pub(super) fn add(&mut self, status: &EnumValue, modified: Option<Timestamp>) -> StatusId {
        let stats = self.stats.get_mut(status);
        stats.instances += 1;
        stats.oldest_modified = oldest(stats.oldest_modified, modified);
        *stats.id.get_or_insert_with(|| {
            let id = self.next_id;
            self.next_id += 1;
            id
        })
    }

    /// The summary of a complete listing.
    pub(super) fn finish(self) -> StatusSummary {
        let mut oldest_modified: Vec<(Box<str>, Timestamp)> = self
            .stats
            .iter()
            .filter_map(|(status, stats)| Some((status.into(), stats.oldest_modified?)))
            .collect();
        oldest_modified.sort_unstable();
        let unknown = self.stats.unknown();
        StatusSummary {
            tally: self.stats.map(|stats| stats.instances).into(),
            oldest_modified,
            names: StatusNames { unknown: self.stats.unknown().map(|(status, _)| status.into()).collect() },
            final_ids: unknown
                .zip(FIRST_UNKNOWN..)
                .filter_map(|((_, stats), id)| Some((stats.id?, id)))
                .collect(),
        }
    }
}

impl Mergeable for StatusStats {
    fn merge(&mut self, other: Self) {
        self.instances += other.instances;
        self.oldest_modified = oldest(self.oldest_modified, other.oldest_modified);
    }
}

impl StatusSummary {
    /// The final id for a provisional one; [`OTHER`] for a status that is not kept by name.
    pub(super) fn final_id(&self, provisional: StatusId) -> StatusId {
        if provisional < FIRST_UNKNOWN {
            return provisional;
        }
        self.final_ids.iter().find(|(known, _)| *known == provisional).map_or(OTHER, |(_, id)| *id)
    }
}

impl StatusNames {
    /// The number of final ids, which are the numbers from 0 up to this one, exclusive.
    pub(super) fn len(&self) -> usize {
        FIRST_UNKNOWN as usize + self.unknown.len()
    }

    /// The name of the status with the final id `id`, which must be below [`len`](Self::len).
    pub(super) fn name(&self, id: StatusId) -> &str {
        match id {
            ABSENT => vocabulary::ABSENT,
            OTHER => vocabulary::OTHER,
            FIRST_KNOWN..FIRST_UNKNOWN => INSTANCE_STATUS.known[(id - FIRST_KNOWN) as usize],
            FIRST_UNKNOWN.. => &self.unknown[(id - FIRST_UNKNOWN) as usize],
        }
    }

    /// The names of all final ids, in the order of the ids.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len() as StatusId).map(|id| self.name(id))
    }

    /// The names of a saved listing, and the final id for each of its ids. Ids depend on the
    /// documented statuses, which another version may have more or fewer of, so names are saved.
    pub(super) fn restore(saved: &[Box<str>]) -> (Self, Vec<StatusId>) {
        let known = |name: &str| match name {
            vocabulary::ABSENT => Some(ABSENT),
            vocabulary::OTHER => Some(OTHER),
            _ => INSTANCE_STATUS.position(name).map(|position| FIRST_KNOWN + position as StatusId),
        };
        let unknown: BTreeSet<&str> =
            saved.iter().map(|name| &**name).filter(|name| known(name).is_none()).collect();
        let unknown: Vec<&str> = unknown.into_iter().take(MAX_UNKNOWN_VALUES).collect();
        let final_id = |name: &str| {
            let kept = || unknown.iter().position(|kept| *kept == name);
            known(name)
                .or_else(|| kept().map(|position| FIRST_UNKNOWN + position as StatusId))
                .unwrap_or(OTHER)
        };
        let ids = saved.iter().map(|name| final_id(name)).collect();
        (Self { unknown: unknown.iter().map(|name| Box::from(*name)).collect() }, ids)
    }
}

fn oldest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
