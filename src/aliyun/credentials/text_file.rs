//! Reads small text files: keys, tokens, profiles.

use std::io;
use std::path::Path;

use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use crate::document::read_small_text;

/// Reads a file of at most `max_bytes` bytes, without blocking the runtime.
///
/// # Errors
/// The file cannot be read, is larger, or is not UTF-8.
pub(super) async fn read_text_file(path: &Path, max_bytes: u64) -> io::Result<Zeroizing<String>> {
    let path = path.to_path_buf();
    spawn_blocking(move || read_small_text(&path, max_bytes)).await.map_err(io::Error::other)?
}
