//! What an operator can do about an error, where that takes knowing the product.

use std::borrow::Cow;

use crate::{
    aliyun::{Error, ErrorKind},
    fleet::Group,
};

/// The system policy that allows everything the exporter asks.
pub const READ_ONLY_POLICY: &str = "AliyunAppStreamingReadOnlyAccess";

/// The RAM action that allows an operation. Its prefix is not the product's code.
pub fn action(operation: &str) -> String {
    format!("appstreaming:{operation}")
}

/// The smallest RAM policy that allows these operations, as JSON to paste. They can't be restricted to
/// single resources.
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

/// Whether what `ListPersistentAppInstances` answered for a group means that it has none.
///
/// Only groups whose users are authorised by session have persistent ones; what the API answers for
/// the others is not documented, so a refusal of the request itself means there are none.
pub fn has_no_persistent_sessions(group: &Group, error: &Error) -> bool {
    match error.kind() {
        ErrorKind::NotFound => true,
        ErrorKind::Request => !group.auth_mode.is_empty() && &*group.auth_mode != "Session",
        _ => false,
    }
}

/// What to do about an error; for a missing permission which one it is.
pub fn advice(error: &Error) -> Option<Cow<'static, str>> {
    if error.kind() == ErrorKind::Forbidden && error.code() != "Forbidden.RiskControl" {
        let action = error.denied_action().map_or_else(|| action(error.operation()), str::to_owned);
        return Some(format!("allow {action} to the RAM user or role, or attach {READ_ONLY_POLICY}").into());
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
    fn a_missing_permission_is_named_with_the_action_to_allow() {
        let advice = advice(&error("Forbidden.NoPermission")).expect("there is something to do");
        assert!(advice.contains("appstreaming:ListAppInstances") && advice.contains(READ_ONLY_POLICY));
    }

    #[test]
    fn a_policy_allows_what_it_is_asked_for_and_is_json() {
        let policy: serde_json::Value =
            serde_json::from_str(&policy(&["ListAppInstanceGroup", "ListAppInstances"])).expect("JSON");
        let actions = &policy["Statement"][0]["Action"];
        assert_eq!(
            *actions,
            serde_json::json!(["appstreaming:ListAppInstanceGroup", "appstreaming:ListAppInstances"])
        );
    }

    #[test]
    fn a_blocked_account_is_not_told_to_change_its_permissions() {
        let advice = advice(&error("Forbidden.RiskControl")).expect("there is something to do");
        assert!(!advice.contains(READ_ONLY_POLICY), "{advice}");
    }
}
