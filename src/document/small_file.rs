//! Reads a whole file that is expected to be small, such as a key, a certificate or a list of
//! users.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

/// The bytes of a file. The memory is cleared when they are dropped, because the file may hold a
/// key.
///
/// # Errors
/// The file cannot be read, or it has more than `max_bytes` bytes; at most one byte beyond this
/// limit is read.
pub(crate) fn read_small_file(path: &Path, max_bytes: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path)?;
    let expected_bytes = file.metadata().map_or(0, |metadata| metadata.len()).min(max_bytes) + 1;
    // A vector that grows moves its bytes and leaves a copy of them in memory, which is not
    // cleared.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(expected_bytes).unwrap_or(0)));
    // A file without a size, such as a pipe, is limited as well.
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        let message = format!("the file is larger than {}", super::format_size(max_bytes));
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

/// The text of a file in UTF-8; see [`read_small_file`].
///
/// # Errors
/// As for [`read_small_file`], or the file is not UTF-8.
pub(crate) fn read_small_text(path: &Path, max_bytes: u64) -> io::Result<Zeroizing<String>> {
    let bytes = read_small_file(path, max_bytes)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the file is not UTF-8 text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The text without the white space and the byte order mark around it, which editors and `echo`
/// add to a key or token.
pub(crate) fn trim_text(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || character == '\u{feff}')
}

/// The bytes without the byte order mark that may be before a text in UTF-8.
pub(crate) fn strip_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_dropped_like_surrounding_white_space() {
        for text in ["key", "\u{feff}key", " \u{feff} key\r\n", "key\n"] {
            assert_eq!(trim_text(text), "key");
        }
        assert_eq!(trim_text("two words\n"), "two words");
        assert_eq!(trim_text("\u{feff}\n"), "");
    }

    #[test]
    fn a_file_is_read_whole_up_to_its_limit_and_rejected_above_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        std::fs::write(&path, [b'k'; 64]).unwrap();
        assert_eq!(read_small_text(&path, 64).unwrap().as_str(), "k".repeat(64));
        let error = read_small_file(&path, 63).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(error.to_string(), "the file is larger than 63B");
    }

    #[test]
    fn a_file_that_is_not_text_is_reported_without_its_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        std::fs::write(&path, b"secret\xff").unwrap();
        assert_eq!(read_small_text(&path, 64).unwrap_err().to_string(), "the file is not UTF-8 text");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_without_a_size_is_limited_too() {
        let error = read_small_file(Path::new("/dev/zero"), 1024).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
