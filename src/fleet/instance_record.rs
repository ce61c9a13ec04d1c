//! One element of `ListAppInstances`, borrowed from its page.
//!
//! What is not here: how it is read (`appstreaming`), and folding it (`instance`).

use std::borrow::Cow;

use jiff::Timestamp;

/// One element of `ListAppInstances`.
///
/// Texts are borrowed from the page, and owned only where an escape had to be decoded. Empty texts
/// are `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InstanceRecord<'a> {
    /// `AppInstanceId`: the key, trimmed, never empty.
    pub id: Cow<'a, str>,
    /// `Status`, in any case.
    pub status: Option<Cow<'a, str>>,
    /// `SessionStatus`, in any case.
    pub session_status: Option<Cow<'a, str>>,
    /// `BindInfo.EndUserId`: personal data.
    pub end_user_id: Option<Cow<'a, str>>,
    /// `BindInfo.UsageDuration`, seconds.
    pub usage_seconds: Option<f64>,
    /// `MainEthPublicIp`.
    pub public_ip: Option<Cow<'a, str>>,
    /// `NetworkInterfaceIp`.
    pub private_ip: Option<Cow<'a, str>>,
    /// `NetworkInterfaceId`.
    pub network_interface_id: Option<Cow<'a, str>>,
    /// `NodeId`: only in groups sold by node.
    pub node_id: Option<Cow<'a, str>>,
    /// `ChargeType` of the node.
    pub charge_type: Option<Cow<'a, str>>,
    /// `GmtCreate`.
    pub created: Option<Timestamp>,
    /// `GmtModified`.
    pub modified: Option<Timestamp>,
}
