"""The operations of the tenant-reseller reference contract, as rules over the tables of `store.py`.

Every operation runs in one transaction together with the examination that precedes it (`Call`), and
a batch as a whole does too. So nothing that was examined can change before the effect is stored, and
an epoch cannot become stale in the middle of a batch.
"""
import json
import re
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal

from store import as_json, customer_fields, digest, insert, one, purchase_fields

# So small that the largest records still fit: 8 MiB for a reply, 2 MiB for a request.
PAGE_SIZE = 100
LARGEST_BATCH = 100
MAX_REASONS = 100  # the longest `reasons` that the contract allows
MAX_FIELDS = 50  # the longest `fields` and `allowed`
MAX_EXAMPLES = 10

STATUS = {"AuthRejected": 401, "Forbidden": 403, "NotFound": 404, "Conflict": 409, "StaleEpoch": 409,
          "HeldByAnother": 409, "Blocked": 409, "Invalid": 422, "Unavailable": 503, "Internal": 500,
          "ManualStepNeeded": 501}
INVOICING = ("Combined", "Separate")
NEEDED_OPTIONS = ("priceList", "billing", "paymentMethod", "invoicing")
CUSTOMERS, PURCHASES = "Customers", "Subscriptions"
AMOUNT = r"[0-9]{1,15}(\.[0-9]{1,6})?"


class Problem(Exception):
    """A refusal of the whole request."""

    def __init__(self, error_class, detail, **members):
        super().__init__(detail)
        self.body = {"type": "about:blank", "title": error_class, "status": STATUS[error_class],
                     "class": error_class, "detail": detail, **members}


class ItemRefused(Exception):
    """A refusal of one item of a batch, raised before anything was written for it."""

    def __init__(self, outcome, **members):
        super().__init__(outcome)
        self.members = {"outcome": outcome, **members}


@dataclass
class Call:
    """A request whose path, headers and members were examined, and the records it is about."""
    db: object
    body: dict
    reseller: object = None
    tenant: object = None
    operation: object = None
    kind: str = None
    limit: int = PAGE_SIZE
    after: list = field(default_factory=list)
    queue_seconds: float = 0
    one_button: bool = False  # a person copies the subscriptions, by the act that also switches
    cursor_for: object = None  # turns a position into a cursor of this listing
    base: str = ""


# --- Shapes of request bodies -------------------------------------------------------------------
# A shape is a function that adds what is wrong to `problems`, so that all of it is named at once.

def wrong(name, detail, allowed=None):
    problem = {"field": name[:256], "detail": detail}
    if allowed is not None and len(allowed) <= MAX_FIELDS:
        problem["allowed"] = list(allowed)
    return problem


def text(longest, shortest=1, pattern=None):
    def check(value, path, problems):
        # A lone surrogate is no character: it could be neither stored nor sent back.
        if (not isinstance(value, str) or not shortest <= len(value) <= longest
                or re.search("[\ud800-\udfff]", value)):
            problems.append(wrong(path, f"must be a text of {shortest} to {longest} characters"))
        elif pattern and not re.fullmatch(pattern, value):
            problems.append(wrong(path, f"must match {pattern}"))
    return check


def whole(lowest, highest):
    def check(value, path, problems):
        if type(value) is not int or not lowest <= value <= highest:
            problems.append(wrong(path, f"must be a whole number from {lowest} to {highest}"))
    return check


def choice(*allowed):
    def check(value, path, problems):
        if value not in allowed:
            problems.append(wrong(path, "is not one of the values allowed", allowed))
    return check


def members(required, **optional):
    def check(value, path, problems):
        if not isinstance(value, dict):
            problems.append(wrong(path or "body", "must be a JSON object"))
            return
        for name, shape in {**required, **optional}.items():
            inner = f"{path}.{name}" if path else name
            if name in value:
                shape(value[name], inner, problems)
            elif name in required:
                problems.append(wrong(inner, "is missing"))
    return check


def batch(shape, identity=None, longest=LARGEST_BATCH):
    """A list of items, none of which comes twice: `identity` is the member that tells them apart."""
    def check(value, path, problems):
        if not isinstance(value, list) or not 1 <= len(value) <= longest:
            problems.append(wrong(path, f"must be a list of 1 to {longest} items"))
            return
        seen = set()
        for index, item in enumerate(value):
            place = f"{path}[{index}]"
            shape(item, place, problems)
            key = item.get(identity) if identity and isinstance(item, dict) else item
            if isinstance(key, str) and key in seen:
                problems.append(wrong(f"{place}.{identity}" if identity else place, "comes twice"))
            elif isinstance(key, str):
                seen.add(key)
    return check


