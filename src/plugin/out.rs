//! Where text goes: standard output, as it is.

use std::io::{IsTerminal as _, Write as _};

use console::Term;
use serde::Serialize;

use super::cli::Colour;
use super::error::Failure;
use super::look::{Colours, Glyphs, Look};

/// Standard output with its look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Out {
    pub(super) look: Look,
}

impl Out {
    /// As standard output, the flag and the environment have it.
    pub(super) fn new(colour: Colour) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let set = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty());
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let colour = match colour {
            Colour::Always => Colours::On,
            Colour::Auto if terminal && !set("NO_COLOR") && !dumb => Colours::On,
            Colour::Auto | Colour::Never => Colours::Off,
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find(|name| set(name));
        let locale = locale
            .and_then(|name| std::env::var(name).ok())
            .unwrap_or_default();
        let unicode = locale
            .to_ascii_uppercase()
            .replace('-', "")
            .contains("UTF8");
        Self {
            look: Look {
                width: terminal.then(width),
                colour,
                glyphs: if unicode {
                    Glyphs::Unicode
                } else {
                    Glyphs::Ascii
                },
            },
        }
    }

    /// Text that ends its lines itself.
    #[expect(clippy::unused_self, reason = "who has no output writes none")]
    pub(super) fn text(self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// Lines.
    pub(super) fn lines(self, lines: &[String]) -> Result<(), Failure> {
        self.text(&super::render::joined(lines))
    }

    /// Something as JSON.
    pub(super) fn json(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::Format(Box::new(error)))?;
        self.text(&format!("{text}\n"))
    }

    /// Something as YAML.
    pub(super) fn yaml(self, value: &impl Serialize) -> Result<(), Failure> {
        let text =
            serde_yaml::to_string(value).map_err(|error| Failure::Format(Box::new(error)))?;
        self.text(&format!("{}\n", text.trim_end()))
    }
}

/// The columns of the terminal.
fn width() -> usize {
    let said = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    said.or_else(|| {
        Term::stdout()
            .size_checked()
            .map(|(_, columns)| usize::from(columns))
    })
    .filter(|columns| *columns > 0)
    .unwrap_or(80)
    .max(30)
}
