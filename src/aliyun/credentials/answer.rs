//! Temporary credentials as services hand them out, in JSON.

use jiff::Timestamp;
use serde::Deserialize;

use super::super::Secret;
use super::{Credentials, Error};

/// What STS answers, of which only this matters.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfSts {
    credentials: Option<Temporary>,
}

/// What the metadata service and credentials URIs answer: no level between.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Flat {
    code: Option<String>,
    #[serde(flatten)]
    credentials: Temporary,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Temporary {
    access_key_id: Option<String>,
    access_key_secret: Option<String>,
    security_token: Option<String>,
    expiration: Option<String>,
}

/// An answer of STS.
pub(super) fn of_sts(from: &'static str, body: &[u8]) -> Result<Credentials, Error> {
    let answer: OfSts = parse(from, body)?;
    let credentials = answer.credentials.ok_or_else(|| without(from, "Credentials"))?;
    credentials.checked(from)
}

/// An answer of the metadata service or of a credentials URI. Whatever its status, a `Code` other than `Success` is
/// a refusal.
pub(super) fn flat(from: &'static str, body: &[u8]) -> Result<Credentials, Error> {
    let answer: Flat = parse(from, body)?;
    match answer.code.as_deref() {
        None | Some("Success") => answer.credentials.checked(from),
        Some(code) => {
            let code: String = code.chars().filter(char::is_ascii_graphic).take(100).collect();
            Err(Error::new(from, format!("the answer's code is {code}")))
        }
    }
}

impl Temporary {
    fn checked(self, from: &'static str) -> Result<Credentials, Error> {
        let there = |field, value: Option<String>| {
            value.filter(|value| !value.is_empty()).ok_or_else(|| without(from, field))
        };
        let id = there("AccessKeyId", self.access_key_id)?;
        let secret = Secret::new(there("AccessKeySecret", self.access_key_secret)?);
        let token = Secret::new(there("SecurityToken", self.security_token)?);
        let expires: Timestamp = there("Expiration", self.expiration)?
            .parse()
            .map_err(|_| Error::new(from, "the answer's Expiration is no RFC 3339 time"))?;
        Ok(Credentials { expires: Some(expires), ..Credentials::new(id, secret, Some(token)) })
    }
}

fn parse<'a, T: Deserialize<'a>>(from: &'static str, body: &'a [u8]) -> Result<T, Error> {
    // The parser's own words may quote a value.
    serde_json::from_slice(body).map_err(|error| {
        Error::new(from, format!("the answer is not the JSON it should be (column {})", error.column()))
    })
}

fn without(from: &'static str, field: &str) -> Error {
    Error::new(from, format!("the answer has no {field}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_STS: &[u8] = include_bytes!("../../../tests/data/samples/sts_assume_role.json");
    const OF_OIDC: &[u8] = include_bytes!("../../../tests/data/samples/sts_assume_role_with_oidc.json");
    const OF_METADATA: &[u8] = include_bytes!("../../../tests/data/samples/ecs_metadata_credentials.json");
    const OF_URI: &[u8] = include_bytes!("../../../tests/data/samples/credentials_uri.json");

    #[test]
    fn every_kind_of_answer_is_read() {
        for (credentials, token, hour) in [
            (of_sts("test", OF_STS), "CAISexample+token/role==", "09"),
            (of_sts("test", OF_OIDC), "CAISexample+token/oidc==", "09"),
            (flat("test", OF_METADATA), "CAISexample+token/ecs==", "14"),
            (flat("test", OF_URI), "CAISexample+token/uri==", "09"),
        ] {
            let credentials = credentials.unwrap();
            assert_eq!(credentials.access_key_id, "STS.exampleAccessKeyId");
            assert_eq!(credentials.access_key_secret, Secret::new("exampleAccessKeySecret"));
            assert_eq!(credentials.security_token, Some(Secret::new(token)));
            assert_eq!(credentials.expires.unwrap().to_string(), format!("2026-11-22T{hour}:00:00Z"));
        }
    }

    #[test]
    fn an_end_may_be_written_in_any_rfc_3339() {
        let text = String::from_utf8_lossy(OF_URI).replace("09:00:00Z", "17:00:00.5+08:00");
        let expires = flat("test", text.as_bytes()).unwrap().expires.unwrap();
        assert_eq!(expires.to_string(), "2026-11-22T09:00:00.5Z");
    }

    #[test]
    fn an_answer_that_lacks_something_is_refused_by_name_and_without_a_value() {
        let told = |body: &str| flat("test", body.as_bytes()).unwrap_err().to_string();
        for field in ["AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration"] {
            let mut fields: serde_json::Map<_, _> = serde_json::from_slice(OF_URI).unwrap();
            fields.remove(field);
            let body = serde_json::to_string(&fields).unwrap();
            assert!(told(&body).ends_with(&format!("has no {field}")));
        }
        assert!(told(r#"{"Code":"Failed"}"#).ends_with("code is Failed"));
        assert!(of_sts("test", b"{}").is_err());
        for body in [r#"{"AccessKeySecret":["hunter2"]}"#, "hunter2", ""] {
            assert!(!told(body).contains("hunter2"), "{}", told(body));
        }
    }
}
