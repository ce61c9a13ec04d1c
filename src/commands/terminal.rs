//! What is known of the terminal that reads the output.

use std::io::{IsTerminal as _, stdout};

/// Columns there is room for; `COLUMNS` beats the terminal. `None` for a pipe: nothing is cut or wrapped.
pub(super) fn width() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).filter(|width| *width > 0);
    let terminal = || terminal_size::terminal_size_of(stdout()).map(|(width, _)| usize::from(width.0));
    said.or_else(terminal)
}

/// Colours are for terminals, and for those who want them: <https://no-color.org>.
pub(super) fn colours() -> bool {
    let said = |name| std::env::var(name).unwrap_or_default();
    stdout().is_terminal() && said("NO_COLOR").is_empty() && said("TERM") != "dumb"
}
