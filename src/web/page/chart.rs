//! Instances by status over the last hour, drawn.

use std::fmt::Write as _;

use jiff::Timestamp;
use maud::{Markup, html};

use crate::fleet::history::{self, MINUTES, MinuteCounts};

/// Units of the drawing for one minute, and how much of it a column takes.
const STEP: usize = 10;
const COLUMN: usize = 9;
const HEIGHT: f64 = 100.0;

/// From the bottom up: who is served, who could be, what is on its way, what is gone.
const ORDER: [&str; 10] =
    ["BOUND", "RUNNING", "IDLE", "INIT", "STARTING", "CLOSING", "UNAVAILABLE", "CLOSED", "DELETED", "OTHER"];

/// The status' class in the style sheet.
pub(crate) fn class(status: &str) -> &'static str {
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

/// One column a minute, the latest at the right; a minute without a sample stays empty.
pub(crate) fn history(samples: &[MinuteCounts], now: Timestamp) -> Markup {
    let total = |sample: &MinuteCounts| sample.counts().map(|(_, count)| count).sum::<u32>();
    let most = samples.iter().map(total).max().unwrap_or_default();
    let paths = ORDER.map(|status| (status, columns(samples, status, most, history::minute(now))));
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

/// The outline of one status' part of every column.
fn columns(samples: &[MinuteCounts], status: &str, most: u32, now: u32) -> String {
    let mut path = String::new();
    let scale = HEIGHT / f64::from(most.max(1));
    for sample in samples {
        let ago = now.saturating_sub(sample.minute()) as usize;
        let of = |word: &str| sample.counts().find(|(known, _)| *known == word).map_or(0, |(_, count)| count);
        let below: u32 = ORDER.iter().take_while(|word| **word != status).map(|word| of(word)).sum();
        let height = f64::from(of(status)) * scale;
        if ago >= MINUTES || height == 0.0 {
            continue;
        }
        let x = (MINUTES - 1 - ago) * STEP;
        let y = HEIGHT - f64::from(below) * scale;
        write!(path, "M{x} {y:.1}h{COLUMN}v-{height:.1}h-{COLUMN}z").expect("a String takes everything");
    }
    path
}
