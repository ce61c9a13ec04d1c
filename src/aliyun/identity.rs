//! The identity that credentials belong to: `GetCallerIdentity` of the Security Token Service
//! (STS).
//!
//! The operation needs no permission, so its success distinguishes a missing permission from a
//! wrong key. Source: "Resource Access Management: GetCallerIdentity".

use serde::Deserialize;

use super::client::Call;
use super::error::Error;
use super::request::Request;

/// Name of the operation that returns the caller's identity.
pub const GET_CALLER_IDENTITY: &str = "GetCallerIdentity";

/// Version of the service's API.
const VERSION: &str = "2015-04-01";

/// The host that serves all regions.
pub const STS_HOST: &str = "sts.aliyuncs.com";

/// The caller as the service identifies it. A field that the response lacks is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CallerIdentity {
    /// `Account`, `RAMUser` or `AssumedRoleUser`.
    pub identity_type: String,
    /// The id of the Alibaba Cloud account.
    pub account_id: String,
    /// The user or role, e.g. `acs:ram::1234567890123456:user/exporter`.
    pub arn: String,
}

/// Calls [`GET_CALLER_IDENTITY`]. `client` must be a client of STS.
///
/// # Errors
/// Any error of a call; a response without an identity is a protocol error.
pub async fn get_caller_identity<C: Call>(client: &C) -> Result<CallerIdentity, Error> {
    client
        .call(&Request::new(GET_CALLER_IDENTITY, VERSION), |body: &[u8]| {
            let identity: CallerIdentity = serde_json::from_slice(body)
                .map_err(|_| Error::protocol(GET_CALLER_IDENTITY, "the response is not an identity"))?;
            if identity.arn.is_empty() && identity.account_id.is_empty() {
                return Err(Error::from_body(GET_CALLER_IDENTITY, 200, body));
            }
            Ok(identity)
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aliyun::ErrorKind;

    /// Responds with a fixed body.
    struct FixedResponse(&'static str);

    impl Call for FixedResponse {
        async fn call<T: Send>(
            &self,
            _request: &Request,
            parse: impl Fn(&[u8]) -> Result<T, Error> + Send + Sync,
        ) -> Result<T, Error> {
            parse(self.0.as_bytes())
        }
    }

    #[tokio::test]
    async fn the_identity_is_parsed_and_unknown_fields_are_ignored() {
        let body = r#"{"RequestId":"1","IdentityType":"RAMUser","AccountId":"12","PrincipalId":"3",
                         "UserId":"3","Arn":"acs:ram::12:user/exporter","New":{}}"#;
        let identity = get_caller_identity(&FixedResponse(body)).await.unwrap();
        assert_eq!((identity.identity_type.as_str(), identity.account_id.as_str()), ("RAMUser", "12"));
        assert_eq!(identity.arn, "acs:ram::12:user/exporter");
    }

    #[tokio::test]
    async fn a_response_without_an_identity_is_an_error() {
        for body in ["[]", "{}", r#"{"RequestId":"1"}"#] {
            let error = get_caller_identity(&FixedResponse(body)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{body}");
        }
    }
}
