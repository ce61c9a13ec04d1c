//! Who calls, and whether what arrived is what they signed: nothing is taken on trust.
//!
//! Everything is recomputed from the request as it came in: for V3 from the headers named in
//! `SignedHeaders` and from the body's bytes, for V2 from the decoded parameters.

use std::{
    borrow::Cow,
    sync::{Mutex, PoisonError},
};

use hyper::{
    HeaderMap, Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use jiff::{SignedDuration, Timestamp};

use crate::aliyun::{
    Secret,
    signature::{canonical_query, v2, v3},
};

use super::{
    KnownKey,
    api::{ApiError, ApiOperation, Parameters, VERSION},
    nonces::UsedNonces,
};

/// How far a request's time may be from ours.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(15);
/// Headers that V3 cannot do without.
const REQUIRED: [&str; 6] =
    ["host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"];

/// A request as it arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct IncomingRequest<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    /// Encoded.
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// What an accepted request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiCall {
    pub(super) operation: ApiOperation,
    pub(super) parameters: Parameters,
}

/// What both schemes say about a request.
struct SignatureClaim<'a> {
    access_key_id: &'a str,
    token: Option<&'a str>,
    date: &'a str,
    nonce: &'a str,
    action: &'a str,
    version: &'a str,
}

/// Whether the answer has to be XML: V2 without `Format=JSON`.
pub(super) fn wants_xml(incoming: &IncomingRequest<'_>) -> bool {
    if incoming.headers.contains_key(AUTHORIZATION) {
        return false;
    }
    let parameters = parameters(incoming);
    !parameters.get("Format").is_some_and(|format| format.eq_ignore_ascii_case("json"))
}

/// The operation that a request says it is for.
pub(super) fn action(incoming: &IncomingRequest<'_>) -> Option<String> {
    match header(incoming.headers, "x-acs-action") {
        Some(action) => Some(action.to_owned()),
        None => parameters(incoming).get("Action").map(str::to_owned),
    }
}

/// Checks everything that comes before an operation's own parameters.
pub(super) fn authenticate(
    incoming: &IncomingRequest<'_>,
    credentials: &[KnownKey],
    nonces: &Mutex<UsedNonces>,
    now: Timestamp,
) -> Result<ApiCall, ApiError> {
    if incoming.method != Method::POST || incoming.path != "/" {
        return Err(ApiError::of("InvalidAction.NotFound"));
    }
    let (signed, credential, parameters) = identify(incoming, credentials, nonces, now)?;
    let operation =
        ApiOperation::named(&signed.action).ok_or_else(|| ApiError::of("InvalidAction.NotFound"))?;
    if signed.version != VERSION {
        return Err(ApiError::of("NoSuchVersion"));
    }
    if !credential.allowed {
        return Err(ApiError::no_permission(operation.as_str()));
    }
    Ok(ApiCall { operation, parameters })
}

/// What a good signature vouches for, whoever the operation belongs to.
#[derive(Debug)]
pub(super) struct SignedAction {
    pub(super) action: String,
    pub(super) version: String,
}

/// Who signed a request. Uses up its nonce.
pub(super) fn identify<'a>(
    incoming: &IncomingRequest<'_>,
    credentials: &'a [KnownKey],
    nonces: &Mutex<UsedNonces>,
    now: Timestamp,
) -> Result<(SignedAction, &'a KnownKey, Parameters), ApiError> {
    let parameters = parameters(incoming);
    let authorization = incoming.headers.get(AUTHORIZATION).map(|value| value.to_str());
    let (claim, credential) = match authorization {
        Some(Ok(authorization)) => verify_v3(incoming, authorization, credentials, now)?,
        Some(Err(_)) => return Err(ApiError::of("IncompleteSignature")),
        None => verify_v2(incoming, &parameters, credentials, now)?,
    };
    let fresh = nonces.lock().unwrap_or_else(PoisonError::into_inner).first_use(
        claim.access_key_id,
        claim.nonce,
        now,
    );
    if !fresh {
        return Err(ApiError::of("SignatureNonceUsed"));
    }
    let signed = SignedAction { action: claim.action.to_owned(), version: claim.version.to_owned() };
    Ok((signed, credential, parameters))
}

/// ACS3-HMAC-SHA256.
fn verify_v3<'r, 'a>(
    incoming: &IncomingRequest<'r>,
    authorization: &'r str,
    credentials: &'a [KnownKey],
    now: Timestamp,
) -> Result<(SignatureClaim<'r>, &'a KnownKey), ApiError> {
    let (access_key_id, names, signature) =
        parse_authorization(authorization).ok_or_else(|| ApiError::of("IncompleteSignature"))?;
    let mut values = [""; REQUIRED.len()];
    for (value, name) in values.iter_mut().zip(REQUIRED) {
        *value = header(incoming.headers, name).ok_or_else(|| {
            ApiError::of(format!("MissingParameter.{name}"))
                .saying(format!("The header {name} is mandatory for this action."))
        })?;
    }
    let [_, action, hash, date, nonce, version] = values;
    let token = header(incoming.headers, "x-acs-security-token");
    let claim = SignatureClaim { access_key_id, token, date, nonce, action, version };
    let credential = accept(&claim, credentials, now)?;

    let signed: Vec<&str> = names.split(';').collect();
    if let Some(unsigned) = must_be_signed(incoming.headers).find(|name| !signed.contains(name)) {
        return Err(
            ApiError::of("IncompleteSignature").saying(format!("The header {unsigned} must be signed."))
        );
    }
    let mut headers: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(signed.len());
    for name in signed {
        let before = headers.len();
        let lines = incoming.headers.get_all(name).iter();
        headers.extend(lines.map(|value| (name, String::from_utf8_lossy(value.as_bytes()))));
        if headers.len() == before {
            return Err(ApiError::of("IncompleteSignature")
                .saying(format!("The header {name} is signed and was not sent.")));
        }
    }
    let payload = v3::hashed_payload(incoming.body);
    if payload != hash {
        return Err(ApiError::of("SignatureDoesNotMatch")
            .saying("x-acs-content-sha256 is not the hash of the body that arrived."));
    }
    let canonical = v3::canonical_request(
        incoming.method.as_str(),
        incoming.path,
        &canonical_query(Parameters::decode(incoming.query.as_bytes())),
        &v3::canonical_headers(&headers),
        names,
        &payload,
    );
    let string_to_sign = v3::string_to_sign(&canonical);
    compare(&v3::signature(&secret(credential), &string_to_sign), signature, &string_to_sign)?;
    Ok((claim, credential))
}

