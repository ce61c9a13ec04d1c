//! Scrapes: the format of a response, the part of the metrics that it contains, and the fleet's
//! rendered bodies.
//!
//! | module | contents |
//! |---|---|
//! | [`negotiation`] | format and encoding from `Accept` and `Accept-Encoding` |
//! | `filter` | the part of the metrics that a query selects |
//! | `fleet_renderer` | the fleet's part of a body, rendered once for all requests of the same format |
//! | `own_renderer` | the recorded part of the exporter's own metrics, rendered once until it changes |
//!
//! What is not here: rendering (`metrics`), and the exporter's own metrics (`telemetry`).

pub(crate) mod filter;
pub(crate) mod fleet_renderer;
pub mod negotiation;
pub(crate) mod own_renderer;
