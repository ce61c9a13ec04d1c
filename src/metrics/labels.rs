//! The labels that all series of a group have, and the label names of tags.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::fleet::{Group, GroupSnapshot, Snapshot, Tag};
use crate::metrics::encode::Label;
use crate::metrics::options::{GroupLabel, RenderOptions, TagSelection};

/// Leading bytes of the hash in a label name, which shows them as 12 hex digits: of 1,000 keys that
/// differ only in characters that are replaced, two have the same hash once in 500 million fleets.
const HASH_BYTES: usize = 6;

/// A tag whose label name is not `tag_<key>`, because its key cannot be part of a label name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedLabel {
    /// The tag's key.
    pub key: String,
    /// The label name of this key.
    pub name: String,
}

/// The label names of one snapshot.
#[derive(Debug, Default)]
pub(super) struct LabelNames {
    /// The labels of `labels.group`, each once, with their label names.
    group: Vec<(GroupLabel, String)>,
    /// Label names by tag key, for the tags of `appstreaming_group_tags` that are not in `group`.
    tags: BTreeMap<String, String>,
    /// Keys of all tags that `labels.tags` selects, including those in `group`.
    selected: BTreeSet<String>,
    /// Whether tags of scope `System` may be selected.
    system_tags: bool,
    /// The tags whose label name is not `tag_<key>`, in the order of their keys.
    pub(super) changed: Vec<ChangedLabel>,
}

impl LabelNames {
    /// Assigns a label name to every selected tag.
    pub(super) fn new(snapshot: &Snapshot, options: &RenderOptions) -> Self {
        let mut group: Vec<(GroupLabel, String)> = Vec::new();
        for label in &options.group_labels {
            if !group.iter().any(|(known, _)| known == label) {
                let name = match label {
                    GroupLabel::Name => "group_name".to_owned(),
                    GroupLabel::Tag(key) => label_name(key),
                };
                group.push((label.clone(), name));
            }
        }
        let selected = selected_keys(snapshot, options);
        let mut tags: BTreeMap<_, _> = selected.iter().map(|key| (key.clone(), label_name(key))).collect();
        let mut all = tags.clone();
        for (label, name) in &group {
            if let GroupLabel::Tag(key) = label {
                tags.remove(key);
                all.insert(key.clone(), name.clone());
            }
        }
        let changed = (all.into_iter())
            .filter(|(key, name)| name["tag_".len()..] != **key)
            .map(|(key, name)| ChangedLabel { key, name })
            .collect();
        Self { group, tags, selected, system_tags: options.system_tags, changed }
    }

    /// The labels at the start of every series of the group.
    pub(super) fn group_labels<'a>(&'a self, snapshot: &'a GroupSnapshot) -> Vec<Label<'a>> {
        let group: &Group = &snapshot.group.data;
        let mut labels =
            vec![("account", &*snapshot.account), ("region_id", &*group.region_id), ("group_id", &*group.id)];
        labels.extend(self.group.iter().map(|(label, name)| {
            let value = match label {
                GroupLabel::Name => &*group.name,
                GroupLabel::Tag(key) => tag_value(&group.tags, key),
            };
            (name.as_str(), value)
        }));
        labels
    }

    /// The group's selected tags as labels, except those that are in
    /// [`group_labels`](Self::group_labels). `None` if the group has no selected tag at all.
    pub(super) fn tag_labels<'a>(&'a self, group: &'a Group) -> Option<Vec<Label<'a>>> {
        let mut has_any = false;
        let mut labels: BTreeMap<&str, &str> = BTreeMap::new();
        for tag in &group.tags {
            if (tag.system && !self.system_tags) || !self.selected.contains(&*tag.key) {
                continue;
            }
            has_any = true;
            if let Some(name) = self.tags.get(&*tag.key) {
                labels.entry(name).or_insert(&tag.value);
            }
        }
        has_any.then(|| labels.into_iter().collect())
    }
}

/// The keys of the selected tags.
fn selected_keys(snapshot: &Snapshot, options: &RenderOptions) -> BTreeSet<String> {
    match &options.tags {
        TagSelection::None => BTreeSet::new(),
        TagSelection::Keys(keys) => keys.iter().filter(|key| !key.is_empty()).cloned().collect(),
        TagSelection::All => {
            let tags = snapshot.groups.iter().flat_map(|group| &group.group.data.tags);
            let keys: BTreeSet<&str> = tags
                .filter(|tag| !tag.key.is_empty() && (options.system_tags || !tag.system))
                .map(|tag| &*tag.key)
                .collect();
            keys.into_iter().map(str::to_owned).collect()
        }
    }
}

