//! Every body of an error response becomes an error that can be printed.
#![no_main]

use appstreaming_exporter::internals::Error;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let error = Error::from_body("ListAppInstances", 400, body);
    let _ = (error.to_string(), error.kind(), error.advice());
});
