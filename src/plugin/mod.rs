//! `kubectl tru`: upgrades in a terminal, for people and for scripts.
//!
//! It reads what any user may read, and writes nothing but the annotations by which people steer an
//! upgrade. It may see the custom resources and how texts are made legible, and nothing else of the
//! operator: what a person is shown, the API server has. What it must not do is put text of a BSS into
//! a command that a shell would act on.

mod acts;
mod asked;
mod claims;
mod cli;
mod completion;
mod connections;
mod csv;
mod error;
pub mod explain;
mod fetch;
mod kubeconfig;
mod list;
pub mod look;
mod many;
mod out;
pub mod phases;
mod prompt;
mod reasons;
pub mod render;
mod report;
mod show;
mod table;
mod version;
pub mod view;
mod watch;
pub mod words;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use self::cli::{Cli, Colour, Command};
use self::error::Failure;
use self::out::Out;

/// Runs the command that was given.
#[must_use]
pub fn main() -> ExitCode {
    // One TLS provider in the process; an error means that there is one already.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // The words of an unfinished line are no command line yet: its flags are not taken for flags here.
    let mut words = std::env::args().skip(1);
    let unfinished = words
        .next()
        .is_some_and(|word| word == completion::UNFINISHED);
    let work = async {
        if unfinished {
            let words: Vec<String> = words.collect();
            completion::answer(&words, Out::new(Colour::Never)).await
        } else {
            run(Cli::parse()).await
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => Err(Failure::Terminal(error)),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            if !failure.is_silent() {
                // With standard error closed the line is lost; the exit code still tells.
                let text = legible_lines(&error::chain(&failure));
                let _unheard = writeln!(std::io::stderr(), "error: {text}");
            }
            failure.exit_code()
        }
    }
}

/// The text of an error, which may be of others, with its line breaks.
fn legible_lines(text: &str) -> String {
    text.lines()
        .map(crate::legible::legible)
        .collect::<Vec<_>>()
        .join("\n")
}

async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let Cli {
        cluster: flags,
        command,
    } = cli;
    let out = Out::new(flags.color);
    match command {
        Command::Completion { shell } => return completion::script(shell, out),
        Command::Version(asked) if asked.client => return version::client(&asked, out),
        Command::List(_)
        | Command::Status(_)
        | Command::Explain(_)
        | Command::Report(_)
        | Command::Watch(_)
        | Command::Suspend(_)
        | Command::Resume(_)
        | Command::Retry(_)
        | Command::Confirm(_)
        | Command::TakeOver(_)
        | Command::Connections(_)
        | Command::Claims(_)
        | Command::Version(_) => {}
    }
    let cluster = kubeconfig::connect(&flags).await?;
    match command {
        Command::List(asked) => list::run(&cluster, &asked, out).await,
        Command::Status(asked) => show::status(&cluster, &asked, out).await,
        Command::Explain(asked) => show::explain(&cluster, &asked, out).await,
        Command::Report(asked) => report::run(&cluster, &asked, out).await,
        Command::Watch(asked) => watch::run(&flags, &cluster, &asked, out).await,
        Command::Suspend(asked) => acts::suspend(&cluster, &asked, out).await,
        Command::Resume(asked) => acts::resume(&cluster, &asked, out).await,
        Command::Retry(asked) => acts::retry(&cluster, &asked, out).await,
        Command::Confirm(asked) => acts::confirm(&cluster, &asked, out).await,
        Command::TakeOver(asked) => acts::take_over(&cluster, &asked, out).await,
        Command::Connections(asked) => connections::run(&cluster, &asked, out).await,
        Command::Claims(asked) => {
            claims::run(&cluster, flags.namespace.as_deref(), &asked, out).await
        }
        Command::Version(asked) => version::run(&cluster, &asked, out).await,
        Command::Completion { .. } => Ok(ExitCode::SUCCESS),
    }
}
