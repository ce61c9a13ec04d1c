//! Every state is either rejected, or can be continued from, rendered and saved again.
//!
//! Random bytes are rarely a state. So an input can also be the contents of an undamaged envelope,
//! or a list of edits of a valid state.
#![no_main]

use std::sync::{Arc, OnceLock};

use appstreaming_exporter::internals::{
    DecodeIssues, EvaluationContext, Fetched, FoldOptions, Freshness, Group, HashKey, InstanceFold,
    InstanceRecord, ListingOutcome, PersistentFold, PersistentInterval, PersistentRecord, PolledGroup,
    RenderOptions, SavedState, Shard, SnapshotStore, TargetIdentity, TargetKey, TargetPoll, UserLabel,
    check_group, envelope,
};
use appstreaming_exporter::internals::{Encoding, Exposition, Syntax};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use libfuzzer_sys::fuzz_target;

/// The bytes that replace `removed` bytes from `position` on.
type Edit = (u16, u8, Vec<u8>);

fuzz_target!(|input: (u8, Vec<Edit>, &[u8])| {
    let (mode, edits, bytes) = input;
    let state = match mode % 4 {
        0 => envelope::decode(bytes),
        1 => envelope::decode(&envelope::seal(bytes)),
        _ => envelope::decode(&envelope::seal(&edited(edits))),
    };
    match state {
        Ok(state) => continue_from(state),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

/// A store with the targets of a state, continued with one more poll.
fn continue_from(state: SavedState) {
    let at = state.published_at;
    let store = store(state.targets());
    let targets: Vec<TargetIdentity> = state.targets().collect();
    store.restore(state.clone(), at);
    store.mirror(state.clone(), SignedDuration::ZERO);
    render(&store);
    store.adopt(state, at);
    if let Ok(later) = at.checked_add(SignedDuration::from_secs(60)) {
        for target in targets {
            store.apply(&target.account, &target.name, Some(poll(later, &["i2", "i3"])), later);
        }
        render(&store);
    }
    let bytes = envelope::encode(store.save(at), &UserLabel::Off);
    envelope::decode(&bytes).expect("a state that was written can be read");
}

fn render(store: &SnapshotStore) {
    let snapshot = Arc::clone(&store.subscribe().borrow());
    let context = EvaluationContext {
        now: snapshot.at,
        time_zone: &TimeZone::UTC,
        interval: SignedDuration::from_secs(60),
        persistent: interval(),
        lists_instances: true,
    };
    for group in &snapshot.groups {
        check_group(group, &context);
        for minute in store.history(group) {
            let _ = (minute.at(), minute.counts().count());
        }
    }
    let options = RenderOptions { users: UserLabel::Plain, ..RenderOptions::default() };
    let exposition = Exposition::new(Arc::clone(&snapshot), Arc::new(options));
    for syntax in Syntax::ALL {
        exposition.body(syntax, Encoding::Identity);
    }
}

fn interval() -> PersistentInterval {
    PersistentInterval { poll: SignedDuration::from_secs(60), configured: None }
}

fn store(targets: impl Iterator<Item = TargetIdentity>) -> SnapshotStore {
    let freshness = Freshness { stale_after: SignedDuration::MAX, persistent: interval() };
    SnapshotStore::new(targets, freshness, TimeZone::UTC, HashKey::new(7))
}

/// The contents of a valid state with these edits.
fn edited(edits: Vec<Edit>) -> Vec<u8> {
    static VALID: OnceLock<Vec<u8>> = OnceLock::new();
    let mut bytes = VALID.get_or_init(valid).clone();
    for (position, removed, inserted) in edits {
        let start = usize::from(position) % (bytes.len() + 1);
        let end = (start + usize::from(removed)).min(bytes.len());
        bytes.splice(start..end, inserted);
    }
    bytes
}

fn valid() -> Vec<u8> {
    let (account, name) = (Arc::from("a"), Arc::from("CloudApp"));
    let target = TargetIdentity { account, name, key: TargetKey::new([]), shard: Shard::WHOLE };
    let store = store([target].into_iter());
    for (second, instances) in [(1_000, &["i1", "i2"][..]), (1_060, &["i2", "i4", "i5"])] {
        let at = Timestamp::from_second(second).expect("a time in 1970");
        store.apply("a", "CloudApp", Some(poll(at, instances)), at);
    }
    let at = Timestamp::from_second(1_060).expect("a time in 1970");
    envelope::contents(&envelope::encode(store.save(at), &UserLabel::Plain)).expect("an undamaged state")
}

/// A poll that lists one group with these instances.
fn poll(at: Timestamp, instances: &[&str]) -> TargetPoll {
    let options = FoldOptions { nodes: true, detail: true, hash_key: HashKey::new(7) };
    let mut issues = DecodeIssues::default();
    let mut fold = InstanceFold::new(options);
    for (number, id) in instances.iter().enumerate() {
        let record = InstanceRecord {
            id: (*id).into(),
            status: Some(["BOUND", "IDLE", "ODD"][number % 3].into()),
            session_status: Some(["CONNECT", "DISCONNECT"][number % 2].into()),
            end_user_id: Some("u".into()),
            node_id: Some("n".into()),
            usage_seconds: Some(60.0),
            created: Some(at),
            modified: Some(at),
            ..InstanceRecord::default()
        };
        fold.add(&record, &mut issues);
    }
    let mut sessions = PersistentFold::new(options);
    let record =
        PersistentRecord { id: "p".into(), status: Some("odd".into()), ..PersistentRecord::default() };
    sessions.add(&record, &mut issues);
    let group = Group { id: "g".into(), node_pools: vec![Default::default()], ..Group::default() };
    let group = PolledGroup {
        group: Fetched { data: Arc::new(group), at },
        instances: ListingOutcome::Listed { data: fold.finish(3), at, consistent: true },
        persistent: ListingOutcome::Listed { data: sessions.finish(1), at, consistent: true },
    };
    TargetPoll { groups: Some(vec![group]), ..TargetPoll::default() }
}
