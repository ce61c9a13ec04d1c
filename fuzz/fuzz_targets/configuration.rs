//! Whatever stands in a configuration is taken or refused with a word, and what is taken loads again.
#![no_main]

use appstreaming_exporter::config::{Sources, load};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|settings: Vec<String>| {
    match load(&Sources { set: settings, ..Sources::default() }) {
        Ok(loaded) => drop(loaded.config.redacted()),
        Err(problems) => assert!(!problems.to_string().is_empty()),
    }
});
