//! Which fields of a record are shown, and how they are read. Missing and unexpected values are
//! tolerated.
//!
//! Field names are those of the API's reference of the three operations.

use jiff::Timestamp;
use serde_json::Value;

use crate::cli::ListCommand;

/// Alignment of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    /// Texts.
    Left,
    /// Numbers.
    Right,
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Its header.
    pub title: &'static str,
    /// 0 for a column that is always shown. A terminal that is too narrow for all columns shows
    /// those with smaller ranks.
    pub rank: u8,
    /// The alignment of its cells.
    pub align: Align,
    /// Reads the column's cell from a record.
    pub read: fn(&Value) -> String,
}

const fn left(title: &'static str, rank: u8, read: fn(&Value) -> String) -> Column {
    Column { title, rank, align: Align::Left, read }
}

const fn right(title: &'static str, rank: u8, read: fn(&Value) -> String) -> Column {
    Column { title, rank, align: Align::Right, read }
}

/// The columns of a listing's table.
pub(super) fn of(what: &ListCommand) -> &'static [Column] {
    match what {
        ListCommand::Groups(_) => GROUPS,
        ListCommand::Instances(_) => INSTANCES,
        ListCommand::Persistent(_) => PERSISTENT,
    }
}

/// The documented fields of a listing's records, nested ones with a dot.
pub(super) fn documented(what: &ListCommand) -> &'static [&'static str] {
    match what {
        ListCommand::Groups(_) => GROUP_FIELDS,
        ListCommand::Instances(_) => INSTANCE_FIELDS,
        ListCommand::Persistent(_) => PERSISTENT_FIELDS,
    }
}

/// A record's cells for these fields, trimmed (`OfficeSiteId` ends with a line feed in the API's
/// own sample); lists stay JSON, so that they are complete.
pub(super) fn flatten(record: &Value, fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| text(record, field).trim().to_owned()).collect()
}

const GROUPS: &[Column] = &[
    left("GROUP", 0, |group| text(group, "AppInstanceGroupId")),
    left("NAME", 0, |group| text(group, "AppInstanceGroupName")),
    left("STATUS", 0, |group| text(group, "Status")),
    left("RESOURCES", 2, |group| text(group, "ResourceStatus")),
    left("REGION", 1, |group| text(group, "RegionId")),
    right("NODES", 3, |group| sum(group, "NodePool", &["NodeAmount", "ScalingNodeAmount"])),
    left("CHARGE", 5, |group| text(group, "ChargeType")),
    left("SOLD BY", 6, |group| text(group, "ChargeResourceMode")),
    left("AUTH", 7, |group| text(group, "AuthMode")),
    left("EXPIRES", 4, |group| time(group, "ExpiredTime")),
    left("CREATED", 8, |group| time(group, "GmtCreate")),
    left("TAGS", 9, tags),
    left("IMAGE", 10, |group| text(group, "AppCenterImageId")),
    left("UPDATE", 11, |group| text(group, "OtaInfo.NewOtaVersion")),
    left("OFFICE SITE", 12, |group| text(group, "OfficeSiteId").trim().to_owned()),
    left("PRODUCT", 13, |group| text(group, "ProductType")),
];

const INSTANCES: &[Column] = &[
    left("INSTANCE", 0, |instance| text(instance, "AppInstanceId")),
    left("GROUP", 2, |instance| text(instance, "AppInstanceGroupId")),
    left("STATUS", 0, |instance| text(instance, "Status")),
    left("SESSION", 0, |instance| text(instance, "SessionStatus")),
    left("USER", 1, |instance| text(instance, "BindInfo.EndUserId")),
    right("USAGE", 3, usage),
    left("NODE", 4, |instance| text(instance, "NodeId")),
    left("CHARGE", 7, |instance| text(instance, "ChargeType")),
    left("MODIFIED", 5, |instance| time(instance, "GmtModified")),
    left("CREATED", 6, |instance| time(instance, "GmtCreate")),
    left("PUBLIC IP", 8, |instance| text(instance, "MainEthPublicIp")),
    left("PRIVATE IP", 9, |instance| text(instance, "NetworkInterfaceIp")),
    left("INTERFACE", 10, |instance| text(instance, "NetworkInterfaceId")),
];

