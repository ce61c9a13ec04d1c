//! Comma-separated values by RFC 4180, safe to be opened in a spreadsheet.

/// A header and rows, each line ended by CR LF.
pub(super) fn render(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = String::new();
    line(&mut text, header.iter().map(|name| (*name).to_owned()));
    for row in rows {
        line(&mut text, row);
    }
    text
}

fn line(text: &mut String, cells: impl IntoIterator<Item = String>) {
    for (position, cell) in cells.into_iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        let cell = harmless(cell);
        if cell.contains([',', '"', '\r', '\n']) {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&cell);
        }
    }
    text.push_str("\r\n");
}

/// A spreadsheet takes a cell that begins so for a formula, and names are free text of strangers: an
/// apostrophe in front makes it text. A plain number stays one.
fn harmless(cell: String) -> String {
    const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let begins = cell.starts_with(['\t', '\r', '\n']) || cell.trim_start().starts_with(FORMULA);
    if begins && cell.parse::<f64>().is_err() { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cells_that_need_quotes_have_them() {
        let row = ["plain", "a,b", "say \"hi\"", "two\nlines", "", "无影"].map(String::from).to_vec();
        assert_eq!(
            render(&["A", "B"], [row]),
            "A,B\r\nplain,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",,无影\r\n"
        );
    }

    #[test]
    fn nothing_is_a_formula_and_numbers_stay_numbers() {
        for formula in ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", " =1", "\r=1", "＝1", "\nx"] {
            assert_eq!(harmless(formula.to_owned()), format!("'{formula}"));
        }
        for harmless_text in ["-1", "+1.5", "a=b", "1-1", ""] {
            assert_eq!(harmless(harmless_text.to_owned()), harmless_text);
        }
    }
}
