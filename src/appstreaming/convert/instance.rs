//! `ListAppInstances`: one element.

use super::field_reader::FieldReader;
use crate::appstreaming::wire;
use crate::fleet::{DecodeIssues, FoldOptions, InstanceRecord};

/// Documented values of `ChargeType`, of instances and of groups.
pub(super) const CHARGE_TYPES: &[&str] = &["PrePaid", "PostPaid"];

/// Reads an instance; `None` when it has no readable id, which is counted in `issues`. Fields that
/// are exported only in detailed mode are read only in detailed mode.
pub fn instance_record<'a>(
    instance: &wire::Instance<'a>,
    options: FoldOptions,
    issues: &mut DecodeIssues,
) -> Option<InstanceRecord<'a>> {
    let mut read = FieldReader::new(issues);
    let id = read.required("AppInstanceId", instance.id, FieldReader::code)?;
    let bind_info = read.object("BindInfo", &instance.bind_info).cloned().unwrap_or_default();
    let detail = |scalar: wire::Scalar<'a>| if options.detail { scalar } else { wire::Scalar::default() };
    Some(InstanceRecord {
        id,
        status: read.code("Status", instance.status),
        session_status: read.code("SessionStatus", instance.session_status),
        end_user_id: read.text("EndUserId", bind_info.end_user_id),
        usage_seconds: read.amount("UsageDuration", bind_info.usage_duration),
        public_ip: read.code("MainEthPublicIp", detail(instance.public_ip)),
        private_ip: read.code("NetworkInterfaceIp", detail(instance.private_ip)),
        network_interface_id: read.code("NetworkInterfaceId", detail(instance.network_interface_id)),
        node_id: read.code("NodeId", instance.node_id),
        charge_type: read.choice("ChargeType", CHARGE_TYPES, instance.charge_type),
        created: read.time("GmtCreate", instance.created),
        modified: read.time("GmtModified", instance.modified),
    })
}
