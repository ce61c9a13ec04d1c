//! A listening Unix socket: stale files, permissions, and removal at the end.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream as BlockingUnixStream;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{UnixListener, UnixStream};

use super::address::UnixSocketOptions;
use super::options::LISTEN_BACKLOG;

/// A listening Unix socket. Dropping it removes its file, if this process created the file and no
/// other process has replaced it.
pub(super) struct UnixSocket {
    listener: UnixListener,
    #[expect(dead_code, reason = "dropping it removes the file")]
    file: Option<SocketFile>,
}

impl UnixSocket {
    /// Creates the socket's file and listens. Replaces the file of a process that has ended.
    ///
    /// # Errors
    /// Another process still serves the file, the file is not a socket, or it cannot be created.
    pub(super) fn bind(UnixSocketOptions { path, mode }: &UnixSocketOptions) -> io::Result<Self> {
        remove_stale(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::unix(path)?)?;
        let file = SocketFile::created_at(path)?;
        // Clients cannot connect before `listen`, so that the permissions are set in time.
        fs::set_permissions(path, fs::Permissions::from_mode(*mode))?;
        socket.listen(LISTEN_BACKLOG)?;
        Ok(Self { listener: UnixListener::from_std(socket.into())?, file: Some(file) })
    }

    /// Serves a socket that another process opened. Its file is not removed at the end.
    pub(super) fn inherit(socket: std::os::unix::net::UnixListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { listener: UnixListener::from_std(socket)?, file: None })
    }

    /// The path of the socket; empty for a socket without a name in the file system.
    pub(super) fn path(&self) -> io::Result<PathBuf> {
        let address = self.listener.local_addr()?;
        Ok(address.as_pathname().map(Path::to_path_buf).unwrap_or_default())
    }

    /// Accepts the next client.
    pub(super) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<UnixStream>> {
        let (stream, _) = ready!(self.listener.poll_accept(cx))?;
        Poll::Ready(Ok(stream))
    }
}

/// A file that this process created. Dropping this value removes the file unless another file has
/// replaced it.
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn created_at(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        Ok(Self { path: path.to_path_buf(), device: metadata.dev(), inode: metadata.ino() })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_unchanged = fs::symlink_metadata(&self.path)
            .is_ok_and(|now| (now.dev(), now.ino()) == (self.device, self.inode));
        if is_unchanged {
            // If this fails, the next start finds a stale file and replaces it.
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
        let message = "a file with this name exists, and it is not a socket";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
    }
    match BlockingUnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(path: &Path, mode: u32) -> UnixSocketOptions {
        UnixSocketOptions { path: path.to_path_buf(), mode }
    }

    #[tokio::test]
    async fn the_socket_of_an_ended_process_is_replaced_and_one_in_use_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "the standard library does not remove the file");

        let socket = UnixSocket::bind(&options(&path, 0o600)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(socket.path().unwrap(), path);
        let error = UnixSocket::bind(&options(&path, 0o600)).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(socket);
        assert!(!path.exists(), "the file is removed at the end");
    }

    #[tokio::test]
    async fn a_file_that_is_not_a_socket_is_never_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("precious");
        fs::write(&path, "data").unwrap();
        assert!(UnixSocket::bind(&options(&path, 0o660)).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "data");
    }

    #[tokio::test]
    async fn the_socket_of_a_successor_is_not_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sock");
        let old = UnixSocket::bind(&options(&path, 0o660)).unwrap();
        fs::remove_file(&path).unwrap();
        let _new = UnixSocket::bind(&options(&path, 0o660)).unwrap();
        drop(old);
        assert!(path.exists());
    }
}
