//! An environment variable that cannot be used.

/// A variable that cannot be used. The message does not contain its value if that may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {variable} {message}")]
pub struct VariableError {
    /// The variable's name.
    pub variable: &'static str,
    /// What is wrong and what to do, as the rest of a sentence that begins with the variable.
    pub message: String,
}

impl VariableError {
    /// An error of the variable named `variable`.
    pub(super) fn new(variable: &'static str, message: impl Into<String>) -> Self {
        Self { variable, message: message.into() }
    }
}
