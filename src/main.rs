//! The operator's command.

use std::process::ExitCode;

use clap::Parser;
use tenant_reseller_operator::cli::{Cli, Command};
use tenant_reseller_operator::operator;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(settings) => operator::run(*settings).await,
        Command::Crds => operator::print_crds(),
    }
}