# An id has no control character, and is neither `.` nor `..`, which the path of a URL cannot hold.
ID = text(128, pattern=r"\.?[^.\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*|\.\.[^\x00-\x1f\x7f-\x9f]+")
OPAQUE, KEY = text(128, pattern=r"[^\x00-\x1f\x7f-\x9f]+"), text(1024, pattern="[!-~]+")
COPY_ITEM = {"sourceId": ID, "businessKey": KEY, "expectedSource": OPAQUE}
OPTIONS = {"priceList": OPAQUE, "paymentMethod": text(64), "invoicing": choice(*INVOICING),
           "billing": members({}, day=whole(1, 28), anchor=choice("LastDayOfMonth"))}
CREDIT_LIMIT = text(22, pattern=AMOUNT)
EPOCH_BODY = members({"holder": OPAQUE}, takeOver=OPAQUE, acquisitionId=OPAQUE)
TENANT_BODY = members({"businessKey": KEY, "settings": members({
    "priceList": OPAQUE, "edition": text(64), "language": text(35, 2), "timeZone": text(64),
    "dateFormat": text(32), "invoicing": choice(*INVOICING)})})
FIND_BODY = members({"businessKeys": batch(KEY)})
LOOKUP_BODY = members({"customerIds": batch(ID)})
CHECK_BODY = members({"target": members({}, tenantId=ID, priceList=OPAQUE), "sourceIds": batch(ID)})
CUSTOMER_BATCH = members({"items": batch(members(COPY_ITEM, expectedCopy=OPAQUE), "sourceId")})
PURCHASE_BATCH = members({"items": batch(members(
    {**COPY_ITEM, "kind": choice("Subscription", "Asset"), "pricingDigest": OPAQUE}, expectedCopy=OPAQUE),
    "sourceId")})
PRICING_BATCH = members({"items": batch(members(
    {"customerId": ID, "options": members(OPTIONS, creditLimit=CREDIT_LIMIT)}), "customerId")})
ACTIVATE_BODY = members({"businessKey": KEY, "expectedRevision": whole(0, 2**53 - 1)})


# --- Records ------------------------------------------------------------------------------------

def present(**values):
    """An absent value is left out, never null."""
    return {name: value for name, value in values.items() if value is not None}


def live_tenant(db, reseller_id):
    return one(db, "SELECT * FROM tenant WHERE reseller_id = ? AND status <> 'MarkedAsDeleted'",
               reseller_id)


def copy_of(db, tenant, record_type, source_id):
    return one(db, "SELECT * FROM copy WHERE tenant_id = ? AND record_type = ? AND source_id = ?",
               tenant["id"], record_type, source_id)


def copy_digest(copy):
    return digest(json.loads(copy["source_fields"]))


def copy_record(copy):
    return present(id=copy["id"], businessKey=copy["business_key"], sourceId=copy["source_id"],
                   digest=copy_digest(copy), sourceDigest=copy["source_digest"],
                   state=copy["state"])


def tenant_record(db, tenant):
    settings = json.loads(tenant["settings"])
    price_list = one(db, "SELECT currency FROM price_list WHERE owner = '' AND id = ?",
                     settings["priceList"])
    return present(id=tenant["id"], businessKey=tenant["business_key"], settings=settings,
                   currency=price_list["currency"], status=tenant["status"])


def operation_record(operation):
    return present(id=operation["id"], state=operation["state"], detail=operation["detail"])


def claim_key(db, key, record_type, record_id):
    insert(db, "business_key", key=key, record_type=record_type, record_id=record_id)


def key_is_used(db, key):
    return one(db, "SELECT * FROM business_key WHERE key = ?", key)


def new_id(prefix):
    return f"{prefix}-{uuid.uuid4().hex}"


# --- The server, the reseller, its tenant -------------------------------------------------------

def get_identity(call):
    return 200, {"identity": "example-distribution"}


def get_capabilities(call):
    writes = ("createTenant", "copyCustomers", "setPricing", "copySubscriptions",
              "activateBackOrdering")
    modes = dict.fromkeys(writes, "Automatic")
    if call.one_button:
        modes.update(copySubscriptions="WithSwitch", activateBackOrdering="ManualStep")
    return 200, {"operations": modes,
                 "promises": {"keys": "Unique", "epochs": "Issued", "revision": "Carried",
                              "compares": "Atomic", "orders": "Listed", "offGuard": "Atomic"},
                 "largestBatch": LARGEST_BATCH, "pageSize": PAGE_SIZE}


