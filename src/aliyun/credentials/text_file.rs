//! Reads small text files: keys, tokens, profiles.

use std::io;
use std::path::Path;

use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

/// Reads a file of at most `max_bytes` bytes.
///
/// # Errors
///
/// When the file cannot be read, is not UTF-8 or is larger.
pub(super) async fn read_text_file(path: &Path, max_bytes: u64) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    File::open(path).await?.take(max_bytes + 1).read_to_string(&mut text).await?;
    if text.len() as u64 > max_bytes {
        return Err(io::Error::other(format!("the file is larger than {max_bytes} bytes")));
    }
    Ok(text)
}
