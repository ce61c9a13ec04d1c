//! Output for people: styles, and the width of the terminal.
//!
//! Styled text is written with [`print()`], which removes the styles unless standard output is a
//! terminal that shows them.

use std::io::{Write as _, stdout};

use anstyle::{AnsiColor, Style};

use super::{Error, written};

/// The style of headings.
pub(super) const HEADING: Style = Style::new().bold();

/// The style of a word in this colour.
pub(super) const fn coloured(colour: AnsiColor) -> Style {
    colour.on_default()
}

/// The number of columns of the terminal; the environment variable `COLUMNS` overrides it. `None`
/// for a pipe or a file: then text is neither cut nor wrapped.
pub(super) fn width() -> Option<usize> {
    let configured = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let terminal = || terminal_size::terminal_size_of(stdout()).map(|(width, _)| usize::from(width.0));
    configured.filter(|width| *width > 0).or_else(terminal)
}

/// Writes styled text to standard output. Styles are removed for a pipe, a file, a terminal without
/// colours and where `NO_COLOR` is set (<https://no-color.org>).
pub(super) fn print(styled: &str) -> Result<(), Error> {
    let mut stdout = anstream::stdout().lock();
    written(stdout.write_all(styled.as_bytes()).and_then(|()| stdout.flush()))
}
