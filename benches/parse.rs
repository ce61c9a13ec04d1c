//! Time to parse one page of instances: alone, folded into aggregate or detailed data, and as
//! `serde_json::Value` for comparison; and to fold one page of persistent sessions.

mod pages;

use std::hint::black_box;

use appstreaming_exporter::internals::wire::{Instance, PageResponse};
use appstreaming_exporter::internals::{Client, FoldOptions};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use self::pages::{Canned, ready};

fn parse(criterion: &mut Criterion) {
    let page = pages::instances();
    let mut group = criterion.benchmark_group("page_of_100_instances");
    group.throughput(Throughput::Bytes(page.len() as u64));
    group.bench_function("parse", |bencher| {
        bencher.iter(|| PageResponse::<Instance<'_>>::parse(black_box(&page)).expect("a page").models.len());
    });
    group.bench_function("serde_json_value", |bencher| {
        bencher.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(&page)).expect("JSON"));
    });
    let client = Client::new(Canned(page), 100);
    for (name, detail) in [("list_aggregate", false), ("list_detail", true)] {
        let options = FoldOptions { nodes: true, detail, ..FoldOptions::default() };
        group.bench_function(name, |bencher| {
            bencher.iter(|| ready(client.list_instances("aig-1", options)).expect("a listing").requests);
        });
    }
    group.finish();

    let client = Client::new(Canned(pages::persistent()), 100);
    criterion.bench_function("page_of_100_persistent_sessions/list_aggregate", |bencher| {
        let options = FoldOptions::default();
        bencher.iter(|| {
            ready(client.list_persistent("CloudApp", "aig-1", options)).expect("a listing").requests
        });
    });
}

criterion_group!(benches, parse);
criterion_main!(benches);