const PERSISTENT: &[Column] = &[
    left("PERSISTENT", 0, |session| text(session, "AppInstancePersistentId")),
    left("NAME", 0, |session| text(session, "AppInstancePersistentName")),
    left("STATUS", 0, |session| text(session, "AppInstancePersistentStatus")),
    left("GROUP", 2, |session| text(session, "AppInstanceGroupId")),
    left("INSTANCE", 3, |session| text(session, "AppInstanceId")),
    left("INSTANCE STATUS", 4, |session| text(session, "AppInstanceStatus")),
    left("USERS", 1, |session| words(session, "AuthorizedUsers")),
    left("CREATED", 5, |session| time(session, "GmtCreate")),
];

const GROUP_FIELDS: &[&str] = &[
    "AppInstanceGroupId",
    "AppInstanceGroupName",
    "SpecId",
    "ProductType",
    "RegionId",
    "Status",
    "ResourceStatus",
    "ChargeType",
    "ChargeResourceMode",
    "Amount",
    "MinAmount",
    "MaxAmount",
    "ReserveAmountRatio",
    "ReserveMinAmount",
    "ReserveMaxAmount",
    "ScalingStep",
    "ScalingUsageThreshold",
    "ScalingDownAfterIdleMinutes",
    "SessionTimeout",
    "NodePool",
    "Apps",
    "AppInstanceType",
    "AppCenterImageId",
    "OsType",
    "AppPolicyId",
    "AppPolicyVersion",
    "AppPolicyImageCheck",
    "SkipUserAuthCheck",
    "AuthMode",
    "AccessType",
    "SupportUserGroupMixedAuth",
    "UserGroupAuthMode",
    "OfficeSiteId",
    "OtaInfo.OtaVersion",
    "OtaInfo.NewOtaVersion",
    "OtaInfo.TaskId",
    "Tags",
    "ResourceTags",
    "GmtCreate",
    "ExpiredTime",
];

const INSTANCE_FIELDS: &[&str] = &[
    "AppInstanceId",
    "AppInstanceGroupId",
    "Status",
    "SessionStatus",
    "BindInfo.EndUserId",
    "BindInfo.UsageDuration",
    "MainEthPublicIp",
    "NetworkInterfaceIp",
    "NetworkInterfaceId",
    "NodeId",
    "ChargeType",
    "GmtCreate",
    "GmtModified",
];

const PERSISTENT_FIELDS: &[&str] = &[
    "AppInstancePersistentId",
    "AppInstancePersistentName",
    "AppInstancePersistentStatus",
    "AppInstanceGroupId",
    "AppInstanceId",
    "AppInstanceStatus",
    "AuthorizedUsers",
    "GmtCreate",
];

fn field<'v>(record: &'v Value, path: &str) -> &'v Value {
    path.split('.').fold(record, |value, name| value.get(name).unwrap_or(&Value::Null))
}

