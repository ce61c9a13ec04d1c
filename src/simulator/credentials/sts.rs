//! STS, version 2015-04-01. STS and the API share one address: the name of the operation determines
//! which of them handles a request.
//!
//! Source: "Resource Access Management: AssumeRole", "AssumeRoleWithOIDC". These pages do not state
//! which `AuthenticationFail` code belongs to which invalid token: the codes here are inferred.

use std::time::Duration;

use hyper::Method;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::issuer::{Issuer, format_time};
use super::oidc::RejectedToken;
use super::{OIDC_PROVIDER, RamRole};
use crate::simulator::api::{ApiError, RequestParameters};
use crate::simulator::authentication::{IncomingRequest, action, identify, parameters};
use crate::simulator::nonces::UsedNonces;

const VERSION: &str = "2015-04-01";
/// The lowest `DurationSeconds`. The highest is the role's `MaxSessionDuration`.
const MIN_SESSION_SECONDS: u64 = 900;
const DEFAULT_SESSION_SECONDS: u64 = 3600;
/// `OIDCToken` has 4 to 20,000 characters.
const TOKEN_LENGTH: std::ops::RangeInclusive<usize> = 4..=20_000;
/// `Policy` has at most 2,048 characters.
const MAX_POLICY_LENGTH: usize = 2048;

/// The operations that are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StsOperation {
    /// `AssumeRole`.
    AssumeRole,
    /// `AssumeRoleWithOIDC`.
    AssumeRoleWithOidc,
    /// `GetCallerIdentity`.
    GetCallerIdentity,
}

impl StsOperation {
    /// The operation that a request names; `None` if it is not an operation of STS.
    pub fn of(incoming: &IncomingRequest<'_>) -> Option<Self> {
        let name = action(incoming)?;
        [Self::AssumeRole, Self::AssumeRoleWithOidc, Self::GetCallerIdentity]
            .into_iter()
            .find(|operation| operation.as_str() == name)
    }

    /// `Action`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AssumeRole => "AssumeRole",
            Self::AssumeRoleWithOidc => "AssumeRoleWithOIDC",
            Self::GetCallerIdentity => "GetCallerIdentity",
        }
    }
}

/// Runs an operation and returns the body of its response, still without `RequestId`.
///
/// # Errors
/// The error of STS for an invalid request, signature or token, or for a missing permission.
pub fn call(
    issuer: &mut Issuer,
    operation: StsOperation,
    incoming: &IncomingRequest<'_>,
    nonces: &Mutex<UsedNonces>,
    now: Timestamp,
) -> Result<Value, ApiError> {
    if ![Method::POST, Method::GET].contains(incoming.method) || incoming.path != "/" {
        return Err(ApiError::of("InvalidAction.NotFound"));
    }
    if operation == StsOperation::AssumeRoleWithOidc {
        let parameters = parameters(incoming);
        check_version(parameters.get("Version"))?;
        return assume_role_with_oidc(issuer, &parameters, now);
    }
    let keys = issuer.keys();
    let (signed, key, parameters) = identify(incoming, &keys, nonces, now)?;
    check_version(Some(&signed.version))?;
    match operation {
        StsOperation::GetCallerIdentity => Ok(caller_identity(key.identity())),
        _ if !key.allowed => Err(no_permission()),
        _ => assume_role(issuer, &parameters, now),
    }
}

fn caller_identity(arn: &str) -> Value {
    json!({
        "AccountId": arn.split(':').nth(3),
        "Arn": arn,
        "IdentityType": if arn.contains(":assumed-role/") { "AssumedRoleUser" } else { "RAMUser" },
        "PrincipalId": "300000000000000001",
    })
}

fn assume_role(
    issuer: &mut Issuer,
    parameters: &RequestParameters,
    now: Timestamp,
) -> Result<Value, ApiError> {
    let (role, session) = find_role(issuer, parameters)?;
    let external_id_matches =
        role.external_id.as_deref().is_none_or(|id| parameters.get("ExternalId") == Some(id));
    if !role.trusts_callers || !external_id_matches {
        return Err(no_permission());
    }
    start_session(issuer, &role, session, parameters, now)
}

