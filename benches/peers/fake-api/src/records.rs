//! The records of a fleet as JSON, with the fields and the sizes of the API's examples.

use std::fmt::Write as _;

use crate::random::Random;

/// Statuses of instances, and how many percent have them.
const INSTANCE_STATUSES: [(&str, u64); 9] = [
    ("RUNNING", 45),
    ("IDLE", 20),
    ("BOUND", 15),
    ("CLOSED", 8),
    ("INIT", 3),
    ("STARTING", 3),
    ("CLOSING", 2),
    ("UNAVAILABLE", 2),
    ("DELETED", 2),
];

/// Statuses of persistent sessions, and how many percent have them.
const PERSISTENT_STATUSES: [(&str, u64); 9] = [
    ("RUNNING", 60),
    ("STOPPED", 20),
    ("STARTING", 4),
    ("STOPPING", 4),
    ("PENDING", 3),
    ("REBUILDING", 3),
    ("UNAVAILABLE", 3),
    ("DELETING", 2),
    ("DELETED", 1),
];

/// Percent of the instances whose status differs between two variants of their list.
const CHANGED_PERCENT: u64 = 10;

/// The id of a delivery group.
pub fn group_id(group: usize) -> String {
    format!("aig-{}", Random::new(group, 1, 0).id(16))
}

fn instance_id(group: usize, index: usize) -> String {
    format!("ai-{}", Random::new(group, index, 2).id(16))
}

