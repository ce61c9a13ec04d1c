//! DecodeIssues for people: sections, a mark and a word for each finding, and what to do beneath it.

use unicode_width::UnicodeWidthStr as _;

use crate::fleet::plural;

use super::finding::{AccountReport, Check, Finding, Level, Report};

/// Where what follows the mark and the word begins, and so does whatever belongs beneath it.
const INDENT: usize = 13;

/// The whole report. With `colours`, marks are coloured, but can be told apart without; lines are wrapped
/// where the width is known.
pub(super) fn render(report: &Report, colours: bool, width: Option<usize>) -> String {
    let mut page = Page { text: String::new(), colours, width };
    page.heading("Configuration", "");
    let from = match report.origins.as_slice() {
        [] => "no file, built-in defaults".to_owned(),
        files => files.join(", "),
    };
    page.line(Level::Ok, &format!("good ({from})"));
    for warning in &report.warnings {
        page.line(Level::Warning, &warning.to_string());
    }
    for account in report.accounts.iter().flatten() {
        page.account(account);
    }
    if let Some(accounts) = &report.accounts {
        page.summary(accounts);
    }
    page.text
}

struct Page {
    text: String,
    colours: bool,
    width: Option<usize>,
}

impl Page {
    fn account(&mut self, account: &AccountReport) {
        self.heading(&format!("Account {}", account.name), &account.endpoint);
        let mut target = None;
        for finding in &account.findings {
            if finding.target != target {
                target.clone_from(&finding.target);
                if let Some(target) = &target {
                    self.text.push_str(&format!("  target {target}\n"));
                }
            }
            self.finding(finding);
        }
        if let Some(policy) = &account.policy {
            self.text.push_str(
                "\n  The smallest RAM policy that allows what this configuration asks for, to be pasted\n  \
                 in the RAM console (Policies, Create Policy, JSON) and given to the identity above:\n\n",
            );
            for line in policy.lines() {
                self.text.push_str(&format!("    {line}\n"));
            }
        }
    }

    fn finding(&mut self, finding: &Finding) {
        let label = finding.operation.unwrap_or(finding.check.as_str());
        // Columns as wide as their longest label: `credentials`, and the longest name of an operation.
        let column = if finding.check == Check::Operation { 26 } else { 11 };
        self.line(finding.level, &format!("{label:<column$}  {}", finding.message));
        if let Some(advice) = &finding.advice {
            self.text.push_str(&" ".repeat(INDENT));
            self.wrapped(&format!("what to do: {advice}"));
        }
    }

    fn summary(&mut self, accounts: &[AccountReport]) {
        let count = |level| accounts.iter().map(|account| account.count(level)).sum::<usize>();
        let (errors, warnings) = (count(Level::Error), count(Level::Warning));
        let troubled = accounts.iter().filter(|account| account.level() == Level::Error).count();
        let warned = if warnings == 0 { String::new() } else { format!(", {}", plural(warnings, "warning")) };
        self.heading("Result", "");
        if errors == 0 {
            let level = if warnings == 0 { Level::Ok } else { Level::Warning };
            self.line(level, &format!("the exporter will work{warned}"));
        } else {
            let of = match accounts.len() {
                1 => "the account".to_owned(),
                all => format!("{troubled} of {all} accounts"),
            };
            self.line(Level::Error, &format!("{} with {of}{warned}", plural(errors, "problem")));
        }
    }

    fn heading(&mut self, title: &str, more: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let (bold, plain) = if self.colours { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        let more = if more.is_empty() { String::new() } else { format!("  {more}") };
        self.text.push_str(&format!("{bold}{title}{plain}{more}\n"));
    }

    fn line(&mut self, level: Level, message: &str) {
        let (mark, word, colour) = match level {
            Level::Ok => ('✓', "ok", "32"),
            Level::Note => ('-', "note", "36"),
            Level::Warning => ('!', "warning", "33"),
            Level::Error => ('✗', "error", "31"),
        };
        let label = format!("{mark} {word:<7}");
        let label = if self.colours { format!("\x1b[{colour}m{label}\x1b[0m") } else { label };
        self.text.push_str(&format!("  {label}  "));
        self.wrapped(message);
    }

    /// From the indentation on, line by line, where there is a width that makes sense.
    fn wrapped(&mut self, message: &str) {
        let room = self.width.map(|width| width.saturating_sub(INDENT)).filter(|room| *room >= 20);
        let mut taken = 0;
        for (position, word) in message.split([' ', '\n']).enumerate() {
            let breaks =
                room.is_some_and(|room| taken + 1 + word.width() > room) && taken > 0 && !word.is_empty();
            if breaks {
                self.text.truncate(self.text.trim_end_matches(' ').len());
                self.text.push('\n');
                self.text.push_str(&" ".repeat(INDENT));
                taken = 0;
            } else if position > 0 {
                self.text.push(' ');
                taken += 1;
            }
            self.text.push_str(word);
            taken += word.width();
        }
        self.text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let findings = vec![
            Finding::new(Check::Clock, Level::Ok, "in step with the service's"),
            Finding {
                operation: Some("ListAppInstances"),
                ..Finding::new(Check::Operation, Level::Error, "NoPermission: not allowed")
            }
            .of_target("CloudApp")
            .advise("allow appstreaming:ListAppInstances to the RAM user or role"),
            Finding::new(Check::Poll, Level::Warning, "tight"),
        ];
        let account = AccountReport {
            name: "production".to_owned(),
            endpoint: "https://example.com".to_owned(),
            findings,
            policy: Some("{\n}".to_owned()),
        };
        Report { origins: vec!["a.toml".to_owned()], warnings: Vec::new(), accounts: Some(vec![account]) }
    }

    #[test]
    fn every_finding_has_a_mark_a_word_and_what_to_do() {
        let text = render(&report(), false, None);
        assert_eq!(
            text,
            "Configuration\n\
             \x20 ✓ ok       good (a.toml)\n\
             \n\
             Account production  https://example.com\n\
             \x20 ✓ ok       clock        in step with the service's\n\
             \x20 target CloudApp\n\
             \x20 ✗ error    ListAppInstances            NoPermission: not allowed\n\
             \x20            what to do: allow appstreaming:ListAppInstances to the RAM user or role\n\
             \x20 ! warning  poll         tight\n\
             \n\
             \x20 The smallest RAM policy that allows what this configuration asks for, to be pasted\n\
             \x20 in the RAM console (Policies, Create Policy, JSON) and given to the identity above:\n\
             \n\
             \x20   {\n\
             \x20   }\n\
             \n\
             Result\n\
             \x20 ✗ error    1 problem with the account, 1 warning\n"
        );
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let coloured = render(&report(), true, None);
        assert!(coloured.contains("\x1b[31m✗ error  \x1b[0m"), "{coloured}");
        let mut plain = coloured;
        for colour in ["\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m"] {
            plain = plain.replace(colour, "");
        }
        assert_eq!(plain, render(&report(), false, None));
    }

    #[test]
    fn lines_fit_a_narrow_terminal() {
        let text = render(&report(), false, Some(60));
        let found = text.lines().filter(|line| !line.contains("RAM policy") && !line.contains("RAM console"));
        for line in found {
            assert!(line.width() <= 60, "{line}");
        }
        assert!(text.contains("appstreaming:ListAppInstances"), "{text}");
    }
}
