//! `probe`: checks the health of a running exporter, in containers without a shell or curl.

use std::{process::ExitCode, time::Duration};

use reqwest::{Client, StatusCode, Url};

use super::Error;
use crate::{cli, server::ListenAddress};

/// Bytes of a response that are shown. The exporter's own responses have at most one line for each
/// target.
const MAX_SHOWN_BYTES: usize = 16 * 1024;

/// Why an exporter is unhealthy, or cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The flags contain no address to connect to.
    #[error("the listen address {0} has no fixed port: give the exporter's URL")]
    AnyPort(String),
    /// The client cannot be created.
    #[error("cannot create an HTTP client")]
    Client(#[source] reqwest::Error),
    /// The exporter did not respond, or not in time.
    #[error("no response from {address}")]
    NoResponse {
        /// Host and port.
        address: String,
        /// The reason.
        source: reqwest::Error,
    },
    /// The status is not a success; the body contains the reason.
    #[error("{address} returned {status}: {reason}")]
    Unhealthy {
        /// Host and port.
        address: String,
        /// The status of the response.
        status: u16,
        /// The body of the response, on one line.
        reason: String,
    },
}

/// Requests the health page and prints its text.
///
/// # Errors
/// The exporter is unhealthy or does not respond.
pub(super) fn run(arguments: &cli::ProbeArguments) -> Result<ExitCode, Error> {
    let response = super::polling_runtime()?.block_on(probe(arguments)).map_err(Error::Probe)?;
    super::print(format!("{response}\n").as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Requests one URL after the other until one responds, with any status.
async fn probe(arguments: &cli::ProbeArguments) -> Result<String, ProbeError> {
    let client = client(arguments.timeout).map_err(ProbeError::Client)?;
    let addresses: Vec<_> = arguments.listen_address.iter().map(ToString::to_string).collect();
    let mut outcome = Err(ProbeError::AnyPort(addresses.join(",")));
    for url in urls(arguments) {
        outcome = request(&client, url).await;
        if !matches!(outcome, Err(ProbeError::NoResponse { .. })) {
            break;
        }
    }
    outcome
}

fn urls(arguments: &cli::ProbeArguments) -> Vec<Url> {
    if let Some(url) = &arguments.url {
        return vec![url.clone()];
    }
    let path = if arguments.ready { "/-/ready" } else { "/-/healthy" };
    let addresses = arguments.listen_address.first().map(ListenAddress::client_addresses).unwrap_or_default();
    // Every host that can be listened on is valid in a URL.
    addresses.iter().filter_map(|address| Url::parse(&format!("http://{address}{path}")).ok()).collect()
}

async fn request(client: &Client, url: Url) -> Result<String, ProbeError> {
    let address = authority(&url);
    match fetch(client, url).await {
        Ok((status, reason)) if status.is_success() => Ok(reason),
        Ok((status, reason)) => Err(ProbeError::Unhealthy { address, status: status.as_u16(), reason }),
        Err(error) => Err(ProbeError::NoResponse { address, source: error.without_url() }),
    }
}

/// Returns the status and the body, with its lines joined.
async fn fetch(client: &Client, url: Url) -> Result<(StatusCode, String), reqwest::Error> {
    let mut response = client.get(url).send().await?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await?
        && body.len() < MAX_SHOWN_BYTES
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(MAX_SHOWN_BYTES);
    let text = String::from_utf8_lossy(&body).trim().replace('\n', ", ");
    Ok((response.status(), text))
}

/// The client uses neither proxies nor redirects, because the response must come from the probed
/// process. It does not verify the certificate, which is seldom issued for the loopback address;
/// the only secret that it can send is one that the operator wrote in the URL.
fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    // An error means that a provider is installed already; any provider is suitable.
    let _ = rustls::crypto::CryptoProvider::install_default(rustls::crypto::ring::default_provider());
    Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .timeout(timeout)
        .user_agent(concat!("appstreaming-exporter-probe/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Host and port, without the user and the password of the URL.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
