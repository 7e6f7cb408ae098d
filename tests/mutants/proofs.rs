//! The proofs, as something that can be asked under a mutant.
//!
//! None of them counts what fails without the mutant too.

use std::time::{Duration, Instant};

use crate::directed::Directed;
use crate::harness::{Armed, Effort, Found, Proof, tried};
use crate::simulation::core::Strike;
use crate::simulation::faults::Fate;
use crate::simulation::kill_scenarios;
use crate::simulation::run::run;
use crate::simulation::scenario::Scenario;

/// What the judges of a run say first.
fn first(scenario: &Scenario, strikes: &[Strike]) -> Option<String> {
    match tried(|| run(scenario, strikes, false)) {
        Ok(record) => record.violations.into_iter().next(),
        Err(panic) => Some(panic),
    }
}

/// The first line, not too long.
pub(crate) fn short(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty());
    let line = line.unwrap_or_default().trim();
    if line.chars().count() <= 160 {
        return line.to_owned();
    }
    let cut: String = line.chars().take(157).collect();
    format!("{cut}...")
}

/// Runs of the simulator, from seed 1 on, of one kind of scenario.
pub(crate) fn simulation(
    kind: &'static str,
    build: impl Fn(u64) -> Scenario + Send + Sync + 'static,
) -> Proof {
    simulation_but(kind, build, |_| {})
}

/// The same; what `corrupt` does to a scenario is the mutant itself, and left out where it is shown
/// that all is well without.
pub(crate) fn simulation_but(
    kind: &'static str,
    build: impl Fn(u64) -> Scenario + Send + Sync + 'static,
    corrupt: impl Fn(&mut Scenario) + Send + Sync + 'static,
) -> Proof {
    Box::new(move |effort| {
        let (seeds, long) = match effort {
            Effort::Short => (60, Duration::from_secs(30)),
            Effort::Long => (400, Duration::from_secs(60)),
        };
        let began = Instant::now();
        for seed in 1..=seeds {
            if began.elapsed() > long {
                return None;
            }
            let whole = build(seed);
            let mut corrupted = whole.clone();
            corrupt(&mut corrupted);
            let Some(said) = first(&corrupted, &[]) else {
                continue;
            };
            if let Some(anyhow) = Armed::without(|| first(&whole, &[])) {
                // What fails without the mutant too proves nothing.
                if effort == Effort::Long {
                    println!(
                        "without any mutant: {kind}, seed {seed}: {}",
                        short(&anyhow)
                    );
                }
                continue;
            }
            return Some(Found {
                by: format!("simulation, {kind}, seed {seed}"),
                said: short(&said),
                by_judges_alone: false,
            });
        }
        None
    })
}

/// Directed cases, from seed 1 to `seeds`; what `corrupt` does is the mutant itself, and left out where
/// it is shown that the judges do not say the same without.
pub(crate) fn directed(
    kind: &'static str,
    seeds: u64,
    build: fn(u64) -> Directed,
    corrupt: impl Fn(&mut Scenario) + Send + Sync + 'static,
) -> Proof {
    Box::new(move |_| {
        (1..=seeds).find_map(|seed| {
            let (mut corrupted, strikes) = build(seed);
            corrupt(&mut corrupted);
            let said = first(&corrupted, &strikes)?;
            let rule = said.split(':').next().unwrap_or_default().to_owned();
            let anyhow = Armed::without(|| {
                let (whole, strikes) = build(seed);
                first(&whole, &strikes)
            });
            if anyhow.is_some_and(|anyhow| anyhow.starts_with(&rule)) {
                return None;
            }
            Some(Found {
                by: format!("directed run, {kind}"),
                said: short(&said),
                by_judges_alone: false,
            })
        })
    })
}

/// The operator killed at every call of the kill matrix's scenarios.
pub(crate) fn kill_matrix() -> Proof {
    Box::new(|effort| {
        let long = match effort {
            Effort::Short => Duration::from_secs(3),
            Effort::Long => Duration::from_secs(30),
        };
        let began = Instant::now();
        for case in kill_scenarios::all() {
            let (name, scenario) = (case.name, case.scenario);
            let calls = Armed::without(|| run(&scenario, &[], false)).calls;
            for at in 1..=calls {
                for fate in [
                    Fate::KilledAfter,
                    Fate::KilledBefore,
                    Fate::KilledAtReply,
                    Fate::KilledUntil(at + 20),
                ] {
                    if began.elapsed() > long {
                        return None;
                    }
                    let strikes = [Strike { at, fate }];
                    let Some(said) = first(&scenario, &strikes) else {
                        continue;
                    };
                    if Armed::without(|| first(&scenario, &strikes)).is_some() {
                        continue;
                    }
                    return Some(Found {
                        by: format!("kill matrix, {name}, {fate:?} at call {at}"),
                        said: short(&said),
                        by_judges_alone: false,
                    });
                }
            }
        }
        None
    })
}

/// The small world of this name, all of it.
pub(crate) fn model_check(name: &'static str) -> Proof {
    Box::new(move |_| {
        let all = crate::table::every();
        let configuration = all.iter().find(|each| each.name == name).unwrap();
        let explored = |most| {
            let mut model = configuration.model();
            tried(|| crate::explore::explore(&mut model, most))
        };
        let said = match explored(200_000) {
            Ok(Ok(_)) => return None,
            Ok(Err(wrong)) => wrong.wrong.join("; "),
            Err(panic) => panic,
        };
        let sound = Armed::without(|| matches!(explored(200_000), Ok(Ok(_))));
        if !sound {
            println!("without any mutant: the model check fails: {name}");
        }
        sound.then(|| Found {
            by: format!("model check, {name}"),
            said: short(&said),
            by_judges_alone: false,
        })
    })
}

/// A test of the judges that passes only if they catch a BSS that makes this very mistake for a
/// client that asks for it: the operator never does.
pub(crate) fn client(name: &'static str, body: fn()) -> Proof {
    Box::new(move |_| {
        tried(body).ok()?;
        Some(Found {
            by: format!("judges' test {name}"),
            said: "the operator never asks for it; a client that does is caught".to_owned(),
            by_judges_alone: true,
        })
    })
}

/// A test that fails.
pub(crate) fn test(name: &'static str, body: impl Fn() + Send + Sync + 'static) -> Proof {
    Box::new(move |_| {
        let said = tried(&body).err()?;
        Armed::without(|| tried(&body)).ok()?;
        Some(Found {
            by: name.to_owned(),
            said: short(&said),
            by_judges_alone: false,
        })
    })
}
