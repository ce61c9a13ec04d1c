//! Which groups an account exports: regions, product types, and every key of its filter.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::commands::settings;
use crate::support::{Cloud, Exporter, binary, run};

/// The API's records of all groups.
fn records(cloud: &Cloud) -> Vec<Value> {
    let listed = run(binary().args(["list", "groups", "--format", "json"]).args(settings(cloud, &[])));
    assert_eq!(listed.status, 0, "{}", listed.stderr);
    serde_json::from_str(&listed.stdout).unwrap()
}

fn ids<'v>(records: impl IntoIterator<Item = &'v Value>) -> BTreeSet<String> {
    records.into_iter().map(|record| record["AppInstanceGroupId"].as_str().unwrap().to_owned()).collect()
}

/// The groups that an exporter with these settings exports; its target must be up.
fn exported(cloud: &Cloud, account: &[&str]) -> BTreeSet<String> {
    let account: Vec<String> = account.iter().map(|setting| format!("accounts.0.{setting}")).collect();
    let account: Vec<&str> = account.iter().map(String::as_str).collect();
    let once = run(binary().arg("once").args(settings(cloud, &account)));
    assert_eq!(once.status, 0, "{account:?}: {}", once.stderr);
    let exposition = crate::support::Exposition::parse(&once.stdout);
    assert!(exposition.series("appstreaming_up", &[]).all(|(_, up)| up == 1.0), "{account:?}");
    let groups = exposition.series("appstreaming_group_info", &[]);
    groups.map(|(labels, _)| labels["group_id"].clone()).collect()
}

