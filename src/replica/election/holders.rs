//! Who holds other Leases than the one of the election. They are only read.

use tokio::time::Instant;

use super::api::LeaseApi;
use super::client::Client;
use super::connect::connect;
use super::elector::{Reply, Request};
use super::error::{ElectionError, RequestError};
use super::lease::holder;

/// The holders of the Leases of one namespace.
pub struct Holders {
    client: Client,
    namespace: String,
}

impl Holders {
    /// Reads the configuration of the cluster. No request is sent. The namespace is chosen as that of
    /// [`ElectionOptions`](super::ElectionOptions) is.
    ///
    /// # Errors
    /// No configuration was found, or its credentials cannot be used.
    pub fn connect(namespace: Option<&str>) -> Result<Self, ElectionError> {
        let (client, namespace) = connect(namespace)?;
        Ok(Self::new(client, namespace))
    }

    pub(super) fn new(client: Client, namespace: String) -> Self {
        Self { client, namespace }
    }

    /// The identity of the holder of a Lease. `None` if the Lease does not exist or was released. The
    /// holder may have ended without releasing it.
    ///
    /// # Errors
    /// There was no response until the deadline, or the service account may not read the Lease.
    pub async fn of(&self, lease: &str, deadline: Instant) -> Result<Option<String>, RequestError> {
        let api = LeaseApi::new(self.client.clone(), self.namespace.clone(), lease.to_owned());
        match api.send(&Request::Get, deadline).await? {
            Reply::Found(lease) => Ok(holder(&lease).map(str::to_owned)),
            Reply::Missing | Reply::Written(_) | Reply::Conflict => Ok(None),
        }
    }
}
