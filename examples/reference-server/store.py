"""The records of the distributor BSS and of its tenants, in SQLite.

Put your own BSS here: `contract.py` asks only for the tables below. What must never happen twice is
kept impossible by UNIQUE indexes, and the inventory revision is raised by triggers, so that no code
path (and no person with a database shell) can forget either.
"""
import hashlib
import json
import secrets
import sqlite3
import threading
from contextlib import contextmanager

SCHEMA = """
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
-- What a tenant's edition, language, time zone and date format may be.
CREATE TABLE choice (name TEXT, value TEXT, PRIMARY KEY (name, value));
-- The distributor's price lists have the owner '', those of a reseller BSS the reseller's id.
CREATE TABLE price_list (owner TEXT, id TEXT, currency TEXT NOT NULL, active INTEGER NOT NULL,
    PRIMARY KEY (owner, id));
-- A product has one row per billing cycle, an add-on one row with the cycle ''.
CREATE TABLE price (owner TEXT, list_id TEXT, code TEXT, cycle TEXT, amount TEXT NOT NULL,
    PRIMARY KEY (owner, list_id, code, cycle));
CREATE TABLE payment_method (reseller_id TEXT, name TEXT, PRIMARY KEY (reseller_id, name));
-- Back ordering is On exactly if the kind is Tenant: one column, so the two never disagree.
CREATE TABLE reseller (id TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL,
    ordering_enabled INTEGER NOT NULL, currency TEXT NOT NULL, price_list TEXT,
    revision INTEGER NOT NULL DEFAULT 0, highest_epoch INTEGER NOT NULL DEFAULT 0, holder TEXT,
    activated_time TEXT);
-- For which attempt an epoch was issued.
CREATE TABLE acquisition (reseller_id TEXT, epoch INTEGER, acquisition_id TEXT,
    PRIMARY KEY (reseller_id, epoch));
CREATE TABLE account (id TEXT PRIMARY KEY, name TEXT NOT NULL, bill_to TEXT NOT NULL,
    currency TEXT NOT NULL, sync TEXT NOT NULL, contacts TEXT NOT NULL,
    marked INTEGER NOT NULL DEFAULT 0);
CREATE INDEX account_of_reseller ON account (bill_to, id);
-- owner_id is a customer's account or the reseller itself.
CREATE TABLE purchase (id TEXT PRIMARY KEY, kind TEXT NOT NULL, owner_id TEXT NOT NULL,
    product TEXT NOT NULL, addons TEXT NOT NULL, billing_cycle TEXT NOT NULL,
    quantity INTEGER NOT NULL, start_date TEXT NOT NULL, billing_anchor TEXT NOT NULL,
    currency TEXT NOT NULL, cost_price TEXT NOT NULL, state TEXT NOT NULL,
    marked INTEGER NOT NULL DEFAULT 0);
CREATE INDEX purchase_of_owner ON purchase (owner_id, id);
CREATE TABLE purchase_order (id TEXT PRIMARY KEY, owner_id TEXT NOT NULL, placed_time TEXT NOT NULL,
    final INTEGER NOT NULL, marked INTEGER NOT NULL DEFAULT 0);
CREATE TABLE tenant (id TEXT PRIMARY KEY, reseller_id TEXT NOT NULL, business_key TEXT,
    created_settings TEXT NOT NULL, settings TEXT NOT NULL, status TEXT NOT NULL);
CREATE UNIQUE INDEX one_live_tenant ON tenant (reseller_id) WHERE status <> 'MarkedAsDeleted';
CREATE TABLE operation (id TEXT PRIMARY KEY, reseller_id TEXT NOT NULL, tenant_id TEXT NOT NULL,
    state TEXT NOT NULL, detail TEXT, due REAL NOT NULL);
-- A copy keeps the source-owned fields as JSON, so that source and copy go through one digest rule.
CREATE TABLE copy (id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, record_type TEXT NOT NULL,
    source_id TEXT NOT NULL, business_key TEXT UNIQUE, state TEXT NOT NULL,
    source_fields TEXT NOT NULL, source_digest TEXT NOT NULL, reseller_fields TEXT NOT NULL,
    pricing TEXT NOT NULL DEFAULT '{}', UNIQUE (tenant_id, record_type, source_id));
-- One key names one record in the whole BSS: tenant, copy or activation.
CREATE TABLE business_key (key TEXT PRIMARY KEY, record_type TEXT NOT NULL, record_id TEXT NOT NULL);
CREATE TABLE stored_reply (path TEXT, key TEXT, request TEXT NOT NULL, tenant_id TEXT NOT NULL,
    status INTEGER NOT NULL, reply TEXT NOT NULL, PRIMARY KEY (path, key));

-- What arises for a marked account inherits the mark.
CREATE TRIGGER purchase_inherits AFTER INSERT ON purchase
WHEN EXISTS (SELECT 1 FROM account WHERE id = new.owner_id AND marked)
BEGIN UPDATE purchase SET marked = 1 WHERE id = new.id; END;
CREATE TRIGGER order_inherits AFTER INSERT ON purchase_order
WHEN EXISTS (SELECT 1 FROM account WHERE id = new.owner_id AND marked)
BEGIN UPDATE purchase_order SET marked = 1 WHERE id = new.id; END;
CREATE TRIGGER reseller_changed AFTER UPDATE OF kind ON reseller
BEGIN UPDATE reseller SET revision = revision + 1 WHERE id = new.id; END;
-- With its tenant a reseller's links disappear from the listings.
CREATE TRIGGER tenant_deleted AFTER UPDATE OF status ON tenant WHEN new.status = 'MarkedAsDeleted'
BEGIN UPDATE reseller SET revision = revision + 1 WHERE id = new.reseller_id; END;
"""

