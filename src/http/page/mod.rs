//! The page for people: whether it works, and where to look next.
//!
//! One document with its style inside: no script, nothing from elsewhere, readable in light and dark
//! and at any width. A pure function of a [`View`]. What is not here: the fleet's numbers.

mod escape;
mod style;

use std::fmt::{self, Write};

use jiff::{SignedDuration, Timestamp};

use crate::fleet::{Snapshot, TargetHealth};

use escape::Escaped;
pub(super) use style::security_policy;

/// The icon, an image in SVG.
pub(super) const ICON: &[u8] = include_bytes!("icon.svg");

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the page shows.
pub(super) struct View<'a> {
    /// The fleet as of the last poll; `None` before the first one has ended.
    pub(super) snapshot: Option<&'a Snapshot>,
    /// Why the exporter isn't ready; empty when it is.
    pub(super) waiting_for: &'a [String],
    /// Where the metrics are.
    pub(super) telemetry_path: &'a str,
    /// What ages are reckoned from.
    pub(super) now: Timestamp,
}

/// The whole document.
pub(super) fn render(view: &View<'_>) -> String {
    let mut page = String::with_capacity(8 * 1024);
    write(&mut page, view).expect("a String takes everything that is written to it");
    page
}

fn write(page: &mut String, view: &View<'_>) -> fmt::Result {
    page.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.push_str("<meta name=\"color-scheme\" content=\"light dark\">\n");
    page.push_str("<title>App Streaming exporter</title>\n");
    page.push_str("<link rel=\"icon\" type=\"image/svg+xml\" href=\"/favicon.svg\">\n");
    writeln!(page, "<style>{}</style>\n</head>\n<body>", style::STYLE)?;
    header(page)?;
    page.push_str("<main>\n");
    match view.snapshot {
        Some(snapshot) => targets(page, snapshot, view.now)?,
        None => page.push_str("<p class=\"note\">No poll has ended yet.</p>\n"),
    }
    waiting(page, view.waiting_for)?;
    links(page, view.telemetry_path)?;
    page.push_str("</main>\n</body>\n</html>\n");
    Ok(())
}

fn header(page: &mut String) -> fmt::Result {
    page.push_str("<header>\n<img src=\"/favicon.svg\" alt=\"\" width=\"40\" height=\"40\">\n<div>\n");
    page.push_str("<h1>App Streaming exporter</h1>\n");
    writeln!(page, "<p>Alibaba Cloud App Streaming for Prometheus, version {VERSION}</p>")?;
    page.push_str("</div>\n</header>\n");
    Ok(())
}

