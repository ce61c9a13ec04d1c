//! The names of Leases, and what is in the identities of their holders.

use crate::aliyun::Endpoint;
use crate::poller::Shard;

/// The name of the Lease of a shard.
pub(crate) fn lease_of(lease: &str, shard: Shard) -> String {
    if shard.total > 1 { format!("{lease}-{}", shard.index) } else { lease.to_owned() }
}

/// The base URL in a holder's identity.
pub(crate) fn url_of(holder: &str) -> Option<Endpoint> {
    let (_, url) = holder.split_once('@')?;
    Endpoint::parse(url).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shard_has_a_lease() {
        assert_eq!(lease_of("exporter", Shard::WHOLE), "exporter");
        assert_eq!(lease_of("exporter", Shard { index: 2, total: 3 }), "exporter-2");
    }

    #[test]
    fn the_address_of_the_holder_is_in_its_identity() {
        let url = |holder: &str| url_of(holder).map(|endpoint| endpoint.to_string());
        assert_eq!(url("exporter-7f@http://10.0.0.7:9877").as_deref(), Some("http://10.0.0.7:9877"));
        assert_eq!(url("exporter-7f"), None);
        assert_eq!(url("exporter-7f@"), None);
    }
}
