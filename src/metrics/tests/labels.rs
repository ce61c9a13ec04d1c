//! Tests of tags, and of the labels that are added to every series of a group.

use super::fixture::*;
use crate::fleet::{App, Group, InstanceRecord, NodePool, Tag};
use crate::metrics::compress::Encoding;
use crate::metrics::encode::Syntax;
use crate::metrics::options::{GroupLabel, RenderOptions, TagSelection};

const LABELS: &str = r#"account="default",region_id="cn-shanghai",group_id="aig-1""#;

fn tag(key: &str, value: &str, system: bool) -> Tag {
    Tag { key: key.into(), value: value.into(), system }
}

#[test]
fn tags_are_not_exported_by_default() {
    let tags = vec![tag("department", "design", false)];
    assert!(!text([listed(Group { tags, ..group("aig-1") })], RenderOptions::default()).contains("design"));
}

#[test]
fn selected_tags_are_labels_of_one_series() {
    let tags = vec![tag("department", "design", false), tag("cost-center", "7", false), tag("x", "", false)];
    let options = RenderOptions {
        tags: TagSelection::Keys(vec!["cost-center".into(), "department".into()]),
        ..RenderOptions::default()
    };
    let text = text([listed(Group { tags, ..group("aig-1") }), listed(group("aig-2"))], options);
    assert_eq!(
        lines(&text, "appstreaming_group_tags"),
        [format!(
            r#"appstreaming_group_tags{{{LABELS},tag_cost_center_410213d06ae2="7",tag_department="design"}} 1"#
        )]
    );
}

#[test]
fn system_tags_are_exported_only_on_request() {
    let tags = vec![tag("acs:rm:rgId", "rg-1", true)];
    let of = |system_tags| {
        let options = RenderOptions { tags: TagSelection::All, system_tags, ..RenderOptions::default() };
        text([listed(Group { tags: tags.clone(), ..group("aig-1") })], options)
    };
    assert!(lines(&of(false), "appstreaming_group_tags").is_empty());
    assert!(
        lines(&of(true), "appstreaming_group_tags")[0].contains(r#"tag_acs_rm_rg_id_4b41cd2073c7="rg-1""#)
    );
}

#[test]
fn the_label_name_of_a_tag_does_not_depend_on_other_tags() {
    let name = |keys: &[&str], wanted: &str| {
        let tags = keys.iter().map(|key| tag(key, key, false)).collect();
        let options = RenderOptions { tags: TagSelection::All, ..RenderOptions::default() };
        let text = text([listed(Group { tags, ..group("aig-1") })], options);
        let line = lines(&text, "appstreaming_group_tags")[0].to_owned();
        let labels = line.split(['{', ',', '}']).filter_map(|label| label.split_once('='));
        labels
            .filter(|(_, value)| *value == format!("{wanted:?}"))
            .map(|(name, _)| name.to_owned())
            .collect::<Vec<_>>()
    };
    for key in ["a-b", "a.b", "a_b", "aB", "a_b_2"] {
        let alone = name(&[key], key);
        assert_eq!(alone.len(), 1);
        assert_eq!(name(&["a-b", "a.b", "a_b", "aB", "a_b_2", "a b"], key), alone);
    }
}

#[test]
fn changed_label_names_are_reported() {
    let tags = vec![tag("a-b", "1", false), tag("a_b", "2", false)];
    let options = RenderOptions {
        tags: TagSelection::All,
        group_labels: vec![GroupLabel::Tag("c.d".into()), GroupLabel::Tag("e".into())],
        ..RenderOptions::default()
    };
    let exposition = exposition([listed(Group { tags, ..group("aig-1") })], options);
    let changed: Vec<_> = exposition.changed_labels().iter().map(|label| &*label.key).collect();
    assert_eq!(changed, ["a-b", "c.d"]);
}

#[test]
fn configured_labels_are_on_every_series_that_has_a_group_id() {
    let mut group = Group {
        name: "设计".into(),
        tags: vec![tag("cost-center", "7", false)],
        node_pools: vec![NodePool { id: "rg-1".into(), ..NodePool::default() }],
        ..group("aig-1")
    };
    group.status = Some("PUBLISHED".into());
    let options = RenderOptions {
        group_labels: vec![GroupLabel::Name, GroupLabel::Tag("cost-center".into()), GroupLabel::Name],
        tags: TagSelection::All,
        ..RenderOptions::default()
    };
    let text = text(
        [with_instances(group, &[InstanceRecord { id: "ai-1".into(), ..InstanceRecord::default() }])],
        options,
    );
    for line in text.lines().filter(|line| line.contains("group_id=")) {
        assert!(line.contains(r#"{account="default",region_id="cn-shanghai",group_id="aig-1",group_name="设计",tag_cost_center_410213d06ae2="7""#), "{line}");
        assert_eq!(line.matches("tag_cost_center_410213d06ae2=").count(), 1, "{line}");
    }
    // The tag is not repeated, since it is already a label of every series.
    assert!(lines(&text, "appstreaming_group_tags")[0].ends_with(r#",tag_cost_center_410213d06ae2="7"} 1"#));
}

#[test]
fn a_group_without_the_configured_tag_has_an_empty_label() {
    let options =
        RenderOptions { group_labels: vec![GroupLabel::Tag("team".into())], ..RenderOptions::default() };
    let text = text([listed(group("aig-1"))], options);
    assert!(lines(&text, "appstreaming_group_info")[0].contains(r#"group_id="aig-1",tag_team="","#));
}

#[test]
fn a_long_value_is_cut_in_every_label_and_format() {
    let long = "无".repeat(5000);
    let value = || Box::<str>::from(long.as_str());
    let group = Group {
        name: value(),
        status: Some(value()),
        tags: vec![tag("note", &long, false)],
        apps: vec![App { name: value(), ..App::default() }],
        node_pools: vec![NodePool { id: value(), ..NodePool::default() }],
        ..group(&long)
    };
    let record = InstanceRecord { id: long.as_str().into(), ..InstanceRecord::default() };
    let options = RenderOptions {
        group_labels: vec![GroupLabel::Name],
        tags: TagSelection::All,
        ..RenderOptions::default()
    };
    let exposition = exposition([with_instances(group, &[record])], options);
    for syntax in Syntax::ALL {
        let body = exposition.body(syntax, Encoding::Identity);
        let body = String::from_utf8_lossy(body.bytes());
        let longest = body.split(|c| c != '无').map(|part| part.chars().count()).max();
        assert_eq!(longest, Some(1023), "{syntax:?}");
        let cut = format!("{}…", "无".repeat(1023));
        assert_eq!(body.matches('…').count(), body.matches(&cut).count(), "{syntax:?}");
    }
    let text = String::from_utf8(exposition.text().to_vec()).unwrap();
    let cut = format!("{}…", "无".repeat(1023));
    for label in
        ["group_id", "group_name", "name", "status", "tag_note", "app_name", "node_pool_id", "instance_id"]
    {
        assert!(text.contains(&format!("{label}=\"{cut}\"")), "{label}");
    }
}
