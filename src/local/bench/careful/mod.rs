//! The careful client: what a distributor would write instead of taking an operator. It lists once, copies and
//! prices the customers, checks everything, copies with so many calls in flight, reads both sides again,
//! compares them, and switches. It proves nothing, records nothing, and starts from nothing if it is
//! interrupted. It is a process of its own (`tru-local careful-client`), so that its memory can be measured
//! beside the operator's.

pub(super) mod client;
mod phases;
pub(super) mod rows;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use self::client::{Caller, Place};
use self::phases::Careful;
use self::rows::Capabilities;
use super::figures::peak_memory;
use crate::local::error::{LocalError, LocalResult};

/// How the phases follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Order {
    /// Each step waits for the whole step before it: what most scripts do.
    PhaseByPhase,
    /// What may run side by side does: pages are read while batches of earlier pages are copied, priced and
    /// checked. Nothing is copied before everything is checked.
    Overlapped,
}

impl Order {
    /// As it is written on the command line.
    pub(super) fn argument(self) -> &'static str {
        match self {
            Self::PhaseByPhase => "phase-by-phase",
            Self::Overlapped => "overlapped",
        }
    }
}

/// One upgrade by the careful client, against any server of the reference contract.
#[derive(Clone, Debug, Args)]
pub struct CarefulOptions {
    /// Where the server is, without a path.
    #[arg(long)]
    url: String,
    /// The authority of its certificate, a PEM file.
    #[arg(long)]
    authority: PathBuf,
    /// The token of the contract.
    #[arg(long, env = "BSS_TOKEN", hide_env_values = true)]
    token: String,
    /// The reseller.
    #[arg(long, default_value = "10423")]
    reseller: String,
    /// Calls in flight.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// How the phases follow each other.
    #[arg(long, value_enum, default_value_t = Order::Overlapped)]
    order: Order,
}

/// What an upgrade took, as the client prints it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Took {
    pub(super) customers: u32,
    pub(super) items: u32,
    pub(super) calls: u32,
    /// The most memory that was ever resident.
    pub(super) peak_kib: u32,
    /// Seconds from the first call to the end of each phase.
    pub(super) tenant: f64,
    pub(super) checked: f64,
    pub(super) copied: f64,
    pub(super) read_again: f64,
    pub(super) activated: f64,
}

/// Takes one reseller through all four phases and prints what that took, one line of JSON.
pub(in crate::local) async fn run(options: &CarefulOptions) -> LocalResult<()> {
    let took = upgrade(options).await?;
    let line = serde_json::to_string(&took)
        .map_err(|error| LocalError::Unexpected(format!("the figures are no JSON: {error}")))?;
    crate::local::command_line::say(&line)
}

async fn upgrade(options: &CarefulOptions) -> LocalResult<Took> {
    let authority = std::fs::read_to_string(&options.authority)
        .map_err(LocalError::io("reading", &options.authority))?;
    let caller = Caller::new(&Place {
        url: &options.url,
        authority: &authority,
        token: &options.token,
        concurrency: usize::from(options.concurrency),
    })?;
    let began = Instant::now();
    let can: Capabilities = caller.get("capabilities").await?;
    caller.acquire(&options.reseller, "careful-client").await?;
    let careful = Careful {
        caller: &caller,
        reseller: &options.reseller,
        batch: usize::from(can.largest_batch.max(1)),
        side_by_side: usize::from(options.concurrency),
        order: options.order,
    };
    let tenant_id = careful.tenant().await?;
    let tenant = began.elapsed().as_secs_f64();
    let (customers, prices, purchases) = careful.prepare(&tenant_id).await?;
    let checked = began.elapsed().as_secs_f64();
    let items = careful.copy(&tenant_id, &prices, &purchases).await?;
    let copied = began.elapsed().as_secs_f64();
    let revision = careful.read_again(&tenant_id).await?;
    let read_again = began.elapsed().as_secs_f64();
    careful.activate(&tenant_id, revision).await?;
    Ok(Took {
        customers,
        items,
        calls: caller.calls(),
        peak_kib: own_peak()?,
        tenant,
        checked,
        copied,
        read_again,
        activated: began.elapsed().as_secs_f64(),
    })
}

fn own_peak() -> LocalResult<u32> {
    let file = Path::new("/proc/self/status");
    let status = std::fs::read_to_string(file).map_err(LocalError::io("reading", file))?;
    peak_memory(&status).ok_or_else(|| LocalError::Unexpected("no peak of memory is told".into()))
}
