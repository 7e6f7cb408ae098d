//! The bench: how well the operator uses a BSS, and what it takes for it, on this machine.
//!
//! It measures and shows; it judges nothing, and no test runs it: a figure depends on the machine
//! and on what else runs there. What stands in `docs/benchmarks.md` is what it printed.

mod figures;
mod page;
mod plain_loop;
mod stage;
mod watch;

use std::io::Stdout;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use clap::Args;

use self::page::{Cost, Origin, Use};
use self::stage::{CONCURRENCY, Load};
use self::watch::COPY;
use super::command_line::or_interrupted;
use super::control_plane::ControlPlane;
use super::demo::narrator::Narrator;
use super::demo::upgrade_view::UpgradeReader;
use super::error::{LocalError, LocalResult};
use super::project;

/// What is measured.
#[derive(Clone, Debug, Args)]
pub struct BenchOptions {
    /// Subscriptions that are copied while the use of the endpoint is measured; 0 leaves it out.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(0..=20_000))]
    items: u32,
    /// How long the BSS lets each request wait, in milliseconds.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    latency_ms: u16,
    /// Sizes at which memory and writes are measured.
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 5000, 50_000],
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sizes: Vec<u32>,
    /// A page with markers that the figures are written between.
    #[arg(long)]
    page: Option<PathBuf>,
}

/// Measures, prints the tables, and ends everything.
pub(super) async fn run(options: &BenchOptions) -> LocalResult<()> {
    let mut narrator = Narrator::on_stdout();
    or_interrupted(measure(options, &mut narrator)).await
}

async fn measure(options: &BenchOptions, narrator: &mut Narrator<Stdout>) -> LocalResult<()> {
    // Looked at first: half an hour of measuring is not to end in a wrong path.
    if let Some(file) = &options.page {
        write_page(file, None)?;
    }
    let origin = origin()?;
    narrator.chapter("A control plane on this machine")?;
    let plane = stage::control_plane().await?;
    narrator.fact("etcd, kube-apiserver and the charts are ready")?;
    let mut bench = Bench {
        plane,
        narrator,
        latency: Duration::from_millis(u64::from(options.latency_ms)),
    };
    let (mut uses, mut costs) = (Vec::new(), Vec::new());
    if options.items > 0 {
        for batch in [1, 100] {
            uses.push(bench.operator_use(options.items, batch).await?);
            uses.push(bench.plain_use(options.items, batch).await?);
        }
    }
    for &items in &options.sizes {
        costs.push(bench.cost(items).await?);
    }
    bench.plane.supervisor().end();
    let capacity = figures::ratio(
        f64::from(CONCURRENCY),
        f64::from(options.latency_ms) / 1000.0,
    );
    let text = page::figures(&origin, capacity, &uses, &costs);
    narrator.line(&format!("\n{text}"))?;
    match &options.page {
        Some(file) => write_page(file, Some(&text)),
        None => Ok(()),
    }
}

struct Bench<'a> {
    plane: ControlPlane,
    narrator: &'a mut Narrator<Stdout>,
    latency: Duration,
}

/// One upgrade, measured.
struct Measured {
    seen: watch::Seen,
    control: super::demo::sandbox_control::SandboxControl,
    // Ended when dropped, the operator first.
    _operator: stage::Operator,
    _bss: super::process::Process,
}

