//! How many requests a poll needs, how long they take, and what to change when that is too long.

use std::time::Duration;

use super::finding::{Aspect, Finding, Level};
use crate::config::{Account, Config};

/// Of the interval, what a poll may take before it is called tight.
const TARGET_UTILISATION: f64 = 0.8;

/// What the configuration allows.
#[derive(Debug, Clone, Copy)]
pub(super) struct PollLimits {
    /// Start to start.
    pub interval: Duration,
    /// After which a poll is given up.
    pub timeout: Duration,
    /// After which data is no longer served.
    pub stale_after: Duration,
    /// Requests a second.
    pub rate: f64,
    /// Requests at once.
    pub max_in_flight: usize,
    /// Elements a page.
    pub page_size: u32,
}

/// What a poll of one account needs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct PollDemand {
    /// Requests of a poll in which nothing has to be repeated.
    pub requests: u64,
    /// Listings of groups' members whose size was looked up, and all, where not every one was.
    pub counted: Option<(usize, usize)>,
    /// What one request took on average while checking.
    pub latency: Duration,
}

impl PollLimits {
    /// Those of an account.
    pub(super) fn of(config: &Config, account: &Account) -> Self {
        Self {
            interval: config.poll.interval,
            timeout: config.poll.timeout,
            stale_after: config.poll.stale_after,
            rate: account.client.requests_per_second,
            max_in_flight: account.client.max_in_flight,
            page_size: config.poll.page_size,
        }
    }

    /// Requests that a listing of so many elements takes.
    pub(super) fn pages(&self, elements: u64) -> u64 {
        elements.div_ceil(u64::from(self.page_size.max(1))).max(1)
    }

    /// Requests a second that are really possible: the allowed rate, or what fits in flight.
    fn pace(&self, latency: Duration) -> f64 {
        let in_flight = self.max_in_flight as f64 / latency.as_secs_f64().max(0.001);
        self.rate.min(in_flight)
    }
}

/// Whether the poll of an account fits.
pub(super) fn evaluate(need: &PollDemand, limits: &PollLimits) -> Finding {
    let pace = limits.pace(need.latency);
    let seconds = need.requests as f64 / pace;
    let (interval, timeout) = (limits.interval.as_secs_f64(), limits.timeout.as_secs_f64());
    let about = if need.counted.is_some() { "about " } else { "" };
    let sample = need
        .counted
        .map_or_else(String::new, |(counted, all)| format!(", estimated from {counted} of {all} listings"));
    let slowed = if pace < limits.rate {
        let latency = need.latency.as_millis();
        format!(" ({} at once, {latency} ms each, make no more than {})", limits.max_in_flight, number(pace))
    } else {
        String::new()
    };
    let facts = format!(
        "{about}{} request{} a poll{sample}: {} at {} a second{slowed}; the interval is {}",
        need.requests,
        if need.requests == 1 { "" } else { "s" },
        duration(seconds),
        number(limits.rate),
        duration(interval),
    );
    if seconds <= interval * TARGET_UTILISATION {
        return Finding::new(Aspect::Poll, Level::Ok, facts);
    }
    let advice = advice(need, limits, seconds);
    let (level, verdict) = if seconds > timeout {
        (
            Level::Error,
            format!("longer than poll.timeout, {}: every poll will be given up", duration(timeout)),
        )
    } else if seconds > limits.stale_after.as_secs_f64() {
        let stale = duration(limits.stale_after.as_secs_f64());
        (Level::Error, format!("longer than poll.stale_after, {stale}: numbers will vanish between polls"))
    } else if seconds > interval {
        (Level::Warning, "longer than the interval: numbers will be older than you want".to_owned())
    } else {
        (Level::Warning, "nearly all of the interval: throttling or growth will be too much".to_owned())
    };
    Finding::new(Aspect::Poll, level, format!("{facts}: {verdict}")).advise(advice)
}

/// Each change that alone would do, in numbers.
fn advice(need: &PollDemand, limits: &PollLimits, seconds: f64) -> String {
    let room = limits.interval.as_secs_f64() * TARGET_UTILISATION;
    let mut changes =
        vec![format!("poll.interval to {} or more", duration(round_up(seconds / TARGET_UTILISATION)))];
    let rate = (need.requests as f64 / room).ceil();
    let in_flight = (rate * need.latency.as_secs_f64()).ceil().max(1.0) as usize;
    if limits.rate < rate {
        changes.push(format!(
            "api.requests_per_second to {rate} (limits count per Alibaba Cloud account: see API rate limits in its \
             Quota Center)"
        ));
    }
    if limits.max_in_flight < in_flight {
        let word = if limits.rate < rate { "together with api.max_in_flight" } else { "api.max_in_flight" };
        changes.push(format!("{word} to {in_flight}"));
    }
    format!(
        "raise {}; or ask for less: collectors.persistent = \"off\", accounts.filter, or some groups a replica by \
         sharding (which shares the same API limits)",
        changes.join(", or ").replace("or together", "together")
    )
}

