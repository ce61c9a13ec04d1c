//! Which labels a group's series carry, and what tags are called as labels.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::fleet::{Group, GroupSnapshot, Snapshot, Tag};
use crate::metrics::encode::Label;
use crate::metrics::options::{GroupLabel, RenderOptions, TagSelection};

/// Two tag keys that would have been the same label name: one got another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelClash {
    /// The tag's key.
    pub key: String,
    /// The label name that was taken already.
    pub wanted: String,
    /// The label name it has instead.
    pub given: String,
}

impl fmt::Display for LabelClash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, wanted, given } = self;
        write!(formatter, "tag {key:?} is label {given} because another tag is {wanted} already")
    }
}

/// The label names of one snapshot.
#[derive(Debug, Default)]
pub(crate) struct LabelNames {
    /// `labels.group`, without repetitions, each with its label name.
    group: Vec<(GroupLabel, String)>,
    /// Label names of the tags that `appstreaming_group_tags` shows beside those in `group`.
    tags: BTreeMap<String, String>,
    /// Every tag that may be shown there, also those in `group`.
    shown: BTreeSet<String>,
    system_tags: bool,
    /// Tags that could not have the label name they ask for.
    pub(crate) clashes: Vec<LabelClash>,
}

impl LabelNames {
    /// Gives every tag that is asked for its label name. Names asked for by key come first, in the
    /// configured order; with `["*"]` the keys that are label names as they stand come before those
    /// that have to be changed. So the same tags always get the same names.
    pub(crate) fn new(snapshot: &Snapshot, options: &RenderOptions) -> Self {
        let mut group_labels: Vec<GroupLabel> = Vec::new();
        for label in &options.group_labels {
            if !group_labels.contains(label) {
                group_labels.push(label.clone());
            }
        }
        let shown = selected_keys(snapshot, options);
        let pinned = group_labels.iter().filter_map(|label| match label {
            GroupLabel::Name => None,
            GroupLabel::Tag(key) => Some(key.clone()),
        });
        let (names, clashes) = name_all(pinned.chain(shown.iter().cloned()));
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
        let shown = shown.into_iter().collect();
        Self { group, tags, shown, system_tags: options.system_tags, clashes }
    }

    /// The labels that every series of the group begins with.
    pub(crate) fn of_group<'a>(&'a self, snapshot: &'a GroupSnapshot) -> Vec<Label<'a>> {
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

    /// The group's tags as labels, without those that [`of_group`](Self::of_group) has already;
    /// `None` where the group has no tag that may be shown.
    pub(crate) fn of_tags<'a>(&'a self, group: &'a Group) -> Option<Vec<Label<'a>>> {
        let mut any = false;
        let mut labels: BTreeMap<&str, &str> = BTreeMap::new();
        for tag in &group.tags {
            if (tag.system && !self.system_tags) || !self.shown.contains(&*tag.key) {
                continue;
            }
            any = true;
            if let Some(name) = self.tags.get(&*tag.key) {
                labels.entry(name).or_insert(&tag.value);
            }
        }
        any.then(|| labels.into_iter().collect())
    }
}

/// The keys of the tags that may be shown, each once, in the order in which they get their names.
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

/// A label name for each key: `tag_<key>` for the first that asks for it, with a number behind it for
/// the others.
fn name_all(keys: impl Iterator<Item = String>) -> (BTreeMap<String, String>, Vec<LabelClash>) {
    let mut names = BTreeMap::new();
    let mut taken = BTreeSet::new();
    let mut late = Vec::new();
    for key in keys {
        if names.contains_key(&key) || late.contains(&key) {
            continue;
        }
        let name = label_name(&key);
        if taken.insert(name.clone()) {
            names.insert(key, name);
        } else {
            late.push(key);
        }
    }
    let mut clashes = Vec::new();
    for key in late {
        let wanted = label_name(&key);
        let given = (2_u64..)
            .map(|number| format!("{wanted}_{number}"))
            .find(|name| !taken.contains(name))
            .expect("there are more numbers than names");
        taken.insert(given.clone());
        names.insert(key.clone(), given.clone());
        clashes.push(LabelClash { key, wanted, given });
    }
    (names, clashes)
}

/// `tag_<key>` with an underscore for every character that a label name can't have, and a key in
/// camelCase as snake_case: label names are written so, and promtool insists on it.
fn label_name(key: &str) -> String {
    let is_camel_case = key.as_bytes().windows(2).any(is_hump);
    let mut name = String::from("tag_");
    let mut before = None;
    for c in key.chars() {
        if is_camel_case
            && before.is_some_and(|before: char| before.is_ascii_lowercase())
            && c.is_ascii_uppercase()
        {
            name.push('_');
        }
        let valid = if c.is_ascii_alphanumeric() { c } else { '_' };
        name.push(if is_camel_case { valid.to_ascii_lowercase() } else { valid });
        before = Some(c);
    }
    name
}

fn is_hump(pair: &[u8]) -> bool {
    pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase()
}

/// The tag's value: the customer's own where the cloud has set one by the same key, empty where there is none.
fn tag_value<'a>(tags: &'a [Tag], key: &str) -> &'a str {
    let of = |system: bool| tags.iter().find(|tag| tag.system == system && *tag.key == *key);
    of(false).or_else(|| of(true)).map_or("", |tag| &tag.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(keys: &[&str]) -> (BTreeMap<String, String>, Vec<LabelClash>) {
        name_all(keys.iter().map(|key| (*key).to_owned()))
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
    fn a_clash_is_resolved_the_same_way_every_time_and_reported() {
        let (names, clashes) = named(&["cost-center", "cost.center", "cost_center_2"]);
        assert_eq!(names["cost-center"], "tag_cost_center");
        assert_eq!(names["cost_center_2"], "tag_cost_center_2");
        assert_eq!(names["cost.center"], "tag_cost_center_3");
        assert_eq!(
            clashes.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                r#"tag "cost.center" is label tag_cost_center_3 because another tag is tag_cost_center already"#
            ]
        );
    }
}
