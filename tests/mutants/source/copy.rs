//! The copy of the sources with the mistakes in it: made, compiled and run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Change;
use crate::harness::Effort;

/// What the proofs of this binary are made of.
const PROOFS: [&str; 5] = ["mutants", "model", "simulation", "support", "decision_core"];

/// Makes the copy and lets it run its proofs; answers what it says.
pub(super) fn made_and_run(changes: &[Change], only: &str, effort: Effort) -> String {
    let test = std::env::current_exe().unwrap();
    let mut above = test.ancestors().skip(2);
    let (profile, target) = (above.next().unwrap(), above.next().unwrap());
    let place = target.join("source-mutants");
    written(&place, &changed(changes));
    let profile = match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    // Without a network and with the same features and profile, so that no dependency is built again.
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(root())
        .args(["test", "--offline", "--locked", "--all-features"])
        .args(["--profile", profile, "--test", "mutants", "--manifest-path"])
        .arg(place.join("Cargo.toml"))
        .args(["--", "--exact", "every_mutant_is_found", "--nocapture"])
        .env("ONLY", only)
        .env_remove("PAGE")
        .env_remove("LONG");
    // What cargo tells this test about its package is not true of the copy.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let own = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_EXE_"];
        if own.iter().any(|own| name.starts_with(own)) {
            cargo.env_remove(name);
        }
    }
    cargo.env("CARGO_TARGET_DIR", target);
    if effort == Effort::Long {
        cargo.env("LONG", "1");
    }
    let output = cargo.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !said.contains(super::ROW) {
        let errors = String::from_utf8_lossy(&output.stderr);
        panic!(
            "the copy in {} does not run:\n{errors}{said}",
            place.display()
        );
    }
    said
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the copy, by its place in it.
fn changed(changes: &[Change]) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    gather(Path::new("src"), &mut files);
    let wrong: Vec<String> = changes
        .iter()
        .filter_map(|change| apply(change, &mut files).err())
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for proofs in PROOFS {
        gather(&Path::new("tests").join(proofs), &mut files);
    }
    let switch = "tests/mutants/source/in_the_copy";
    for (there, from) in [
        ("src/mistakes.rs", "mistakes.rs"),
        ("tests/mutants/switch.rs", "switch.rs"),
    ] {
        let own = fs::read(root().join(switch).join(from)).unwrap();
        files.insert(there.into(), own);
    }
    let library = files.get_mut(Path::new("src/lib.rs")).unwrap();
    library.extend_from_slice(b"\npub mod mistakes;\n");
    let text = |path| fs::read_to_string(root().join(path)).unwrap();
    let manifest = of_the_copy(&text("Cargo.toml"));
    files.insert("Cargo.toml".into(), manifest.into_bytes());
    // A source takes this page in.
    files.insert(
        "docs/reasons.md".into(),
        text("docs/reasons.md").into_bytes(),
    );
    for path in ["Cargo.lock", "tests/support/Cargo.toml"] {
        files.insert(path.into(), renamed(&text(path)).into_bytes());
    }
    files
}

/// Makes a change where its text stands.
fn apply(change: &Change, files: &mut BTreeMap<PathBuf, Vec<u8>>) -> Result<(), String> {
    let mut places = Vec::new();
    for (path, bytes) in files.iter() {
        if let Ok(text) = std::str::from_utf8(bytes) {
            places.extend(text.matches(change.find).map(|_| path.clone()));
        }
    }
    let [place] = places.as_slice() else {
        return Err(format!(
            "the source mutant {} is to change a text that stands {} times in src/ {places:?}: \
             {}",
            change.name,
            places.len(),
            change.find
        ));
    };
    let switch = format!("crate::mistakes::on(\"{}\")", change.name);
    let put = change.put.replace("MISTAKE", &switch);
    let text = String::from_utf8(files.remove(place).unwrap()).unwrap();
    let text = text.replace(change.find, &put);
    files.insert(place.clone(), text.into_bytes());
    Ok(())
}

/// All files below a folder.
fn gather(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            gather(&path, files);
        } else {
            files.insert(path, fs::read(entry.path()).unwrap());
        }
    }
}

const PACKAGE: &str = "tenant-reseller-operator";

/// The same with the packages of the copy, which stand beside the others in one target directory.
fn renamed(text: &str) -> String {
    text.replace(PACKAGE, &format!("{PACKAGE}-mutants"))
}

/// The manifest of the copy: another package with the same library, and this test alone.
fn of_the_copy(manifest: &str) -> String {
    let mut kept = String::new();
    let mut leaves_out = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            leaves_out = matches!(line, "[[bin]]" | "[[example]]" | "[[test]]");
        }
        let own = line.starts_with("default-run") || line.starts_with("autobenches");
        if leaves_out || own {
            continue;
        }
        kept.push_str(&renamed(line));
        kept.push('\n');
        if line == "[package]" {
            kept.push_str("autobins = false\nautotests = false\nautobenches = false\n");
        }
    }
    let library = PACKAGE.replace('-', "_");
    kept + &format!(
        "\n[lib]\nname = \"{library}\"\n\n[[test]]\nname = \"mutants\"\n\
         path = \"tests/mutants/main.rs\"\n"
    )
}

/// Writes what is not there yet, so that cargo compiles again what changed alone.
fn written(place: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    for (path, bytes) in files {
        let path = place.join(path);
        if fs::read(&path).is_ok_and(|there| there == *bytes) {
            continue;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    left_over(place, place, files);
}

/// Takes files away that are not in the sources any more.
fn left_over(folder: &Path, place: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            left_over(&path, place, files);
        } else if !files.contains_key(path.strip_prefix(place).unwrap()) {
            fs::remove_file(path).unwrap();
        }
    }
}
