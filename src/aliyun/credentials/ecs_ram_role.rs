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
use crate::aliyun::error::Error as ApiError;

/// The service's address, the same on every instance.
const DEFAULT_ENDPOINT: &str = "http://100.100.100.200";
/// Outside ECS there is no response, which must be detected soon.
const TIMEOUT: Duration = Duration::from_secs(1);
/// What to check in a container, where a response with a token may not arrive.
const HOP_LIMIT_ADVICE: &str =
    "in a container, that the instance's hop limit (HttpPutResponseHopLimit) is at least 2";
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
        let (token, no_token) = match self.token().await {
            Ok(token) => (Some(token), None),
            Err(failure) if self.token_required => return Err(required_token_error(failure)),
            // In a container, the response with the token may not arrive, while the responses to
            // requests without a token do.
            Err(failure) => (None, Some(failure)),
        };
        let access = Access { token: token.as_deref(), no_token: no_token.as_ref() };
        let role_name = match &self.role_name {
            Some(name) => name.clone(),
            None => self.attached_role(access).await?,
        };
        let body = self.get("the role's credentials", &role_name, access).await?;
        response::parse_flat(Self::NAME, &body)
    }

    /// Requests a token of IMDSv2, which protects the service from server-side request forgery.
    async fn token(&self) -> Result<String, RequestFailure> {
        let url = self.url(TOKEN_PATH);
        let body = self.send("a metadata token", Method::PUT, url, Some(TOKEN_LIFETIME_HEADER)).await?;
        match String::from_utf8(body).map(|token| token.trim().to_owned()) {
            Ok(token) if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(token),
            _ => Err(RequestFailure::NotText),
        }
    }

    async fn attached_role(&self, access: Access<'_>) -> Result<String, Error> {
        let body = self.get("the role's name", "", access).await?;
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
    async fn get(&self, purpose: &'static str, name: &str, access: Access<'_>) -> Result<Vec<u8>, Error> {
        let mut url = self.url(CREDENTIALS_PATH);
        if !name.is_empty()
            && let Ok(mut segments) = url.path_segments_mut()
        {
            // Escapes characters that would change the path.
            segments.pop_if_empty().push(name);
        }
        let header = access.token.map(|token| (TOKEN_HEADER, token));
        let response = self.send(purpose, Method::GET, url, header).await;
        response.map_err(|failure| role_error(purpose, name, failure, access.no_token))
    }

    async fn send(
        &self,
        purpose: &'static str,
        method: Method,
        url: Url,
        header: Option<(&'static str, &str)>,
    ) -> Result<Vec<u8>, RequestFailure> {
        match self.http.send(purpose, method, url, header).await {
            Ok(DirectResponse { status: 200, body }) => Ok(body),
            Ok(DirectResponse { status, .. }) => Err(RequestFailure::Status(status)),
            Err(cause) => Err(RequestFailure::NoResponse(cause)),
        }
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

/// The token to send with a request, or why there is none.
#[derive(Clone, Copy)]
struct Access<'a> {
    token: Option<&'a str>,
    no_token: Option<&'a RequestFailure>,
}

/// Why a request has no usable response.
enum RequestFailure {
    /// No complete response arrived.
    NoResponse(ApiError),
    /// The response has a status other than 200.
    Status(u16),
    /// The response is not the printable text that it must be.
    NotText,
}

/// The error of a token that is required. It names the reason why the token is required.
fn required_token_error(failure: RequestFailure) -> Error {
    let error = |message: String| Error::new(EcsRamRoleProvider::NAME, message);
    let required = format!("{} is true", environment::IMDSV1_DISABLED);
    match failure {
        RequestFailure::NoResponse(cause) => error(format!(
            "no response with a metadata token, which is required because {required}: check that this is an ECS \
             instance, and {HOP_LIMIT_ADVICE}"
        ))
        .with_source(cause),
        RequestFailure::Status(404) => error(format!(
            "the metadata service does not issue metadata tokens (status 404), and {required}: unset this variable to \
             send requests without a token"
        )),
        RequestFailure::Status(status) => {
            error(format!("the metadata service refused a metadata token with status {status}, and {required}"))
        }
        RequestFailure::NotText => error("the metadata service's token is not printable text".to_owned()),
    }
}

/// The error of a request for the credentials of the role `name`, or for the name of the role if
/// `name` is empty. `no_token` is why the request was sent without a token.
fn role_error(
    purpose: &str,
    name: &str,
    failure: RequestFailure,
    no_token: Option<&RequestFailure>,
) -> Error {
    let error = |message: String| Error::new(EcsRamRoleProvider::NAME, message);
    match (failure, no_token) {
        (RequestFailure::Status(404), _) => {
            let role = if name.is_empty() { "no role" } else { "no role of that name" };
            error(format!("status 404 for {purpose}: {role} is attached to the instance"))
        }
        (RequestFailure::Status(status @ (401 | 403)), Some(no_token)) => {
            let reason = match no_token {
                RequestFailure::NoResponse(_) => {
                    format!("no response with a token arrived: check, {HOP_LIMIT_ADVICE}")
                }
                RequestFailure::Status(status) => format!("a token was refused with status {status}"),
                RequestFailure::NotText => "the token is not printable text".to_owned(),
            };
            let refused = format!("the metadata service refused {purpose} with status {status}");
            error(format!("{refused}: the instance requires a metadata token, and {reason}"))
        }
        (RequestFailure::Status(status), _) => {
            error(format!("the metadata service refused {purpose} with status {status}"))
        }
        (RequestFailure::NoResponse(cause), _) => error(format!(
            "cannot get {purpose} from the metadata service: check that this is an ECS instance, and \
             {HOP_LIMIT_ADVICE}"
        ))
        .with_source(cause),
        (RequestFailure::NotText, _) => error(format!("{purpose} is not printable text")),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const CREDENTIALS: &str = include_str!("../../../tests/data/samples/ecs_metadata_credentials.json");

    /// A metadata service. `None` as a response: the connection is closed without one.
    #[derive(Clone, Copy)]
    struct Service {
        token: Option<(u16, &'static str)>,
        role: Option<(u16, &'static str)>,
    }

    /// Fetches from a service. `strict`: the environment disables requests without a token.
    async fn fetch(service: Service, strict: bool) -> Result<Credentials, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = Endpoint::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let serving = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap_or_default();
                let response = if request.starts_with(b"PUT") { service.token } else { service.role };
                let Some((status, body)) = response.filter(|_| length > 0) else { continue };
                let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n", body.len());
                // A client that has disconnected is not a failure of this server.
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            }
        });
        let variables = strict.then(|| (environment::IMDSV1_DISABLED.to_owned(), "true".to_owned()));
        let context =
            ProviderContext { environment: Environment::new(variables), ..ProviderContext::default() };
        let provider = EcsRamRoleProvider::new(Some("r".to_owned()), Some(&endpoint), &context).unwrap();
        let fetched = provider.fetch().await;
        serving.abort();
        fetched
    }

    async fn error(service: Service, strict: bool) -> String {
        fetch(service, strict).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn without_a_response_to_the_token_request_the_role_is_requested_without_a_token() {
        for token in [None, Some((404, "")), Some((500, "")), Some((200, "not\u{1}printable"))] {
            let service = Service { token, role: Some((200, CREDENTIALS)) };
            let credentials = fetch(service, false).await.unwrap();
            assert_eq!(credentials.access_key_id, "STS.exampleAccessKeyId");
            let error = error(service, true).await;
            assert!(error.contains("token"), "{error}");
        }
    }

    #[tokio::test]
    async fn an_error_names_the_hop_limit_if_no_response_with_a_token_arrived() {
        let lost = Service { token: None, role: Some((403, "")) };
        for error in [error(lost, false).await, error(lost, true).await] {
            assert!(error.contains("hop limit") && error.contains("HttpPutResponseHopLimit"), "{error}");
        }
        assert!(error(lost, false).await.contains("requires a metadata token"));
        assert!(error(lost, true).await.contains("ALIBABA_CLOUD_IMDSV1_DISABLED is true"));
    }

    #[tokio::test]
    async fn a_service_without_tokens_is_not_reported_as_a_missing_role() {
        let old = Service { token: Some((404, "")), role: Some((200, CREDENTIALS)) };
        let strict = error(old, true).await;
        assert!(strict.contains("does not issue metadata tokens"), "{strict}");
        assert!(strict.contains("ALIBABA_CLOUD_IMDSV1_DISABLED") && !strict.contains("attached"), "{strict}");
        let without_role = error(Service { role: Some((404, "")), ..old }, false).await;
        assert!(without_role.contains("no role of that name is attached"), "{without_role}");
    }
}
