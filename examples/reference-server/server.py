"""Serves the tenant-reseller reference contract over HTTP/1.1: transport, examination, command line.

`contract.py` holds the rules of the operations, `store.py` the records behind them.
"""
import argparse
import base64
import hashlib
import hmac
import json
import logging
import re
import signal
import ssl
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

import contract
from contract import Call, Problem, members, one, wrong
from store import Busy, Store, as_json, insert_purchase, seed

BASE = "/tenant-reseller/v1"
LARGEST_REQUEST = 2 * 1024 * 1024
LARGEST_DISCARDED, CHUNK = 32 * 1024 * 1024, 64 * 1024
IDLE_SECONDS = 120  # an idle or stalled connection is closed after this time
LARGEST_EPOCH = 2**53 - 1


@dataclass
class Route:
    method: str
    path: str
    run: object
    body: object = None  # shape of the request body
    writes: bool = False
    fenced: bool = False  # carries Fencing-Epoch
    keyed: bool = False  # carries Idempotency-Key
    replayed: bool = False  # an equal request under its key gets the stored reply
    listing: bool = False
    kinds: tuple = ()  # the values of the query parameter `kind`
    examine: object = None  # finds wrong members that only the records can tell
    examine_late: bool = False  # the operation itself examines them, unless others are wrong

    def match(self, segments):
        """The ids in the path, or None if the path is another."""
        pattern = self.path.split("/")[1:]
        if len(pattern) != len(segments):
            return None
        ids = {}
        for expected, actual in zip(pattern, segments):
            if expected.startswith("{"):
                ids[expected[1:-1]] = actual
            elif expected != actual:
                return None
        return ids


def fenced(path, run, body, **more):
    return Route("POST", path, run, body, writes=True, fenced=True, **more)


RESELLER, TENANT = "/resellers/{reseller}", "/tenants/{tenant}"
ROUTES = [
    Route("GET", "/identity", contract.get_identity),
    Route("GET", "/capabilities", contract.get_capabilities),
    Route("GET", RESELLER, contract.get_reseller),
    Route("POST", RESELLER + "/epoch", contract.acquire_epoch, contract.EPOCH_BODY, writes=True),
    Route("GET", RESELLER + "/tenant", contract.get_tenant),
    fenced(RESELLER + "/tenant", contract.create_tenant, contract.TENANT_BODY, keyed=True,
           examine=contract.impossible_settings, examine_late=True),
    Route("GET", "/operations/{operation}", contract.get_operation),
    Route("GET", RESELLER + "/customers", contract.list_customers, listing=True),
    Route("GET", RESELLER + "/subscriptions", contract.list_subscriptions, listing=True),
    Route("GET", RESELLER + "/open-orders", contract.list_open_orders, listing=True),
    Route("POST", RESELLER + "/checks", contract.check_purchases, contract.CHECK_BODY,
          examine=contract.wrong_target),
    Route("GET", TENANT + "/copies", contract.list_copies, listing=True,
          kinds=(contract.CUSTOMERS, contract.PURCHASES)),
    Route("POST", TENANT + "/copies/find", contract.find_copies, contract.FIND_BODY),
    fenced(TENANT + "/customers/copy", contract.copy_customers, contract.CUSTOMER_BATCH),
    Route("POST", TENANT + "/pricing/lookup", contract.get_pricing, contract.LOOKUP_BODY),
    fenced(TENANT + "/pricing", contract.set_pricing, contract.PRICING_BATCH),
    fenced(TENANT + "/subscriptions/copy", contract.copy_subscriptions, contract.PURCHASE_BATCH),
    fenced(TENANT + "/activation", contract.activate_back_ordering, contract.ACTIVATE_BODY,
           keyed=True, replayed=True),
]


# --- The admin door: what a person does in the two BSSs, for tests and trials -------------------

