//! The provider of credentials that a URL returns, for example the URL of a sidecar.

use std::time::Duration;

use reqwest::{Method, Url};

use super::credentials_uri::CredentialsUri;
use super::direct_http::{DirectHttp, DirectResponse};
use super::environment::{CREDENTIALS_URI, Environment};
use super::error::Error;
use super::provider::{FetchFuture, Provider, ProviderContext};
use super::response;
use crate::aliyun::access_key::Credentials;
use crate::aliyun::endpoint::Scheme;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// A URL that returns credentials. No error contains the URL, because its query may be a secret.
pub(super) struct UriProvider {
    url: Url,
    http: DirectHttp,
}

impl UriProvider {
    /// The [name](Provider::name).
    const NAME: &'static str = "uri";

    /// Sets up the HTTP client; sends nothing.
    pub(super) fn new(uri: &CredentialsUri, context: &ProviderContext) -> Result<Self, Error> {
        let url = uri.url();
        let scheme = if url.scheme() == "https" { Scheme::Https } else { Scheme::Http };
        let http = DirectHttp::new(scheme, CONNECT_TIMEOUT, READ_TIMEOUT, context).map_err(|error| {
            Error::new(Self::NAME, "cannot set up a client for the credentials URI").with_source(error)
        })?;
        Ok(Self { url, http })
    }

    /// The URI that the environment configures.
    ///
    /// # Errors
    /// "Not configured" when the variable is not set; another error when it is not a valid URL.
    pub(super) fn configured_in(environment: &Environment) -> Result<CredentialsUri, Error> {
        let Some(text) = environment.get(CREDENTIALS_URI) else {
            return Err(Error::not_configured(Self::NAME, format!("{CREDENTIALS_URI} is not set")));
        };
        CredentialsUri::parse(text)
            .ok_or_else(|| Error::new(Self::NAME, "the credentials URI is not an http or https URL"))
    }

    async fn request(&self) -> Result<Credentials, Error> {
        let response = self.http.send("credentials", Method::GET, self.url.clone(), None).await;
        match response {
            Ok(DirectResponse { status: 200, body }) => response::parse_flat(Self::NAME, &body),
            Ok(DirectResponse { status, .. }) => {
                Err(Error::new(Self::NAME, format!("the credentials URI responded with status {status}")))
            }
            Err(error) => {
                Err(Error::new(Self::NAME, "the credentials URI does not respond").with_source(error))
            }
        }
    }
}

impl Provider for UriProvider {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn fetch(&self) -> FetchFuture<'_> {
        Box::pin(self.request())
    }
}
