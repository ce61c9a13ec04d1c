//! The file that holds the state over a restart.
//!
//! What is not here: its bytes (`envelope`), and when it is read and written (`app`).

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::NamedTempFile;

use super::envelope::MAX_BYTES;
use super::error::StateError;

/// The ending of a file that was not used.
const REJECTED: &str = ".rejected";
/// The ending of a file that is being written.
const UNFINISHED: &str = ".tmp";
/// An unfinished file that was not changed for this time belongs to a process that was killed.
const ABANDONED_AFTER: Duration = Duration::from_secs(600);

/// The path of a state. Nothing is read or written until a method is called.
#[derive(Debug, Clone)]
pub struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// The state at `path`, whose folder must exist.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where the state is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of the state; `None` if the file does not exist or is empty.
    ///
    /// # Errors
    /// The file cannot be read, or is too large.
    pub fn read(&self) -> Result<Option<Vec<u8>>, StateError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StateError::io("read", &self.path, error)),
        };
        let mut bytes = Vec::new();
        let read = file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| StateError::io("read", &self.path, error))?;
        match bytes.len() {
            0 => Ok(None),
            1..=MAX_BYTES => Ok(Some(bytes)),
            _ => Err(StateError::TooLarge { limit: MAX_BYTES as u64 }),
        }
    }

    /// Replaces the file as a whole: after a crash or a power failure it has the old contents or the
    /// new ones, never a part. Only its owner can read it.
    ///
    /// # Errors
    /// The folder does not exist, or the file cannot be written.
    pub fn write(&self, bytes: &[u8]) -> Result<(), StateError> {
        self.replace(bytes).map_err(|error| StateError::io("write", &self.path, error))
    }

    /// Renames the file, so that an operator can look at it and the next state can be written.
    /// Returns its new path. An earlier file with this path is replaced.
    ///
    /// # Errors
    /// The file cannot be renamed.
    pub fn set_aside(&self) -> Result<PathBuf, StateError> {
        let mut path = self.path.clone().into_os_string();
        path.push(REJECTED);
        let path = PathBuf::from(path);
        fs::rename(&self.path, &path).map_err(|error| StateError::io("rename", &self.path, error))?;
        Ok(path)
    }

    /// Checks that the folder exists and that files can be made in it, by making one for a moment.
    ///
    /// # Errors
    /// The folder does not exist, or no file can be made in it.
    pub fn check_writable(&self) -> Result<(), StateError> {
        let file = self.unfinished().map_err(|error| StateError::io("write", &self.path, error))?;
        file.close().map_err(|error| StateError::io("write", &self.path, error))
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        self.remove_abandoned();
        let mut file = self.unfinished()?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        // A rename is on disk when its folder is. Other systems cannot open a folder as a file.
        if cfg!(unix) { File::open(self.folder())?.sync_all() } else { Ok(()) }
    }

    /// A new file beside the path. Its name is unique, because two processes that share the path must
    /// not write into one file. Its mode is 0600.
    fn unfinished(&self) -> io::Result<NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(self.path.file_name().unwrap_or_default()).suffix(UNFINISHED);
        builder.tempfile_in(self.folder())
    }

    fn folder(&self) -> &Path {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new("."))
    }

    /// Removes files that processes left when they were killed while they wrote. An error is
    /// ignored: the file costs only space.
    fn remove_abandoned(&self) {
        let name = self.path.file_name().unwrap_or_default();
        let is_abandoned = |entry: &fs::DirEntry| {
            let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
            is_unfinished(&entry.file_name(), name) && age().is_some_and(|age| age >= ABANDONED_AFTER)
        };
        let entries = fs::read_dir(self.folder()).into_iter().flatten().flatten();
        for entry in entries.filter(is_abandoned) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether a file with this name is a state with `name` that is or was being written.
fn is_unfinished(file: &OsStr, name: &OsStr) -> bool {
    let (file, name) = (file.as_encoded_bytes(), name.as_encoded_bytes());
    let random = file.strip_prefix(name).and_then(|rest| rest.strip_suffix(UNFINISHED.as_bytes()));
    random.is_some_and(|random| !random.is_empty() && random.iter().all(u8::is_ascii_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_state_is_written_as_a_whole_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::new(folder.path().join("state"));
        assert!(file.read().unwrap().is_none(), "there is no file before the first state");
        for bytes in [&b"first"[..], b"second"] {
            file.write(bytes).unwrap();
            assert_eq!(file.read().unwrap().unwrap(), bytes);
        }
        assert_eq!(names(folder.path()), ["state"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(file.path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "only the owner can read it");
        }
    }

    #[test]
    fn an_empty_file_is_like_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::new(folder.path().join("state"));
        fs::write(file.path(), b"").unwrap();
        assert!(file.read().unwrap().is_none());
    }

    #[test]
    fn a_file_that_is_not_used_is_kept_aside_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::new(folder.path().join("state"));
        for bytes in [&b"first"[..], b"second"] {
            file.write(bytes).unwrap();
            let kept = file.set_aside().unwrap();
            assert_eq!(kept, folder.path().join("state.rejected"));
            assert_eq!(fs::read(kept).unwrap(), bytes);
        }
        assert_eq!(names(folder.path()), ["state.rejected"]);
    }

    #[test]
    fn the_folder_is_not_created_and_the_error_names_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::new(folder.path().join("missing").join("state"));
        let error = file.write(b"state").unwrap_err();
        let message = error.to_string();
        assert!(message.contains("missing/state") && message.contains("cannot write the state"), "{message}");
        assert!(std::error::Error::source(&error).is_some());
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn unfinished_files_of_killed_processes_are_removed_and_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::new(folder.path().join("state"));
        let old = std::time::SystemTime::now() - ABANDONED_AFTER * 2;
        for name in ["stateAbC123.tmp", "state.tmp", "other.tmp", "stateAbC1-3.tmp"] {
            let unfinished = File::create(folder.path().join(name)).unwrap();
            unfinished.set_modified(old).unwrap();
        }
        File::create(folder.path().join("stateXyZ789.tmp")).unwrap();
        file.write(b"state").unwrap();
        let kept = ["other.tmp", "state", "state.tmp", "stateAbC1-3.tmp", "stateXyZ789.tmp"];
        assert_eq!(names(folder.path()), kept);
    }
}
