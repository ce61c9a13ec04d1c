//! Comma-separated values by RFC 4180, safe to be opened in a spreadsheet.

use csv::{Terminator, WriterBuilder};

/// A header and rows, each line ended by CR LF. Every row must be as long as the header.
pub(super) fn render(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    const VALID: &str = "rows are as long as the header, and writing to memory does not fail";
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(header).expect(VALID);
    for row in rows {
        writer.write_record(row.into_iter().map(without_formula)).expect(VALID);
    }
    String::from_utf8(writer.into_inner().expect(VALID)).expect("cells are UTF-8")
}

/// A spreadsheet evaluates a cell that begins like a formula, and users choose names freely: a
/// leading apostrophe makes the cell text. A plain number stays a number.
fn without_formula(cell: String) -> String {
    const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let begins = cell.starts_with(['\t', '\r', '\n']) || cell.trim_start().starts_with(FORMULA);
    if begins && cell.parse::<f64>().is_err() { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cells_that_need_quotes_have_them() {
        let row = ["plain", "a,b", "a \"quoted\" word", "two\nlines", "", "无影"].map(String::from).to_vec();
        assert_eq!(
            render(&["A", "B", "C", "D", "E", "F"], [row]),
            "A,B,C,D,E,F\r\nplain,\"a,b\",\"a \"\"quoted\"\" word\",\"two\nlines\",,无影\r\n"
        );
    }

    #[test]
    fn no_cell_is_a_formula_and_numbers_stay_numbers() {
        for formula in ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", " =1", "\r=1", "＝1", "\nx"] {
            assert_eq!(without_formula(formula.to_owned()), format!("'{formula}"));
        }
        for text in ["-1", "+1.5", "a=b", "1-1", ""] {
            assert_eq!(without_formula(text.to_owned()), text);
        }
    }
}
