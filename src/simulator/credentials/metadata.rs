//! The services next to the API that need no signature: the ECS metadata service, a credentials
//! URI, and the OIDC tokens of a cluster.

use std::time::Duration;

use hyper::{HeaderMap, Method};
use jiff::Timestamp;
use serde_json::json;

use super::issuer::{Issuer, format_time};
use super::oidc;
use crate::simulator::api::RequestParameters;

const METADATA_ROOT: &str = "/latest/";
const TOKEN_PATH: &str = "/latest/api/token";
const ROLES_PATH: &str = "/latest/meta-data/ram/security-credentials/";
const CREDENTIALS_PATH: &str = "/credentials";
const OIDC_PATH: &str = "/oidc/token";
/// Lifetime of the credentials of an ECS instance: 6 hours, as in the real service.
const INSTANCE_LIFETIME: Duration = Duration::from_secs(6 * 3600);
/// Lifetime of the credentials of the credentials URI.
const URI_LIFETIME: Duration = Duration::from_secs(3600);
/// The longest lifetime of a metadata token that the real service accepts, in seconds.
const MAX_TOKEN_SECONDS: u64 = 21_600;

/// Status and body of a response.
type StatusAndBody = (u16, String);

/// The name of the service at a path, for statistics and faults; `None` for a path of the API.
pub fn service_at(path: &str) -> Option<&'static str> {
    match path {
        CREDENTIALS_PATH => Some("CredentialsUri"),
        OIDC_PATH => Some("OidcToken"),
        _ => path.starts_with(METADATA_ROOT).then_some("Metadata"),
    }
}

/// Responds to a request for which [`service_at`] returns a service. `None`: the response does not
/// reach the client.
pub fn respond(
    issuer: &mut Issuer,
    method: &Method,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    now: Timestamp,
) -> Option<StatusAndBody> {
    Some(match (method, path) {
        (&Method::PUT, TOKEN_PATH) if issuer.options.instance.loses_tokens => return None,
        (&Method::GET, CREDENTIALS_PATH) => {
            (200, credentials(issuer, "acs:ram::1234567890123456:user/of-uri", URI_LIFETIME, now))
        }
        (&Method::GET, OIDC_PATH) => oidc_token(issuer, query, now),
        (&Method::PUT, TOKEN_PATH) => metadata_token(issuer, headers, now),
        (&Method::GET, path) => match path.strip_prefix(ROLES_PATH) {
            Some(role) => role_credentials(issuer, role, headers, now),
            None => (404, "not found".to_owned()),
        },
        _ => (405, "method not allowed".to_owned()),
    })
}

fn oidc_token(issuer: &Issuer, query: &str, now: Timestamp) -> StatusAndBody {
    let parameters = RequestParameters::new(RequestParameters::decode(query.as_bytes()));
    let seconds = parameters.get("expires_in").map_or(Ok(3600), str::parse);
    let audience = parameters.get("audience").unwrap_or(oidc::AUDIENCE);
    match seconds {
        Ok(seconds) => (200, issuer.cluster.token(audience, seconds, now)),
        Err(_) => (400, "expires_in is not a number of seconds".to_owned()),
    }
}

fn metadata_token(issuer: &mut Issuer, headers: &HeaderMap, now: Timestamp) -> StatusAndBody {
    if issuer.options.instance.v1_only {
        return (404, "not found".to_owned());
    }
    let seconds = headers.get("x-aliyun-ecs-metadata-token-ttl-seconds");
    let seconds = seconds.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match seconds.filter(|seconds| (1..=MAX_TOKEN_SECONDS).contains(seconds)) {
        Some(seconds) => (200, issuer.issue_metadata_token(Duration::from_secs(seconds), now)),
        None => (400, "bad request".to_owned()),
    }
}

/// The name of the attached role if `role` is empty, and its credentials if `role` is its name.
fn role_credentials(issuer: &mut Issuer, role: &str, headers: &HeaderMap, now: Timestamp) -> StatusAndBody {
    if !is_authorized(issuer, headers, now) {
        return (403, "forbidden".to_owned());
    }
    match issuer.options.instance.role.clone() {
        Some(attached) if role.is_empty() => (200, attached),
        Some(attached) if role == attached => {
            let identity = format!("acs:ram::1234567890123456:assumed-role/{attached}/i-simulated");
            (200, credentials(issuer, &identity, INSTANCE_LIFETIME, now))
        }
        _ => (404, "not found".to_owned()),
    }
}

fn is_authorized(issuer: &Issuer, headers: &HeaderMap, now: Timestamp) -> bool {
    match headers.get("x-aliyun-ecs-metadata-token").map(|token| token.to_str()) {
        Some(Ok(token)) => issuer.is_valid_metadata_token(token, now),
        Some(Err(_)) => false,
        None => !issuer.options.instance.v2_only,
    }
}

fn credentials(issuer: &mut Issuer, identity: &str, lifetime: Duration, now: Timestamp) -> String {
    let mut fields = issuer.issue(identity, lifetime, now).fields();
    fields["LastUpdated"] = json!(format_time(now));
    fields["Code"] = json!("Success");
    fields.to_string()
}
