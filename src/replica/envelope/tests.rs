use jiff::SignedDuration;

use super::*;
use crate::fleet::{InstanceDetails, Snapshot};
use crate::metrics::options::PseudonymKey;
use crate::poller::RestoreOutcome;
use crate::poller::fixture::{NOW, USER, at, polled_store, store};
use crate::telemetry::RestoreResult;

fn bytes() -> Vec<u8> {
    encode(polled_store().save(at(NOW)), &UserLabel::Plain)
}

/// The message of the error and of its sources.
fn message(error: &StateError) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}

/// The bytes with a checksum that is correct again.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let (header, payload) = bytes.split_at_mut(HEADER_BYTES);
    let (fields, found) = header.split_last_chunk_mut::<4>().unwrap();
    *found = checksum(fields, payload).to_le_bytes();
    bytes
}

#[test]
fn a_state_is_read_as_it_was_written() {
    let state = polled_store().save(at(NOW + 5));
    let read = decode(&encode(state.clone(), &UserLabel::Plain)).unwrap();
    assert!(encode(read.clone(), &UserLabel::Plain) == encode(state, &UserLabel::Plain));
    assert_eq!((read.saved_at, read.published_at), (at(NOW + 5), at(NOW)));
}

#[test]
fn names_of_users_are_in_the_state_only_if_they_are_exported() {
    let contains = |users: &UserLabel, text: &str| {
        let bytes = encode(polled_store().save(at(NOW)), users);
        let plain = contents(&bytes).unwrap();
        plain.windows(text.len()).any(|window| window == text.as_bytes())
    };
    let hash = UserLabel::Hash(PseudonymKey::new(b"key"));
    assert!(contains(&UserLabel::Plain, USER));
    assert!(!contains(&UserLabel::Off, USER));
    assert!(!contains(&hash, USER));
    assert!(contains(&hash, &hash.value(Some(USER)).unwrap()));
}

#[test]
fn a_truncated_state_of_any_length_is_damaged() {
    let bytes = bytes();
    for length in 0..bytes.len() {
        let error = decode(&bytes[..length]).unwrap_err();
        assert_eq!(error.result(), RestoreResult::Damaged, "{length}: {error}");
    }
}

#[test]
fn a_state_with_another_byte_anywhere_is_not_used() {
    let bytes = bytes();
    for position in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[position] ^= 0x10;
        assert!(decode(&damaged).is_err(), "byte {position}");
    }
    assert!(decode(&[&bytes[..], b"\n"].concat()).is_err(), "a byte more");
}

#[test]
fn something_else_is_not_a_state() {
    for bytes in [&b"{}"[..], b"", &[0; 4096]] {
        let error = decode(bytes).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the state is damaged and cannot be used: it is not a state of this exporter"
        );
    }
}

#[test]
fn a_state_of_a_later_version_names_the_version_that_can_read_it() {
    let mut bytes = bytes();
    bytes[8] = 2;
    bytes[12..19].copy_from_slice(b"9.8.7\0\0");
    let error = decode(&sealed(bytes.clone())).unwrap_err();
    assert_eq!(error.result(), RestoreResult::Version);
    assert!(error.to_string().contains(r#"format 2 of exporter version "9.8.7""#), "{error}");
    // The rest of a later version's state is not read at all.
    assert_eq!(decode(&bytes[..20]).unwrap_err().result(), RestoreResult::Version);
}

#[test]
fn a_later_minor_version_and_unknown_fields_are_skipped() {
    #[derive(serde::Serialize)]
    struct Later {
        #[serde(flatten)]
        state: SavedState,
        later: Vec<(u32, String)>,
    }
    let state = polled_store().save(at(NOW));
    let later = Later { state: state.clone(), later: vec![(1, "x".to_owned())] };
    let mut bytes = seal(&rmp_serde::to_vec_named(&later).unwrap());
    bytes[10] = 7;
    let read = decode(&sealed(bytes)).unwrap();
    assert!(encode(read, &UserLabel::Plain) == encode(state, &UserLabel::Plain));
}

#[test]
fn nesting_and_sizes_are_bounded() {
    // An unknown field with 100 nested arrays.
    let deep = [&[0x81, 0xa1, b'x'][..], &[0x91; 100], &[0xc0]].concat();
    let error = decode(&seal(&deep)).unwrap_err();
    assert!(message(&error).contains("depth"), "{}", message(&error));
    // A byte string that claims to have 4 GiB.
    let long = [0x81, 0xa1, b'x', 0xc6, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(decode(&seal(&long)).unwrap_err().result(), RestoreResult::Damaged);
    assert!(matches!(decode(&vec![0; MAX_BYTES + 1]), Err(StateError::TooLarge { .. })));
}

#[test]
fn a_standby_and_a_restarted_process_continue_from_the_bytes() {
    let original = polled_store();
    let read = || decode(&encode(original.save(at(NOW)), &UserLabel::Off)).unwrap();
    let standby = store(&["CloudApp"], 1);
    assert!(standby.mirror(read(), SignedDuration::ZERO));
    let users = |snapshot: &Snapshot| -> Vec<InstanceDetails> {
        snapshot
            .groups
            .iter()
            .filter_map(|group| Some(group.instances.as_ref()?.data.details.without_users()))
            .collect()
    };
    let (mirrored, published) = (standby.subscribe(), original.subscribe());
    assert_eq!(users(&mirrored.borrow()), users(&published.borrow()));
    let restarted = store(&["CloudApp"], 2);
    assert_eq!(restarted.restore(read(), at(NOW + 60)), RestoreOutcome::Restored { targets: 1 });
}
