//! The role of the ECS instance, from the metadata service.
//!
//! Source: "ECS: Instance metadata". In a container it is the role of the node that answers, if anything does.

use std::time::Duration;

use reqwest::{Method, Url};

use super::super::error::{Error as ApiError, Kind};
use super::super::{Endpoint, Scheme};
use super::environment::{self, Environment};
use super::provider::{Fetching, Provider};
use super::web::{Answer, Web};
use super::{Credentials, Error, Surroundings, answer};

/// The same on every instance.
const USUAL_PLACE: &str = "http://100.100.100.200";
/// Off ECS nobody answers: that must be found out soon.
const TIMEOUT: Duration = Duration::from_secs(1);
const TOKEN: &str = "latest/api/token";
const CREDENTIALS: &str = "latest/meta-data/ram/security-credentials/";
const TOKEN_HEADER: &str = "x-aliyun-ecs-metadata-token";
/// With how long a token lives, in seconds. As long as the SDKs ask for.
const TOKEN_LIFE: (&str, &str) = ("x-aliyun-ecs-metadata-token-ttl-seconds", "21600");

/// The metadata service, as far as it is about a role.
pub(super) struct EcsRamRole {
    role_name: Option<String>,
    token_required: bool,
    root: Url,
    web: Web,
}

impl EcsRamRole {
    /// The [name](Provider::name).
    pub(super) const NAME: &'static str = "ecs_ram_role";

    /// `role_name` spares a request; without it the environment is asked, then the service.
    pub(super) fn new(
        role_name: Option<String>,
        place: Option<&Endpoint>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let Surroundings { environment, .. } = surroundings;
        let root = place.map_or_else(|| USUAL_PLACE.to_owned(), Endpoint::url);
        let root = Url::parse(&root).map_err(|error| {
            Error::new(Self::NAME, "the metadata endpoint makes no URL").with_source(error)
        })?;
        let scheme = place.map_or(Scheme::Http, Endpoint::scheme);
        let web = Web::new(scheme, TIMEOUT, TIMEOUT, surroundings).map_err(|error| {
            Error::new(Self::NAME, "no client for the metadata service").with_source(error)
        })?;
        let named = || environment.get(environment::ECS_METADATA).map(str::to_owned);
        let token_required = environment.is_true(environment::IMDSV1_DISABLED);
        Ok(Self { role_name: role_name.or_else(named), token_required, root, web })
    }

    /// Whether the environment forbids to ask.
    pub(super) fn allowed_by(environment: &Environment) -> Result<(), Error> {
        if environment.is_true(environment::ECS_METADATA_DISABLED) {
            let message = format!("{} is true", environment::ECS_METADATA_DISABLED);
            return Err(Error::not_configured(Self::NAME, message));
        }
        Ok(())
    }

    async fn ask(&self) -> Result<Credentials, Error> {
        let token = match self.token().await {
            Ok(token) => Some(token),
            // Nobody is there: asking without a token would only take another second.
            Err(error) if self.token_required || is_unreachable(&error) => return Err(error),
            Err(_) => None,
        };
        let role_name = match &self.role_name {
            Some(name) => name.clone(),
            None => self.attached_role(token.as_deref()).await?,
        };
        let body = self.get("the role's credentials", &role_name, token.as_deref()).await?;
        answer::flat(Self::NAME, &body)
    }

    /// Mode 2: what proves that this is no request that somebody tricked a web server into.
    async fn token(&self) -> Result<String, Error> {
        let life = Some(TOKEN_LIFE);
        let what = "a metadata token";
        let answer = self.web.ask(what, Method::PUT, self.url(TOKEN), life).await;
        let body = checked(what, answer)?;
        match String::from_utf8(body).map(|token| token.trim().to_owned()) {
            Ok(token) if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(token),
            _ => Err(Error::new(Self::NAME, "the metadata service's token is no text")),
        }
    }

    async fn attached_role(&self, token: Option<&str>) -> Result<String, Error> {
        let body = self.get("the role's name", "", token).await?;
        match String::from_utf8(body).map(|name| name.trim().to_owned()) {
            Ok(name) if !name.is_empty() && !name.contains(char::is_whitespace) => Ok(name),
            _ => Err(Error::new(Self::NAME, "the metadata service names no role: is one attached?")),
        }
    }

    async fn get(&self, what: &'static str, name: &str, token: Option<&str>) -> Result<Vec<u8>, Error> {
        let mut url = self.url(CREDENTIALS);
        if !name.is_empty()
            && let Ok(mut segments) = url.path_segments_mut()
        {
            // Escapes what a name must not do to the path.
            segments.pop_if_empty().push(name);
        }
        let header = token.map(|token| (TOKEN_HEADER, token));
        checked(what, self.web.ask(what, Method::GET, url, header).await)
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.root.clone();
        url.set_path(path);
        url
    }
}

impl Provider for EcsRamRole {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn fetch(&self) -> Fetching<'_> {
        Box::pin(self.ask())
    }
}

fn checked(what: &'static str, answer: Result<Answer, ApiError>) -> Result<Vec<u8>, Error> {
    match answer {
        Ok(Answer { status: 200, body }) => Ok(body),
        Ok(Answer { status: 404, .. }) => {
            let message = format!("status 404 for {what}: no role of that name is attached to the instance");
            Err(Error::new(EcsRamRole::NAME, message))
        }
        Ok(Answer { status, .. }) => {
            let message = format!("the metadata service refuses {what} with status {status}");
            Err(Error::new(EcsRamRole::NAME, message))
        }
        Err(error) => {
            let message = format!("the metadata service doesn't give {what}: is this an ECS instance?");
            Err(Error::new(EcsRamRole::NAME, message).with_source(error))
        }
    }
}

fn is_unreachable(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<ApiError>());
    cause.is_some_and(|cause| matches!(cause.kind(), Kind::Connect | Kind::Timeout))
}
