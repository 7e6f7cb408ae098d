//! Whole upgrades at several sizes: the careful client beside the operator, and how their cost grows.

use crate::local::bench::careful::Order;
use crate::local::bench::figures::{ratio, writes};
use crate::local::bench::measured::{Measured, Table, mebibytes, rounded};
use crate::local::bench::stage::{Load, Stage, account};
use crate::local::bench::statistics::exponent;
use crate::local::bench::upgrade::{self, COPY};
use crate::local::bench::{Bench, Teller};
use crate::local::error::LocalResult;

/// Who takes resellers through the four phases.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Careful(Order),
    /// The operator of the stage with this number.
    Operator(usize),
}

/// What is to be upgraded, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Case {
    items: u32,
    batch: u16,
    latency_ms: u16,
}

impl Case {
    fn load(self, who: &str) -> Load {
        let name = format!("{who}-{}-{}-{}", self.items, self.batch, self.latency_ms);
        Load::new(name, self.items)
            .batch(self.batch)
            .latency_ms(self.latency_ms)
    }

    fn named(self, what: &str) -> String {
        format!(
            "{what}: {} items, batches of {}, {} ms",
            self.items, self.batch, self.latency_ms
        )
    }
}

/// What one whole upgrade took.
struct Cost {
    who: Who,
    case: Case,
    seconds: f64,
    calls: f64,
    /// Peak, in KiB.
    memory: u32,
    /// Calls that copy no subscription; only the operator tells its calls by kind.
    other_calls: Option<f64>,
    /// Writes to the API server without the lease's, and the lease's, which go by time.
    writes: Option<(u32, u32)>,
}

/// All cases by everyone.
pub(in crate::local::bench) async fn run(bench: &mut Bench<'_>) -> LocalResult<Measured> {
    let mut costs: Vec<Cost> = Vec::new();
    for case in cases(bench) {
        bench.teller.step(&case.named("whole upgrades"))?;
        let Some(first) = bench.stages.first() else {
            break;
        };
        for order in orders(case) {
            costs.push(careful(first, case, order, &mut bench.teller).await?);
        }
        for (number, stage) in bench.stages.iter().enumerate() {
            costs.push(operator(stage, number, case, &mut bench.teller).await?);
        }
    }
    let names: Vec<String> = bench.stages.iter().map(Stage::operator_name).collect();
    Ok(told(&costs, &names))
}

fn cases(bench: &Bench<'_>) -> Vec<Case> {
    let scale = &bench.scale;
    let mut cases = Vec::new();
    for &latency_ms in &scale.latencies_ms {
        for &batch in &scale.batches {
            for &items in &scale.sizes {
                // One by one and far away, 50,000 items take a quarter of an hour each.
                let calls = items.checked_div(u32::from(batch)).unwrap_or(items);
                if calls <= scale.most_batches {
                    cases.push(Case {
                        items,
                        batch,
                        latency_ms,
                    });
                }
            }
        }
    }
    cases
}

/// With batches of 1 both orders take the same time but for a few pages.
fn orders(case: Case) -> Vec<Order> {
    if case.batch > 1 {
        vec![Order::PhaseByPhase, Order::Overlapped]
    } else {
        vec![Order::Overlapped]
    }
}

async fn careful(
    stage: &Stage,
    case: Case,
    order: Order,
    teller: &mut Teller<'_>,
) -> LocalResult<Cost> {
    let load = case.load(order.argument());
    let bss = stage.bss(&load).await?;
    let took = stage.careful(&bss, &load, order).await?;
    upgrade::judged(&bss.control, &account(0)).await?;
    teller.fact(&format!(
        "careful client, {}: {:.2} s, {} calls (tenant {:.2}, checked {:.2}, copied {:.2}, read again {:.2})",
        order.argument(),
        took.activated,
        took.calls,
        took.tenant,
        took.checked,
        took.copied,
        took.read_again,
    ))?;
    Ok(Cost {
        who: Who::Careful(order),
        case,
        seconds: took.activated,
        calls: f64::from(took.calls),
        memory: took.peak_kib,
        other_calls: None,
        writes: None,
    })
}

async fn operator(
    stage: &Stage,
    number: usize,
    case: Case,
    teller: &mut Teller<'_>,
) -> LocalResult<Cost> {
    let load = case.load("operator");
    let before = stage.api_server_log()?.len();
    let done = upgrade::run(stage, &load, teller).await?;
    let log = stage.api_server_log()?;
    let written = writes(log.get(before..).unwrap_or_default());
    let lease = written.get("leases").copied().unwrap_or(0);
    let all = written.values().copied().fold(0, u32::saturating_add);
    let copy_calls = done.calls.by_operation.get(COPY).copied();
    Ok(Cost {
        who: Who::Operator(number),
        case,
        seconds: done.seconds,
        calls: done.calls.total(),
        memory: done.memory,
        other_calls: Some(done.calls.total() - copy_calls.unwrap_or(0.0)),
        writes: Some((all.saturating_sub(lease), lease)),
    })
}

fn name(who: Who, operators: &[String]) -> String {
    match who {
        Who::Careful(Order::PhaseByPhase) => "careful client, phase by phase".to_owned(),
        Who::Careful(Order::Overlapped) => "careful client".to_owned(),
        Who::Operator(number) => operators.get(number).cloned().unwrap_or_default(),
    }
}

