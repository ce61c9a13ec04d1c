//! The pages: the fleet with its problems, one group, and the exporter itself.
//!
//! The server renders complete pages, which work without scripts. One small script fetches the same
//! page periodically and replaces the elements that changed. Pages are pure functions of a view.
//! They load nothing from other hosts, and every link is relative, so they work behind a proxy with
//! a path prefix. While nothing happens, a page changes at most once a minute, so that its entity
//! tag stays valid.
//!
//! What is not here: the data (`view`), and the response (`routes`).

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

pub(crate) use exporter::render as exporter;
pub(crate) use fleet::render as fleet;
pub(crate) use group::{missing, render as group};

/// The icon, in SVG.
pub(crate) const ICON: &[u8] = include_bytes!("icon.svg");

/// The header `Content-Security-Policy`: only our own style sheet and script, nothing inline and
/// nothing from other hosts. Scripts and styles in markup that gets into a page by mistake have no
/// effect.
pub(crate) const SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The inputs of the frame: the paths of links, and the version.
#[derive(Clone, Copy)]
pub(crate) struct PageLocation<'a> {
    /// The relative path from the page to `/`: `./` or `../../`.
    pub(crate) root: &'static str,
    /// The path of the metrics.
    pub(crate) telemetry_path: &'a str,
    /// The exporter's version.
    pub(crate) version: &'static str,
}

/// The kind of page, for the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NavTab {
    Fleet,
    Group,
    Exporter,
}

/// The frame of every page around `main`.
fn document(location: PageLocation<'_>, tab: NavTab, title: &str, main: &Markup) -> Markup {
    let PageLocation { root, telemetry_path, version } = location;
    let current = |is_current: bool| is_current.then_some("page");
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
                    p { "appstreaming-exporter " (version) }
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