/// To a number that somebody would write: whole minutes beyond two, else whole tens of seconds.
fn round_up(seconds: f64) -> f64 {
    let step = if seconds > 120.0 { 60.0 } else { 10.0 };
    (seconds / step).ceil() * step
}

fn number(value: f64) -> String {
    if value >= 10.0 { format!("{value:.0}") } else { format!("{}", (value * 10.0).round() / 10.0) }
}

/// As it is written in a configuration, to the second.
fn duration(seconds: f64) -> String {
    let whole = seconds.round();
    match whole as u64 {
        0 if seconds > 0.0 => "less than 1s".to_owned(),
        whole if whole >= 3600 => format!("{}h{}", whole / 3600, minutes(whole % 3600 / 60)),
        whole if whole >= 120 && whole.is_multiple_of(60) => format!("{}m", whole / 60),
        whole if whole > 120 => format!("{}m{}s", whole / 60, whole % 60),
        whole => format!("{whole}s"),
    }
}

fn minutes(minutes: u64) -> String {
    if minutes == 0 { String::new() } else { format!("{minutes}m") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: PollLimits = PollLimits {
        interval: Duration::from_secs(60),
        timeout: Duration::from_secs(300),
        stale_after: Duration::from_secs(300),
        rate: 20.0,
        max_in_flight: 8,
        page_size: 100,
    };

    fn finding(requests: u64, latency_ms: u64) -> Finding {
        evaluate(&PollDemand { requests, counted: None, latency: Duration::from_millis(latency_ms) }, &LIMITS)
    }

    #[test]
    fn a_poll_that_fits_is_said_to_with_its_numbers() {
        let finding = finding(400, 50);
        assert_eq!(finding.level, Level::Ok);
        assert_eq!(finding.message, "400 requests a poll: 20s at 20 a second; the interval is 60s");
        assert_eq!(finding.advice, None);
    }

    #[test]
    fn a_poll_that_is_too_long_comes_with_numbers_that_would_do() {
        let finding = finding(2_400, 50);
        assert_eq!(finding.level, Level::Warning);
        assert!(finding.message.contains("2m at 20 a second"), "{}", finding.message);
        let advice = finding.advice.expect("there is something to do");
        for change in ["poll.interval to 3m", "api.requests_per_second to 50", "sharding"] {
            assert!(advice.contains(change), "{change}: {advice}");
        }
        assert!(!advice.contains("max_in_flight"), "8 at once do: {advice}");
    }

    #[test]
    fn a_tight_poll_is_a_warning_and_a_hopeless_one_an_error() {
        assert_eq!(finding(1_100, 50).level, Level::Warning);
        assert!(finding(1_100, 50).message.contains("nearly all"));
        let hopeless = finding(7_000, 50);
        assert_eq!(hopeless.level, Level::Error);
        assert!(hopeless.message.contains("poll.timeout"), "{}", hopeless.message);
    }

    #[test]
    fn a_slow_service_is_limited_by_what_is_in_flight() {
        let finding = finding(600, 2_000);
        assert!(finding.message.contains("make no more than 4"), "{}", finding.message);
        let advice = finding.advice.expect("150 s don't fit");
        assert!(advice.contains("api.max_in_flight to 26"), "{advice}");
    }

    #[test]
    fn an_estimate_says_that_it_is_one() {
        let need = PollDemand { requests: 900, counted: Some((20, 600)), latency: Duration::from_millis(20) };
        let finding = evaluate(&need, &LIMITS);
        assert!(finding.message.starts_with("about 900 requests a poll, estimated from 20 of 600 listings"));
    }

    #[test]
    fn durations_read_like_those_of_the_configuration() {
        for (seconds, text) in
            [(0.2, "less than 1s"), (90.0, "90s"), (120.0, "2m"), (150.0, "2m30s"), (7260.0, "2h1m")]
        {
            assert_eq!(duration(seconds), text);
        }
    }
}
