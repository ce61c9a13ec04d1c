//! A Unix socket that listens: left-over files, permissions, and tidying up.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream as Probe;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{UnixListener, UnixStream};

use super::address::UnixPath;
use super::listener::BACKLOG;

/// Removes its file when it is dropped, if we made it and nobody replaced it.
pub(crate) struct UnixSocket {
    listener: UnixListener,
    #[expect(dead_code, reason = "dropping it is its use")]
    file: Option<OwnFile>,
}

impl UnixSocket {
    /// Makes the socket's file. One that a dead process left behind is replaced; one that somebody
    /// still serves is an error, as is anything else that has the name.
    pub(crate) fn bind(UnixPath { path, mode }: &UnixPath) -> io::Result<UnixSocket> {
        remove_stale(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::unix(path)?)?;
        let file = OwnFile::of(path)?;
        // Before it listens nobody can connect: there is no moment with other permissions.
        fs::set_permissions(path, fs::Permissions::from_mode(*mode))?;
        socket.listen(BACKLOG)?;
        Ok(UnixSocket { listener: UnixListener::from_std(socket.into())?, file: Some(file) })
    }

    /// A socket that somebody else opened, and whose file is theirs.
    pub(crate) fn handed(socket: std::os::unix::net::UnixListener) -> io::Result<UnixSocket> {
        socket.set_nonblocking(true)?;
        Ok(UnixSocket { listener: UnixListener::from_std(socket)?, file: None })
    }

    /// Where it is; empty for one without a name in the file system.
    pub(crate) fn path(&self) -> io::Result<PathBuf> {
        let address = self.listener.local_addr()?;
        Ok(address.as_pathname().map(Path::to_path_buf).unwrap_or_default())
    }

    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<UnixStream>> {
        let (stream, _) = ready!(self.listener.poll_accept(cx))?;
        Poll::Ready(Ok(stream))
    }
}

/// A file that is known by more than its name.
struct OwnFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl OwnFile {
    fn of(path: &Path) -> io::Result<OwnFile> {
        let metadata = fs::symlink_metadata(path)?;
        Ok(OwnFile { path: path.to_path_buf(), device: metadata.dev(), inode: metadata.ino() })
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|now| (now.dev(), now.ino()) == (self.device, self.inode));
        if ours {
            // What can't be removed is found stale at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn remove_stale(path: &Path) -> io::Result<()> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    if !metadata.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "there is a file of that name, and no socket",
        ));
    }
    match Probe::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &Path, mode: u32) -> UnixPath {
        UnixPath { path: path.to_path_buf(), mode }
    }

    #[tokio::test]
    async fn a_socket_that_a_dead_process_left_is_replaced_and_one_in_use_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "the standard library leaves it");

        let socket = UnixSocket::bind(&at(&path, 0o600)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(socket.path().unwrap(), path);
        let taken = UnixSocket::bind(&at(&path, 0o600)).err().unwrap();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        drop(socket);
        assert!(!path.exists(), "an orderly end leaves nothing behind");
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_never_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("precious");
        fs::write(&path, "data").unwrap();
        assert!(UnixSocket::bind(&at(&path, 0o660)).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "data");
    }

    #[tokio::test]
    async fn a_successors_socket_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sock");
        let old = UnixSocket::bind(&at(&path, 0o660)).unwrap();
        fs::remove_file(&path).unwrap();
        let _new = UnixSocket::bind(&at(&path, 0o660)).unwrap();
        drop(old);
        assert!(path.exists());
    }
}
