//! The labels that all series of a group have, and the label names of tags.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::fleet::{Group, GroupSnapshot, Snapshot, Tag};
use crate::metrics::encode::Label;
use crate::metrics::options::{GroupLabel, RenderOptions, TagSelection};

/// A tag key whose label name belongs to another key already. A number is appended to its own label
/// name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelConflict {
    /// The tag's key.
    pub key: String,
    /// The label name that another key has.
    pub taken: String,
    /// The label name of this key.
    pub name: String,
}

impl fmt::Display for LabelConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, taken, name } = self;
        write!(f, "tag {key:?} is exported as label {name} because another tag has the label {taken}")
    }
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
    /// Tags whose label name has a number appended.
    pub(super) conflicts: Vec<LabelConflict>,
}

impl LabelNames {
    /// Assigns a label name to every selected tag. Keys in the configuration come first, in the
    /// order of the configuration; with `["*"]`, keys that are valid in label names come before
    /// keys that have to be changed. The same tags therefore always get the same names.
    pub(super) fn new(snapshot: &Snapshot, options: &RenderOptions) -> Self {
        let mut group_labels: Vec<GroupLabel> = Vec::new();
        for label in &options.group_labels {
            if !group_labels.contains(label) {
                group_labels.push(label.clone());
            }
        }
        let selected = selected_keys(snapshot, options);
        let configured = group_labels.iter().filter_map(|label| match label {
            GroupLabel::Name => None,
            GroupLabel::Tag(key) => Some(key.clone()),
        });
        let (names, conflicts) = assign_names(configured.chain(selected.iter().cloned()));
        let group: Vec<_> = group_labels
            .into_iter()
            .map(|label| match &label {
                GroupLabel::Name => (label, "group_name".to_owned()),
                GroupLabel::Tag(key) => {
                    let name = names[key].clone();
                    (label, name)
                }
            })
            .collect();
        let mut tags = names;
        for (label, _) in &group {
            if let GroupLabel::Tag(key) = label {
                tags.remove(key);
            }
        }
        let selected = selected.into_iter().collect();
        Self { group, tags, selected, system_tags: options.system_tags, conflicts }
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

/// The keys of the selected tags, each once, in the order in which they get their label names.
fn selected_keys(snapshot: &Snapshot, options: &RenderOptions) -> Vec<String> {
    match &options.tags {
        TagSelection::None => Vec::new(),
        TagSelection::Keys(keys) => {
            let mut seen = BTreeSet::new();
            keys.iter().filter(|key| !key.is_empty() && seen.insert(*key)).cloned().collect()
        }
        TagSelection::All => {
            let tags = snapshot.groups.iter().flat_map(|group| &group.group.data.tags);
            let keys: BTreeSet<&str> = tags
                .filter(|tag| !tag.key.is_empty() && (options.system_tags || !tag.system))
                .map(|tag| &*tag.key)
                .collect();
            let (valid, changed): (Vec<&str>, Vec<&str>) =
                keys.into_iter().partition(|key| label_name(key)["tag_".len()..] == **key);
            valid.into_iter().chain(changed).map(str::to_owned).collect()
        }
    }
}

/// Assigns a label name to each key: `tag_<key>` to the first of several keys with the same name,
/// and `tag_<key>_<number>` to the others. A name with a number never equals the name of another
/// key.
fn assign_names(keys: impl Iterator<Item = String>) -> (BTreeMap<String, String>, Vec<LabelConflict>) {
    let mut names = BTreeMap::new();
    let mut used = BTreeSet::new();
    let mut conflicting = Vec::new();
    for key in keys {
        if names.contains_key(&key) || conflicting.contains(&key) {
            continue;
        }
        let name = label_name(&key);
        if used.insert(name.clone()) {
            names.insert(key, name);
        } else {
            conflicting.push(key);
        }
    }
    let mut conflicts = Vec::new();
    for key in conflicting {
        let taken = label_name(&key);
        let name = (2_u64..)
            .map(|number| format!("{taken}_{number}"))
            .find(|name| !used.contains(name))
            .expect("there are more numbers than used names");
        used.insert(name.clone());
        names.insert(key.clone(), name.clone());
        conflicts.push(LabelConflict { key, taken, name });
    }
    (names, conflicts)
}

/// `tag_<key>` with an underscore for every character that a label name cannot contain. A key in
/// camelCase becomes snake_case, which promtool requires of label names.
fn label_name(key: &str) -> String {
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
    use super::*;

    fn assign(keys: &[&str]) -> (BTreeMap<String, String>, Vec<LabelConflict>) {
        assign_names(keys.iter().map(|key| (*key).to_owned()))
    }

    #[test]
    fn keys_become_valid_label_names() {
        assert_eq!(label_name("department"), "tag_department");
        assert_eq!(label_name("acs:rm:rgId"), "tag_acs_rm_rg_id");
        assert_eq!(label_name("costCenterID"), "tag_cost_center_id");
        assert_eq!(label_name("Department"), "tag_Department");
        assert_eq!(label_name("ENV"), "tag_ENV");
        assert_eq!(label_name("部门"), "tag___");
    }

    #[test]
    fn keys_with_the_same_label_name_are_numbered_and_reported() {
        let (names, conflicts) = assign(&["cost-center", "cost.center", "cost_center_2"]);
        assert_eq!(names["cost-center"], "tag_cost_center");
        assert_eq!(names["cost_center_2"], "tag_cost_center_2");
        assert_eq!(names["cost.center"], "tag_cost_center_3");
        assert_eq!(
            conflicts.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                r#"tag "cost.center" is exported as label tag_cost_center_3 because another tag has the label tag_cost_center"#
            ]
        );
    }
}
