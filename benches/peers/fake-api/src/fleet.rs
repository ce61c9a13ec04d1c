//! The lists of a fleet. They are created at the start, so that a page is a slice of bytes.

use bytes::Bytes;

use crate::records;

/// How many states of each list of instances exist. Requests for a page return them in turn, so
/// that a client cannot benefit from pages that do not change.
pub const VARIANTS: usize = 2;

/// Records in JSON, separated by commas.
pub struct Records {
    bytes: Bytes,
    /// The start of each record, and the position behind the comma that a further record would
    /// follow.
    starts: Vec<u32>,
}

impl Records {
    fn new(count: usize, mut append: impl FnMut(&mut String, usize)) -> Self {
        let mut text = String::new();
        let mut starts = Vec::with_capacity(count + 1);
        for index in 0..count {
            if index > 0 {
                text.push(',');
            }
            starts.push(text.len() as u32);
            append(&mut text, index);
        }
        starts.push(text.len() as u32 + 1);
        text.shrink_to_fit();
        Self { bytes: text.into(), starts }
    }

    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The records of a page; pages begin at 1.
    pub fn page(&self, size: usize, number: usize) -> Bytes {
        let from = (number - 1).saturating_mul(size);
        let to = from.saturating_add(size).min(self.len());
        if from >= to {
            return Bytes::new();
        }
        self.bytes.slice(self.starts[from] as usize..self.starts[to] as usize - 1)
    }
}

/// The size of a fleet.
#[derive(Clone, Copy)]
pub struct Size {
    pub groups: usize,
    pub instances_per_group: usize,
    pub persistent_per_group: usize,
}

/// The lists of a fleet.
pub struct Fleet {
    pub group_ids: Vec<String>,
    pub groups: Records,
    /// For each group, the states of its list of instances.
    pub instances: Vec<[Records; VARIANTS]>,
    /// For each group, its persistent sessions.
    pub persistent: Vec<Records>,
}

impl Fleet {
    pub fn new(size: Size) -> Self {
        let ids: Vec<String> = (0..size.groups).map(records::group_id).collect();
        let instances = |(group, id): (usize, &String)| {
            std::array::from_fn(|variant| {
                Records::new(size.instances_per_group, |out, index| {
                    records::instance(out, group, id, index, variant);
                })
            })
        };
        let persistent = |(group, id): (usize, &String)| {
            Records::new(size.persistent_per_group, |out, index| {
                records::persistent(out, group, id, index);
            })
        };
        Self {
            groups: Records::new(size.groups, |out, group| {
                records::group(out, group, &ids[group], size.instances_per_group);
            }),
            instances: ids.iter().enumerate().map(instances).collect(),
            persistent: ids.iter().enumerate().map(persistent).collect(),
            group_ids: ids,
        }
    }
}
