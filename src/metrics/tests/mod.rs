//! What users rely on, tested on rendered text.

mod fixture;
mod labels;
mod parse;
mod promtool;
mod properties;
mod reference;
mod rules;
mod small_fleet;
