//! The schedules of node pools, drawn over the week.

use jiff::civil::Time;
use maud::{Markup, html};

use super::parts::{display_name, untrusted};
use crate::fleet::{TimerPeriod, plural};
use crate::web::view::{GroupDetails, NodePoolView, ViewContext};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MINUTES: i32 = 24 * 60;
/// Height of a day's row, in units of the drawing.
const ROW: f64 = 34.0;
/// Width of the names of days at the left.
const LEFT: f64 = 44.0;
/// Height of the hours at the top.
const TOP: f64 = 22.0;
/// Width of a minute.
const MINUTE: f64 = 0.6;
/// Height of the lowest block, so that its number fits.
const LOWEST: f64 = 13.0;
/// Length of the shortest block whose number fits, in minutes.
const MIN_LABELLED_MINUTES: i32 = 45;

/// The part of a period within one day.
#[derive(Debug, Clone, Copy, PartialEq)]
struct WeekBlock {
    /// 0 is Monday.
    day: usize,
    /// Minute of the day.
    start: i32,
    /// Minute of the day, exclusive.
    end: i32,
    /// Scheduled nodes.
    amount: f64,
}

/// Every pool with a schedule.
pub(super) fn schedules(context: &ViewContext<'_>, details: &GroupDetails<'_>) -> Markup {
    let scheduled = || details.node_pools.iter().filter(|pool| !pool.data.schedules.is_empty());
    html! {
        @if scheduled().next().is_some() {
            section aria-labelledby="schedule" {
                h2 #schedule {
                    "Schedule"
                    small {
                        "nodes over the week, " (context.time_zone().iana_name().unwrap_or("local time"))
                    }
                }
                @for pool in scheduled() { (schedule(context, pool)) }
            }
        }
    }
}

fn schedule(context: &ViewContext<'_>, pool: &NodePoolView<'_>) -> Markup {
    let is_active = pool.scheduled_nodes.is_some();
    let name = display_name(pool.node_type_name, pool.node_pool_id);
    let data = pool.data;
    html! {
        h3 {
            (untrusted(name)) " "
            small {
                @if !is_active { "not active: the strategy is " (pool.strategy_type.unwrap_or("unknown")) }
                @if let Some(first) = data.strategy_enable_date { " from " (first.to_string()) }
                @if let Some(last) = data.strategy_disable_date { " to " (last.to_string()) }
            }
        }
        div.week tabindex="0" role="group" aria-label={ "Schedule of " (name) } {
            (drawing(context, pool, is_active))
        }
        ul.periods {
            @for schedule in &data.schedules {
                li {
                    strong { (weekdays(&schedule.weekdays)) } ": "
                    @for (index, period) in schedule.periods.iter().enumerate() {
                        @if index > 0 { ", " }
                        (time(period.start)) "–" (time(period.end)) " " (plural(period.amount, "node"))
                    }
                }
            }
        }
    }
}

fn drawing(context: &ViewContext<'_>, pool: &NodePoolView<'_>, is_active: bool) -> Markup {
    let blocks = blocks(pool);
    let most = blocks.iter().map(|block| block.amount).fold(1.0, f64::max);
    let (width, height) = (LEFT + MINUTE * f64::from(MINUTES), TOP + ROW * 7.0);
    let x = |minute: i32| LEFT + MINUTE * f64::from(minute);
    let y = |day: usize| TOP + ROW * day as f64;
    let now = context.now.to_zoned(context.time_zone().clone());
    let today = usize::try_from(now.weekday().to_monday_zero_offset()).unwrap_or_default();
    let line = x(i32::from(now.hour()) * 60 + i32::from(now.minute()));
    html! {
        svg class=[(!is_active).then_some("idle")] viewBox={ "0 0 " (width) " " (height) } aria-hidden="true" {
            @for hour in (0..24).step_by(3) {
                text.hour x=(x(hour * 60)) y=(TOP - 8.0) { (format!("{hour:02}:00")) }
                path.grid d={ "M" (x(hour * 60)) " " (TOP) "V" (height) } {}
            }
            @for (day, name) in DAYS.into_iter().enumerate() {
                text x="0" y=(y(day) + ROW - 10.0) { (name) }
                path.grid d={ "M" (LEFT) " " (y(day) + ROW) "H" (width) } {}
            }
            @for block in &blocks {
                @let tall = LOWEST + (ROW - 4.0 - LOWEST) * block.amount / most;
                rect x=(x(block.start)) y=(y(block.day) + ROW - tall)
                    width=(MINUTE * f64::from(block.end - block.start)) height=(tall) {}
            }
            @for block in blocks.iter().filter(|block| block.end - block.start >= MIN_LABELLED_MINUTES) {
                text.amount x=(x(block.start) + 6.0) y=(y(block.day) + ROW - 4.0) { (block.amount) }
            }
            path.now d={ "M" (line) " " (y(today)) "v" (ROW) } {}
        }
    }
}

/// The blocks of all schedules. A period past midnight becomes two blocks.
fn blocks(pool: &NodePoolView<'_>) -> Vec<WeekBlock> {
    let of = |weekday: i8, period: &TimerPeriod| {
        let day = usize::try_from(weekday - 1).unwrap_or_default() % 7;
        let (start, end, amount) = (minutes(period.start), minutes(period.end), period.amount);
        let whole = WeekBlock { day, start, end, amount };
        if end > start {
            [Some(whole), None]
        } else {
            let rest = WeekBlock { day: (day + 1) % 7, start: 0, end, amount };
            [Some(WeekBlock { end: MINUTES, ..whole }), (end > 0).then_some(rest)]
        }
    };
    let schedules = pool.data.schedules.iter();
    let all = schedules.flat_map(|schedule| {
        let periods = schedule.periods.iter().filter(|period| period.amount.is_finite());
        periods.flat_map(move |period| schedule.weekdays.iter().flat_map(move |day| of(*day, period)))
    });
    let mut blocks: Vec<WeekBlock> = all.flatten().collect();
    // Where periods overlap, the larger one applies, so it is drawn last.
    blocks.sort_by(|a, b| a.amount.total_cmp(&b.amount));
    blocks
}

/// `Mon–Fri`, `Sat, Sun`.
fn weekdays(weekdays: &[i8]) -> String {
    let mut days: Vec<i8> = weekdays.iter().copied().filter(|day| (1..=7).contains(day)).collect();
    days.sort_unstable();
    days.dedup();
    let name = |day: &i8| DAYS[usize::try_from(day - 1).unwrap_or_default()];
    let runs = days.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [first, _, .., last] => format!("{}–{}", name(first), name(last)),
        run => run.iter().map(name).collect::<Vec<_>>().join(", "),
    });
    runs.collect::<Vec<_>>().join(", ")
}

fn time(time: Time) -> String {
    time.strftime("%H:%M").to_string()
}

fn minutes(time: Time) -> i32 {
    i32::from(time.hour()) * 60 + i32::from(time.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_weekdays_are_written_as_a_range() {
        assert_eq!(weekdays(&[1, 2, 3, 4, 5]), "Mon–Fri");
        assert_eq!(weekdays(&[7, 6]), "Sat, Sun");
        assert_eq!(weekdays(&[1, 3, 4, 5, 7]), "Mon, Wed–Fri, Sun");
        assert_eq!(weekdays(&[]), "");
    }
}
