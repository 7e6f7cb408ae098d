//! The command line of the plugin, with the flags that kubectl has, under kubectl's names.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Watches, explains and steers the upgrades of resellers.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a person must act, 4 still working. Commands that
/// show one upgrade (status, explain, watch) tell its state so; all others end with 0 if they did
/// what they were asked.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-tru",
    bin_name = "kubectl tru",
    version,
    args_override_self = true
)]
pub(super) struct Cli {
    /// Which cluster, as whom, and where in it.
    #[command(flatten)]
    pub(super) cluster: ClusterFlags,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The flags of kubectl that say which cluster is meant, and as whom.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Cluster")]
pub(super) struct ClusterFlags {
    /// The kubeconfig file; otherwise the files that KUBECONFIG names, or ~/.kube/config.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig to use instead of its current one.
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) context: Option<String>,
    /// The cluster of the kubeconfig to use.
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) cluster: Option<String>,
    /// The user of the kubeconfig to use.
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) user: Option<String>,
    /// The namespace; otherwise that of the context.
    #[arg(short, long, global = true, value_name = "NAME")]
    pub(super) namespace: Option<String>,
    /// The user to act as.
    #[arg(long = "as", global = true, value_name = "USER")]
    pub(super) act_as: Option<String>,
    /// A group to act as; may be given several times.
    #[arg(long = "as-group", global = true, value_name = "GROUP")]
    pub(super) as_group: Vec<String>,
    /// The uid to act as.
    #[arg(long = "as-uid", global = true, value_name = "UID")]
    pub(super) as_uid: Option<String>,
    /// How long a single request may take, for example 5s; 0 is without limit.
    #[arg(long, global = true, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(super) request_timeout: Duration,
    /// When to use colours; NO_COLOR forbids them too.
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub(super) color: Colour,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// In a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists upgrades.
    #[command(visible_aliases = ["ls", "get"])]
    List(ListFlags),
    /// Shows one upgrade: its phases, how far they are, and who must do what.
    Status(OneFlags),
    /// Says why an upgrade is not going on, what is in its way and what to do about it.
    Explain(OneFlags),
    /// Shows what the operator reported, item by item.
    Report(ReportFlags),
    /// Watches one upgrade until it is done, or all of them.
    Watch(WatchFlags),
    /// Lets upgrades rest, by the annotation that Git does not manage.
    Suspend(ManyFlags),
    /// Lets suspended upgrades go on.
    Resume(ResumeFlags),
    /// Asks the operator to look again at once.
    Retry(ManyFlags),
    /// Confirms what the upgrade asks a person to confirm.
    Confirm(ActFlags),
    /// Takes a reseller over from the operator that held it.
    TakeOver(TakeOverFlags),
    /// Lists the connections, or shows what one BSS promises and which upgrades use it.
    Connections(ConnectionFlags),
    /// Lists the records: who upgraded which reseller, when, on which inventory.
    Claims(ClaimFlags),
    /// Shows the versions of the plugin, of the API server and of the operator.
    Version(VersionFlags),
    /// Prints a completion script for a shell, or kubectl's own kubectl_complete-tru.
    Completion {
        /// The shell.
        #[arg(value_enum)]
        shell: Completion,
    },
}

/// What to print a completion for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Completion {
    /// For `kubectl-tru` in bash.
    Bash,
    /// For `kubectl-tru` in zsh.
    Zsh,
    /// For `kubectl-tru` in fish.
    Fish,
    /// The script `kubectl_complete-tru`, by which kubectl completes `kubectl tru` in every shell.
    Kubectl,
}

impl Completion {
    /// The shell, if it is one.
    pub(super) fn shell(self) -> Option<Shell> {
        match self {
            Self::Bash => Some(Shell::Bash),
            Self::Zsh => Some(Shell::Zsh),
            Self::Fish => Some(Shell::Fish),
            Self::Kubectl => None,
        }
    }
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// The table with more columns.
    Wide,
    /// Kind and name, one a line.
    Name,
}

/// `list`.
#[derive(Args, Debug)]
pub(super) struct ListFlags {
    /// In all namespaces.
    #[arg(short = 'A', long)]
    pub(super) all_namespaces: bool,
    /// Only upgrades in this phase, for example PricingGate. May be given several times.
    #[arg(long, value_delimiter = ',', value_parser = super::words::phase)]
    pub(super) phase: Vec<String>,
    /// Only upgrades whose Ready has this reason, for example AwaitingPricing. May be given several times.
    #[arg(long, value_delimiter = ',', value_parser = super::words::reason)]
    pub(super) reason: Vec<String>,
    /// Only upgrades of this connection.
    #[arg(long)]
    pub(super) connection: Option<String>,
    /// Only upgrades that a person must act on.
    #[arg(long)]
    pub(super) needs_action: bool,
    /// Only upgrades with these labels, as kubectl takes them.
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub(super) selector: Option<String>,
    /// Without the line of headings.
    #[arg(long)]
    pub(super) no_headers: bool,
    /// How to print it.
    #[arg(short, long, value_enum)]
    pub(super) output: Option<Output>,
}