/// A string as it is, any other value as JSON; empty for null and for a missing field.
fn text(record: &Value, path: &str) -> String {
    match field(record, path) {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A time in UTC, because the times of instances and of groups have different offsets. A text that
/// is not a time is unchanged.
fn time(record: &Value, path: &str) -> String {
    let text = text(record, path);
    match text.parse::<Timestamp>() {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Err(_) => text,
    }
}

/// How long an instance has been in use, in hours, minutes and seconds: `1:02:05`.
fn usage(instance: &Value) -> String {
    let text = text(instance, "BindInfo.UsageDuration");
    match text.parse::<u64>() {
        Ok(seconds) => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
        Err(_) => text,
    }
}

/// The sum of the named numbers over a list of objects; empty if there is no such number.
fn sum(record: &Value, list: &str, names: &[&str]) -> String {
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    let elements = field(record, list).as_array().into_iter().flatten();
    let numbers: Vec<f64> =
        elements.flat_map(|element| names.iter().filter_map(|name| number(field(element, name)))).collect();
    if numbers.is_empty() { String::new() } else { numbers.iter().sum::<f64>().to_string() }
}

fn words(record: &Value, list: &str) -> String {
    let elements = field(record, list).as_array().into_iter().flatten();
    elements.map(|element| element.as_str().unwrap_or_default()).collect::<Vec<_>>().join(", ")
}

/// The tags that the customer set, each as `key=value`.
fn tags(group: &Value) -> String {
    let list = |name| field(group, name).as_array().filter(|tags| !tags.is_empty());
    let tags = list("Tags").or_else(|| list("ResourceTags")).into_iter().flatten();
    let custom = tags.filter(|tag| text(tag, "Scope") != "System");
    custom.map(|tag| format!("{}={}", text(tag, "Key"), text(tag, "Value"))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cells(columns: &[Column], record: &Value) -> Vec<(&'static str, String)> {
        let cells = columns.iter().map(|column| (column.title, (column.read)(record)));
        cells.filter(|(_, cell)| !cell.is_empty()).collect()
    }

    #[test]
    fn what_the_api_leaves_out_is_an_empty_cell() {
        for record in [json!({}), json!(null), json!({"BindInfo": null, "NodePool": "x", "Tags": {}})] {
            for columns in [GROUPS, INSTANCES, PERSISTENT] {
                assert_eq!(cells(columns, &record), []);
            }
        }
    }

    #[test]
    fn usage_is_shown_in_hours_and_times_in_utc() {
        let record = json!({
            "AppInstanceId": "ai-1", "GmtModified": "2026-11-22T08:00:00.000+08:00", "GmtCreate": "long ago",
            "BindInfo": {"EndUserId": "张三", "UsageDuration": "3725"},
        });
        let expected = [
            ("INSTANCE", "ai-1"),
            ("USER", "张三"),
            ("USAGE", "1:02:05"),
            ("MODIFIED", "2026-11-22T00:00:00Z"),
            ("CREATED", "long ago"),
        ];
        assert_eq!(cells(INSTANCES, &record), expected.map(|(title, cell)| (title, cell.to_owned())));
    }

    #[test]
    fn a_group_shows_its_nodes_and_its_custom_tags() {
        let record = json!({
            "NodePool": [{"NodeAmount": 2, "ScalingNodeAmount": "3"}, {"NodeAmount": 1}],
            "Tags": [{"Key": "a", "Value": "b", "Scope": "Custom"}, {"Key": "acs:x", "Value": "y", "Scope": "System"}],
        });
        let expected = [("NODES", "6"), ("TAGS", "a=b")];
        assert_eq!(cells(GROUPS, &record), expected.map(|(title, cell)| (title, cell.to_owned())));
    }

    #[test]
    fn flattened_records_keep_lists_whole() {
        let record =
            json!({"OtaInfo": {"TaskId": "t"}, "Apps": [{"AppId": "ca-1"}], "SkipUserAuthCheck": true});
        let row = flatten(&record, &["OtaInfo.TaskId", "Apps", "SkipUserAuthCheck", "SpecId"]);
        assert_eq!(row, ["t", r#"[{"AppId":"ca-1"}]"#, "true", ""]);
    }

    #[test]
    fn every_documented_field_of_the_samples_is_in_the_csv() {
        let sample = |name: &str| -> Value {
            let path = format!("{}/tests/data/samples/{name}.json", env!("CARGO_MANIFEST_DIR"));
            serde_json::from_slice(&std::fs::read(path).expect("a sample")).expect("JSON")
        };
        for (name, list, fields) in [
            ("list_app_instance_group", "AppInstanceGroupModels", GROUP_FIELDS),
            ("list_app_instances", "AppInstanceModels", INSTANCE_FIELDS),
            ("list_persistent_app_instances", "PersistentAppInstanceModels", PERSISTENT_FIELDS),
        ] {
            for (key, value) in sample(name)[list][0].as_object().expect("a record") {
                let nested =
                    value.as_object().into_iter().flatten().map(|(inner, _)| format!("{key}.{inner}"));
                let mut expected: Vec<String> = nested.collect();
                if expected.is_empty() {
                    expected.push(key.clone());
                }
                for path in expected {
                    assert!(fields.contains(&path.as_str()), "{path} of {name}");
                }
            }
        }
    }
}
