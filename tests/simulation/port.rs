//! How a call of a process reaches the world, or does not.

use std::sync::Arc;
use std::time::Duration;

use tenant_reseller_operator::bss::port::{Keys, Strength};

use super::clockwork::call;
use super::core::{Core, Pid, Shared, TIMEOUT};
use super::faults::{Fate, Fault};
use super::played::Written;

/// One process's access to the world.
#[derive(Clone)]
pub(crate) struct Port {
    pub(crate) shared: Shared,
    pub(crate) pid: Pid,
}

/// Which side a call goes to, and whether it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    BssRead,
    BssWrite,
    ApiRead,
    ApiWrite,
}

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// It was refused with this fault; nothing was done.
    Refused(Fault),
    /// The caller does not learn what became of it.
    Unknown,
    /// The reply made no sense.
    Malformed,
}

/// What a call does to the world when it arrives.
pub(crate) type Action<R> = Arc<dyn Fn(&mut Core) -> R + Send + Sync>;

impl Port {
    /// Makes a call: it is sent at once and arrives after a while, as its fate wants.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each fate, which belong side by side"
    )]
    pub(crate) async fn ask<R: Send + std::fmt::Debug + 'static>(
        &self,
        kind: Kind,
        name: &'static str,
        action: Action<R>,
        silence: impl Fn(Silence) -> R + Send + Sync + 'static,
    ) -> R {
        let pid = self.pid;
        let (answer, reply) = call();
        {
            let mut core = self.shared.lock();
            let core = &mut *core;
            if !core.machines[pid].alive {
                drop(answer);
            } else if core.machines[pid].doomed {
                core.kill(pid);
            } else {
                core.calls += 1;
                // Held against what it could know: what happens in this very moment comes after.
                core.judge_suspension(name, kind);
                core.judge_lease(pid, name, kind);
                core.judge_aftermath(pid, name, kind);
                let fate = core.fate(pid, name, kind);
                let number = core.calls;
                if matches!(kind, Kind::BssWrite | Kind::ApiWrite) {
                    core.writes.push(Written { number, kind, name });
                }
                core.say(|| format!("p{pid} {number} {name} {}", told(fate)));
                let unconfirmed = core.unconfirmed.is_some_and(|(cluster, since)| {
                    cluster == core.machines[pid].cluster
                        && core.now().saturating_sub(since) > Duration::from_millis(200)
                });
                let irreversible = matches!(name, "activate" | "create tenant");
                let there = core
                    .rng
                    .between(Duration::from_millis(1), Duration::from_millis(30));
                let arrives = {
                    let (answer, action) = (answer.clone(), Arc::clone(&action));
                    move |core: &mut Core, back: Option<Duration>| {
                        let result = action(core);
                        // One whose epoch is an old one is sent in vain. Where resource versions come
                        // again after a restore, its sender may have written over the record.
                        if unconfirmed
                            && irreversible
                            && !format!("{result:?}").contains("StaleEpoch")
                        {
                            core.broken(format!(
                                "{name} was sent before anybody confirmed that the cluster went back"
                            ));
                        }
                        core.arrived(number, name, kind, &result);
                        if let Some(back) = back {
                            core.agenda.after(back, move |core| {
                                core.hear(pid, move |_| answer.give(result));
                            });
                        }
                    }
                };
                let unanswered = move |core: &mut Core, silent| {
                    let value = silence(silent);
                    core.agenda.after(TIMEOUT, move |core| {
                        core.hear(pid, move |_| answer.give(value));
                    });
                };
                match fate {
                    Fate::Fine { back } => {
                        core.agenda
                            .after(there, move |core| arrives(core, Some(back)));
                    }
                    Fate::Refused(_) | Fate::Lost | Fate::KilledBefore => {
                        let silent = match fate {
                            Fate::Refused(fault) => Silence::Refused(fault),
                            _ => Silence::Unknown,
                        };
                        unanswered(core, silent);
                        if fate == Fate::KilledBefore {
                            core.kill(pid);
                        }
                    }
                    Fate::ReplyLost { malformed } => {
                        core.agenda.after(there, move |core| arrives(core, None));
                        unanswered(
                            core,
                            if malformed {
                                Silence::Malformed
                            } else {
                                Silence::Unknown
                            },
                        );
                    }
                    Fate::Late(late) | Fate::KilledLate(late) => {
                        core.unawaited += 1;
                        core.agenda.after(late, move |core| {
                            core.unawaited -= 1;
                            arrives(core, None);
                        });
                        unanswered(core, Silence::Unknown);
                        if let Fate::KilledLate(_) = fate {
                            core.kill(pid);
                        }
                    }
                    Fate::KilledUntil(call) => {
                        core.unawaited += 1;
                        core.hold(call, kind, move |core| {
                            core.unawaited -= 1;
                            core.landing = Some(number);
                            arrives(core, None);
                            core.landing = None;
                        });
                        core.kill(pid);
                    }
                    Fate::Twice(again) => {
                        let second = arrives.clone();
                        let back = Duration::from_millis(5);
                        core.agenda
                            .after(there, move |core| arrives(core, Some(back)));
                        core.unawaited += 1;
                        core.agenda.after(there + again, move |core| {
                            core.unawaited -= 1;
                            second(core, None);
                        });
                    }
                    Fate::KilledAfter => {
                        core.agenda.after(there, move |core| {
                            arrives(core, None);
                            core.kill(pid);
                        });
                    }
                    Fate::KilledAtReply => {
                        core.agenda.after(there, move |core| {
                            // Marked before the reply is heard: what it does next kills it.
                            core.agenda.after(Duration::from_millis(5), move |core| {
                                core.machines[pid].doomed = true;
                            });
                            arrives(core, Some(Duration::from_millis(5)));
                            // It may have nothing to ask for a while.
                            core.agenda.after(Duration::from_millis(6), move |core| {
                                core.kill(pid);
                            });
                        });
                    }
                }
            }
        }
        reply.await
    }
}

