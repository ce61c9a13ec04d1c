//! The targets: which of them answer, and why the others don't.

use maud::{Markup, html};

use super::parts::{failure, untrusted};
use crate::fleet::HumanDuration;
use crate::web::view::{TargetView, ViewContext};

/// Every target, those that are down first and with their reasons.
pub(crate) fn targets(facts: &ViewContext<'_>, targets: &[TargetView<'_>]) -> Markup {
    html! {
        section aria-labelledby="targets" {
            h2 #targets { "Targets" }
            @if targets.is_empty() { p.nothing { "No poll has ended yet." } }
            @else {
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
                        tbody {
                            @for target in targets {
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
                                    // Without the instant, which is another one at every poll.
                                    td {
                                        @match target.last_success {
                                            Some(at) => { (HumanDuration(facts.age(at)).to_string()) " ago" }
                                            None => "never",
                                        }
                                    }
                                    td.n { (target.groups) }
                                }
                            }
                        }
                    }
                }
                @for target in targets.iter().filter(|target| !target.failures.is_empty()) {
                    h3 { "Why " (untrusted(target.account)) " / " (untrusted(target.target)) " is down" }
                    @for reason in &target.failures { (failure(reason)) }
                }
            }
        }
    }
}
