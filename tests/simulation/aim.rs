//! Seeds that say in their own digits what they aim at: faults, and the call and stage at which they
//! begin. A number with the highest bit set is one; every other seed is as it falls.

use tenant_reseller_operator::api::Phase;

use super::faults::{Beginning, Fault};
use super::port::Kind;

/// Every call that a process makes, with its kind; a new one goes to the end, for older seeds.
pub(crate) const CALLS: [(&str, Kind); 30] = [
    ("identity", Kind::BssRead),
    ("capabilities", Kind::BssRead),
    ("reseller", Kind::BssRead),
    ("acquire", Kind::BssWrite),
    ("tenant", Kind::BssRead),
    ("create tenant", Kind::BssWrite),
    ("operation", Kind::BssRead),
    ("customers", Kind::BssRead),
    ("subscriptions", Kind::BssRead),
    ("open orders", Kind::BssRead),
    ("copies", Kind::BssRead),
    ("find", Kind::BssRead),
    ("copy customers", Kind::BssWrite),
    ("pricing", Kind::BssRead),
    ("set pricing", Kind::BssWrite),
    ("check", Kind::BssRead),
    ("copy subscriptions", Kind::BssWrite),
    ("activate", Kind::BssWrite),
    ("get upgrade", Kind::ApiRead),
    ("get secret", Kind::ApiRead),
    ("get claim", Kind::ApiRead),
    ("list reports", Kind::ApiRead),
    ("create claim", Kind::ApiWrite),
    ("replace claim", Kind::ApiWrite),
    ("apply status", Kind::ApiWrite),
    ("apply connection status", Kind::ApiWrite),
    ("apply pricing status", Kind::ApiWrite),
    ("apply report", Kind::ApiWrite),
    ("delete report", Kind::ApiWrite),
    ("set finalizer", Kind::ApiWrite),
];

/// Every stage, in order.
pub(crate) const STAGES: [Phase; 8] = [
    Phase::Pending,
    Phase::TenantCreation,
    Phase::CustomerCopy,
    Phase::PricingGate,
    Phase::SubscriptionCopy,
    Phase::Activation,
    Phase::Verification,
    Phase::Done,
];

const AIMED: u64 = 1 << 63;
/// No call, any stage.
const ANY: u64 = 0xff;

/// What a seed aims at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Aim {
    /// One that is named twice comes for certain where it begins.
    pub(crate) faults: (Fault, Fault),
    pub(crate) beginning: Option<Beginning>,
}

impl Aim {
    /// What a seed aims at, if it aims at anything.
    pub(crate) fn of(seed: u64) -> Option<Self> {
        let part = |from: u32| usize::try_from((seed >> from) & 0xff).unwrap();
        if seed & AIMED == 0 {
            return None;
        }
        let fault = |number: usize| Fault::ALL[number % Fault::ALL.len()];
        let beginning = CALLS.get(part(39)).map(|(call, _)| Beginning {
            call,
            stage: STAGES.get(part(31)).copied(),
        });
        Some(Self {
            faults: (fault(part(55)), fault(part(47))),
            beginning,
        })
    }

    /// The seed that aims at this; many do, which differ in everything else.
    pub(crate) fn seed(&self, of_many: u64) -> u64 {
        let place = |found: Option<usize>| found.map_or(ANY, |at| u64::try_from(at).unwrap());
        let fault = |fault: Fault| place(Fault::ALL.iter().position(|f| *f == fault));
        let call = self.beginning.map(|beginning| beginning.call);
        let stage = self.beginning.and_then(|beginning| beginning.stage);
        let call = place(CALLS.iter().position(|(name, _)| Some(*name) == call));
        let stage = place(STAGES.iter().position(|of| Some(*of) == stage));
        AIMED
            | fault(self.faults.0) << 55
            | fault(self.faults.1) << 47
            | call << 39
            | stage << 31
            | (of_many & 0x7fff_ffff)
    }

    pub(crate) fn faults(&self) -> Vec<Fault> {
        vec![self.faults.0, self.faults.1]
    }
}

#[test]
fn a_seed_says_what_it_aims_at() {
    let there = Beginning {
        call: "operation",
        stage: Some(Phase::TenantCreation),
    };
    for beginning in [
        None,
        Some(there),
        Some(Beginning {
            stage: None,
            ..there
        }),
    ] {
        let aim = Aim {
            faults: (Fault::ClusterBack, Fault::PeopleAct),
            beginning,
        };
        assert_eq!(Aim::of(aim.seed(12_345)), Some(aim));
    }
    assert_eq!(Aim::of(73_105_605), None);
}