def admin_state(call):
    def count(sql, *values):
        return one(call.db, f"SELECT count(*) AS n FROM {sql}", *values)["n"]

    def state(reseller):
        tenant = contract.live_tenant(call.db, reseller["id"])
        tenant_id = tenant and tenant["id"]
        twice = call.db.execute("SELECT source_id, count(*) AS n FROM copy WHERE tenant_id = ? "
                                "GROUP BY record_type, source_id HAVING n > 1", (tenant_id,))
        copies = {kind: count("copy WHERE tenant_id = ? AND record_type = ?", tenant_id, kind)
                  for kind in (contract.CUSTOMERS, contract.PURCHASES)}
        return {"reseller": reseller["id"], "tenantStatus": tenant["status"] if tenant else None,
                "copies": copies, "duplicates": {row["source_id"]: row["n"] for row in twice},
                "markedAccounts": count("account WHERE bill_to = ? AND marked", reseller["id"]),
                "backOrdering": "On" if reseller["kind"] == "Tenant" else "Off",
                "activations": count("business_key JOIN tenant ON tenant.id = record_id WHERE "
                                     "record_type = 'activation' AND reseller_id = ?", reseller["id"]),
                "tenantCreations": count("operation WHERE reseller_id = ?", reseller["id"]),
                "inventoryRevision": reseller["revision"]}
    resellers = call.db.execute("SELECT * FROM reseller ORDER BY id").fetchall()
    return 200, {"resellers": [state(reseller) for reseller in resellers]}


def admin_pricing(call):
    """A person may set some options only, and may replace what is there."""
    tenant = contract.live_tenant(call.db, call.body["reseller"])
    impossible = contract.impossible_options(call.db, call.body["reseller"], call.body["options"])
    if not tenant or impossible:
        raise Problem("Invalid", "no such tenant, or options that are not possible",
                      fields=[wrong(f"options.{name}", "is not possible") for name in impossible]
                      or [wrong("reseller", "has no tenant")])
    copies = call.db.execute("SELECT * FROM copy WHERE tenant_id = ? AND record_type = ?",
                             (tenant["id"], contract.CUSTOMERS)).fetchall()
    wanted = call.body.get("customerIds", [copy["source_id"] for copy in copies])
    chosen = [copy for copy in copies if copy["source_id"] in wanted]
    for copy in chosen:
        options = {**json.loads(copy["pricing"]), **call.body["options"]}
        call.db.execute("UPDATE copy SET pricing = ? WHERE id = ?", (as_json(options), copy["id"]))
    return 200, {"customers": [copy["source_id"] for copy in chosen]}


def admin_add_subscription(call):
    if not one(call.db, "SELECT 1 FROM account WHERE id = ?", call.body["customerId"]):
        raise Problem("Invalid", "no such customer", fields=[wrong("customerId", "is unknown")])
    if one(call.db, "SELECT 1 FROM purchase WHERE id = ?", call.body["id"]):
        raise Problem("Conflict", "the id is in use")
    insert_purchase(call.db, call.body["customerId"], {**call.body, "state": "Active"})
    return 200, {"id": call.body["id"]}


def admin_set_state(call):
    changed = call.db.execute("UPDATE purchase SET state = ? WHERE id = ?",
                              (call.body["state"], call.body["id"]))
    if not changed.rowcount:
        raise Problem("NotFound", "no such subscription or asset")
    return 200, {"id": call.body["id"], "state": call.body["state"]}


def admin_add_order(call):
    """A person orders in the distributor's shop; the order stays open."""
    if not one(call.db, "SELECT 1 FROM account WHERE id = ?", call.body["customerId"]):
        raise Problem("Invalid", "no such customer", fields=[wrong("customerId", "is unknown")])
    if one(call.db, "SELECT 1 FROM purchase_order WHERE id = ?", call.body["id"]):
        raise Problem("Conflict", "the id is in use")
    call.db.execute("INSERT INTO purchase_order (id, owner_id, placed_time, final) "
                    "VALUES (?, ?, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), 0)",
                    (call.body["id"], call.body["customerId"]))
    return 200, {"id": call.body["id"]}


