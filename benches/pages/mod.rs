//! Pages as the API sends them, with 100 elements each, and a client that receives them.

use std::fmt::Write as _;
use std::future::Future;
use std::pin::pin;
use std::task;

use appstreaming_exporter::internals::{Call, Error, Request};

/// Elements of each page.
const ELEMENTS: usize = 100;

/// Returns the same page for every request.
pub struct Canned(pub Vec<u8>);

impl Call for Canned {
    async fn call<T: Send>(
        &self,
        _: &Request,
        read: impl Fn(&[u8]) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        read(&self.0)
    }
}

/// Runs a future that is ready at its first poll.
pub fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut task::Context::from_waker(task::Waker::noop())) {
        task::Poll::Ready(output) => output,
        task::Poll::Pending => unreachable!("a canned response is ready at once"),
    }
}

/// A page of instances, four on each node; half of them have a session.
pub fn instances() -> Vec<u8> {
    page("AppInstanceModels", |page, index| {
        let (status, session, user) = match index % 8 {
            0..4 => ("RUNNING", r#""SessionStatus":"connect","#, format!("user-{index:08}@corp.example")),
            4 => ("BOUND", r#""SessionStatus":"disconnect","#, format!("user-{index:08}@corp.example")),
            5 => ("STARTING", "", String::new()),
            _ => ("IDLE", "", String::new()),
        };
        let usage = if user.is_empty() { 0 } else { 2_000 + index };
        write!(
            page,
            r#"{{"AppInstanceId":"ai-8dl7dzchklmka{index:04}","AppInstanceGroupId":"aig-dk8p95irqfst90001","Status":"{status}","MainEthPublicIp":"47.118.81.{index}","NetworkInterfaceIp":"172.16.124.{index}","GmtCreate":"2026-03-07T20:29:19.000+08:00","GmtModified":"2026-11-07T20:{:02}:19.000+08:00",{session}"BindInfo":{{"EndUserId":"{user}","UsageDuration":{usage}}},"NodeId":"i-bp1iyxvhdysjosso{:04}","ChargeType":"PostPaid","NetworkInterfaceId":"eni-bp1tgkd1owfm9t7s{index:04}"}}"#,
            index % 60,
            index / 4,
        )
    })
}

/// A page of persistent sessions with one authorised user each.
pub fn persistent() -> Vec<u8> {
    page("PersistentAppInstanceModels", |page, index| {
        let status = ["RUNNING", "RUNNING", "STOPPED", "REBUILDING"][index % 4];
        write!(
            page,
            r#"{{"AppInstancePersistentId":"p-25me3pbkflo0{index:04}","AppInstancePersistentName":"desk-{index}","AppInstancePersistentStatus":"{status}","AppInstanceGroupId":"aig-dk8p95irqfst90001","AppInstanceId":"ai-8dl7dzchklmka{index:04}","AppInstanceStatus":"RUNNING","GmtCreate":"2026-01-09T11:26:26.000+00:00","AuthorizedUsers":["user-{index:08}"]}}"#,
        )
    })
}

/// A page whose elements are written by `element`.
fn page(list: &str, element: impl Fn(&mut String, usize) -> std::fmt::Result) -> Vec<u8> {
    let mut page = format!(
        r#"{{"RequestId":"1CBAFFAB-B697-4049-A9B1-67E1FC5FA00B","TotalCount":{ELEMENTS},"PageSize":{ELEMENTS},"PageNumber":1,"{list}":["#
    );
    for index in 0..ELEMENTS {
        if index > 0 {
            page.push(',');
        }
        element(&mut page, index).expect("writing into a String never fails");
    }
    page.push_str("]}\n");
    page.into_bytes()
}
