//! The demo as a test: the whole story on a real control plane, with a small reseller. It fails if a
//! step is not observed, if a fault of the story never struck, or if the ledgers are not clean.

#![cfg(feature = "local")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics has failed"
)]

use std::process::Command;

#[test]
fn the_demo_tells_its_story_to_the_end() {
    let output = Command::new(env!("CARGO_BIN_EXE_tru-local"))
        .args(["demo", "--customers=20", "--subscriptions=120", "--seed=3"])
        .output()
        .expect("the demo starts");
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{errors}");
    for line in [
        "TenantCreated is True",
        "CustomersCopied is True",
        "AwaitingPricing",
        "PrecheckFailed",
        "ended with SIGKILL",
        "OrphanedCopy names",
        "SubscriptionsCopied is True",
        "BackOrderingActivated is True",
        "The upgrade succeeded",
    ] {
        assert!(
            told.contains(line),
            "{line:?} is missing in\n{told}\n{errors}"
        );
    }
    // The closing table, from the sandbox's ledgers.
    for (figure, value) in [
        ("duplicated", "0"),
        ("lost", "0"),
        ("double charges", "0"),
        ("missing charges", "0"),
        ("vendor provisionings by copying", "0"),
        ("orders by copying", "0"),
        ("mails to end customers", "0"),
        ("activations", "1"),
    ] {
        let row = told
            .lines()
            .find(|line| line.trim_start().starts_with(figure))
            .unwrap_or_else(|| panic!("no row {figure:?} in\n{told}"));
        assert_eq!(row.split_whitespace().last(), Some(value), "{row}");
    }
}
