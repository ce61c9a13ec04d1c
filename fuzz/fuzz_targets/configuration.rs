//! Every configuration is either accepted, and can then be printed, or rejected with a message.
#![no_main]

use appstreaming_exporter::internals::{Sources, load};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|settings: Vec<String>| {
    match load(&Sources { set: settings, ..Sources::default() }) {
        Ok(loaded) => drop(loaded.config.to_string()),
        Err(problems) => assert!(!problems.to_string().is_empty()),
    }
});
