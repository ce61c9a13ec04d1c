//! Reads `[[accounts]]`: names, endpoints and filters.

use super::credentials::{self, plain_http_problem};
use super::layers::MAX_ACCOUNTS;
use super::model::{Account, EndpointRegion};
use super::section::SectionReader;
use crate::aliyun::{ClientOptions, Endpoint};
use crate::appstreaming::GroupFilter;

const ACCOUNTS: &str = "accounts";
const NAME: &str = "name";
const DEFAULT_NAME: &str = "default";
const DEFAULT_PRODUCT_TYPE: &str = "CloudApp";

/// The settings of the section `[api]`, which apply to all accounts.
pub(super) struct Api {
    /// The options of each account's client. Each account replaces the endpoint by its own.
    pub(super) client: ClientOptions,
    /// Whether endpoints that are not loopback addresses may use plain HTTP.
    pub(super) allow_http: bool,
}

impl Default for Api {
    fn default() -> Self {
        Self {
            client: ClientOptions::new(public_endpoint(EndpointRegion::CnShanghai, false)),
            allow_http: false,
        }
    }
}

/// Reads the accounts. Without `[[accounts]]` there is one, with the default credentials and the
/// endpoint in Shanghai. `None` if the list itself has a problem.
pub(super) fn accounts(root: &SectionReader<'_>, api: &Api) -> Option<Vec<Account>> {
    let sections = match root.sections(ACCOUNTS) {
        Some(sections) if sections.is_empty() => {
            root.problem(ACCOUNTS, "is empty: leave it out for one account with the default credentials");
            return None;
        }
        Some(sections) if sections.len() > MAX_ACCOUNTS => {
            let count = sections.len();
            root.problem(ACCOUNTS, format!("has {count} accounts; at most {MAX_ACCOUNTS} are allowed"));
            return None;
        }
        Some(sections) => sections,
        None => vec![root.section("accounts.0")],
    };
    let accounts: Vec<Account> = sections.iter().map(|section| account(section, api)).collect();
    for (index, account) in accounts.iter().enumerate() {
        let section = &sections[index];
        // A blank name is already reported.
        let is_blank = section.is_set(NAME) && !section.is_filled(NAME);
        if !is_blank && accounts[..index].iter().any(|other| other.name == account.name) {
            section.problem(NAME, format!("{:?} is the name of another account too", account.name));
        }
    }
    Some(accounts)
}

fn account(section: &SectionReader<'_>, api: &Api) -> Account {
    let name = name(section);
    let endpoint_region = endpoint_region(section);
    let mut vpc = false;
    section.boolean("vpc", &mut vpc);
    let explicit = explicit_endpoint(section, api.allow_http);
    let has_explicit_endpoint = explicit.is_some();
    let endpoint = explicit.unwrap_or_else(|| public_endpoint(endpoint_region, vpc));
    let mut regions = Vec::new();
    section.texts("regions", &mut regions);
    let product_types = product_types(section);
    let credentials = credentials::read(&section.section("credentials"), api.allow_http);

    let filter_section = section.section("filter");
    let (mut group_ids, mut exclude_group_ids) = (Vec::new(), Vec::new());
    filter_section.texts("group_ids", &mut group_ids);
    filter_section.texts("exclude_group_ids", &mut exclude_group_ids);
    Account {
        name,
        client: ClientOptions { endpoint, ..api.client.clone() },
        has_explicit_endpoint,
        endpoint_region,
        vpc,
        regions,
        product_types,
        credentials,
        group_ids,
        exclude_group_ids,
        filter: filter(&filter_section),
    }
}

fn name(section: &SectionReader<'_>) -> String {
    if section.is_set(NAME) && !section.is_filled(NAME) {
        section.problem(NAME, "must not be empty: it is the label `account` of every series");
    }
    section.text_or(NAME, || Some(DEFAULT_NAME.to_owned())).unwrap_or_default()
}

/// The endpoint's region is often confused with the groups' region, so the problem explains both.
fn endpoint_region(section: &SectionReader<'_>) -> EndpointRegion {
    const REGION: &str = "endpoint_region";
    let default = EndpointRegion::CnShanghai;
    let text = section.text_or(REGION, || Some(default.as_str().to_owned())).unwrap_or_default();
    let found = EndpointRegion::ALL.into_iter().find(|region| region.as_str() == text);
    found.unwrap_or_else(|| {
        let message = format!(
            "{text:?} must be one of cn-shanghai, ap-southeast-1: there are no other endpoints, and both \
             serve groups of every region (use `regions` to select groups)"
        );
        section.problem(REGION, message);
        default
    })
}

fn public_endpoint(region: EndpointRegion, vpc: bool) -> Endpoint {
    Endpoint::https(region.host(vpc)).expect("every host of EndpointRegion is a valid host name")
}

/// The endpoint in the key `endpoint`. Problems do not quote it, because it may contain a password
/// by mistake.
fn explicit_endpoint(section: &SectionReader<'_>, allow_http: bool) -> Option<Endpoint> {
    const ENDPOINT: &str = "endpoint";
    match Endpoint::parse(&section.text(ENDPOINT)?) {
        Ok(endpoint) => {
            if let Some(message) = plain_http_problem(&endpoint, allow_http) {
                section.problem(ENDPOINT, message);
            }
            Some(endpoint)
        }
        Err(error) => {
            section
                .problem(ENDPOINT, format!("{error}; leave it empty to use the endpoint of endpoint_region"));
            None
        }
    }
}

fn product_types(section: &SectionReader<'_>) -> Vec<String> {
    const PRODUCT_TYPES: &str = "product_types";
    let mut product_types = vec![DEFAULT_PRODUCT_TYPE.to_owned()];
    section.texts(PRODUCT_TYPES, &mut product_types);
    if product_types.is_empty() {
        section.problem(PRODUCT_TYPES, "must have at least one entry, such as CloudApp");
    }
    product_types
}

fn filter(section: &SectionReader<'_>) -> GroupFilter {
    let mut filter = GroupFilter { group_name: section.text("group_name"), ..GroupFilter::default() };
    section.texts("status", &mut filter.status);
    section.map("tags", &mut filter.tags);
    filter.office_site_id = section.text("office_site_id");
    filter.node_instance_type = section.text("node_instance_type");
    filter.image_id = section.text("image_id");
    section.texts("user_group_ids", &mut filter.user_group_ids);
    section.texts("excluded_user_group_ids", &mut filter.excluded_user_group_ids);
    filter
}
