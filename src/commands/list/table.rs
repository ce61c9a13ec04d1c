//! Rows as a table for people: aligned by display width, with as many columns as fit.

use serde_json::Value;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::columns::{Align, Column};

/// Spaces between two columns.
const COLUMN_GAP: usize = 2;
/// Display width of a cell on a terminal; longer cells are cut.
const MAX_CELL_WIDTH: usize = 40;

/// Renders the most important columns that fit into `width`, or all columns if it is unknown.
/// A column without any value is left out unless its rank is 0.
pub(super) fn render(columns: &[Column], records: &[Value], width: Option<usize>) -> String {
    let cells: Vec<Vec<String>> = columns
        .iter()
        .map(|column| records.iter().map(|record| shown(&(column.read)(record), width.is_some())).collect())
        .collect();
    let widths: Vec<usize> = columns
        .iter()
        .zip(&cells)
        .map(|(column, cells)| cells.iter().map(|cell| cell.width()).fold(column.title.width(), usize::max))
        .collect();
    let chosen = choose(columns, &cells, &widths, width);

    let mut text = String::new();
    line(&mut text, chosen.iter().map(|at| (columns[*at].title, widths[*at], columns[*at].align)));
    for (row, _) in records.iter().enumerate() {
        line(&mut text, chosen.iter().map(|at| (cells[*at][row].as_str(), widths[*at], columns[*at].align)));
    }
    text
}

fn choose(columns: &[Column], cells: &[Vec<String>], widths: &[usize], width: Option<usize>) -> Vec<usize> {
    let mut by_rank: Vec<usize> = (0..columns.len())
        .filter(|at| columns[*at].rank == 0 || cells[*at].iter().any(|cell| !cell.is_empty()))
        .collect();
    by_rank.sort_by_key(|at| columns[*at].rank);
    let mut taken = 0;
    by_rank.retain(|at| {
        let wanted = widths[*at] + if taken == 0 { 0 } else { COLUMN_GAP };
        let fits = columns[*at].rank == 0 || width.is_none_or(|width| taken + wanted <= width);
        if fits {
            taken += wanted;
        }
        fits
    });
    by_rank.sort_unstable();
    by_rank
}

fn line<'a>(text: &mut String, cells: impl Iterator<Item = (&'a str, usize, Align)>) {
    let start = text.len();
    for (position, (cell, width, align)) in cells.enumerate() {
        if position > 0 {
            text.extend(std::iter::repeat_n(' ', COLUMN_GAP));
        }
        let blank = std::iter::repeat_n(' ', width.saturating_sub(cell.width()));
        match align {
            Align::Left => {
                text.push_str(cell);
                text.extend(blank);
            }
            Align::Right => {
                text.extend(blank);
                text.push_str(cell);
            }
        }
    }
    text.truncate(text[start..].trim_end_matches(' ').len() + start);
    text.push('\n');
}

/// A cell on one line. Control characters and changes of the text direction are escaped, because
/// users choose names freely.
fn shown(cell: &str, short: bool) -> String {
    let is_direction = |character: char| matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut text = String::with_capacity(cell.len());
    for character in cell.chars() {
        if character.is_control() || is_direction(character) {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    if short && text.width() > MAX_CELL_WIDTH { cut(&text) } else { text }
}

fn cut(text: &str) -> String {
    let mut room = MAX_CELL_WIDTH - 1;
    let kept: String = text
        .chars()
        .take_while(|character| {
            let width = character.width().unwrap_or(0);
            let fits = width <= room;
            room = if fits { room - width } else { 0 };
            fits
        })
        .collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const fn column(title: &'static str, rank: u8, align: Align, read: fn(&Value) -> String) -> Column {
        Column { title, rank, align, read }
    }

    fn text(record: &Value, field: &str) -> String {
        record[field].as_str().unwrap_or_default().to_owned()
    }

    const COLUMNS: &[Column] = &[
        column("NAME", 0, Align::Left, |record| text(record, "name")),
        column("NOTE", 2, Align::Left, |record| text(record, "note")),
        column("N", 1, Align::Right, |record| text(record, "n")),
    ];

    #[test]
    fn columns_are_aligned_by_display_width() {
        let records = [json!({"name": "无影", "n": "5"}), json!({"name": "abcdef", "n": "12"})];
        assert_eq!(render(COLUMNS, &records, None), "NAME     N\n无影     5\nabcdef  12\n");
    }

    #[test]
    fn a_narrow_terminal_shows_the_more_important_columns() {
        let records = [json!({"name": "abcdef", "note": "something long", "n": "12"})];
        assert_eq!(
            render(COLUMNS, &records, Some(40)),
            "NAME    NOTE             N\nabcdef  something long  12\n"
        );
        assert_eq!(render(COLUMNS, &records, Some(12)), "NAME     N\nabcdef  12\n");
        assert_eq!(render(COLUMNS, &records, Some(3)), "NAME\nabcdef\n", "essential ones are always there");
    }

    #[test]
    fn names_cannot_control_a_terminal() {
        let records = [json!({"name": "a\nb\u{1b}[31m\u{202e}c"})];
        assert_eq!(render(COLUMNS, &records, None), "NAME\na\\nb\\u{1b}[31m\\u{202e}c\n");
    }

    #[test]
    fn a_long_name_is_cut_on_a_terminal_and_whole_in_a_pipe() {
        let long = "影".repeat(50);
        let records = [json!({ "name": long })];
        assert!(render(COLUMNS, &records, None).contains(&long));
        let cut = render(COLUMNS, &records, Some(80));
        assert!(cut.lines().all(|line| line.width() <= MAX_CELL_WIDTH) && cut.contains('…'), "{cut}");
    }

    #[test]
    fn without_records_the_header_is_printed() {
        assert_eq!(render(COLUMNS, &[], None), "NAME\n");
    }
}
