//! The HTTP server: listeners, connections, time limits, drain.
//!
//! The server depends on HTTP only, not on App Streaming. Clients are not trusted: every connection
//! has [`options::ConnectionLimits`], and one slow client delays no other.
//!
//! | module | contents |
//! |---|---|
//! | `options` | options of the server, and the limits of its clients |
//! | `address` | addresses to listen on, and the addresses that the server is bound to |
//! | `listener`, `unix_socket` | listening sockets of every kind, and accepting from all of them |
//! | `stream` | the accepted stream of a client |
//! | `accept` | accepting connections up to a limit, and the shutdown |
//! | `handshake` | TLS |
//! | `connection` | one connection: protocol, requests, end |
//! | `timeout_io`, `h2_idle` | the time limits of a connection |
//! | `progress`, `tracked_body` | the phase of a connection, on which its time limits depend |
//! | `handler`, `response` | the interface to the application: requests in, responses out |
//! | `error` | why the server cannot start |
//!
//! What is not here: the application (a [`handler::Handler`]), and access control with the TLS
//! settings (`web_config`).

mod accept;
mod address;
mod connection;
mod error;
mod h2_idle;
pub mod handler;
mod handshake;
mod listener;
pub mod options;
mod progress;
pub mod response;
mod stream;
#[cfg(test)]
mod tests;
mod timeout_io;
mod tracked_body;
#[cfg(unix)]
mod unix_socket;

pub use accept::Server;
pub use address::{BoundAddress, ListenAddress};
pub use error::Error;
pub use options::ServerOptions;
