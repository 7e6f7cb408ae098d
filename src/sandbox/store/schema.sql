-- Everything that the sandbox knows. Money is in hundredths, instants in milliseconds since 1970.

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

-- The distributor's price lists; a tenant's catalogue is a copy of one.
CREATE TABLE price_lists (
    id TEXT PRIMARY KEY, currency TEXT NOT NULL, active INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE price_list_products (
    price_list TEXT NOT NULL, product TEXT NOT NULL, cycle TEXT NOT NULL, cost INTEGER NOT NULL,
    PRIMARY KEY (price_list, product, cycle)
) WITHOUT ROWID;
CREATE TABLE price_list_addons (
    price_list TEXT NOT NULL, addon TEXT NOT NULL, PRIMARY KEY (price_list, addon)
) WITHOUT ROWID;

-- The reseller BSS's own price lists.
CREATE TABLE resale_prices (
    price_list TEXT NOT NULL, product TEXT NOT NULL, price INTEGER NOT NULL,
    PRIMARY KEY (price_list, product)
) WITHOUT ROWID;

CREATE TABLE resellers (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, ordering_enabled INTEGER NOT NULL,
    currency TEXT NOT NULL, price_list TEXT, back_ordering TEXT NOT NULL, activated_ms INTEGER,
    revision INTEGER NOT NULL DEFAULT 1, epoch INTEGER NOT NULL DEFAULT 0, holder TEXT
) WITHOUT ROWID;

-- For which attempt an epoch was issued.
CREATE TABLE acquisitions (
    reseller_id TEXT NOT NULL, epoch INTEGER NOT NULL, acquisition_id TEXT,
    PRIMARY KEY (reseller_id, epoch)
) WITHOUT ROWID;

CREATE TABLE customers (
    id TEXT PRIMARY KEY, bill_to TEXT NOT NULL, name TEXT NOT NULL, currency TEXT NOT NULL,
    sync TEXT NOT NULL, marked INTEGER NOT NULL DEFAULT 0, digest TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX customers_by_payer ON customers (bill_to, id);
CREATE TABLE contacts (
    customer_id TEXT NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, email TEXT NOT NULL,
    PRIMARY KEY (customer_id, position)
) WITHOUT ROWID;

-- Subscriptions and assets. reseller_id repeats the payer of the owner, so that a listing is one
-- walk along one index.
CREATE TABLE purchases (
    id TEXT PRIMARY KEY, reseller_id TEXT NOT NULL, customer_id TEXT NOT NULL, kind TEXT NOT NULL,
    product TEXT NOT NULL, addons TEXT NOT NULL, cycle TEXT NOT NULL, quantity INTEGER NOT NULL,
    cost INTEGER NOT NULL, currency TEXT NOT NULL, start_date TEXT NOT NULL, anchor TEXT NOT NULL,
    state TEXT NOT NULL, marked INTEGER NOT NULL DEFAULT 0, digest TEXT NOT NULL, order_id TEXT
) WITHOUT ROWID;
CREATE INDEX purchases_by_reseller ON purchases (reseller_id, id);
CREATE INDEX purchases_by_customer ON purchases (customer_id, id);

CREATE TABLE orders (
    id TEXT PRIMARY KEY, reseller_id TEXT NOT NULL, customer_id TEXT NOT NULL,
    channel TEXT NOT NULL, action TEXT NOT NULL, state TEXT NOT NULL, placed_ms INTEGER NOT NULL,
    ready_ms INTEGER, marked INTEGER NOT NULL DEFAULT 0, purchase_id TEXT, wish TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX orders_open ON orders (reseller_id, id) WHERE state = 'Pending';
CREATE INDEX orders_due ON orders (ready_ms) WHERE state = 'Pending' AND ready_ms IS NOT NULL;
CREATE INDEX orders_by_customer ON orders (customer_id);
CREATE INDEX orders_by_reseller ON orders (reseller_id);

CREATE TABLE tenants (
    id TEXT PRIMARY KEY, reseller_id TEXT NOT NULL, business_key TEXT,
    settings TEXT NOT NULL, currency TEXT NOT NULL, status TEXT NOT NULL, operation_id TEXT,
    ready_ms INTEGER, unguarded INTEGER NOT NULL, made_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX tenants_one_per_key ON tenants (business_key)
    WHERE business_key IS NOT NULL AND unguarded = 0;
CREATE INDEX tenants_by_key ON tenants (business_key);
CREATE UNIQUE INDEX tenants_live ON tenants (reseller_id) WHERE status <> 'MarkedAsDeleted';
CREATE INDEX tenants_due ON tenants (ready_ms) WHERE status = 'InProgress';
CREATE TABLE tenant_products (
    tenant_id TEXT NOT NULL, product TEXT NOT NULL, cycle TEXT NOT NULL,
    PRIMARY KEY (tenant_id, product, cycle)
) WITHOUT ROWID;
CREATE TABLE tenant_addons (
    tenant_id TEXT NOT NULL, addon TEXT NOT NULL, PRIMARY KEY (tenant_id, addon)
) WITHOUT ROWID;
CREATE TABLE operations (
    id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, state TEXT NOT NULL, detail TEXT
) WITHOUT ROWID;

-- Records in reseller BSSs. `unguarded` marks what was made while keys were not unique, and defects
-- put there on purpose by the control API: only they may break the rules that the two unique indexes
-- keep.
CREATE TABLE copies (
    id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, kind TEXT NOT NULL, business_key TEXT,
    source_id TEXT NOT NULL, source_digest TEXT, digest TEXT NOT NULL, fields TEXT NOT NULL,
    state TEXT NOT NULL, unguarded INTEGER NOT NULL, purchase_kind TEXT,
    quantity INTEGER NOT NULL, sell_price INTEGER NOT NULL, made_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX copies_one_per_key ON copies (business_key)
    WHERE business_key IS NOT NULL AND unguarded = 0;
CREATE UNIQUE INDEX copies_one_per_source ON copies (tenant_id, kind, source_id) WHERE unguarded = 0;
CREATE INDEX copies_by_source ON copies (tenant_id, kind, source_id, id);
CREATE INDEX copies_by_source_alone ON copies (source_id);
CREATE INDEX copies_by_key ON copies (business_key);
CREATE TABLE copy_contacts (
    copy_id TEXT NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, email TEXT NOT NULL,
    PRIMARY KEY (copy_id, position)
) WITHOUT ROWID;

CREATE TABLE pricing (
    tenant_id TEXT NOT NULL, customer_id TEXT NOT NULL, price_list TEXT, billing TEXT,
    payment_method TEXT, invoicing TEXT, credit_limit TEXT, digest TEXT,
    PRIMARY KEY (tenant_id, customer_id)
) WITHOUT ROWID;

-- Only successes are kept here: a refusal is not replayed.
CREATE TABLE request_keys (
    key TEXT PRIMARY KEY, operation TEXT NOT NULL, fingerprint TEXT NOT NULL, reply TEXT NOT NULL,
    time_ms INTEGER NOT NULL
) WITHOUT ROWID;
-- Unless the sandbox is told to: then they are kept here.
CREATE TABLE refusals (
    key TEXT NOT NULL, fingerprint TEXT NOT NULL, problem TEXT NOT NULL, time_ms INTEGER NOT NULL,
    PRIMARY KEY (key, fingerprint)
) WITHOUT ROWID;
-- Copied accounts whose mark comes by itself, later.
CREATE TABLE marks_due (customer_id TEXT PRIMARY KEY, ready_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX marks_due_next ON marks_due (ready_ms);
CREATE TABLE activations (
    id INTEGER PRIMARY KEY, reseller_id TEXT NOT NULL, time_ms INTEGER NOT NULL,
    revision INTEGER NOT NULL, business_key TEXT NOT NULL
);
CREATE INDEX activations_by_key ON activations (business_key);
CREATE INDEX activations_by_reseller ON activations (reseller_id);
-- What was eligible at the moment of the switch.
CREATE TABLE switch_inventory (
    reseller_id TEXT NOT NULL, source_id TEXT NOT NULL, PRIMARY KEY (reseller_id, source_id)
) WITHOUT ROWID;

-- The ledgers that the judge reads. None of them holds a key of the operator's.
CREATE TABLE vendor_subscriptions (
    id INTEGER PRIMARY KEY, source_id TEXT NOT NULL, live INTEGER NOT NULL, time_ms INTEGER NOT NULL
);
CREATE INDEX vendor_by_source ON vendor_subscriptions (source_id);
-- Billing runs for one reseller, or for all of them.
CREATE TABLE periods (period INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, reseller_id TEXT);
CREATE TABLE period_switches (
    period INTEGER NOT NULL, reseller_id TEXT NOT NULL, PRIMARY KEY (period, reseller_id)
) WITHOUT ROWID;
CREATE TABLE vendor_usage (
    period INTEGER NOT NULL, source_id TEXT NOT NULL, quantity INTEGER NOT NULL,
    PRIMARY KEY (source_id, period)
) WITHOUT ROWID;
CREATE TABLE charges (
    id INTEGER PRIMARY KEY, side TEXT NOT NULL, period INTEGER NOT NULL, source_id TEXT NOT NULL,
    record_id TEXT NOT NULL, quantity INTEGER NOT NULL, amount INTEGER NOT NULL
);
CREATE INDEX charges_by_source ON charges (source_id, side, period);
-- Records that came into a reseller BSS after its switch, by whatever path.
CREATE TABLE late_copies (
    copy_id TEXT PRIMARY KEY, reseller_id TEXT NOT NULL, source_id TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE mails (
    id INTEGER PRIMARY KEY, customer_id TEXT NOT NULL, subject TEXT NOT NULL, time_ms INTEGER NOT NULL
);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, actor TEXT NOT NULL, operation TEXT NOT NULL,
    account_id TEXT, source_id TEXT, business_key TEXT, epoch INTEGER, outcome TEXT NOT NULL,
    detail TEXT
);
-- How the sandbox is switched, as JSON, and what is to be corrupted at the switch.
CREATE TABLE switches (only INTEGER PRIMARY KEY CHECK (only = 1), value TEXT NOT NULL);
CREATE TABLE corruptions (id INTEGER PRIMARY KEY, corruption TEXT NOT NULL);
CREATE TABLE oauth_tokens (
    digest TEXT PRIMARY KEY, tenant INTEGER NOT NULL, expires_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE faults (
    id INTEGER PRIMARY KEY, rule TEXT NOT NULL, matched INTEGER NOT NULL, fired INTEGER NOT NULL
);

-- Records that the BSS shows as unclear, and why. What they are underneath is known all the same.
CREATE TABLE doubts (id TEXT PRIMARY KEY, why TEXT NOT NULL) WITHOUT ROWID;
-- Sources under which a copy is listed besides its own: it cannot be told whose it is.
CREATE TABLE shared_copies (
    copy_id TEXT NOT NULL, source_id TEXT NOT NULL, PRIMARY KEY (copy_id, source_id)
) WITHOUT ROWID;

-- The vendor's face: which calls came, who is logged in, and what only it shows.
CREATE TABLE vendor_calls (
    method TEXT NOT NULL, path TEXT NOT NULL, calls INTEGER NOT NULL, PRIMARY KEY (method, path)
) WITHOUT ROWID;
CREATE TABLE vendor_parameters (
    path TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (path, name, value)
) WITHOUT ROWID;
CREATE TABLE vendor_tokens (
    digest TEXT PRIMARY KEY, client TEXT NOT NULL, user TEXT NOT NULL, expires_ms INTEGER NOT NULL
) WITHOUT ROWID;
-- When a record was last touched. Kept by triggers, and only where the face is served.
CREATE TABLE changes (id TEXT PRIMARY KEY, time_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE bundles (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, customer_id TEXT NOT NULL,
    reseller_id TEXT NOT NULL, ended INTEGER NOT NULL
);
CREATE TABLE bundle_children (source_id TEXT PRIMARY KEY, bundle INTEGER NOT NULL) WITHOUT ROWID;
-- What a reseller made in its own BSS to try it out: an account with one subscription.
CREATE TABLE test_records (
    id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, name TEXT NOT NULL, fields TEXT NOT NULL
);
