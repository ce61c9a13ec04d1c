//! The caller of a request, and the check of its signature.
//!
//! The signature is computed again from the request as it arrived: for V3 from the headers named in
//! `SignedHeaders` and from the bytes of the body, for V2 from the decoded parameters.

use std::borrow::Cow;

use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{HeaderMap, Method};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use super::api::{ApiError, ApiOperation, RequestParameters, VERSION};
use super::nonces::UsedNonces;
use super::options::KnownKey;
use crate::aliyun::Secret;
use crate::aliyun::signature::{canonical_query, v2, v3};

/// The API's tolerance for the timestamp of a request, in both directions.
const MAX_CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_mins(15);
/// The headers that V3 requires.
const REQUIRED_HEADERS: [&str; 6] =
    ["host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"];

/// A request as it arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct IncomingRequest<'a> {
    /// The HTTP method.
    pub(super) method: &'a Method,
    /// The path of the URL.
    pub(super) path: &'a str,
    /// The query, still percent-encoded.
    pub(super) query: &'a str,
    /// All headers.
    pub(super) headers: &'a HeaderMap,
    /// The whole body.
    pub(super) body: &'a [u8],
}

/// An authenticated request of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AuthenticatedCall {
    /// The operation. The caller has the permission for it.
    pub(super) operation: ApiOperation,
    /// The parameters of query and form together.
    pub(super) parameters: RequestParameters,
}

/// The caller and the operation that a request claims, in both signature versions. The claim is
/// trusted only after the signature has been verified.
struct SignatureClaim<'a> {
    access_key_id: &'a str,
    token: Option<&'a str>,
    date: &'a str,
    nonce: &'a str,
    action: &'a str,
    version: &'a str,
}

/// Whether the caller expects XML: V2 without `Format=JSON`.
pub(super) fn wants_xml(incoming: &IncomingRequest<'_>) -> bool {
    if incoming.headers.contains_key(AUTHORIZATION) {
        return false;
    }
    let parameters = parameters(incoming);
    !parameters.get("Format").is_some_and(|format| format.eq_ignore_ascii_case("json"))
}

/// The name of the operation that a request calls; `None` if the request does not name one.
pub(super) fn action(incoming: &IncomingRequest<'_>) -> Option<String> {
    match header(incoming.headers, "x-acs-action") {
        Some(action) => Some(action.to_owned()),
        None => parameters(incoming).get("Action").map(str::to_owned),
    }
}

/// Checks everything before an operation's own parameters: signature, nonce, version, permission.
///
/// # Errors
/// The API's error for the first check that fails.
pub(super) fn authenticate(
    incoming: &IncomingRequest<'_>,
    keys: &[KnownKey],
    nonces: &Mutex<UsedNonces>,
    now: Timestamp,
) -> Result<AuthenticatedCall, ApiError> {
    if incoming.method != Method::POST || incoming.path != "/" {
        return Err(ApiError::of("InvalidAction.NotFound"));
    }
    let (signed, key, parameters) = identify(incoming, keys, nonces, now)?;
    let operation =
        ApiOperation::named(&signed.action).ok_or_else(|| ApiError::of("InvalidAction.NotFound"))?;
    if signed.version != VERSION {
        return Err(ApiError::of("NoSuchVersion"));
    }
    if !key.allowed {
        return Err(ApiError::no_permission(operation.as_str()));
    }
    Ok(AuthenticatedCall { operation, parameters })
}

/// The operation of the API or of STS that a valid signature confirms.
#[derive(Debug)]
pub(super) struct SignedAction {
    /// `Action`.
    pub(super) action: String,
    /// `Version`.
    pub(super) version: String,
}

