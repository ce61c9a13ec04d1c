//! How long it takes to render a fleet of 100,000 instances in detail: about 400,000 series.

use std::hint::black_box;
use std::sync::Arc;

use appstreaming_exporter::fleet::{
    Fetched, Findings, FoldOptions, Group, GroupSnapshot, InstanceFold, InstanceRecord, SessionCounters,
    Snapshot, TargetHealth,
};
use appstreaming_exporter::metrics::encode::{Encoder, text::TextEncoder};
use appstreaming_exporter::metrics::{Exposition, RenderOptions, Selection};
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
        let mut fold = InstanceFold::new(FoldOptions { detail: true, nodes: true });
        for instance in 0..INSTANCES {
            let record = InstanceRecord {
                id: &format!("ai-{number:05}{instance:08}"),
                status: Some("RUNNING"),
                private_ip: Some("192.168.10.24"),
                network_interface_id: Some("eni-bp1abcdefghijklmnop"),
                charge_type: Some("PrePaid"),
                created: Some(at),
                modified: Some(at),
                ..InstanceRecord::default()
            };
            fold.add(&record, &mut Findings::default());
        }
        let instances = fold.finish(INSTANCES as u64);
        Arc::new(GroupSnapshot {
            account: "default".into(),
            target: "CloudApp".into(),
            group: Fetched { data: Arc::new(group), at },
            instances: Some(Fetched { data: Arc::new(instances), at }),
            persistent: None,
            counters: SessionCounters::default(),
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
    group.bench_function("render text into a buffer of the right size", |bencher| {
        let size = exposition.text().len();
        bencher.iter(|| {
            let mut encoder = TextEncoder::with_capacity(size);
            exposition.encode(&Selection::default(), &mut encoder);
            black_box(encoder.finish())
        });
    });
    group.finish();
}

criterion_group!(benches, render);
criterion_main!(benches);