def admin_cancel_orders(call):
    """The distributor's staff cancels what is open for a reseller and its customers."""
    reseller = call.body["reseller"]
    cancelled = call.db.execute(
        "UPDATE purchase_order SET final = 1 WHERE NOT final AND (owner_id = ? OR owner_id IN "
        "(SELECT id FROM account WHERE bill_to = ?))", (reseller, reseller))
    return 200, {"cancelled": cancelled.rowcount}


def admin_copy_and_switch(call):
    """A person presses the one button; with `limit` the run stops half way."""
    call.reseller = one(call.db, "SELECT * FROM reseller WHERE id = ?", call.body["reseller"])
    call.tenant = call.reseller and contract.live_tenant(call.db, call.reseller["id"])
    if not call.tenant:
        raise Problem("NotFound", "no such reseller, or it has no tenant")
    return 200, contract.copy_and_switch(call, call.body.get("limit", 2**31))


ADMIN_ROUTES = [
    Route("GET", "/admin/state", admin_state),
    Route("POST", "/admin/pricing", admin_pricing, members(
        {"reseller": contract.ID,
         "options": members({}, **contract.OPTIONS, creditLimit=contract.CREDIT_LIMIT)},
        customerIds=contract.batch(contract.ID)), writes=True),
    Route("POST", "/admin/subscriptions", admin_add_subscription, members(
        {"id": contract.ID, "customerId": contract.ID, "product": contract.ID,
         "kind": contract.choice("Subscription", "Asset"), "billingCycle": contract.text(64),
         "quantity": contract.whole(0, 2**32 - 1), "billingAnchor": contract.text(32),
         "costPrice": contract.text(22, pattern=contract.AMOUNT), "currency": contract.text(3, 3),
         "startDate": contract.text(10, 10)},
        addons=contract.batch(contract.ID)), writes=True),
    Route("PATCH", "/admin/subscriptions", admin_set_state, members(
        {"id": contract.ID, "state": contract.choice(
            "Active", "Suspended", "FutureDated", "Trial", "Cancelled", "Expired")}), writes=True),
    Route("POST", "/admin/orders", admin_add_order, members(
        {"id": contract.ID, "customerId": contract.ID}), writes=True),
    Route("POST", "/admin/copy-and-switch", admin_copy_and_switch, members(
        {"reseller": contract.ID}, limit=contract.whole(0, 2**31)), writes=True),
    Route("DELETE", "/admin/orders", admin_cancel_orders, members(
        {"reseller": contract.ID}), writes=True),
]


# --- Examination of a request -------------------------------------------------------------------

