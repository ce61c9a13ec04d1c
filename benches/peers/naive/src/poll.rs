//! One poll: requests all lists, and sets the gauges.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use chrono::DateTime;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::Error;
use crate::client::Client;
use crate::metrics::Metrics;

const STATUSES: [&str; 9] =
    ["INIT", "STARTING", "CLOSING", "CLOSED", "RUNNING", "IDLE", "BOUND", "UNAVAILABLE", "DELETED"];
const SESSIONS: [&str; 2] = ["connect", "disconnect"];
const PERSISTENT_STATUSES: [&str; 9] = [
    "STARTING",
    "RUNNING",
    "STOPPED",
    "UNAVAILABLE",
    "DELETING",
    "PENDING",
    "STOPPING",
    "DELETED",
    "REBUILDING",
];

struct Group {
    model: Value,
    id: String,
    statuses: HashMap<String, u64>,
    sessions: HashMap<String, u64>,
    persistent: HashMap<String, u64>,
    /// Empty if the metrics are aggregate.
    instances: Vec<Instance>,
}

struct Instance {
    id: String,
    status: String,
    usage: f64,
    created: f64,
    modified: f64,
}

pub async fn poll(
    client: &Arc<Client>,
    metrics: &Metrics,
    concurrency: usize,
    is_detailed: bool,
) -> Result<(), Error> {
    let started = Instant::now();
    let product = [("ProductType", "CloudApp".into())];
    let models = client.list("ListAppInstanceGroup", "AppInstanceGroupModels", &product).await?;
    let permits = Arc::new(Semaphore::new(concurrency));
    let tasks: Vec<_> = models
        .into_iter()
        .map(|model| {
            let (client, permits) = (client.clone(), permits.clone());
            tokio::spawn(async move {
                let _permit = permits.acquire().await?;
                list_group(&client, model, is_detailed).await
            })
        })
        .collect();
    let mut groups = Vec::new();
    for task in tasks {
        groups.push(task.await??);
    }
    if is_detailed {
        metrics.instance_status.reset();
        metrics.instance_usage.reset();
        metrics.instance_created.reset();
        metrics.instance_modified.reset();
    }
    for group in &groups {
        set_group(metrics, group);
    }
    metrics.took.set(started.elapsed().as_secs_f64());
    metrics.polls.inc();
    Ok(())
}

async fn list_group(client: &Client, model: Value, is_detailed: bool) -> Result<Group, Error> {
    let id = text(&model["AppInstanceGroupId"]).to_string();
    let mut query = vec![("AppInstanceGroupId", id.clone())];
    let instances = client.list("ListAppInstances", "AppInstanceModels", &query).await?;
    query.push(("ProductType", "CloudApp".into()));
    let persistent = client.list("ListPersistentAppInstances", "PersistentAppInstanceModels", &query).await?;
    let mut group = Group {
        model,
        id,
        statuses: HashMap::new(),
        sessions: HashMap::new(),
        persistent: HashMap::new(),
        instances: Vec::new(),
    };
    for instance in &instances {
        let status = text(&instance["Status"]).to_uppercase();
        if let Some(session) = instance["SessionStatus"].as_str() {
            *group.sessions.entry(session.to_string()).or_default() += 1;
        }
        if is_detailed {
            group.instances.push(Instance {
                id: text(&instance["AppInstanceId"]).to_string(),
                status: status.clone(),
                usage: instance["BindInfo"]["UsageDuration"].as_f64().unwrap_or(0.0),
                created: unix_seconds(&instance["GmtCreate"]),
                modified: unix_seconds(&instance["GmtModified"]),
            });
        }
        *group.statuses.entry(status).or_default() += 1;
    }
    for session in &persistent {
        let status = text(&session["AppInstancePersistentStatus"]).to_string();
        *group.persistent.entry(status).or_default() += 1;
    }
    Ok(group)
}

fn set_group(metrics: &Metrics, group: &Group) {
    let (id, name) = (&*group.id, text(&group.model["AppInstanceGroupName"]));
    let count = |counts: &HashMap<String, u64>, status: &str| *counts.get(status).unwrap_or(&0) as f64;
    for status in STATUSES {
        metrics.instances.with_label_values(&[id, name, status]).set(count(&group.statuses, status));
    }
    for status in SESSIONS {
        metrics.sessions.with_label_values(&[id, name, status]).set(count(&group.sessions, status));
    }
    for status in PERSISTENT_STATUSES {
        metrics.persistent.with_label_values(&[id, name, status]).set(count(&group.persistent, status));
    }
    for pool in group.model["NodePool"].as_array().into_iter().flatten() {
        let labels = [id, text(&pool["NodePoolId"]), text(&pool["NodeInstanceType"])];
        for (field, gauges) in &metrics.pools {
            gauges.with_label_values(&labels).set(pool[*field].as_f64().unwrap_or(0.0));
        }
    }
    for instance in &group.instances {
        let labels = [id, &instance.id];
        metrics.instance_status.with_label_values(&[id, &instance.id, &instance.status]).set(1.0);
        metrics.instance_usage.with_label_values(&labels).set(instance.usage);
        metrics.instance_created.with_label_values(&labels).set(instance.created);
        metrics.instance_modified.with_label_values(&labels).set(instance.modified);
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn unix_seconds(value: &Value) -> f64 {
    let time = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    time.map_or(0.0, |time| time.timestamp() as f64)
}
