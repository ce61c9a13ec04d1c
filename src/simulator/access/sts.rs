//! STS, version 2015-04-01, at the address of the API: told apart by the operation's name.
//!
//! Source: "Resource IssuerOptions Management: AssumeRole", "AssumeRoleWithOIDC". Which `AuthenticationFail` goes with which
//! fault of a token is inferred.

use std::time::Duration;

use hyper::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{OIDC_PROVIDER, RamRole, issue::written, oidc};
use crate::simulator::{
    api::{ApiError, Parameters},
    authentication::{IncomingRequest, action, identify, parameters, wants_xml},
    state::{CloudState, Outcome, Reply, lock},
};

const VERSION: &str = "2015-04-01";
const SHORTEST_SESSION: u64 = 900;
const USUAL_SESSION: u64 = 3600;
/// `OIDCToken` has 4 to 20,000 characters.
const TOKEN_LENGTH: std::ops::RangeInclusive<usize> = 4..=20_000;

/// The operations that exist here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StsOperation {
    AssumeRole,
    AssumeRoleWithOidc,
    GetCallerIdentity,
}

impl StsOperation {
    fn named(name: &str) -> Option<Self> {
        [Self::AssumeRole, Self::AssumeRoleWithOidc, Self::GetCallerIdentity]
            .into_iter()
            .find(|operation| operation.as_str() == name)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::AssumeRole => "AssumeRole",
            Self::AssumeRoleWithOidc => "AssumeRoleWithOIDC",
            Self::GetCallerIdentity => "GetCallerIdentity",
        }
    }
}

impl CloudState {
    /// Answers a request that is for STS; `None` for others.
    pub(in super::super) fn reply_of_sts(
        &self,
        incoming: &IncomingRequest<'_>,
        now: Timestamp,
    ) -> Option<Reply> {
        let operation = StsOperation::named(&action(incoming)?)?;
        let request_id = self.request_id();
        let xml = wants_xml(incoming);
        let (latency, fault) = self.judge_beside(operation.as_str());
        let result = match fault {
            None => self.sts(operation, incoming, now),
            Some(fault) => fault.map(|()| json!({})),
        };
        let outcome = match result {
            Ok(_) if xml => {
                Err(ApiError::invalid("Format").saying("Only JSON is simulated: send Format=JSON."))
            }
            Ok(mut body) => {
                body["RequestId"] = request_id.as_str().into();
                Ok(Outcome::Page(body.to_string().into_bytes()))
            }
            Err(error) => Err(error),
        };
        let outcome = outcome.unwrap_or_else(|error| Outcome::Error {
            body: if xml { error.xml(&request_id) } else { error.json(&request_id) },
            error,
            xml,
        });
        Some(Reply { operation: operation.as_str(), latency, outcome })
    }

    fn sts(
        &self,
        operation: StsOperation,
        incoming: &IncomingRequest<'_>,
        now: Timestamp,
    ) -> Result<Value, ApiError> {
        if ![Method::POST, Method::GET].contains(incoming.method) || incoming.path != "/" {
            return Err(ApiError::of("InvalidAction.NotFound"));
        }
        if operation == StsOperation::AssumeRoleWithOidc {
            let parameters = parameters(incoming);
            version(parameters.get("Version"))?;
            return self.assume_role_with_oidc(&parameters, now);
        }
        let credentials = self.known_credentials();
        let (claim, credential, parameters) = identify(incoming, &credentials, &self.nonces, now)?;
        version(Some(&claim.version))?;
        let identity = credential.identity();
        match operation {
            StsOperation::GetCallerIdentity => Ok(json!({
                "AccountId": identity.split(':').nth(3),
                "Arn": identity,
                "IdentityType": if identity.contains(":assumed-role/") { "AssumedRoleUser" } else { "RAMUser" },
                "PrincipalId": "300000000000000001",
            })),
            _ if !credential.allowed => Err(no_permission()),
            _ => self.assume_role(&parameters, now),
        }
    }

