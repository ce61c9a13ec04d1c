//! The catalogue's sections in order, and access to their families.

use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::FixedState;

use crate::metrics::catalogue::family::{Family, Section};
use crate::metrics::catalogue::{
    detail, exporter, groups, health, node_pools, persistent, process, sessions,
};

/// The sections of the catalogue, in the order in which families are rendered and documented.
pub static SECTIONS: [Section; 8] = [
    groups::SECTION,
    node_pools::SECTION,
    sessions::SECTION,
    persistent::SECTION,
    detail::SECTION,
    health::SECTION,
    exporter::SECTION,
    process::SECTION,
];

/// Every family, in catalogue order.
pub fn families() -> impl Iterator<Item = &'static Family> {
    SECTIONS.iter().flat_map(|section| section.families)
}

/// The family with this full name.
pub fn find(name: &str) -> Option<&'static Family> {
    // Every scrape looks up the help texts of the exporter's own metrics.
    static BY_NAME: LazyLock<HashMap<&str, &Family, FixedState>> =
        LazyLock::new(|| families().map(|family| (family.name, family)).collect());
    BY_NAME.get(name).copied()
}

/// The help text of the family with this full name.
pub fn help(name: &str) -> Option<&'static str> {
    find(name).map(|family| family.help)
}
