//! The rules of `[[accounts]]`: names, endpoints, filters.

use super::MAX_ACCOUNTS;
use super::credentials::credentials;
use super::model::{Account, EndpointRegion, Filter};
use super::reader::SectionReader;
use crate::aliyun::{Endpoint, Scheme};

/// The accounts; without any, one that needs no file: the default chain and the Shanghai endpoint.
pub(super) fn accounts(root: &SectionReader<'_>, allow_http: bool) -> Option<Vec<Account>> {
    const ACCOUNTS: &str = "accounts";
    let tables = match root.sections(ACCOUNTS) {
        Some(tables) if tables.is_empty() => {
            root.problem(ACCOUNTS, "is empty: leave it out for one account with the default credentials");
            return None;
        }
        Some(tables) if tables.len() > MAX_ACCOUNTS => {
            root.problem(ACCOUNTS, format!("there are {}, at most {MAX_ACCOUNTS} are allowed", tables.len()));
            return None;
        }
        Some(tables) => tables,
        None => vec![root.section("accounts.0")],
    };
    let accounts: Vec<Account> = tables.iter().map(|table| account(table, allow_http)).collect();
    for (index, account) in accounts.iter().enumerate() {
        let named = tables[index].is_filled("name") || !tables[index].is_set("name");
        if named && accounts[..index].iter().any(|other| other.name == account.name) {
            tables[index].problem("name", format!("{:?} is the name of another account too", account.name));
        }
    }
    Some(accounts)
}

fn account(table: &SectionReader<'_>, allow_http: bool) -> Account {
    let name = table.text("name").unwrap_or_else(|| {
        if table.is_set("name") && !table.is_filled("name") {
            table.problem("name", "must not be empty: it is the label `account` of every series");
        }
        "default".to_owned()
    });
    let endpoint_region = endpoint_region(table);
    let vpc = table.boolean("vpc", false);
    let written = endpoint(table, allow_http);
    let mut product_types = table.texts("product_types");
    if product_types.is_empty() {
        if table.is_set("product_types") {
            table.problem("product_types", "must name at least one, such as CloudApp");
        }
        product_types.push("CloudApp".to_owned());
    }
    Account {
        name,
        endpoint_written: written.is_some(),
        endpoint: written.unwrap_or_else(|| {
            Endpoint::https(endpoint_region.host(vpc)).expect("the hosts of the table are hosts")
        }),
        endpoint_region,
        vpc,
        regions: table.texts("regions"),
        product_types,
        credentials: credentials(&table.section("credentials"), allow_http),
        filter: filter(&table.section("filter")),
    }
}

/// A group's region is often taken for the endpoint's, so the problem says what is what.
fn endpoint_region(table: &SectionReader<'_>) -> EndpointRegion {
    const REGION: &str = "endpoint_region";
    let Some(word) = table.text(REGION) else { return EndpointRegion::CnShanghai };
    match EndpointRegion::WORDS.iter().find(|(known, _)| *known == word) {
        Some((_, region)) => *region,
        None => {
            let message = format!(
                "{word:?} must be one of cn-shanghai, ap-southeast-1: there are no other endpoints, and both \
                 serve groups of every region (`regions` chooses among those)"
            );
            table.problem(REGION, message);
            EndpointRegion::CnShanghai
        }
    }
}

/// The endpoint that was written as a whole URL. It isn't quoted in problems: it may hold a password by mistake.
fn endpoint(table: &SectionReader<'_>, allow_http: bool) -> Option<Endpoint> {
    const ENDPOINT: &str = "endpoint";
    let text = table.text(ENDPOINT)?;
    let endpoint = match Endpoint::parse(&text) {
        Ok(endpoint) => endpoint,
        Err(error) => {
            table
                .problem(ENDPOINT, format!("{error}; leave it empty to use the endpoint of endpoint_region"));
            return None;
        }
    };
    if endpoint.scheme() == Scheme::Http && !endpoint.is_loopback() && !allow_http {
        table.problem(ENDPOINT, "plain http is only for loopback addresses, unless api.allow_http = true");
    }
    Some(endpoint)
}

fn filter(table: &SectionReader<'_>) -> Filter {
    Filter {
        group_ids: table.texts("group_ids"),
        group_name: table.text("group_name"),
        status: table.texts("status"),
        tags: table.map("tags"),
        exclude_group_ids: table.texts("exclude_group_ids"),
        office_site_id: table.text("office_site_id"),
        node_instance_type: table.text("node_instance_type"),
        image_id: table.text("image_id"),
        user_group_ids: table.texts("user_group_ids"),
        excluded_user_group_ids: table.texts("excluded_user_group_ids"),
    }
}
