//! The style sheet and the script. Their names are digests of their contents, so browsers may cache
//! them forever.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// The directory of all assets.
const DIRECTORY: &str = "assets/";

/// A file that pages link to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asset {
    path: String,
    /// The header `Content-Type`.
    pub(crate) content_type: &'static str,
    /// The contents.
    pub(crate) body: &'static str,
}

/// The style sheet.
pub(crate) fn style() -> &'static Asset {
    static STYLE: LazyLock<Asset> =
        LazyLock::new(|| Asset::new(include_str!("page.css"), "css", "text/css; charset=utf-8"));
    &STYLE
}

/// The script, which keeps a page up to date without a reload.
pub(crate) fn script() -> &'static Asset {
    static SCRIPT: LazyLock<Asset> =
        LazyLock::new(|| Asset::new(include_str!("page.js"), "js", "text/javascript; charset=utf-8"));
    &SCRIPT
}

/// The asset at an absolute path.
pub(crate) fn find(path: &str) -> Option<&'static Asset> {
    // Other paths, which are also checked at the start, do not wait for the digests.
    let path = path.strip_prefix('/').filter(|path| path.starts_with(DIRECTORY))?;
    [style(), script()].into_iter().find(|asset| asset.path == path)
}

impl Asset {
    fn new(body: &'static str, extension: &str, content_type: &'static str) -> Self {
        let digest = Sha256::digest(body);
        let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { path: format!("{DIRECTORY}{name}.{extension}"), content_type, body }
    }

    /// The path, without a leading slash.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}
