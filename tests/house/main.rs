//! The house rules: what `docs/architecture.md` and `docs/style.md` promise about the source
//! itself.
//!
//! The tables in those two documents are the only statement of the rules; these tests parse them.
//! The rules read the source as text and need nothing of the crate.

#![allow(clippy::unwrap_used, reason = "a test and its helpers may panic on any error")]

mod circles;
mod house;
mod lexer;
mod names;
mod paths;
mod prose;
mod rooms;
