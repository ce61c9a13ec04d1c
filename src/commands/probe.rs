//! `probe`: is a running exporter well? For health checks where there is neither a shell nor curl.

use std::{process::ExitCode, time::Duration};

use reqwest::{Client, StatusCode, Url};

use super::Error;
use crate::{cli, server::ListenAddress};

/// What is shown of an answer, at most. Ours are a line for each target.
const MAX_SHOWN_BYTES: usize = 16 * 1024;

/// Why an exporter isn't well, or can't be address.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// There is no address to ask.
    #[error("the exporter listens at a port of its own choice ({0}): say where with a URL")]
    AnyPort(String),
    /// The client could not be made.
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
    /// Nobody answered, or not in time.
    #[error("no answer from {address}")]
    NoResponse {
        /// Host and port.
        address: String,
        /// What went wrong.
        source: reqwest::Error,
    },
    /// It answered that it isn't well; the body says why.
    #[error("{address} answered {status}: {reason}")]
    Unhealthy {
        /// Host and port.
        address: String,
        /// The answer's status.
        status: u16,
        /// The answer's body, in one line.
        reason: String,
    },
}

pub(super) fn run(arguments: &cli::ProbeArguments) -> Result<ExitCode, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::System { doing: "start the asynchronous runtime", source })?;
    let answer = runtime.block_on(probe(arguments)).map_err(Error::Probe)?;
    super::print(format!("{answer}\n").as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Asks one address after the other until one answers, well or not.
async fn probe(arguments: &cli::ProbeArguments) -> Result<String, ProbeError> {
    let client = client(arguments.timeout).map_err(ProbeError::Client)?;
    let listens: Vec<_> = arguments.listen_address.iter().map(ToString::to_string).collect();
    let mut outcome = Err(ProbeError::AnyPort(listens.join(",")));
    for url in urls(arguments) {
        outcome = ask(&client, url).await;
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
    // Every host that can be listened on can stand in a URL.
    addresses.iter().filter_map(|address| Url::parse(&format!("http://{address}{path}")).ok()).collect()
}

async fn ask(client: &Client, url: Url) -> Result<String, ProbeError> {
    let address = authority(&url);
    match fetch(client, url).await {
        Ok((status, reason)) if status.is_success() => Ok(reason),
        Ok((status, reason)) => Err(ProbeError::Unhealthy { address, status: status.as_u16(), reason }),
        Err(error) => Err(ProbeError::NoResponse { address, source: error.without_url() }),
    }
}

/// Status and body, its lines made one.
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

/// Neither proxies nor redirects: the question is how that very process is. Its certificate is seldom
/// issued for the loopback address, and no secret is sent unless the operator wrote one in the URL.
fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    // Refused only when there is one already, and any will do.
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

/// Host and port, without a password that may stand before them.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
