//! The demo: one reseller through all four phases, on a real API server, in about a minute.
//!
//! It shows nothing that it did not see, either in the API server or in the tables of the sandbox,
//! and ends with an error where something is not as the story says. It may do what a user and the
//! people around a BSS may do; it never helps the operator.

pub(in crate::local) mod commands;
mod incidents;
pub(in crate::local) mod manifests;
pub(in crate::local) mod narrator;
mod sandbox_actors;
pub(in crate::local) mod sandbox_control;
mod screens;
mod story;
pub(in crate::local) mod upgrade_view;
mod watching;
pub(in crate::local) mod world;
mod yourself;

use std::io::Stdout;
use std::time::Instant;

use clap::{Args, ValueEnum};

use self::commands::Data;
use self::narrator::Narrator;
use self::screens::{BY_HAND, INTERWORKS, Screens, ScreensStory};
use self::story::Story;
use self::world::World;
use super::command_line::{kept_file, or_interrupted};
use super::error::{LocalError, LocalResult};

/// How the operator speaks to the BSS, and so who does what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::local) enum DemoAdapter {
    /// By the reference contract: the operator does everything that a program may do.
    Reference,
    /// By the reference contract of a BSS to which only people can write: the operator reads, and people
    /// press the buttons.
    ByHand,
    /// By interworks.cloud's public API, to which only people can write.
    Interworks,
}

/// What the demo is asked to show.
#[derive(Clone, Debug, Args)]
pub struct DemoOptions {
    /// Customers of the reseller.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=5000))]
    customers: u32,
    /// Subscriptions and assets of those customers. Below 40 there is no middle to be killed in.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(40..=20000))]
    subscriptions: u32,
    /// How the operator speaks to the BSS.
    #[arg(long, value_enum, default_value_t = DemoAdapter::Reference)]
    adapter: DemoAdapter,
    /// Decides everything that is random in the sandbox's data.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Leave everything running afterwards, until `tru-local stop`.
    #[arg(long)]
    keep: bool,
    /// Start everything and tell no story: you apply the manifests and press the buttons. It is left running, until
    /// `tru-local stop`.
    #[arg(long)]
    yourself: bool,
}

impl DemoOptions {
    /// Whether everything is left running at the end.
    fn keeps(&self) -> bool {
        self.keep || self.yourself
    }
}

/// Runs the demo to its end. Whatever happens, Ctrl-C included, nothing is left running unless
/// that was asked for and the story came to its end.
pub async fn run(options: &DemoOptions) -> LocalResult<()> {
    let file = kept_file();
    if options.keeps() && file.exists() {
        return Err(LocalError::Unexpected(
            "an earlier `make demo KEEP=1` still runs; end it with `make demo-stop`".into(),
        ));
    }
    let mut narrator = Narrator::on_stdout();
    let began = Instant::now();
    let outcome = or_interrupted(show(options, &mut narrator)).await;
    narrator.end_progress();
    let world = outcome?;
    let took = began.elapsed().as_secs();
    if options.keeps() {
        keep(&world, &mut narrator)?;
    } else {
        world.plane.supervisor().end();
    }
    if options.yourself {
        return Ok(());
    }
    narrator.line(&format!("\nThe upgrade succeeded; the demo took {took} s."))
}

async fn show(options: &DemoOptions, narrator: &mut Narrator<Stdout>) -> LocalResult<World> {
    let data = Data {
        customers: options.customers,
        subscriptions: options.subscriptions,
        seed: options.seed,
    };
    narrator.chapter("A control plane, a BSS and the operator on this machine")?;
    let mut world = World::start((data, options.adapter), narrator).await?;
    if options.yourself {
        yourself::prepare(&world, narrator, options.adapter).await?;
        return Ok(world);
    }
    let told = match options.adapter {
        DemoAdapter::Reference => match Story::begin(&mut world, narrator, options.seed).await {
            Ok(story) => story.tell().await,
            Err(error) => Err(error),
        },
        DemoAdapter::ByHand => by_people(&mut world, narrator, &BY_HAND).await,
        DemoAdapter::Interworks => by_people(&mut world, narrator, &INTERWORKS).await,
    };
    match told {
        Ok(()) => Ok(world),
        Err(error) => {
            narrator.end_progress();
            narrator.line("\nThe operator's last lines:")?;
            narrator.line(&world.operator.tail())?;
            Err(error)
        }
    }
}

async fn by_people(
    world: &mut World,
    narrator: &mut Narrator<Stdout>,
    screens: &'static Screens,
) -> LocalResult<()> {
    let story = ScreensStory::begin(world, narrator, screens).await?;
    story.tell().await
}

/// Leaves everything running and says how to look at it.
fn keep(world: &World, narrator: &mut Narrator<Stdout>) -> LocalResult<()> {
    world.plane.supervisor().keep(&kept_file())?;
    let kubeconfig = world.plane.kubeconfig().display();
    let kubectl = world.plane.program("kubectl");
    let kubectl = kubectl.display();
    narrator.line("\nEverything is left running, until `make demo-stop`:")?;
    for line in [
        format!("export KUBECONFIG={kubeconfig}"),
        format!("{kubectl} get tru -A -o wide"),
        format!("{kubectl} describe tru -A"),
        format!("{kubectl} get upgradereports,resellerclaims -A"),
        format!("{kubectl} explain tru.spec.tenant.timeZone"),
    ] {
        narrator.line(&format!("  {line}"))?;
    }
    Ok(())
}
