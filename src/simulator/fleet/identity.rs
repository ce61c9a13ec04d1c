//! Identifiers and names. They are computed from numbers, so those of instances, nodes and users
//! are not stored.

use std::borrow::Cow;

/// The kind of object that an identifier belongs to. Equal numbers of two kinds give unrelated
/// identifiers.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(super) enum IdKind {
    /// `AppInstanceGroupId`.
    Group = 1,
    /// `AppInstanceId`.
    Instance,
    /// `NodeId`.
    Node,
    /// `NetworkInterfaceId`.
    Interface,
    /// `AppInstancePersistentId`.
    Persistent,
    /// `NodePoolId`.
    Pool,
    /// `SpecId`.
    Spec,
    /// `TaskId` of an update.
    Task,
}

/// Maps a number to another one, without collisions: the finalizer of SplitMix64.
pub(super) fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// 13 characters for object `number` of a kind under `key`.
fn characters(key: u64, kind: IdKind, number: u64) -> [u8; 13] {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut rest = mix(mix(key ^ mix(kind as u64)).wrapping_add(number));
    let mut text = [0; 13];
    for character in text.iter_mut().rev() {
        *character = DIGITS[(rest % 36) as usize];
        rest /= 36;
    }
    text
}

/// The identifier of object `number` of a kind under `key`.
pub(super) fn identifier(prefix: &str, key: u64, kind: IdKind, number: u64) -> String {
    let mut text = prefix.to_owned();
    text.extend(characters(key, kind, number).map(char::from));
    text
}

/// `AppInstanceId`. Like the real ones, it ends in four digits.
pub fn instance_id(key: u64, serial: u64) -> String {
    let mut id = identifier("ai-", key, IdKind::Instance, serial);
    let digits = serial % 10_000;
    id.extend(
        [digits / 1000, digits / 100 % 10, digits / 10 % 10, digits % 10].map(|d| (b'0' + d as u8) as char),
    );
    id
}

/// `NodeId`.
pub fn node_id(key: u64, serial: u32) -> String {
    identifier("i-bp", key, IdKind::Node, u64::from(serial))
}

/// `NetworkInterfaceId`.
pub fn network_interface_id(key: u64, serial: u64) -> String {
    identifier("eni-uf6", key, IdKind::Interface, serial)
}

/// The name of an end user. The names include mail addresses, Chinese characters, and characters
/// that must be escaped in JSON and label values.
pub fn user_name(user: u32) -> Cow<'static, str> {
    match user % 6 {
        0 => Cow::Owned(format!("张三{user}")),
        1 => Cow::Owned(format!("alice.{user}@example.com")),
        2 => Cow::Owned(format!("O'Neil \"{user}\"")),
        3 => Cow::Owned(format!("DOMAIN\\user{user}")),
        _ => Cow::Owned(format!("user-{user:05}")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn identifiers_of_a_group_are_distinct_and_reproducible() {
        let one = |serial| instance_id(7, serial);
        let ids: HashSet<String> = (0..20_000).map(one).collect();
        assert_eq!(ids.len(), 20_000);
        assert_eq!(one(5), one(5));
        assert!(one(12_345).starts_with("ai-") && one(12_345).ends_with("2345"));
    }
}
