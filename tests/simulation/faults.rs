//! What goes wrong, how often, and how often it did.
//!
//! A fault is drawn at a call, so that it falls where work is done and not into weeks of waiting.
//! Every one is counted where it is injected, not where it is drawn.

use std::collections::BTreeMap;
use std::time::Duration;

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
    /// Somebody else's calls come first, and this one waits for its turn.
    BssQueue,
    /// The API server does not answer: nothing was done.
    ApiUnavailable,
    /// The API server's reply is lost after the write.
    ApiReplyLost,
    /// A write takes effect late, after its sender has given it up.
    ApiWriteLate,
    /// Somebody else writes to the upgrade at the same moment.
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

/// Which faults a run may meet, from where on and how often, and how many of them did happen.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    active: Vec<Fault>,
    rng: Rng,
    left: u32,
    /// How often people act unasked.
    acts: u32,
    /// The call before which nothing goes wrong, if it was not made yet.
    quiet_until: Option<&'static str>,
    /// The call that is being made is the one with which things begin to go wrong.
    first: bool,
    fired: BTreeMap<Fault, u64>,
    /// Where they were injected, by call.
    struck: BTreeMap<(&'static str, Fault), u64>,
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
        }
    }

    /// Nothing goes wrong before this call.
    pub(crate) fn quiet_until(mut self, call: Option<&'static str>) -> Self {
        self.quiet_until = call;
        self
    }

    /// A call is about to be made.
    pub(crate) fn approach(&mut self, call: &'static str) {
        self.first = self.quiet_until == Some(call);
        if self.first {
            self.quiet_until = None;
        }
    }

    /// Whether one of `these` happens at this moment, once in `times` for each. A fault that the run
    /// names twice comes twice as often.
    pub(crate) fn draw(&mut self, these: &[Fault], times: u64) -> Option<Fault> {
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

    /// Whether somebody acts unasked at this moment.
    pub(crate) fn somebody_acts(&mut self) -> bool {
        let may = self.acts > 0 && self.quiet_until.is_none();
        let acts = may && self.active.contains(&Fault::PeopleAct) && self.rng.once_in(8);
        self.acts -= u32::from(acts);
        acts
    }

    /// A fault was injected.
    pub(crate) fn fired(&mut self, fault: Fault) {
        *self.fired.entry(fault).or_default() += 1;
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

    pub(crate) fn counts(&self) -> &BTreeMap<Fault, u64> {
        &self.fired
    }

    /// Nothing goes wrong from now on.
    pub(crate) fn end(&mut self) {
        self.left = 0;
        self.acts = 0;
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
    /// It arrives, and nobody hears of it.
    Unheard { malformed: bool },
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
