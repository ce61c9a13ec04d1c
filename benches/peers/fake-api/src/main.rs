//! A fast server of the three list operations, for measurements.
//!
//! It responds with little CPU time, so that on a machine with few cores the measured exporter gets
//! most of it: one thread, pages are slices of records that were created at the start.
//!
//!     fake-api --groups 200 --instances-per-group 500 --persistent-per-group 100

mod fleet;
mod random;
mod records;
mod request;
mod response;
mod server;
mod statistics;

use std::error::Error;
use std::rc::Rc;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};

use crate::fleet::{Fleet, Size};
use crate::server::Server;

fn main() -> Result<(), Box<dyn Error>> {
    let server = Rc::new(Server::new(Fleet::new(arguments()?)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, serve(server))
}

fn arguments() -> Result<Size, Box<dyn Error>> {
    let mut size = Size { groups: 20, instances_per_group: 50, persistent_per_group: 10 };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let field = match &*name {
            "--groups" => &mut size.groups,
            "--instances-per-group" => &mut size.instances_per_group,
            "--persistent-per-group" => &mut size.persistent_per_group,
            _ => return Err(format!("unknown argument {name}").into()),
        };
        let value = arguments.next().unwrap_or_default();
        *field = value.parse().map_err(|_| format!("{name} must be a number"))?;
    }
    Ok(size)
}

/// Serves on a port that the system chooses, and prints the address.
async fn serve(server: Rc<Server>) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        stream.set_nodelay(true)?;
        let server = server.clone();
        spawn_local(async move {
            let service = service_fn(move |request| server.clone().handle(request));
            let connection = hyper::server::conn::http1::Builder::new()
                .writev(true)
                .serve_connection(TokioIo::new(stream), service);
            // A client that disconnects is the usual end of a connection.
            let _ = connection.await;
        });
    }
}
