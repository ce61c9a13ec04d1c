//! The jobs. A new one is a function and a line in [`JOBS`].
//!
//! A job must do the same on every run: randomness, the clock and threads may not change how many
//! instructions it needs, nor may the order of a map.

use std::hint::black_box;
use std::sync::Arc;

use appstreaming_exporter::internals::{
    Client, Credentials, Exposition, Fetched, FoldOptions, GroupCounters, GroupQuery, GroupSnapshot, HashKey,
    InstanceQuery, Observations, PageRequest, RenderOptions, Secret, SigningContext, Snapshot, TargetHealth,
    v3,
};
use jiff::Timestamp;

use crate::pages::{self, Canned, ready};
use crate::request::Sender;
use crate::scrape::Scrape;

/// A fixed piece of work.
pub struct Job {
    /// Its name in the file of counts.
    pub name: &'static str,
    /// Prepares the input; the result does the work once.
    pub prepare: fn() -> Box<dyn FnMut()>,
}

/// All jobs.
pub const JOBS: &[Job] = &[
    Job { name: "fold_groups", prepare: fold_groups },
    Job { name: "fold_instances", prepare: fold_instances },
    Job { name: "fold_persistent", prepare: fold_persistent },
    Job { name: "sign_request", prepare: sign_request },
    Job { name: "send_request", prepare: send_request },
    Job { name: "render_group", prepare: render_group },
    Job { name: "scrape", prepare: scrape },
    Job { name: "scrape_after_poll", prepare: scrape_after_poll },
];

const FOLD: FoldOptions = FoldOptions { nodes: true, detail: false, hash_key: HashKey::new(0) };
const GROUP: &str = "aig-dk8p95irqfst90001";
const PAGE_SIZE: u32 = 100;
const GROUPS: &[u8] = include_bytes!("../../tests/data/samples/list_app_instance_group.json");

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).expect("a time of this century")
}

/// Parses and converts a page of one group.
fn fold_groups() -> Box<dyn FnMut()> {
    let client = Client::new(Canned(GROUPS.to_vec()), PAGE_SIZE);
    Box::new(move || {
        black_box(ready(client.list_groups(&GroupQuery::default())).expect("a listing"));
    })
}

/// Parses and folds a page of 100 instances.
fn fold_instances() -> Box<dyn FnMut()> {
    let client = Client::new(Canned(pages::instances()), PAGE_SIZE);
    Box::new(move || {
        black_box(ready(client.list_instances(GROUP, FOLD)).expect("a listing"));
    })
}

/// Parses and folds a page of 100 persistent sessions.
fn fold_persistent() -> Box<dyn FnMut()> {
    let client = Client::new(Canned(pages::persistent()), PAGE_SIZE);
    Box::new(move || {
        black_box(ready(client.list_persistent("CloudApp", GROUP, FOLD)).expect("a listing"));
    })
}

/// Builds and signs a request for a page of instances.
fn sign_request() -> Box<dyn FnMut()> {
    let query = InstanceQuery::of(GROUP);
    let credentials =
        Credentials::new("LTAI5tExampleAbCd", Secret::new("simulated-secret-of-30-letters"), None);
    Box::new(move || {
        let context = SigningContext {
            host: "appstream-center.cn-shanghai.aliyuncs.com",
            credentials: &credentials,
            now: now(),
            nonce: "d1f2c3b4a5968778695a4b3c2d1e0f00",
        };
        let request = query.request(PageRequest { number: 3, size: PAGE_SIZE });
        black_box(v3::sign(black_box(&request), &context));
    })
}

/// Signs and sends a request to a peer in this process, and receives an empty page of 70 bytes.
fn send_request() -> Box<dyn FnMut()> {
    let query = InstanceQuery::of(GROUP);
    let sender =
        Sender::new(br#"{"RequestId":"1CBAFFAB-B697-4049-A9B1-67E1FC5F0001","TotalCount":0}"#.to_vec());
    Box::new(move || {
        let request = query.request(PageRequest { number: 3, size: PAGE_SIZE });
        black_box(sender.send(black_box(&request)));
    })
}

/// Renders all metrics of one group as text, in aggregate mode.
fn render_group() -> Box<dyn FnMut()> {
    let snapshot = snapshot();
    let options = Arc::new(RenderOptions::default());
    Box::new(move || {
        black_box(Exposition::new(Arc::clone(&snapshot), Arc::clone(&options)).text());
    })
}

/// Responds to a scrape while the exporter's own metrics have not changed.
fn scrape() -> Box<dyn FnMut()> {
    let scrape = Scrape::new(Exposition::new(snapshot(), Arc::default()));
    Box::new(move || {
        black_box(scrape.run());
    })
}

/// Responds to the first scrape after a poll, whose snapshot is rendered already.
fn scrape_after_poll() -> Box<dyn FnMut()> {
    let scrape = Scrape::new(Exposition::new(snapshot(), Arc::default()));
    Box::new(move || {
        scrape.record_poll();
        black_box(scrape.run());
    })
}

/// A fleet of one group with 100 instances and 100 persistent sessions.
fn snapshot() -> Arc<Snapshot> {
    let at = now();
    let groups = Client::new(Canned(GROUPS.to_vec()), PAGE_SIZE);
    let groups = ready(groups.list_groups(&GroupQuery::default())).expect("a listing").data;
    let group = groups.into_iter().next().expect("the sample has a group");
    let instances = Client::new(Canned(pages::instances()), PAGE_SIZE);
    let instances = ready(instances.list_instances(GROUP, FOLD)).expect("a listing").data.summary;
    let persistent = Client::new(Canned(pages::persistent()), PAGE_SIZE);
    let persistent = ready(persistent.list_persistent("CloudApp", GROUP, FOLD)).expect("a listing").data;
    let (account, target) = ("default", "CloudApp");
    let group = GroupSnapshot {
        account: account.into(),
        target: target.into(),
        group: Fetched { data: Arc::new(group), at },
        instances: Some(Fetched { data: Arc::new(instances), at }),
        persistent: Some(Fetched { data: Arc::new(persistent), at }),
        counters: GroupCounters::default(),
        observed: Observations::default(),
    };
    let health = TargetHealth {
        account: account.into(),
        target: target.into(),
        up: Some(true),
        last_success: Some(at),
    };
    Arc::new(Snapshot { at, targets: vec![health], groups: vec![Arc::new(group)] })
}
