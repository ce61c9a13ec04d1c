//! Plain services beside the API: the metadata service, a credentials URI, and a cluster's OIDC tokens.

use std::time::Duration;

use hyper::{HeaderMap, Method};
use jiff::Timestamp;
use serde_json::json;

use super::{issue::written, oidc};
use crate::simulator::{
    RequestFault,
    api::{ApiError, Parameters},
    faults::{Injection, RequestScope},
    state::{CloudState, lock},
};

const TOKEN: &str = "/latest/api/token";
const ROLES: &str = "/latest/meta-data/ram/security-credentials/";
const URI: &str = "/credentials";
const OIDC: &str = "/oidc/token";
/// What an instance's credentials live, and what others do.
const OF_INSTANCE: Duration = Duration::from_secs(6 * 3600);
const OF_URI: Duration = Duration::from_secs(3600);
const LONGEST_TOKEN: u64 = 21_600;

/// An answer without any of the API's forms.
#[derive(Debug)]
pub(in super::super) struct Plain {
    /// What statistics and faults call the service.
    pub(in super::super) operation: &'static str,
    /// How long it takes before it is sent.
    pub(in super::super) latency: Duration,
    /// Status and body; `None` where the connection is closed instead.
    pub(in super::super) answer: Option<(u16, String)>,
}

/// Whether a path is one of these services'.
pub(in super::super) fn is_beside(path: &str) -> bool {
    path.starts_with("/latest/") || path == URI || path == OIDC
}

impl CloudState {
    /// Answers a request of one of these services.
    pub(in super::super) fn reply_beside(
        &self,
        method: &Method,
        path: &str,
        query: &str,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Plain {
        let operation = match path {
            URI => "CredentialsUri",
            OIDC => "OidcToken",
            _ => "Metadata",
        };
        let (latency, fault) = self.judge_beside(operation);
        let answer = match fault {
            Some(Err(error)) if error.status == 0 => None,
            Some(Err(error)) => Some((error.status, error.code.into_owned())),
            Some(Ok(())) | None => Some(match (method, path) {
                (&Method::GET, URI) => (200, self.flat("acs:ram::1234567890123456:user/of-uri", OF_URI, now)),
                (&Method::GET, OIDC) => self.oidc_token(query, now),
                (&Method::PUT, TOKEN) => self.metadata_token(headers, now),
                (&Method::GET, path) => match path.strip_prefix(ROLES) {
                    Some(role) => self.metadata(role, headers, now),
                    None => (404, "not found".to_owned()),
                },
                _ => (405, "method not allowed".to_owned()),
            }),
        };
        Plain { operation, latency, answer }
    }

    /// What goes wrong with a service beside the API. Only rules that name it count; a dropped connection is an error
    /// of status 0, and what else bends an answer of the API bends none of these.
    pub(super) fn judge_beside(&self, operation: &'static str) -> (Duration, Option<Result<(), ApiError>>) {
        let scope = RequestScope { operation, group_id: None, page: 0, only_named: true };
        let Injection { latency_ms, fault } = lock(&self.faults).judge(&scope);
        let latency = *lock(&self.latency) + Duration::from_millis(latency_ms);
        let fault = fault.map(|fault| match fault {
            RequestFault::Error(error) => Err(error.into()),
            RequestFault::Drop => Err(ApiError { status: 0, ..ApiError::of("drop") }),
            _ => Ok(()),
        });
        (latency, fault.filter(Result::is_err))
    }

    fn oidc_token(&self, query: &str, now: Timestamp) -> (u16, String) {
        let parameters = Parameters::new(Parameters::decode(query.as_bytes()));
        let seconds = parameters.get("expires_in").map_or(Ok(3600), str::parse);
        let audience = parameters.get("audience").unwrap_or(oidc::AUDIENCE);
        match seconds {
            Ok(seconds) => (200, lock(&self.issuer).cluster.token(audience, seconds, now)),
            Err(_) => (400, "expires_in is no number of seconds".to_owned()),
        }
    }

    fn metadata_token(&self, headers: &HeaderMap, now: Timestamp) -> (u16, String) {
        let mut issuer = lock(&self.issuer);
        if issuer.access.instance.v1_only {
            return (404, "not found".to_owned());
        }
        let seconds = headers.get("x-aliyun-ecs-metadata-token-ttl-seconds");
        let seconds = seconds.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        match seconds.filter(|seconds| (1..=LONGEST_TOKEN).contains(seconds)) {
            Some(seconds) => (200, issuer.metadata_token(Duration::from_secs(seconds), now)),
            None => (400, "bad request".to_owned()),
        }
    }

    fn metadata(&self, role: &str, headers: &HeaderMap, now: Timestamp) -> (u16, String) {
        let attached = {
            let issuer = lock(&self.issuer);
            let token = headers.get("x-aliyun-ecs-metadata-token").map(|token| token.to_str());
            let let_in = match token {
                Some(Ok(token)) => issuer.knows_metadata_token(token, now),
                Some(Err(_)) => false,
                None => !issuer.access.instance.v2_only,
            };
            if !let_in {
                return (403, "forbidden".to_owned());
            }
            issuer.access.instance.role.clone()
        };
        match attached {
            Some(attached) if role.is_empty() => (200, attached),
            Some(attached) if role == attached => {
                let identity = format!("acs:ram::1234567890123456:assumed-role/{attached}/i-simulated");
                (200, self.flat(&identity, OF_INSTANCE, now))
            }
            _ => (404, "not found".to_owned()),
        }
    }

    fn flat(&self, identity: &str, life: Duration, now: Timestamp) -> String {
        let mut fields = self.issue(identity, life, now).fields();
        fields["LastUpdated"] = json!(written(now));
        fields["Code"] = json!("Success");
        fields.to_string()
    }
}
