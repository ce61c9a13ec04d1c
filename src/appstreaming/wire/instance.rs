//! `ListAppInstances`, one element.

use super::{Maybe, Scalar, object::object};

object! {
    /// One element of `AppInstanceModels`.
    Instance<'a> {
        /// The key.
        id: Scalar<'a> = "AppInstanceId",
        /// The group asked for.
        group_id: Scalar<'a> = "AppInstanceGroupId",
        /// What the instance is doing.
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
        /// How that node is paid for.
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
