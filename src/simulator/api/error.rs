//! Errors of the API: code, status and message, and their bodies.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;

use super::json;
use crate::simulator::faults::ErrorFault;

/// `HostId` of every error.
const HOST_ID: &str = "appstream-center.cn-shanghai.aliyuncs.com";

/// An error of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// `Code`.
    pub code: Cow<'static, str>,
    /// `Message`.
    pub message: Cow<'static, str>,
    /// `x-acs-retry-after`.
    pub retry_after: Option<Duration>,
    /// `AccessDeniedDetail.AuthAction`, for a missing permission.
    pub denied_action: Option<String>,
}

/// The JSON of an error.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ApiErrorBody<'a> {
    request_id: &'a str,
    host_id: &'static str,
    code: &'a str,
    message: &'a str,
    recommend: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_denied_detail: Option<AccessDeniedDetail<'a>>,
}

/// `AccessDeniedDetail`: which permission is missing.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccessDeniedDetail<'a> {
    auth_action: &'a str,
    auth_principal_type: &'static str,
    auth_principal_owner_id: &'static str,
    auth_principal_display_name: &'static str,
    no_permission_type: &'static str,
    policy_type: &'static str,
    encoded_diagnostic_message: &'static str,
}

impl ApiError {
    /// The error with this code, and with the status and the message that belong to the code.
    pub fn of(code: impl Into<Cow<'static, str>>) -> Self {
        let code = code.into();
        let (status, message) = status_and_message(&code);
        Self { status, message, code, retry_after: None, denied_action: None }
    }

    /// Replaces the message.
    pub fn with_message(self, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), ..self }
    }

    /// A required parameter is missing.
    pub fn missing(parameter: &str) -> Self {
        Self::of(format!("Missing{parameter}"))
            .with_message(format!("{parameter} is mandatory for this action."))
    }

    /// A parameter has an invalid value.
    pub fn invalid(parameter: &str) -> Self {
        Self::of(format!("InvalidParameter.{parameter}"))
            .with_message(format!("The parameter {parameter} is invalid."))
    }

    /// A group does not exist.
    pub fn group_not_found(group_id: &str) -> Self {
        Self::of("InvalidAppInstanceGroup.NotFound")
            .with_message(format!("The AppInstanceGroupId {group_id} is not found."))
    }

    /// The AccessKey lacks the permission for an operation.
    pub fn no_permission(operation: &str) -> Self {
        Self { denied_action: Some(format!("appstreaming:{operation}")), ..Self::of("NoPermission") }
    }

    /// The limit of requests per second is exceeded.
    pub fn throttled(retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::of("Throttling.User") }
    }

    /// The body in JSON.
    pub fn json(&self, request_id: &str) -> Vec<u8> {
        json::bytes(&ApiErrorBody {
            request_id,
            host_id: HOST_ID,
            code: &self.code,
            message: &self.message,
            recommend: self.recommend(request_id),
            access_denied_detail: self.denied_action.as_deref().map(AccessDeniedDetail::of),
        })
    }

    /// The body in XML, for requests without `Format=JSON`.
    pub fn xml(&self, request_id: &str) -> Vec<u8> {
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

impl<'a> AccessDeniedDetail<'a> {
    fn of(action: &'a str) -> Self {
        Self {
            auth_action: action,
            auth_principal_type: "SubUser",
            auth_principal_owner_id: "1234567890123456",
            auth_principal_display_name: "234567890123456789",
            no_permission_type: "ImplicitDeny",
            policy_type: "AccountLevelIdentityBasedPolicy",
            encoded_diagnostic_message: "AQEAAAAAZBgxr0U1MjA1NTM1LUM4BBktMzE5RS1CODgxLUU1QTI0RDNFQTM1",
        }
    }
}

impl From<ErrorFault> for ApiError {
    fn from(fault: ErrorFault) -> Self {
        let error = Self::of(fault.code);
        Self {
            status: fault.status.unwrap_or(error.status),
            message: fault.message.map_or(error.message, Into::into),
            retry_after: fault.retry_after_ms.map(Duration::from_millis),
            ..error
        }
    }
}

/// The HTTP status and the message that belong to a code.
fn status_and_message(code: &str) -> (u16, Cow<'static, str>) {
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
