//! Time to parse one page of instances: alone, folded into aggregate or detailed data, and as
//! `serde_json::Value` for comparison.

use std::fmt::Write as _;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task;

use appstreaming_exporter::internals::wire::{Instance, PageResponse};
use appstreaming_exporter::internals::{Call, Client, Error, FoldOptions, Request};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Returns the same page for every request.
struct Canned(Vec<u8>);

impl Call for Canned {
    async fn call<T: Send>(
        &self,
        _: &Request,
        read: impl Fn(&[u8]) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        read(&self.0)
    }
}

fn parse(criterion: &mut Criterion) {
    let page = page_of(100);
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
}

/// Runs a future that is ready at its first poll.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut task::Context::from_waker(task::Waker::noop())) {
        task::Poll::Ready(output) => output,
        task::Poll::Pending => unreachable!("a canned response is ready at once"),
    }
}

fn page_of(instances: usize) -> Vec<u8> {
    let mut page = format!(
        r#"{{"RequestId":"1CBAFFAB-B697-4049-A9B1-67E1FC5FA00B","TotalCount":{instances},"PageSize":100,"PageNumber":1,"AppInstanceModels":["#
    );
    for index in 0..instances {
        let comma = if index == 0 { "" } else { "," };
        write!(
            page,
            r#"{comma}{{"AppInstanceId":"ai-8dl7dzchklmka{index:04}","AppInstanceGroupId":"aig-dk8p95irqfst90001","Status":"BOUND","MainEthPublicIp":"10.13.13.211","NetworkInterfaceIp":"","GmtCreate":"2023-03-07T20:29:19.000+08:00","GmtModified":"2023-03-07T20:29:19.000+08:00","SessionStatus":"connect","BindInfo":{{"EndUserId":"user.{index}","UsageDuration":{}}},"NodeId":"i-bp13{:08}","ChargeType":"PostPaid","NetworkInterfaceId":""}}"#,
            2000 + index,
            index / 4,
        )
        .expect("writing into a String never fails");
    }
    page.push_str("]}\n");
    page.into_bytes()
}

criterion_group!(benches, parse);
criterion_main!(benches);