def get_reseller(call):
    reseller, tenant = call.reseller, live_tenant(call.db, call.reseller["id"])
    return 200, present(
        accountId=reseller["id"], name=reseller["name"], kind=reseller["kind"],
        orderingEnabled=bool(reseller["ordering_enabled"]), currency=reseller["currency"],
        priceList=reseller["price_list"], tenantId=tenant and tenant["id"],
        backOrdering="On" if reseller["kind"] == "Tenant" else "Off")


def acquire_epoch(call):
    reseller, holder = call.reseller, call.body["holder"]
    if reseller["holder"] not in (None, holder, call.body.get("takeOver")):
        raise Problem("HeldByAnother", "another holder holds this reseller",
                      holder=reseller["holder"])
    previous = reseller["highest_epoch"]
    call.db.execute("UPDATE reseller SET highest_epoch = ?, holder = ? WHERE id = ?",
                    (previous + 1, holder, reseller["id"]))
    earlier = call.db.execute(
        "SELECT epoch, acquisition_id FROM acquisition WHERE reseller_id = ? "
        "ORDER BY epoch DESC LIMIT 16", (reseller["id"],)).fetchall()
    call.db.execute("INSERT INTO acquisition VALUES (?, ?, ?)",
                    (reseller["id"], previous + 1, call.body.get("acquisitionId")))
    return 200, present(epoch=previous + 1, previousEpoch=previous, holder=holder, earlier=[
        present(epoch=row["epoch"], acquisitionId=row["acquisition_id"]) for row in earlier] or None)


def get_tenant(call):
    tenant = live_tenant(call.db, call.reseller["id"])
    return 200, {"tenant": tenant_record(call.db, tenant)} if tenant else {}


def impossible_settings(call):
    """Every setting that no tenant can have; also asked for when other members are malformed."""
    settings = call.body.get("settings")
    if not isinstance(settings, dict):
        return []
    active = call.db.execute("SELECT id FROM price_list WHERE owner = '' AND active ORDER BY id")
    possible = {"priceList": [row["id"] for row in active]}
    for row in call.db.execute("SELECT name, value FROM choice ORDER BY name, value"):
        possible.setdefault(row["name"], []).append(row["value"])
    return [wrong(f"settings.{name}", "is not possible", allowed)
            for name, allowed in possible.items()
            if isinstance(settings.get(name), str) and settings[name] not in allowed]


def create_tenant(call):
    db, reseller, key = call.db, call.reseller, call.body["businessKey"]
    settings = {name: call.body["settings"][name] for name in (
        "priceList", "edition", "language", "timeZone", "dateFormat", "invoicing")}
    tenant = live_tenant(db, reseller["id"])
    if tenant:
        if tenant["business_key"] != key or json.loads(tenant["created_settings"]) != settings:
            raise Problem("Conflict", "the reseller has another live tenant")
        if tenant["status"] != "InProgress":
            return 200, tenant_record(db, tenant)
        return 202, operation_record(one(db, "SELECT * FROM operation WHERE tenant_id = ?",
                                         tenant["id"]))
    if key_is_used(db, key):
        # Also if its tenant was deleted: people create the next one.
        raise Problem("Conflict", "the business key was used before")
    impossible = impossible_settings(call)
    if impossible:
        raise Problem("Invalid", "settings are not possible", fields=impossible)
    refuse_if_blocked([("ResellerNotBasic", [reseller["id"]] * (reseller["kind"] != "Basic")),
                       ("OrderingDisabled", [reseller["id"]] * (not reseller["ordering_enabled"]))])
    tenant_id, operation_id = new_id("t"), new_id("op")
    claim_key(db, key, "tenant", tenant_id)
    insert(db, "tenant", id=tenant_id, reseller_id=reseller["id"], business_key=key,
           created_settings=as_json(settings), settings=as_json(settings), status="InProgress")
    insert(db, "operation", id=operation_id, reseller_id=reseller["id"], tenant_id=tenant_id,
           state="Running", due=time.time() + call.queue_seconds)
    return 202, {"id": operation_id, "state": "Running"}


def finish_creations(store):
    """Ends the queued creations whose time has come; those of before a restart are among them."""
    due = "SELECT * FROM operation WHERE state = 'Running' AND due <= ?"
    with store.transaction(write=False) as db:
        if not one(db, due, time.time()):
            return
    with store.transaction(write=True) as db:
        for operation in db.execute(due, (time.time(),)).fetchall():
            finish_creation(db, operation)


