//! The bench: the operator beside a careful client, on this machine.
//!
//! It measures and shows; it judges nothing, and no test asserts a time: a figure depends on the machine
//! and on what else runs there. What stands in `docs/benchmarks.md` is what it printed. The parts are
//! independent of each other (`parts/`), each can be run alone, and each has a quick form that a test runs.

mod careful;
mod figures;
mod measured;
mod meter;
mod objects;
mod page;
mod parts;
mod scale;
mod stage;
mod statistics;
mod tracks;
mod upgrade;
mod version;

use std::io::Stdout;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};

pub use self::careful::CarefulOptions;
pub(super) use self::careful::run as careful_client;
use self::measured::Measured;
use self::scale::{Crowd, Scale, ScaleOptions};
use self::stage::Stage;
use self::version::Version;
use super::command_line::or_interrupted;
use super::demo::narrator::Narrator;
use super::error::{LocalError, LocalResult};

/// A part of the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// How many calls a second the sandbox itself answers.
    Ceiling,
    /// The use of the endpoint while copying, beside a plain loop.
    Endpoint,
    /// Whole upgrades at several sizes, beside the careful client.
    Sizes,
    /// Equal upgrades on one endpoint; a small one beside a large one.
    Fairness,
    /// Thousands of upgrades in one process.
    Crowd,
    /// Instructions of the decision core, by valgrind.
    Instructions,
}

impl Part {
    const ALL: [Self; 6] = [
        Self::Ceiling,
        Self::Endpoint,
        Self::Sizes,
        Self::Fairness,
        Self::Crowd,
        Self::Instructions,
    ];

    /// As it is written on the command line and in the page.
    fn name(self) -> &'static str {
        match self {
            Self::Ceiling => "ceiling",
            Self::Endpoint => "endpoint",
            Self::Sizes => "sizes",
            Self::Fairness => "fairness",
            Self::Crowd => "crowd",
            Self::Instructions => "instructions",
        }
    }

    async fn run(self, bench: &mut Bench<'_>) -> LocalResult<Measured> {
        match self {
            Self::Ceiling => parts::ceiling::run(bench).await,
            Self::Endpoint => parts::endpoint::run(bench).await,
            Self::Sizes => parts::sizes::run(bench).await,
            Self::Fairness => parts::fairness::run(bench).await,
            Self::Crowd => parts::crowd::run(bench).await,
            Self::Instructions => parts::instructions::run(bench).await,
        }
    }
}

/// What is measured.
#[derive(Clone, Debug, Args)]
pub struct BenchOptions {
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    #[command(flatten)]
    scale: ScaleOptions,
    /// Another version beside this one: a folder that `hack/bench/compare` made.
    #[arg(long)]
    compare: Option<PathBuf>,
    /// A page with markers that the figures of each part are written between.
    #[arg(long)]
    page: Option<PathBuf>,
}

/// Tells what is done and what was found, as it happens.
struct Teller<'a> {
    narrator: &'a mut Narrator<Stdout>,
}

impl Teller<'_> {
    fn step(&mut self, text: &str) -> LocalResult<()> {
        self.narrator.fact(text)
    }

    fn fact(&mut self, text: &str) -> LocalResult<()> {
        self.narrator.fact(&format!("  {text}"))
    }
}

/// What the parts work with.
struct Bench<'a> {
    /// One for each version: this one first.
    stages: Vec<Stage>,
    scale: Scale,
    teller: Teller<'a>,
}

/// Measures, prints the tables, and ends everything.
pub(super) async fn run(options: &BenchOptions) -> LocalResult<()> {
    let mut narrator = Narrator::on_stdout();
    or_interrupted(measure(options, &mut narrator)).await
}

