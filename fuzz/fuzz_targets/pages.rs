//! Every page of a listing is either parsed or rejected, without a panic.
#![no_main]

use appstreaming_exporter::internals::wire::{Group, Instance, PageResponse, Persistent};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let _ = PageResponse::<Group<'_>>::parse(body);
    let _ = PageResponse::<Instance<'_>>::parse(body);
    let _ = PageResponse::<Persistent<'_>>::parse(body);
});
