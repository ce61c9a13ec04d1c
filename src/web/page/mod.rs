//! The pages for people: what is wrong, the fleet, a group, the exporter itself.
//!
//! Written by the server and readable without scripts; one small script of our own fetches the same
//! page again and exchanges what changed. Pure functions of a view. Nothing is loaded from elsewhere,
//! every address is relative (so that a path prefix of a proxy does no harm), and what a page says
//! changes once a minute at most while nothing happens, so that its entity tag holds.
//!
//! What is not here: what is true (`view`), and how it gets to the browser (`routes`).

pub(crate) mod assets;
mod chart;
mod exporter;
mod fleet;
mod group;
mod parts;
mod targets;
#[cfg(test)]
mod tests;
mod week;

use maud::{DOCTYPE, Markup, html};

use crate::telemetry::VERSION;

pub(crate) use exporter::render as exporter;
pub(crate) use fleet::render as fleet;
pub(crate) use group::{missing, render as group};

/// The icon, an image in SVG.
pub(crate) const ICON: &[u8] = include_bytes!("icon.svg");

/// The header `Content-Security-Policy`: our own style and script, nothing inline, nothing from
/// elsewhere, so that nothing that slips into a page could run or look different.
pub(crate) const SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Where a page stands among the others.
#[derive(Clone, Copy)]
pub(crate) struct PageLocation<'a> {
    /// From the page back to `/`: `./` or `../../`.
    pub(crate) root: &'static str,
    /// Where the metrics are.
    pub(crate) telemetry_path: &'a str,
}

/// Which of the pages it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NavTab {
    Fleet,
    Group,
    Exporter,
}

/// The frame around every page.
fn document(place: PageLocation<'_>, tab: NavTab, title: &str, main: &Markup) -> Markup {
    let PageLocation { root, telemetry_path } = place;
    let current = |is: bool| is.then_some("page");
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · App Streaming" }
                link rel="icon" type="image/svg+xml" href={ (root) "favicon.svg" };
                link rel="stylesheet" href={ (root) (assets::style().path()) };
                script defer src={ (root) (assets::script().path()) } {}
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header.top {
                    a.brand href=(root) {
                        img src={ (root) "favicon.svg" } alt="" width="28" height="28";
                        span { "App Streaming" }
                    }
                    nav aria-label="Pages" {
                        a href=(root) aria-current=[current(tab == NavTab::Fleet)] { "Fleet" }
                        a href={ (root) "exporter" } aria-current=[current(tab == NavTab::Exporter)] {
                            "Exporter"
                        }
                        a href={ (root) (telemetry_path.trim_start_matches('/')) } { "Metrics" }
                        a href={ (root) "api/v1/fleet" } { "JSON" }
                    }
                    p #live role="status" hidden {}
                }
                main #main tabindex="-1" { (main) }
                footer {
                    p { "appstreaming-exporter " (VERSION) }
                    p {
                        a href={ (root) "config" } { "configuration" } " · "
                        a href={ (root) "-/ready" } { "ready?" } " · "
                        a href={ (root) "-/healthy" } { "healthy?" }
                    }
                }
            }
        }
    }
}
