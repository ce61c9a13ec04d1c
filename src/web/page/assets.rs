//! Style and script, served under names made of their contents, so that browsers may keep them for ever.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// A file that pages refer to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asset {
    path: String,
    /// The header `Content-Type`.
    pub(crate) content_type: &'static str,
    /// What is in it.
    pub(crate) body: &'static str,
}

/// How pages look.
pub(crate) fn style() -> &'static Asset {
    static STYLE: LazyLock<Asset> =
        LazyLock::new(|| Asset::new(include_str!("page.css"), "css", "text/css; charset=utf-8"));
    &STYLE
}

/// What keeps them true without being loaded again.
pub(crate) fn script() -> &'static Asset {
    static SCRIPT: LazyLock<Asset> =
        LazyLock::new(|| Asset::new(include_str!("page.js"), "js", "text/javascript; charset=utf-8"));
    &SCRIPT
}

/// The asset at a path, with its slash.
pub(crate) fn find(path: &str) -> Option<&'static Asset> {
    let path = path.strip_prefix('/')?;
    [style(), script()].into_iter().find(|asset| asset.path == path)
}

impl Asset {
    fn new(body: &'static str, extension: &str, content_type: &'static str) -> Self {
        let digest = Sha256::digest(body);
        let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { path: format!("assets/{name}.{extension}"), content_type, body }
    }

    /// Where it is, without a slash in front.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}
