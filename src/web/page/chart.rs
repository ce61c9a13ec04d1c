//! The chart of instances by status over the last hour.

use std::fmt::Write as _;

use jiff::Timestamp;
use maud::{Markup, html};

use crate::fleet::history::{MINUTES, MinuteCounts};
use crate::fleet::timestamp::minute;

/// Distance between two columns, in units of the drawing; one column is one minute.
const STEP: usize = 10;
/// Width of a column.
const COLUMN: usize = 9;
/// Height of the drawing.
const HEIGHT: f64 = 100.0;

/// The order of statuses in a column from the bottom: in use, ready, changing, gone.
const ORDER: [&str; 10] =
    ["BOUND", "RUNNING", "IDLE", "INIT", "STARTING", "CLOSING", "UNAVAILABLE", "CLOSED", "DELETED", "OTHER"];

/// The class of a status in the style sheet.
pub(super) fn class(status: &str) -> &'static str {
    match status {
        "BOUND" => "s-bound",
        "RUNNING" => "s-running",
        "IDLE" => "s-idle",
        "INIT" => "s-init",
        "STARTING" => "s-starting",
        "CLOSING" => "s-closing",
        "UNAVAILABLE" => "s-unavailable",
        "CLOSED" | "DELETED" => "s-closed",
        _ => "s-other",
    }
}

/// One column for each minute, the latest at the right; a minute without data is empty.
pub(super) fn history(samples: &[MinuteCounts], now: Timestamp) -> Markup {
    let total = |sample: &MinuteCounts| sample.counts().map(|(_, count)| count).sum::<u32>();
    let most = samples.iter().map(total).max().unwrap_or_default();
    let paths = ORDER.map(|status| (status, columns(samples, status, most, minute(now))));
    let label =
        format!("Instances by status over the last hour, at most {most}; the table has the numbers now");
    html! {
        figure.chart {
            svg viewBox={ "0 0 " (MINUTES * STEP) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                aria-label=(label) {
                @for (status, path) in paths.iter().filter(|(_, path)| !path.is_empty()) {
                    path class=(class(status)) d=(path) { title { (status) } }
                }
            }
            figcaption { span { "1 hour ago" } span { "at most " (most) } span { "now" } }
        }
    }
}

/// The SVG path of one status in every column.
fn columns(samples: &[MinuteCounts], status: &str, most: u32, now: u32) -> String {
    let mut path = String::new();
    let scale = HEIGHT / f64::from(most.max(1));
    for sample in samples {
        let ago = now.saturating_sub(sample.minute()) as usize;
        let count_of = |wanted: &str| {
            sample.counts().find(|(status, _)| *status == wanted).map_or(0, |(_, count)| count)
        };
        let below: u32 =
            ORDER.iter().take_while(|other| **other != status).map(|other| count_of(other)).sum();
        let height = f64::from(count_of(status)) * scale;
        if ago >= MINUTES || height == 0.0 {
            continue;
        }
        let x = (MINUTES - 1 - ago) * STEP;
        let y = HEIGHT - f64::from(below) * scale;
        write!(path, "M{x} {y:.1}h{COLUMN}v-{height:.1}h-{COLUMN}z")
            .expect("writing to a String cannot fail");
    }
    path
}