/// How one thing is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Whole {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// `status` and `explain`.
#[derive(Args, Debug)]
pub(super) struct OneFlags {
    /// The upgrade.
    pub(super) name: String,
    /// How to print it: what is shown, as JSON or YAML.
    #[arg(short, long, value_enum)]
    pub(super) output: Option<Whole>,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportOutput {
    /// JSON, an array of rows.
    Json,
    /// YAML, the same.
    Yaml,
    /// Comma-separated values for a spreadsheet.
    Csv,
    /// The table with the business keys.
    Wide,
}

/// `report`.
#[derive(Args, Debug)]
pub(super) struct ReportFlags {
    /// The upgrade.
    pub(super) name: String,
    /// The kind of report: blockers, exclusions, manual-steps or verification; all if none is given.
    #[arg(value_parser = super::words::report_kind)]
    pub(super) kind: Option<String>,
    /// How to print it.
    #[arg(short, long, value_enum)]
    pub(super) output: Option<ReportOutput>,
    /// Without the line of headings.
    #[arg(long)]
    pub(super) no_headers: bool,
}

/// `watch`.
#[derive(Args, Debug)]
pub(super) struct WatchFlags {
    /// The upgrade; all of the namespace if none is given.
    pub(super) name: Option<String>,
    /// All upgrades of all namespaces.
    #[arg(short = 'A', long, conflicts_with = "name")]
    pub(super) all_namespaces: bool,
    /// Ends with 3 as soon as a person must act.
    #[arg(long, requires = "name")]
    pub(super) until_action: bool,
    /// Ends with 4 after this time, for example 30m.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) timeout: Option<Duration>,
}

/// How an act is done.
#[derive(Args, Clone, Debug)]
pub(super) struct ActFlags {
    /// The upgrade.
    pub(super) name: String,
    /// Without asking.
    #[arg(short, long)]
    pub(super) yes: bool,
    /// Shows what would be written; the API server checks it and stores nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// `suspend` and `retry`: which upgrades, and how it is done.
#[derive(Args, Clone, Debug)]
pub(super) struct ManyFlags {
    /// The upgrades.
    #[arg(required_unless_present_any = ["all", "connection"])]
    pub(super) name: Vec<String>,
    /// All upgrades of the namespace that are not complete.
    #[arg(long, conflicts_with = "name")]
    pub(super) all: bool,
    /// All upgrades of this connection that are not complete.
    #[arg(long, conflicts_with_all = ["name", "all"])]
    pub(super) connection: Option<String>,
    /// Without asking.
    #[arg(short, long)]
    pub(super) yes: bool,
    /// Shows what would be written; the API server checks it and stores nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
}

impl ManyFlags {
    /// The same for one of them.
    pub(super) fn act(&self, name: &str) -> ActFlags {
        ActFlags {
            name: name.to_owned(),
            yes: self.yes,
            dry_run: self.dry_run,
        }
    }
}

/// `resume`.
#[derive(Args, Debug)]
pub(super) struct ResumeFlags {
    /// Which upgrades, and how it is done.
    #[command(flatten)]
    pub(super) many: ManyFlags,
    /// Sets spec.suspend to false too. Where Git manages the spec, change it there instead.
    #[arg(long)]
    pub(super) spec: bool,
}

/// `take-over`.
#[derive(Args, Debug)]
pub(super) struct TakeOverFlags {
    /// How it is done.
    #[command(flatten)]
    pub(super) act: ActFlags,
    /// The holder, as the message of the upgrade names it: needed where it is more than one plain word.
    #[arg(long, value_name = "TEXT")]
    pub(super) holder: Option<String>,
}

/// `connections`.
#[derive(Args, Debug)]
pub(super) struct ConnectionFlags {
    /// The connection; all of the namespace if none is given.
    pub(super) name: Option<String>,
    /// In all namespaces.
    #[arg(short = 'A', long, conflicts_with = "name")]
    pub(super) all_namespaces: bool,
    /// Without the line of headings.
    #[arg(long)]
    pub(super) no_headers: bool,
    /// How to print it.
    #[arg(short, long, value_enum)]
    pub(super) output: Option<Output>,
}

/// How records are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ClaimOutput {
    /// JSON, one list.
    Json,
    /// JSON, one record a line, without what belongs to this cluster alone.
    Jsonl,
    /// YAML, one list.
    Yaml,
    /// The table with more columns.
    Wide,
    /// Kind and name, one a line.
    Name,
}

/// `claims`.
#[derive(Args, Debug)]
pub(super) struct ClaimFlags {
    /// Only the record of this reseller's account.
    pub(super) reseller: Option<String>,
    /// Only records of this BSS, by its identity.
    #[arg(long)]
    pub(super) identity: Option<String>,
    /// Without the line of headings.
    #[arg(long)]
    pub(super) no_headers: bool,
    /// How to print it.
    #[arg(short, long, value_enum)]
    pub(super) output: Option<ClaimOutput>,
}

/// `version`.
#[derive(Args, Debug)]
pub(super) struct VersionFlags {
    /// The plugin's alone; nothing is asked of the cluster.
    #[arg(long)]
    pub(super) client: bool,
    /// How to print it.
    #[arg(short, long, value_enum)]
    pub(super) output: Option<Whole>,
}

/// A time as kubectl takes it: `90`, `30s`, `5m`, `2h`, `1m30s`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time such as 30s, 5m or 2h");
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut seconds = 0_u64;
    let mut number = String::new();
    for letter in text.chars() {
        if letter.is_ascii_digit() {
            number.push(letter);
            continue;
        }
        let unit = match letter {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(wrong()),
        };
        let count: u64 = std::mem::take(&mut number).parse().map_err(|_| wrong())?;
        seconds = count
            .checked_mul(unit)
            .and_then(|more| seconds.checked_add(more))
            .ok_or_else(wrong)?;
    }
    if text.is_empty() || !number.is_empty() {
        return Err(wrong());
    }
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_are_taken_as_kubectl_takes_them() {
        for (text, seconds) in [
            ("90", 90),
            ("30s", 30),
            ("5m", 300),
            ("1h30m", 5400),
            ("0", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "s", "5x", "5m3", "-1s", "99999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