/// Appends an instance. `variant` 0 is the fleet as created; the others are later states of it.
pub fn instance(out: &mut String, group: usize, group_id: &str, index: usize, variant: usize) {
    let mut random = Random::new(group, index, 3);
    let mut changes = Random::new(group, index, 100 + variant as u64);
    let mut status = random.pick(&INSTANCE_STATUSES);
    if variant > 0 && changes.below(100) < CHANGED_PERCENT {
        status = changes.pick(&INSTANCE_STATUSES);
    }
    let id = instance_id(group, index);
    let address: [u64; 5] = std::array::from_fn(|_| random.below(256));
    let [a, b, c, d, e] = address;
    let _ = write!(out, r#"{{"AppInstanceId":"{id}","AppInstanceGroupId":"{group_id}","Status":"{status}","#);
    let _ = write!(
        out,
        r#""MainEthPublicIp":"47.{a}.{b}.{c}","NetworkInterfaceIp":"172.16.{d}.{e}","GmtCreate":""#
    );
    random.time(out, "+08:00");
    out.push_str(r#"","GmtModified":""#);
    let modified = if status == "RUNNING" { &mut changes } else { &mut random };
    modified.time(out, "+08:00");
    out.push('"');
    if status == "RUNNING" {
        let session = if random.below(100) < 70 { "connect" } else { "disconnect" };
        let _ = write!(out, r#","SessionStatus":"{session}""#);
    }
    let (user, usage) = match status {
        "RUNNING" => (user(&mut random), random.below(40_000) + 60 * variant as u64),
        "BOUND" => (user(&mut random), random.below(40_000)),
        _ => (String::new(), 0),
    };
    let (node, interface) = (random.id(17), random.id(17));
    let _ = write!(out, r#","BindInfo":{{"EndUserId":"{user}","UsageDuration":{usage}}},"#);
    let _ = write!(
        out,
        r#""NodeId":"i-bp1{node}","ChargeType":"PostPaid","NetworkInterfaceId":"eni-bp1{interface}"}}"#
    );
}

fn user(random: &mut Random) -> String {
    format!("user-{}@design.corp.example", random.id(8))
}

/// Appends a persistent session.
pub fn persistent(out: &mut String, group: usize, group_id: &str, index: usize) {
    let mut random = Random::new(group, index, 4);
    let status = random.pick(&PERSISTENT_STATUSES);
    let (id, name) = (random.id(16), random.id(4));
    let (instance, instance_status) = (instance_id(group, index), random.pick(&INSTANCE_STATUSES));
    let _ = write!(
        out,
        concat!(
            r#"{{"AppInstancePersistentId":"p-{}","AppInstancePersistentName":"desk-{}-{}","#,
            r#""AppInstancePersistentStatus":"{}","AppInstanceGroupId":"{}","#,
            r#""AppInstanceId":"{}","AppInstanceStatus":"{}","GmtCreate":""#,
        ),
        id, name, index, status, group_id, instance, instance_status
    );
    random.time(out, "+00:00");
    let user = random.id(8);
    let _ = write!(out, r#"","AuthorizedUsers":["user-{user}"]}}"#);
}

/// Appends a delivery group with two node pools.
pub fn group(out: &mut String, group: usize, group_id: &str, instances: usize) {
    let mut random = Random::new(group, 0, 5);
    let amount = instances as u64 / 2 + 1;
    let (app, version, icon, image) = (random.id(16), random.below(30), random.id(8), random.id(16));
    let _ = write!(
        out,
        concat!(
            r#"{{"Apps":[{{"AppId":"ca-{}","AppName":"办公应用 {}","AppVersion":"1.{}.0","#,
            r#""AppVersionName":"初始版本","AppIcon":"https://app-center-icon-{}.png"}}],"#,
            r#""AppCenterImageId":"img-{}","RegionId":"cn-hangzhou","ProductType":"CloudApp","#,
            r#""AppInstanceType":"__dynamic__","AppInstanceGroupId":"{}","#,
            r#""Amount":{},"MinAmount":1,"MaxAmount":{},"ReserveAmountRatio":"20","#,
            r#""ReserveMinAmount":1,"ReserveMaxAmount":5,"ScalingStep":10,"ScalingUsageThreshold":"85","#,
            r#""ScalingDownAfterIdleMinutes":5,"ChargeType":"PrePaid","GmtCreate":""#,
        ),
        app,
        group,
        version,
        icon,
        image,
        group_id,
        amount,
        amount * 2
    );
    random.time(out, "+00:00");
    out.push_str(r#"","Status":"PUBLISHED","NodePool":["#);
    node_pool(out, &mut random, 0, amount);
    out.push(',');
    node_pool(out, &mut random, 1, amount);
    end_of_group(out, &mut random, group);
}

fn node_pool(out: &mut String, random: &mut Random, index: u64, amount: u64) {
    let _ = write!(
        out,
        concat!(
            r#"{{"NodePoolId":"rg-{}","NodeInstanceType":"appstreaming.vgpu.{}c8g.2g","#,
            r#""NodeAmount":{},"NodeUsed":{},"NodeCapacity":2,"ScalingNodeAmount":{},"#,
            r#""ScalingNodeUsed":{},"StrategyType":"NODE_SCALING_BY_USAGE","Amount":{},"#,
            r#""MaxScalingAmount":{},"MaxIdleAppInstanceAmount":3,"ScalingStep":2,"#,
            r#""ScalingUsageThreshold":"85","ScalingDownAfterIdleMinutes":5,"RecurrenceSchedules":["#,
            r#"{{"RecurrenceType":"Weekly","RecurrenceValues":[1,2,3,4,5],"TimerPeriods":["#,
            r#"{{"Amount":5,"EndTime":"11:00","StartTime":"09:30"}}]}}],"#,
            r#""StrategyDisableDate":"2027-09-08","StrategyEnableDate":"2026-08-01","WarmUp":false,"#,
            r#""NodeTypeName":"无影-通用型_4核8G"}}"#,
        ),
        random.id(16),
        4 + 4 * index,
        amount / 2 + 1,
        random.below(amount / 2 + 1),
        8 + index,
        random.below(8),
        amount,
        8 + index
    );
}

fn end_of_group(out: &mut String, random: &mut Random, group: usize) {
    let (specification, task, policy, office) = (random.id(16), random.id(16), random.id(13), random.id(10));
    let _ = write!(
        out,
        concat!(
            r#"],"SpecId":"spec-{}","SessionTimeout":"15","AppInstanceGroupName":"delivery group 办公 {}","#,
            r#""ExpiredTime":"2027-04-27T16:00:00.000+00:00","OtaInfo":{{"#,
            r#""OtaVersion":"0.0.1-D-20260615.11","NewOtaVersion":"0.0.1-D-20260630.11","TaskId":"ota-{}"}},"#,
            r#""OsType":"Windows","ResourceStatus":"AVAILABLE","AppPolicyId":"pg-{}","#,
            r#""ChargeResourceMode":"Node","SkipUserAuthCheck":false,"OfficeSiteId":"cn-beijing+dir-{}","#,
            r#""AppPolicyVersion":"CENTER","AppPolicyImageCheck":false,"#,
            r#""ResourceTags":[{{"Key":"department","Value":"design","Scope":"Custom"}}],"#,
            r#""Tags":[{{"Key":"department","Value":"design","Scope":"Custom"}}],"AuthMode":"App","#,
            r#""AccessType":"INTERNET","SupportUserGroupMixedAuth":false,"UserGroupAuthMode":"Mixed"}}"#,
        ),
        specification, group, task, policy, office
    );
}
