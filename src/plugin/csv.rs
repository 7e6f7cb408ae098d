//! Comma-separated values that a spreadsheet takes as text, whatever they hold (RFC 4180).

/// One line. Every cell is quoted. A cell that a spreadsheet would take for a formula gets an apostrophe
/// before it: the text of a BSS must not run anything on the machine of the reader.
pub(super) fn line(cells: &[&str]) -> String {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| {
            let guard = if is_formula(cell) { "'" } else { "" };
            format!("\"{guard}{}\"", cell.replace('"', "\"\""))
        })
        .collect();
    // What the standard ends its lines with.
    format!("{}\r\n", cells.join(","))
}

/// Spreadsheets skip white space and quotes before they look at the first character, and take the
/// full-width forms too.
fn is_formula(cell: &str) -> bool {
    cell.trim_start_matches(|letter: char| {
        letter.is_whitespace() || letter.is_control() || matches!(letter, '"' | '\'')
    })
    .starts_with(['=', '+', '-', '@', '|', '%', '＝', '＋', '－', '＠'])
        || cell.starts_with(['\t', '\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_quotes_are_doubled() {
        assert_eq!(line(&["a", "b \"c\", d"]), "\"a\",\"b \"\"c\"\", d\"\r\n");
        for formula in [
            "=HYPERLINK(\"http://evil.example\")",
            "+1",
            "-2+3",
            "@SUM(A1)",
            "  =1",
            "\t=1",
            "\"=1",
            "|cmd",
            "＝1",
            "\u{feff} =1",
        ] {
            let written = line(&[&crate::legible::legible(formula)]);
            assert!(written.starts_with("\"'"), "{formula:?}: {written}");
        }
        assert_eq!(line(&["S-00042"]), "\"S-00042\"\r\n");
    }
}
