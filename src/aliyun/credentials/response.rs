//! Parses the JSON responses that contain temporary credentials.

use jiff::Timestamp;
use serde::Deserialize;

use super::error::Error;
use crate::aliyun::access_key::Credentials;
use crate::aliyun::secret::Secret;
use crate::document::strip_byte_order_mark;

/// A response of STS; its other fields are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StsResponse {
    credentials: Option<TemporaryKey>,
}

/// A response of the metadata service or of a credentials URI: credentials at the top level.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FlatResponse {
    code: Option<String>,
    #[serde(flatten)]
    credentials: TemporaryKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TemporaryKey {
    access_key_id: Option<String>,
    access_key_secret: Option<String>,
    security_token: Option<String>,
    expiration: Option<String>,
}

/// Parses a response of STS. `source_name` is the source that an error belongs to.
pub(super) fn parse_sts(source_name: &'static str, body: &[u8]) -> Result<Credentials, Error> {
    let response: StsResponse = parse(source_name, body)?;
    let credentials = response.credentials.ok_or_else(|| missing(source_name, "Credentials"))?;
    credentials.into_credentials(source_name)
}

/// Parses a response of the metadata service or of a credentials URI. A `Code` other than `Success`
/// is an error, even with HTTP status 200.
pub(super) fn parse_flat(source_name: &'static str, body: &[u8]) -> Result<Credentials, Error> {
    let response: FlatResponse = parse(source_name, body)?;
    match response.code.as_deref() {
        None | Some("Success") => response.credentials.into_credentials(source_name),
        Some(code) => {
            let code: String = code.chars().filter(char::is_ascii_graphic).take(100).collect();
            Err(Error::new(source_name, format!("the response has the error code {code}")))
        }
    }
}

impl TemporaryKey {
    fn into_credentials(self, source_name: &'static str) -> Result<Credentials, Error> {
        let required = |field, value: Option<String>| {
            value.filter(|value| !value.is_empty()).ok_or_else(|| missing(source_name, field))
        };
        let id = required("AccessKeyId", self.access_key_id)?;
        let secret = Secret::new(required("AccessKeySecret", self.access_key_secret)?);
        let token = Secret::new(required("SecurityToken", self.security_token)?);
        let expires: Timestamp = required("Expiration", self.expiration)?
            .parse()
            .map_err(|_| Error::new(source_name, "the response's Expiration is not an RFC 3339 time"))?;
        Ok(Credentials { expires: Some(expires), ..Credentials::new(id, secret, Some(token)) })
    }
}

fn parse<'a, T: Deserialize<'a>>(source_name: &'static str, body: &'a [u8]) -> Result<T, Error> {
    // The message has only the position, because the parser's message may quote a secret.
    serde_json::from_slice(strip_byte_order_mark(body)).map_err(|error| {
        let message = format!("the response is not the expected JSON (column {})", error.column());
        Error::new(source_name, message)
    })
}

fn missing(source_name: &'static str, field: &str) -> Error {
    Error::new(source_name, format!("the response has no {field}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STS: &[u8] = include_bytes!("../../../tests/data/samples/sts_assume_role.json");
    const STS_OIDC: &[u8] = include_bytes!("../../../tests/data/samples/sts_assume_role_with_oidc.json");
    const METADATA: &[u8] = include_bytes!("../../../tests/data/samples/ecs_metadata_credentials.json");
    const URI: &[u8] = include_bytes!("../../../tests/data/samples/credentials_uri.json");

    #[test]
    fn credentials_are_parsed_from_every_kind_of_response() {
        for (credentials, token, hour) in [
            (parse_sts("test", STS), "CAISexample+token/role==", "09"),
            (parse_sts("test", STS_OIDC), "CAISexample+token/oidc==", "09"),
            (parse_flat("test", METADATA), "CAISexample+token/ecs==", "14"),
            (parse_flat("test", URI), "CAISexample+token/uri==", "09"),
            (parse_flat("test", &["\u{feff}".as_bytes(), URI].concat()), "CAISexample+token/uri==", "09"),
        ] {
            let credentials = credentials.unwrap();
            assert_eq!(credentials.access_key_id, "STS.exampleAccessKeyId");
            assert_eq!(credentials.access_key_secret, Secret::new("exampleAccessKeySecret"));
            assert_eq!(credentials.security_token, Some(Secret::new(token)));
            assert_eq!(credentials.expires.unwrap().to_string(), format!("2026-11-22T{hour}:00:00Z"));
        }
    }

    #[test]
    fn an_expiry_with_offset_and_fraction_is_parsed() {
        let text = String::from_utf8_lossy(URI).replace("09:00:00Z", "17:00:00.5+08:00");
        let expires = parse_flat("test", text.as_bytes()).unwrap().expires.unwrap();
        assert_eq!(expires.to_string(), "2026-11-22T09:00:00.5Z");
    }

    #[test]
    fn an_error_names_the_missing_field_and_contains_no_value() {
        let error = |body: &str| parse_flat("test", body.as_bytes()).unwrap_err().to_string();
        for field in ["AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration"] {
            let mut fields: serde_json::Map<_, _> = serde_json::from_slice(URI).unwrap();
            fields.remove(field);
            let body = serde_json::to_string(&fields).unwrap();
            assert!(error(&body).ends_with(&format!("has no {field}")));
        }
        assert!(error(r#"{"Code":"Failed"}"#).ends_with("has the error code Failed"));
        assert!(parse_sts("test", b"{}").is_err());
        for body in [r#"{"AccessKeySecret":["hunter2"]}"#, "hunter2", ""] {
            assert!(!error(body).contains("hunter2"), "{}", error(body));
        }
    }
}
