//! Completion: scripts for the shells, and the answers that kubectl asks for by `kubectl_complete-tru`.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Arg, Command, CommandFactory as _, Parser as _};
use kube::api::{Api, ListParams};

use super::cli::{Cli, ClusterFlags, Completion};
use super::error::Failure;
use super::fetch::Scope;
use super::kubeconfig::connect;
use super::out::Out;
use super::words::{phases, reasons};
use crate::api::{BssConnection, Reason, TenantResellerUpgrade};

/// The first word by which the plugin is asked for what an unfinished line may become.
pub(super) const UNFINISHED: &str = "__complete";
/// What kubectl runs as `kubectl_complete-tru`: it hands the words over and prints the answers.
const KUBECTL: &str = "#!/bin/sh\n\
     # Save it as kubectl_complete-tru, executable, in a folder of PATH beside kubectl-tru.\n\
     exec kubectl-tru __complete \"$@\"\n";
/// The directive behind the answers: no file names beside them (cobra's ShellCompDirectiveNoFileComp).
const NO_FILES: &str = ":4";
/// A person waits with a finger on the key.
const BOUND: Duration = Duration::from_secs(2);
/// Names that are offered at most.
const NAMES: u32 = 500;

/// Prints a script.
pub(super) fn script(shell: Completion, out: Out) -> Result<ExitCode, Failure> {
    let Some(shell) = shell.shell() else {
        out.text(KUBECTL)?;
        return Ok(ExitCode::SUCCESS);
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "kubectl-tru", &mut script);
    out.text(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints what the last word may become, one a line, and the directive. It never fails: a key that
/// completes nothing is all that a person may see of it.
pub(super) async fn answer(words: &[String], out: Out) -> Result<ExitCode, Failure> {
    let mut answers = Vec::new();
    let (last, before) = words
        .split_last()
        .map_or(("", [].as_slice()), |(last, before)| {
            (last.as_str(), before)
        });
    match wanted(before, last) {
        Wanted::Words(words) => answers.extend(words),
        Wanted::Upgrades => answers.extend(names::<TenantResellerUpgrade>(before).await),
        Wanted::Connections => answers.extend(names::<BssConnection>(before).await),
        Wanted::Nothing => {}
    }
    answers.retain(|answer| answer.starts_with(last));
    answers.push(NO_FILES.to_owned());
    out.lines(&answers)?;
    Ok(ExitCode::SUCCESS)
}

/// What may stand next.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Words(Vec<String>),
    Upgrades,
    Connections,
    Nothing,
}

fn wanted(before: &[String], last: &str) -> Wanted {
    let mut cli = Cli::command();
    cli.build();
    let mut command = &cli;
    let mut positional = 0_usize;
    let mut words = before.iter().peekable();
    while let Some(word) = words.next() {
        if let Some(flag) = flag_named(command, word) {
            if takes_value(flag) && !word.contains('=') && words.next().is_none() {
                return values(flag);
            }
        } else if let Some(sub) = command.find_subcommand(word) {
            command = sub;
        } else {
            positional = positional.saturating_add(1);
        }
    }
    if last.starts_with('-') {
        let flags = command.get_arguments().filter(|flag| !flag.is_hide_set());
        let long = flags.filter_map(|flag| flag.get_long());
        return Wanted::Words(long.map(|long| format!("--{long}")).collect());
    }
    if command.has_subcommands() {
        let subs = command.get_subcommands().filter(|sub| !sub.is_hide_set());
        return Wanted::Words(subs.map(|sub| sub.get_name().to_owned()).collect());
    }
    let place = command.get_positionals().nth(positional);
    // A place that takes several values takes all that follow.
    let several = |place: &&Arg| place.get_num_args().is_some_and(|few| few.max_values() > 1);
    place
        .or_else(|| command.get_positionals().last().filter(several))
        .map_or(Wanted::Nothing, |place| {
            // The one name that is no upgrade's.
            if command.get_name() == "connections" {
                Wanted::Connections
            } else {
                values(place)
            }
        })
}

fn flag_named<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let name = word.split('=').next().unwrap_or(word);
    command.get_arguments().find(|flag| {
        let long = flag
            .get_long()
            .is_some_and(|long| name == format!("--{long}"));
        long || flag
            .get_short()
            .is_some_and(|short| name == format!("-{short}"))
    })
}

fn takes_value(flag: &Arg) -> bool {
    flag.get_action().takes_values()
}

