//! The table of targets, and why targets are down.

use maud::{Markup, html};

use super::parts::{failure, untrusted};
use crate::fleet::HumanDuration;
use crate::web::view::{TargetView, ViewContext};

/// Every target: first the targets that are down, with the reasons below the table.
pub(super) fn targets(context: &ViewContext<'_>, targets: &[TargetView<'_>]) -> Markup {
    html! {
        section aria-labelledby="targets" {
            h2 #targets { "Targets" }
            @if targets.is_empty() { p.nothing { "No poll has ended yet." } }
            @else {
                (table(context, targets))
                @for target in targets.iter().filter(|target| !target.failures.is_empty()) {
                    h3 { "Why " (untrusted(target.account)) " / " (untrusted(target.target)) " is down" }
                    @for reason in &target.failures { (failure(reason)) }
                }
            }
        }
    }
}

fn table(context: &ViewContext<'_>, targets: &[TargetView<'_>]) -> Markup {
    html! {
        div.sheet tabindex="0" role="group" aria-labelledby="targets" {
            table {
                thead {
                    tr {
                        th scope="col" { "Account" }
                        th scope="col" { "Target" }
                        th scope="col" { "State" }
                        th scope="col" { "Last success" }
                        th scope="col" class="n" { "Groups" }
                    }
                }
                tbody { @for target in targets { (row(context, target)) } }
            }
        }
    }
}

fn row(context: &ViewContext<'_>, target: &TargetView<'_>) -> Markup {
    html! {
        tr {
            th scope="row" { (untrusted(target.account)) }
            td { (untrusted(target.target)) }
            td {
                @match target.up {
                    Some(true) => span.status.good { "up" },
                    Some(false) => span.status.critical { "down" },
                    None => span.status.busy { "waiting" },
                }
            }
            // The exact time is left out: it changes with every poll, which would change the page's
            // entity tag.
            td {
                @match target.last_success {
                    Some(at) => { (HumanDuration(context.age(at)).to_string()) " ago" }
                    None => "never",
                }
            }
            td.n { (target.groups) }
        }
    }
}
