//! Errors of the API: code, status and message, and their bodies.

use std::{borrow::Cow, time::Duration};

use super::json::{raw, text};

/// The host that answers say they come from, whatever the real one is.
const HOST_ID: &str = "appstream-center.cn-shanghai.aliyuncs.com";

/// An error as the API answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct ApiError {
    /// HTTP status.
    pub(in super::super) status: u16,
    /// `Code`.
    pub(in super::super) code: Cow<'static, str>,
    /// `Message`.
    pub(in super::super) message: Cow<'static, str>,
    /// `x-acs-retry-after`.
    pub(in super::super) retry_after: Option<Duration>,
    /// `AccessDeniedDetail.AuthAction`, for a missing permission.
    pub(in super::super) denied_action: Option<String>,
}

impl ApiError {
    /// An error of this code, with the message and the status that go with it.
    pub(in super::super) fn of(code: impl Into<Cow<'static, str>>) -> Self {
        let code = code.into();
        let (status, message) = known(&code);
        Self { status, message, code, retry_after: None, denied_action: None }
    }

    /// The same with another message.
    pub(in super::super) fn saying(self, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), ..self }
    }

    /// A required parameter that is not there.
    pub(in super::super) fn missing(parameter: &str) -> Self {
        Self::of(format!("Missing{parameter}")).saying(format!("{parameter} is mandatory for this action."))
    }

    /// A parameter whose value cannot be.
    pub(in super::super) fn invalid(parameter: &str) -> Self {
        Self::of(format!("InvalidParameter.{parameter}"))
            .saying(format!("The parameter {parameter} is invalid."))
    }

    /// A group that is not there.
    pub(in super::super) fn group_not_found(group_id: &str) -> Self {
        Self::of("InvalidAppInstanceGroup.NotFound")
            .saying(format!("The AppInstanceGroupId {group_id} is not found."))
    }

    /// A key without the permission for an operation.
    pub(in super::super) fn no_permission(operation: &str) -> Self {
        Self { denied_action: Some(format!("appstreaming:{operation}")), ..Self::of("NoPermission") }
    }

    /// Over the limit of requests per second.
    pub(in super::super) fn throttled(retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::of("Throttling.User") }
    }

    /// The body in JSON.
    pub(in super::super) fn json(&self, request_id: &str) -> Vec<u8> {
        let mut body = Vec::with_capacity(512);
        text(&mut body, "{\"RequestId\":", request_id);
        text(&mut body, ",\"HostId\":", HOST_ID);
        text(&mut body, ",\"Code\":", &self.code);
        text(&mut body, ",\"Message\":", &self.message);
        text(&mut body, ",\"Recommend\":", &self.recommend(request_id));
        if let Some(action) = &self.denied_action {
            text(&mut body, ",\"AccessDeniedDetail\":{\"AuthAction\":", action);
            raw(
                &mut body,
                concat!(
                    r#","AuthPrincipalType":"SubUser","AuthPrincipalOwnerId":"1234567890123456","#,
                    r#""AuthPrincipalDisplayName":"234567890123456789","NoPermissionType":"ImplicitDeny","#,
                    r#""PolicyType":"AccountLevelIdentityBasedPolicy","#,
                    r#""EncodedDiagnosticMessage":"AQEAAAAAZBgxr0U1MjA1NTM1LUM4BBktMzE5RS1CODgxLUU1QTI0RDNFQTM1"}"#
                ),
            );
        }
        body.push(b'}');
        body
    }

    /// The body in XML, for those who did not ask for JSON.
    pub(in super::super) fn xml(&self, request_id: &str) -> Vec<u8> {
        let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        format!(
            "<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>{request_id}</RequestId>\
             <HostId>{HOST_ID}</HostId><Code>{}</Code><Message>{}</Message>\
             <Recommend>{}</Recommend></Error>",
            escape(&self.code),
            escape(&self.message),
            escape(&self.recommend(request_id)),
        )
        .into_bytes()
    }

    fn recommend(&self, request_id: &str) -> String {
        let code = &self.code;
        format!(
            "https://api.alibabacloud.com/troubleshoot?q={code}&product=appstream-center&requestId={request_id}"
        )
    }
}

/// Status and message that go with a code.
fn known(code: &str) -> (u16, Cow<'static, str>) {
    let (status, message) = match code {
        "Throttling" => (400, "Request was denied due to request throttling."),
        "Throttling.User" => (400, "Request was denied due to user flow control."),
        "Throttling.Api" => (400, "Request was denied due to api flow control."),
        "ServiceUnavailable" => (503, "The request has failed due to a temporary failure of the server."),
        "InternalError" => (500, "The request processing has failed due to some unknown error."),
        "SignatureNonceUsed" => (400, "Specified signature nonce was used already."),
        "InvalidTimeStamp.Expired" => (400, "Specified time stamp or date value is expired."),
        "InvalidTimeStamp.Format" => (400, "Specified time stamp or date value is not well formatted."),
        "SignatureDoesNotMatch" => (400, "Specified signature is not matched with our calculation."),
        "IncompleteSignature" => (400, "The request signature does not conform to Alibaba Cloud standards."),
        "InvalidAccessKeyId.NotFound" => (404, "Specified access key is not found."),
        "InvalidAccessKeyId.Inactive" => (400, "Specified access key is disabled."),
        "InvalidSecurityToken.Expired" => (400, "Specified SecurityToken is expired."),
        "InvalidSecurityToken.Malformed" => (400, "Specified SecurityToken is malformed."),
        "InvalidSecurityToken.MismatchWithAccessKey" => {
            (400, "Specified SecurityToken mismatch with the AccessKey.")
        }
        "NoPermission" => (403, "You are not authorized to do this action. You should be authorized by RAM."),
        "Forbidden.RAM" => (
            403,
            "User not authorized to operate on the specified resource, or this API does not support RAM.",
        ),
        "Forbidden.NoPermission" => (403, "You do not have permission to perform this operation."),
        "InvalidRegion.NotMatch" => (400, "The region does not match the current environment."),
        "InvalidAction.NotFound" => (404, "Specified api is not found, please check your url and method."),
        "NoSuchVersion" => (404, "Specified version is not found."),
        "ProductTypeInvalid" => (400, "The specified ProductType is invalid."),
        "EntityNotExist.Role" => (404, "The specified role does not exist."),
        "EntityNotExist.OIDCProvider" => (404, "The specified OIDC provider does not exist."),
        "AuthenticationFail.NoPermission" => {
            (403, "This operation is forbidden by permission system. Check the trust policy of the role.")
        }
        "AuthenticationFail.OIDCToken.Expired" => (400, "This OIDC token has expired."),
        "AuthenticationFail.OIDCToken.Invalid" => (400, "This OIDC token is invalid."),
        _ if code.starts_with("Throttling") => (400, "Request was denied due to request throttling."),
        _ if code.starts_with("Forbidden") => (403, "You do not have permission to perform this operation."),
        _ => (400, "The request was refused."),
    };
    (status, Cow::Borrowed(message))
}