fn told(fate: Fate) -> String {
    match fate {
        Fate::Fine { .. } => String::new(),
        other => format!("{other:?}"),
    }
}

impl Core {
    /// A reply reaches a process that is alive and not standing still.
    pub(crate) fn hear(&mut self, pid: Pid, give: impl FnOnce(&mut Self) + Send + 'static) {
        let (machine, now) = (&self.machines[pid], self.now());
        if !machine.alive {
            return;
        }
        if machine.still_until > now {
            let wait = machine.still_until.saturating_sub(now);
            self.agenda.after(wait, move |core| core.hear(pid, give));
            return;
        }
        give(self);
    }

    fn arrived<R: std::fmt::Debug>(
        &mut self,
        number: u64,
        name: &'static str,
        kind: Kind,
        result: &R,
    ) {
        if self.trace.is_some() {
            let mut text = format!("{result:?}");
            if text.len() > 900 {
                text = text.chars().take(900).collect();
            }
            self.say(|| format!("   {number} {name} -> {text}"));
        }
        self.has_landed(name, kind, result);
        if kind == Kind::BssWrite {
            *self.effects.entry(name).or_default() += 1;
            self.judge();
        }
    }

    /// The judges look, after everything that may have changed the BSS.
    pub(crate) fn judge(&mut self) {
        for violation in self.world.violations_now() {
            self.broken(violation);
        }
    }

    /// What becomes of the next call.
    fn fate(&mut self, pid: Pid, name: &'static str, kind: Kind) -> Fate {
        let fine = Fate::Fine {
            back: self
                .rng
                .between(Duration::from_millis(1), Duration::from_millis(20)),
        };
        let now = self.calls;
        self.suspends_unseen();
        if let Some(strike) = self.strikes.iter().find(|strike| strike.at == now) {
            return match (strike.fate, kind) {
                // What only reads does nothing late.
                (Fate::KilledLate(_) | Fate::KilledUntil(_), Kind::BssRead | Kind::ApiRead) => {
                    Fate::KilledBefore
                }
                (fate, _) => fate,
            };
        }
        self.faults.approach(now, name, self.stage());
        self.disturb(pid);
        let Some(fault) = self.faults.draw(faults_of(kind), 12) else {
            return fine;
        };
        self.faults.struck(name, fault);
        let api = matches!(kind, Kind::ApiRead | Kind::ApiWrite);
        let late = |core: &mut Self| {
            // An API server bounds its writes to about a minute.
            let most = if api { TIMEOUT * 2 } else { core.latest() };
            core.rng.between(TIMEOUT, most)
        };
        match fault {
            Fault::BssRequestLost => Fate::Lost,
            Fault::BssReplyLost | Fault::ApiReplyLost => Fate::ReplyLost { malformed: false },
            Fault::BssReplyMalformed => Fate::ReplyLost { malformed: true },
            Fault::BssRequestLate | Fault::ApiWriteLate => Fate::Late(late(self)),
            Fault::BssRequestTwice => {
                let again = late(self);
                Fate::Twice(again)
            }
            Fault::BssReplySlow => Fate::Fine {
                back: TIMEOUT.saturating_sub(Duration::from_secs(1)),
            },
            Fault::KilledLate => Fate::KilledLate(late(self)),
            Fault::Killed => {
                *self
                    .rng
                    .one_of(&[Fate::KilledBefore, Fate::KilledAfter, Fate::KilledAtReply])
            }
            other => Fate::Refused(other),
        }
    }

    /// How late a request may take effect: where no key protects, as late as the connection says.
    pub(crate) fn latest(&self) -> Duration {
        let promises = self.world.switches.promises;
        // Where these three hold, the BSS itself refuses what comes too late.
        let refused = promises.keys == Keys::Unique
            && promises.epochs == Strength::Strong
            && promises.off_guard == Strength::Strong;
        if refused {
            Duration::from_hours(2)
        } else {
            // The sender gives up after its time-out; from then on the settling time counts.
            super::scenario::SETTLE
        }
    }
}

pub(crate) fn faults_of(kind: Kind) -> &'static [Fault] {
    match kind {
        Kind::BssRead => &[
            Fault::BssUnavailable,
            Fault::BssThrottled,
            Fault::BssThrottledUntil,
            Fault::BssRejectsLogin,
            Fault::BssRequestLost,
            Fault::BssReplyMalformed,
            Fault::BssReplySlow,
            Fault::Killed,
        ],
        Kind::BssWrite => &[
            Fault::BssUnavailable,
            Fault::BssThrottled,
            Fault::BssThrottledUntil,
            Fault::BssRejectsLogin,
            Fault::BssRequestLost,
            Fault::BssReplyLost,
            Fault::BssRequestLate,
            Fault::BssRequestTwice,
            Fault::BssReplyMalformed,
            Fault::BssReplySlow,
            Fault::Killed,
            Fault::KilledLate,
        ],
        Kind::ApiRead => &[Fault::ApiUnavailable, Fault::Killed],
        Kind::ApiWrite => &[
            Fault::ApiUnavailable,
            Fault::ApiReplyLost,
            Fault::ApiWriteLate,
            Fault::Killed,
            Fault::KilledLate,
        ],
    }
}
