//! Parts of small fleets, and their rendered output.

use std::sync::Arc;

use jiff::Timestamp;

use crate::fleet::{
    DecodeIssues, Fetched, FoldOptions, Group, GroupCounters, GroupSnapshot, HashKey, InstanceFold,
    InstanceRecord, InstanceSummary, Observations, PersistentFold, PersistentRecord, PersistentSummary,
    Snapshot, TargetHealth,
};
use crate::metrics::Exposition;
use crate::metrics::options::RenderOptions;

pub(super) const EVERYTHING: FoldOptions =
    FoldOptions { nodes: true, detail: true, hash_key: HashKey::new(0) };

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn now() -> Timestamp {
    at("2026-11-02T01:30:00.250Z")
}

pub(super) fn target() -> TargetHealth {
    TargetHealth {
        account: "default".into(),
        target: "CloudApp".into(),
        up: Some(true),
        last_success: Some(now()),
    }
}

pub(super) fn group(id: &str) -> Group {
    Group { id: id.into(), region_id: "cn-shanghai".into(), ..Group::default() }
}

pub(super) fn listed(group: Group) -> GroupSnapshot {
    GroupSnapshot {
        account: "default".into(),
        target: "CloudApp".into(),
        group: fetched(group),
        instances: None,
        persistent: None,
        counters: GroupCounters::default(),
        observed: Observations::default(),
    }
}

pub(super) fn with_instances(group: Group, records: &[InstanceRecord<'_>]) -> GroupSnapshot {
    GroupSnapshot { instances: Some(fetched(instances(records))), ..listed(group) }
}

pub(super) fn with_persistent(group: Group, records: &[PersistentRecord<'_>]) -> GroupSnapshot {
    GroupSnapshot { persistent: Some(fetched(persistent(records))), ..listed(group) }
}

pub(super) fn instances(records: &[InstanceRecord<'_>]) -> InstanceSummary {
    let mut fold = InstanceFold::new(EVERYTHING);
    records.iter().for_each(|record| fold.add(record, &mut DecodeIssues::default()));
    fold.finish(records.len() as u64).summary
}

pub(super) fn persistent(records: &[PersistentRecord<'_>]) -> PersistentSummary {
    let mut fold = PersistentFold::new(EVERYTHING);
    records.iter().for_each(|record| fold.add(record, &mut DecodeIssues::default()));
    fold.finish(records.len() as u64)
}

pub(super) fn fetched<T>(data: T) -> Fetched<T> {
    Fetched { data: Arc::new(data), at: now() }
}

pub(super) fn snapshot(groups: impl IntoIterator<Item = GroupSnapshot>) -> Snapshot {
    Snapshot { at: now(), targets: vec![target()], groups: groups.into_iter().map(Arc::new).collect() }
}

pub(super) fn exposition(
    groups: impl IntoIterator<Item = GroupSnapshot>,
    options: RenderOptions,
) -> Exposition {
    Exposition::new(Arc::new(snapshot(groups)), Arc::new(options))
}

pub(super) fn text(groups: impl IntoIterator<Item = GroupSnapshot>, options: RenderOptions) -> String {
    String::from_utf8(exposition(groups, options).text().to_vec()).unwrap()
}

/// The lines of one family's samples.
pub(super) fn lines<'a>(text: &'a str, family: &str) -> Vec<&'a str> {
    let is = |line: &&str| line.strip_prefix(family).is_some_and(|rest| rest.starts_with(['{', ' ']));
    text.lines().filter(is).collect()
}
