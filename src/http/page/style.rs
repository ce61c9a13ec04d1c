//! The page's style, and the policy that allows this style alone.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// What stands between `<style>` and `</style>`.
pub(super) const STYLE: &str = include_str!("style.css");

/// The header `Content-Security-Policy`: no script, no frame, nothing from elsewhere. The style is
/// allowed by its hash, so that nothing that slips into the page could bring another.
pub(in crate::http) fn security_policy() -> &'static str {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let hash = STANDARD.encode(Sha256::digest(STYLE));
        format!(
            "default-src 'none'; style-src 'sha256-{hash}'; img-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'"
        )
    });
    &POLICY
}
