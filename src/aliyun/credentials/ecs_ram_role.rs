//! The provider of the ECS instance's role, from the metadata service.
//!
//! In a container this is the role of the node, if the container can reach the service. Source:
//! "ECS: Instance metadata".

use std::time::Duration;

use reqwest::{Method, Url};

use super::direct_http::{DirectHttp, DirectResponse};
use super::environment::{self, Environment};
use super::error::Error;
use super::provider::{FetchFuture, Provider, ProviderContext};
use super::response;
use crate::aliyun::access_key::Credentials;
use crate::aliyun::endpoint::{Endpoint, Scheme};
use crate::aliyun::error::{Error as ApiError, ErrorKind};

/// The service's address, the same on every instance.
const DEFAULT_ENDPOINT: &str = "http://100.100.100.200";
/// Outside ECS there is no response, which must be detected soon.
const TIMEOUT: Duration = Duration::from_secs(1);
const TOKEN_PATH: &str = "latest/api/token";
const CREDENTIALS_PATH: &str = "latest/meta-data/ram/security-credentials/";
const TOKEN_HEADER: &str = "x-aliyun-ecs-metadata-token";
/// The token's lifetime in seconds: the value that the SDKs send.
const TOKEN_LIFETIME_HEADER: (&str, &str) = ("x-aliyun-ecs-metadata-token-ttl-seconds", "21600");

/// The role of the ECS instance, whose credentials the metadata service returns.
pub(super) struct EcsRamRoleProvider {
    role_name: Option<String>,
    token_required: bool,
    root: Url,
    http: DirectHttp,
}

impl EcsRamRoleProvider {
    /// The [name](Provider::name).
    pub(super) const NAME: &'static str = "ecs_ram_role";

    /// Without a `role_name`, the name in the environment is used. Without that, each fetch first
    /// requests the name of the attached role.
    pub(super) fn new(
        role_name: Option<String>,
        endpoint: Option<&Endpoint>,
        context: &ProviderContext,
    ) -> Result<Self, Error> {
        let environment = &context.environment;
        let root = endpoint.map_or_else(|| DEFAULT_ENDPOINT.to_owned(), Endpoint::url);
        let root = Url::parse(&root).map_err(|error| {
            Error::new(Self::NAME, "the metadata endpoint is not a URL").with_source(error)
        })?;
        let scheme = endpoint.map_or(Scheme::Http, Endpoint::scheme);
        let http = DirectHttp::new(scheme, TIMEOUT, TIMEOUT, context).map_err(|error| {
            Error::new(Self::NAME, "cannot set up a client for the metadata service").with_source(error)
        })?;
        let environment_name = || environment.get(environment::ECS_METADATA).map(str::to_owned);
        let token_required = environment.is_true(environment::IMDSV1_DISABLED);
        Ok(Self { role_name: role_name.or_else(environment_name), token_required, root, http })
    }

    /// Fails with "not configured" where the environment disables the metadata service.
    pub(super) fn check_enabled(environment: &Environment) -> Result<(), Error> {
        if environment.is_true(environment::ECS_METADATA_DISABLED) {
            let message = format!("{} is true", environment::ECS_METADATA_DISABLED);
            return Err(Error::not_configured(Self::NAME, message));
        }
        Ok(())
    }

    async fn request(&self) -> Result<Credentials, Error> {
        let token = match self.token().await {
            Ok(token) => Some(token),
            // When the service cannot be reached, a request without a token would fail as well.
            Err(error) if self.token_required || is_unreachable(&error) => return Err(error),
            Err(_) => None,
        };
        let role_name = match &self.role_name {
            Some(name) => name.clone(),
            None => self.attached_role(token.as_deref()).await?,
        };
        let body = self.get("the role's credentials", &role_name, token.as_deref()).await?;
        response::parse_flat(Self::NAME, &body)
    }

    /// Requests a token of IMDSv2, which protects the service from server-side request forgery.
    async fn token(&self) -> Result<String, Error> {
        let purpose = "a metadata token";
        let response =
            self.http.send(purpose, Method::PUT, self.url(TOKEN_PATH), Some(TOKEN_LIFETIME_HEADER)).await;
        let body = successful_body(purpose, response)?;
        match String::from_utf8(body).map(|token| token.trim().to_owned()) {
            Ok(token) if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(token),
            _ => Err(Error::new(Self::NAME, "the metadata service's token is not printable text")),
        }
    }

    async fn attached_role(&self, token: Option<&str>) -> Result<String, Error> {
        let body = self.get("the role's name", "", token).await?;
        match String::from_utf8(body).map(|name| name.trim().to_owned()) {
            Ok(name) if !name.is_empty() && !name.contains(char::is_whitespace) => Ok(name),
            _ => Err(Error::new(
                Self::NAME,
                "the metadata service returned no role name: check that a role is attached to the instance",
            )),
        }
    }

    /// Requests the credentials of the role `name`, or the name of the attached role if `name` is
    /// empty.
    async fn get(&self, purpose: &'static str, name: &str, token: Option<&str>) -> Result<Vec<u8>, Error> {
        let mut url = self.url(CREDENTIALS_PATH);
        if !name.is_empty()
            && let Ok(mut segments) = url.path_segments_mut()
        {
            // Escapes characters that would change the path.
            segments.pop_if_empty().push(name);
        }
        let header = token.map(|token| (TOKEN_HEADER, token));
        successful_body(purpose, self.http.send(purpose, Method::GET, url, header).await)
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.root.clone();
        url.set_path(path);
        url
    }
}

impl Provider for EcsRamRoleProvider {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn fetch(&self) -> FetchFuture<'_> {
        Box::pin(self.request())
    }
}

fn successful_body(
    purpose: &'static str,
    response: Result<DirectResponse, ApiError>,
) -> Result<Vec<u8>, Error> {
    let error = |message| Error::new(EcsRamRoleProvider::NAME, message);
    match response {
        Ok(DirectResponse { status: 200, body }) => Ok(body),
        Ok(DirectResponse { status: 404, .. }) => {
            Err(error(format!("status 404 for {purpose}: no role of that name is attached to the instance")))
        }
        Ok(DirectResponse { status, .. }) => {
            Err(error(format!("the metadata service refused {purpose} with status {status}")))
        }
        Err(cause) => {
            let message =
                format!("cannot get {purpose} from the metadata service: check that this is an ECS instance");
            Err(error(message).with_source(cause))
        }
    }
}

fn is_unreachable(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<ApiError>());
    cause.is_some_and(|cause| matches!(cause.kind(), ErrorKind::Connect | ErrorKind::Timeout))
}
