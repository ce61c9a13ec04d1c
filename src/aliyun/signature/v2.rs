//! RPC signing, version 1.0 with HMAC-SHA1 (the SDKs call it V2): the query carries the signature.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::{
    FORM_CONTENT_TYPE, SignedRequest, SigningContext, canonical_query, encode_parameters, format_date,
    percent_encode, percent_encode_into,
};
use crate::aliyun::request::{Parameter, Request};
use crate::aliyun::secret::Secret;

/// Signs a request for one attempt.
pub fn sign(request: &Request, context: &SigningContext<'_>) -> SignedRequest {
    let string_to_sign = string_to_sign("POST", &canonical_query(parameters(request, context)));
    let signature = signature(&context.credentials.access_key_secret, &string_to_sign);
    let mut query = canonical_query(common_parameters(request, context).chain(pairs(&request.query)));
    query.push_str("&Signature=");
    percent_encode_into(&mut query, &signature);
    let (headers, body) = match &request.form {
        Some(form) => (vec![("content-type", FORM_CONTENT_TYPE.to_owned())], encode_parameters(form)),
        None => (Vec::new(), String::new()),
    };
    SignedRequest { query, headers, body }
}

/// All signed parameters, unencoded and unsorted: the common ones, and those of query and form.
pub fn parameters<'a>(
    request: &'a Request,
    context: &SigningContext<'a>,
) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
    let form = request.form.as_deref().unwrap_or_default();
    common_parameters(request, context).chain(pairs(&request.query)).chain(pairs(form)).collect()
}

/// The text that is signed. It contains the canonical query, encoded a second time.
pub fn string_to_sign(method: &str, canonical_query: &str) -> String {
    format!("{method}&%2F&{}", percent_encode(canonical_query))
}

/// The signature in base64, not yet percent-encoded.
pub fn signature(secret: &Secret, string_to_sign: &str) -> String {
    // The scheme joins two secrets with `&`; the second one is always empty.
    let key = zeroize::Zeroizing::new(format!("{}&", secret.expose()));
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(string_to_sign.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The parameters that every request has, without the signature.
fn common_parameters<'a>(
    request: &Request,
    context: &SigningContext<'a>,
) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
    let credentials = context.credentials;
    let token = credentials.security_token.as_ref();
    [
        ("Action", Cow::Borrowed(request.operation)),
        ("Version", request.version.into()),
        ("Format", "JSON".into()),
        ("Timestamp", format_date(context.now).into()),
        ("SignatureNonce", context.nonce.into()),
        ("SignatureMethod", "HMAC-SHA1".into()),
        ("SignatureVersion", "1.0".into()),
        ("AccessKeyId", credentials.access_key_id.as_str().into()),
    ]
    .into_iter()
    .chain(token.map(|token| ("SecurityToken", token.expose().into())))
    .map(|(name, value)| (name.into(), value))
}

fn pairs(parameters: &[Parameter]) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    parameters.iter().map(|(name, value)| (name.as_ref().into(), value.into()))
}
