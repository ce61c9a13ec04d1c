//! Identifiers and names: drawn from numbers, so that nothing needs to be stored or remembered.

use std::borrow::Cow;

/// What the number behind an identifier belongs to: equal numbers of two kinds look unrelated.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(super) enum IdKind {
    Group = 1,
    Instance,
    Node,
    Interface,
    Persistent,
    Pool,
    Spec,
    Task,
}

/// Spreads a number over 64 bits without collisions (the finalizer of SplitMix64).
pub(super) fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// 13 characters that belong to `number` of this kind under `key`.
pub(super) fn characters(key: u64, kind: IdKind, number: u64) -> [u8; 13] {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut rest = mix(mix(key ^ mix(kind as u64)).wrapping_add(number));
    let mut text = [0; 13];
    for character in text.iter_mut().rev() {
        *character = DIGITS[(rest % 36) as usize];
        rest /= 36;
    }
    text
}

/// An identifier as text: a prefix, and the characters of `number`.
pub(super) fn identifier(prefix: &str, key: u64, kind: IdKind, number: u64) -> String {
    let mut text = prefix.to_owned();
    text.extend(characters(key, kind, number).map(char::from));
    text
}

/// `AppInstanceId` of a group's instance.
pub(in super::super) fn write_instance_id(out: &mut Vec<u8>, key: u64, serial: u64) {
    out.extend_from_slice(b"ai-");
    out.extend_from_slice(&characters(key, IdKind::Instance, serial));
    // The real ones end in four digits after the random part.
    let digits = serial % 10_000;
    out.extend([digits / 1000, digits / 100 % 10, digits / 10 % 10, digits % 10].map(|d| b'0' + d as u8));
}

/// `NodeId` of a group's node.
pub(in super::super) fn write_node_id(out: &mut Vec<u8>, key: u64, serial: u32) {
    out.extend_from_slice(b"i-bp");
    out.extend_from_slice(&characters(key, IdKind::Node, u64::from(serial)));
}

/// `NetworkInterfaceId` of an instance.
pub(in super::super) fn write_network_interface(out: &mut Vec<u8>, key: u64, serial: u64) {
    out.extend_from_slice(b"eni-uf6");
    out.extend_from_slice(&characters(key, IdKind::Interface, serial));
}

/// The name of an end user: plain, an address, or in a script that needs UTF-8 and escaping.
pub(in super::super) fn user_name(user: u32) -> Cow<'static, str> {
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
    fn identifiers_of_a_group_are_distinct_and_the_same_every_time() {
        let one = |serial| {
            let mut id = Vec::new();
            write_instance_id(&mut id, 7, serial);
            String::from_utf8(id).unwrap()
        };
        let ids: HashSet<String> = (0..20_000).map(one).collect();
        assert_eq!(ids.len(), 20_000);
        assert_eq!(one(5), one(5));
        assert!(one(12_345).starts_with("ai-") && one(12_345).ends_with("2345"));
    }
}