def finish_creation(db, operation):
    tenant = one(db, "SELECT * FROM tenant WHERE id = ?", operation["tenant_id"])
    price_list = one(db, "SELECT active FROM price_list WHERE owner = '' AND id = ?",
                     json.loads(tenant["settings"])["priceList"])
    if price_list["active"]:
        db.execute("UPDATE tenant SET status = 'Active' WHERE id = ?", (tenant["id"],))
        state, detail = "Succeeded", None
    else:
        db.execute("DELETE FROM tenant WHERE id = ?", (tenant["id"],))
        db.execute("DELETE FROM business_key WHERE key = ?", (tenant["business_key"],))
        state, detail = "Failed", "the price list was deactivated while the creation was queued"
    db.execute("UPDATE operation SET state = ?, detail = ? WHERE id = ?",
               (state, detail, operation["id"]))


def get_operation(call):
    return 200, operation_record(call.operation)


# --- Listings -----------------------------------------------------------------------------------

def page(call, sql, values, record, position=("id",)):
    """A page after `call.after`, with the revision from the same snapshot.

    SQLite's default collation compares UTF-8 texts byte by byte, as the contract demands.
    """
    keys = ", ".join(position)
    after = f"AND ({keys}) > ({', '.join('?' * len(position))})" if call.after else ""
    rows = call.db.execute(f"{sql} {after} ORDER BY {keys} LIMIT ?",
                           (*values, *call.after, call.limit + 1)).fetchall()
    shown = rows[:call.limit]
    cursor = call.cursor_for([shown[-1][name] for name in position]) if len(rows) > call.limit else None
    revision = one(call.db, "SELECT revision FROM reseller WHERE id = ?", call.reseller["id"])
    return 200, present(items=[record(row) for row in shown], nextCursor=cursor,
                        inventoryRevision=revision["revision"])


def link_finder(call, record_type):
    tenant = live_tenant(call.db, call.reseller["id"])

    def link(source_id):
        copy = tenant and copy_of(call.db, tenant, record_type, source_id)
        return {"tenantId": tenant["id"], "copyId": copy["id"]} if copy else None
    return link


def list_customers(call):
    link = link_finder(call, CUSTOMERS)
    return page(call, "SELECT * FROM account WHERE bill_to = ?", (call.reseller["id"],),
                lambda account: present(
                    id=account["id"], billTo=account["bill_to"], currency=account["currency"],
                    sync=account["sync"], marked=bool(account["marked"]),
                    digest=digest(customer_fields(account)), copy=link(account["id"])))


OF_RESELLER = "(owner_id = ?1 OR owner_id IN (SELECT id FROM account WHERE bill_to = ?1))"


def list_subscriptions(call):
    link = link_finder(call, PURCHASES)
    return page(call, f"SELECT * FROM purchase WHERE {OF_RESELLER}", (call.reseller["id"],),
                lambda purchase: present(
                    **purchase_fields(purchase), id=purchase["id"], kind=purchase["kind"],
                    customerId=purchase["owner_id"], state=purchase["state"],
                    marked=bool(purchase["marked"]), digest=digest(purchase_fields(purchase)),
                    copy=link(purchase["id"])))


def list_open_orders(call):
    return page(call, f"SELECT * FROM purchase_order WHERE NOT final AND {OF_RESELLER}",
                (call.reseller["id"],),
                lambda order: {"id": order["id"], "customerId": order["owner_id"],
                               "placedTime": order["placed_time"]})


def list_copies(call):
    return page(call, "SELECT * FROM copy WHERE tenant_id = ? AND record_type = ?",
                (call.tenant["id"], call.kind), copy_record, ("source_id", "id"))


def find_copies(call):
    def found(key):
        rows = call.db.execute("SELECT * FROM copy WHERE tenant_id = ? AND business_key = ?",
                               (call.tenant["id"], key))
        return {"businessKey": key, "copies": [copy_record(row) for row in rows]}
    return 200, {"results": [found(key) for key in call.body["businessKeys"]]}


# --- Refusals -----------------------------------------------------------------------------------

def refuse_if_blocked(reasons):
    """`reasons` pairs each possible reason with the ids of the records that it concerns."""
    blockers = [{"reason": reason, "count": len(ids), "examples": sorted(ids)[:MAX_EXAMPLES]}
                for reason, ids in reasons if ids]
    if blockers:
        raise Problem("Blocked", "it must not be done as things are", blockers=blockers)


def refuse_closed(call):
    """What refuses every item of a batch of copies."""
    reasons = ["BackOrderingActive"] * (call.reseller["kind"] == "Tenant")
    reasons += ["TenantSuspended"] * (call.tenant["status"] != "Active")
    if reasons:
        raise blocked([{"reason": reason} for reason in reasons])


def conflict(detail):
    return ItemRefused("Conflict", detail=detail)


def failed(error_class, detail, **more):
    return ItemRefused("Failed", **{"class": error_class}, detail=detail, **more)


def blocked(reasons):
    return ItemRefused("Blocked", reasons=reasons[:MAX_REASONS])


