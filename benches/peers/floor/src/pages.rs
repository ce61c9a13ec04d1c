//! The fields of the responses that the metrics need.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupPage {
    pub total_count: usize,
    pub app_instance_group_models: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Group {
    pub app_instance_group_id: String,
    pub app_instance_group_name: String,
    pub node_pool: Vec<NodePool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NodePool {
    pub node_pool_id: String,
    pub node_instance_type: String,
    pub node_amount: i64,
    pub node_used: i64,
    pub node_capacity: i64,
    pub scaling_node_amount: i64,
    pub scaling_node_used: i64,
}

/// A page of instances with the fields of the aggregate metrics.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstancePage<'a> {
    pub total_count: usize,
    #[serde(borrow)]
    pub app_instance_models: Vec<Instance<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Instance<'a> {
    pub status: &'a str,
    pub session_status: Option<&'a str>,
}

/// A page of instances with the fields of the detailed metrics.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DetailedPage<'a> {
    pub total_count: usize,
    #[serde(borrow)]
    pub app_instance_models: Vec<DetailedInstance<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DetailedInstance<'a> {
    pub app_instance_id: &'a str,
    pub status: &'a str,
    pub session_status: Option<&'a str>,
    pub gmt_create: &'a str,
    pub gmt_modified: &'a str,
    pub bind_info: Option<BindInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BindInfo {
    pub usage_duration: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PersistentPage<'a> {
    pub total_count: usize,
    #[serde(borrow)]
    pub persistent_app_instance_models: Vec<Persistent<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Persistent<'a> {
    pub app_instance_persistent_status: &'a str,
}

/// Seconds since 1970 of a time such as `2026-07-19T03:13:31.000+08:00`, without checks.
pub fn unix_seconds(text: &str) -> i64 {
    let bytes = text.as_bytes();
    if bytes.len() < 29 {
        return 0;
    }
    let digit = |index: usize| i64::from(bytes[index] - b'0');
    let two = |index: usize| digit(index) * 10 + digit(index + 1);
    let (year, month, day) = (two(0) * 100 + two(2), two(5), two(8));
    let seconds = two(11) * 3600 + two(14) * 60 + two(17);
    let offset = two(24) * 3600 + two(27) * 60;
    let offset = if bytes[23] == b'-' { -offset } else { offset };
    // Years that begin in March, so that a leap day is at the end of the year.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year_of_era / 4 - year_of_era / 100;
    let days = era * 146_097 + year_of_era * 365 + leap_days + day_of_year - 719_468;
    days * 86_400 + seconds - offset
}
