//! Instructions of the decision core, counted by valgrind: a figure that a noisy machine does not change.
//!
//! The program that is counted is `benches/instructions.rs`: whole upgrades over the simulated BSS of the
//! tests, in which only the named half of the core is counted.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::local::bench::Bench;
use crate::local::bench::figures::ratio;
use crate::local::bench::measured::{Measured, Table};
use crate::local::error::{LocalError, LocalResult};

/// Fifty times slower than the processor is what valgrind takes.
const BOUND: Duration = Duration::from_mins(15);
/// What is counted, and how the table says it.
const COUNTED: &[(&str, &str)] = &[
    ("decide", "`decide`, all decisions of one upgrade"),
    ("observe", "`observe`, all outcomes of one upgrade"),
    (
        "sweep",
        "both, a process that starts with everything copied, up to the switch",
    ),
];

/// Each count, for each version.
pub(in crate::local::bench) async fn run(bench: &mut Bench<'_>) -> LocalResult<Measured> {
    let mut measured = Measured::default();
    let mut table = Table::new("who | what | items | instructions | per item");
    let items = bench.scale.counted_items;
    for stage in &bench.stages {
        let Ok(program) = stage.version.program("examples/instructions") else {
            let missing = format!("{} has no program that is counted.", stage.version.name);
            bench.teller.fact(&missing)?;
            measured.note(missing);
            continue;
        };
        for (half, what) in COUNTED {
            match count(&program, half, items).await? {
                Counted::Instructions(instructions) => {
                    bench.teller.fact(&format!("{what}: {instructions:.0}"))?;
                    measured.figure(&format!("instructions of {half}"), instructions);
                    table.row(vec![
                        stage.operator_name(),
                        (*what).to_owned(),
                        items.to_string(),
                        format!("{instructions:.0}"),
                        format!("{:.0}", ratio(instructions, f64::from(items))),
                    ]);
                }
                Counted::NoValgrind => {
                    let missing = "No instructions are counted: valgrind is not installed here.";
                    bench.teller.fact(missing)?;
                    measured.note(missing);
                    return Ok(measured);
                }
            }
        }
    }
    measured.table(table);
    Ok(measured)
}

enum Counted {
    Instructions(f64),
    NoValgrind,
}

async fn count(program: &Path, half: &str, items: u32) -> LocalResult<Counted> {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(["--collect-atstart=no", "--toggle-collect=*counted*"])
        .arg(program)
        .args([half, &items.to_string()])
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = match tokio::time::timeout(BOUND, command.output()).await {
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Counted::NoValgrind);
        }
        Ok(output) => output.map_err(LocalError::io("running", Path::new("valgrind")))?,
        Err(_elapsed) => {
            return Err(LocalError::NotObserved {
                awaited: format!("the count of {half}"),
                within: BOUND,
                last: "valgrind still runs".to_owned(),
            });
        }
    };
    let said = String::from_utf8_lossy(&output.stderr);
    collected(&said)
        .filter(|count| output.status.success() && *count > 0.0)
        .map(Counted::Instructions)
        .ok_or_else(|| LocalError::Unexpected(format!("valgrind counted nothing: {said}")))
}

/// `==42== Collected : 12345`, which may have grouped digits.
fn collected(said: &str) -> Option<f64> {
    let line = said.lines().find(|line| line.contains("Collected :"))?;
    let (_, count) = line.rsplit_once(':')?;
    let digits: String = count.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::collected;

    #[test]
    fn the_count_is_read_and_never_guessed() {
        assert_eq!(
            collected("==42== \n==42== Collected : 12345\n"),
            Some(12_345.0)
        );
        assert_eq!(
            collected("==42== Collected : 1,234,567\n"),
            Some(1_234_567.0)
        );
        assert_eq!(collected("==42== I refs: 5\n"), None);
    }
}
