//! A saved snapshot renders like the one that was saved.

use std::sync::Arc;

use proptest::prelude::*;

use super::fixture::*;
use super::properties::{any_options, any_snapshot};
use crate::fleet::{GroupSnapshot, InstanceRecord, Snapshot};
use crate::metrics::Exposition;
use crate::metrics::options::{PseudonymKey, RenderOptions, UserLabel};

/// What another process reads of `group`.
fn restored(group: &GroupSnapshot) -> GroupSnapshot {
    let bytes = rmp_serde::to_vec_named(group).unwrap();
    let read: GroupSnapshot = rmp_serde::from_slice(&bytes).unwrap();
    GroupSnapshot { account: Arc::clone(&group.account), target: Arc::clone(&group.target), ..read }
}

proptest! {
    #[test]
    fn a_saved_snapshot_is_unchanged_and_renders_the_same_bytes(
        (snapshot, options) in (any_snapshot(), any_options()),
    ) {
        let groups = snapshot.groups.iter().map(|group| Arc::new(restored(group))).collect();
        let restored = Snapshot { groups, ..snapshot.clone() };
        prop_assert_eq!(&restored, &snapshot);
        let text = |snapshot| Exposition::new(Arc::new(snapshot), Arc::new(options.clone())).text().to_vec();
        prop_assert_eq!(text(restored), text(snapshot));
    }
}

#[test]
fn labels_of_users_that_replaced_their_names_are_rendered_as_the_names_were() {
    let bound =
        InstanceRecord { id: "ai-1".into(), end_user_id: Some("alice".into()), ..InstanceRecord::default() };
    let free = InstanceRecord { id: "ai-2".into(), ..InstanceRecord::default() };
    let named = with_instances(group("g"), &[bound, free]);
    let hash = UserLabel::Hash(PseudonymKey::new(b"key"));
    let mut labelled = named.clone();
    let mut summary = named.instances.as_ref().unwrap().data.as_ref().clone();
    summary.details =
        summary.details.with_user_labels(|name| hash.value(Some(name)).map(|value| value.into_owned()));
    labelled.instances = Some(fetched(summary));
    let labelled = restored(&labelled);

    let text = |group: &GroupSnapshot, users: &UserLabel| {
        text([group.clone()], RenderOptions { users: users.clone(), ..RenderOptions::default() })
    };
    assert!(text(&named, &hash).contains(r#"user="""#));
    assert_eq!(text(&labelled, &hash), text(&named, &hash));
    assert_eq!(text(&labelled, &UserLabel::Off), text(&named, &UserLabel::Off), "the option has changed");
}
