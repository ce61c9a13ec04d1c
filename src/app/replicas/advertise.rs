//! The base URL at which other replicas reach this one.

// Only candidates for a Lease advertise an address.
#![cfg_attr(not(feature = "kubernetes"), allow(dead_code))]

use std::net::{IpAddr, SocketAddr};

use crate::aliyun::{Endpoint, Scheme};
use crate::replica::options::ReplicaOptions;

/// Why there is no URL that other replicas can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdvertiseError {
    /// Neither the configuration nor the environment has an address.
    #[error(
        "other replicas need an address of this one: set POD_IP by the downward API, or \
         replicas.advertise, or listen on an address that is not a wildcard"
    )]
    NoAddress,
    /// The address would be used with plain HTTP.
    #[error(
        "other replicas would send replicas.token to {0} in plain text: enable TLS by the web \
         configuration file, or set replicas.allow_http = true"
    )]
    PlainHttp(String),
}

/// What the server of this process is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServedAddress {
    /// The addresses that it listens on.
    pub listens_on: Vec<SocketAddr>,
    /// Whether it uses TLS.
    pub is_tls: bool,
}

/// The URL: the configured one, or the pod's address, or an address that the server listens on,
/// with the port that it listens on.
///
/// # Errors
/// There is no address, or it may not be used with plain HTTP.
pub(super) fn advertised(
    options: &ReplicaOptions,
    pod_ip: Option<&str>,
    server: &ServedAddress,
) -> Result<Endpoint, AdvertiseError> {
    if let Some(configured) = &options.advertise {
        return Ok(configured.clone());
    }
    let pod_ip = pod_ip.and_then(|ip| ip.parse::<IpAddr>().ok());
    let of_pod = pod_ip.and_then(|ip| Some(SocketAddr::new(ip, server.listens_on.first()?.port())));
    let named = server.listens_on.iter().find(|address| !address.ip().is_unspecified()).copied();
    let address = of_pod.or(named).ok_or(AdvertiseError::NoAddress)?;
    let scheme = if server.is_tls { Scheme::Https } else { Scheme::Http };
    let url = format!("{}://{address}", scheme.as_str());
    let endpoint = Endpoint::parse(&url).map_err(|_| AdvertiseError::NoAddress)?;
    match is_usable(&endpoint, options.allow_http) {
        true => Ok(endpoint),
        false => Err(AdvertiseError::PlainHttp(url)),
    }
}

/// Whether the token may be sent to this address.
pub(super) fn is_usable(endpoint: &Endpoint, allow_http: bool) -> bool {
    endpoint.scheme() == Scheme::Https || endpoint.is_loopback() || allow_http
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: &str = "0.0.0.0:9877";

    fn url(
        options: &ReplicaOptions,
        pod_ip: Option<&str>,
        listens_on: &str,
        is_tls: bool,
    ) -> Result<String, AdvertiseError> {
        let listens_on = vec![listens_on.parse().expect("an address")];
        advertised(options, pod_ip, &ServedAddress { listens_on, is_tls })
            .map(|endpoint| endpoint.to_string())
    }

    fn allowing() -> ReplicaOptions {
        ReplicaOptions { allow_http: true, ..ReplicaOptions::default() }
    }

    #[test]
    fn a_pod_advertises_its_address_with_the_port_that_it_listens_on() {
        assert_eq!(url(&allowing(), Some("10.0.0.7"), ANY, false).unwrap(), "http://10.0.0.7:9877");
        assert_eq!(url(&allowing(), Some("fd00::7"), "[::]:9877", false).unwrap(), "http://[fd00::7]:9877");
        let options = ReplicaOptions::default();
        assert_eq!(url(&options, Some("10.0.0.7"), ANY, true).unwrap(), "https://10.0.0.7:9877");
    }

    #[test]
    fn without_a_pod_the_address_that_it_listens_on_is_advertised_unless_it_is_a_wildcard() {
        let options = ReplicaOptions::default();
        assert_eq!(url(&options, None, "127.0.0.1:1234", false).unwrap(), "http://127.0.0.1:1234");
        assert_eq!(url(&options, None, ANY, false), Err(AdvertiseError::NoAddress));
    }

    #[test]
    fn the_token_is_not_sent_in_plain_text_unless_that_is_allowed() {
        let refused = url(&ReplicaOptions::default(), Some("10.0.0.7"), ANY, false);
        assert_eq!(refused, Err(AdvertiseError::PlainHttp("http://10.0.0.7:9877".to_owned())));
    }

    #[test]
    fn a_configured_url_is_advertised_as_it_is() {
        let advertise = Some(Endpoint::parse("https://exporter-1.example").unwrap());
        let options = ReplicaOptions { advertise, ..ReplicaOptions::default() };
        assert_eq!(url(&options, Some("10.0.0.7"), ANY, false).unwrap(), "https://exporter-1.example");
    }
}