def decide_each(call, decide, identity):
    """One result per item, also if every item is refused."""
    def result(item):
        try:
            return {identity: item[identity], "outcome": decide(call, item)}
        except ItemRefused as refused:
            return {identity: item[identity], **refused.members}
    return 200, {"results": [result(item) for item in call.body["items"]]}


def refuse_foreign_key(call, item, copy):
    """The key must be that of the source's copy or, if there is none, a new one."""
    if copy and copy["business_key"] != item["businessKey"]:
        raise conflict("the source has a copy under another business key")
    if not copy and item["businessKey"] and key_is_used(call.db, item["businessKey"]):
        raise conflict("the business key belongs to another record")


def make_copy(call, item, record_type, fields, reseller_fields):
    copy_id = new_id("c")
    if item["businessKey"] is not None:  # a person knows no keys
        claim_key(call.db, item["businessKey"], record_type, copy_id)
    insert(call.db, "copy", id=copy_id, tenant_id=call.tenant["id"], record_type=record_type,
           source_id=item["sourceId"], business_key=item["businessKey"], state="Live",
           source_fields=as_json(fields), source_digest=digest(fields),
           reseller_fields=as_json(reseller_fields))
    return "Created"


def update_copy(call, copy, fields):
    """Only the source-owned fields: all others are the reseller's."""
    call.db.execute("UPDATE copy SET source_fields = ?, source_digest = ? WHERE id = ?",
                    (as_json(fields), digest(fields), copy["id"]))
    return "Updated"


# --- Customers ----------------------------------------------------------------------------------

def copy_customers(call):
    return decide_each(call, copy_customer, "sourceId")


def copy_customer(call, item):
    refuse_closed(call)
    db, source_id = call.db, item["sourceId"]
    account = one(db, "SELECT * FROM account WHERE id = ?", source_id)
    # DuplicateCopy is not examined: the UNIQUE index leaves a source one copy in a tenant.
    copy = copy_of(db, call.tenant, CUSTOMERS, source_id)
    if not account or account["bill_to"] != call.reseller["id"]:
        raise blocked([{"reason": "OrphanedCopy"}]) if copy else failed(
            "NotFound", "it is not a customer of this reseller")
    fields = customer_fields(account)
    if digest(fields) != item["expectedSource"]:
        raise conflict("the source changed")
    refuse_foreign_key(call, item, copy)
    if not copy:
        if "expectedCopy" in item:
            raise conflict("there is no copy")
        mark_account(db, source_id)
        return make_copy(call, item, CUSTOMERS, fields, contact_fields(account))
    if copy_digest(copy) == digest(fields):
        if copy["state"] == "Ended" or copy["state"] == "Live" and account["marked"]:
            return "Unchanged"
        if item.get("expectedCopy", copy_digest(copy)) != copy_digest(copy):
            raise conflict("the copy is not as expected")
        complete_copy(db, copy, account)
        return "Created"
    refuse_unless_updatable(item, copy)
    complete_copy(db, copy, account)
    return update_copy(call, copy, fields)


def refuse_unless_updatable(item, copy):
    """A copy that differs from its source is written only if the copy itself was not amended."""
    if copy["state"] == "Ended":
        raise blocked([{"reason": "SourceChanged", "detail": "its copy was ended before"}])
    if item.get("expectedCopy") != copy_digest(copy):
        raise conflict("the copy is not as expected")
    if copy_digest(copy) != copy["source_digest"]:
        raise blocked([{"reason": "SourceChanged", "detail": "the copy was amended"}])


def contact_fields(account):
    return {"name": account["name"], "contacts": json.loads(account["contacts"])}


def mark_account(db, account_id):
    db.execute("UPDATE account SET marked = 1 WHERE id = ? AND NOT marked", (account_id,))
    db.execute("UPDATE purchase_order SET marked = 1 WHERE owner_id = ? AND NOT marked", (account_id,))


def complete_copy(db, copy, account):
    """Sets the marks, and adds the contacts where an earlier way of copying left them out."""
    mark_account(db, account["id"])
    db.execute("UPDATE copy SET state = 'Live', reseller_fields = ? "
               "WHERE id = ? AND state = 'Incomplete'",
               (as_json(contact_fields(account)), copy["id"]))


# --- Pricing options ----------------------------------------------------------------------------

def comparable(options):
    """Amounts are compared as numbers."""
    limit = options.get("creditLimit")
    return {**options, **({"creditLimit": str(Decimal(limit).normalize())} if limit else {})}


def pricing_of(db, tenant, customer_id):
    """The customer's copy and its options, complete or not."""
    copy = copy_of(db, tenant, CUSTOMERS, customer_id)
    return copy, json.loads(copy["pricing"]) if copy else {}