# Which changes raise the revision of which reseller; {row} is `old` or `new`.
OF_OWNER = "id = {row}.owner_id OR id = (SELECT bill_to FROM account WHERE id = {row}.owner_id)"
INVENTORY = {
    "account": ("", "id = {row}.bill_to"),
    "purchase": ("", OF_OWNER),
    "purchase_order": ("", OF_OWNER),
    "copy": ("OF state, source_fields",
             "id = (SELECT reseller_id FROM tenant WHERE id = {row}.tenant_id)"),
}


def revision_triggers():
    for table, (columns, whose) in INVENTORY.items():
        old, new = whose.format(row="old"), whose.format(row="new")
        for event, condition in (("INSERT", new), ("DELETE", old),
                                 (f"UPDATE {columns}", f"({old}) OR ({new})")):
            name = f"{table}_{event.split()[0].lower()}_raises"
            yield (f"CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN UPDATE reseller "
                   f"SET revision = revision + 1 WHERE {condition}; END;")


class Busy(Exception):
    """The database could not begin a transaction: nothing was done, and nothing will be."""


class Store:
    """One connection behind one lock: every transaction sees and leaves one consistent state.

    BEGIN IMMEDIATE keeps that true if a second process works on the same file.
    """

    def __init__(self, path):
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False,
                                           timeout=5)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")  # what was answered is durable
        if not self._connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            self._connection.executescript(
                "BEGIN;" + SCHEMA + "\n".join(revision_triggers()) + "INSERT INTO setting VALUES"
                f"('cursor_secret', '{secrets.token_hex(32)}'); COMMIT;")
        secret = self._connection.execute("SELECT value FROM setting WHERE name = 'cursor_secret'")
        self.cursor_secret = secret.fetchone()["value"].encode()

    @contextmanager
    def transaction(self, write):
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            except sqlite3.OperationalError as error:
                raise Busy from error
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self):
        with self._lock:
            self._connection.close()


def one(db, sql, *values):
    return db.execute(sql, values).fetchone()


def as_json(value):
    """JSON in one fixed form: equal values give equal texts."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest(value):
    return hashlib.sha256(as_json(value).encode()).hexdigest()


def customer_fields(account):
    """The source-owned fields of a customer."""
    return {"billTo": account["bill_to"], "currency": account["currency"]}


def purchase_fields(purchase):
    """The source-owned fields of a subscription or asset; the order of add-ons does not matter."""
    return {"product": purchase["product"], "addons": sorted(json.loads(purchase["addons"])),
            "billingCycle": purchase["billing_cycle"], "quantity": purchase["quantity"],
            "startDate": purchase["start_date"], "billingAnchor": purchase["billing_anchor"],
            "currency": purchase["currency"], "costPrice": purchase["cost_price"]}


def insert(db, table, **columns):
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(columns.values()))


def insert_purchase(db, owner_id, record):
    insert(db, "purchase", id=record["id"], kind=record["kind"], owner_id=owner_id,
           product=record["product"], addons=as_json(record.get("addons", [])),
           billing_cycle=record["billingCycle"], quantity=record["quantity"],
           start_date=record["startDate"], billing_anchor=record["billingAnchor"],
           currency=record["currency"], cost_price=record["costPrice"],
           state=record.get("state", "Active"))


def seed(store, data):
    """Fills an empty database; one that has resellers is left as it is, so a restart may repeat it."""
    with store.transaction(write=True) as db:
        if one(db, "SELECT 1 FROM reseller"):
            return
        for name, values in data["choices"].items():
            for value in values:
                insert(db, "choice", name=name, value=value)
        for price_list in data["priceLists"]:
            seed_price_list(db, "", price_list)
        for reseller in data["resellers"]:
            seed_reseller(db, reseller)


def seed_price_list(db, owner, price_list):
    insert(db, "price_list", owner=owner, id=price_list["id"], currency=price_list["currency"],
           active=price_list.get("active", True))
    prices = [(code, cycle, amount) for code, cycles in price_list["products"].items()
              for cycle, amount in cycles.items()]
    prices += [(code, "", amount) for code, amount in price_list["addons"].items()]
    for code, cycle, amount in prices:
        insert(db, "price", owner=owner, list_id=price_list["id"], code=code, cycle=cycle,
               amount=amount)


def seed_reseller(db, reseller):
    insert(db, "reseller", id=reseller["id"], name=reseller["name"], kind=reseller["kind"],
           ordering_enabled=reseller["orderingEnabled"], currency=reseller["currency"],
           price_list=reseller.get("priceList"))
    for price_list in reseller["priceLists"]:
        seed_price_list(db, reseller["id"], price_list)
    for name in reseller["paymentMethods"]:
        insert(db, "payment_method", reseller_id=reseller["id"], name=name)
    for customer in reseller["customers"]:
        insert(db, "account", id=customer["id"], name=customer["name"], bill_to=reseller["id"],
               currency=customer["currency"], sync=customer["sync"],
               contacts=as_json(customer["contacts"]))
    for owner in [reseller, *reseller["customers"]]:
        for purchase in owner.get("purchases", []):
            insert_purchase(db, owner["id"], purchase)
        for order in owner.get("orders", []):
            insert(db, "purchase_order", id=order["id"], owner_id=owner["id"],
                   placed_time=order["placedTime"], final=order["final"])