/// What a value may be, by the name of the flag or of the place.
fn values(of: &Arg) -> Wanted {
    let words = |words: &mut dyn Iterator<Item = String>| Wanted::Words(words.collect());
    match of.get_id().as_str() {
        "name" => Wanted::Upgrades,
        "connection" => Wanted::Connections,
        "phase" => words(&mut phases().map(str::to_owned)),
        "reason" => words(&mut reasons().map(Reason::as_str).map(str::to_owned)),
        "kind" => {
            let kinds = crate::api::ReportKind::ALL.into_iter();
            words(&mut kinds.map(super::words::typed))
        }
        _ => {
            let possible = of.get_possible_values();
            words(&mut possible.iter().map(|value| value.get_name().to_owned()))
        }
    }
}

/// The names of a kind that are there, of the cluster and namespace that the words before say.
async fn names<K>(before: &[String]) -> Vec<String>
where
    K: kube::Resource<Scope = kube::core::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
    K::DynamicType: Default,
{
    let look = async {
        let cluster = connect(&flags(before)).await.ok()?;
        let api: Api<K> = cluster.api(Scope::Namespace);
        let list = api
            .list_metadata(&ListParams::default().limit(NAMES))
            .await
            .ok()?;
        Some(list.items.iter().map(kube::ResourceExt::name_any).collect())
    };
    let found = tokio::time::timeout(BOUND, look).await;
    found.ok().flatten().unwrap_or_default()
}

/// The flags of the cluster among the words, whatever else is unfinished there.
fn flags(before: &[String]) -> ClusterFlags {
    let mut cli = Cli::command();
    cli.build();
    let mut kept = vec!["kubectl-tru".to_owned(), "version".to_owned()];
    let mut words = before.iter();
    while let Some(word) = words.next() {
        let Some(flag) = flag_named(&cli, word).filter(|flag| flag.is_global_set()) else {
            continue;
        };
        kept.push(word.clone());
        if takes_value(flag) && !word.contains('=') {
            kept.extend(words.next().cloned());
        }
    }
    Cli::try_parse_from(kept)
        .map(|cli| cli.cluster)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted_after(words: &[&str], last: &str) -> Wanted {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        wanted(&words, last)
    }

    fn words(wanted: Wanted) -> Vec<String> {
        match wanted {
            Wanted::Words(words) => words,
            other @ (Wanted::Upgrades | Wanted::Connections | Wanted::Nothing) => {
                vec![format!("{other:?}")]
            }
        }
    }

    #[test]
    fn commands_flags_names_and_words_are_completed() {
        let commands = words(wanted_after(&[], ""));
        assert!(commands.contains(&"take-over".to_owned()), "{commands:?}");
        assert!(!commands.contains(&"__complete".to_owned()));
        assert_eq!(wanted_after(&["status"], "con"), Wanted::Upgrades);
        assert_eq!(
            wanted_after(&["-n", "emea", "status"], ""),
            Wanted::Upgrades
        );
        assert_eq!(wanted_after(&["status", "contoso"], ""), Wanted::Nothing);
        let another = wanted_after(&["suspend", "contoso", "fabrikam"], "");
        assert_eq!(another, Wanted::Upgrades);
        assert_eq!(wanted_after(&["connections"], ""), Wanted::Connections);
        assert_eq!(
            wanted_after(&["list", "--connection"], ""),
            Wanted::Connections
        );
        assert!(words(wanted_after(&["list", "--phase"], "")).contains(&"Done".to_owned()));
        let kinds = words(wanted_after(&["report", "contoso"], ""));
        assert_eq!(
            kinds,
            ["blockers", "exclusions", "manual-steps", "verification"]
        );
        assert!(words(wanted_after(&["list"], "--no")).contains(&"--no-headers".to_owned()));
        assert!(words(wanted_after(&["list", "-o"], "")).contains(&"wide".to_owned()));
    }

    #[test]
    fn the_cluster_is_the_one_that_the_words_before_name() {
        let words = ["status", "--context=other", "-n", "emea", "--as", "jane"];
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let flags = flags(&words);
        assert_eq!(flags.context.as_deref(), Some("other"));
        assert_eq!(flags.namespace.as_deref(), Some("emea"));
        assert_eq!(flags.act_as.as_deref(), Some("jane"));
    }

    #[test]
    fn every_shell_has_a_script() {
        for shell in [
            clap_complete::Shell::Bash,
            clap_complete::Shell::Zsh,
            clap_complete::Shell::Fish,
        ] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "kubectl-tru", &mut script);
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("take-over"), "{shell}");
        }
    }
}