/// RPC with HMAC-SHA1.
fn verify_v2<'r, 'a>(
    incoming: &IncomingRequest<'_>,
    parameters: &'r Parameters,
    credentials: &'a [KnownKey],
    now: Timestamp,
) -> Result<(SignatureClaim<'r>, &'a KnownKey), ApiError> {
    let required = |name: &str| parameters.get(name).ok_or_else(|| ApiError::missing(name));
    let claim = SignatureClaim {
        action: required("Action")?,
        version: required("Version")?,
        access_key_id: required("AccessKeyId")?,
        date: required("Timestamp")?,
        nonce: required("SignatureNonce")?,
        token: parameters.get("SecurityToken"),
    };
    let signature = required("Signature")?;
    if required("SignatureMethod")? != "HMAC-SHA1" {
        return Err(ApiError::invalid("SignatureMethod"));
    }
    if required("SignatureVersion")? != "1.0" {
        return Err(ApiError::invalid("SignatureVersion"));
    }
    let credential = accept(&claim, credentials, now)?;
    let signed = parameters.pairs().iter().filter(|(name, _)| name != "Signature");
    let query = canonical_query(signed.map(|(name, value)| (name, value)));
    let string_to_sign = v2::string_to_sign(incoming.method.as_str(), &query);
    compare(&v2::signature(&secret(credential), &string_to_sign), signature, &string_to_sign)?;
    Ok((claim, credential))
}

/// The credential that a request claims to be signed with, if it may be used now.
fn accept<'a>(
    claim: &SignatureClaim<'_>,
    credentials: &'a [KnownKey],
    now: Timestamp,
) -> Result<&'a KnownKey, ApiError> {
    let well_formed = claim.date.len() == 20 && claim.date.ends_with('Z');
    let date = claim.date.parse::<Timestamp>().ok().filter(|_| well_formed);
    let date = date.ok_or_else(|| ApiError::of("InvalidTimeStamp.Format"))?;
    if date.duration_since(now).abs() > TOLERANCE {
        return Err(ApiError::of("InvalidTimeStamp.Expired"));
    }
    let credential = credentials
        .iter()
        .find(|credential| credential.access_key_id == claim.access_key_id)
        .ok_or_else(|| ApiError::of("InvalidAccessKeyId.NotFound"))?;
    if !credential.active {
        return Err(ApiError::of("InvalidAccessKeyId.Inactive"));
    }
    match (&credential.security_token, claim.token) {
        (None, None) => {}
        // The id of a temporary key means nothing without its token.
        (Some(_), None) => return Err(ApiError::of("InvalidAccessKeyId.NotFound")),
        (None, Some(_)) => return Err(ApiError::of("InvalidSecurityToken.MismatchWithAccessKey")),
        (Some(token), Some(sent)) if token != sent => {
            return Err(ApiError::of("InvalidSecurityToken.Malformed"));
        }
        (Some(_), Some(_)) => {}
    }
    if credential.token_expires.is_some_and(|expires| expires <= now) {
        return Err(ApiError::of("InvalidSecurityToken.Expired"));
    }
    Ok(credential)
}

fn compare(computed: &str, sent: &str, string_to_sign: &str) -> Result<(), ApiError> {
    if computed == sent {
        return Ok(());
    }
    Err(ApiError::of("SignatureDoesNotMatch").saying(format!(
        "Specified signature is not matched with our calculation. server string to sign is:{string_to_sign}"
    )))
}

/// (AccessKey id, signed headers, signature).
fn parse_authorization(authorization: &str) -> Option<(&str, &str, &str)> {
    let rest = authorization.strip_prefix(v3::ALGORITHM)?.strip_prefix(" Credential=")?;
    let (access_key_id, rest) = rest.split_once(",SignedHeaders=")?;
    let (names, signature) = rest.split_once(",Signature=")?;
    let complete = !access_key_id.is_empty() && !names.is_empty() && signature.len() == 64;
    complete.then_some((access_key_id, names, signature))
}

/// Of the headers that arrived, those that must be signed.
fn must_be_signed(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .keys()
        .map(|name| name.as_str())
        .filter(|name| matches!(*name, "host" | "content-type") || name.starts_with("x-acs-"))
}

/// Query and form together.
pub(super) fn parameters(incoming: &IncomingRequest<'_>) -> Parameters {
    let mut pairs = Parameters::decode(incoming.query.as_bytes());
    let form = header(incoming.headers, CONTENT_TYPE.as_str())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if form {
        pairs.extend(Parameters::decode(incoming.body));
    }
    Parameters::new(pairs)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn secret(credential: &KnownKey) -> Secret {
    Secret::new(credential.access_key_secret.clone())
}
