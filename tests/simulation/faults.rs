//! What goes wrong, how often, and how often it did.
//!
//! A fault is drawn at a call, so that it falls where work is done and not into weeks of waiting.
//! Every one is counted where it is injected, not where it is drawn.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tenant_reseller_operator::api::Phase;

use super::clockwork::Rng;

macro_rules! faults {
    ($($(#[doc = $doc:literal])* $name:ident),* $(,)?) => {
        /// Everything that may go wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Fault { $($(#[doc = $doc])* $name),* }

        impl Fault {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }
        }
    };
}

faults! {
    /// The BSS says 503, or refuses the connection: nothing was done.
    BssUnavailable,
    /// 429 without Retry-After.
    BssThrottled,
    /// 429 with Retry-After.
    BssThrottledUntil,
    /// The credentials are refused for this call.
    BssRejectsLogin,
    /// The request is lost on its way.
    BssRequestLost,
    /// The reply is lost after the effect.
    BssReplyLost,
    /// The request takes effect late, after its sender has given it up.
    BssRequestLate,
    /// The request arrives twice.
    BssRequestTwice,
    /// The reply is cut or breaks the contract.
    BssReplyMalformed,
    /// The reply takes most of the time that a call may take.
    BssReplySlow,
    /// The calls of other upgrades come first, and this one waits in the limiter's queue.
    BssQueue,
    /// The API server does not answer: nothing was done.
    ApiUnavailable,
    /// The API server's reply is lost after the write.
    ApiReplyLost,
    /// A write takes effect late, after its sender has given it up.
    ApiWriteLate,
    /// Another client writes to the upgrade at the same moment.
    ApiConflict,
    /// The watch lags by seconds.
    WatchLags,
    /// The watch is cut: nothing is seen for minutes, then everything is listed anew.
    WatchCut,
    /// The operator is killed: what is on its way arrives or does not.
    Killed,
    /// The operator is killed, and its last request takes effect minutes later.
    KilledLate,
    /// The operator stands still for minutes, and goes on as if nothing had been.
    Paused,
    /// The lease is lost in the middle, to another process.
    LeaseLost,
    /// Two processes believe that they lead.
    TwoLeaders,
    /// The wall clock jumps.
    ClockJumps,
    /// The cluster goes back to how it was some time ago.
    ClusterBack,
    /// The upgrade is deleted and applied again.
    Reapplied,
    /// The upgrade is deleted and applied under another name.
    Renamed,
    /// A second cluster works on the same reseller of the same BSS.
    AnotherCluster,
    /// A person suspends the upgrade and resumes it later.
    SuspendedMeanwhile,
    /// A person changes the spec.
    SpecChanged,
    /// People act on both sides meanwhile.
    PeopleAct,
}

/// What may happen to processes and to the cluster at any call.
pub(crate) const DISTURBANCES: [Fault; 10] = [
    Fault::Paused,
    Fault::LeaseLost,
    Fault::TwoLeaders,
    Fault::ClockJumps,
    Fault::ClusterBack,
    Fault::Reapplied,
    Fault::Renamed,
    Fault::AnotherCluster,
    Fault::SuspendedMeanwhile,
    Fault::SpecChanged,
];

/// The calls with which things may begin to go wrong: one of them in each run, so that faults fall
/// into every part of an upgrade and are not spent before anything was copied.
pub(crate) const BEGINNINGS: [&str; 11] = [
    "identity",
    "acquire",
    "create tenant",
    "copy customers",
    "pricing",
    "set pricing",
    "check",
    "copy subscriptions",
    "open orders",
    "find",
    "activate",
];

/// A call at a stage of the upgrade, as status showed it.
pub(crate) type Place = (&'static str, Phase);

/// Something that went wrong, or that a person did unasked, and where: a run is repeated from these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drawn {
    /// A fault, or one of the things that a run does once.
    pub(crate) what: &'static str,
    /// The call that was made last, and its number.
    pub(crate) call: (&'static str, u64),
    /// How often was asked what goes wrong since then.
    pub(crate) question: u32,
    /// What a person did.
    pub(crate) action: Option<&'static str>,
}

/// What a run does once, if it does it, besides faults.
pub(crate) const ONCE: [&str; 3] = ["BuysAtSwitch", "OrdersBeforeSwitch", "AppliedAgain"];

impl Drawn {
    /// As a word of a command.
    pub(crate) fn word(&self) -> String {
        format!("{}@{}.{}", self.what, self.call.1, self.question)
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        let (what, place) = word.trim().split_once('@')?;
        let (call, question) = place.split_once('.')?;
        let mut known = Fault::ALL.iter().map(|fault| fault.name()).chain(ONCE);
        Some(Self {
            what: known.find(|name| *name == what)?,
            call: ("", call.parse().ok()?),
            question: question.parse().ok()?,
            action: None,
        })
    }
}

/// Where things begin to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beginning {
    pub(crate) call: &'static str,
    /// At any stage, if none is named.
    pub(crate) stage: Option<Phase>,
}

/// Which faults a run may meet, from where on and how often, and how many of them did happen.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    active: Vec<Fault>,
    rng: Rng,
    left: u32,
    /// How often people act unasked.
    acts: u32,
    /// The call before which nothing goes wrong, if it was not made yet.
    quiet_until: Option<Beginning>,
    /// The call that is being made is the one with which things begin to go wrong.
    first: bool,
    fired: BTreeMap<Fault, u64>,
    /// Where they were injected, by call.
    struck: BTreeMap<(&'static str, Fault), u64>,
    /// The call that was made last, with its number and the stage.
    at: (&'static str, u64, Phase),
    /// What was drawn and did happen, in order.
    drawn: Vec<Drawn>,
    /// How often was asked what goes wrong since the last call.
    question: u32,
    /// What goes wrong, and nothing else, where a run is told.
    script: Option<Vec<Drawn>>,
    /// The calls that were made, by stage.
    calls: BTreeSet<Place>,
    /// Where the faults were injected.
    reached: BTreeSet<(Fault, Place)>,
}

impl Faults {
    /// The faults of a run; at most `left` of them fire, so that the run comes to its end.
    pub(crate) fn new(active: Vec<Fault>, rng: Rng, left: u32) -> Self {
        Self {
            active,
            rng,
            left,
            acts: left,
            quiet_until: None,
            first: false,
            fired: BTreeMap::new(),
            struck: BTreeMap::new(),
            at: ("", 0, Phase::Pending),
            drawn: Vec::new(),
            question: 0,
            script: None,
            calls: BTreeSet::new(),
            reached: BTreeSet::new(),
        }
    }

    /// Nothing goes wrong before this call.
    pub(crate) fn quiet_until(mut self, beginning: Option<Beginning>) -> Self {
        self.quiet_until = beginning;
        self
    }

    /// This goes wrong and nothing else, each as soon as it can where it did.
    pub(crate) fn told(mut self, script: Option<&Vec<Drawn>>) -> Self {
        self.script = script.cloned();
        self
    }

    /// A call is about to be made.
    pub(crate) fn approach(&mut self, number: u64, call: &'static str, stage: Phase) {
        self.at = (call, number, stage);
        self.question = 0;
        self.calls.insert((call, stage));
        self.first = self.quiet_until.is_some_and(|beginning| {
            beginning.call == call && beginning.stage.is_none_or(|of| of == stage)
        });
        if self.first {
            self.quiet_until = None;
        }
    }

    /// Something happens.
    fn note(&mut self, what: &'static str) {
        self.drawn.push(Drawn {
            what,
            call: (self.at.0, self.at.1),
            question: self.question,
            action: None,
        });
    }

    /// The first of what is told that is due and among `these`.
    fn due(&mut self, these: &[Fault]) -> Option<Fault> {
        let now = (self.at.1, self.question);
        let script = self.script.as_mut()?;
        let due = |drawn: &Drawn| (drawn.call.1, drawn.question) <= now;
        let named = |drawn: &Drawn| these.iter().find(|fault| fault.name() == drawn.what);
        let at = script
            .iter()
            .position(|drawn| due(drawn) && named(drawn).is_some())?;
        named(&script.remove(at)).copied()
    }

    /// Whether the run does what it does once.
    pub(crate) fn happens(&mut self, what: &'static str) -> bool {
        let script = self.script.as_ref();
        let happens = script.is_none_or(|script| script.iter().any(|drawn| drawn.what == what));
        if happens {
            self.note(what);
        }
        happens
    }

    /// What a person did unasked.
    pub(crate) fn acted(&mut self, action: &'static str) {
        if let Some(last) = self.drawn.last_mut() {
            last.action = Some(action);
        }
    }

    /// Whether one of `these` happens at this moment, once in `times` for each. A fault that the run
    /// names twice comes twice as often.
    pub(crate) fn draw(&mut self, these: &[Fault], times: u64) -> Option<Fault> {
        self.question += 1;
        let drawn = if self.script.is_some() {
            self.due(these)
        } else {
            self.chance(these, times)
        };
        if let Some(fault) = drawn {
            self.note(fault.name());
        }
        drawn
    }

    fn chance(&mut self, these: &[Fault], times: u64) -> Option<Fault> {
        if self.left == 0 || self.quiet_until.is_some() {
            return None;
        }
        // Where many kinds may strike, each does more rarely, so that they spread over the run. The
        // first chance is a good one: some calls are made once in a run.
        let kinds = these.iter().filter(|fault| self.active.contains(fault));
        let kinds = u64::try_from(kinds.count()).unwrap_or(1);
        let times = if self.first {
            times.min(2)
        } else {
            times * (kinds / 3).max(1)
        };
        // Any of them may come first.
        let from = usize::try_from(self.rng.below(these.len().max(1) as u64)).unwrap();
        for fault in these.iter().cycle().skip(from).take(these.len()) {
            let named = self.active.iter().filter(|active| *active == fault);
            let often = u64::try_from(named.count()).unwrap_or(1);
            if often > 0 && self.rng.once_in((times / often).max(1)) {
                self.left -= 1;
                return Some(*fault);
            }
        }
        None
    }

    /// Whether a run may meet this fault.
    pub(crate) fn may(&self, fault: Fault) -> bool {
        self.active.contains(&fault)
    }

    /// Whether a person acts unasked at this moment.
    pub(crate) fn a_person_acts(&mut self) -> bool {
        self.question += 1;
        if self.script.is_some() {
            let acts = self.due(&[Fault::PeopleAct]).is_some();
            if acts {
                self.note(Fault::PeopleAct.name());
            }
            return acts;
        }
        let may = self.acts > 0 && self.quiet_until.is_none();
        let acts = may && self.active.contains(&Fault::PeopleAct) && self.rng.once_in(8);
        self.acts -= u32::from(acts);
        if acts {
            self.note(Fault::PeopleAct.name());
        }
        acts
    }

    /// A fault was injected.
    pub(crate) fn fired(&mut self, fault: Fault) {
        *self.fired.entry(fault).or_default() += 1;
        self.reached.insert((fault, (self.at.0, self.at.2)));
    }

    /// A fault was injected into this call.
    pub(crate) fn struck(&mut self, call: &'static str, fault: Fault) {
        self.fired(fault);
        *self.struck.entry((call, fault)).or_default() += 1;
    }

    /// Which calls were struck by what.
    pub(crate) fn strikes(&self) -> &BTreeMap<(&'static str, Fault), u64> {
        &self.struck
    }

    /// What was drawn and did happen.
    pub(crate) fn drawn(&self) -> &[Drawn] {
        &self.drawn
    }

    /// The calls that were made, by stage, and the faults that struck there.
    pub(crate) fn places(&self) -> (&BTreeSet<Place>, &BTreeSet<(Fault, Place)>) {
        (&self.calls, &self.reached)
    }

    pub(crate) fn counts(&self) -> &BTreeMap<Fault, u64> {
        &self.fired
    }

    /// Nothing goes wrong from now on.
    pub(crate) fn end(&mut self) {
        self.left = 0;
        self.acts = 0;
        if let Some(script) = &mut self.script {
            script.retain(|drawn| ONCE.contains(&drawn.what));
        }
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrives, and its reply comes back.
    Fine { back: Duration },
    /// It is not taken.
    Refused(Fault),
    /// It never arrives.
    Lost,
    /// It arrives, and its reply is lost.
    ReplyLost { malformed: bool },
    /// It arrives so late.
    Late(Duration),
    /// It arrives twice.
    Twice(Duration),
    /// The caller is killed before it is sent.
    KilledBefore,
    /// The caller is killed when it has taken effect.
    KilledAfter,
    /// The caller is killed when the reply has come and before it does anything else.
    KilledAtReply,
    /// The caller is killed, and it takes effect so late.
    KilledLate(Duration),
    /// The caller is killed, and it takes effect when so many calls were made.
    KilledUntil(u64),
}
