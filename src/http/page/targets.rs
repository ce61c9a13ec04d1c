//! The targets: which of them answer, and why the others don't.

use maud::{Markup, html};

use super::super::view::{Facts, Target};
use super::parts::{failure, foreign, relative};

/// Every target, those that are down first and with their reasons.
pub(super) fn targets(facts: &Facts<'_>, targets: &[Target<'_>]) -> Markup {
    let (zone, now) = (&facts.setup.time_zone, facts.now);
    html! {
        section aria-labelledby="targets" {
            h2 #targets { "Targets" }
            @if targets.is_empty() { p.nothing { "No poll has ended yet." } }
            @else {
                div.sheet tabindex="0" role="region" aria-labelledby="targets" {
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
                        tbody {
                            @for target in targets {
                                tr {
                                    th scope="row" { (foreign(target.account)) }
                                    td { (foreign(target.target)) }
                                    td {
                                        @match target.up {
                                            Some(true) => span.status.good { "up" },
                                            Some(false) => span.status.critical { "down" },
                                            None => span.status.busy { "waiting" },
                                        }
                                    }
                                    td { @match target.last_success { Some(at) => (relative(at, now, zone)), None => "never" } }
                                    td.n { (target.groups) }
                                }
                            }
                        }
                    }
                }
                @for target in targets.iter().filter(|target| !target.failures.is_empty()) {
                    h3 { "Why " (foreign(target.account)) " / " (foreign(target.target)) " is down" }
                    @for reason in &target.failures { (failure(reason)) }
                }
            }
        }
    }
}