fn told(costs: &[Cost], operators: &[String]) -> Measured {
    let mut measured = Measured::default();
    let mut whole = Table::new(
        "items | batch | latency | who | whole upgrade | of the careful client's \
         | of the one phase by phase | BSS calls | per 1,000 items | peak memory",
    );
    let mut kept = Table::new(
        "items | batch | latency | who | Kubernetes writes | per 1,000 items | lease writes \
         | BSS calls that copy no subscription",
    );
    for cost in costs {
        let beside = |order| {
            let same = |other: &&Cost| other.case == cost.case && other.who == Who::Careful(order);
            let other = costs.iter().find(same)?;
            Some(ratio(cost.seconds, other.seconds))
        };
        let shown = |order| beside(order).map_or("-".to_owned(), |share| format!("{share:.2}"));
        let per_thousand = |count: f64| ratio(count * 1000.0, f64::from(cost.case.items));
        let case = [
            cost.case.items.to_string(),
            cost.case.batch.to_string(),
            format!("{} ms", cost.case.latency_ms),
            name(cost.who, operators),
        ];
        let mut cells = case.to_vec();
        cells.extend([
            format!("{:.2} s", cost.seconds),
            shown(Order::Overlapped),
            shown(Order::PhaseByPhase),
            format!("{:.0}", cost.calls),
            format!("{:.1}", per_thousand(cost.calls)),
            mebibytes(cost.memory),
        ]);
        whole.row(cells);
        if let (Some((written, lease)), Some(other_calls)) = (cost.writes, cost.other_calls) {
            let mut cells = case.to_vec();
            cells.extend([
                written.to_string(),
                format!("{:.2}", per_thousand(f64::from(written))),
                lease.to_string(),
                format!("{other_calls:.0}"),
            ]);
            kept.row(cells);
            measured.figure(&cost.case.named("seconds"), cost.seconds);
            measured.figure(&cost.case.named("calls"), cost.calls);
            measured.figure(
                &cost.case.named("peak MiB"),
                f64::from(cost.memory) / 1024.0,
            );
        }
    }
    measured.table(whole);
    measured.table(kept);
    measured.table(growth(costs, operators));
    measured
}

/// The exponents by which time, calls and memory grow with the items, where there are sizes enough.
fn growth(costs: &[Cost], operators: &[String]) -> Table {
    let mut table = Table::new("who | batch | latency | time | BSS calls | peak memory");
    let mut seen: Vec<(Who, u16, u16)> = Vec::new();
    for cost in costs {
        let key = (cost.who, cost.case.batch, cost.case.latency_ms);
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let alike = |other: &&Cost| (other.who, other.case.batch, other.case.latency_ms) == key;
        let of = |value: fn(&Cost) -> f64| {
            let points: Vec<(f64, f64)> = costs
                .iter()
                .filter(alike)
                .map(|cost| (f64::from(cost.case.items), value(cost)))
                .collect();
            exponent(&points)
        };
        let exponents = [
            of(|cost| cost.seconds),
            of(|cost| cost.calls),
            of(|cost| f64::from(cost.memory)),
        ];
        if exponents.iter().all(Option::is_some) {
            let mut cells = vec![
                name(cost.who, operators),
                cost.case.batch.to_string(),
                format!("{} ms", cost.case.latency_ms),
            ];
            cells.extend(exponents.into_iter().flatten().map(rounded));
            table.row(cells);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(who: Who, items: u32, seconds: f64) -> Cost {
        Cost {
            who,
            case: Case {
                items,
                batch: 100,
                latency_ms: 50,
            },
            seconds,
            calls: f64::from(items) / 25.0,
            memory: 20 * 1024,
            other_calls: (who == Who::Operator(0)).then_some(30.0),
            writes: (who == Who::Operator(0)).then_some((37, 4)),
        }
    }

    #[test]
    fn the_operator_stands_beside_both_orders_of_the_client() {
        let costs = [
            cost(Who::Careful(Order::PhaseByPhase), 1000, 4.0),
            cost(Who::Careful(Order::Overlapped), 1000, 2.0),
            cost(Who::Operator(0), 1000, 3.0),
            cost(Who::Operator(0), 10_000, 30.0),
        ];
        let text = told(&costs, &["the operator".to_owned()]).text(None);
        for row in [
            "| 1000 | 100 | 50 ms | careful client, phase by phase | 4.00 s | 2.00 | 1.00 | 40 | 40.0 | 20.0 MiB |",
            "| 1000 | 100 | 50 ms | the operator | 3.00 s | 1.50 | 0.75 | 40 | 40.0 | 20.0 MiB |",
            "| 10000 | 100 | 50 ms | the operator | 30.00 s | - | - | 400 | 40.0 | 20.0 MiB |",
            "| 1000 | 100 | 50 ms | the operator | 37 | 37.00 | 4 | 30 |",
            "| the operator | 100 | 50 ms | 1.000 | 1.000 | 0.000 |",
        ] {
            assert!(text.contains(row), "{row} is missing in:\n{text}");
        }
        // One size has no exponent.
        assert!(
            !text.contains("| careful client | 100 | 50 ms | 1"),
            "{text}"
        );
    }
}
