//! What several pages are made of: words, times, bars, badges.

use std::fmt;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::fleet::HumanDuration;
use crate::fleet::problems::{Problem, ProblemKind, Severity};
use crate::web::view::{FailureView, SessionNumbers};

/// What stays as it is in a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The address of a group's page.
pub(crate) fn group_path(root: &str, account: &str, id: &str) -> String {
    format!("{root}groups/{}/{}", utf8_percent_encode(account, SEGMENT), utf8_percent_encode(id, SEGMENT))
}

/// Somebody else's text, shown as it is: its own direction of writing stays its own, and characters
/// that steer a terminal are replaced.
pub(crate) fn untrusted(text: &str) -> Markup {
    let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    html! {
        bdi {
            @if text.contains(steers) { (text.replace(steers, "\u{fffd}")) } @else { (text) }
        }
    }
}

/// What a group is called: its name, or where it has none its id.
pub(crate) fn display_name<'a>(name: &'a str, id: &'a str) -> &'a str {
    if name.trim().is_empty() { id } else { name }
}

/// A number that may not be known.
pub(crate) fn or_dash(number: Option<impl fmt::Display>) -> Markup {
    html! {
        @match number {
            Some(number) => (number.to_string()),
            None => span.unknown title="not known" { "–" },
        }
    }
}

impl Severity {
    /// The class in the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
            Severity::Notice => "notice",
        }
    }

    /// The word for people.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Severity::Critical => "Critical",
            Severity::Warning => "Warning",
            Severity::Notice => "Notice",
        }
    }
}

/// A problem's kind, with a mark by which its urgency is seen without colour.
pub(crate) fn badge(severity: Severity, kind: ProblemKind) -> Markup {
    html! { span class={ "badge " (severity.class()) } { (kind.title()) } }
}

/// What is wrong with one thing.
pub(crate) fn problems(problems: &[Problem]) -> Markup {
    html! {
        ul.problems {
            @for problem in problems {
                li class={ "kind " (problem.severity.class()) } {
                    h3 { (problem.kind.title()) " " small { (problem.severity.word()) } }
                    p { (problem.detail) }
                }
            }
        }
    }
}

/// Why a poll failed: what was said (operation, code and request id are part of it), and what to do.
pub(crate) fn failure(failure: &FailureView<'_>) -> Markup {
    html! {
        div.failure {
            p {
                (untrusted(failure.message))
                @if failure.count > 1 { strong { " " (failure.count) " times" } }
            }
            @if let Some(advice) = failure.advice { p { strong { "What to do: " } (advice) } }
        }
    }
}

/// A state as the API calls it.
pub(crate) fn status(word: Option<&str>) -> Markup {
    let class = match word {
        Some("PUBLISHED" | "AVAILABLE") => "good",
        Some(
            "FAILED" | "MAINTAIN_FAILED" | "EXPIRED" | "EXPIRED_RECYCLING" | "CEASED" | "UNAVAILABLE"
            | "RELEASED",
        ) => "critical",
        Some(_) => "busy",
        None => "none",
    };
    html! { span class={ "status " (class) } { (word.unwrap_or("unknown")) } }
}

/// Sessions in use against capacity, with a mark where a scale-out starts.
pub(crate) fn bar(sessions: &SessionNumbers) -> Markup {
    let Some(capacity) = sessions.capacity.filter(|capacity| *capacity > 0.0) else {
        return html! { span.bar.empty {} };
    };
    let percent = |part: f64| (part / capacity * 100.0).clamp(0.0, 100.0).round();
    let fill = percent(sessions.in_use.unwrap_or_default());
    let mark = sessions.scale_out_at.map(percent);
    let class = match (sessions.usage_ratio, sessions.scale_out_at.zip(sessions.in_use)) {
        (Some(usage), _) if usage >= 1.0 => "full",
        (_, Some((threshold, in_use))) if in_use >= threshold => "over",
        _ => "normal",
    };
    html! {
        svg class={ "bar " (class) } viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect width=(fill) height="8" {}
            @if let Some(mark) = mark { path d={ "M" (mark) " 0v8" } {} }
        }
    }
}

/// An instant relative to now, the instant itself on demand.
pub(crate) fn relative(at: Timestamp, now: Timestamp, zone: &TimeZone) -> Markup {
    let left = at.duration_since(now);
    html! {
        time datetime=(exact(at)) title=(local(at, zone)) {
            @if left > SignedDuration::ZERO { "in " (HumanDuration(left).to_string()) }
            @else { (HumanDuration(left.abs()).to_string()) " ago" }
        }
    }
}

/// An instant to come as the wall clock shows it: `13:00` today, `Mon 08:00` within a week.
pub(crate) fn clock(at: Timestamp, now: Timestamp, zone: &TimeZone) -> Markup {
    let (then, today) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()).date());
    let days = (then.date() - today).get_days();
    let format = match days {
        0 => "%H:%M",
        1..7 => "%a %H:%M",
        _ => "%d %b %H:%M",
    };
    html! { time datetime=(exact(at)) title=(local(at, zone)) { (then.strftime(format).to_string()) } }
}

/// The time of day, for what happened within hours.
pub(crate) fn time_of_day(at: Timestamp, zone: &TimeZone) -> Markup {
    let text = at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string();
    html! { time datetime=(exact(at)) title=(local(at, zone)) { (text) } }
}

/// To the second, in the configured time zone.
fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

fn exact(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
