//! What the demo says: chapters, facts with the time they were seen at, a progress bar, a table.
//!
//! On a terminal the bar moves; anywhere else it becomes a line for every fifth of the way, so
//! that a log stays readable.

use std::io::{IsTerminal as _, Write};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::local::error::{LocalError, LocalResult};

const FIFTHS: u64 = 5;

/// Tells the story.
pub(in crate::local) struct Narrator<W> {
    out: W,
    began: Instant,
    terminal: bool,
    bar: Option<ProgressBar>,
    told: u64,
}

impl Narrator<std::io::Stdout> {
    /// Tells it on standard output.
    pub(in crate::local) fn on_stdout() -> Self {
        let out = std::io::stdout();
        let terminal = out.is_terminal();
        Self::new(out, terminal)
    }
}

impl<W: Write> Narrator<W> {
    fn new(out: W, terminal: bool) -> Self {
        Self {
            out,
            began: Instant::now(),
            terminal,
            bar: None,
            told: 0,
        }
    }

    /// Begins a part of the story.
    pub(in crate::local) fn chapter(&mut self, title: &str) -> LocalResult<()> {
        self.line(&format!("\n{title}"))
    }

    /// Tells something that was seen just now.
    pub(in crate::local) fn fact(&mut self, text: &str) -> LocalResult<()> {
        let seconds = self.began.elapsed().as_secs_f32();
        self.line(&format!("{seconds:7.1} s  {text}"))
    }

    /// Tells something that belongs to the fact before.
    pub(in crate::local) fn detail(&mut self, text: &str) -> LocalResult<()> {
        self.line(&format!("             {text}"))
    }

    /// A line as it is.
    pub(in crate::local) fn line(&mut self, text: &str) -> LocalResult<()> {
        // A closed output is an error and not a panic: everything must still be ended.
        let out = &mut self.out;
        let mut write = || writeln!(out, "{text}").and_then(|()| out.flush());
        let outcome = if let Some(bar) = &self.bar {
            bar.suspend(write)
        } else {
            write()
        };
        outcome.map_err(|source| LocalError::Io {
            doing: "writing to standard output".into(),
            source,
        })
    }

    /// Shows how far something is. Begins with the first call, ends with [`Self::end_progress`].
    pub(in crate::local) fn progress(
        &mut self,
        what: &str,
        done: u64,
        total: u64,
    ) -> LocalResult<()> {
        if self.terminal {
            let bar = self.bar.get_or_insert_with(new_bar);
            bar.set_message(what.to_owned());
            bar.set_length(total);
            bar.set_position(done);
            return Ok(());
        }
        let fifth = done
            .saturating_mul(FIFTHS)
            .checked_div(total)
            .unwrap_or(FIFTHS);
        if fifth > self.told {
            self.told = fifth;
            return self.fact(&format!("{what}: {done} of {total}"));
        }
        Ok(())
    }

    /// Takes the bar away.
    pub(in crate::local) fn end_progress(&mut self) {
        self.told = 0;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
    let style = ProgressStyle::with_template("             {msg} {wide_bar} {pos}/{len}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A row of the closing table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::local) struct Row {
    /// What was counted.
    pub(in crate::local) what: String,
    /// What the sandbox's ledgers say.
    pub(in crate::local) found: i64,
    /// What it has to be.
    pub(in crate::local) wanted: i64,
}

impl Row {
    /// A row.
    pub(in crate::local) fn new(what: &str, found: i64, wanted: i64) -> Self {
        Self {
            what: what.into(),
            found,
            wanted,
        }
    }

    /// Whether it is what it has to be.
    pub(in crate::local) fn holds(&self) -> bool {
        self.found == self.wanted
    }
}

/// The rows as text, one line each.
pub(in crate::local) fn table(rows: &[Row]) -> Vec<String> {
    let width = rows
        .iter()
        .map(|row| row.what.chars().count())
        .max()
        .unwrap_or(0);
    rows.iter()
        .map(|row| {
            let Row {
                what,
                found,
                wanted,
            } = row;
            if row.holds() {
                format!("  {what:<width$}  {found:>8}")
            } else {
                format!("  {what:<width$}  {found:>8}  WRONG, has to be {wanted}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(tell: impl FnOnce(&mut Narrator<Vec<u8>>)) -> String {
        let mut narrator = Narrator::new(Vec::new(), false);
        tell(&mut narrator);
        String::from_utf8(narrator.out).unwrap()
    }

    #[test]
    fn without_a_terminal_progress_is_a_line_for_every_fifth() {
        let text = told(|narrator| {
            for done in 0..=400 {
                narrator.progress("copied", done, 400).unwrap();
            }
            narrator.end_progress();
            narrator.progress("marked", 3, 3).unwrap();
        });
        let told: Vec<_> = text
            .lines()
            .map(|line| line.split_once(" s  ").unwrap().1)
            .collect();
        assert_eq!(
            told,
            [
                "copied: 80 of 400",
                "copied: 160 of 400",
                "copied: 240 of 400",
                "copied: 320 of 400",
                "copied: 400 of 400",
                "marked: 3 of 3",
            ]
        );
    }

    #[test]
    fn progress_of_nothing_is_complete() {
        let text = told(|narrator| narrator.progress("copied", 0, 0).unwrap());
        assert!(text.ends_with("copied: 0 of 0\n"), "{text}");
    }

    #[test]
    fn a_wrong_row_stands_out() {
        let rows = [Row::new("copied", 400, 400), Row::new("mails", 2, 0)];
        assert_eq!(
            table(&rows),
            [
                "  copied       400",
                "  mails          2  WRONG, has to be 0",
            ]
        );
    }
}
