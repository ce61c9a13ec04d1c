//! Who the credentials belong to: `GetCallerIdentity` of the Security Token Service (STS).
//!
//! It needs no permission, so it tells a wrong key from a missing permission. Source: "Resource Access
//! Management: GetCallerIdentity".

use serde::Deserialize;

use super::{Call, Error, Request};

/// The operation's name.
pub const GET_CALLER_IDENTITY: &str = "GetCallerIdentity";

/// Version of the service's API.
const VERSION: &str = "2015-04-01";

/// The host that serves every region.
pub const STS_HOST: &str = "sts.aliyuncs.com";

/// Whom the service takes the caller for. Texts are empty where it leaves them out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Identity {
    /// `Account`, `RAMUser` or `AssumedRoleUser`.
    pub identity_type: String,
    /// The Alibaba Cloud account.
    pub account_id: String,
    /// Name of the user or role in full, e.g. `acs:ram::1234567890123456:user/exporter`.
    pub arn: String,
}

/// Asks who calls. `client` must be one of the Security Token Service.
///
/// # Errors
///
/// Whatever a call can fail with; an answer without any identity is a protocol error.
pub async fn caller_identity<C: Call>(client: &C) -> Result<Identity, Error> {
    client
        .call(&Request::new(GET_CALLER_IDENTITY, VERSION), |body: &[u8]| {
            let identity: Identity = serde_json::from_slice(body)
                .map_err(|_| Error::protocol(GET_CALLER_IDENTITY, "the answer is no identity"))?;
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
    use crate::aliyun::Kind;

    /// Answers with its bytes.
    struct Fixed(&'static str);

    impl Call for Fixed {
        async fn call<T: Send>(
            &self,
            _request: &Request,
            read: impl Fn(&[u8]) -> Result<T, Error> + Send + Sync,
        ) -> Result<T, Error> {
            read(self.0.as_bytes())
        }
    }

    #[tokio::test]
    async fn the_caller_is_named_and_unknown_fields_are_no_obstacle() {
        let answer = r#"{"RequestId":"1","IdentityType":"RAMUser","AccountId":"12","PrincipalId":"3",
                         "UserId":"3","Arn":"acs:ram::12:user/exporter","New":{}}"#;
        let identity = caller_identity(&Fixed(answer)).await.unwrap();
        assert_eq!((identity.identity_type.as_str(), identity.account_id.as_str()), ("RAMUser", "12"));
        assert_eq!(identity.arn, "acs:ram::12:user/exporter");
    }

    #[tokio::test]
    async fn what_is_no_identity_is_an_error() {
        for answer in ["[]", "{}", r#"{"RequestId":"1"}"#] {
            let error = caller_identity(&Fixed(answer)).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Protocol, "{answer}");
        }
    }
}
