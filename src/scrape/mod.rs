//! Scrapes: which format a client gets, which part of the metrics it requests, and the fleet's
//! rendered bodies.
//!
//! | module | contents |
//! |---|---|
//! | [`negotiation`] | format and encoding from `Accept` and `Accept-Encoding` |
//! | `filter` | the part of the metrics that a query selects |
//! | `render_cache` | the fleet's part of a body, rendered once for all requests that want the same |
//!
//! What is not here: rendering (`metrics`), and the exporter's own metrics (`telemetry`).

pub(crate) mod filter;
pub mod negotiation;
pub(crate) mod render_cache;
