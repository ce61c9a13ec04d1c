//! Tests of the rendered output that users rely on.

mod fixture;
mod formats;
mod labels;
mod parse;
mod promtool;
mod properties;
mod protobuf;
mod reference;
mod rules;
mod saved;
mod small_fleet;
