//! RPC signing, version 1.0 with HMAC-SHA1 ("V2" by the name of the SDKs): everything is in the query.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::super::{Request, Secret};
use super::{Context, FORM, Signed, canonical_query, date, encode, encode_into, encoded};

/// Signs a request for one attempt.
pub fn sign(request: &Request, context: &Context<'_>) -> Signed {
    let string_to_sign = string_to_sign("POST", &canonical_query(parameters(request, context)));
    let signature = signature(&context.credentials.access_key_secret, &string_to_sign);
    let mut query = canonical_query(common(request, context).chain(pairs(&request.query)));
    query.push_str("&Signature=");
    encode_into(&mut query, &signature);
    let (headers, body) = match &request.form {
        Some(form) => (vec![("content-type", FORM.to_owned())], encoded(form)),
        None => (Vec::new(), String::new()),
    };
    Signed { query, headers, body }
}

/// All that is signed, unencoded and unsorted: the common parameters, the query's and the form's.
pub fn parameters<'a>(request: &'a Request, context: &Context<'a>) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
    let form = request.form.as_deref().unwrap_or_default();
    common(request, context).chain(pairs(&request.query)).chain(pairs(form)).collect()
}

/// The text that is signed: the canonical query is encoded for a second time.
pub fn string_to_sign(method: &str, canonical_query: &str) -> String {
    format!("{method}&%2F&{}", encode(canonical_query))
}

/// The signature, in base64, not yet encoded for the URL.
pub fn signature(secret: &Secret, string_to_sign: &str) -> String {
    // The key's `&` stands before a second secret that no longer exists.
    let key = zeroize::Zeroizing::new(format!("{}&", secret.expose()));
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(string_to_sign.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn common<'a>(
    request: &Request,
    context: &Context<'a>,
) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
    let credentials = context.credentials;
    let token = credentials.security_token.as_ref();
    [
        ("Action", Cow::Borrowed(request.operation)),
        ("Version", request.version.into()),
        ("Format", "JSON".into()),
        ("Timestamp", date(context.now).into()),
        ("SignatureNonce", context.nonce.into()),
        ("SignatureMethod", "HMAC-SHA1".into()),
        ("SignatureVersion", "1.0".into()),
        ("AccessKeyId", credentials.access_key_id.as_str().into()),
    ]
    .into_iter()
    .chain(token.map(|token| ("SecurityToken", token.expose().into())))
    .map(|(name, value)| (name.into(), value))
}

fn pairs(
    parameters: &[super::super::request::Parameter],
) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    parameters.iter().map(|(name, value)| (name.as_ref().into(), value.into()))
}
