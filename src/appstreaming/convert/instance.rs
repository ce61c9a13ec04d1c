//! `ListAppInstances`: an element as the fold takes it.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{super::wire, reading::Reading};
use crate::fleet::{Findings, FoldOptions, InstanceRecord};

/// `ChargeType`, here and in groups.
pub(super) const CHARGE_TYPES: &[&str] = &["PrePaid", "PostPaid"];

/// An instance's fields, read. Owns the few texts that had to be unescaped, which is why it isn't
/// the [`InstanceRecord`] itself.
#[derive(Debug)]
pub struct InstanceFields<'a> {
    id: Cow<'a, str>,
    status: Option<Cow<'a, str>>,
    session_status: Option<Cow<'a, str>>,
    end_user_id: Option<Cow<'a, str>>,
    usage_seconds: Option<f64>,
    public_ip: Option<Cow<'a, str>>,
    private_ip: Option<Cow<'a, str>>,
    network_interface_id: Option<Cow<'a, str>>,
    node_id: Option<Cow<'a, str>>,
    charge_type: Option<Cow<'a, str>>,
    created: Option<Timestamp>,
    modified: Option<Timestamp>,
}

impl<'a> InstanceFields<'a> {
    /// Reads one; `None`, and noted, when it has no id. What only details need is read for details only.
    pub fn read(
        instance: &wire::Instance<'a>,
        options: FoldOptions,
        findings: &mut Findings,
    ) -> Option<InstanceFields<'a>> {
        let mut read = Reading::new(findings);
        let id = read.required("AppInstanceId", instance.id, Reading::code)?;
        let bind_info = read.object("BindInfo", &instance.bind_info).cloned().unwrap_or_default();
        let details =
            |scalar: wire::Scalar<'a>| if options.detail { scalar } else { wire::Scalar::default() };
        Some(InstanceFields {
            id,
            status: read.code("Status", instance.status),
            session_status: read.code("SessionStatus", instance.session_status),
            end_user_id: read.text("EndUserId", bind_info.end_user_id),
            usage_seconds: read.amount("UsageDuration", bind_info.usage_duration),
            public_ip: read.code("MainEthPublicIp", details(instance.public_ip)),
            private_ip: read.code("NetworkInterfaceIp", details(instance.private_ip)),
            network_interface_id: read.code("NetworkInterfaceId", details(instance.network_interface_id)),
            node_id: read.code("NodeId", instance.node_id),
            charge_type: read.choice("ChargeType", CHARGE_TYPES, instance.charge_type),
            created: read.time("GmtCreate", details(instance.created)),
            modified: read.time("GmtModified", instance.modified),
        })
    }

    /// The record for the fold.
    pub fn record(&self) -> InstanceRecord<'_> {
        InstanceRecord {
            id: &self.id,
            status: self.status.as_deref(),
            session_status: self.session_status.as_deref(),
            end_user_id: self.end_user_id.as_deref(),
            usage_seconds: self.usage_seconds,
            public_ip: self.public_ip.as_deref(),
            private_ip: self.private_ip.as_deref(),
            network_interface_id: self.network_interface_id.as_deref(),
            node_id: self.node_id.as_deref(),
            charge_type: self.charge_type.as_deref(),
            created: self.created,
            modified: self.modified,
        }
    }
}