#[test]
fn every_filter_of_the_api_selects_the_matching_groups() {
    let cloud = Cloud::start(&["--groups", "8"]);
    let records = records(&cloud);
    let first = |field: &str| records[0][field].as_str().unwrap().to_owned();
    let pool = records.iter().find_map(|record| record["NodePool"][0]["NodeInstanceType"].as_str()).unwrap();
    let has = |field: &'static str, value: &str| {
        let value = value.to_owned();
        move |record: &Value| record[field].as_str().unwrap().trim() == value.trim()
    };
    type IsMatch<'a> = Box<dyn Fn(&Value) -> bool + 'a>;
    let cases: Vec<(String, IsMatch<'_>)> = vec![
        (
            "filter.group_name=Room".into(),
            Box::new(|record| record["AppInstanceGroupName"].as_str().unwrap().contains("Room")),
        ),
        (r#"filter.status=["PUBLISHED"]"#.into(), Box::new(has("Status", "PUBLISHED"))),
        (
            r#"filter.status=["FAILED", "DEPLOYING"]"#.into(),
            Box::new(|record| ["FAILED", "DEPLOYING"].contains(&record["Status"].as_str().unwrap())),
        ),
        (
            r#"filter.tags={department = "design"}"#.into(),
            Box::new(|record| {
                let tags = record["Tags"].as_array().unwrap();
                tags.iter().any(|tag| tag["Key"] == "department" && tag["Value"] == "design")
            }),
        ),
        (
            format!("filter.office_site_id={}", first("OfficeSiteId").trim()),
            Box::new(has("OfficeSiteId", &first("OfficeSiteId"))),
        ),
        (
            format!("filter.node_instance_type={pool}"),
            Box::new(|record| {
                record["NodePool"].as_array().unwrap().iter().any(|one| one["NodeInstanceType"] == pool)
            }),
        ),
        (
            format!("filter.image_id={}", first("AppCenterImageId")),
            Box::new(has("AppCenterImageId", &first("AppCenterImageId"))),
        ),
        (r#"regions=["cn-hangzhou"]"#.into(), Box::new(has("RegionId", "cn-hangzhou"))),
    ];
    for (setting, is_match) in cases {
        let expected = ids(records.iter().filter(|record| is_match(record)));
        assert!(
            !expected.is_empty() && expected.len() < records.len(),
            "{setting} does not divide the fleet: {expected:?}"
        );
        assert_eq!(exported(&cloud, &[&setting]), expected, "{setting}");
    }
}

#[test]
fn user_groups_select_and_exclude_delivery_groups() {
    let cloud = Cloud::start(&["--groups", "8"]);
    let all = ids(&records(&cloud));
    // Records do not contain user groups, so the test checks that the two settings divide the fleet.
    let with = exported(&cloud, &[r#"filter.user_group_ids=["ug-all"]"#]);
    let without = exported(&cloud, &[r#"filter.excluded_user_group_ids=["ug-all"]"#]);
    assert!(!with.is_empty() && !without.is_empty());
    assert!(with.is_disjoint(&without));
    assert_eq!(&with | &without, all);
}

#[test]
fn filters_are_combined() {
    let cloud = Cloud::start(&["--groups", "8"]);
    let both = exported(&cloud, &[r#"regions=["cn-hangzhou"]"#, r#"filter.status=["PUBLISHED"]"#]);
    let region = exported(&cloud, &[r#"regions=["cn-hangzhou"]"#]);
    let status = exported(&cloud, &[r#"filter.status=["PUBLISHED"]"#]);
    assert_eq!(both, &region & &status);

    let picked = region.first().unwrap();
    let picking = format!(r#"filter.group_ids=["{picked}", "aig-gone"]"#);
    assert_eq!(exported(&cloud, &[&picking]), BTreeSet::from([picked.clone()]));
    let excluding = format!(r#"filter.exclude_group_ids=["{picked}"]"#);
    assert_eq!(exported(&cloud, &[&excluding, &picking]), BTreeSet::new());
    assert_eq!(exported(&cloud, &[&excluding, r#"regions=["cn-hangzhou"]"#]).len(), region.len() - 1);
}

#[test]
fn every_region_and_product_type_is_one_target() {
    let cloud = Cloud::start(&["--groups", "8"]);
    let exporter = Exporter::polling(
        &cloud,
        &[
            r#"accounts.0.regions=["cn-hangzhou", "cn-shanghai"]"#,
            r#"accounts.0.product_types=["CloudApp", "CloudBrowser", "AndroidCloud"]"#,
        ],
    );
    let exposition = exporter.first_poll();
    let targets: BTreeSet<String> =
        exposition.series("appstreaming_up", &[]).map(|(labels, _)| labels["target"].clone()).collect();
    let expected = ["AndroidCloud", "CloudApp", "CloudBrowser"]
        .iter()
        .flat_map(|product| ["cn-hangzhou", "cn-shanghai"].map(|region| format!("{product}/{region}")));
    assert_eq!(targets, expected.collect());
    assert!(exposition.series("appstreaming_up", &[]).all(|(_, up)| up == 1.0));
    // All simulated groups are cloud applications: none of them may be counted twice.
    let groups: Vec<String> = exposition
        .series("appstreaming_group_info", &[])
        .map(|(labels, _)| labels["group_id"].clone())
        .collect();
    assert_eq!(groups.len(), 8);
    assert_eq!(groups.into_iter().collect::<BTreeSet<_>>(), ids(&records(&cloud)));
}

#[test]
fn without_regions_the_target_is_the_product_type() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let exposition = Exporter::polling(&cloud, &[]).first_poll();
    assert_eq!(
        exposition.value("appstreaming_up", &[("target", "CloudApp"), ("account", "test")]),
        Some(1.0)
    );
}

#[test]
fn an_invalid_product_type_is_a_failed_target() {
    let cloud = Cloud::start(&["--groups", "1"]);
    let once =
        run(binary().arg("once").args(settings(&cloud, &[r#"accounts.0.product_types=["cloudapp"]"#])));
    assert_eq!(once.status, 1);
    assert!(once.stderr.contains("ProductTypeInvalid"), "{}", once.stderr);
}
