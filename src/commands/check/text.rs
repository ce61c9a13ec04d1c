//! Findings as text: sections, a mark and a word for each finding, and advice beneath it.

use anstyle::AnsiColor;
use textwrap::WordSplitter;

use crate::fleet::plural;

use super::finding::{AccountReport, Aspect, CheckReport, Finding, Level, PartReport, highest};
use crate::commands::terminal::{HEADING, coloured};

/// The column at which messages begin, after the mark and the word.
const INDENT: usize = 13;

/// In a terminal with fewer columns for messages, they are not wrapped.
const MIN_COLUMNS: usize = 20;

/// The whole report, styled; marks differ in shape, not only in colour. Lines are wrapped to
/// `width`, or not at all if it is unknown.
pub(super) fn render(report: &CheckReport, width: Option<usize>) -> String {
    let mut page = ReportText { text: String::new(), width };
    page.heading("Configuration", "");
    let from = match report.origins.as_slice() {
        [] => "no file, built-in defaults".to_owned(),
        files => files.join(", "),
    };
    page.line(Level::Ok, &format!("good ({from})"));
    for warning in &report.warnings {
        page.line(Level::Warning, &warning.to_string());
    }
    for part in &report.parts {
        page.part(part);
    }
    for account in report.accounts.iter().flatten() {
        page.account(account);
    }
    if let Some(accounts) = &report.accounts {
        page.summary(report, accounts);
    }
    page.text
}

struct ReportText {
    text: String,
    width: Option<usize>,
}

impl ReportText {
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
                "\n  The smallest RAM policy that allows what this configuration needs, to be pasted\n  \
                 in the RAM console (Policies, Create Policy, JSON) and given to the identity above:\n\n",
            );
            for line in policy.lines() {
                self.text.push_str(&format!("    {line}\n"));
            }
        }
    }

    fn part(&mut self, part: &PartReport) {
        let title = match part.name {
            "state" => "State",
            _ => "Replicas",
        };
        self.heading(title, "");
        part.findings.iter().for_each(|finding| self.finding(finding));
    }

    fn finding(&mut self, finding: &Finding) {
        let label = finding.operation.unwrap_or(finding.check.as_str());
        // Columns as wide as their longest label: `credentials`, and the longest name of an
        // operation.
        let column = if finding.check == Aspect::Operation { 26 } else { 11 };
        self.line(finding.level, &format!("{label:<column$}  {}", finding.message));
        if let Some(advice) = &finding.advice {
            self.text.push_str(&" ".repeat(INDENT));
            self.wrapped(&format!("what to do: {advice}"));
        }
    }

    fn summary(&mut self, report: &CheckReport, accounts: &[AccountReport]) {
        let (errors, warnings) = (report.count(Level::Error), report.count(Level::Warning));
        let has_error = |part: &PartReport| highest(&part.findings) == Level::Error;
        let troubled = accounts.iter().filter(|account| account.level() == Level::Error).count();
        let warned = if warnings == 0 { String::new() } else { format!(", {}", plural(warnings, "warning")) };
        self.heading("Result", "");
        if errors == 0 {
            let level = if warnings == 0 { Level::Ok } else { Level::Warning };
            self.line(level, &format!("the exporter will work{warned}"));
        } else {
            let of_accounts = match (troubled, accounts.len()) {
                (0, _) => None,
                (_, 1) => Some("the account".to_owned()),
                (troubled, all) => Some(format!("{troubled} of {all} accounts")),
            };
            let of_parts =
                report.parts.iter().filter(|part| has_error(part)).map(|part| part.name.to_owned());
            let of: Vec<String> = of_accounts.into_iter().chain(of_parts).collect();
            let of = of.join(" and ");
            self.line(Level::Error, &format!("{} with {of}{warned}", plural(errors, "problem")));
        }
    }

    fn heading(&mut self, title: &str, more: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let (bold, reset) = (HEADING.render(), HEADING.render_reset());
        let more = if more.is_empty() { String::new() } else { format!("  {more}") };
        self.text.push_str(&format!("{bold}{title}{reset}{more}\n"));
    }

    fn line(&mut self, level: Level, message: &str) {
        let (mark, word, colour) = match level {
            Level::Ok => ('✓', "ok", AnsiColor::Green),
            Level::Note => ('-', "note", AnsiColor::Cyan),
            Level::Warning => ('!', "warning", AnsiColor::Yellow),
            Level::Error => ('✗', "error", AnsiColor::Red),
        };
        let style = coloured(colour);
        self.text.push_str(&format!("  {style}{mark} {word:<7}{style:#}  "));
        self.wrapped(message);
    }

    /// Wraps a message and indents all lines but the first, if the width is known and leaves enough
    /// columns.
    fn wrapped(&mut self, message: &str) {
        let columns = self.width.map(|width| width.saturating_sub(INDENT));
        let columns = columns.filter(|columns| *columns >= MIN_COLUMNS).unwrap_or(usize::MAX);
        let options = textwrap::Options::new(columns).break_words(false);
        let message = message.replace('\n', " ");
        let lines = textwrap::wrap(&message, options.word_splitter(WordSplitter::NoHyphenation));
        self.text.push_str(&lines.join(&format!("\n{:INDENT$}", "")));
        self.text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    fn report() -> CheckReport {
        let findings = vec![
            Finding::new(Aspect::Clock, Level::Ok, "in step with the service's"),
            Finding {
                operation: Some("ListAppInstances"),
                ..Finding::new(Aspect::Operation, Level::Error, "NoPermission: not allowed")
            }
            .of_target("CloudApp")
            .advise("grant appstreaming:ListAppInstances to the RAM user or role"),
            Finding::new(Aspect::Poll, Level::Warning, "tight"),
        ];
        let account = AccountReport {
            name: "production".to_owned(),
            endpoint: "https://example.com".to_owned(),
            findings,
            policy: Some("{\n}".to_owned()),
        };
        CheckReport {
            origins: vec!["a.toml".to_owned()],
            warnings: Vec::new(),
            parts: Vec::new(),
            accounts: Some(vec![account]),
        }
    }

    /// The report without styles.
    fn render(width: Option<usize>) -> String {
        anstream::adapter::strip_str(&super::render(&report(), width)).to_string()
    }

    #[test]
    fn every_finding_has_a_mark_a_word_and_what_to_do() {
        let text = render(None);
        assert_eq!(
            text,
            "Configuration\n\
             \x20 ✓ ok       good (a.toml)\n\
             \n\
             Account production  https://example.com\n\
             \x20 ✓ ok       clock        in step with the service's\n\
             \x20 target CloudApp\n\
             \x20 ✗ error    ListAppInstances            NoPermission: not allowed\n\
             \x20            what to do: grant appstreaming:ListAppInstances to the RAM user or role\n\
             \x20 ! warning  poll         tight\n\
             \n\
             \x20 The smallest RAM policy that allows what this configuration needs, to be pasted\n\
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
    fn marks_and_words_are_coloured() {
        let styled = super::render(&report(), None);
        assert!(styled.contains("\x1b[31m✗ error  \x1b[0m"), "{styled}");
    }

    #[test]
    fn lines_fit_a_narrow_terminal() {
        let text = render(Some(60));
        let found = text.lines().filter(|line| !line.contains("RAM policy") && !line.contains("RAM console"));
        for line in found {
            assert!(line.width() <= 60, "{line}");
        }
        assert!(text.contains("appstreaming:ListAppInstances"), "{text}");
    }
}
