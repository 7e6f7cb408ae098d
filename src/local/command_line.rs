//! The commands of `tru-local`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::bench::{self, BenchOptions, CarefulOptions};
use super::control_plane::{ControlPlane, ControlPlaneOptions};
use super::demo::{self, DemoOptions};
use super::error::{LocalError, LocalResult};
use super::project;
use super::supervisor::Supervisor;

/// Exit code of a program that ended because of Ctrl-C.
const INTERRUPTED: u8 = 130;

/// A real control plane, the BSS sandbox and the operator on this machine.
#[derive(Debug, Parser)]
#[command(name = "tru-local", version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Takes one reseller through all four phases, and shows each step.
    Demo(DemoOptions),
    /// Measures the operator on this machine; takes half an hour.
    Bench(Box<BenchOptions>),
    /// Takes one reseller through all four phases without an operator: what the bench compares with.
    CarefulClient(CarefulOptions),
    /// Starts a control plane alone, and ends it on Ctrl-C.
    Up,
    /// Ends what `demo --keep` left running.
    Stop,
}

/// Runs the command that was given.
#[must_use]
pub fn main() -> ExitCode {
    // One TLS provider in the process; an error means that there is one already.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let command = CommandLine::parse().command;
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("no runtime: {error}")),
    };
    let outcome = match command {
        Command::Demo(options) => runtime.block_on(demo::run(&options)),
        Command::Bench(options) => runtime.block_on(bench::run(&options)),
        Command::CarefulClient(options) => {
            runtime.block_on(or_interrupted(bench::careful_client(&options)))
        }
        Command::Up => runtime.block_on(or_interrupted(up())),
        Command::Stop => stop(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(LocalError::Interrupted) => ExitCode::from(INTERRUPTED),
        Err(error) => failed(&error.chain()),
    }
}

fn failed(reason: &str) -> ExitCode {
    complain(&format!("failed: {reason}"));
    ExitCode::FAILURE
}

fn complain(line: &str) {
    // With standard error closed the line is lost; the exit code still tells.
    let _unheard = writeln!(std::io::stderr(), "{line}");
}

/// Runs to the end, or until the user or the system asks this process to end. What was started
/// belongs to the future: dropping it ends everything.
pub(super) async fn or_interrupted<T>(
    work: impl Future<Output = LocalResult<T>>,
) -> LocalResult<T> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |source| LocalError::Io {
        doing: "listening for signals".into(),
        source,
    };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(failed)?;
    tokio::select! {
        outcome = work => return outcome,
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    complain("interrupted: everything is ended");
    Err(LocalError::Interrupted)
}

/// Prints what a user needs, then waits for the end.
async fn up() -> LocalResult<()> {
    let mut plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let pids: Vec<String> = plane.pids().iter().map(u32::to_string).collect();
    say(&format!("folder {}", plane.supervisor().folder().display()))?;
    say(&format!(
        "export KUBECONFIG={}",
        plane.kubeconfig().display()
    ))?;
    say(&format!("pids {}", pids.join(" ")))?;
    loop {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        plane.expect_running()?;
    }
}

fn stop() -> LocalResult<()> {
    match Supervisor::end_kept(&kept_file())? {
        Some(folder) => say(&format!("ended what worked in {}", folder.display())),
        None => say("nothing was left running by `make demo KEEP=1`"),
    }
}

/// Where `demo --keep` writes down what it leaves running.
pub(super) fn kept_file() -> PathBuf {
    project::state_folder().join("kept")
}

/// A line on standard output. A closed output is an error and not a panic: everything ends well.
pub(super) fn say(line: &str) -> LocalResult<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|source| LocalError::Io {
            doing: "writing to standard output".into(),
            source,
        })
}
