//! The page that a run of `make misoperate` writes.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use super::{Stage, Tally};

const HEAD: &str = "| stage | values | refused by the API server | taken | of them stopped, with what to do | \
                    recovered by itself | deleted and made again | writes of two at once | upgrades, their ledgers | seconds |";

/// The stages in rows. A stage whose ledgers are not clean ends the run.
pub(super) fn table(tallies: &[(Stage, Tally)]) -> String {
    let mut table = format!("{HEAD}\n| --- |{}\n", " ---: |".repeat(9));
    for (stage, tally) in tallies {
        writeln!(
            table,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {}, clean | {} |",
            stage.told().0,
            tally.tried,
            tally.refused,
            tally.taken,
            tally.stopped,
            tally.recovered,
            tally.made_again,
            tally.at_once,
            tally.upgrades,
            tally.seconds,
        )
        .unwrap();
    }
    table
}

const INTRODUCTION: &str = "\
Each property of the three kinds that people write is set to every value that its definition suggests: other
words, other texts, empty, blank, odd characters, at its bounds and beyond, of another type, `null`, and
removed; and to other specs as a whole (another login, another address, other pricing options). That is done
at every stage of an upgrade, on a real API server, with the operator's own program and the sandbox. After a
value that the API server takes the operator has to look, and to show a state with a message, with what to do
about it if it stops; the former value is written again, and the upgrade has to be at its stage again without
being asked. Then connection, pricing object and Secrets are deleted and made again, and two write against
each other. In the end the stage is let go: the upgrade comes to its end, and by the ledgers nothing was lost
or repeated. Where the upgrade rests, the BSS got no write at all meanwhile.
";

const LEFT_OUT: &str = "\
## What it leaves out

- One value at a time: two wrong values together are not tried, except as the other specs have them.
- The words of a refusal are looked at for the property's name (API server), and for a message and an advice
  (operator); whether they help is judged by the tests of each refusal.
- A value that would let the stage go on is not tried there: a default in the pricing gate, pricing options
  for a customer that has none yet.
- Status and metadata are not written. Labels, annotations and finalizers have tests of their own.
- Every value of the API server's own checks is tried at each stage, although only what depends on the
  status (frozen fields) can differ there.
";

pub(super) fn page(tallies: &[(Stage, Tally)]) -> String {
    let sum =
        |figure: fn(&Tally) -> u32| tallies.iter().map(|(_, tally)| figure(tally)).sum::<u32>();
    let mut page = format!(
        "<!-- Written by `make misoperate`. -->\n\n# Misoperation\n\n{INTRODUCTION}\nCommit {}, {}. {} values: {} \
         refused by the API server, {} taken; the upgrade recovered by itself {} times.\n\n{}\n",
        commit(),
        jiff::Timestamp::now().strftime("%Y-%m-%d"),
        sum(|tally| tally.tried),
        sum(|tally| tally.refused),
        sum(|tally| tally.taken),
        sum(|tally| tally.recovered),
        table(tallies),
    );
    page.push_str("What holds each stage while values are written:\n\n");
    for stage in Stage::ALL {
        let (name, held) = stage.told();
        writeln!(page, "- *{name}*: {held}.").unwrap();
    }
    write!(page, "\n{LEFT_OUT}").unwrap();
    page
}

/// The commit, and whether something differs from it; a copy without Git has none.
pub(in super::super) fn commit() -> String {
    let told = Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=10"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    match told {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "unknown".to_owned(),
    }
}
