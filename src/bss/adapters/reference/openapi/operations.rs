//! The table of operations: what the types cannot say.

use crate::bss::adapters::reference::contract::{
    AcquireEpoch, Activate, Activation, Batch, Capabilities, Check, CheckResult, Copy,
    CopyCustomer, CopyResult, CopySubscription, CreateTenant, Customer, Epoch, Find, Found,
    Identity, LongRunning, OpenOrder, Operation, Page, PricingLookup, PricingResult, PricingState,
    Reseller, Results, SetPricing, Subscription, Tenant, TenantLookup,
};
use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema};

/// Where a parameter stands.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Path,
    Query,
}

/// A parameter of an operation.
pub(super) enum Parameter {
    /// One of `components/parameters`.
    Shared(&'static str),
    /// One of this operation's own; always required.
    Own {
        name: &'static str,
        place: Place,
        description: &'static str,
        values: &'static [&'static str],
    },
}

/// A success.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) when: &'static str,
    pub(super) schema: fn(&mut SchemaGenerator) -> Schema,
    pub(super) location: Option<&'static str>,
}

/// A refusal, with the class that the problem carries. 401, 403, 429, 500 and 503 belong to every
/// operation and are not listed.
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) class: &'static str,
    pub(super) when: &'static str,
}

/// What the document says of an operation.
pub(super) struct Described {
    pub(super) id: Operation,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    pub(super) parameters: &'static [Parameter],
    pub(super) body: Option<fn(&mut SchemaGenerator) -> Schema>,
    pub(super) replies: &'static [Reply],
    pub(super) refusals: &'static [Refusal],
    /// Whether a server may leave it to people or not have it at all (501).
    pub(super) manual: bool,
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

const ACCOUNT: Parameter = Parameter::Own {
    name: "accountId",
    place: Place::Path,
    description: "The reseller's account id in the distributor BSS. A server that knows several \
        spellings of an id accepts them all and answers with the canonical one.",
    values: &[],
};

const TENANT: Parameter = Parameter::Own {
    name: "tenantId",
    place: Place::Path,
    description: "The tenant's id.",
    values: &[],
};

const FENCE: Parameter = Parameter::Shared("FencingEpoch");
const REQUEST_KEY: Parameter = Parameter::Shared("IdempotencyKey");
const LIMIT: Parameter = Parameter::Shared("Limit");
const CURSOR: Parameter = Parameter::Shared("Cursor");

const NO_RESELLER: Refusal = Refusal {
    status: 404,
    class: "NotFound",
    when: "there is no such account, or it is not a reseller.",
};
const NO_TENANT: Refusal = Refusal {
    status: 404,
    class: "NotFound",
    when: "there is no such tenant, or it is marked as deleted.",
};
const STALE: Refusal = Refusal {
    status: 409,
    class: "StaleEpoch",
    when: "`Fencing-Epoch` is lower than the highest epoch issued for this reseller, which \
        `highestEpoch` tells.",
};
const BAD_PAGE: Refusal = Refusal {
    status: 422,
    class: "Invalid",
    when: "`limit` is out of range, or `cursor` was not made by this listing.",
};
const BAD_BATCH: Refusal = Refusal {
    status: 422,
    class: "Invalid",
    when: "`Fencing-Epoch` is missing, malformed or was never issued, the batch is empty or larger than \
        `largestBatch`, a source comes twice, or a member is malformed. No item was touched.",
};
const fn ok(when: &'static str, schema: fn(&mut SchemaGenerator) -> Schema) -> Reply {
    Reply {
        status: 200,
        when,
        schema,
        location: None,
    }
}

/// All of them, in the order in which an upgrade needs them.
pub(super) const ALL: &[Described] = &[
    GET_IDENTITY,
    GET_CAPABILITIES,
    GET_RESELLER,
    ACQUIRE_EPOCH,
    GET_TENANT,
    CREATE_TENANT,
    GET_OPERATION,
    LIST_CUSTOMERS,
    LIST_SUBSCRIPTIONS,
    LIST_OPEN_ORDERS,
    LIST_COPIES,
    FIND_COPIES,
    COPY_CUSTOMERS,
    GET_PRICING,
    SET_PRICING,
    CHECK_PURCHASES,
    COPY_SUBSCRIPTIONS,
    ACTIVATE,
];

const GET_IDENTITY: Described = Described {
    id: Operation::GetIdentity,
    method: "get",
    path: "/identity",
    tag: "server",
    summary: "Who this BSS is",
    description: "The operator compares `identity` with the name that its connection declares and \
        stops if they differ: it would otherwise look for its own records under wrong keys. It \
        also serves as the probe of a connection: it is cheap, and it needs the credentials.",
    parameters: &[],
    body: None,
    replies: &[ok("The identity, or an empty object.", of::<Identity>)],
    refusals: &[],
    manual: false,
};

const GET_CAPABILITIES: Described = Described {
    id: Operation::GetCapabilities,
    method: "get",
    path: "/capabilities",
    tag: "server",
    summary: "What this BSS can do and promises",
    description: "Asked for at the beginning of the work on a reseller and now and then later. A \
        change takes effect from then on; a promise must not be withdrawn while an upgrade runs.",
    parameters: &[],
    body: None,
    replies: &[ok("The capabilities.", of::<Capabilities>)],
    refusals: &[],
    manual: false,
};

const GET_RESELLER: Described = Described {
    id: Operation::GetReseller,
    method: "get",
    path: "/resellers/{accountId}",
    tag: "distributor",
    summary: "A reseller account",
    description: "`kind` stays `Basic` from the beginning until the switch, with a tenant or \
        without; it becomes `Tenant` in the same atomic step in which `backOrdering` becomes `On`, \
        and so the two never disagree. `backOrdering: Unknown` makes the operator wait.",
    parameters: &[ACCOUNT],
    body: None,
    replies: &[ok("The account.", of::<Reseller>)],
    refusals: &[NO_RESELLER],
    manual: false,
};

const ACQUIRE_EPOCH: Described = Described {
    id: Operation::AcquireEpoch,
    method: "post",
    path: "/resellers/{accountId}/epoch",
    tag: "distributor",
    summary: "Issue a fencing epoch",
    description: "Issues the next epoch for this reseller to `holder`. See section 7.1.\n\n\
        1. No holder has the reseller, or `holder` itself has it: issue; `takeOver` is then ignored.\n\
        2. Another one holds it, and `takeOver` names exactly that one: issue; `holder` holds it \
        from now on.\n\
        3. Another one holds it, and `takeOver` is absent or names yet another one: refuse.\n\n\
        Every success issues a new number, higher than every one before, also to the same holder \
        and also on a repeat: a lost reply costs a number, nothing else. The number and the holder \
        are durable before the reply is sent, and survive the deletion of the tenant. A hold never \
        expires. Reads need no epoch and no hold. Here the header `Fencing-Epoch` is not sent.\n\n\
        `acquisitionId` names the attempt. Keep it with the epoch, and tell the last 16 epochs that \
        were issued before with theirs in `earlier`. A server that does not remember them leaves \
        `earlier` out; the operator then has only the numbers to go by, and asks a person more often \
        whether its cluster went back to an earlier state.",
    parameters: &[ACCOUNT],
    body: Some(of::<AcquireEpoch>),
    replies: &[ok("The new epoch.", of::<Epoch>)],
    refusals: &[
        NO_RESELLER,
        Refusal {
            status: 409,
            class: "HeldByAnother",
            when: "another holder holds this reseller; `holder` names it. No epoch was issued.",
        },
        Refusal {
            status: 422,
            class: "Invalid",
            when: "a member is missing or malformed.",
        },
    ],
    manual: true,
};

const GET_TENANT: Described = Described {
    id: Operation::GetTenant,
    method: "get",
    path: "/resellers/{accountId}/tenant",
    tag: "distributor",
    summary: "The reseller's tenant",
    description: "The tenant in whatever status it is, also one that a person created. If the \
        reseller has none the reply is 200 with an empty object, not 404. A tenant that is \
        `MarkedAsDeleted` may be shown as long as there is no other; it does not count. \
        `settings` are those of now: people may have changed them.",
    parameters: &[ACCOUNT],
    body: None,
    replies: &[ok("The tenant, or an empty object.", of::<TenantLookup>)],
    refusals: &[NO_RESELLER],
    manual: false,
};

const CREATE_TENANT: Described = Described {
    id: Operation::CreateTenant,
    method: "post",
    path: "/resellers/{accountId}/tenant",
    tag: "distributor",
    summary: "Create the reseller's tenant",
    description: "A reseller has at most one live tenant (one that is not `MarkedAsDeleted`), \
        however often and under whichever key it is asked for. In this order, in one atomic step:\n\n\
        1. The reseller's live tenant carries this `businessKey` and the settings that it was \
        created with equal these: 202 with its operation while it is `InProgress`, else 200 with \
        the tenant as it is now. Nothing is created. So the same request again, under its \
        `Idempotency-Key` or another, while creation is under way gets the same 202 with the same \
        operation, and afterwards the tenant as it is then: neither a 202 nor a 200 is stored for a \
        replay.\n\
        2. The reseller has another live tenant, or this business key was used before for other \
        settings, for another reseller, or for a tenant that was marked as deleted since: \
        `Conflict`. A business key never names a second record; after a deletion people create \
        the next tenant, and the operator adopts it. Also `Conflict`: the `Idempotency-Key` was \
        used for an unequal request (this is examined first, see section 7.3).\n\
        3. A setting is not possible (a price list is, if the distributor has it and it is active, \
        in whatever currency, assigned to the reseller or not): `Invalid`, naming **all** impossible settings by their path \
        (`settings.priceList`, `settings.edition`, `settings.language`, `settings.timeZone`, \
        `settings.dateFormat`, `settings.invoicing`), each with `allowed` if the values can be \
        listed.\n\
        4. The reseller is not `Basic` (`ResellerNotBasic`; one that was switched on stays `Tenant` \
        also if its tenant was deleted since) or may not order (`OrderingDisabled`): `Blocked`, \
        naming all that apply, each with the count 1 and the reseller's id.\n\
        5. Otherwise: accept. The tenant exists from this moment, `InProgress`, with its final \
        id and its business key, and `getTenant` and `getReseller` show it. Answer 202 at once \
        with the operation. Creation may take as long as it takes; the operator polls \
        `getOperation` and `getTenant`.\n\n\
        When the creation succeeds, the operation becomes `Succeeded` and the tenant `Active` in \
        one step, with the price lists and payment methods of its reseller that `setPricing` names. When it fails for good, the operation becomes `Failed` with a reason for people, \
        and in the same step the tenant is gone from `getTenant`, its business key is free and the \
        stored 202 is void: the same request starts afresh. Whether a later change of what was \
        examined fails a queued creation is the server's choice. Creating a tenant does not switch back \
        ordering on, does not change the reseller's kind and copies nothing.",
    parameters: &[ACCOUNT, FENCE, REQUEST_KEY],
    body: Some(of::<CreateTenant>),
    replies: &[
        ok(
            "The tenant with this business key and these settings exists and its creation is over \
             (`Active`, or `Suspended` since).",
            of::<Tenant>,
        ),
        Reply {
            status: 202,
            when: "Accepted now or by an equal request before; creation is under way.",
            schema: of::<LongRunning>,
            location: Some(
                "Where the operation is: an absolute path, base path included, or a whole URL. The \
                 operator goes by the `id` in the body.",
            ),
        },
    ],
    refusals: &[
        NO_RESELLER,
        STALE,
        Refusal {
            status: 409,
            class: "Conflict",
            when: "the reseller has another live tenant, or the business key or the \
                `Idempotency-Key` belongs to something else. Nothing was created.",
        },
        Refusal {
            status: 409,
            class: "Blocked",
            when: "`ResellerNotBasic`, `OrderingDisabled`; all that apply. Nothing was created.",
        },
        Refusal {
            status: 422,
            class: "Invalid",
            when: "`Fencing-Epoch` or `Idempotency-Key` is missing or malformed, or settings are \
                not possible; all that is wrong is named.",
        },
    ],
    manual: true,
};

const GET_OPERATION: Described = Described {
    id: Operation::GetOperation,
    method: "get",
    path: "/operations/{operationId}",
    tag: "distributor",
    summary: "The state of a long-running operation",
    description: "Kept for at least 7 days after its end. An operation that is not known any more \
        is 404; the operator then goes by `getTenant` alone. `detail` is there if it failed.",
    parameters: &[Parameter::Own {
        name: "operationId",
        place: Place::Path,
        description: "The id from the reply that started it.",
        values: &[],
    }],
    body: None,
    replies: &[ok("Its state.", of::<LongRunning>)],
    refusals: &[Refusal {
        status: 404,
        class: "NotFound",
        when: "there is no such operation, or not any more.",
    }],
    manual: false,
};

const LIST_CUSTOMERS: Described = Described {
    id: Operation::ListCustomers,
    method: "get",
    path: "/resellers/{accountId}/customers",
    tag: "distributor",
    summary: "The reseller's customers",
    description: "Every account whose Bill To is the reseller, ordered by `id`; not the reseller's \
        own account. An account whose Bill To moved elsewhere is not listed any more, whatever \
        was copied of it. `copy` names the account's copy in the reseller's present live tenant \
        only.",
    parameters: &[ACCOUNT, LIMIT, CURSOR],
    body: None,
    replies: &[ok("A page.", of::<Page<Customer>>)],
    refusals: &[NO_RESELLER, BAD_PAGE],
    manual: false,
};

const LIST_SUBSCRIPTIONS: Described = Described {
    id: Operation::ListSubscriptions,
    method: "get",
    path: "/resellers/{accountId}/subscriptions",
    tag: "distributor",
    summary: "Subscriptions and assets of the reseller's customers",
    description: "Subscriptions and assets together, in every state, of every account whose Bill \
        To is the reseller, ordered by `id`. Those that are `Cancelled` or `Expired` may be left \
        out; the others must be listed, because people want to know what is not copied and why. \
        The reseller's own purchases may be left out too.",
    parameters: &[ACCOUNT, LIMIT, CURSOR],
    body: None,
    replies: &[ok("A page.", of::<Page<Subscription>>)],
    refusals: &[NO_RESELLER, BAD_PAGE],
    manual: false,
};

const LIST_OPEN_ORDERS: Described = Described {
    id: Operation::ListOpenOrders,
    method: "get",
    path: "/resellers/{accountId}/open-orders",
    tag: "distributor",
    summary: "The reseller's orders that are not final",
    description: "Every order for the reseller or one of its customers that is neither completed \
        nor cancelled and so may still become, change or end a subscription, from whatever \
        channel, ordered by `id`. An order leaves this listing in the same atomic step in which \
        its effect on subscriptions becomes visible: an operator that sees no open order has seen \
        everything.",
    parameters: &[ACCOUNT, LIMIT, CURSOR],
    body: None,
    replies: &[ok("A page.", of::<Page<OpenOrder>>)],
    refusals: &[NO_RESELLER, BAD_PAGE],
    manual: true,
};

const LIST_COPIES: Described = Described {
    id: Operation::ListCopies,
    method: "get",
    path: "/tenants/{tenantId}/copies",
    tag: "tenant",
    summary: "The records of a tenant that are copies",
    description: "Every record of the tenant that was copied from a source, in every state, \
        ordered by `sourceId`, those of one source by `id`. Records without a source are the \
        reseller's own: leave them out. A copy whose source was cancelled, was moved or is gone \
        stays listed, with its `sourceId`. Two copies of one source, however they came about, are \
        both listed. `inventoryRevision` is that of the reseller that owns the tenant.",
    parameters: &[
        TENANT,
        Parameter::Own {
            name: "kind",
            place: Place::Query,
            description: "Which of the two listings: copies of customers, or copies of \
                subscriptions and assets together.",
            values: &["Customers", "Subscriptions"],
        },
        LIMIT,
        CURSOR,
    ],
    body: None,
    replies: &[ok("A page.", of::<Page<Copy>>)],
    refusals: &[
        NO_TENANT,
        Refusal {
            status: 422,
            class: "Invalid",
            when: "`kind` is missing or unknown, `limit` is out of range, or `cursor` was not made \
                by this listing of this kind.",
        },
    ],
    manual: false,
};

const FIND_COPIES: Described = Described {
    id: Operation::FindCopies,
    method: "post",
    path: "/tenants/{tenantId}/copies/find",
    tag: "tenant",
    summary: "Copies by business key",
    description: "A read (it is a POST only because keys are long): no epoch is sent, and it works \
        whatever the state of tenant and back ordering. One result per key that was asked for, \
        also for a key that nothing carries (`copies` empty). It sees every write that was \
        answered before it was asked.",
    parameters: &[TENANT],
    body: Some(of::<Find>),
    replies: &[ok("What was found, per key.", of::<Results<Found>>)],
    refusals: &[
        NO_TENANT,
        Refusal {
            status: 422,
            class: "Invalid",
            when: "no key, more than `largestBatch`, or a key twice.",
        },
    ],
    manual: false,
};

const COPY_CUSTOMERS: Described = Described {
    id: Operation::CopyCustomers,
    method: "post",
    path: "/tenants/{tenantId}/customers/copy",
    tag: "tenant",
    summary: "Copy customers with their contacts, and mark them",
    description: "Per item, in one atomic step, the first that applies:\n\n\
        1. Back ordering is On or the tenant is not `Active`: `Blocked` with \
        `BackOrderingActive`, `TenantSuspended` or both, also for what would be unchanged.\n\
        2. There is no customer `sourceId` of this tenant's reseller (none at all, its Bill To \
        is another account now, or it is the reseller's own account): `Blocked`, `OrphanedCopy`, if it has a copy here, else \
        `Failed`, class `NotFound`.\n\
        3. The source has several copies here that are not `Ended`: `Blocked`, `DuplicateCopy`. \
        Of several of which all but one are `Ended`, the one counts below; if all are `Ended`, the one \
        with the lowest id, which `listCopies` lists first.\n\
        4. The source's digest is not `expectedSource`; or it has a copy under another business \
        key or under none; or it has none, but the business key belongs to another record: \
        `Conflict`.\n\
        5. The copy's digest equals the source's, and the copy is `Ended`, or it is `Live` and \
        marks and links are set: `Unchanged`, whatever `expectedCopy` says.\n\
        6. The copy's digest equals the source's, but the copy is `Incomplete`, or the mark or a \
        link is missing: `Conflict` if `expectedCopy` is there and is not its digest, else \
        complete what is missing, `Created`.\n\
        7. The copy's digest differs from the source's: `Blocked`, `SourceChanged`, if it is \
        `Ended`; `Conflict`, if `expectedCopy` is not its digest; `Blocked`, `SourceChanged`, if \
        its digest is not its `sourceDigest` (the reseller amended it); else bring its source-owned \
        fields up to the source, set its `sourceDigest`, complete what step 6 would complete, and \
        leave every other field alone: `Updated`.\n\
        8. There is no copy, but `expectedCopy` is there: `Conflict`.\n\
        9. There is no copy: make it, `Created`.\n\n\
        *Making* a customer's copy means, together: the record in the tenant with the source's \
        name, its source-owned fields and **all its contacts**; business key, source id and source \
        digest stored with it; the link at the source; the mark on the account and on all its \
        existing orders. A BSS that cannot store the contacts in the same step may leave the copy \
        `Incomplete` and answer `Failed`; everything else stays together: an account that is \
        copied but not marked, or marked but not copied, never becomes visible. Pricing options \
        are not made. No message is sent.",
    parameters: &[TENANT, FENCE],
    body: Some(of::<Batch<CopyCustomer>>),
    replies: &[ok(
        "One result per item whose fate is known, also if all were refused.",
        of::<Results<CopyResult>>,
    )],
    refusals: &[NO_TENANT, STALE, BAD_BATCH],
    manual: true,
};

const GET_PRICING: Described = Described {
    id: Operation::GetPricing,
    method: "post",
    path: "/tenants/{tenantId}/pricing/lookup",
    tag: "tenant",
    summary: "Whether customers have their pricing options",
    description: "A read: no epoch is sent. Options are complete if price list, billing, payment \
        method and invoicing are set (a credit limit is optional); then `digest` is there and \
        `missing` is not. Otherwise `missing` names those that are not set, by their member names \
        in `PricingOptions`, and `copy`, as the first, if the customer has no copy in this tenant, \
        in whatever state (or is not known at all). What became of the source does not matter. The digest is a function of all stored options, the credit limit \
        included, and changes with each of them, whether this contract or a person on screen changes it.",
    parameters: &[TENANT],
    body: Some(of::<PricingLookup>),
    replies: &[ok("One result per customer.", of::<Results<PricingState>>)],
    refusals: &[
        NO_TENANT,
        Refusal {
            status: 422,
            class: "Invalid",
            when: "no customer, more than `largestBatch`, or a customer twice.",
        },
    ],
    manual: false,
};

const SET_PRICING: Described = Described {
    id: Operation::SetPricing,
    method: "post",
    path: "/tenants/{tenantId}/pricing",
    tag: "tenant",
    summary: "Set pricing options where there are none",
    description: "Nothing is written, and the whole batch is refused with `TenantSuspended`, while \
        the tenant is not `Active`. Otherwise per customer, in one atomic step, the first that \
        applies:\n\n\
        1. The customer has no copy in this tenant, in whatever state: `Failed`, class `NotFound`, \
        `fields` naming `copy`.\n\
        2. An option is not possible (unknown price list or payment method; both or none of \
        `billing.day` and `billing.anchor`, which the schema allows): `Failed`, class `Invalid`, \
        `fields` naming all. What the schemas forbid (a day 29, another anchor) is a 422 for the \
        batch.\n\
        3. No option at all is set: store them, `Written`.\n\
        4. All of them are set and equal, the credit limit included: `Unchanged`.\n\
        5. Otherwise, also if a person set only some of them (and is perhaps not finished): \
        `Differs`, `fields` naming every option that is not equal; so is one that is only stored \
        or only given, a credit limit too. Nothing is written.\n\n\
        Credit limits may be compared as numbers. Back ordering does not matter here. A tenant that \
        is `Active` has at least one price list and one payment method, which `options` can name; \
        how they come into it (from a template, or with its creation) is the server's affair, and no \
        operation of this contract makes them. \
        `fields` holds the member names of `PricingOptions`.",
    parameters: &[TENANT, FENCE],
    body: Some(of::<Batch<SetPricing>>),
    replies: &[ok("One result per customer.", of::<Results<PricingResult>>)],
    refusals: &[
        NO_TENANT,
        STALE,
        Refusal {
            status: 409,
            class: "Blocked",
            when: "`TenantSuspended`: the tenant is not `Active`. No item was touched.",
        },
        BAD_BATCH,
    ],
    manual: true,
};

const CHECK_PURCHASES: Described = Described {
    id: Operation::CheckPurchases,
    method: "post",
    path: "/resellers/{accountId}/checks",
    tag: "distributor",
    summary: "Why subscriptions and assets could not be copied",
    description: "A read: no epoch is sent, nothing is written. Per id **every** reason that \
        applies, one entry per missing thing, `detail` naming it (the product or add-on code, the \
        cycle, both currencies):\n\n\
        - `CurrencyMismatch`: its currency is not the price list's.\n\
        - `ProductMissing`: the product is not in the catalogue (its cycle is then not examined).\n\
        - `AddonMissing`: once for each add-on whose code is not in the catalogue, also if the \
        product is not.\n\
        - `BillingCycleMissing`: the product is there, but not with this billing cycle.\n\
        - `PricingIncomplete`, against a tenant only, and only for a customer whose price list \
        there is set: that list has no price for the product (or, where they are priced apart, for \
        its cycle or an add-on); one entry, `detail` naming all.\n\n\
        Against a tenant, catalogue and currency are those of the tenant's price list as it is \
        now; against a price list (before the tenant exists), that list's. State, marks, provisioning \
        sync, copies and missing pricing options are not examined. An id that is not known (any \
        more), or is not of a customer of this reseller, is left out of the results; nothing else \
        is, and no reason stands for it. The operator then reads the listings again, and later \
        each time; it names an item that stays listed and left out as a failure (`ItemsFailed`).",
    parameters: &[ACCOUNT],
    body: Some(of::<Check>),
    replies: &[ok(
        "One result per known id; no reasons means that it could be copied.",
        of::<Results<CheckResult>>,
    )],
    refusals: &[
        Refusal {
            status: 404,
            class: "NotFound",
            when: "there is no such reseller, or it has no such tenant (any more).",
        },
        Refusal {
            status: 422,
            class: "Invalid",
            when: "not exactly one of `target.tenantId` and `target.priceList`, an unknown or \
                inactive price list (`target.priceList`), no id, more than `largestBatch`, or an id twice.",
        },
    ],
    manual: false,
};

const COPY_SUBSCRIPTIONS: Described = Described {
    id: Operation::CopySubscriptions,
    method: "post",
    path: "/tenants/{tenantId}/subscriptions/copy",
    tag: "tenant",
    summary: "Copy subscriptions and assets",
    description: "Per item, in one atomic step, the first that applies:\n\n\
        1. Back ordering is On or the tenant is not `Active`: `Blocked` with \
        `BackOrderingActive`, `TenantSuspended` or both, also for what would be unchanged.\n\
        2. There is no such subscription or asset of a customer of this tenant's reseller (any \
        more): `Blocked`, `OrphanedCopy`, if it has a copy here, else `Failed`, class `NotFound`. \
        It is the reseller's own: `Failed`, class `Forbidden`. It is not of kind `kind`: \
        `Failed`, class `Invalid`. It is not *Active*: `Blocked`, `OrphanedCopy`, if it has a copy \
        here, else `Conflict`.\n\
        3. The source has several copies here that are not `Ended`: `Blocked`, `DuplicateCopy`. \
        Of several of which all but one are `Ended`, the one counts below; if all are `Ended`, the one \
        with the lowest id, which `listCopies` lists first.\n\
        4. The source's digest is not `expectedSource`; or it has a copy under another business \
        key or under none; or it has none, but the business key belongs to another record: \
        `Conflict`.\n\
        5. The copy's digest equals the source's: `Unchanged`, whatever `expectedCopy` and \
        `pricingDigest` say, also if it is `Ended` (what the reseller ended is never revived); a \
        missing link is repaired.\n\
        6. The copy is `Ended`: `Blocked`, `SourceChanged`. There is a copy and `expectedCopy` is \
        not its digest, or there is none, but `expectedCopy` is there: `Conflict`. The copy's \
        digest is not its `sourceDigest` (the reseller amended a source-owned field): `Blocked`, \
        `SourceChanged`.\n\
        7. Anything of the following: `Blocked` with **all** that apply: every reason of \
        `checkPurchases` against this tenant; `AccountNotSynced`, if the customer's sync is not \
        `Synced`; `CustomerNotCopied`, if the customer has no copy here whose state is `Live`; \
        `PricingIncomplete`, if the customer's pricing options are not complete (without any copy \
        they never are: both reasons are named), `detail` telling this from a missing price.\n\
        8. The digest of the customer's pricing options is not `pricingDigest`: `Conflict`.\n\
        9. There is a copy: bring its source-owned fields up to the source, set its \
        `sourceDigest`, leave every other field alone: `Updated`.\n\
        10. There is none: make it, `Created`.\n\n\
        *Making* the copy means, together: the record in the tenant under the customer's copy, \
        with all source-owned fields of the source, its add-ons included; sell price and billing \
        from the customer's pricing options as they are in this step; business key, source id and \
        source digest stored with it; the link at the source. Its first charge is at the source's \
        next renewal, which the service takes from the distributor BSS (it is not part of this \
        contract); what is charged once (`OneOff`) is never charged by its copy. No vendor is \
        called, no order arises, no message is sent.",
    parameters: &[TENANT, FENCE],
    body: Some(of::<Batch<CopySubscription>>),
    replies: &[ok(
        "One result per item whose fate is known, also if all were refused.",
        of::<Results<CopyResult>>,
    )],
    refusals: &[NO_TENANT, STALE, BAD_BATCH],
    manual: true,
};

const ACTIVATE: Described = Described {
    id: Operation::ActivateBackOrdering,
    method: "post",
    path: "/tenants/{tenantId}/activation",
    tag: "tenant",
    summary: "Activate back ordering: the irreversible switch",
    description: "In this order, in one atomic step, in which nothing else of this reseller moves \
        (no copy, no order, no change of a source):\n\n\
        1. An equal request is stored under this `Idempotency-Key`: replay its reply; an unequal \
        one: `Conflict` (section 7.3).\n\
        2. Back ordering is `On` for this tenant: 200 `AlreadyActive` with the time of the switch, \
        whatever the business key and `expectedRevision` are.\n\
        3. The business key belongs to anything else: `Conflict`.\n\
        4. The reseller's inventory revision is not `expectedRevision`: `Conflict`. It may be \
        missing, and is then not compared, only where `revision` or `compares` is \
        `None`.\n\
        5. Anything of the following: `Blocked`, with **all** reasons, the number of records of \
        each and up to 10 ids:\n\
        \u{20}   - `ResellerNotBasic`; `TenantSuspended`, if the tenant is not `Active` (the id is \
        the reseller's or the tenant's, the count 1);\n\
        \u{20}   - `NotCopied`: an *Active* subscription or asset of a customer of the reseller \
        without a copy in this tenant, and a customer that owns one of these and has no copy or \
        only an `Incomplete` one (source ids). Customers that own none of these do not count;\n\
        \u{20}   - `DuplicateCopy`: a source with two or more copies that are not `Ended` (source ids);\n\
        \u{20}   - `OrphanedCopy`: a copy of a subscription or asset whose source is gone, is not \
        *Active*, or is not of a customer of this reseller any more (source ids). An `Ended` copy \
        is never orphaned, nor is a customer's: it causes no charge by itself;\n\
        \u{20}   - `SourceChanged`: a copy, not `Ended`, of a subscription or asset, or of a customer that \
        owns an *Active* one, whose digest differs from its source's (source ids); a source that \
        makes its copy `OrphanedCopy` is not compared;\n\
        \u{20}   - `HalfMarked`: an account that is copied but not marked, or marked but not \
        copied, where copied means that there is a copy in whatever state; here every customer \
        counts (account ids);\n\
        \u{20}   - `OrderNotFinal`: an order that `listOpenOrders` would list (order ids).\n\
        6. Otherwise switch: `backOrdering` becomes `On`, the reseller's kind `Tenant`, every \
        subscription and asset of its customers is marked, in whatever state, business key and \
        time are stored: 200 `Activated`. Accounts were marked when they were copied; whether the \
        switch also marks those without a copy, those that arise later, open orders and the \
        reseller's own purchases is the server's choice.\n\n\
        From this step on the reseller orders in its own BSS and is billed by what it does there; \
        every copy request is refused, also one that was received before. There is no way back.",
    parameters: &[TENANT, FENCE, REQUEST_KEY],
    body: Some(of::<Activate>),
    replies: &[ok("Back ordering is On.", of::<Activation>)],
    refusals: &[
        NO_TENANT,
        STALE,
        Refusal {
            status: 409,
            class: "Conflict",
            when: "something moved since `expectedRevision`, or the business key or the \
                `Idempotency-Key` belongs to something else. The switch is as it was.",
        },
        Refusal {
            status: 409,
            class: "Blocked",
            when: "something stands against it; `blockers` names all of it. The switch is as it \
                was.",
        },
        Refusal {
            status: 422,
            class: "Invalid",
            when: "`Fencing-Epoch` or `Idempotency-Key` is missing or malformed, or a member is \
                malformed.",
        },
    ],
    manual: true,
};