async fn measure(options: &BenchOptions, narrator: &mut Narrator<Stdout>) -> LocalResult<()> {
    let chosen = |part: &Part| options.only.is_empty() || options.only.contains(part);
    let parts: Vec<Part> = Part::ALL.into_iter().filter(chosen).collect();
    // Looked at first: half an hour of measuring is not to end in a wrong path.
    for part in &parts {
        if let Some(file) = &options.page {
            write_page(file, *part, None)?;
        }
    }
    let mut versions = vec![Version::this()?];
    if let Some(folder) = &options.compare {
        versions.push(Version::other(folder)?);
    }
    let other = versions.get(1).map(|version| version.name.clone());
    let origin = origin()?;
    narrator.line(&origin)?;
    let mut stages = Vec::new();
    for version in versions {
        narrator.fact(&format!("a control plane for {}", version.name))?;
        stages.push(Stage::start(version).await?);
    }
    let mut bench = Bench {
        stages,
        scale: options.scale.scale(),
        teller: Teller { narrator },
    };
    let mut failed = Vec::new();
    for part in parts {
        bench.teller.narrator.chapter(part.name())?;
        let began = Instant::now();
        // A part that fails takes nothing away from the others.
        match part.run(&mut bench).await {
            Ok(measured) => {
                let text = measured.text(other.as_deref());
                bench.teller.narrator.line(&format!("\n{text}"))?;
                let took = began.elapsed().as_secs_f64();
                bench
                    .teller
                    .step(&format!("{} took {took:.0} s", part.name()))?;
                if let Some(file) = &options.page {
                    write_page(file, part, Some(&format!("{origin}\n\n{text}")))?;
                }
            }
            Err(error @ LocalError::Interrupted) => return Err(error),
            Err(error) => {
                let why = format!("{} failed: {}", part.name(), error.chain());
                bench.teller.narrator.line(&why)?;
                failed.push(part.name());
            }
        }
    }
    for stage in &bench.stages {
        stage.plane.supervisor().end();
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(LocalError::Unexpected(format!(
        "these parts failed: {}",
        failed.join(", ")
    )))
}

/// Where and of what the figures are taken.
fn origin() -> LocalResult<String> {
    let read = |file: &str| {
        std::fs::read_to_string(file).map_err(LocalError::io("reading", Path::new(file)))
    };
    let program = std::env::current_exe().ok();
    let profile = program
        .as_deref()
        .and_then(Path::parent)
        .and_then(Path::file_name)
        .map_or_else(|| "unknown".into(), std::ffi::OsStr::to_string_lossy);
    let machine = figures::machine(&read("/proc/cpuinfo")?, &read("/proc/meminfo")?);
    let load = read("/proc/loadavg").unwrap_or_default();
    let load = load
        .split_whitespace()
        .next()
        .unwrap_or("unknown")
        .to_owned();
    let date = jiff::Timestamp::now().strftime("%Y-%m-%d");
    Ok(format!(
        "Machine: {machine}, load {load} before. Commit {}, profile `{profile}`, {date}.",
        version::commit()
    ))
}

/// Writes the figures of a part into a page; without figures it only looks whether that could be done.
fn write_page(file: &Path, part: Part, figures: Option<&str>) -> LocalResult<()> {
    let page = std::fs::read_to_string(file).map_err(LocalError::io("reading", file))?;
    let figures_or_none = figures.unwrap_or_default();
    let new = page::with_figures(&page, part.name(), figures_or_none).ok_or_else(|| {
        let (file, name) = (file.display(), part.name());
        LocalError::Unexpected(format!("{file} has no place for the figures of {name}"))
    })?;
    match figures {
        Some(_) => std::fs::write(file, new).map_err(LocalError::io("writing", file)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_place_for_every_part() {
        let page = include_str!("../../../docs/benchmarks.md");
        for part in Part::ALL {
            let new = page::with_figures(page, part.name(), "new");
            assert!(new.is_some(), "{} has no place", part.name());
            let value = part.to_possible_value().unwrap();
            assert_eq!(value.get_name(), part.name());
        }
    }
}