class Service:
    """Answers requests in the contract's order of examination, each in one transaction."""

    def __init__(self, store, token, admin_token, queue_seconds, one_button=False):
        self.store, self.queue_seconds, self.one_button = store, queue_seconds, one_button
        self.doors = {BASE: (ROUTES, token)}
        if admin_token:
            self.doors[""] = (ADMIN_ROUTES, admin_token)

    def answer(self, method, target, headers, raw_body):
        """Status, JSON value and additional headers of the reply."""
        try:
            url = urlsplit(target)
            at_admin = "" in self.doors and url.path.startswith("/admin/")
            base = "" if at_admin else BASE
            routes, token = self.doors[base]
            self.authenticate(headers, token)
            route, segments, ids = find_route(routes, base, method, url.path)
            status, reply = self.perform(route, segments, ids, url.query, headers, raw_body)
            more = {"Location": f"{BASE}/operations/{quote(reply['id'])}"} if status == 202 else {}
            return status, reply, more
        except Problem as problem:
            return problem.body["status"], problem.body, {}
        except Busy:
            return 503, Problem("Unavailable", "the database is busy").body, {}
        except Exception:
            logging.exception("%s %s failed", method, target)
            return 500, Problem("Internal", "something went wrong; the log tells what").body, {}

    def authenticate(self, headers, token):
        scheme, _, given = headers.get("Authorization", "").partition(" ")
        known = [known for _, known in self.doors.values()
                 if hmac.compare_digest(known.encode(), given.strip().encode())]
        if scheme.lower() != "bearer" or not known:
            raise Problem("AuthRejected", "the bearer token is missing or not accepted")
        if token not in known:
            raise Problem("Forbidden", "the token does not allow this")

    def perform(self, route, segments, ids, query, headers, raw_body):
        problems = []
        body = parse_body(route, headers, raw_body, problems)
        epoch = header_epoch(route, headers, problems)
        key = header_key(route, headers, problems)
        with self.store.transaction(route.writes) as db:
            call = Call(db, body, queue_seconds=self.queue_seconds,
                        one_button=self.one_button)
            find_records(call, ids)
            self.examine_query(route, call, segments, query, problems)
            if route.examine and isinstance(body, dict) and (problems or not route.examine_late):
                named = {problem["field"] for problem in problems}
                problems += [more for more in route.examine(call) if more["field"] not in named]
            if problems:
                raise Problem("Invalid", "the request is wrong", fields=problems[:contract.MAX_FIELDS])
            if route.fenced:
                refuse_other_epoch(epoch, call.reseller["highest_epoch"])
            if not route.keyed:
                return route.run(call)
            stored = replayed(call, as_json(segments), key)
            # Of createTenant no reply is replayed: it answers with what became of the tenant since.
            return stored if stored and route.replayed else store_reply(
                call, as_json(segments), key, route.run(call))

    def examine_query(self, route, call, segments, query, problems):
        if not route.listing:
            return
        all_given = parse_qs(query, keep_blank_values=True)
        problems += [wrong(name, "is given more than once")
                     for name, values in all_given.items() if len(values) > 1]
        given = {name: values[0] for name, values in all_given.items()}
        call.kind = given.get("kind")
        if route.kinds and call.kind not in route.kinds:
            problems.append(wrong("kind", "is missing or unknown", route.kinds))
        limit = given.get("limit", str(contract.PAGE_SIZE))
        if not re.fullmatch("[0-9]{1,9}", limit) or not 1 <= int(limit) <= contract.PAGE_SIZE:
            problems.append(wrong("limit", f"must be 1 to {contract.PAGE_SIZE}"))
        else:
            call.limit = int(limit)
        listing = as_json([segments, call.kind if route.kinds else None])
        call.cursor_for = lambda position: self.seal(listing, position)
        if "cursor" in given:
            call.after = self.unseal(listing, given["cursor"])
            if not call.after:
                problems.append(wrong("cursor", "was not made by this listing"))

    def seal(self, listing, position):
        """A cursor is a position with a signature that binds it to its listing: no state is kept."""
        text = as_json(position).encode()
        signed = hmac.new(self.store.cursor_secret, listing.encode() + b"\n" + text, hashlib.sha256)
        return base64.urlsafe_b64encode(signed.digest()[:16] + text).decode().rstrip("=")

    def unseal(self, listing, cursor):
        """The position in a cursor that this listing made, otherwise None."""
        try:
            sealed = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
            position = json.loads(sealed[16:])
        except (ValueError, RecursionError):
            return None
        genuine = hmac.compare_digest(self.seal(listing, position).encode(), cursor.encode())
        return position if genuine else None


def find_route(routes, base, method, path):
    """The path is split before it is decoded: a `/` in an id is written %2F."""
    nothing = Problem("NotFound", "there is no such operation")
    if not path.startswith(base + "/"):
        raise nothing
    try:
        segments = [unquote(part, errors="strict") for part in path[len(base) + 1:].split("/")]
    except UnicodeDecodeError:
        raise nothing from None
    for route in routes:
        ids = route.match(segments)
        if route.method == method and ids is not None:
            return route, segments, ids
    raise nothing


