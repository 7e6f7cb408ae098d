//! Mistakes of a BSS, one at a time, for proofs that have to find each of them: promises that are
//! given and broken. A test asks for one at run time; nothing else ever sets it.

use super::world::World;

macro_rules! mistakes {
    ($($(#[doc = $doc:literal])+ $name:ident,)*) => {
        /// What the BSS does wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Wrong { $($(#[doc = $doc])+ $name,)* }

        impl Wrong {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            pub fn about(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+),)* }
            }
        }
    };
}

mistakes! {
    /// It takes epochs that are not the highest.
    TakesStaleEpochs,
    /// It makes a second tenant.
    MakesSecondTenant,
    /// It copies and updates whatever state a source is in.
    CopiesInactive,
    /// It copies what is not this reseller's, or is its own.
    CopiesAliens,
    /// It copies a purchase whose owner has no copy.
    CopiesBeforeCustomer,
    /// It copies under other pricing options than were checked.
    IgnoresPricing,
    /// It copies what does not fit the catalogue.
    IgnoresCatalogue,
    /// It copies although back ordering is on, and takes it for no sale.
    CopiesAfterSwitch,
    /// It copies into a tenant that is not Active.
    CopiesIntoSuspended,
    /// It copies the wrong quantity.
    CopiesWrongly,
    /// It makes a second copy of a source.
    CopiesTwice,
    /// It makes another copy of a source whose copy was ended.
    CopiesAgain,
    /// It brings an ended copy up to its source.
    UpdatesEnded,
    /// It overwrites a copy that the reseller amended.
    OverwritesAmendments,
    /// An update sets the reseller's own sell price anew.
    RewritesSellPrice,
    /// It overwrites pricing options that a person set.
    OverwritesPricing,
    /// It examines nothing before it switches.
    SwitchesBlindly,
    /// It switches a second time.
    SwitchesTwice,
    /// It marks nothing at the switch.
    SwitchMarksNothing,
    /// An update takes the mark of the account away.
    ForgetsMarks,
    /// A copy sends a welcome message to the customer.
    SendsMail,
    /// A copy places an order.
    PlacesOrders,
    /// A copy is provisioned at the vendor.
    Provisions,
}

impl World {
    /// Whether it makes this mistake.
    pub(super) fn does(&self, wrong: Wrong) -> bool {
        self.wrong == Some(wrong)
    }
}