/// Verifies the signature of a request and records its nonce. Returns the AccessKey that signed it.
///
/// # Errors
/// The API's error for a missing parameter, an unusable AccessKey, a wrong signature or a used
/// nonce.
pub(super) fn identify<'a>(
    incoming: &IncomingRequest<'_>,
    keys: &'a [KnownKey],
    nonces: &Mutex<UsedNonces>,
    now: Timestamp,
) -> Result<(SignedAction, &'a KnownKey, RequestParameters), ApiError> {
    let parameters = parameters(incoming);
    let authorization = incoming.headers.get(AUTHORIZATION).map(|value| value.to_str());
    let (claim, key) = match authorization {
        Some(Ok(authorization)) => verify_v3(incoming, authorization, keys, now)?,
        Some(Err(_)) => return Err(ApiError::of("IncompleteSignature")),
        None => verify_v2(incoming, &parameters, keys, now)?,
    };
    if !nonces.lock().record(claim.access_key_id, claim.nonce, now) {
        return Err(ApiError::of("SignatureNonceUsed"));
    }
    let signed = SignedAction { action: claim.action.to_owned(), version: claim.version.to_owned() };
    Ok((signed, key, parameters))
}

/// Verifies a V3 signature, ACS3-HMAC-SHA256.
fn verify_v3<'r, 'a>(
    incoming: &IncomingRequest<'r>,
    authorization: &'r str,
    keys: &'a [KnownKey],
    now: Timestamp,
) -> Result<(SignatureClaim<'r>, &'a KnownKey), ApiError> {
    let (access_key_id, names, signature) =
        parse_authorization(authorization).ok_or_else(|| ApiError::of("IncompleteSignature"))?;
    let (claim, claimed_hash) = claim_v3(incoming, access_key_id)?;
    let key = find_key(&claim, keys, now)?;
    let headers = signed_headers(incoming, names)?;
    let payload = v3::hashed_payload(incoming.body);
    if payload != claimed_hash {
        return Err(ApiError::of("SignatureDoesNotMatch")
            .with_message("x-acs-content-sha256 is not the hash of the body that arrived."));
    }
    let canonical = v3::canonical_request(
        incoming.method.as_str(),
        incoming.path,
        &canonical_query(RequestParameters::decode(incoming.query.as_bytes())),
        &v3::canonical_headers(&headers),
        names,
        &payload,
    );
    let string_to_sign = v3::string_to_sign(&canonical);
    compare(&v3::signature(&secret(key), &string_to_sign), signature, &string_to_sign)?;
    Ok((claim, key))
}

/// The claim of a V3 request, and the hash of the body that the request claims.
fn claim_v3<'r>(
    incoming: &IncomingRequest<'r>,
    access_key_id: &'r str,
) -> Result<(SignatureClaim<'r>, &'r str), ApiError> {
    let mut values = [""; REQUIRED_HEADERS.len()];
    for (value, name) in values.iter_mut().zip(REQUIRED_HEADERS) {
        *value = header(incoming.headers, name).ok_or_else(|| {
            ApiError::of(format!("MissingParameter.{name}"))
                .with_message(format!("The header {name} is mandatory for this action."))
        })?;
    }
    let [_, action, hash, date, nonce, version] = values;
    let token = header(incoming.headers, "x-acs-security-token");
    Ok((SignatureClaim { access_key_id, token, date, nonce, action, version }, hash))
}

/// The headers that `names`, the value of `SignedHeaders`, lists. It is an error if a header that
/// must be signed is not among them, or if a listed header was not sent.
fn signed_headers<'r>(
    incoming: &IncomingRequest<'r>,
    names: &'r str,
) -> Result<Vec<(&'r str, Cow<'r, str>)>, ApiError> {
    let names: Vec<&str> = names.split(';').collect();
    let incomplete = |message: String| ApiError::of("IncompleteSignature").with_message(message);
    if let Some(unsigned) = must_be_signed(incoming.headers).find(|name| !names.contains(name)) {
        return Err(incomplete(format!("The header {unsigned} must be signed.")));
    }
    let mut headers: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(names.len());
    for name in names {
        let before = headers.len();
        let values = incoming.headers.get_all(name).iter();
        headers.extend(values.map(|value| (name, String::from_utf8_lossy(value.as_bytes()))));
        if headers.len() == before {
            return Err(incomplete(format!("The header {name} is signed and was not sent.")));
        }
    }
    Ok(headers)
}