def find_records(call, ids):
    """The records that the path names; what is not there is 404."""
    call.tenant = record(call, "tenant", ids)
    call.operation = record(call, "operation", ids)
    if call.tenant:
        if call.tenant["status"] == "MarkedAsDeleted":
            raise Problem("NotFound", "the tenant is marked as deleted")
        ids = {"reseller": call.tenant["reseller_id"]}
    call.reseller = record(call, "reseller", ids)


def record(call, table, ids):
    if table not in ids:
        return None
    found = one(call.db, f"SELECT * FROM {table} WHERE id = ?", ids[table])
    if not found:
        raise Problem("NotFound", f"there is no such {table}")
    return found


def parse_body(route, headers, raw_body, problems):
    if route.body is None:
        return None
    if raw_body is None:
        raise Problem("Invalid", "the body is too large, or its length is unknown", status=413, fields=[
            wrong("body", f"must have a Content-Length of at most {LARGEST_REQUEST}")])
    try:
        body = json.loads(raw_body.decode("utf-8"))
    except (ValueError, RecursionError):
        problems.append(wrong("body", "is not JSON in UTF-8"))
        return None
    route.body(body, "", problems)
    return body


def only_value(headers, name):
    """The value of a header that comes once; one that comes twice is as good as none."""
    values = headers.get_all(name, [])
    return values[0] if len(values) == 1 else ""


def header_epoch(route, headers, problems):
    given = only_value(headers, "Fencing-Epoch")
    if not route.fenced:
        return None
    if not re.fullmatch("[1-9][0-9]{0,15}", given) or int(given) > LARGEST_EPOCH:
        problems.append(wrong("Fencing-Epoch", f"must be given once, a decimal number from 1 to {LARGEST_EPOCH}"))
        return None
    return int(given)


def header_key(route, headers, problems):
    given = only_value(headers, "Idempotency-Key")
    if route.keyed and not re.fullmatch("[ -~]{1,1280}", given):
        problems.append(wrong("Idempotency-Key", "must be given once, with 1 to 1280 printable ASCII "
                                                 "characters"))
    return given


def refuse_other_epoch(epoch, highest):
    if epoch < highest:
        raise Problem("StaleEpoch", "the epoch is lower than the highest issued", highestEpoch=highest)
    if epoch > highest:
        raise Problem("Invalid", "the epoch was never issued", fields=[
            wrong("Fencing-Epoch", "is higher than any epoch that was issued")])


def replayed(call, path, key):
    """The reply stored under this key, unless it is void because its tenant is gone."""
    stored = one(call.db, "SELECT stored_reply.* FROM stored_reply JOIN tenant ON tenant.id = tenant_id "
                 "WHERE path = ? AND key = ? AND tenant.status <> 'MarkedAsDeleted'", path, key)
    if not stored:
        return None
    if stored["request"] != as_json(call.body):
        raise Problem("Conflict", "the Idempotency-Key was used for an unequal request")
    return stored["status"], json.loads(stored["reply"])


def store_reply(call, path, key, reply):
    tenant = contract.live_tenant(call.db, call.reseller["id"])
    call.db.execute("INSERT OR REPLACE INTO stored_reply VALUES (?, ?, ?, ?, ?, ?)",
                    (path, key, as_json(call.body), tenant["id"], reply[0], as_json(reply[1])))
    return reply


