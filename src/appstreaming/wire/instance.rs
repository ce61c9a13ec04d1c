//! `ListAppInstances`: one element.

use super::object::object;
use super::{Maybe, Scalar};

object! {
    /// One element of `AppInstanceModels`.
    Instance<'a> {
        /// The key.
        id: Scalar<'a> = "AppInstanceId",
        /// The group, as requested.
        group_id: Scalar<'a> = "AppInstanceGroupId",
        /// The instance's status.
        status: Scalar<'a> = "Status",
        /// Whether its user is connected.
        session_status: Scalar<'a> = "SessionStatus",
        /// The user bound to it.
        bind_info: Maybe<BindInfo<'a>> = "BindInfo",
        /// Address of the main interface.
        public_ip: Scalar<'a> = "MainEthPublicIp",
        /// Private address of the egress interface.
        private_ip: Scalar<'a> = "NetworkInterfaceIp",
        /// The egress interface.
        network_interface_id: Scalar<'a> = "NetworkInterfaceId",
        /// The node it runs on, in groups sold by node.
        node_id: Scalar<'a> = "NodeId",
        /// Whether the node is prepaid or postpaid.
        charge_type: Scalar<'a> = "ChargeType",
        /// Time of creation.
        created: Scalar<'a> = "GmtCreate",
        /// Time of the last change.
        modified: Scalar<'a> = "GmtModified",
    }
}

object! {
    /// The end user bound to an instance.
    BindInfo<'a> {
        /// Personal data.
        end_user_id: Scalar<'a> = "EndUserId",
        /// Seconds.
        usage_duration: Scalar<'a> = "UsageDuration",
    }
}
