//! Files that were read, and whether they are others now.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Reads files and remembers what each of them looked like just before.
#[derive(Debug, Default)]
pub(crate) struct Watched(Vec<(PathBuf, Option<Stamp>)>);

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
const MOST_BYTES: u64 = 4 * 1024 * 1024;

impl Watched {
    /// Reads a file. It is watched also when that fails, so that its repair is noticed.
    pub(crate) fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        // The stamp comes first: a change in between is one that is still to be noticed.
        let metadata = fs::metadata(path);
        self.0.push((path.to_path_buf(), metadata.as_ref().ok().map(Stamp::of)));
        if metadata?.len() > MOST_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is larger than 4 MiB"));
        }
        fs::read(path)
    }

    /// Whether any of the files is another one than that which was read.
    pub(crate) fn changed(&self) -> bool {
        self.0.iter().any(|(path, before)| fs::metadata(path).ok().as_ref().map(Stamp::of) != *before)
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
        assert_eq!(watched.read(&link).unwrap(), b"same size");
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&new, &link).unwrap();
        assert!(watched.changed(), "as Kubernetes changes mounted secrets");
    }
}
