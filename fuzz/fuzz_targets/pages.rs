//! Every page of a listing is either parsed or rejected, without a panic.
#![no_main]

use appstreaming_exporter::appstreaming::wire::{Group, Instance, Page, Persistent};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let _ = Page::<Group<'_>>::parse(body);
    let _ = Page::<Instance<'_>>::parse(body);
    let _ = Page::<Persistent<'_>>::parse(body);
});
