//! The HTTP server: listeners, connections, time limits, drain.
//!
//! It knows HTTP and nothing of App Streaming. Clients are not trusted: every connection has its
//! [`ConnectionLimits`], and a panic while handling a request fails only that request.
//!
//! | module | contents |
//! |---|---|
//! | `address`, `listener`, `unix_socket` | addresses, sockets of every kind, accepting from all of them |
//! | `accept` | accepting connections up to a limit, and the shutdown |
//! | `handshake`, `connection`, `timeout_io`, `h2_idle` | one connection: TLS, time limits, drain |
//! | `limits` | what one client may use |
//! | `handler` | the interface to what is served |
//! | `response` | response bodies and the headers that every response has |
//!
//! What is not here: what is served (a [`Handler`]), who may request it and the TLS settings
//! (`web_config`).

mod accept;
mod address;
mod connection;
mod error;
mod h2_idle;
pub mod handler;
mod handshake;
mod limits;
mod listener;
pub mod response;
mod timeout_io;
#[cfg(unix)]
mod unix_socket;

pub use accept::{Server, ServerOptions};
pub use address::{AddressError, BoundAddress, ListenAddress};
pub use error::Error;
pub use handler::Handler;
pub use limits::ConnectionLimits;
