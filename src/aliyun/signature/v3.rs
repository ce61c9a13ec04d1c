//! ACS3-HMAC-SHA256: action, date and nonce are headers, and the signature covers the headers.

use std::borrow::Cow;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::{FORM_CONTENT_TYPE, SignedRequest, SigningContext, encode_parameters, format_date};
use crate::aliyun::request::Request;
use crate::aliyun::secret::Secret;

/// The name of the scheme in `Authorization` and in the string to sign.
pub const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// Signs a request for one attempt.
pub fn sign(request: &Request, context: &SigningContext<'_>) -> SignedRequest {
    let credentials = context.credentials;
    let query = encode_parameters(&request.query);
    let body = request.form.as_deref().map(encode_parameters).unwrap_or_default();
    let payload = hashed_payload(body.as_bytes());

    let mut headers = vec![
        ("host", context.host.to_owned()),
        ("x-acs-action", request.operation.to_owned()),
        ("x-acs-content-sha256", payload.clone()),
        ("x-acs-date", format_date(context.now)),
        ("x-acs-signature-nonce", context.nonce.to_owned()),
        ("x-acs-version", request.version.to_owned()),
    ];
    if request.form.is_some() {
        headers.push(("content-type", FORM_CONTENT_TYPE.to_owned()));
    }
    if let Some(token) = &credentials.security_token {
        headers.push(("x-acs-accesskey-id", credentials.access_key_id.clone()));
        headers.push(("x-acs-security-token", token.expose().to_owned()));
    }

    let names = signed_headers(&headers);
    let canonical = canonical_request("POST", "/", &query, &canonical_headers(&headers), &names, &payload);
    let signature = signature(&credentials.access_key_secret, &string_to_sign(&canonical));
    headers.push(("authorization", authorization(&credentials.access_key_id, &names, &signature)));
    // The first header is `host`, which the HTTP library adds.
    headers.remove(0);
    SignedRequest { query, headers, body }
}

/// One line `name:value` per name, each with a line feed, sorted by lower-case name. Values are
/// trimmed; those of the same name are sorted and joined by commas.
pub fn canonical_headers<N: AsRef<str>, V: AsRef<str>>(headers: &[(N, V)]) -> String {
    let mut lines = String::new();
    let mut last = None;
    for (name, value) in sorted(headers) {
        if last.as_ref() == Some(&name) {
            lines.extend([",", value]);
            continue;
        }
        if last.is_some() {
            lines.push('\n');
        }
        lines.extend([&*name, ":", value]);
        last = Some(name);
    }
    if last.is_some() {
        lines.push('\n');
    }
    lines
}

/// The lower-case names of the headers, sorted, each once, joined by semicolons.
pub fn signed_headers<N: AsRef<str>, V: AsRef<str>>(headers: &[(N, V)]) -> String {
    let mut names: Vec<_> = sorted(headers).into_iter().map(|(name, _)| name).collect();
    names.dedup();
    names.join(";")
}

/// The value of `x-acs-content-sha256`: the SHA-256 of the body in hexadecimal. A request without a
/// body has an empty one.
pub fn hashed_payload(body: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(body))
}

/// The canonical request: its parts, joined by line feeds.
pub fn canonical_request(
    method: &str,
    uri: &str,
    canonical_query: &str,
    canonical_headers: &str,
    signed_headers: &str,
    hashed_payload: &str,
) -> String {
    // The headers end with a line feed, so an empty line follows them.
    [method, uri, canonical_query, canonical_headers, signed_headers, hashed_payload].join("\n")
}

/// The text that is signed: the name of the scheme and the hash of the canonical request.
pub fn string_to_sign(canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{}", HEXLOWER.encode(&Sha256::digest(canonical_request)))
}

/// The signature in hexadecimal: the HMAC of the text, with the secret as its key.
pub fn signature(secret: &Secret, string_to_sign: &str) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(string_to_sign.as_bytes());
    HEXLOWER.encode(&mac.finalize().into_bytes())
}

/// The `Authorization` header.
pub fn authorization(access_key_id: &str, signed_headers: &str, signature: &str) -> String {
    format!("{ALGORITHM} Credential={access_key_id},SignedHeaders={signed_headers},Signature={signature}")
}

/// Lower-case names with trimmed values, sorted.
fn sorted<N: AsRef<str>, V: AsRef<str>>(headers: &[(N, V)]) -> Vec<(Cow<'_, str>, &str)> {
    let mut sorted: Vec<_> =
        headers.iter().map(|(name, value)| (lower_case(name.as_ref()), value.as_ref().trim())).collect();
    sorted.sort();
    sorted
}

fn lower_case(name: &str) -> Cow<'_, str> {
    match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => name.to_ascii_lowercase().into(),
        false => name.into(),
    }
}
