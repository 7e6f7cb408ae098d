//! What a part found: tables for people, and named figures by which two versions are compared.

use super::figures::ratio;

/// A table of Markdown.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    head: &'static str,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// The heads of the columns, separated by ` | `.
    pub(super) fn new(head: &'static str) -> Self {
        Self {
            head,
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    fn text(&self) -> String {
        let rule: Vec<&str> = self.head.split(" | ").map(|_| "---").collect();
        let mut text = format!("| {} |\n| {} |\n", self.head, rule.join(" | "));
        for cells in &self.rows {
            text.push_str("| ");
            text.push_str(&cells.join(" | "));
            text.push_str(" |\n");
        }
        text
    }
}

/// A figure of one version, or of two in the order of the versions.
#[derive(Clone, Debug)]
struct Figure {
    what: String,
    values: Vec<f64>,
}

/// What one part found.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    tables: Vec<Table>,
    notes: Vec<String>,
    figures: Vec<Figure>,
}

impl Measured {
    /// Takes a table, unless it has no row.
    pub(super) fn table(&mut self, table: Table) {
        if !table.rows.is_empty() {
            self.tables.push(table);
        }
    }

    /// A sentence below the tables.
    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// The next version's value of a figure.
    pub(super) fn figure(&mut self, what: &str, value: f64) {
        match self.figures.iter_mut().find(|known| known.what == what) {
            Some(known) => known.values.push(value),
            None => self.figures.push(Figure {
                what: what.to_owned(),
                values: vec![value],
            }),
        }
    }

    /// All of it as Markdown. With the name of another version there is a table of ratios.
    pub(super) fn text(&self, other: Option<&str>) -> String {
        let mut parts: Vec<String> = self.tables.iter().map(Table::text).collect();
        if let Some(other) = other {
            parts.push(self.ratios(other));
        }
        parts.extend(self.notes.iter().map(|note| format!("{note}\n")));
        parts.join("\n")
    }

    fn ratios(&self, other: &str) -> String {
        let mut text = format!("| figure | this | {other} | this / {other} |\n");
        text.push_str("| --- | --- | --- | --- |\n");
        for figure in &self.figures {
            let [this, that] = figure.values.as_slice() else {
                continue;
            };
            let row = format!(
                "| {} | {} | {} | {:.2} |\n",
                figure.what,
                rounded(*this),
                rounded(*that),
                ratio(*this, *that)
            );
            text.push_str(&row);
        }
        text
    }
}

/// Three places for what is small, none for what is large.
pub(super) fn rounded(value: f64) -> String {
    match value.abs() {
        large if large >= 1000.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

/// A share as people write it.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// KiB as MiB.
pub(super) fn mebibytes(kibibytes: u32) -> String {
    format!("{:.1} MiB", f64::from(kibibytes) / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured() -> Measured {
        let mut table = Table::new("items | seconds");
        table.row(vec!["1000".into(), "1.5".into()]);
        let mut measured = Measured::default();
        measured.table(table);
        measured.table(Table::new("nothing | here"));
        measured.figure("seconds of 1,000 items", 1.5);
        measured.note("A note.");
        measured
    }

    #[test]
    fn one_version_has_tables_and_notes() {
        assert_eq!(
            measured().text(None),
            "| items | seconds |\n| --- | --- |\n| 1000 | 1.5 |\n\nA note.\n"
        );
    }

    #[test]
    fn two_versions_are_compared_figure_by_figure() {
        let mut measured = measured();
        measured.figure("seconds of 1,000 items", 6.0);
        measured.figure("calls", 40.0);
        let text = measured.text(Some("abc"));
        assert!(
            text.contains(
                "| figure | this | abc | this / abc |\n| --- | --- | --- | --- |\n\
                 | seconds of 1,000 items | 1.500 | 6.000 | 0.25 |\n\nA note.\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn figures_are_as_exact_as_they_are_large() {
        let shown: Vec<String> = [0.1234, 12.345, 12_345.6].map(rounded).into();
        assert_eq!(shown, ["0.123", "12.3", "12346"]);
        assert_eq!(
            (percent(0.957), mebibytes(1536)),
            ("95.7 %".into(), "1.5 MiB".into())
        );
    }
}
