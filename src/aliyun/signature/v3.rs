//! ACS3-HMAC-SHA256: action, date and nonce are headers, and the headers are signed.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::super::{Request, Secret};
use super::{Context, FORM, Signed, date, encoded, hex};

/// The scheme's name in `Authorization` and in the string to sign.
pub const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// Signs a request for one attempt.
pub fn sign(request: &Request, context: &Context<'_>) -> Signed {
    let credentials = context.credentials;
    let query = encoded(&request.query);
    let body = request.form.as_deref().map(encoded).unwrap_or_default();
    let payload = hashed_payload(body.as_bytes());

    let mut headers = vec![
        ("host", context.host.to_owned()),
        ("x-acs-action", request.operation.to_owned()),
        ("x-acs-content-sha256", payload.clone()),
        ("x-acs-date", date(context.now)),
        ("x-acs-signature-nonce", context.nonce.to_owned()),
        ("x-acs-version", request.version.to_owned()),
    ];
    if request.form.is_some() {
        headers.push(("content-type", FORM.to_owned()));
    }
    if let Some(token) = &credentials.security_token {
        headers.push(("x-acs-accesskey-id", credentials.access_key_id.clone()));
        headers.push(("x-acs-security-token", token.expose().to_owned()));
    }

    let names = signed_headers(&headers);
    let canonical = canonical_request("POST", "/", &query, &canonical_headers(&headers), &names, &payload);
    let signature = signature(&credentials.access_key_secret, &string_to_sign(&canonical));
    headers.push(("authorization", authorization(&credentials.access_key_id, &names, &signature)));
    // The first one is `host`: the HTTP library sends it from the URL.
    headers.remove(0);
    Signed { query, headers, body }
}

/// One line `name:value` a header with a line feed after each, sorted by lower-case name; values trimmed.
pub fn canonical_headers<N: AsRef<str>, V: AsRef<str>>(headers: &[(N, V)]) -> String {
    let mut lines = String::new();
    for (name, values) in grouped(headers) {
        lines.push_str(&name);
        lines.push(':');
        lines.push_str(&values.join(","));
        lines.push('\n');
    }
    lines
}

/// The lower-case names of the headers, sorted, each once, joined by semicolons.
pub fn signed_headers<N: AsRef<str>, V: AsRef<str>>(headers: &[(N, V)]) -> String {
    let names: Vec<_> = grouped(headers).into_iter().map(|(name, _)| name).collect();
    names.join(";")
}

/// `x-acs-content-sha256`: the hash of the bytes of the body, of no bytes without one.
pub fn hashed_payload(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

/// The six parts in their lines.
pub fn canonical_request(
    method: &str,
    uri: &str,
    canonical_query: &str,
    canonical_headers: &str,
    signed_headers: &str,
    hashed_payload: &str,
) -> String {
    // The header lines end with a line feed of their own: an empty line follows them.
    [method, uri, canonical_query, canonical_headers, signed_headers, hashed_payload].join("\n")
}

/// The text that is signed: the scheme and the hash of the canonical request.
pub fn string_to_sign(canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{}", hex(&Sha256::digest(canonical_request)))
}

/// The signature in hexadecimal; the secret is the key as it is.
pub fn signature(secret: &Secret, string_to_sign: &str) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(string_to_sign.as_bytes());
    hex(&mac.finalize().into_bytes())
}

/// The `Authorization` header.
pub fn authorization(access_key_id: &str, signed_headers: &str, signature: &str) -> String {
    format!("{ALGORITHM} Credential={access_key_id},SignedHeaders={signed_headers},Signature={signature}")
}

/// Headers by lower-case name; several values of one name sorted.
fn grouped<N: AsRef<str>, V: AsRef<str>>(headers: &[(N, V)]) -> Vec<(String, Vec<&str>)> {
    let mut sorted: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_ref().to_ascii_lowercase(), value.as_ref().trim()))
        .collect();
    sorted.sort();
    let mut groups: Vec<(String, Vec<&str>)> = Vec::with_capacity(sorted.len());
    for (name, value) in sorted {
        match groups.last_mut() {
            Some((last, values)) if *last == name => values.push(value),
            _ => groups.push((name, vec![value])),
        }
    }
    groups
}
