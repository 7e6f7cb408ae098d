//! Asking a person.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use super::cli::ActFlags;
use super::error::Failure;

/// Whether the person agrees. It is not asked with `--yes`, nor with `--dry-run`, which
/// changes nothing.
pub(super) fn agreed(asked: &ActFlags, what: &str) -> Result<bool, Failure> {
    if asked.yes || asked.dry_run {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "there is no terminal to ask on: say --yes, or look first with --dry-run".to_owned(),
        ));
    }
    let mut err = std::io::stderr().lock();
    write!(err, "{what} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    let agreed = ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str());
    if !agreed {
        writeln!(err, "Nothing was written.")?;
    }
    Ok(agreed)
}