/// Verifies a V2 signature, HMAC-SHA1.
fn verify_v2<'r, 'a>(
    incoming: &IncomingRequest<'_>,
    parameters: &'r RequestParameters,
    keys: &'a [KnownKey],
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
    let key = find_key(&claim, keys, now)?;
    let signed = parameters.pairs().iter().filter(|(name, _)| name != "Signature");
    let query = canonical_query(signed.map(|(name, value)| (name, value)));
    let string_to_sign = v2::string_to_sign(incoming.method.as_str(), &query);
    compare(&v2::signature(&secret(key), &string_to_sign), signature, &string_to_sign)?;
    Ok((claim, key))
}

/// The AccessKey that a request claims to be signed with, if it may be used now.
fn find_key<'a>(
    claim: &SignatureClaim<'_>,
    keys: &'a [KnownKey],
    now: Timestamp,
) -> Result<&'a KnownKey, ApiError> {
    let well_formed = claim.date.len() == 20 && claim.date.ends_with('Z');
    let date = claim.date.parse::<Timestamp>().ok().filter(|_| well_formed);
    let date = date.ok_or_else(|| ApiError::of("InvalidTimeStamp.Format"))?;
    if date.duration_since(now).abs() > MAX_CLOCK_DIFFERENCE {
        return Err(ApiError::of("InvalidTimeStamp.Expired"));
    }
    let key = keys
        .iter()
        .find(|key| key.access_key_id == claim.access_key_id)
        .ok_or_else(|| ApiError::of("InvalidAccessKeyId.NotFound"))?;
    if !key.active {
        return Err(ApiError::of("InvalidAccessKeyId.Inactive"));
    }
    match (&key.security_token, claim.token) {
        (None, None) => {}
        // Without its token, the id of a temporary AccessKey is unknown.
        (Some(_), None) => return Err(ApiError::of("InvalidAccessKeyId.NotFound")),
        (None, Some(_)) => return Err(ApiError::of("InvalidSecurityToken.MismatchWithAccessKey")),
        (Some(token), Some(sent)) if token != sent => {
            return Err(ApiError::of("InvalidSecurityToken.Malformed"));
        }
        (Some(_), Some(_)) => {}
    }
    if key.token_expires.is_some_and(|expires| expires <= now) {
        return Err(ApiError::of("InvalidSecurityToken.Expired"));
    }
    Ok(key)
}

fn compare(computed: &str, sent: &str, string_to_sign: &str) -> Result<(), ApiError> {
    if computed == sent {
        return Ok(());
    }
    Err(ApiError::of("SignatureDoesNotMatch").with_message(format!(
        "Specified signature is not matched with our calculation. server string to sign is:{string_to_sign}"
    )))
}

/// Splits an `Authorization` header into AccessKey id, names of signed headers, and signature.
fn parse_authorization(authorization: &str) -> Option<(&str, &str, &str)> {
    let rest = authorization.strip_prefix(v3::ALGORITHM)?.strip_prefix(" Credential=")?;
    let (access_key_id, rest) = rest.split_once(",SignedHeaders=")?;
    let (names, signature) = rest.split_once(",Signature=")?;
    let complete = !access_key_id.is_empty() && !names.is_empty() && signature.len() == 64;
    complete.then_some((access_key_id, names, signature))
}

/// The headers of a request that must be signed.
fn must_be_signed(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .keys()
        .map(|name| name.as_str())
        .filter(|name| matches!(*name, "host" | "content-type") || name.starts_with("x-acs-"))
}

/// The parameters of query and form together.
pub(super) fn parameters(incoming: &IncomingRequest<'_>) -> RequestParameters {
    let mut pairs = RequestParameters::decode(incoming.query.as_bytes());
    let form = header(incoming.headers, CONTENT_TYPE.as_str())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if form {
        pairs.extend(RequestParameters::decode(incoming.body));
    }
    RequestParameters::new(pairs)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn secret(key: &KnownKey) -> Secret {
    Secret::new(key.access_key_secret.clone())
}
