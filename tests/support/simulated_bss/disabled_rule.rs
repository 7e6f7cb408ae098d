//! Judges that do not look: one kind of finding at a time is overlooked, for the tests of the
//! judges, which have to notice it. Armed for one thread, by tests of the judges alone.

use std::cell::Cell;

macro_rules! disabled_rules {
    ($($(#[doc = $doc:literal])+ $name:ident: $($of:literal)|+,)*) => {
        /// What a judge overlooks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum DisabledRule { $($(#[doc = $doc])+ $name,)* }

        impl DisabledRule {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            pub fn about(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+),)* }
            }

            /// What the findings that it overlooks have in them.
            fn of(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($of),+],)* }
            }
        }
    };
}

disabled_rules! {
    /// The ledgers are read for the first billing cycle only.
    SecondPeriod: "in period 2",
    /// Two copies of one source are fine.
    Duplicates: "CopiedTwice" | "DuplicateCopy",
    /// Messages to customers are not counted.
    Mails: "Mail:",
    /// What was marked once is not remembered.
    Marks: "MarkLost",
    /// The epoch of a write that took effect is not compared.
    StaleEpochs: "StaleEffect",
    /// What has no copy is not looked for.
    LostItems: "Lost:",
    /// A customer who is not charged does not complain.
    UnchargedCustomers: "CustomerNotCharged",
    /// A copy without a source is fine.
    Orphans: "Orphaned:",
    /// A charge is a charge, whatever its quantity.
    Quantities: "ChargedDifferently",
    /// What was cancelled may be charged.
    Cancellations: "ChargedAfterCancellation",
    /// The switch may come at any moment.
    Moment: "SwitchedTooEarly",
    /// Back ordering may be switched on twice.
    SecondSwitch: "SecondActivation",
    /// Provisionings at the vendor are not counted.
    Provisionings: "Provisioned",
    /// Orders are not counted.
    Orders: "Ordered",
    /// Customers of another reseller may be copied and charged.
    Aliens: "AlienCopy" | "AlienCharged",
    /// What the reseller set may be set anew.
    Amendments: "AmendmentOverwritten" | "ResellersFieldRewritten",
    /// Whatever state a source is in, it may be copied.
    InactiveSources: "InactiveCopy",
    /// A second tenant is fine.
    SecondTenants: "SecondTenant" | "TwoLiveTenants",
    /// What status says is not held against the BSS.
    Lies: "status does not tell the truth",
    /// Status is not held against the rules of kstatus.
    StatusRules: "status against its rules",
    /// A run that does not end is not told.
    Endlessness: "it does not end",
    /// What is sent while the upgrade is suspended is accepted.
    Suspensions: "while the upgrade is suspended",
    /// A write is accepted from a process that does not lead.
    Leases: "by a process that does not lead",
    /// The switch may be asked for on any revision.
    Expectations: "SwitchWithoutRevision",
    /// What is sent before a person has confirmed that the cluster went back is accepted.
    Confirmation: "before anybody confirmed",
}

thread_local! {
    static ARMED: Cell<Option<DisabledRule>> = const { Cell::new(None) };
}

/// Arms one for the present thread, or none.
pub fn arm(disabled_rule: Option<DisabledRule>) {
    ARMED.set(disabled_rule);
}

/// Whether a finding is overlooked.
pub fn overlooks(finding: &str) -> bool {
    let of = ARMED.get().map_or(&[][..], DisabledRule::of);
    of.iter()
        .any(|part| finding.starts_with(part) || finding.contains(&format!(" {part}")))
}
