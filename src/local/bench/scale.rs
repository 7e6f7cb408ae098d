//! How much each part measures: the whole form, the quick form, and what the command line says otherwise.

use std::time::Duration;

use clap::Args;

/// What the command line says about the sizes of the parts.
#[derive(Clone, Debug, Args)]
pub(super) struct ScaleOptions {
    /// The smallest form of every part: to see that it works, not to measure.
    #[arg(long)]
    quick: bool,
    /// Sizes of whole upgrades, for example 1000,5000,50000,100000.
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=200_000))]
    sizes: Vec<u32>,
    /// Items of a batch for whole upgrades and for the use of the endpoint.
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=500))]
    batches: Vec<u16>,
    /// How long the BSS lets each request of whole upgrades wait, in milliseconds.
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(0..=1000))]
    latencies: Vec<u16>,
    /// Whole upgrades of all sizes with all batches, however long they take.
    #[arg(long)]
    all: bool,
    /// Subscriptions that are copied while the use of the endpoint is measured.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    items: Option<u32>,
    /// Finished upgrades of the crowd.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    finished: Option<u32>,
    /// Those that wait for people.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=5000))]
    waiting: Option<u32>,
    /// Those that work.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    running: Option<u32>,
    /// Equal upgrades on one endpoint.
    #[arg(long, value_parser = clap::value_parser!(u32).range(2..=500))]
    equal: Option<u32>,
}

/// The crowd of upgrades.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowd {
    pub(super) finished: u32,
    pub(super) waiting: u32,
    pub(super) running: u32,
    /// Subscriptions of each reseller.
    pub(super) items: u32,
    /// The time within which the working ones are created.
    pub(super) burst_over: Duration,
    /// The time over which the idle process is looked at.
    pub(super) idle_for: Duration,
}

/// How much each part measures.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    pub(super) ceiling_items: u32,
    pub(super) use_items: u32,
    pub(super) use_batches: Vec<u16>,
    pub(super) use_latency_ms: u16,
    pub(super) sizes: Vec<u32>,
    pub(super) batches: Vec<u16>,
    pub(super) latencies_ms: Vec<u16>,
    /// Whole upgrades of more batches than this are left out.
    pub(super) most_batches: u32,
    pub(super) equal: u32,
    pub(super) equal_items: u32,
    pub(super) small: u32,
    pub(super) large: u32,
    pub(super) crowd: Crowd,
    pub(super) counted_items: u32,
}

impl Scale {
    fn whole() -> Self {
        Self {
            ceiling_items: 20_000,
            use_items: 5000,
            use_batches: vec![1, 100],
            use_latency_ms: 50,
            sizes: vec![1000, 5000, 50_000],
            batches: vec![100, 1],
            latencies_ms: vec![0, 50],
            most_batches: 5000,
            equal: 50,
            equal_items: 200,
            small: 200,
            large: 20_000,
            crowd: Crowd {
                finished: 10_000,
                waiting: 2000,
                running: 500,
                items: 40,
                burst_over: Duration::from_secs(5),
                idle_for: Duration::from_secs(20),
            },
            counted_items: 10_000,
        }
    }

    fn quick() -> Self {
        Self {
            ceiling_items: 200,
            use_items: 100,
            use_batches: vec![10],
            use_latency_ms: 5,
            sizes: vec![40, 80],
            batches: vec![100],
            latencies_ms: vec![5],
            most_batches: 5000,
            equal: 3,
            equal_items: 20,
            small: 20,
            large: 400,
            crowd: Crowd {
                finished: 5,
                waiting: 2,
                running: 3,
                items: 10,
                burst_over: Duration::from_millis(300),
                idle_for: Duration::from_millis(200),
            },
            counted_items: 60,
        }
    }
}

impl ScaleOptions {
    /// What is measured in the end.
    pub(super) fn scale(&self) -> Scale {
        let mut scale = if self.quick {
            Scale::quick()
        } else {
            Scale::whole()
        };
        if !self.sizes.is_empty() {
            scale.sizes.clone_from(&self.sizes);
        }
        if !self.batches.is_empty() {
            scale.batches.clone_from(&self.batches);
            scale.use_batches.clone_from(&self.batches);
        }
        if !self.latencies.is_empty() {
            scale.latencies_ms.clone_from(&self.latencies);
        }
        if self.all {
            scale.most_batches = u32::MAX;
        }
        scale.use_items = self.items.unwrap_or(scale.use_items);
        scale.equal = self.equal.unwrap_or(scale.equal);
        let crowd = &mut scale.crowd;
        crowd.finished = self.finished.unwrap_or(crowd.finished);
        crowd.waiting = self.waiting.unwrap_or(crowd.waiting);
        crowd.running = self.running.unwrap_or(crowd.running);
        scale
    }
}
