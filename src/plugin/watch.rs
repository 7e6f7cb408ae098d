//! `watch`: one upgrade redrawn as it changes, or a line for each change.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use console::Term;
use futures::{Stream, StreamExt as _};
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::Api;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch_objects};

use super::cli::{ClusterFlags, WatchFlags};
use super::error::{Failure, chain};
use super::fetch::Scope;
use super::kubeconfig::{Cluster, Patience, connect_with};
use super::look::Look;
use super::out::Out;
use super::render;
use super::report::eprint_line;
use super::view::{standing, text, view};
use super::words::Standing;
use crate::api::{ConditionList as _, ConditionType, Phase, TenantResellerUpgrade};

/// How often a terminal is redrawn although nothing changed: times go on.
const TICK: Duration = Duration::from_secs(1);

type Guarded = DeserializeGuard<TenantResellerUpgrade>;

pub(super) async fn run(
    flags: &ClusterFlags,
    cluster: &Cluster,
    asked: &WatchFlags,
    out: Out,
) -> Result<ExitCode, Failure> {
    let patient = connect_with(flags, Patience::Watch).await?;
    let watched = async {
        match &asked.name {
            Some(name) => one(cluster, &patient, name, asked, out).await,
            None => all(&patient, Scope::of(asked.all_namespaces), out).await,
        }
    };
    match asked.timeout {
        Some(limit) => match tokio::time::timeout(limit, watched).await {
            Ok(ended) => ended,
            Err(_elapsed) => Ok(Standing::Working.exit_code()),
        },
        None => watched.await,
    }
}

fn changes(
    cluster: &Cluster,
    scope: Scope,
    name: Option<&str>,
) -> impl Stream<Item = Result<Event<Guarded>, watcher::Error>> + use<> {
    let api: Api<Guarded> = match scope {
        Scope::Namespace => Api::namespaced(cluster.client.clone(), &cluster.namespace),
        Scope::All => Api::all(cluster.client.clone()),
    };
    let mut config = watcher::Config::default();
    if let Some(name) = name {
        config = config.fields(&format!("metadata.name={name}"));
    }
    watch_objects(api, config).default_backoff()
}

/// One upgrade until it is complete, is gone, or a person must act if that was asked for.
async fn one(
    cluster: &Cluster,
    patient: &Cluster,
    name: &str,
    asked: &WatchFlags,
    out: Out,
) -> Result<ExitCode, Failure> {
    // It answers at once whether there is such an upgrade.
    let mut upgrade = cluster.upgrade(name).await?;
    let mut screen = Screen::new(out);
    let mut stream = std::pin::pin!(changes(patient, Scope::Namespace, Some(name)));
    let mut ticks = tokio::time::interval(TICK);
    loop {
        screen.show(&upgrade)?;
        match standing(&upgrade) {
            end @ (Standing::Done | Standing::Failed) => return Ok(end.exit_code()),
            Standing::PersonMustAct if asked.until_action => {
                return Ok(Standing::PersonMustAct.exit_code());
            }
            Standing::PersonMustAct | Standing::Working => {}
        }
        tokio::select! {
            change = stream.next() => match change {
                Some(Ok(Event::Apply(guarded) | Event::InitApply(guarded))) => {
                    upgrade = readable(guarded)?;
                }
                Some(Ok(Event::Delete(_))) => {
                    return Err(Failure::Refused(format!("{name} was deleted")));
                }
                Some(Ok(Event::Init | Event::InitDone)) => {}
                Some(Err(error)) => lasting(&error)?,
                None => return Ok(standing(&upgrade).exit_code()),
            },
            _ = ticks.tick() => {}
        }
    }
}

