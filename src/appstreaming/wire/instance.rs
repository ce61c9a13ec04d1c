//! `ListAppInstances`: one element.

use super::object::object;
use super::{Maybe, Scalar};

object! {
    /// One element of `AppInstanceModels`.
    Instance<'a> {
        /// The instance's id, unique.
        id: Scalar<'a> = "AppInstanceId",
        /// The id of its group, as requested.
        group_id: Scalar<'a> = "AppInstanceGroupId",
        /// The instance's status.
        status: Scalar<'a> = "Status",
        /// Public address of the main interface.
        public_ip: Scalar<'a> = "MainEthPublicIp",
        /// Private address of the egress interface.
        private_ip: Scalar<'a> = "NetworkInterfaceIp",
        /// Time of creation.
        created: Scalar<'a> = "GmtCreate",
        /// Time of the last change.
        modified: Scalar<'a> = "GmtModified",
        /// Whether its user is connected.
        session_status: Scalar<'a> = "SessionStatus",
        /// The end user bound to the instance.
        bind_info: Maybe<BindInfo<'a>> = "BindInfo",
        /// Id of the node that the instance runs on, in groups sold by node.
        node_id: Scalar<'a> = "NodeId",
        /// Whether the node is prepaid or postpaid, in groups sold by node.
        charge_type: Scalar<'a> = "ChargeType",
        /// Id of the egress interface.
        network_interface_id: Scalar<'a> = "NetworkInterfaceId",
    }
}

object! {
    /// The end user bound to an instance.
    BindInfo<'a> {
        /// The user's id: personal data.
        end_user_id: Scalar<'a> = "EndUserId",
        /// Duration of the usage, in seconds.
        usage_duration: Scalar<'a> = "UsageDuration",
    }
}