/// The label name of a tag, which depends on nothing but its key: `tag_<key>` if that is a label
/// name, otherwise `tag_<readable key>_<hash of the key>`.
///
/// Two keys never have the same name: names with a hash differ in the hash, and a key that ends
/// like a name with a hash gets a hash itself.
fn label_name(key: &str) -> String {
    let readable = readable_name(key);
    if readable["tag_".len()..] == *key && !ends_with_hash(key) {
        return readable;
    }
    let hash = HEXLOWER.encode(&Sha256::digest(key)[..HASH_BYTES]);
    format!("{readable}_{hash}")
}

/// Whether `key` ends like a label name with a hash: an underscore and 12 hex digits.
fn ends_with_hash(key: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let last = key.rsplit_once('_').map(|(_, last)| last);
    last.is_some_and(|last| last.len() == 2 * HASH_BYTES && last.bytes().all(is_digit))
}

/// `tag_<key>` with an underscore for every character that a label name cannot contain. A key in
/// camelCase becomes snake_case, which promtool requires of label names.
fn readable_name(key: &str) -> String {
    let is_camel_case = key.as_bytes().windows(2).any(is_lower_then_upper);
    let mut name = String::from("tag_");
    let mut previous = None;
    for c in key.chars() {
        if is_camel_case
            && previous.is_some_and(|previous: char| previous.is_ascii_lowercase())
            && c.is_ascii_uppercase()
        {
            name.push('_');
        }
        let valid = if c.is_ascii_alphanumeric() { c } else { '_' };
        name.push(if is_camel_case { valid.to_ascii_lowercase() } else { valid });
        previous = Some(c);
    }
    name
}

fn is_lower_then_upper(pair: &[u8]) -> bool {
    pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase()
}

/// The tag's value, empty if the group does not have the tag. If both the customer and Alibaba
/// Cloud have set a tag with this key, the customer's value is used.
fn tag_value<'a>(tags: &'a [Tag], key: &str) -> &'a str {
    let find = |system: bool| tags.iter().find(|tag| tag.system == system && *tag.key == *key);
    find(false).or_else(|| find(true)).map_or("", |tag| &tag.value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_that_is_a_label_name_is_kept() {
        for key in ["department", "Department", "ENV", "cost_center", "part_2", "1st", "created_20240101"] {
            assert_eq!(label_name(key), format!("tag_{key}"));
        }
    }

    #[test]
    fn another_key_becomes_readable_and_gets_a_hash() {
        assert_eq!(label_name("cost-center"), "tag_cost_center_410213d06ae2");
        assert_eq!(label_name("acs:rm:rgId"), "tag_acs_rm_rg_id_4b41cd2073c7");
        assert_eq!(label_name("costCenterID"), "tag_cost_center_id_b65002ed4b28");
        assert_eq!(label_name("部门"), "tag____f128cdf1dae2");
    }

    #[test]
    fn keys_that_look_alike_have_different_label_names() {
        let changed = label_name("cost-center");
        let imitation = changed.strip_prefix("tag_").unwrap();
        let imitation_of_imitation = label_name(imitation);
        let keys = [
            "cost-center",
            "cost.center",
            "cost_center",
            "costCenter",
            "cost_center_2",
            "部门",
            "人事",
            imitation,
            imitation_of_imitation.strip_prefix("tag_").unwrap(),
        ];
        let names: BTreeSet<String> = keys.into_iter().map(label_name).collect();
        assert_eq!(names.len(), keys.len(), "{names:?}");
    }

    proptest! {
        #[test]
        fn different_keys_have_different_valid_label_names(
            first in "[a-cA-C_.部 -]{1,6}(_[0-9a-f]{12})?",
            second in "[a-cA-C_.部 -]{1,6}(_[0-9a-f]{12})?",
        ) {
            let names = [label_name(&first), label_name(&second)];
            prop_assert_eq!(first == second, names[0] == names[1]);
            for name in names {
                prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{name}");
                prop_assert!(!name.as_bytes().windows(2).any(is_lower_then_upper), "{name}");
            }
        }
    }
}