fn targets(page: &mut String, snapshot: &Snapshot, now: Timestamp) -> fmt::Result {
    let down = snapshot.targets.iter().filter(|target| target.up == Some(false)).count();
    let (all, groups) = (snapshot.targets.len(), snapshot.groups.len());
    page.push_str("<section>\n<h2>Targets</h2>\n");
    match down {
        0 => writeln!(page, "<p class=\"note\">{} and {}.</p>", many(all, "target"), many(groups, "group"))?,
        _ => writeln!(
            page,
            "<p class=\"note bad\">{down} of {} failed the last poll.</p>",
            many(all, "target")
        )?,
    }
    page.push_str(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Targets\">\n<table>\n<thead><tr>",
    );
    for (class, title) in [
        ("", "Account"),
        ("", "Target"),
        ("", "State"),
        ("n", "Last success"),
        ("n", "Oldest data"),
        ("n", "Groups"),
    ] {
        write!(page, "<th scope=\"col\" class=\"{class}\">{title}</th>")?;
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    // Problems first; otherwise as configured.
    let mut targets: Vec<&TargetHealth> = snapshot.targets.iter().collect();
    targets.sort_by_key(|target| match target.up {
        Some(false) => 0,
        None => 1,
        Some(true) => 2,
    });
    for target in targets {
        row(page, target, snapshot, now)?;
    }
    page.push_str("</tbody>\n</table>\n</div>\n</section>\n");
    Ok(())
}

fn row(page: &mut String, target: &TargetHealth, snapshot: &Snapshot, now: Timestamp) -> fmt::Result {
    let of_target = snapshot
        .groups
        .iter()
        .filter(|group| group.account == target.account && group.target == target.target);
    let (groups, oldest) = of_target.fold((0, None), |(groups, oldest), group| {
        let listings = [
            Some(group.group.at),
            group.instances.as_ref().map(|fetched| fetched.at),
            group.persistent.as_ref().map(|fetched| fetched.at),
        ];
        (groups + 1, listings.into_iter().flatten().chain(oldest).min())
    });
    let (class, state) = match target.up {
        Some(true) => ("up", "up"),
        Some(false) => ("down", "down"),
        None => ("wait", "waiting"),
    };
    writeln!(
        page,
        "<tr><td>{}</td><td>{}</td><td><span class=\"state {class}\">{state}</span></td>\
         <td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{groups}</td></tr>",
        Escaped(&target.account),
        Escaped(&target.target),
        Age { at: target.last_success, now, otherwise: "never" },
        Age { at: oldest, now, otherwise: "none" },
    )
}

fn waiting(page: &mut String, reasons: &[String]) -> fmt::Result {
    if reasons.is_empty() {
        return Ok(());
    }
    page.push_str("<section>\n<h2>Not ready</h2>\n<ul>\n");
    for reason in reasons {
        writeln!(page, "<li>{}</li>", Escaped(reason))?;
    }
    page.push_str("</ul>\n</section>\n");
    Ok(())
}

fn links(page: &mut String, telemetry_path: &str) -> fmt::Result {
    page.push_str("<section>\n<h2>More</h2>\n<ul class=\"links\">\n");
    for (path, what) in [
        (telemetry_path, "the metrics"),
        ("/config", "the configuration in force"),
        ("/-/ready", "whether every target has been polled"),
        ("/-/healthy", "whether the exporter serves"),
    ] {
        writeln!(page, "<li><a href=\"{0}\">{0}</a> {what}</li>", Escaped(path))?;
    }
    page.push_str("</ul>\n</section>\n");
    Ok(())
}

fn many(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// How long ago something was, in words.
struct Age {
    at: Option<Timestamp>,
    now: Timestamp,
    /// What to say where it never was.
    otherwise: &'static str,
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(at) = self.at else { return f.write_str(self.otherwise) };
        // A clock that was set back must not make ages negative.
        let seconds = self.now.duration_since(at).max(SignedDuration::ZERO).as_secs();
        match seconds {
            0..60 => write!(f, "{seconds} s ago"),
            60..3_600 => write!(f, "{} min ago", seconds / 60),
            3_600..172_800 => write!(f, "{} h ago", seconds / 3_600),
            _ => write!(f, "{} days ago", seconds / 86_400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(account: &str, up: Option<bool>) -> TargetHealth {
        let last_success = up.map(|_| Timestamp::from_second(1_000).unwrap());
        TargetHealth { account: account.into(), target: "CloudApp".into(), up, last_success }
    }

    fn shown(snapshot: Option<&Snapshot>, waiting_for: &[String]) -> String {
        let now = Timestamp::from_second(1_090).unwrap();
        render(&View { snapshot, waiting_for, telemetry_path: "/metrics", now })
    }

    #[test]
    fn what_failed_comes_first_and_is_said_at_the_top() {
        let targets = vec![target("fine", Some(true)), target("new", None), target("broken", Some(false))];
        let page = shown(Some(&Snapshot { targets, ..Snapshot::default() }), &[]);
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} in {page}"));
        assert!(at("1 of 3 targets failed") < at("<td>broken"));
        assert!(at("<td>broken") < at("<td>new") && at("<td>new") < at("<td>fine"));
        assert!(page.contains("1 min ago") && page.contains("never"));
        assert!(!page.contains("Not ready"));
    }

    #[test]
    fn before_the_first_poll_it_says_what_is_waited_for() {
        let page = shown(None, &["waiting for first poll of a/CloudApp".to_owned()]);
        assert!(page.contains("No poll has ended yet."));
        assert!(page.contains("<li>waiting for first poll of a/CloudApp</li>"));
    }

    #[test]
    fn no_name_can_become_markup() {
        let evil = "<script>alert('1')</script>\"&";
        let targets = vec![target(evil, Some(true))];
        let page = shown(Some(&Snapshot { targets, ..Snapshot::default() }), &[evil.to_owned()]);
        assert!(!page.contains("<script"));
        let escaped = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;";
        assert_eq!(page.matches(escaped).count(), 2);
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        let page = shown(None, &[]);
        for outside in ["http:", "https:", "//", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn ages_are_told_in_one_unit() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let age = |seconds: i64| {
            Age { at: Some(now - SignedDuration::from_secs(seconds)), now, otherwise: "" }.to_string()
        };
        assert_eq!(age(-5), "0 s ago");
        assert_eq!(age(59), "59 s ago");
        assert_eq!(age(3_599), "59 min ago");
        assert_eq!(age(172_799), "47 h ago");
        assert_eq!(age(172_800), "2 days ago");
    }
}
