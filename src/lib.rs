//! Prometheus exporter for Alibaba Cloud App Streaming (WUYING cloud applications).
//!
//! The exporter polls the cloud's API and serves the state of the fleet at `/metrics`. Data flows
//! in one direction, and imports follow it:
//!
//! ```text
//! config -> credentials -> signature -> aliyun client -> appstreaming operations -> poller
//!        -> fleet snapshot -> metric catalogue -> rendered bodies -> scrape -> server
//! ```
//!
//! | room | contents |
//! |---|---|
//! | [`fleet`] | the domain: groups, node pools, instances, persistent sessions; fold, schedule, capacity |
//! | [`aliyun`] | Alibaba Cloud RPC: signing, credentials, limits, retries; knows nothing of App Streaming |
//! | [`appstreaming`] | the product: wire types, the three operations, paging |
//! | [`poller`] | polls the targets and publishes the fleet snapshot |
//! | [`replica`] | the state over a restart, and one poll for all replicas |
//! | [`metrics`] | the catalogue of metrics and the encoders that turn a snapshot into bytes |
//! | [`telemetry`] | the exporter's own metrics, and logging |
//! | [`server`] | listeners, connections, time limits, drain |
//! | [`web_config`] | the exporter toolkit's file: TLS, users, headers, rate limit |
//! | [`scrape`] | content negotiation, filters, rendered bodies |
//! | [`web`] | routes, pages and the JSON API |
//! | [`lifecycle`] | signals, readiness, drain under a limit |
//! | [`cli`] | commands and flags |
//! | [`config`] | the configuration, loaded from its sources and validated |
//! | [`token_bucket`] | the rate limit rule, for requests that are sent and requests that are served |
//! | [`document`] | reads TOML, YAML and JSON, and reports problems with file and line |
//! | [`simulator`] | a simulated cloud for demos, tests and load |
//! | [`app`] | composition: assembles the parts, supervises polling, reloads |
//! | [`commands`] | one file a subcommand |
//!
//! `docs/architecture.md` lists the permitted imports between rooms.

mod aliyun;
mod app;
mod appstreaming;
pub mod cli;
pub mod commands;
mod config;
mod document;
mod fleet;
mod lifecycle;
mod metrics;
mod poller;
mod replica;
mod scrape;
mod server;
#[cfg(feature = "simulator")]
pub mod simulator;
mod telemetry;
mod token_bucket;
mod web;
mod web_config;

/// Items for the benches, fuzz targets, examples and end-to-end tests of this repository; not a
/// public interface.
#[doc(hidden)]
pub mod internals {
    pub use crate::aliyun::access_key::Credentials;
    pub use crate::aliyun::credentials::CredentialsSource;
    pub use crate::aliyun::credentials::source::CredentialsFuture;
    pub use crate::aliyun::signature::{SigningContext, v3};
    pub use crate::aliyun::{Call, Client as RpcClient, ClientOptions, Error, Request, Secret};
    pub use crate::appstreaming::{Client, GroupQuery, InstanceQuery, PageRequest, wire};
    pub use crate::config::{Sources, load};
    pub use crate::fleet::history::MinuteCounts;
    pub use crate::fleet::problems::{EvaluationContext, check_group};
    pub use crate::fleet::{
        DecodeIssues, Fetched, FoldOptions, Freshness, Group, GroupCounters, GroupSnapshot, HashKey,
        InstanceFold, InstanceRecord, Observations, PersistentFold, PersistentInterval, PersistentRecord,
        Snapshot, TargetHealth,
    };
    pub use crate::lifecycle::Readiness;
    pub use crate::metrics::compress::Encoding;
    pub use crate::metrics::encode::Syntax;
    pub use crate::metrics::options::{RenderOptions, UserLabel};
    pub use crate::metrics::{Exposition, Selection};
    pub use crate::poller::{
        ListingOutcome, PolledGroup, RestoreOutcome, SavedState, Shard, SnapshotStore, TargetIdentity,
        TargetKey, TargetPoll,
    };
    pub use crate::replica::envelope;
    pub use crate::replica::envelope::StateError;
    pub use crate::replica::publication::Publication;
    pub use crate::server::handler::Handler;
    pub use crate::server::response::ResponseBody;
    pub use crate::telemetry::status::Status;
    pub use crate::telemetry::{OwnMetrics, OwnPart, Telemetry, VERSION};
    pub use crate::web::{Content, Routes};
}
