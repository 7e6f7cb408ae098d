//! What a run of the mutants looks like to people.

use std::fmt::Write as _;

use crate::harness::{Effort, Row};

/// One row on the screen.
pub(crate) fn line(row: &Row) -> String {
    let seconds = row.took.as_secs_f64();
    match &row.found {
        Ok(found) => format!(
            "found     {:<8} {:<26} {seconds:>5.1} s  {}: {}",
            row.of, row.name, found.by, found.said
        ),
        Err(why) => format!(
            "SURVIVES  {:<8} {:<26} {seconds:>5.1} s  {why}",
            row.of, row.name
        ),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// Whether nothing but a test of the judges themselves finds it.
fn judges_alone(row: &Row) -> bool {
    row.found.as_ref().is_ok_and(|found| found.by_judges_alone)
}

/// The page in `docs/`.
pub(crate) fn written(rows: &[Row], effort: Effort) -> String {
    let run = match effort {
        Effort::Long => "`make mutants`",
        Effort::Short => "the short form, a part of `make test`",
    };
    let found = rows.iter().filter(|row| row.found.is_ok()).count();
    let apart = rows.iter().filter(|row| judges_alone(row)).count();
    let mut page = format!(
        "# Mutants\n\n\
         Small mistakes on purpose, one at a time, and which proof finds each of them. A proof is \
         worth what it can catch; a mistake that nothing finds would be a gap of the proofs. Every \
         finding was tried again without the mistake, and is gone then.\n\n\
         The operator itself has no switch for its mistakes. It makes them because it is lied to at \
         its ports, or, where no lie can make one, in a copy of its sources with a small change.\n\n\
         Written by {run}: {} mistakes, {} found by a proof, {apart} by the judges' own tests \
         alone, {} not found.\n",
        rows.len(),
        found - apart,
        rows.len() - found
    );
    for (of, title, alone) in [
        ("operator", "Mistakes of the operator", false),
        ("BSS", "Promises that the BSS gives and breaks", false),
        (
            "BSS",
            "Promises that the BSS breaks for other clients only",
            true,
        ),
        ("judge", "Judges that do not look", false),
    ] {
        let rows = rows.iter();
        let mut rows = rows
            .filter(|row| row.of == of && judges_alone(row) == alone)
            .peekable();
        if rows.peek().is_none() {
            continue;
        }
        write!(
            page,
            "\n## {title}\n\n| mistake | what it does | found by | what it says first | seconds |\n\
             | --- | --- | --- | --- | --- |\n"
        )
        .unwrap();
        for row in rows {
            let (by, said) = match &row.found {
                Ok(found) => (
                    cell(&found.by),
                    format!("`{}`", cell(&found.said).replace('`', "'")),
                ),
                Err(why) => (format!("**{}**", cell(why)), String::new()),
            };
            writeln!(
                page,
                "| {} | {} | {by} | {said} | {:.1} |",
                row.name,
                cell(&row.about),
                row.took.as_secs_f64()
            )
            .unwrap();
        }
    }
    page
}
