//! Tables as kubectl prints them: columns as wide as their widest cell, cut to the terminal.

use console::{measure_text_width, truncate_str};

use super::look::{Look, Tone};

/// Blanks between two columns.
const GAP: usize = 3;

/// A table with columns whose widths only grow, so that it can be printed page by page.
#[derive(Debug)]
pub(super) struct Table {
    look: Look,
    headings: Vec<&'static str>,
    widths: Vec<usize>,
    headed: bool,
}

/// A cell with its colour.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self::toned(text, Tone::Plain)
    }

    pub(super) fn toned(text: impl Into<String>, tone: Tone) -> Self {
        let text = text.into();
        let text = if text.is_empty() {
            "-".to_owned()
        } else {
            text
        };
        Self { text, tone }
    }

    /// A text that may be missing.
    pub(super) fn maybe(text: Option<&str>) -> Self {
        Self::new(text.unwrap_or_default())
    }
}

impl Table {
    pub(super) fn new(look: Look, headings: Vec<&'static str>, no_headers: bool) -> Self {
        let widths = headings.iter().map(|heading| heading.len()).collect();
        Self {
            look,
            headings,
            widths,
            headed: no_headers,
        }
    }

    /// The lines of some more rows, under the headings if they are the first.
    pub(super) fn lines(&mut self, rows: &[Vec<Cell>]) -> Vec<String> {
        for row in rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(measure_text_width(&cell.text));
            }
        }
        let mut lines = Vec::new();
        if !std::mem::replace(&mut self.headed, true) {
            let headings = self.headings.iter();
            let cells: Vec<Cell> = headings
                .map(|heading| Cell::toned(*heading, Tone::Bold))
                .collect();
            lines.push(self.line(&cells));
        }
        lines.extend(rows.iter().map(|row| self.line(row)));
        lines
    }

    fn line(&self, row: &[Cell]) -> String {
        let mut line = String::new();
        let mut used = 0_usize;
        let last = row.len().saturating_sub(1);
        for (place, (cell, width)) in row.iter().zip(&self.widths).enumerate() {
            let left = self.look.width.map(|all| all.saturating_sub(used));
            if left == Some(0) {
                break;
            }
            let text = match left {
                Some(left) => truncate_str(&cell.text, left, self.look.ellipsis()),
                None => cell.text.as_str().into(),
            };
            let shown = measure_text_width(&text);
            line.push_str(&self.look.paint(cell.tone, &text));
            if place < last {
                let pad = width.saturating_sub(shown).saturating_add(GAP);
                line.push_str(&" ".repeat(pad));
                used = used.saturating_add(shown).saturating_add(pad);
            }
        }
        line.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<Cell> {
        cells.iter().map(|cell| Cell::new(*cell)).collect()
    }

    #[test]
    fn columns_fit_their_cells_and_the_terminal() {
        let mut table = Table::new(Look::PLAIN, vec!["NAME", "WHAT"], false);
        assert_eq!(
            table.lines(&[row(&["contoso", "東京"]), row(&["a", ""])]),
            ["NAME      WHAT", "contoso   東京", "a         -"]
        );
        assert_eq!(table.lines(&[row(&["b", "x"])]), ["b         x"]);
        let look = Look {
            width: Some(16),
            ..Look::PLAIN
        };
        let mut table = Table::new(look, vec!["NAME", "WHAT"], true);
        assert_eq!(
            table.lines(&[row(&["contoso", "a long text"])]),
            ["contoso   a l..."]
        );
    }
}