def missing_options(copy, options):
    return ["copy"] * (not copy) + [name for name in NEEDED_OPTIONS if name not in options]


def get_pricing(call):
    def state(customer_id):
        copy, options = pricing_of(call.db, call.tenant, customer_id)
        missing = missing_options(copy, options)
        return present(customerId=customer_id, missing=missing or None,
                       digest=None if missing else digest(comparable(options)),
                       displayName=copy and json.loads(copy["reseller_fields"])["name"][:128])
    return 200, {"results": [state(customer_id) for customer_id in call.body["customerIds"]]}


def set_pricing(call):
    refuse_if_blocked([("TenantSuspended", [call.tenant["id"]] * (call.tenant["status"] != "Active"))])
    return decide_each(call, set_customer_pricing, "customerId")


def set_customer_pricing(call, item):
    given = {name: item["options"][name] for name in (*NEEDED_OPTIONS, "creditLimit")
             if name in item["options"]}
    given["billing"] = {name: value for name, value in given["billing"].items()
                        if name in ("day", "anchor")}
    copy, stored = pricing_of(call.db, call.tenant, item["customerId"])
    if not copy:
        raise failed("NotFound", "the customer has no copy in this tenant", fields=["copy"])
    impossible = impossible_options(call.db, call.reseller["id"], given)
    if impossible:
        raise failed("Invalid", "options are not possible", fields=impossible)
    if not stored:
        call.db.execute("UPDATE copy SET pricing = ? WHERE id = ?", (as_json(given), copy["id"]))
        return "Written"
    # Also where a person set only some of them: what they left out is not filled in.
    differing = [name for name in (*NEEDED_OPTIONS, "creditLimit")
                 if comparable(stored).get(name) != comparable(given).get(name)]
    if differing:
        raise ItemRefused("Differs", fields=differing)
    return "Unchanged"


def impossible_options(db, reseller_id, options):
    possible = {
        "priceList": one(db, "SELECT 1 FROM price_list WHERE owner = ? AND id = ?", reseller_id,
                         options.get("priceList")),
        "billing": len(options.get("billing", ())) == 1,
        "paymentMethod": one(db, "SELECT 1 FROM payment_method WHERE reseller_id = ? AND name = ?",
                             reseller_id, options.get("paymentMethod"))}
    return [name for name, is_possible in possible.items() if name in options and not is_possible]


# --- Subscriptions and assets -------------------------------------------------------------------

def missing_from(db, owner, list_id, purchase):
    """What a price list lacks for a purchase, as pairs of blocker reason and detail."""
    prices = {(row["code"], row["cycle"]) for row in db.execute(
        "SELECT code, cycle FROM price WHERE owner = ? AND list_id = ?", (owner, list_id))}
    product, cycle = purchase["product"], purchase["billing_cycle"]
    missing = [("AddonMissing", code) for code in sorted(set(json.loads(purchase["addons"])))
               if (code, "") not in prices]
    if not any(code == product and known for code, known in prices):
        return [("ProductMissing", product), *missing]
    return missing + [("BillingCycleMissing", f"{product} {cycle}")] * ((product, cycle) not in prices)


def catalogue_reasons(db, list_id, purchase):
    currency = one(db, "SELECT currency FROM price_list WHERE owner = '' AND id = ?",
                   list_id)["currency"]
    reasons = missing_from(db, "", list_id, purchase)
    if purchase["currency"] != currency:
        reasons.insert(0, ("CurrencyMismatch", f"{purchase['currency']} instead of {currency}"))
    return [{"reason": reason, "detail": detail} for reason, detail in reasons]


def tenant_reasons(db, tenant, purchase):
    reasons = catalogue_reasons(db, json.loads(tenant["settings"])["priceList"], purchase)
    copy, options = pricing_of(db, tenant, purchase["owner_id"])
    if "priceList" in options:
        unpriced = missing_from(db, tenant["reseller_id"], options["priceList"], purchase)
        names = ", ".join(detail for _, detail in unpriced)
        reasons += [{"reason": "PricingIncomplete",
                     "detail": f"no price for {names}"[:512]}] * bool(unpriced)
    return reasons


def wrong_target(call):
    target = call.body.get("target")
    if not isinstance(target, dict):
        return []
    if ("tenantId" in target) == ("priceList" in target):
        return [wrong("target", "must have exactly one of tenantId and priceList")]
    if isinstance(target.get("priceList"), str) and not one(
            call.db, "SELECT 1 FROM price_list WHERE owner = '' AND active AND id = ?",
            target["priceList"]):
        return [wrong("target.priceList", "is unknown or not active")]
    return []


