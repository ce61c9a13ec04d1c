//! Advice for operators on errors that are specific to App Streaming.

use std::borrow::Cow;

use crate::aliyun::{Error, ErrorKind};
use crate::fleet::Group;

/// The system policy that allows every operation that the exporter calls.
pub const READ_ONLY_POLICY: &str = "AliyunAppStreamingReadOnlyAccess";

/// The RAM action that allows an operation. Its prefix is not the product's code,
/// `appstream-center`.
pub fn action(operation: &str) -> String {
    format!("appstreaming:{operation}")
}

/// The smallest RAM policy that allows these operations, as JSON. Its resource is `*`, because the
/// operations cannot be restricted to single resources.
pub fn policy(operations: &[&str]) -> String {
    let actions: Vec<String> =
        operations.iter().map(|operation| format!("        {:?}", action(operation))).collect();
    format!(
        r#"{{
  "Version": "1",
  "Statement": [
    {{
      "Effect": "Allow",
      "Action": [
{}
      ],
      "Resource": "*"
    }}
  ]
}}"#,
        actions.join(",\n")
    )
}

/// Whether an error of `ListPersistentAppInstances` means that the group has no persistent
/// sessions.
///
/// Only groups whose users are authorised by session have persistent sessions. The API does not
/// document its response for other groups, so for these a rejected request counts as "no persistent
/// sessions".
pub fn has_no_persistent_sessions(group: &Group, error: &Error) -> bool {
    match error.kind() {
        ErrorKind::NotFound => true,
        ErrorKind::Request => !group.auth_mode.is_empty() && &*group.auth_mode != "Session",
        _ => false,
    }
}

/// The action that the operator can take on an error, if any is known. For a missing permission,
/// the text names the RAM action to allow.
pub fn advice(error: &Error) -> Option<Cow<'static, str>> {
    if error.kind() == ErrorKind::Forbidden && error.code() != "Forbidden.RiskControl" {
        let action = error.denied_action().map_or_else(|| action(error.operation()), str::to_owned);
        return Some(format!("grant {action} to the RAM user or role, or attach {READ_ONLY_POLICY}").into());
    }
    error.advice().map(Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str) -> Error {
        let body = format!(r#"{{"Code": "{code}", "Message": "no"}}"#);
        Error::from_body("ListAppInstances", 403, body.as_bytes())
    }

    #[test]
    fn advice_on_a_missing_permission_names_the_action_to_allow() {
        let advice = advice(&error("Forbidden.NoPermission")).expect("advice");
        assert!(advice.contains("appstreaming:ListAppInstances") && advice.contains(READ_ONLY_POLICY));
    }

    #[test]
    fn a_policy_is_json_and_allows_the_operations() {
        let policy: serde_json::Value =
            serde_json::from_str(&policy(&["ListAppInstanceGroup", "ListAppInstances"])).expect("JSON");
        let actions = &policy["Statement"][0]["Action"];
        assert_eq!(
            *actions,
            serde_json::json!(["appstreaming:ListAppInstanceGroup", "appstreaming:ListAppInstances"])
        );
    }

    #[test]
    fn advice_on_a_blocked_account_is_not_about_permissions() {
        let advice = advice(&error("Forbidden.RiskControl")).expect("advice");
        assert!(!advice.contains(READ_ONLY_POLICY), "{advice}");
    }
}