# --- Transport ----------------------------------------------------------------------------------

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave together

    def serve(self):
        raw_body = self.read_body()
        status, reply, more = self.server.service.answer(
            self.command, self.path, self.headers, raw_body)
        self.send(status, reply, more)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve

    def read_body(self):
        """The body, or None if it is too large or of unknown length; the connection ends then."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" not in self.headers and re.fullmatch("[0-9]{1,12}", length):
            if int(length) <= LARGEST_REQUEST:
                return self.rfile.read(int(length))
            # A sender whose bytes are not read would see a reset instead of the reply.
            for _ in range(min(int(length), LARGEST_DISCARDED) // CHUNK):
                self.rfile.read(CHUNK)
        self.close_connection = True
        return None

    def send(self, status, reply, more):
        content = as_json(reply).encode()
        self.send_response(status)
        self.send_header("Content-Type",
                         "application/json" if status < 400 else "application/problem+json")
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()

    def send_error(self, code, message=None, explain=None):
        """What is no HTTP request at all, or has a method that nothing knows."""
        self.close_connection = True
        self.command = self.command or ""
        problem = Problem("Invalid", message or "no valid HTTP request")
        self.send(code, {**problem.body, "status": code}, {})

    def log_request(self, code="-", size="-"):
        traceparent = getattr(self, "headers", None) and self.headers.get("traceparent", "")
        parts = (traceparent or "").split("-")
        trace = parts[1] if len(parts) > 3 else "-"
        self.log_message("%s %s trace=%s", repr(self.requestline), code, trace)

    def log_message(self, message, *values):
        logging.info("%s " + message, self.client_address[0], *values)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, service, tls):
        super().__init__(address, Handler)
        self.service, self.tls = service, tls

    def finish_request(self, request, client_address):
        """The TLS handshake runs in the connection's own thread: a slow client delays no other."""
        if not self.tls:
            super().finish_request(request, client_address)
            return
        request.settimeout(IDLE_SECONDS)
        with self.tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)
            secured.unwrap()

    def handle_error(self, request, client_address):
        """A connection that broke concerns its client only."""
        if not isinstance(sys.exc_info()[1], OSError):
            logging.exception("the connection from %s failed", client_address[0])


def finish_creations_until(stopped, store):
    while not stopped.wait(0.05):
        try:
            contract.finish_creations(store)
        except Exception:
            logging.exception("queued creations could not be finished; trying again")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", required=True, metavar="HOST:PORT", help="port 0: any free one")
    parser.add_argument("--token", required=True, help="the bearer token of the operator")
    parser.add_argument("--admin-token", help="opens /admin/ for this bearer token")
    parser.add_argument("--db", default=":memory:", help="SQLite file")
    parser.add_argument("--seed-data", metavar="FILE", help="records for an empty database")
    parser.add_argument("--queue-seconds", type=float, default=0.2,
                        help="how long the creation of a tenant is queued")
    parser.add_argument("--one-button", action="store_true",
                        help="people copy the subscriptions, by the act that also switches")
    parser.add_argument("--tls-cert", metavar="FILE")
    parser.add_argument("--tls-key", metavar="FILE")
    arguments = parser.parse_args()
    if bool(arguments.tls_cert) != bool(arguments.tls_key):
        parser.error("--tls-cert and --tls-key belong together")
    return arguments


def main():
    arguments = parse_arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    tls = None
    if arguments.tls_cert:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(arguments.tls_cert, arguments.tls_key)
    store = Store(arguments.db)
    if arguments.seed_data:
        with open(arguments.seed_data, encoding="utf-8") as file:
            seed(store, json.load(file))
    host, _, port = arguments.listen.rpartition(":")
    service = Service(store, arguments.token, arguments.admin_token, arguments.queue_seconds,
                      arguments.one_button)
    server = Server((host, int(port)), service, tls)
    stopped = threading.Event()
    threading.Thread(target=finish_creations_until, args=(stopped, store), daemon=True).start()

    def stop(signal_number, frame):
        stopped.set()
        threading.Thread(target=server.shutdown).start()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    scheme = "https" if tls else "http"
    print(f"listening on {scheme}://{host}:{server.server_address[1]}{BASE}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    store.close()


if __name__ == "__main__":
    main()
