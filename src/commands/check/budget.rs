//! Estimates the requests and the duration of a poll, and what to change if it takes too long.

use std::time::Duration;

use super::finding::{Aspect, Finding, Level};
use crate::config::{Account, Config};

/// Share of the interval that a poll may take without a warning. The rest is reserved for retries
/// and growth.
const TARGET_UTILISATION: f64 = 0.8;

/// The configured limits of a poll.
#[derive(Debug, Clone, Copy)]
pub(super) struct PollLimits {
    /// Time between the starts of two polls.
    pub interval: Duration,
    /// Time after which a poll is aborted.
    pub timeout: Duration,
    /// Age above which data is no longer served.
    pub stale_after: Duration,
    /// Requests per second; of a shard, its share.
    pub rate: f64,
    /// Shards that share the account's rate.
    pub shards: u32,
    /// Concurrent requests.
    pub max_in_flight: usize,
    /// Elements per page.
    pub page_size: u32,
}

/// The requests of a poll of one account.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct PollDemand {
    /// Requests of a poll without retries.
    pub requests: u64,
    /// Whether `requests` is an average, because some listings are not part of every poll.
    pub average: bool,
    /// The number of counted listings and of all listings; `None` if all were counted.
    pub counted: Option<(usize, usize)>,
    /// Average duration of the check's requests.
    pub latency: Duration,
}

impl PollLimits {
    /// The limits of an account.
    pub(super) fn of(config: &Config, account: &Account) -> Self {
        Self {
            interval: config.poll.interval,
            timeout: config.poll.timeout,
            stale_after: config.poll.stale_after,
            rate: account.client.requests_per_second,
            shards: config.shard.total,
            max_in_flight: account.client.max_in_flight,
            page_size: config.poll.page_size,
        }
    }

    /// Requests of a listing with this number of elements.
    pub(super) fn pages(&self, elements: u64) -> u64 {
        elements.div_ceil(u64::from(self.page_size.max(1))).max(1)
    }

    /// The achievable requests per second: the configured rate, or less where concurrency limits
    /// it.
    fn pace(&self, latency: Duration) -> f64 {
        let in_flight = self.max_in_flight as f64 / latency.as_secs_f64().max(0.001);
        self.rate.min(in_flight)
    }
}

/// Judges whether the poll of an account fits into its interval.
pub(super) fn evaluate(need: &PollDemand, limits: &PollLimits) -> Finding {
    let pace = limits.pace(need.latency);
    let seconds = need.requests as f64 / pace;
    let (interval, timeout) = (limits.interval.as_secs_f64(), limits.timeout.as_secs_f64());
    let about = if need.counted.is_some() { "about " } else { "" };
    let average = if need.average { " on average" } else { "" };
    let sample = need
        .counted
        .map_or_else(String::new, |(counted, all)| format!(", estimated from {counted} of {all} listings"));
    let slowed = if pace < limits.rate {
        let latency = need.latency.as_millis();
        let pace = number(pace);
        format!(" ({} requests in flight, {latency} ms each, allow only {pace})", limits.max_in_flight)
    } else {
        String::new()
    };
    let share = match limits.shards {
        1 => String::new(),
        shards => format!(" (one of {shards} shares of {})", number(limits.rate * f64::from(shards))),
    };
    let facts = format!(
        "{about}{} request{} a poll{average}{sample}: {} at {} a second{share}{slowed}; the interval is {}",
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
        (Level::Error, {
            let polls = (seconds / timeout).ceil();
            let timeout = duration(timeout);
            format!(
                "longer than poll.timeout, {timeout}: every poll will time out, and {polls} polls list each group once"
            )
        })
    } else if seconds > limits.stale_after.as_secs_f64() {
        let stale = duration(limits.stale_after.as_secs_f64());
        (Level::Error, format!("longer than poll.stale_after, {stale}: metrics will disappear between polls"))
    } else if seconds > interval {
        (Level::Warning, "longer than the interval: data will be older than configured".to_owned())
    } else {
        (Level::Warning, "nearly all of the interval: throttling or growth can make it too long".to_owned())
    };
    Finding::new(Aspect::Poll, level, format!("{facts}: {verdict}")).advise(advice)
}

