//! End-to-end tests: the real binary, real HTTP, real signatures, and the simulated cloud.
//!
//! Rules that need no process are tested next to the code. Tests that need further programs are
//! ignored, with the names of the programs as the reason; `just end-to-end` runs them, and
//! `just prometheus-3` those with Prometheus 3.

#![allow(clippy::unwrap_used, reason = "a test and its helpers may panic on any error")]

mod support;

mod alerts;
mod commands;
mod configuration;
mod credentials;
mod dashboards;
mod demo;
mod doctor;
#[cfg(feature = "kubernetes")]
mod elected;
mod events;
mod failures;
mod filters;
mod fleet;
mod formats;
mod http;
mod list;
mod native_histograms;
mod operations;
mod page;
mod polling;
mod probe;
mod prometheus;
mod proxy;
mod readme;
mod replicas;
mod sdk;
#[cfg(unix)]
mod web;
