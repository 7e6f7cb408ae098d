//! The calls of a sweep, as a pipeline. Each answer is taken in as it arrives, `decide` is asked again, and
//! what it decides on joins the calls that are under way. Touches the BSS and what is known; what has to
//! stand on record comes before, in `record`.
//!
//! The pipeline ends when something else than another call comes next: a call failed, the sweep is over,
//! the record has to be written, the time slice is over or the upgrade is not wanted any more. It begins
//! no call from then on, waits for those under way, and hands out what is left to be taken in.

use futures::stream::{FuturesUnordered, StreamExt};

use super::context::{Context, Scope, Time};
use super::object;
use super::perform::{Caller, Performer};
use super::record::{self, Recorded};
use crate::bss::port::{Bss, Operation};
use crate::cluster::port::Cluster;
use crate::upgrade::{Outcome, SweepCall, SweepMode, decide};

/// Whether another call may join those under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joins {
    Yes,
    No,
}

/// Makes the calls and those that follow. Answers with the outcomes that were not taken in yet.
pub(super) async fn run<C: Cluster, T: Time, B: Bss>(
    context: &Context<C, T>,
    scope: &mut Scope<'_, B>,
    first: Recorded<Vec<SweepCall>>,
) -> Vec<Outcome> {
    let upgrade = object::without_status(&scope.upgrade);
    let (began, turn) = (scope.began, scope.turn);
    let (premises, fetched) = (scope.premises(), scope.fetched);
    let go_on = || !context.slice_is_over(began, turn) && context.is_wanted(&upgrade, premises);
    let caller = Caller::of(scope, context.cluster.installation());
    let bss = Performer {
        bss: &*fetched.bss,
        caller: &caller,
        go_on: &go_on,
    };
    let mut under_way = FuturesUnordered::new();
    let goes_out = |scope: &mut Scope<'_, B>, calls: Recorded<Vec<SweepCall>>| {
        let calls = calls.into_inner();
        scope.entry.known.sweeps.begins(&calls);
        calls
    };
    under_way.extend(
        goes_out(scope, first)
            .into_iter()
            .map(|call| bss.call(call)),
    );
    let (mut joins, mut left) = (Joins::Yes, Vec::new());
    while let Some(outcome) = under_way.next().await {
        let Some(outcome) = outcome else {
            joins = Joins::No;
            continue;
        };
        let one = std::slice::from_ref(&outcome);
        record::count(writes(scope), one, &context.metrics);
        if joins == Joins::No || outcome.failed() {
            joins = Joins::No;
            left.push(outcome);
            continue;
        }
        record::one_of_many(scope, outcome, context.time.now());
        match next(context, scope).filter(|_| go_on()) {
            Some(calls) => {
                under_way.extend(
                    goes_out(scope, calls)
                        .into_iter()
                        .map(|call| bss.call(call)),
                );
            }
            None => joins = Joins::No,
        }
    }
    left
}

/// The calls that join those under way; none if something else comes next.
fn next<C: Cluster, T: Time, B>(
    context: &Context<C, T>,
    scope: &Scope<'_, B>,
) -> Option<Recorded<Vec<SweepCall>>> {
    let decision = decide(scope.valid, &scope.entry.known, context.time.now());
    record::more_calls(scope, decision.effect?, &decision.state)
}

/// The operation by which the sweep writes: a check sets default options, the others copy.
fn writes<B>(scope: &Scope<'_, B>) -> Option<Operation> {
    let sweep = scope.entry.known.sweeps.current.as_ref()?;
    Some(match sweep.mode {
        SweepMode::Check => Operation::SetPricing,
        SweepMode::Copy
        | SweepMode::Pricing
        | SweepMode::Final
        | SweepMode::Last
        | SweepMode::Verify => sweep.listing().copied_by().operation(),
    })
}
