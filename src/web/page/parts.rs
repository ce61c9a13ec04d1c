//! Parts of several pages: texts, times, bars and badges.

use std::fmt;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::fleet::HumanDuration;
use crate::fleet::problems::{Problem, ProblemKind, Severity};
use crate::web::view::{FailureView, ReplicaView, SessionNumbers};

/// Characters that are not percent-encoded in a path segment (RFC 3986, unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The path of a group's page; `root` leads from the current page to `/`.
pub(super) fn group_path(root: &str, account: &str, id: &str) -> String {
    format!("{root}groups/{}/{}", utf8_percent_encode(account, SEGMENT), utf8_percent_encode(id, SEGMENT))
}

/// Text from the API or from users. It cannot change the writing direction of the text around it,
/// and control characters are replaced, because they would act on a terminal that the text is
/// copied to.
pub(super) fn untrusted(text: &str) -> Markup {
    let is_control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    html! {
        bdi {
            @if text.contains(is_control) { (text.replace(is_control, "\u{fffd}")) } @else { (text) }
        }
    }
}

/// The name, or the id if the name is blank.
pub(super) fn display_name<'a>(name: &'a str, id: &'a str) -> &'a str {
    if name.trim().is_empty() { id } else { name }
}

/// A value, or a dash if it is not known.
pub(super) fn or_dash(number: Option<impl fmt::Display>) -> Markup {
    html! {
        @match number {
            Some(number) => (number.to_string()),
            None => span.unknown title="not known" { "–" },
        }
    }
}

impl Severity {
    /// The class in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
            Severity::Info => "info",
        }
    }

    /// The name on the page.
    pub(super) fn title(self) -> &'static str {
        match self {
            Severity::Critical => "Critical",
            Severity::Warning => "Warning",
            Severity::Info => "For information",
        }
    }
}

/// The kind of a problem. The style sheet adds a mark, so that the severity is visible without
/// colour.
pub(super) fn badge(severity: Severity, kind: ProblemKind) -> Markup {
    html! { span class={ "badge " (severity.class()) } { (kind.title()) } }
}

/// All problems of one group or account.
pub(super) fn problems(problems: &[Problem]) -> Markup {
    html! {
        ul.problems {
            @for problem in problems {
                li class={ "kind " (problem.severity.class()) } {
                    h3 { (problem.kind.title()) " " small { (problem.severity.title()) } }
                    p { (problem.detail) }
                    p { strong { "What to do: " } (problem.advice) }
                }
            }
        }
    }
}

/// Why a poll failed, and how to fix it. The message contains operation, code and request id.
pub(super) fn failure(failure: &FailureView<'_>) -> Markup {
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

/// That this replica is the standby of another one. The address is not a link: other replicas can
/// reach it, and a browser often cannot.
pub(super) fn standby_of(replica: &ReplicaView<'_>) -> Markup {
    html! {
        "standby"
        @if let Some(of) = replica.of { " of " code { (untrusted(of)) } }
    }
}

/// A status in the API's own words; `unknown` without one.
pub(super) fn status(status: Option<&str>) -> Markup {
    let class = match status {
        Some("PUBLISHED" | "AVAILABLE") => "good",
        Some(
            "FAILED" | "MAINTAIN_FAILED" | "EXPIRED" | "EXPIRED_RECYCLING" | "CEASED" | "UNAVAILABLE"
            | "RELEASED",
        ) => "critical",
        Some(_) => "busy",
        None => "none",
    };
    html! { span class={ "status " (class) } { (status.unwrap_or("unknown")) } }
}

/// Sessions in use as a share of the capacity, with a mark where a scale-out starts.
pub(super) fn bar(sessions: &SessionNumbers) -> Markup {
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

/// A time relative to now; a tooltip shows the time itself.
pub(super) fn relative(at: Timestamp, now: Timestamp, zone: &TimeZone) -> Markup {
    let left = at.duration_since(now);
    html! {
        time datetime=(exact(at)) title=(local(at, zone)) {
            @if left > SignedDuration::ZERO { "in " (HumanDuration(left).to_string()) }
            @else { (HumanDuration(left.abs()).to_string()) " ago" }
        }
    }
}

/// A future time: `13:00` today, `Mon 08:00` within a week, otherwise with the date.
pub(super) fn clock(at: Timestamp, now: Timestamp, zone: &TimeZone) -> Markup {
    let (then, today) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()).date());
    let days = (then.date() - today).get_days();
    let format = match days {
        0 => "%H:%M",
        1..7 => "%a %H:%M",
        _ => "%d %b %H:%M",
    };
    html! { time datetime=(exact(at)) title=(local(at, zone)) { (then.strftime(format).to_string()) } }
}

/// The time of day, for events of the last hours.
pub(super) fn time_of_day(at: Timestamp, zone: &TimeZone) -> Markup {
    let text = at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string();
    html! { time datetime=(exact(at)) title=(local(at, zone)) { (text) } }
}

/// A time to the second, in the configured time zone.
pub(super) fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// A time to the second, in UTC.
pub(super) fn exact(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
