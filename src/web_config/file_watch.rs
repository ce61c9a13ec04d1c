//! Files that were read, and whether they are others now.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use zeroize::Zeroizing;

use crate::document::read_small_file;

/// Reads files and remembers what each of them looked like just before.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// Relative paths start here.
    directory: PathBuf,
    files: Vec<(PathBuf, Option<Stamp>)>,
}

/// What tells a file from its successor without reading either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    /// Device, inode and the inode's own time: an exchange that kept time and size is seen by these.
    #[cfg(unix)]
    identity: (u64, u64, i64, i64),
}

/// A certificate, a key and a list of users have some kilobytes; a gigabyte is a mistake.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

impl Watched {
    /// No files yet; relative paths start in `directory`.
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_path_buf(), files: Vec::new() }
    }

    /// The path, starting in the directory if it is relative.
    pub(crate) fn resolve(&self, path: impl AsRef<Path>) -> PathBuf {
        self.directory.join(path)
    }

    /// Reads a file. It is watched also when that fails, so that its repair is noticed.
    pub(crate) fn read(&mut self, path: impl AsRef<Path>) -> io::Result<Zeroizing<Vec<u8>>> {
        let path = self.resolve(path);
        // The stamp is taken first: a change after it is detected by `changed`.
        let stamp = fs::metadata(&path).ok().as_ref().map(Stamp::of);
        let bytes = read_small_file(&path, MAX_FILE_BYTES);
        self.files.push((path, stamp));
        bytes
    }

    /// Whether any of the files is another one than that which was read.
    pub(crate) fn changed(&self) -> bool {
        self.files.iter().any(|(path, before)| fs::metadata(path).ok().as_ref().map(Stamp::of) != *before)
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt as _;
        Stamp {
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
    fn a_file_that_is_written_replaced_removed_or_made_has_changed() {
        let directory = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| directory.path().join(name));
        fs::write(&a, "one").unwrap();
        let read = || {
            let mut watched = Watched::default();
            let _ = watched.read(&a);
            watched
        };
        let before = read();
        assert!(!before.changed());

        fs::write(&a, "two, longer").unwrap();
        assert!(before.changed());

        let before = read();
        fs::write(&b, "three").unwrap();
        fs::rename(&b, &a).unwrap();
        assert!(before.changed(), "replaced by renaming");

        let before = read();
        fs::remove_file(&a).unwrap();
        assert!(before.changed());
        let before = read();
        assert!(!before.changed(), "still absent");
        fs::write(&a, "again").unwrap();
        assert!(before.changed());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_is_turned_to_another_file_has_changed() {
        let directory = tempfile::tempdir().unwrap();
        let [old, new, link] = ["old", "new", "link"].map(|name| directory.path().join(name));
        fs::write(&old, "same size").unwrap();
        fs::write(&new, "size same").unwrap();
        std::os::unix::fs::symlink(&old, &link).unwrap();
        let mut watched = Watched::default();
        assert_eq!(watched.read(&link).unwrap().as_slice(), b"same size");
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&new, &link).unwrap();
        assert!(watched.changed(), "as Kubernetes changes mounted secrets");
    }
}
