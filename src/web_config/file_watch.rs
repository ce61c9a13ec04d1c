//! Files that were read, and whether they have changed since.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use zeroize::Zeroizing;

use crate::document::read_small_file;

/// 4 MiB. Certificates, keys and lists of users have a few kilobytes; a larger file is probably the
/// wrong one.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Reads files, and records the metadata that each of them had when it was read.
#[derive(Debug, Default)]
pub(super) struct FileSnapshot {
    /// Relative paths start here.
    directory: PathBuf,
    /// `None` for a file that did not exist or could not be accessed.
    files: Vec<(PathBuf, Option<FileStamp>)>,
}

/// The metadata that changes when a file is written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileStamp {
    modified: Option<SystemTime>,
    bytes: u64,
    /// Device, inode, and the inode's change time: they detect a replacement with the same size and
    /// modification time.
    #[cfg(unix)]
    identity: (u64, u64, i64, i64),
}

impl FileSnapshot {
    /// A snapshot of no file yet; relative paths start in `directory`.
    pub(super) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_path_buf(), files: Vec::new() }
    }

    /// The path, starting in the directory if it is relative.
    pub(super) fn resolve(&self, path: impl AsRef<Path>) -> PathBuf {
        self.directory.join(path)
    }

    /// Reads a file. A file that cannot be read is recorded, too, so that
    /// [`has_changed`](Self::has_changed) detects when it becomes readable.
    ///
    /// # Errors
    /// The file cannot be read, or has more than 4 MiB.
    pub(super) fn read(&mut self, path: impl AsRef<Path>) -> io::Result<Zeroizing<Vec<u8>>> {
        let path = self.resolve(path);
        // The stamp is taken first: `has_changed` then detects a change during the read.
        let stamp = FileStamp::of(&path);
        let bytes = read_small_file(&path, MAX_FILE_BYTES);
        self.files.push((path, stamp));
        bytes
    }

    /// Whether any of the files was written, replaced, removed or created since it was read.
    pub(super) fn has_changed(&self) -> bool {
        self.files.iter().any(|(path, before)| FileStamp::of(path) != *before)
    }
}

impl FileStamp {
    /// `None` for a file that does not exist or cannot be accessed.
    fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|metadata| Self::of_metadata(&metadata))
    }

    fn of_metadata(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt as _;
        Self {
            modified: metadata.modified().ok(),
            bytes: metadata.len(),
            #[cfg(unix)]
            identity: (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_replaced_removed_or_created_has_changed() {
        let directory = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| directory.path().join(name));
        fs::write(&a, "one").unwrap();
        let read = || {
            let mut files = FileSnapshot::default();
            let _ = files.read(&a);
            files
        };
        let before = read();
        assert!(!before.has_changed());

        fs::write(&a, "two, longer").unwrap();
        assert!(before.has_changed());

        let before = read();
        fs::write(&b, "three").unwrap();
        fs::rename(&b, &a).unwrap();
        assert!(before.has_changed(), "replaced by renaming");

        let before = read();
        fs::remove_file(&a).unwrap();
        assert!(before.has_changed());
        let before = read();
        assert!(!before.has_changed(), "still absent");
        fs::write(&a, "again").unwrap();
        assert!(before.has_changed());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_points_to_another_file_has_changed() {
        let directory = tempfile::tempdir().unwrap();
        let [old, new, link] = ["old", "new", "link"].map(|name| directory.path().join(name));
        fs::write(&old, "same size").unwrap();
        fs::write(&new, "size same").unwrap();
        std::os::unix::fs::symlink(&old, &link).unwrap();
        let mut files = FileSnapshot::default();
        assert_eq!(files.read(&link).unwrap().as_slice(), b"same size");
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&new, &link).unwrap();
        assert!(files.has_changed(), "Kubernetes updates mounted secrets in this way");
    }
}
