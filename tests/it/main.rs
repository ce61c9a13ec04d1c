//! Behaviour through the front door: the real binary, real HTTP, real signatures, the simulated cloud.
//!
//! Rules that need no process are tested next to the code. Tests that need a program which not every
//! machine has are ignored with a word that says which; `just end-to-end` runs them.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise, helpers included")]

mod support;

mod alerts;
mod commands;
mod configuration;
mod credentials;
mod dashboards;
mod demo;
mod doctor;
mod failures;
mod filters;
mod fleet;
mod formats;
mod http;
mod list;
mod operations;
mod page;
mod probe;
mod prometheus;
mod readme;
mod sdk;
#[cfg(unix)]
mod web;
