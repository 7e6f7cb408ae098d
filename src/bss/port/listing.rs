//! What is listed page by page: the sources, their orders, and the copies.

#![expect(
    missing_docs,
    reason = "most fields and variants say by their name what they are"
)]

use super::capabilities::WriteOperation;
use super::ids::{AccountId, BusinessKey, CopyId, Cursor, Digest, Revision, SourceId, TenantId};

/// A page of a listing, ordered by immutable id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page begins; none on the last page.
    pub next: Option<Cursor>,
    /// The revision of the inventory, where the BSS has one.
    pub revision: Option<Revision>,
}

/// Which page is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageRequest {
    /// Where the page begins; none for the first page.
    pub cursor: Option<Cursor>,
    /// The most items that the page may hold.
    pub limit: u16,
    /// Whether the adapter may serve what it remembers.
    pub freshness: Freshness,
}

/// How old the records of a page may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Freshness {
    /// Everything is read from the BSS.
    Fresh,
    /// What the BSS says has not changed since may be served from memory.
    Remembered,
}

/// Whether the provisioning sync of an account is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sync {
    Synced,
    NotSynced,
    /// The BSS does not show it.
    Unseen,
}

/// Whether a record is marked as a back-ordering record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    Marked,
    Unmarked,
    /// The BSS does not show it.
    Unseen,
}

/// A customer of the reseller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Customer {
    pub id: SourceId,
    /// The account that is invoiced for the customer.
    pub bill_to: AccountId,
    pub sync: Sync,
    pub mark: Mark,
    /// The copy that the customer is linked to.
    pub link: Option<(TenantId, CopyId)>,
    /// The digest of the source-owned fields.
    pub digest: Digest,
}

/// Kinds of item that are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKind {
    Customer,
    Subscription,
    Asset,
}

impl ItemKind {
    /// The word of keys, reports and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Subscription => "subscription",
            Self::Asset => "asset",
        }
    }
}

/// The state of a subscription or an asset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PurchaseState {
    Active,
    Suspended,
    /// The start lies in the future.
    FutureDated,
    Trial,
    Cancelled,
    Expired,
    /// The BSS uses a word that the adapter does not know. People have to say what it means.
    Unclear(String),
}

/// A subscription or an asset.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Purchase {
    pub id: SourceId,
    /// `Subscription` or `Asset`, never `Customer`.
    pub kind: ItemKind,
    /// The customer that owns it.
    pub customer: SourceId,
    pub state: PurchaseState,
    pub mark: Mark,
    /// The copy that it is linked to.
    pub link: Option<(TenantId, CopyId)>,
    /// The digest of the source-owned fields.
    pub digest: Digest,
}

/// An order that is not final.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OpenOrder {
    pub id: String,
    /// The customer that the order is for.
    pub customer: SourceId,
}

/// The two listings of copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CopyListing {
    Customers,
    /// Copies of subscriptions and of assets.
    Subscriptions,
}

impl CopyListing {
    /// The operation by which what it lists is copied.
    #[must_use]
    pub fn copied_by(self) -> WriteOperation {
        match self {
            Self::Customers => WriteOperation::CopyCustomers,
            Self::Subscriptions => WriteOperation::CopySubscriptions,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CopyState {
    Live,
    /// The copy was made without its contacts.
    Incomplete,
    /// The reseller has ended the copy.
    Ended,
    /// It may be the copy of this source, or of another one; or its state is a word that the adapter does
    /// not know. The text is for people and names the candidates or the word. It counts neither as
    /// copied nor as missing, until a person says which it is.
    Unclear(String),
}

/// How it is known that a copy belongs to its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// The BSS keeps it with the copy.
    Stored,
    /// The adapter derived it, because the BSS shows none. It counts for looking, and permits no write.
    Inferred,
}

/// A copy. The adapter leaves out records of the reseller BSS that have no source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CopyRecord {
    pub id: CopyId,
    /// What it is a copy of, where the BSS tells.
    pub kind: Option<ItemKind>,
    /// The key that the copy was made under.
    pub business_key: Option<BusinessKey>,
    pub source: SourceId,
    /// How it is known that this is its source.
    pub link: Link,
    /// The digest that the source had when it was copied.
    pub source_digest: Option<Digest>,
    /// The digest that the source-owned fields of the copy have now.
    pub digest: Digest,
    pub state: CopyState,
}

/// What was found under one business key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Found {
    None,
    One(CopyRecord),
    /// Several records have the key, which is a defect.
    Many(Vec<CopyRecord>),
}
