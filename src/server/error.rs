//! Why the server can't start.

use std::io;

use super::address::ListenAddress;

/// Why the server can't start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing to listen on was given.
    #[error("no address to listen on")]
    NoAddress,
    /// An address can't be listened on: taken, not ours, or below 1024 without the right to it.
    #[error("cannot listen on {address}")]
    Listen {
        /// As the operator wrote it.
        address: ListenAddress,
        /// What the operating system says.
        source: io::Error,
    },
    /// systemd was to hand sockets over, and handed none.
    #[error("systemd handed over no socket: LISTEN_FDS and LISTEN_PID don't speak of this process")]
    NoSocket,
    /// A socket of systemd's can't be served.
    #[error("cannot serve socket {index} of those that systemd handed over")]
    Socket {
        /// From 0, in systemd's order.
        index: usize,
        /// Most often: it is no stream socket that listens.
        source: io::Error,
    },
}

impl Error {
    /// What to do about it, where that is known.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Error::NoAddress => Some("give one with --web.listen-address"),
            Error::Listen { source, .. } => match source.kind() {
                io::ErrorKind::AddrInUse => {
                    Some("another process listens there: stop it, or choose another --web.listen-address")
                }
                io::ErrorKind::AddrNotAvailable => Some("this machine doesn't have that address"),
                io::ErrorKind::PermissionDenied => {
                    Some("choose a port from 1024, or a directory that this user may write to")
                }
                _ => None,
            },
            Error::NoSocket => Some("start it by its socket unit, or leave --web.systemd-socket out"),
            Error::Socket { .. } => Some("name only ListenStream= in the socket unit, with Accept=no"),
        }
    }
}
