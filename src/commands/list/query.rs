//! Turns flags into queries, and fetches complete listings.
//!
//! A listing is complete or fails: a part of the records would be misleading.

use std::future::ready;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::progress::Progress;
use crate::aliyun::{self, Call, ErrorKind};
use crate::appstreaming::{
    Client, GroupFilter, GroupQuery, InstanceQuery, PersistentQuery, Query, Record,
    has_no_persistent_sessions,
};
use crate::cli::{GroupSelection, ListCommand, ListInstances, ListPersistent};
use crate::config::Account;
use crate::fleet::Group;

/// Ids or users in one request, a limit of the API.
const MAX_IDS_PER_REQUEST: usize = 100;

/// The records of a listing.
#[derive(Debug, Default)]
pub(super) struct ListedRecords {
    /// Group by group, each in the API's order.
    pub records: Vec<Record>,
    /// Whether the fleet changed during the listing.
    pub moved: bool,
}

/// A listing that failed.
#[derive(Debug)]
pub(super) struct ListError {
    /// What was listed: `groups`, or `instances of group ...`.
    pub what: String,
    /// The reason.
    pub error: aliyun::Error,
}

/// One of several listings.
struct ListingJob<Q> {
    query: Q,
    /// What is listed, for messages.
    what: String,
    /// The group, if it was listed before; decides whether a failure means an empty listing.
    group: Option<Group>,
}

/// Fetches all records that the flags select, with `concurrency` listings at a time.
///
/// # Errors
/// The first listing that failed.
pub(super) async fn fetch<C: Call>(
    api: &Client<C>,
    listing: &ListCommand,
    account: &Account,
    concurrency: usize,
    progress: &Progress,
) -> Result<ListedRecords, ListError> {
    match listing {
        ListCommand::Groups(groups) => {
            let queries = group_queries(&groups.groups, &groups.status, account);
            all(api, group_jobs(queries), concurrency, progress).await
        }
        ListCommand::Instances(instances) => {
            let (selection, status) = (&instances.groups, &instances.group_status);
            let groups = if only_ids(selection, status) && selection.product_types.is_empty() {
                named(selection)
            } else {
                groups(api, selection, status, account, concurrency).await?
            };
            let jobs = groups.iter().flat_map(|group| instance_jobs(group, instances)).collect();
            all(api, jobs, concurrency, progress).await
        }
        ListCommand::Persistent(persistent) => {
            let selection = &persistent.groups;
            let product_types = product_types(selection, account);
            // Each query needs the product type of its group: with several, the groups are listed
            // to find it.
            let groups = match product_types.as_slice() {
                [product_type] if only_ids(selection, &persistent.group_status) => named(selection)
                    .into_iter()
                    .map(|group| SelectedGroup { product_type: product_type.clone(), ..group })
                    .collect(),
                _ => groups(api, selection, &persistent.group_status, account, concurrency).await?,
            };
            let jobs = groups.iter().map(|group| persistent_job(group, persistent)).collect();
            all(api, jobs, concurrency, progress).await
        }
    }
}

/// A group whose members are listed.
struct SelectedGroup {
    id: String,
    product_type: String,
    /// The listed group; `None` if only the flag named it.
    group: Option<Group>,
}

/// Whether groups are selected only by their ids, so that they need not be listed.
fn only_ids(selection: &GroupSelection, status: &[String]) -> bool {
    let rest = GroupSelection { group_ids: Vec::new(), product_types: Vec::new(), ..selection.clone() };
    !selection.group_ids.is_empty() && status.is_empty() && rest == GroupSelection::default()
}

fn named(selection: &GroupSelection) -> Vec<SelectedGroup> {
    distinct(&selection.group_ids)
        .map(|id| SelectedGroup { id: id.clone(), product_type: String::new(), group: None })
        .collect()
}

