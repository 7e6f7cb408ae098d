//! Ids, keys and numbers as the BSS or the operator made them: opaque, and never mixed up.

#![expect(
    missing_docs,
    reason = "an id of a thing says what it is by the name of the thing"
)]

use std::fmt;

macro_rules! text_id {
    ($(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub String);

        impl $name {
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    };
}

text_id!(
    /// An account in the distributor BSS: a reseller or one of its customers.
    AccountId
);
text_id!(TenantId);
text_id!(
    /// A source record in the distributor BSS: a customer, a subscription or an asset.
    SourceId
);
text_id!(
    /// A record in the reseller BSS.
    CopyId
);
text_id!(
    /// A permanent key, stored with what it made.
    BusinessKey
);
text_id!(
    /// A key of one request, for the two calls that must not be repeated blindly.
    RequestKey
);
text_id!(
    /// An opaque digest, made by the BSS or its adapter: equal digests mean equal fields, and nothing
    /// else can be read from one.
    Digest
);
text_id!(
    /// A position in the listing that gave it.
    Cursor
);
text_id!(
    /// An operation that runs on in the BSS after its call has returned.
    OperationId
);
text_id!(PriceListId);
text_id!(
    /// One attempt to acquire an epoch. No two attempts have the same.
    #[derive(Default)]
    AcquisitionId
);

/// A fencing epoch, issued by the BSS for one reseller. A later one is higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// The revision of a reseller's inventory: every change of it makes another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);