/// The changes that suffice, each alone.
fn advice(need: &PollDemand, limits: &PollLimits, seconds: f64) -> String {
    let room = limits.interval.as_secs_f64() * TARGET_UTILISATION;
    let mut changes =
        vec![format!("poll.interval to {} or more", duration(round_up(seconds / TARGET_UTILISATION)))];
    let rate = (need.requests as f64 / room).ceil();
    let in_flight = (rate * need.latency.as_secs_f64()).ceil().max(1.0) as usize;
    if limits.rate < rate {
        let of_account = (need.requests as f64 * f64::from(limits.shards) / room).ceil();
        changes.push(format!(
            "api.requests_per_second to {of_account} (limits count per Alibaba Cloud account: see API rate limits in its \
             Quota Center)"
        ));
    }
    if limits.max_in_flight < in_flight {
        let word = if limits.rate < rate { "together with api.max_in_flight" } else { "api.max_in_flight" };
        changes.push(format!("{word} to {in_flight}"));
    }
    format!(
        "raise {}; or request less: collectors.persistent = \"off\", or accounts.filter (sharding does not help: \
         the shards share the rate)",
        changes.join(", or ").replace("or together", "together")
    )
}

/// Rounds up to whole minutes above two minutes, else to multiples of ten seconds.
fn round_up(seconds: f64) -> f64 {
    let step = if seconds > 120.0 { 60.0 } else { 10.0 };
    (seconds / step).ceil() * step
}

fn number(value: f64) -> String {
    if value >= 10.0 { format!("{value:.0}") } else { format!("{}", (value * 10.0).round() / 10.0) }
}

/// A duration in the syntax of the configuration, in whole seconds.
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
        shards: 1,
        max_in_flight: 8,
        page_size: 100,
    };

    fn finding(requests: u64, latency_ms: u64) -> Finding {
        let latency = Duration::from_millis(latency_ms);
        evaluate(&PollDemand { requests, latency, ..PollDemand::default() }, &LIMITS)
    }

    #[test]
    fn a_poll_that_fits_is_reported_with_its_numbers() {
        let finding = finding(400, 50);
        assert_eq!(finding.level, Level::Ok);
        assert_eq!(finding.message, "400 requests a poll: 20s at 20 a second; the interval is 60s");
        assert_eq!(finding.advice, None);
    }

    #[test]
    fn a_poll_that_is_too_long_is_reported_with_sufficient_settings() {
        let finding = finding(2_400, 50);
        assert_eq!(finding.level, Level::Warning);
        assert!(finding.message.contains("2m at 20 a second"), "{}", finding.message);
        let advice = finding.advice.expect("there is something to do");
        for change in ["poll.interval to 3m", "api.requests_per_second to 50", "sharding"] {
            assert!(advice.contains(change), "{change}: {advice}");
        }
        assert!(!advice.contains("max_in_flight"), "8 in flight are enough: {advice}");
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
    fn a_slow_service_is_limited_by_the_requests_in_flight() {
        let finding = finding(600, 2_000);
        assert!(finding.message.contains("allow only 4)"), "{}", finding.message);
        let advice = finding.advice.expect("150 s do not fit into the interval");
        assert!(advice.contains("api.max_in_flight to 26"), "{advice}");
    }

    #[test]
    fn a_shard_has_its_share_of_the_rate_and_the_advice_is_about_the_whole_rate() {
        let limits = PollLimits { rate: 5.0, shards: 4, ..LIMITS };
        let need = PollDemand { requests: 600, latency: Duration::from_millis(50), ..PollDemand::default() };
        let finding = evaluate(&need, &limits);
        assert!(finding.message.contains("2m at 5 a second (one of 4 shares of 20);"), "{}", finding.message);
        let advice = finding.advice.expect("120 s do not fit into the interval");
        assert!(advice.contains("api.requests_per_second to 50 "), "{advice}");
    }

    #[test]
    fn an_estimate_is_marked_as_one() {
        let latency = Duration::from_millis(20);
        let need = PollDemand { requests: 900, counted: Some((20, 600)), average: false, latency };
        let finding = evaluate(&need, &LIMITS);
        assert!(finding.message.starts_with("about 900 requests a poll, estimated from 20 of 600 listings"));
        let finding = evaluate(&PollDemand { average: true, ..need }, &LIMITS);
        assert!(finding.message.starts_with("about 900 requests a poll on average, estimated from"));
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
