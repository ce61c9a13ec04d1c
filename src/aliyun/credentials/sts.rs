//! The two operations of STS that return a role's credentials.
//!
//! Source: "Resource Access Management: AssumeRole" and "AssumeRoleWithOIDC", version 2015-04-01.

use std::time::Duration;

use jiff::Timestamp;

use super::environment::{Environment, STS_REGION, VPC_ENDPOINT_ENABLED};
use super::error::Error;
use super::provider::ProviderContext;
use super::provider_config::{AssumedRole, StsEndpoint};
use super::response;
use crate::aliyun::access_key::Credentials;
use crate::aliyun::endpoint::Endpoint;
use crate::aliyun::error::{Error as ApiError, Redaction};
use crate::aliyun::options::ClientOptions;
use crate::aliyun::request::{Parameter, Request, value};
use crate::aliyun::secret::Secret;
use crate::aliyun::signature::{
    FORM_CONTENT_TYPE, SignedRequest, SigningContext, canonical_query, format_date, v2,
};
use crate::aliyun::transport::{Transport, new_nonce};

const VERSION: &str = "2015-04-01";
const ASSUME_ROLE: &str = "AssumeRole";
const ASSUME_ROLE_WITH_OIDC: &str = "AssumeRoleWithOIDC";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum size of a response. Credentials take about 2 KiB.
const MAX_RESPONSE_BYTES: u64 = 1024 * 1024;

/// A client of one STS endpoint.
pub(super) struct Sts {
    source_name: &'static str,
    host: String,
    transport: Transport,
}

impl Sts {
    /// Sets up a client for the source named `source_name`; sends nothing.
    pub(super) fn new(
        source_name: &'static str,
        endpoint: &StsEndpoint,
        context: &ProviderContext,
    ) -> Result<Self, Error> {
        let endpoint = resolve(endpoint, &context.environment).ok_or_else(|| {
            Error::new(source_name, "the STS region contains characters that a host name cannot have")
        })?;
        let options = ClientOptions {
            connect_timeout: CONNECT_TIMEOUT,
            request_timeout: CONNECT_TIMEOUT + READ_TIMEOUT,
            max_in_flight: 1,
            max_response_bytes: MAX_RESPONSE_BYTES,
            proxy: context.proxy.clone(),
            user_agent: context.user_agent.clone(),
            ..ClientOptions::new(endpoint)
        };
        let transport = Transport::new(&options)
            .map_err(|error| Error::new(source_name, "cannot set up a client for STS").with_source(error))?;
        Ok(Self { source_name, host: options.endpoint.authority(), transport })
    }

    /// Calls `AssumeRole`, signed with the credentials `signer`.
    pub(super) async fn assume_role(
        &self,
        role: &AssumedRole,
        signer: &Credentials,
    ) -> Result<Credentials, Error> {
        let external_id = role.external_id.as_ref().map(|id| value("ExternalId", id.expose()));
        let mut request = Request::new(ASSUME_ROLE, VERSION);
        request.form = Some(role_parameters(role).chain(external_id).collect());
        let nonce = new_nonce();
        let context =
            SigningContext { host: &self.host, credentials: signer, now: Timestamp::now(), nonce: &nonce };
        let redaction = Redaction::new(signer);
        self.exchange(role, request.operation, v2::sign(&request, &context), &redaction).await
    }

    /// Calls `AssumeRoleWithOIDC`, which is not signed: the token authenticates the caller.
    pub(super) async fn assume_role_with_oidc(
        &self,
        role: &AssumedRole,
        provider_arn: &str,
        token: &Secret,
    ) -> Result<Credentials, Error> {
        let common = [
            ("Action", ASSUME_ROLE_WITH_OIDC.to_owned()),
            ("Version", VERSION.to_owned()),
            ("Format", "JSON".to_owned()),
            ("Timestamp", format_date(Timestamp::now())),
        ];
        let identity = [value("OIDCProviderArn", provider_arn), value("OIDCToken", token.expose())];
        let request = SignedRequest {
            query: canonical_query(common),
            headers: vec![("content-type", FORM_CONTENT_TYPE.to_owned())],
            // The token is sent in the body, because servers and proxies log URLs.
            body: canonical_query(role_parameters(role).chain(identity)),
        };
        // An error response may quote the token.
        let bearer = Credentials::new("", token.clone(), None);
        self.exchange(role, ASSUME_ROLE_WITH_OIDC, request, &Redaction::new(&bearer)).await
    }

