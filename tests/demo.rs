//! The demo is a test: the whole story on a real API server, with a smaller reseller. What it
//! asserts it asserts itself, step by step, and ends with another exit code where something is not
//! as it has to be; here it has to come to its end and leave nothing behind.
#![cfg(feature = "local")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not take for tests"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const CUSTOMERS: &str = "--customers=20";
const SUBSCRIPTIONS: &str = "--subscriptions=80";

/// The demo, with a folder of its own for everything that it makes.
fn demo(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tru-local"));
    command
        .args(["demo", CUSTOMERS, SUBSCRIPTIONS, "--seed=3"])
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What is in the folder, and which processes belong to it: each has it in its environment, as the
/// place of its files or as its home.
fn left_behind(folder: &Path) -> Vec<String> {
    let mut left: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect();
    let folder = folder.to_str().unwrap();
    if Path::new("/proc/self/environ").exists() {
        for process in fs::read_dir("/proc").unwrap() {
            let process = process.unwrap().path();
            // Processes of others cannot be read, and some end while we look.
            let environment = fs::read(process.join("environ")).unwrap_or_default();
            if String::from_utf8_lossy(&environment).contains(folder) {
                let words = fs::read(process.join("cmdline")).unwrap_or_default();
                left.push(String::from_utf8_lossy(&words).replace('\0', " "));
            }
        }
    } else {
        let listed = Command::new("ps").arg("axeww").output().unwrap();
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let ours = listed.lines().filter(|line| line.contains(folder));
        left.extend(ours.map(str::to_owned));
    }
    left
}

fn text(output: &Output) -> String {
    let (out, errors) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(errors)
    )
}

#[test]
fn the_whole_story_comes_to_its_end_and_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let output = demo(folder.path()).output().unwrap();
    let told = text(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("\nThe upgrade succeeded; "), "{told}");
    for step in [
        "the BSS was asked once",
        "CustomersCopied is True: 20 customers",
        "orders for 20001: refused (409 ",
        "AwaitingPricing: ",
        "PrecheckFailed: nothing was copied",
        "was ended with SIGKILL",
        "OrphanedCopy names ",
        "SubscriptionsCopied is True",
        "the reseller is no longer Basic",
    ] {
        assert!(told.contains(step), "{step} is missing in:\n{told}");
    }
    assert!(!told.contains("WRONG"), "{told}");
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
            .find(|line| line.trim_start().starts_with(figure));
        let shown = row.and_then(|row| row.split_whitespace().last());
        assert_eq!(shown, Some(value), "{figure} in:\n{told}");
    }
    assert_eq!(left_behind(folder.path()), [""; 0], "{told}");
}

/// Tells the story of an adapter to which only people can write; the steps have to come in this order.
fn people_take_it_to_its_end(command: &mut Command, folder: &Path, steps: &[&str]) {
    let output = command.output().unwrap();
    let told = text(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let mut rest = told.as_str();
    for step in steps {
        let (_, after) = rest
            .split_once(step)
            .unwrap_or_else(|| panic!("{step} is missing, or out of order, in:\n{told}"));
        rest = after;
    }
    for figure in ["duplicated", "lost", "double charges", "missing charges"] {
        let row = told
            .lines()
            .find(|line| line.trim_start().starts_with(figure));
        let shown = row.and_then(|row| row.split_whitespace().last());
        assert_eq!(shown, Some("0"), "{figure} in:\n{told}");
    }
    assert_eq!(left_behind(folder), [""; 0], "{told}");
}

/// Where only people can write, the operator holds the last button back and takes its word back.
#[test]
fn people_at_the_screens_take_it_to_its_end() {
    let folder = TempDir::new().unwrap();
    let mut command = demo(folder.path());
    let steps = [
        "button Create Tenant",
        "the list to prepare from is there",
        "TenantCreated is True",
        "a person transferred 10 of 20 accounts and stopped there",
        "the operator lists the 10 that are left",
        "CustomersCopied is True",
        "PricingReady is True",
        "PrecheckFailed: all blockers",
        "the last button is held back: ",
        "disabled ordering for the reseller",
        "button Copy and Activate",
        "the operator took its word back",
        "button Copy and Activate",
        "back ordering is active",
        "Verified is True",
        "the operator wrote nothing",
        "The upgrade succeeded; ",
    ];
    command.arg("--adapter=by-hand");
    people_take_it_to_its_end(&mut command, folder.path(), &steps);
}

/// The vendor's own buttons, at a reseller that is small: every record costs calls of its own.
#[test]
fn people_at_the_screens_of_interworks_take_it_to_its_end() {
    let folder = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tru-local"));
    command
        .args(["demo", "--adapter=interworks", "--customers=8"])
        .args(["--subscriptions=40", "--seed=3"])
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null());
    let steps = [
        "the operator only looks. Some subscriptions or assets cannot be copied as they are",
        "kubectl set spec.suspend to false",
        "Press \"Create Tenant\"",
        "invoicing Combined (separate invoices off)",
        "the list to prepare from is there: ",
        "AddonMissing: ",
        "TenantCreated is True",
        "Press \"Transfer Accounts\"",
        "a person transferred 4 of 8 accounts and stopped there",
        "the operator lists the 4 that are left",
        "CustomersCopied is True",
        "AwaitingPricing: ",
        "PricingReady is True",
        "PrecheckFailed: all blockers of all kinds are named",
        "mended them; meanwhile an order of the reseller waits",
        "the last button is held back: ",
        "the last button is held back: ",
        "Press \"Transfer Subscriptions\"",
        "It copies ",
        "the reseller buys one for ",
        "the operator took its word back",
        "Press \"Transfer Subscriptions\"",
        "This cannot be undone.",
        "pressed once: ",
        "compared both sides item by item: Verified is True",
        "the operator wrote nothing",
        "requests for a token",
        "The upgrade succeeded; ",
    ];
    people_take_it_to_its_end(&mut command, folder.path(), &steps);
}

#[test]
fn interrupted_in_the_middle_it_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let mut child = demo(folder.path()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let in_the_middle = lines.any(|line| line.unwrap().contains("CustomersCopied is True"));
    let there = left_behind(folder.path());
    let sent = Command::new("sh")
        .args(["-c", r#"kill -INT "$0""#])
        .arg(child.id().to_string())
        .status()
        .unwrap();
    // Read to the end, so that it can go on writing.
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let mut errors = String::new();
    let mut stderr = child.stderr.take().unwrap();
    stderr.read_to_string(&mut errors).unwrap();
    let status = child.wait().unwrap();
    assert!(in_the_middle && sent.success(), "{errors}");
    assert_eq!(status.code(), Some(130), "{rest:?} {errors}");
    assert_eq!(errors, "interrupted: everything is ended\n");
    // The look itself has to find what is there: a folder, the demo, its guardian and at least
    // etcd, the API server, the sandbox and the operator.
    assert!(there.len() >= 7, "{there:?}");
    assert_eq!(left_behind(folder.path()), [""; 0]);
}
