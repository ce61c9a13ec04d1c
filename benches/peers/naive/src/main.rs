//! An exporter as it is written within an afternoon: reqwest, `serde_json::Value`, vectors of
//! gauges of the `prometheus` crate, axum.
//!
//!     naive --endpoint HOST:PORT --port PORT --interval SECONDS [--concurrency 4] [--detailed]

mod client;
mod metrics;
mod poll;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::routing::get;
use prometheus::{Encoder, TextEncoder};
use tower_http::compression::CompressionLayer;

use crate::client::Client;
use crate::metrics::Metrics;

/// Any error.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

struct Options {
    endpoint: String,
    port: u16,
    interval: f64,
    concurrency: usize,
    is_detailed: bool,
}

fn options() -> Result<Options, Error> {
    let mut options =
        Options { endpoint: String::new(), port: 9000, interval: 60.0, concurrency: 4, is_detailed: false };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_default();
        match &*name {
            "--detailed" => options.is_detailed = true,
            "--endpoint" => options.endpoint = value(),
            "--port" => options.port = value().parse()?,
            "--interval" => options.interval = value().parse()?,
            "--concurrency" => options.concurrency = value().parse()?,
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    Ok(options)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let options = options()?;
    let metrics = Arc::new(Metrics::new()?);
    let address = ("127.0.0.1", options.port);
    tokio::spawn(poll_forever(options, metrics.clone()));
    let app = Router::new().route("/metrics", get(scrape)).layer(CompressionLayer::new()).with_state(metrics);
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, app).await?;
    Ok(())
}

async fn poll_forever(options: Options, metrics: Arc<Metrics>) -> Result<(), Error> {
    let client = Arc::new(Client::new(options.endpoint)?);
    loop {
        let started = Instant::now();
        if let Err(error) = poll::poll(&client, &metrics, options.concurrency, options.is_detailed).await {
            eprintln!("poll failed: {error}");
        }
        let interval = Duration::from_secs_f64(options.interval);
        tokio::time::sleep(interval.saturating_sub(started.elapsed())).await;
    }
}

async fn scrape(State(metrics): State<Arc<Metrics>>) -> ([(HeaderName, String); 1], Vec<u8>) {
    let encoder = TextEncoder::new();
    let mut out = Vec::new();
    encoder.encode(&metrics.registry.gather(), &mut out).expect("metrics are valid");
    ([(CONTENT_TYPE, encoder.format_type().to_string())], out)
}
