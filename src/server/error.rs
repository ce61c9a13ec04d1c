//! Why the server cannot start.

use std::io;

use super::address::ListenAddress;

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The options contain no address.
    #[error("no address to listen on")]
    NoAddress,
    /// The server cannot listen on an address: the address is in use, does not belong to this
    /// machine, or is not permitted.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address as it is configured.
        address: ListenAddress,
        /// The error of the operating system.
        source: io::Error,
    },
    /// systemd passed no socket to this process.
    #[error("systemd passed no socket: LISTEN_FDS and LISTEN_PID are not set for this process")]
    NoSocket,
    /// A socket from systemd cannot be served.
    #[error("cannot serve socket {index} from systemd")]
    Socket {
        /// The position of the socket, from 0.
        index: usize,
        /// Most often: the socket is not a listening stream socket.
        source: io::Error,
    },
}

impl Error {
    /// What the operator can do about the error, where that is known.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Error::NoAddress => Some("set one with --web.listen-address"),
            Error::Listen { source, .. } => match source.kind() {
                io::ErrorKind::AddrInUse => {
                    Some("another process listens there: stop it, or choose another --web.listen-address")
                }
                io::ErrorKind::AddrNotAvailable => Some("this machine does not have that address"),
                io::ErrorKind::PermissionDenied => {
                    Some("choose a port from 1024, or a directory that this user may write to")
                }
                _ => None,
            },
            Error::NoSocket => Some("start the service by its socket unit, or omit --web.systemd-socket"),
            Error::Socket { .. } => Some("use only ListenStream= in the socket unit, with Accept=no"),
        }
    }
}