/// A line for each change of each upgrade, until the reader has had enough.
async fn all(patient: &Cluster, scope: Scope, out: Out) -> Result<ExitCode, Failure> {
    let mut stream = std::pin::pin!(changes(patient, scope, None));
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    while let Some(change) = stream.next().await {
        match change {
            Ok(Event::Apply(guarded) | Event::InitApply(guarded)) => {
                let Ok(upgrade) = readable(guarded) else {
                    continue;
                };
                let line = line(&upgrade);
                let key = place(&upgrade);
                if shown.get(&key) != Some(&line) {
                    out.text(&format!("{} {line}\n", clock()))?;
                    shown.insert(key, line);
                }
            }
            Ok(Event::Delete(guarded)) => {
                if let Ok(upgrade) = readable(guarded) {
                    let key = place(&upgrade);
                    out.text(&format!("{} {key} was deleted\n", clock()))?;
                    shown.remove(&key);
                }
            }
            Ok(Event::Init | Event::InitDone) => {}
            Err(error) => lasting(&error)?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn readable(guarded: Guarded) -> Result<TenantResellerUpgrade, Failure> {
    guarded.0.map_err(|unreadable| {
        Failure::Refused(text(&format!(
            "it was written for another version of the plugin: {}",
            unreadable.error
        )))
    })
}

/// An error that passes is told, and the watch begins again; a refusal does not pass.
fn lasting(error: &watcher::Error) -> Result<(), Failure> {
    let refused = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => {
            matches!(status.code, 401 | 403 | 404)
        }
        watcher::Error::InitialListFailed(_)
        | watcher::Error::WatchStartFailed(_)
        | watcher::Error::WatchError(_)
        | watcher::Error::WatchFailed(_)
        | watcher::Error::NoResourceVersion => false,
    };
    let told = text(&chain(error));
    if refused {
        return Err(Failure::Refused(told));
    }
    eprint_line(&format!(
        "the watch was interrupted and begins again: {told}"
    ));
    Ok(())
}

fn place(upgrade: &TenantResellerUpgrade) -> String {
    format!(
        "{}/{}",
        upgrade.namespace().unwrap_or_default(),
        upgrade.name_any()
    )
}

/// An upgrade in a line.
fn line(upgrade: &TenantResellerUpgrade) -> String {
    let status = upgrade.status.as_ref();
    let ready = status.and_then(|status| status.conditions.condition(ConditionType::Ready));
    let reason = ready.map_or_else(|| "NotSeen".to_owned(), |ready| text(&ready.reason));
    let phase = status
        .and_then(|status| status.phase)
        .map_or("-", Phase::as_str);
    let progress = status.and_then(|status| status.progress.as_ref());
    let progress = progress
        .map(|progress| text(&progress.display))
        .unwrap_or_default();
    format!("{} {reason} {phase} {progress}", place(upgrade))
        .trim_end()
        .to_owned()
}

/// The time of day, in UTC.
fn clock() -> String {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second())
        .unwrap_or(now)
        .to_string()
}

/// Where one upgrade is shown: redrawn in place in a terminal, line by line in a pipe.
struct Screen {
    out: Out,
    drawn: usize,
    last: String,
}

impl Screen {
    fn new(out: Out) -> Self {
        Self {
            out,
            drawn: 0,
            last: String::new(),
        }
    }

    fn show(&mut self, upgrade: &TenantResellerUpgrade) -> Result<(), Failure> {
        if self.out.look.width.is_none() {
            let line = line(upgrade);
            if line != self.last {
                self.out.text(&format!("{} {line}\n", clock()))?;
                self.last = line;
            }
            return Ok(());
        }
        let frame = frame(upgrade, self.out.look);
        if frame == self.last {
            return Ok(());
        }
        let up = match self.drawn {
            0 => String::new(),
            lines => format!("\u{1b}[{lines}F\u{1b}[J"),
        };
        self.out.text(&format!("{up}{frame}"))?;
        self.drawn = frame.lines().count();
        self.last = frame;
        Ok(())
    }
}

/// The view, no taller than the terminal: what has scrolled away cannot be redrawn.
fn frame(upgrade: &TenantResellerUpgrade, look: Look) -> String {
    let text = render::status(&view(upgrade, &[], &[], Timestamp::now()), look);
    let rows = Term::stdout()
        .size_checked()
        .map_or(24, |(rows, _)| usize::from(rows));
    let room = rows.saturating_sub(1).max(5);
    let lines: Vec<String> = text.lines().take(room).map(str::to_owned).collect();
    render::joined(&lines)
}