    async fn exchange(
        &self,
        role: &AssumedRole,
        operation: &'static str,
        request: SignedRequest,
        redaction: &Redaction<'_>,
    ) -> Result<Credentials, Error> {
        let error = match self.transport.send(operation, request).await {
            Ok(response) if response.status == 200 => {
                return response::parse_sts(self.source_name, &response.body);
            }
            Ok(response) => ApiError::from_response(operation, response.status, &response.body, redaction),
            Err(error) => error,
        };
        let advice = advice(operation, error.code()).map(|advice| format!(" ({advice})"));
        let message = format!("cannot assume the role {}{}", role.arn, advice.unwrap_or_default());
        Err(Error::new(self.source_name, message).with_source(error))
    }
}

/// The endpoint to call; `None` when the region contains characters that a host name cannot have.
///
/// Source: "Resource Access Management: Endpoints". As in the SDKs, the VPC option has no effect
/// without a region.
fn resolve(endpoint: &StsEndpoint, environment: &Environment) -> Option<Endpoint> {
    let (region, vpc) = match endpoint {
        StsEndpoint::Explicit(endpoint) => return Some(endpoint.clone()),
        StsEndpoint::Region { region, vpc } => (Some(region.as_str()), *vpc),
        StsEndpoint::Environment => (environment.get(STS_REGION), environment.is_true(VPC_ENDPOINT_ENABLED)),
    };
    let host = match (region, vpc) {
        (None, _) => "sts.aliyuncs.com".to_owned(),
        (Some(region), false) => format!("sts.{region}.aliyuncs.com"),
        (Some(region), true) => format!("sts-vpc.{region}.aliyuncs.com"),
    };
    Endpoint::https(&host).ok()
}

fn role_parameters(role: &AssumedRole) -> impl Iterator<Item = Parameter> {
    let policy = role.policy.as_deref().map(|policy| value("Policy", policy));
    [
        value("RoleArn", &role.arn),
        value("RoleSessionName", &role.session_name),
        value("DurationSeconds", role.duration.as_secs().to_string()),
    ]
    .into_iter()
    .chain(policy)
}

/// What an operator can do about an error code of STS.
fn advice(operation: &str, code: &str) -> Option<&'static str> {
    Some(match code {
        "NoPermission" if operation == ASSUME_ROLE => {
            "the caller needs sts:AssumeRole on this role, and the role's trust policy must name the caller and \
             its external id"
        }
        "NoPermission" | "AuthenticationFail.NoPermission" => {
            "the role's trust policy must allow this OIDC provider with the audience sts.aliyuncs.com and this service \
             account"
        }
        "EntityNotExist.Role" => "the role does not exist: check the account and the name in role_arn",
        "EntityNotExist.OIDCProvider" => "the OIDC provider does not exist: check oidc_provider_arn",
        "InvalidParameter.DurationSeconds" => "the duration must be from 15 minutes to the role's maximum",
        _ if code.starts_with("AuthenticationFail.OIDCToken") => {
            "the OIDC token must be valid and issued for the audience sts.aliyuncs.com"
        }
        "connect" | "timeout" => {
            "check the network, or set another STS endpoint with sts_endpoint or ALIBABA_CLOUD_STS_REGION"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(endpoint: &StsEndpoint, variables: &[(&str, &str)]) -> String {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        resolve(endpoint, &Environment::new(variables)).unwrap().to_string()
    }

    #[test]
    fn the_sts_host_depends_on_region_and_vpc() {
        let region = (STS_REGION, "cn-hangzhou");
        let vpc = (VPC_ENDPOINT_ENABLED, "True");
        let environment = StsEndpoint::Environment;
        assert_eq!(host(&environment, &[]), "https://sts.aliyuncs.com");
        assert_eq!(host(&environment, &[vpc]), "https://sts.aliyuncs.com");
        assert_eq!(host(&environment, &[region]), "https://sts.cn-hangzhou.aliyuncs.com");
        assert_eq!(host(&environment, &[region, vpc]), "https://sts-vpc.cn-hangzhou.aliyuncs.com");
        let explicit_region = StsEndpoint::Region { region: "cn-beijing".into(), vpc: false };
        assert_eq!(host(&explicit_region, &[region, vpc]), "https://sts.cn-beijing.aliyuncs.com");
        let explicit = StsEndpoint::Explicit("http://127.0.0.1:1".parse().unwrap());
        assert_eq!(host(&explicit, &[region, vpc]), "http://127.0.0.1:1");
    }
}
