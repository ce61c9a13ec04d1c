//! Renders the result of a poll in the text format, and compresses it.

use std::io::Write as _;
use std::time::Duration;

use libdeflater::{CompressionLvl, Compressor};

use crate::pages::NodePool;
use crate::poll::{Counts, Fleet, PERSISTENT_STATUSES, Row, SESSIONS, STATUSES};

/// The response of the newest poll.
pub struct Snapshot {
    pub body: Vec<u8>,
    /// Empty before the first poll.
    pub gzip: Vec<u8>,
}

impl Snapshot {
    pub fn empty() -> Self {
        Self { body: b"# no poll yet\n".to_vec(), gzip: Vec::new() }
    }

    /// `size` is the size of the previous body, which saves growing this one.
    pub fn render(fleet: Fleet, polls: u64, took: Duration, size: usize) -> Self {
        let mut out = Vec::with_capacity(size + size / 64 + 4096);
        head(&mut out, "appstream_polls_total", "Polls done.", "counter");
        let _ = writeln!(out, "appstream_polls_total {polls}");
        head(&mut out, "appstream_poll_duration_seconds", "How long the last poll took.", "gauge");
        let _ = writeln!(out, "appstream_poll_duration_seconds {}", took.as_secs_f64());
        render_counts(&mut out, &fleet);
        render_node_pools(&mut out, &fleet);
        if fleet.is_detailed {
            render_instances(&mut out, &fleet);
        }
        drop(fleet);
        let gzip = compress(&out);
        Self { body: out, gzip }
    }
}

fn compress(body: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(CompressionLvl::new(1).expect("level 1 exists"));
    let mut gzip = vec![0; compressor.gzip_compress_bound(body.len())];
    let length = compressor.gzip_compress(body, &mut gzip).expect("the buffer has the largest size");
    gzip.truncate(length);
    gzip.shrink_to_fit();
    gzip
}

fn head(out: &mut Vec<u8>, name: &str, help: &str, kind: &str) {
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

fn push(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

fn push_value(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    out.push(b'\n');
}

type Count = fn(&Counts) -> &[i64];

fn render_counts(out: &mut Vec<u8>, fleet: &Fleet) {
    // Known statuses only, as the peers.
    let statuses = &STATUSES[..STATUSES.len() - 1];
    let families: [(&str, &str, &[&str], Count); 3] = [
        ("appstream_instances", "Instances by status.", statuses, |counts| &counts.statuses),
        ("appstream_sessions", "Sessions by status.", &SESSIONS, |counts| &counts.sessions),
        (
            "appstream_persistent_instances",
            "Persistent instances by status.",
            &PERSISTENT_STATUSES,
            |counts| &counts.persistent,
        ),
    ];
    for (name, help, labels, values) in families {
        head(out, name, help, "gauge");
        for (group, counts) in fleet.groups.iter().zip(&fleet.counts) {
            let (id, group_name) = (&group.app_instance_group_id, &group.app_instance_group_name);
            for (label, value) in labels.iter().zip(values(counts)) {
                let text =
                    [name, "{group_id=\"", id, "\",group_name=\"", group_name, "\",status=\"", label, "\"} "];
                push(out, &text);
                push_value(out, *value);
            }
        }
    }
}

type Field = fn(&NodePool) -> i64;

fn render_node_pools(out: &mut Vec<u8>, fleet: &Fleet) {
    let families: [(&str, &str, Field); 5] = [
        ("appstream_node_pool_nodes", "Subscribed nodes.", |pool| pool.node_amount),
        ("appstream_node_pool_nodes_used", "Subscribed nodes in use.", |pool| pool.node_used),
        ("appstream_node_pool_node_capacity_sessions", "Sessions per node.", |pool| pool.node_capacity),
        ("appstream_node_pool_scaling_nodes", "Scalable nodes.", |pool| pool.scaling_node_amount),
        ("appstream_node_pool_scaling_nodes_used", "Scalable nodes in use.", |pool| pool.scaling_node_used),
    ];
    for (name, help, value) in families {
        head(out, name, help, "gauge");
        for group in &fleet.groups {
            for pool in &group.node_pool {
                let (id, node_type) = (&pool.node_pool_id, &pool.node_instance_type);
                let group = &group.app_instance_group_id;
                let text =
                    [name, "{group_id=\"", group, "\",pool_id=\"", id, "\",node_type=\"", node_type, "\"} "];
                push(out, &text);
                push_value(out, value(pool));
            }
        }
    }
}

type Attribute = fn(&Row) -> i64;

fn render_instances(out: &mut Vec<u8>, fleet: &Fleet) {
    let families: [(&str, &str, Option<Attribute>); 4] = [
        ("appstream_instance_created_timestamp_seconds", "Creation time.", Some(|row| row.created)),
        ("appstream_instance_modified_timestamp_seconds", "Update time.", Some(|row| row.modified)),
        ("appstream_instance_status", "1 for the status the instance has.", None),
        ("appstream_instance_usage_duration_seconds", "Use duration.", Some(|row| row.usage)),
    ];
    for (name, help, attribute) in families {
        head(out, name, help, "gauge");
        let (mut prefix, mut group) = (Vec::new(), usize::MAX);
        for row in &fleet.rows {
            if row.group != group {
                group = row.group;
                prefix.clear();
                let id = &fleet.groups[group].app_instance_group_id;
                push(&mut prefix, &[name, "{group_id=\"", id, "\",instance_id=\""]);
            }
            out.extend_from_slice(&prefix);
            out.extend_from_slice(&row.id);
            match attribute {
                Some(attribute) => {
                    push(out, &["\"} "]);
                    push_value(out, attribute(row));
                }
                None => push(out, &["\",status=\"", row.status, "\"} 1\n"]),
            }
        }
    }
}