impl Bench<'_> {
    async fn upgrade(&mut self, load: &Load) -> LocalResult<Measured> {
        let bss = stage::bss(&self.plane, load).await?;
        let mut operator = stage::operator(&self.plane, load).await?;
        self.narrator
            .fact("the sandbox serves, the operator is ready")?;
        let name = stage::apply(&self.plane, &bss, load).await?;
        let client = self.plane.client().await?;
        let reader = UpgradeReader::new(&client, &load.name, &name);
        let seen = watch::to_the_end(&mut operator, &reader, load, self.narrator).await;
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) => {
                self.narrator.end_progress();
                self.narrator.line("\nThe operator's last lines:")?;
                self.narrator.line(&operator.process.tail())?;
                return Err(error);
            }
        };
        self.narrator
            .fact(&format!("Succeeded after {:.1} s", seen.seconds))?;
        Ok(Measured {
            seen,
            control: bss.control,
            _operator: operator,
            _bss: bss.process,
        })
    }

    /// The upgrade of an earlier run is no part of the next one's memory.
    async fn remove(&self, load: &Load) -> LocalResult<()> {
        let arguments = ["delete", "namespace", &load.name, "--timeout=50s"];
        self.plane.kubectl()?.run(arguments).await?;
        Ok(())
    }

    async fn operator_use(&mut self, items: u32, batch: u16) -> LocalResult<Use> {
        let load = Load {
            name: format!("use-{batch}"),
            items,
            batch,
            latency: self.latency,
        };
        self.narrator.chapter(&format!(
            "The operator copies {items} with {:?} latency, batches of {batch}",
            load.latency
        ))?;
        let measured = self.upgrade(&load).await?;
        let (first, last, copied) = watch::copies(&measured.control).await?;
        let readings = &measured.seen.readings;
        let (Some(before), Some(after)) = (readings.at(first), readings.at(last)) else {
            return Err(LocalError::Unexpected(
                "the copies lie outside of the readings of the metrics".into(),
            ));
        };
        let during = after.since(&before);
        let seconds = figures::millis(first, last);
        let calls: Vec<String> = during
            .by_operation
            .iter()
            .filter(|(_, count)| **count >= 1.0)
            .map(|(operation, count)| format!("{operation} {count:.0}"))
            .collect();
        self.narrator
            .detail(&format!("{seconds:.2} s, calls: {}", calls.join(", ")))?;
        self.remove(&load).await?;
        Ok(Use {
            what: "the operator".to_owned(),
            items: copied,
            batch,
            seconds,
            calls: during.total(),
            copy_calls: during.by_operation.get(COPY).copied().unwrap_or(0.0),
            under_way: figures::ratio(during.under_way(), seconds),
        })
    }

    async fn plain_use(&mut self, items: u32, batch: u16) -> LocalResult<Use> {
        let load = Load {
            name: format!("plain-{batch}"),
            items,
            batch,
            latency: self.latency,
        };
        self.narrator.chapter(&format!(
            "A plain loop copies {items} with {:?} latency, batches of {batch}",
            load.latency
        ))?;
        let bss = stage::bss(&self.plane, &load).await?;
        let took = plain_loop::run(&bss, &load).await?;
        let (_, _, copied) = watch::copies(&bss.control).await?;
        self.narrator
            .fact(&format!("done in {:.2} s", took.seconds))?;
        let requests = f64::from(took.requests);
        Ok(Use {
            what: "a plain loop".to_owned(),
            items: copied,
            batch,
            seconds: took.seconds,
            calls: requests,
            copy_calls: requests,
            under_way: took.under_way,
        })
    }

    async fn cost(&mut self, items: u32) -> LocalResult<Cost> {
        let load = Load {
            name: format!("size-{items}"),
            items,
            batch: 100,
            latency: Duration::ZERO,
        };
        self.narrator
            .chapter(&format!("The operator copies {items} without latency"))?;
        let before = stage::api_server_log(&self.plane)?.len();
        let measured = self.upgrade(&load).await?;
        let log = stage::api_server_log(&self.plane)?;
        let writes = figures::writes(log.get(before..).unwrap_or_default());
        let told: Vec<String> = writes
            .iter()
            .map(|(resource, count)| format!("{resource} {count}"))
            .collect();
        self.narrator
            .detail(&format!("writes: {}", told.join(", ")))?;
        let lease_writes = writes.get("leases").copied().unwrap_or(0);
        let all = writes.values().copied().fold(0, u32::saturating_add);
        let calls = measured.seen.last.total();
        let copy_calls = measured.seen.last.by_operation.get(COPY).copied();
        let (_, _, copied) = watch::copies(&measured.control).await?;
        self.remove(&load).await?;
        Ok(Cost {
            items: copied,
            seconds: measured.seen.seconds,
            memory: measured.seen.memory,
            writes: all.saturating_sub(lease_writes),
            lease_writes,
            calls,
            other_calls: calls - copy_calls.unwrap_or(0.0),
        })
    }
}

fn origin() -> LocalResult<Origin> {
    let read = |file: &str| {
        std::fs::read_to_string(file).map_err(LocalError::io("reading", Path::new(file)))
    };
    let program = std::env::current_exe().ok();
    let profile = program
        .as_deref()
        .and_then(Path::parent)
        .and_then(Path::file_name)
        .map_or_else(|| "unknown".into(), std::ffi::OsStr::to_string_lossy);
    Ok(Origin {
        machine: figures::machine(&read("/proc/cpuinfo")?, &read("/proc/meminfo")?),
        commit: commit(),
        profile: profile.into_owned(),
        date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
    })
}

/// The commit, and whether something differs from it; a copy without Git has none.
fn commit() -> String {
    let told = std::process::Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=10"])
        .current_dir(project::folder())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    match told {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "unknown".to_owned(),
    }
}

/// Writes figures into a page; without figures it only looks whether that could be done.
fn write_page(file: &Path, figures: Option<&str>) -> LocalResult<()> {
    let page = std::fs::read_to_string(file).map_err(LocalError::io("reading", file))?;
    let new = page::with_figures(&page, figures.unwrap_or_default()).ok_or_else(|| {
        LocalError::Unexpected(format!("{} has no place for figures", file.display()))
    })?;
    match figures {
        Some(_) => std::fs::write(file, new).map_err(LocalError::io("writing", file)),
        None => Ok(()),
    }
}