fn assume_role_with_oidc(
    issuer: &mut Issuer,
    parameters: &RequestParameters,
    now: Timestamp,
) -> Result<Value, ApiError> {
    let provider = parameters.required("OIDCProviderArn")?;
    let token = parameters.required("OIDCToken")?;
    let (role, session) = find_role(issuer, parameters)?;
    if provider != OIDC_PROVIDER {
        return Err(ApiError::of("EntityNotExist.OIDCProvider"));
    }
    if !TOKEN_LENGTH.contains(&token.chars().count()) {
        return Err(ApiError::invalid("OIDCToken"));
    }
    let claims = issuer.cluster.check(token, now).map_err(|rejected| {
        ApiError::of(match rejected {
            RejectedToken::Invalid => "AuthenticationFail.OIDCToken.Invalid",
            RejectedToken::Expired => "AuthenticationFail.OIDCToken.Expired",
            RejectedToken::Audience => "AuthenticationFail.NoPermission",
        })
    })?;
    if !role.trusts_oidc {
        return Err(ApiError::of("AuthenticationFail.NoPermission"));
    }
    let time = |second| Timestamp::from_second(second).map(format_time).unwrap_or_default();
    let mut body = start_session(issuer, &role, session, parameters, now)?;
    body["OIDCTokenInfo"] = json!({
        "Subject": claims.sub,
        "Issuer": claims.iss,
        "ClientIds": claims.aud.join(","),
        "ExpirationTime": time(claims.exp),
        "IssuanceTime": time(claims.iat),
        "VerificationInfo": "Success",
    });
    Ok(body)
}

/// The role that a request names, and the name of the session.
fn find_role<'a>(issuer: &Issuer, parameters: &'a RequestParameters) -> Result<(RamRole, &'a str), ApiError> {
    let arn = parameters.required("RoleArn")?;
    let session = parameters.required("RoleSessionName")?;
    let allowed = |character: char| character.is_ascii_alphanumeric() || "_.@-".contains(character);
    if !(2..=64).contains(&session.len()) || !session.chars().all(allowed) {
        return Err(ApiError::invalid("RoleSessionName"));
    }
    let role = issuer.options.roles.iter().find(|role| role.arn == arn).cloned();
    Ok((role.ok_or_else(|| ApiError::of("EntityNotExist.Role"))?, session))
}

fn start_session(
    issuer: &mut Issuer,
    role: &RamRole,
    session: &str,
    parameters: &RequestParameters,
    now: Timestamp,
) -> Result<Value, ApiError> {
    let seconds = parameters.number("DurationSeconds")?.unwrap_or(DEFAULT_SESSION_SECONDS);
    if !(MIN_SESSION_SECONDS..=role.max_session_seconds).contains(&seconds) {
        return Err(ApiError::invalid("DurationSeconds"));
    }
    if parameters.get("Policy").is_some_and(|policy| !is_valid_policy(policy)) {
        return Err(ApiError::invalid("PolicyGrammar"));
    }
    let identity = format!("{}/{session}", role.arn.replacen(":role/", ":assumed-role/", 1));
    let issued = issuer.issue(&identity, Duration::from_secs(seconds), now);
    Ok(json!({
        "AssumedRoleUser": {
            "Arn": format!("{}/{session}", role.arn),
            "AssumedRoleId": format!("344584339364951186:{session}"),
        },
        "Credentials": issued.fields(),
    }))
}

fn is_valid_policy(policy: &str) -> bool {
    policy.chars().count() <= MAX_POLICY_LENGTH
        && serde_json::from_str::<serde::de::IgnoredAny>(policy).is_ok()
}

fn check_version(version: Option<&str>) -> Result<(), ApiError> {
    match version {
        Some(VERSION) => Ok(()),
        Some(_) => Err(ApiError::of("NoSuchVersion")),
        None => Err(ApiError::missing("Version")),
    }
}

fn no_permission() -> ApiError {
    ApiError { denied_action: Some("sts:AssumeRole".to_owned()), ..ApiError::of("NoPermission") }
}
