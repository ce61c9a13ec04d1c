//! Time to render a fleet of 100,000 instances in detail, about 400,000 series, and to compress the
//! rendered bodies.

use std::hint::black_box;
use std::sync::Arc;

use appstreaming_exporter::internals::{
    DecodeIssues, Encoding, Exposition, Fetched, FoldOptions, Group, GroupCounters, GroupSnapshot,
    InstanceFold, InstanceRecord, Observations, RenderOptions, Selection, Snapshot, Syntax, TargetHealth,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;

const GROUPS: usize = 100;
const INSTANCES: usize = 1_000;

fn fleet() -> Arc<Snapshot> {
    let at = Timestamp::from_second(1_790_000_000).expect("a time of this century");
    let groups = (0..GROUPS).map(|number| {
        let group = Group {
            id: format!("aig-{number:013}").into(),
            region_id: "cn-shanghai".into(),
            status: Some("PUBLISHED".into()),
            ..Group::default()
        };
        let mut fold = InstanceFold::new(FoldOptions { detail: true, nodes: true, ..FoldOptions::default() });
        for instance in 0..INSTANCES {
            let record = InstanceRecord {
                id: format!("ai-{number:05}{instance:08}").into(),
                status: Some("RUNNING".into()),
                private_ip: Some("192.168.10.24".into()),
                network_interface_id: Some("eni-bp1abcdefghijklmnop".into()),
                charge_type: Some("PrePaid".into()),
                created: Some(at),
                modified: Some(at),
                ..InstanceRecord::default()
            };
            fold.add(&record, &mut DecodeIssues::default());
        }
        let instances = fold.finish(INSTANCES as u64).summary;
        Arc::new(GroupSnapshot {
            account: "default".into(),
            target: "CloudApp".into(),
            group: Fetched { data: Arc::new(group), at },
            instances: Some(Fetched { data: Arc::new(instances), at }),
            persistent: None,
            counters: GroupCounters::default(),
            observed: Observations::default(),
        })
    });
    let target = TargetHealth {
        account: "default".into(),
        target: "CloudApp".into(),
        up: Some(true),
        last_success: Some(at),
    };
    Arc::new(Snapshot { at, targets: vec![target], groups: groups.collect() })
}

fn render(criterion: &mut Criterion) {
    let snapshot = fleet();
    let options = Arc::new(RenderOptions::default());
    let exposition = Exposition::new(Arc::clone(&snapshot), Arc::clone(&options));
    let series = exposition.series().values().sum();

    let mut group = criterion.benchmark_group("render");
    group.throughput(Throughput::Elements(series)).sample_size(20);
    group.bench_function("prepare and count", |bencher| {
        bencher.iter(|| Exposition::new(Arc::clone(&snapshot), Arc::clone(&options)));
    });
    group.bench_function("prepare, count and render text", |bencher| {
        bencher.iter(|| Exposition::new(Arc::clone(&snapshot), Arc::clone(&options)).text());
    });
    // The buffer has the right size from the start; text is the baseline for the other formats.
    for syntax in Syntax::ALL {
        group.bench_function(format!("render {syntax:?}"), |bencher| {
            let size = exposition.body(syntax, Encoding::Identity).len();
            bencher.iter(|| {
                let mut encoder = syntax.encoder(size);
                exposition.encode(&Selection::default(), &mut *encoder, |_| {});
                black_box(encoder.finish())
            });
        });
    }
    group.finish();
}

fn compress(criterion: &mut Criterion) {
    let exposition = Exposition::new(fleet(), Arc::default());
    let mut group = criterion.benchmark_group("compress");
    group.sample_size(10);
    for syntax in Syntax::ALL {
        let plain = exposition.body(syntax, Encoding::Identity).bytes().clone();
        group.throughput(Throughput::Bytes(plain.len() as u64));
        for encoding in [Encoding::Gzip, Encoding::Zstd] {
            group.bench_function(format!("{syntax:?} as {}", encoding.name()), |bencher| {
                bencher.iter(|| encoding.compress(plain.clone()));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, render, compress);
criterion_main!(benches);
