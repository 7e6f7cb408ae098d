//! `kubectl tru`: upgrades in a terminal.

use std::process::ExitCode;

fn main() -> ExitCode {
    tenant_reseller_operator::plugin::main()
}