def check_purchases(call):
    target = call.body["target"]
    tenant = live_tenant(call.db, call.reseller["id"])
    if "tenantId" in target and (not tenant or tenant["id"] != target["tenantId"]):
        raise Problem("NotFound", "the reseller has no such tenant")

    def reasons(purchase):
        if "tenantId" in target:
            return tenant_reasons(call.db, tenant, purchase)
        return catalogue_reasons(call.db, target["priceList"], purchase)
    purchases = (one(call.db, "SELECT purchase.* FROM purchase JOIN account ON account.id = owner_id "
                     "WHERE purchase.id = ? AND bill_to = ?", source_id, call.reseller["id"])
                 for source_id in call.body["sourceIds"])
    return 200, {"results": [{"sourceId": purchase["id"], "reasons": reasons(purchase)[:MAX_REASONS]}
                             for purchase in purchases if purchase]}


def refuse_for_people(call):
    if call.one_button:
        raise Problem("ManualStepNeeded", "a person does it", instruction=(
            f"Distributor BSS, page Accounts > {call.reseller['id']}, button Copy and Activate: "
            f"target {call.tenant['id']}. It copies every active subscription and asset and "
            "activates back ordering. It cannot be undone."))


def copy_and_switch(call, most):
    """The button: a person copies up to `most` and, if that was all, activates back ordering."""
    db, reseller, tenant = call.db, call.reseller, call.tenant
    rows = db.execute("SELECT purchase.* FROM purchase JOIN account ON account.id = owner_id WHERE "
                      "bill_to = ? AND state = 'Active' ORDER BY purchase.id", (reseller["id"],))
    left = [row for row in rows.fetchall() if not copy_of(db, tenant, PURCHASES, row["id"])]
    copied, refused = [], []
    for row in left[:most]:
        options = pricing_of(db, tenant, row["owner_id"])[1]
        item = {"sourceId": row["id"], "kind": row["kind"], "businessKey": None,
                "expectedSource": digest(purchase_fields(row)),
                "pricingDigest": digest(comparable(options))}
        try:
            copy_subscription(call, item)
            copied.append(row["id"])
        except ItemRefused:
            refused.append(row["id"])
    reasons = [reason for reason, ids in activation_reasons(db, reseller, tenant) if ids]
    if len(left) <= most and not reasons:
        switch(db, reseller)
    return {"copied": copied, "refused": refused, "activated": len(left) <= most and not reasons,
            "reasons": reasons}


def copy_subscriptions(call):
    refuse_for_people(call)
    return decide_each(call, copy_subscription, "sourceId")


def copy_subscription(call, item):
    refuse_closed(call)
    db, tenant = call.db, call.tenant
    purchase = one(db, "SELECT * FROM purchase WHERE id = ?", item["sourceId"])
    # DuplicateCopy is not examined: the UNIQUE index leaves a source one copy in a tenant.
    copy = copy_of(db, tenant, PURCHASES, item["sourceId"])
    if purchase and purchase["owner_id"] == call.reseller["id"]:
        raise failed("Forbidden", "it is the reseller's own purchase")
    customer = purchase and one(db, "SELECT * FROM account WHERE id = ? AND bill_to = ?",
                                purchase["owner_id"], call.reseller["id"])
    if not customer:
        raise blocked([{"reason": "OrphanedCopy"}]) if copy else failed(
            "NotFound", "it is not of a customer of this reseller")
    if purchase["kind"] != item["kind"]:
        raise failed("Invalid", f"it is of kind {purchase['kind']}")
    if purchase["state"] != "Active":
        raise blocked([{"reason": "OrphanedCopy"}]) if copy else conflict(
            f"the source is {purchase['state']}")
    fields = purchase_fields(purchase)
    if digest(fields) != item["expectedSource"]:
        raise conflict("the source changed")
    refuse_foreign_key(call, item, copy)
    if copy and copy_digest(copy) == digest(fields):
        return "Unchanged"
    if copy:
        refuse_unless_updatable(item, copy)
    elif "expectedCopy" in item:
        raise conflict("there is no copy")
    customer_copy, options = pricing_of(db, tenant, customer["id"])
    reasons = tenant_reasons(db, tenant, purchase)
    reasons += [{"reason": "AccountNotSynced"}] * (customer["sync"] != "Synced")
    reasons += [{"reason": "CustomerNotCopied"}] * (
        not customer_copy or customer_copy["state"] != "Live")
    missing = missing_options(customer_copy, options)
    if missing:
        reasons.append({"reason": "PricingIncomplete", "detail": "missing: " + ", ".join(missing)})
    if reasons:
        raise blocked(reasons)
    if digest(comparable(options)) != item["pricingDigest"]:
        raise conflict("the customer's pricing options changed")
    if copy:
        return update_copy(call, copy, fields)
    return make_copy(call, item, PURCHASES, fields,
                     billing_fields(db, tenant, purchase, options, customer_copy))