/// The groups that the flags select, as the API lists them.
async fn groups<C: Call>(
    api: &Client<C>,
    selection: &GroupSelection,
    status: &[String],
    account: &Account,
    concurrency: usize,
) -> Result<Vec<SelectedGroup>, ListError> {
    let queries = group_queries(selection, status, account);
    let listings = stream::iter(&queries).map(|query| async move {
        match api.list_groups(query).await {
            Ok(listing) => Ok((query, listing.data)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok((query, Vec::new())),
            Err(error) => Err(ListError { what: "groups".to_owned(), error }),
        }
    });
    let listings: Vec<_> = listings.buffered(concurrency.max(1)).try_collect().await?;
    let selected = listings.into_iter().flat_map(|(query, groups)| {
        groups.into_iter().map(|group| SelectedGroup {
            id: group.id.to_string(),
            product_type: query.product_type.clone(),
            group: Some(group),
        })
    });
    Ok(selected.collect())
}

/// One listing for each product type, region and group id: the API takes one of each.
fn group_queries(selection: &GroupSelection, status: &[String], account: &Account) -> Vec<GroupQuery> {
    let each = |values: &[String]| -> Vec<Option<String>> {
        let values: Vec<_> = distinct(values).cloned().map(Some).collect();
        if values.is_empty() { vec![None] } else { values }
    };
    let (regions, group_ids) = (each(&selection.regions), each(&selection.group_ids));
    let mut queries = Vec::new();
    for product_type in product_types(selection, account) {
        for region in &regions {
            for group_id in &group_ids {
                queries.push(GroupQuery {
                    product_type: product_type.clone(),
                    region: region.clone(),
                    group_id: group_id.clone(),
                    filter: GroupFilter {
                        group_name: selection.name.clone(),
                        image_id: selection.image_id.clone(),
                        node_instance_type: selection.node_instance_type.clone(),
                        office_site_id: selection.office_site_id.clone(),
                        tags: selection.tags.iter().cloned().collect(),
                        status: status.to_vec(),
                        user_group_ids: selection.user_group_ids.clone(),
                        excluded_user_group_ids: selection.excluded_user_group_ids.clone(),
                    },
                });
            }
        }
    }
    queries
}

fn product_types(selection: &GroupSelection, account: &Account) -> Vec<String> {
    let selected =
        if selection.product_types.is_empty() { &account.product_types } else { &selection.product_types };
    distinct(selected).cloned().collect()
}

fn group_jobs(queries: Vec<GroupQuery>) -> Vec<ListingJob<GroupQuery>> {
    queries.into_iter().map(|query| ListingJob { query, what: "groups".to_owned(), group: None }).collect()
}

/// As many jobs as the API's limit on the length of lists requires.
fn instance_jobs(group: &SelectedGroup, listing: &ListInstances) -> Vec<ListingJob<InstanceQuery>> {
    let mut jobs = Vec::new();
    for instance_ids in chunks_of_ids(&listing.instance_ids) {
        for user_ids in chunks_of_ids(&listing.user_ids) {
            jobs.push(ListingJob {
                query: InstanceQuery {
                    instance_ids: instance_ids.clone(),
                    user_ids,
                    include_deleted: listing.include_deleted,
                    status: listing.status.clone(),
                    ..InstanceQuery::of(&group.id)
                },
                what: format!("instances of group {}", group.id),
                group: group.group.clone(),
            });
        }
    }
    jobs
}

fn persistent_job(group: &SelectedGroup, listing: &ListPersistent) -> ListingJob<PersistentQuery> {
    let persistent_ids = distinct(&listing.persistent_ids).cloned().collect();
    ListingJob {
        query: PersistentQuery { persistent_ids, ..PersistentQuery::of(&group.product_type, &group.id) },
        what: format!("persistent sessions of group {}", group.id),
        group: group.group.clone(),
    }
}

/// The records of all jobs, in the order of the jobs.
async fn all<C: Call, Q: Query>(
    api: &Client<C>,
    jobs: Vec<ListingJob<Q>>,
    concurrency: usize,
    progress: &Progress,
) -> Result<ListedRecords, ListError> {
    progress.plan(jobs.len());
    stream::iter(jobs)
        .map(|job| async move { (api.records(&job.query).await, job) })
        .buffered(concurrency.max(1))
        .map(|(listing, job)| match listing {
            Ok(listing) => {
                let moved = !listing.is_consistent();
                Ok(ListedRecords { records: listing.data, moved })
            }
            Err(error) if is_empty_listing(&job, &error) => Ok(ListedRecords::default()),
            Err(error) => Err(ListError { what: job.what, error }),
        })
        .try_fold(ListedRecords::default(), |mut all, listed| {
            progress.listed(listed.records.len());
            all.records.extend(listed.records);
            all.moved |= listed.moved;
            ready(Ok(all))
        })
        .await
}

/// Whether an error means an empty listing: a group id that does not exist, a group that
/// disappeared between two listings, or a group that cannot have persistent sessions.
fn is_empty_listing<Q: Query>(job: &ListingJob<Q>, error: &aliyun::Error) -> bool {
    if Q::OPERATION == GroupQuery::OPERATION {
        return error.kind() == ErrorKind::NotFound;
    }
    match &job.group {
        Some(group) if Q::OPERATION == PersistentQuery::OPERATION => has_no_persistent_sessions(group, error),
        Some(_) => error.kind() == ErrorKind::NotFound,
        // The operator named the group: its absence is an error.
        None => false,
    }
}

/// The values without duplicates, in their order.
fn distinct(values: &[String]) -> impl Iterator<Item = &String> {
    values.iter().enumerate().filter(|(at, value)| !values[..*at].contains(value)).map(|(_, value)| value)
}

/// The values in lists that are short enough for one request; one empty list if there are none.
fn chunks_of_ids(values: &[String]) -> Vec<Vec<String>> {
    let values: Vec<String> = distinct(values).cloned().collect();
    if values.is_empty() {
        vec![Vec::new()]
    } else {
        values.chunks(MAX_IDS_PER_REQUEST).map(<[String]>::to_vec).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("w{number}")).collect()
    }

    #[test]
    fn long_lists_are_split_into_requests_that_the_api_accepts() {
        let sizes = |count| chunks_of_ids(&words(count)).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(0), [0]);
        assert_eq!(sizes(100), [100]);
        assert_eq!(sizes(201), [100, 100, 1]);
    }

    #[test]
    fn a_repeated_id_is_requested_once() {
        let selected = ["a", "b", "a"].map(String::from);
        assert_eq!(distinct(&selected).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn groups_that_are_named_by_id_alone_need_not_be_listed() {
        let ids = GroupSelection { group_ids: words(2), ..GroupSelection::default() };
        assert!(only_ids(&ids, &[]));
        assert!(!only_ids(&ids, &words(1)));
        assert!(!only_ids(&GroupSelection { regions: words(1), ..ids }, &[]));
        assert!(!only_ids(&GroupSelection::default(), &[]));
    }
}
