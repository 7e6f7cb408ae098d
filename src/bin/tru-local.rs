//! The local world from the command line: a thin shell over `local`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tenant_reseller_operator::local::command_line::main()
}