def billing_fields(db, tenant, purchase, options, customer_copy):
    """The reseller-owned fields of a new copy. Nothing is charged before the source renews."""
    def amount(code, cycle):
        return one(db, "SELECT amount FROM price WHERE owner = ? AND list_id = ? AND code = ? "
                   "AND cycle = ?", tenant["reseller_id"], options["priceList"], code,
                   cycle)["amount"]
    return {"customerCopy": customer_copy["id"], "billing": options["billing"],
            "invoicing": options["invoicing"], "paymentMethod": options["paymentMethod"],
            "sellPrice": amount(purchase["product"], purchase["billing_cycle"]),
            "addonPrices": {code: amount(code, "") for code in json.loads(purchase["addons"])},
            "firstCharge": "Never" if purchase["billing_cycle"] == "OneOff" else "NextRenewal"}


# --- The switch ---------------------------------------------------------------------------------

def activate_back_ordering(call):
    refuse_for_people(call)
    db, reseller, tenant, key = call.db, call.reseller, call.tenant, call.body["businessKey"]
    if reseller["kind"] == "Tenant":
        return 200, {"outcome": "AlreadyActive", "activatedTime": reseller["activated_time"]}
    if key_is_used(db, key):
        raise Problem("Conflict", "the business key belongs to something else")
    if reseller["revision"] != call.body["expectedRevision"]:
        raise Problem("Conflict", f"the inventory revision is {reseller['revision']}")
    refuse_if_blocked(activation_reasons(db, reseller, tenant))
    claim_key(db, key, "activation", tenant["id"])
    return 200, {"outcome": "Activated", "activatedTime": switch(db, reseller)}


def switch(db, reseller):
    """Activates back ordering, for good; answers when."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    db.execute("UPDATE reseller SET kind = 'Tenant', activated_time = ? WHERE id = ?",
               (now, reseller["id"]))
    db.execute(f"UPDATE purchase SET marked = 1 WHERE NOT marked AND {OF_RESELLER}", (reseller["id"],))
    db.execute("UPDATE account SET marked = 1 WHERE NOT marked AND bill_to = ?", (reseller["id"],))
    return now


def activation_reasons(db, reseller, tenant):
    """Everything that stands against the switch, as pairs of reason and ids."""
    copies = {CUSTOMERS: {}, PURCHASES: {}}
    for copy in db.execute("SELECT * FROM copy WHERE tenant_id = ?", (tenant["id"],)):
        copies[copy["record_type"]][copy["source_id"]] = copy
    customers = {row["id"]: row for row in db.execute(
        "SELECT * FROM account WHERE bill_to = ?", (reseller["id"],))}
    active = {row["id"]: row for row in db.execute(
        "SELECT purchase.* FROM purchase JOIN account ON account.id = owner_id "
        "WHERE bill_to = ? AND state = 'Active'", (reseller["id"],))}
    ready = {source_id for source_id, copy in copies[CUSTOMERS].items()
             if copy["state"] != "Incomplete"}
    owners = {row["owner_id"] for row in active.values()}
    live = {source_id: copy for source_id, copy in copies[PURCHASES].items()
            if copy["state"] != "Ended"}
    changed = [source_id for source_id, row in active.items() if source_id in live
               and copy_digest(live[source_id]) != digest(purchase_fields(row))]
    for customer_id in owners:
        copy = copies[CUSTOMERS].get(customer_id)
        if copy and copy["state"] != "Ended" and (
                copy_digest(copy) != digest(customer_fields(customers[customer_id]))):
            changed.append(customer_id)
    orders = db.execute(f"SELECT id FROM purchase_order WHERE NOT final AND {OF_RESELLER}",
                        (reseller["id"],))
    return [
        ("ResellerNotBasic", [reseller["id"]] * (reseller["kind"] != "Basic")),
        ("TenantSuspended", [tenant["id"]] * (tenant["status"] != "Active")),
        ("NotCopied", [source_id for source_id in active if source_id not in copies[PURCHASES]]
         + list(owners - ready)),
        ("OrphanedCopy", [source_id for source_id in live if source_id not in active]),
        ("SourceChanged", changed),
        ("HalfMarked", [row["id"] for row in customers.values()
                        if bool(row["marked"]) != (row["id"] in copies[CUSTOMERS])]),
        ("OrderNotFinal", [row["id"] for row in orders])]