    fn assume_role(&self, parameters: &Parameters, now: Timestamp) -> Result<Value, ApiError> {
        let (role, session) = self.role(parameters)?;
        let external_id_fits =
            role.external_id.as_deref().is_none_or(|id| parameters.get("ExternalId") == Some(id));
        if !role.trusts_callers || !external_id_fits {
            return Err(no_permission());
        }
        self.session(&role, session, parameters, now)
    }

    fn assume_role_with_oidc(&self, parameters: &Parameters, now: Timestamp) -> Result<Value, ApiError> {
        let provider = parameters.required("OIDCProviderArn")?;
        let token = parameters.required("OIDCToken")?;
        let (role, session) = self.role(parameters)?;
        if provider != OIDC_PROVIDER {
            return Err(ApiError::of("EntityNotExist.OIDCProvider"));
        }
        if !TOKEN_LENGTH.contains(&token.chars().count()) {
            return Err(ApiError::invalid("OIDCToken"));
        }
        let claims = lock(&self.issuer).cluster.check(token, now).map_err(|fault| {
            ApiError::of(match fault {
                oidc::RejectedToken::Invalid => "AuthenticationFail.OIDCToken.Invalid",
                oidc::RejectedToken::Expired => "AuthenticationFail.OIDCToken.Expired",
                oidc::RejectedToken::Audience => "AuthenticationFail.NoPermission",
            })
        })?;
        if !role.trusts_oidc {
            return Err(ApiError::of("AuthenticationFail.NoPermission"));
        }
        let time = |second| Timestamp::from_second(second).map(written).unwrap_or_default();
        let mut answer = self.session(&role, session, parameters, now)?;
        answer["OIDCTokenInfo"] = json!({
            "Subject": claims.sub,
            "Issuer": claims.iss,
            "ClientIds": claims.aud.join(","),
            "ExpirationTime": time(claims.exp),
            "IssuanceTime": time(claims.iat),
            "VerificationInfo": "Success",
        });
        Ok(answer)
    }

    fn role<'a>(&self, parameters: &'a Parameters) -> Result<(RamRole, &'a str), ApiError> {
        let arn = parameters.required("RoleArn")?;
        let session = parameters.required("RoleSessionName")?;
        let allowed = |character: char| character.is_ascii_alphanumeric() || "_.@-".contains(character);
        if !(2..=64).contains(&session.len()) || !session.chars().all(allowed) {
            return Err(ApiError::invalid("RoleSessionName"));
        }
        let issuer = lock(&self.issuer);
        let role = issuer.access.roles.iter().find(|role| role.arn == arn).cloned();
        Ok((role.ok_or_else(|| ApiError::of("EntityNotExist.Role"))?, session))
    }

    fn session(
        &self,
        role: &RamRole,
        session: &str,
        parameters: &Parameters,
        now: Timestamp,
    ) -> Result<Value, ApiError> {
        let seconds = parameters.number("DurationSeconds")?.unwrap_or(USUAL_SESSION);
        if !(SHORTEST_SESSION..=role.max_session_seconds).contains(&seconds) {
            return Err(ApiError::invalid("DurationSeconds"));
        }
        if parameters.get("Policy").is_some_and(|policy| {
            policy.chars().count() > 2048 || serde_json::from_str::<serde::de::IgnoredAny>(policy).is_err()
        }) {
            return Err(ApiError::invalid("PolicyGrammar"));
        }
        let identity = format!("{}/{session}", role.arn.replacen(":role/", ":assumed-role/", 1));
        let issued = self.issue(&identity, Duration::from_secs(seconds), now);
        Ok(json!({
            "AssumedRoleUser": {
                "Arn": format!("{}/{session}", role.arn),
                "AssumedRoleId": format!("344584339364951186:{session}"),
            },
            "Credentials": issued.fields(),
        }))
    }
}

fn version(version: Option<&str>) -> Result<(), ApiError> {
    match version {
        Some(VERSION) => Ok(()),
        Some(_) => Err(ApiError::of("NoSuchVersion")),
        None => Err(ApiError::missing("Version")),
    }
}

fn no_permission() -> ApiError {
    ApiError { denied_action: Some("sts:AssumeRole".to_owned()), ..ApiError::of("NoPermission") }
}
