"""The rules whose breach would cost people money, asked of a running server over HTTP."""
import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from contextlib import closing

HERE = os.path.dirname(os.path.abspath(__file__))
BASE = "/tenant-reseller/v1"
RESELLER = BASE + "/resellers/10423"
TOKEN, ADMIN = "operator-token", "admin-token"
SETTINGS = {"priceList": "PL-RESELLER-EUR", "edition": "Premium", "language": "en",
            "timeZone": "Europe/Athens", "dateFormat": "dd/MM/yyyy", "invoicing": "Combined"}
OPTIONS = {"priceList": "PL-RETAIL", "billing": {"day": 5}, "paymentMethod": "Invoice",
           "invoicing": "Separate"}


class ServerTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.db = os.path.join(folder.name, "bss.db")
        self.start()
        self.addCleanup(self.end, signal.SIGTERM)

    def start(self, *more):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "server.py"), "--listen", "127.0.0.1:0",
             "--token", TOKEN, "--admin-token", ADMIN, "--db", self.db, "--queue-seconds", "0.1",
             "--seed-data", os.path.join(HERE, "example-data.json"), *more],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int(self.process.stdout.readline().split(":")[2].split("/")[0])

    def end(self, signal_number):
        self.process.send_signal(signal_number)
        self.process.wait(10)
        self.process.stdout.close()

    def ask(self, method, path, body=None, token=TOKEN, **headers):
        headers = {name.replace("_", "-"): str(value) for name, value in headers.items()}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Authorization": f"Bearer {token}", **headers})
            reply = connection.getresponse()
            kind = "application/json" if reply.status < 400 else "application/problem+json"
            self.assertEqual(reply.getheader("Content-Type"), kind)
            return reply.status, json.loads(reply.read())

    def good(self, *arguments, **more):
        status, reply = self.ask(*arguments, **more)
        self.assertIn(status, (200, 202), reply)
        return reply

    def refused(self, error_class, *arguments, **more):
        status, reply = self.ask(*arguments, **more)
        self.assertEqual(reply.get("class"), error_class, reply)
        self.assertEqual(reply["status"], status)
        return reply

    def epoch(self, **more):
        return self.good("POST", RESELLER + "/epoch", {"holder": "h1", **more})["epoch"]

    def create(self, epoch, key="k-tenant", request="r1", **settings):
        return self.ask("POST", RESELLER + "/tenant",
                        {"businessKey": key, "settings": {**SETTINGS, **settings}},
                        Fencing_Epoch=epoch, Idempotency_Key=request)

    def active_tenant(self):
        epoch = self.epoch()
        # On a busy machine a creation that was asked for before may be over.
        self.assertIn(self.create(epoch)[0], (202, 200))
        for _ in range(100):
            tenant = self.good("GET", RESELLER + "/tenant")["tenant"]
            if tenant["status"] == "Active":
                return epoch, f"{BASE}/tenants/{tenant['id']}"
            time.sleep(0.02)
        self.fail("the creation does not end")

    def listed(self, path, limit=7):
        items, cursor, revision = [], "", None
        while True:
            joint = "&" if "?" in path else "?"
            reply = self.good("GET", f"{path}{joint}limit={limit}" + cursor)
            items += reply["items"]
            revision = reply["inventoryRevision"]
            if "nextCursor" not in reply:
                return items, revision
            cursor = "&cursor=" + reply["nextCursor"]

    def outcomes(self, path, items, epoch):
        results = self.good("POST", path, {"items": items}, Fencing_Epoch=epoch)["results"]
        self.assertEqual(len(results), len(items))
        return {result["outcome"] for result in results}

    def customer_items(self):
        return [{"sourceId": item["id"], "businessKey": "k-" + item["id"],
                 "expectedSource": item["digest"]} for item in self.listed(RESELLER + "/customers")[0]]

    def purchase_items(self, tenant):
        active = [item for item in self.listed(RESELLER + "/subscriptions")[0]
                  if item["state"] == "Active" and item["customerId"] != "10423"]
        ids = sorted({item["customerId"] for item in active})
        pricing = {state["customerId"]: state["digest"] for state in self.good(
            "POST", tenant + "/pricing/lookup", {"customerIds": ids})["results"]}
        return [{"sourceId": item["id"], "kind": item["kind"], "businessKey": "k-" + item["id"],
                 "expectedSource": item["digest"], "pricingDigest": pricing[item["customerId"]]}
                for item in active]

    def copied_customers(self):
        epoch, tenant = self.active_tenant()
        items = self.customer_items()
        self.assertEqual(self.outcomes(tenant + "/customers/copy", items, epoch), {"Created"})
        pricing = [{"customerId": item["sourceId"], "options": OPTIONS} for item in items]
        self.assertEqual(self.outcomes(tenant + "/pricing", pricing, epoch), {"Written"})
        return epoch, tenant

    def copied(self):
        epoch, tenant = self.copied_customers()
        items = self.purchase_items(tenant)
        self.assertEqual(len(items), 30)
        self.assertEqual(self.outcomes(tenant + "/subscriptions/copy", items, epoch), {"Created"})
        return epoch, tenant

    def activate(self, tenant, epoch, revision, request="a1"):
        return self.ask("POST", tenant + "/activation",
                        {"businessKey": "k-on", "expectedRevision": revision},
                        Fencing_Epoch=epoch, Idempotency_Key=request)

    def revision(self):
        return self.listed(RESELLER + "/customers")[1]

    def state(self):
        return self.good("GET", "/admin/state", token=ADMIN)["resellers"][0]

    def people(self, sql):
        """What people do behind the service's back."""
        with closing(sqlite3.connect(self.db, timeout=5)) as db, db:
            db.execute(sql)

    def at_once(self, task, times=8):
        results = []
        threads = [threading.Thread(target=lambda: results.append(task())) for _ in range(times)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(results), times)
        return results

    def test_whole_upgrade_and_its_repeats(self):
        epoch, tenant = self.copied()
        purchases, customers = self.purchase_items(tenant), self.customer_items()
        self.assertEqual(self.outcomes(tenant + "/subscriptions/copy", purchases, epoch), {"Unchanged"})
        self.assertEqual(self.outcomes(tenant + "/customers/copy", customers, epoch), {"Unchanged"})
        copies, revision = self.listed(tenant + "/copies?kind=Subscriptions")
        self.assertEqual([copy["sourceId"] for copy in copies],
                         sorted(item["sourceId"] for item in purchases))
        self.assertEqual(self.activate(tenant, epoch, revision)[1]["outcome"], "Activated")
        self.assertEqual(self.activate(tenant, epoch, revision)[1]["outcome"], "Activated")
        self.assertEqual(self.activate(tenant, epoch, 0, "a2")[1]["outcome"], "AlreadyActive")
        self.assertEqual(self.good("GET", RESELLER)["kind"], "Tenant")
        results = self.good("POST", tenant + "/customers/copy", {"items": customers},
                            Fencing_Epoch=epoch)["results"]
        self.assertEqual([result["reasons"] for result in results],
                         [[{"reason": "BackOrderingActive"}]] * 12)
        self.assertEqual(self.state()["copies"], {"Customers": 12, "Subscriptions": 30})
        self.assertEqual(self.state()["activations"], 1)

    def test_concurrent_requests_make_one_record_each(self):
        epoch = self.epoch()
        for status, _ in self.at_once(lambda: self.create(epoch)):
            # On a busy machine the last of them may find the creation over.
            self.assertIn(status, (202, 200))
        self.assertEqual(self.state()["tenantCreations"], 1)
        epoch, tenant = self.active_tenant()
        items = self.customer_items()
        results = self.at_once(lambda: self.outcomes(tenant + "/customers/copy", items, epoch))
        self.assertEqual(sorted(map(sorted, results)), [["Created"]] + [["Unchanged"]] * 7)
        state = self.state()
        self.assertEqual((state["copies"]["Customers"], state["duplicates"]), (12, {}))
        self.assertEqual(state["markedAccounts"], 12)

    def test_a_key_never_names_a_second_record(self):
        epoch, tenant = self.active_tenant()
        first, second = self.customer_items()[:2]
        second["businessKey"] = first["businessKey"]
        results = self.good("POST", tenant + "/customers/copy", {"items": [first, second]},
                            Fencing_Epoch=epoch)["results"]
        self.assertEqual([result["outcome"] for result in results], ["Created", "Conflict"])

    def test_an_epoch_keeps_the_attempt_that_asked_for_it(self):
        def ask(**more):
            return self.good("POST", RESELLER + "/epoch", {"holder": "h1", **more})
        self.assertNotIn("earlier", ask(acquisitionId="a"))
        self.assertEqual(ask(acquisitionId="b")["earlier"], [{"epoch": 1, "acquisitionId": "a"}])
        ask()  # an attempt without a name is remembered by its number alone
        self.assertEqual(ask(acquisitionId="c")["earlier"],
                         [{"epoch": 3}, {"epoch": 2, "acquisitionId": "b"},
                          {"epoch": 1, "acquisitionId": "a"}])

    def test_stale_epoch_is_refused(self):
        epoch, tenant = self.active_tenant()
        self.refused("HeldByAnother", "POST", RESELLER + "/epoch", {"holder": "h2"})
        newer = self.good("POST", RESELLER + "/epoch", {"holder": "h2", "takeOver": "h1"})["epoch"]
        self.assertGreater(newer, epoch)
        refusal = self.refused("StaleEpoch", "POST", tenant + "/customers/copy",
                               {"items": self.customer_items()}, Fencing_Epoch=epoch)
        self.assertEqual(refusal["highestEpoch"], newer)
        refusal = self.refused("Invalid", "POST", tenant + "/customers/copy",
                               {"items": self.customer_items()}, Fencing_Epoch=newer + 1)
        self.assertEqual(refusal["fields"][0]["field"], "Fencing-Epoch")
        self.assertEqual(self.state()["copies"]["Customers"], 0)

    def test_activation_compares_the_revision(self):
        epoch, tenant = self.copied()
        before = self.revision()
        self.good("PATCH", "/admin/subscriptions", {"id": "S-30031", "state": "Cancelled"}, token=ADMIN)
        status, reply = self.activate(tenant, epoch, before)
        self.assertEqual((status, reply["class"]), (409, "Conflict"))
        results = self.at_once(lambda: self.activate(tenant, epoch, self.revision(), "same"))
        self.assertEqual({reply["outcome"] for _, reply in results if "outcome" in reply},
                         {"Activated"})
        self.assertEqual(self.state()["activations"], 1)

    def test_activation_is_refused_while_something_is_uncopied(self):
        epoch, tenant = self.copied()
        self.good("POST", "/admin/subscriptions", {
            "id": "S-1", "customerId": "20001", "kind": "Subscription", "product": "AZURE-PLAN",
            "billingCycle": "Monthly", "quantity": 1, "startDate": "2025-01-01",
            "billingAnchor": "1", "costPrice": "50.00", "currency": "EUR"}, token=ADMIN)
        self.good("PATCH", "/admin/subscriptions", {"id": "S-30001", "state": "Suspended"}, token=ADMIN)
        status, reply = self.activate(tenant, epoch, self.revision())
        self.assertEqual(status, 409)
        self.assertEqual({blocker["reason"]: blocker["examples"] for blocker in reply["blockers"]},
                         {"NotCopied": ["S-1"], "OrphanedCopy": ["S-30001"]})
        self.assertEqual(self.state()["backOrdering"], "Off")

    def test_a_changed_source_is_brought_up_unless_the_copy_was_amended(self):
        epoch, tenant = self.copied()

        def outcome(**more):
            item = next(item for item in self.purchase_items(tenant) if item["sourceId"] == "S-30001")
            return self.outcomes(tenant + "/subscriptions/copy", [{**item, **more}], epoch).pop()

        def digest():
            return next(copy["digest"] for copy in self.listed(tenant + "/copies?kind=Subscriptions")[0]
                        if copy["sourceId"] == "S-30001")
        before = self.revision()
        self.people("UPDATE purchase SET quantity = 50 WHERE id = 'S-30001'")
        self.assertGreater(self.revision(), before)
        self.assertEqual(outcome(), "Conflict")
        self.assertEqual(outcome(expectedCopy=digest()), "Updated")
        self.assertEqual(outcome(expectedCopy="anything"), "Unchanged")
        self.people("UPDATE copy SET source_fields = '{}' WHERE source_id = 'S-30001'")
        self.assertEqual(outcome(expectedCopy=digest()), "Blocked")
        status, reply = self.activate(tenant, epoch, self.revision())
        self.assertEqual([blocker["reason"] for blocker in reply["blockers"]], ["SourceChanged"])
        self.people("UPDATE copy SET state = 'Ended' WHERE source_id = 'S-30001'")
        self.assertEqual(outcome(expectedCopy=digest()), "Blocked")

    def test_a_deleted_tenant_does_not_count(self):
        epoch, tenant = self.copied_customers()
        self.people("UPDATE tenant SET status = 'MarkedAsDeleted'")
        self.refused("NotFound", "GET", tenant + "/copies?kind=Customers")
        self.assertNotIn("copy", self.listed(RESELLER + "/customers")[0][0])
        self.assertEqual(self.create(epoch, edition="Basic", request="r2")[1]["class"], "Conflict")
        self.assertEqual(self.create(epoch)[1]["class"], "Conflict")  # its key is never free again
        self.assertEqual(self.create(epoch, key="k-next", request="r3")[0], 202)
        self.assertEqual(self.state()["tenantCreations"], 2)

    def test_the_key_of_a_copy_starts_no_switch(self):
        epoch, tenant = self.copied_customers()
        status, reply = self.ask("POST", tenant + "/activation",
                                 {"businessKey": "k-20001", "expectedRevision": self.revision()},
                                 Fencing_Epoch=epoch, Idempotency_Key="a1")
        self.assertEqual((status, reply["class"]), (409, "Conflict"))

    def test_an_open_order_stands_against_the_switch(self):
        epoch, tenant = self.copied()
        self.good("POST", "/admin/orders", {"id": "O-1", "customerId": "20002"}, token=ADMIN)
        self.assertEqual(self.listed(RESELLER + "/open-orders")[0][0]["id"], "O-1")
        status, reply = self.activate(tenant, epoch, self.revision())
        self.assertEqual(reply["blockers"], [
            {"reason": "OrderNotFinal", "count": 1, "examples": ["O-1"]}])
        self.assertEqual(self.good("DELETE", "/admin/orders", {"reseller": "10423"}, token=ADMIN),
                         {"cancelled": 1})
        self.assertEqual(self.activate(tenant, epoch, self.revision())[0], 200)

    def test_what_a_person_set_stands(self):
        epoch, tenant = self.active_tenant()
        items = self.customer_items()
        self.outcomes(tenant + "/customers/copy", items, epoch)
        self.good("POST", "/admin/pricing", {"reseller": "10423", "customerIds": ["20001"],
                                             "options": {"billing": {"day": 9}}}, token=ADMIN)
        result = self.good("POST", tenant + "/pricing", {"items": [
            {"customerId": "20001", "options": OPTIONS}]}, Fencing_Epoch=epoch)["results"][0]
        self.assertEqual((result["outcome"], result["fields"]), (
            "Differs", ["priceList", "billing", "paymentMethod", "invoicing"]))

    def test_restart_keeps_everything(self):
        epoch, tenant = self.copied_customers()
        page = self.good("GET", RESELLER + "/customers?limit=5")
        self.end(signal.SIGKILL)
        self.start()
        after = self.good("GET", f"{RESELLER}/customers?limit=5&cursor={page['nextCursor']}")
        self.assertEqual(after["inventoryRevision"], page["inventoryRevision"])
        self.assertEqual(after["items"][0]["id"], "20006")
        self.assertEqual(self.create(epoch)[0], 200)
        self.assertEqual(self.create(epoch, request="r2")[0], 200)
        self.assertEqual(self.outcomes(tenant + "/customers/copy", self.customer_items(), epoch),
                         {"Unchanged"})
        self.assertEqual(self.epoch(), epoch + 1)

    def test_a_queued_creation_goes_on_after_a_restart(self):
        self.create(self.epoch())
        self.end(signal.SIGKILL)
        self.start()
        time.sleep(0.4)
        self.assertEqual(self.state()["tenantStatus"], "Active")

    def test_a_creation_that_failed_leaves_nothing_behind(self):
        epoch = self.epoch()
        self.people("CREATE TRIGGER deactivates AFTER INSERT ON operation BEGIN UPDATE price_list "
                    "SET active = 0 WHERE id = 'PL-RESELLER-EUR'; END")
        operation = self.create(epoch)[1]["id"]
        time.sleep(0.4)
        self.assertEqual(self.good("GET", f"{BASE}/operations/{operation}")["state"], "Failed")
        self.assertEqual(self.good("GET", RESELLER + "/tenant"), {})
        self.assertEqual(self.create(epoch)[1]["fields"][0]["field"], "settings.priceList")

    def test_all_wrong_fields_are_named_at_once(self):
        def fields(reply):
            return {problem["field"] for problem in reply["fields"]}
        status, reply = self.create(self.epoch(), edition="Gold", timeZone="Mars/Base",
                                    dateFormat="x", language="xx", priceList="nowhere")
        self.assertEqual(status, 422)
        self.assertEqual(fields(reply), {"settings." + name for name in (
            "edition", "timeZone", "dateFormat", "language", "priceList")})
        allowed = {problem["field"]: problem["allowed"] for problem in reply["fields"]}
        self.assertEqual(allowed["settings.edition"], ["Basic", "Premium"])
        reply = self.refused("Invalid", "POST", RESELLER + "/tenant",
                             {"settings": {**SETTINGS, "invoicing": "Never", "edition": "Gold"}})
        self.assertEqual(fields(reply), {"Fencing-Epoch", "Idempotency-Key", "businessKey",
                                         "settings.invoicing", "settings.edition"})
        self.refused("Invalid", "POST", RESELLER + "/epoch", {"holder": None})
        reply = self.refused("Invalid", "GET", RESELLER + "/customers?limit=0&cursor=x")
        self.assertEqual(fields(reply), {"limit", "cursor"})

    def test_what_cannot_be_an_id_or_a_key_is_named(self):
        tenant = self.active_tenant()[1]
        for given in (".", "..", "a\nb", "\x00", "\x7f", "\x85"):
            reply = self.refused("Invalid", "POST", tenant + "/pricing/lookup", {"customerIds": [given]})
            self.assertEqual(reply["fields"][0]["field"], "customerIds[0]", repr(given))
        for given in ("a b", "k\n", "\xe9"):
            reply = self.refused("Invalid", "POST", tenant + "/copies/find", {"businessKeys": [given]})
            self.assertEqual(reply["fields"][0]["field"], "businessKeys[0]", repr(given))

    def test_what_comes_twice_is_wrong_and_named(self):
        def asked(path, *headers, method="GET"):
            with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as link:
                link.putrequest(method, path)
                link.putheader("Authorization", f"Bearer {TOKEN}")
                for name, value in headers:
                    link.putheader(name, value)
                link.putheader("Content-Length", "2")
                link.endheaders(b"{}")
                reply = link.getresponse()
                content = reply.read()
                return reply.status, json.loads(content) if content else None
        status, reply = asked(RESELLER + "/customers?limit=5&limit=5")
        self.assertEqual((status, reply["fields"][0]["field"]), (422, "limit"))
        epoch = self.epoch()
        status, reply = asked(RESELLER + "/tenant", ("Fencing-Epoch", epoch),
                              ("Fencing-Epoch", epoch), ("Idempotency-Key", "a"),
                              ("Idempotency-Key", "a"), ("Content-Type", "text/plain"), method="POST")
        named = {problem["field"] for problem in reply["fields"]}
        self.assertEqual(status, 422)
        self.assertEqual(named, {"Fencing-Epoch", "Idempotency-Key", "businessKey", "settings"})
        # Another spelling of a path is another path, and HEAD is a method that no path knows.
        for path in ("/identity/", "//identity", "/resellers/10423/customers/"):
            self.assertEqual(asked(BASE + path)[0], 404, path)
        self.assertEqual(asked(BASE + "/identity", method="HEAD"), (404, None))

    def test_the_reply_to_a_creation_is_never_an_old_one(self):
        epoch, tenant = self.active_tenant()
        self.assertEqual(self.create(epoch)[1]["status"], "Active")
        with closing(sqlite3.connect(self.db)) as db, db:
            db.execute("UPDATE tenant SET status = 'Suspended'")
        status, reply = self.create(epoch)
        self.assertEqual((status, reply["status"]), (200, "Suspended"))
        self.assertEqual(self.create(epoch, edition="Basic")[1]["class"], "Conflict")

    def test_one_button_copies_and_switches(self):
        self.end(signal.SIGTERM)
        self.start("--one-button")
        epoch, path = self.active_tenant()
        modes = self.good("GET", BASE + "/capabilities")["operations"]
        self.assertEqual((modes["copySubscriptions"], modes["activateBackOrdering"]),
                         ("WithSwitch", "ManualStep"))
        refusal = self.refused("ManualStepNeeded", "POST", path + "/activation",
                               {"businessKey": "k", "expectedRevision": 1},
                               Fencing_Epoch=epoch, Idempotency_Key="r")
        self.assertEqual(refusal["status"], 501)
        self.assertIn("button Copy and Activate", refusal["instruction"])

        def press(**more):
            return self.good("POST", "/admin/copy-and-switch", {"reseller": "10423", **more},
                             token=ADMIN)
        # Nothing is copied for customers that are not there yet.
        early = press()
        self.assertEqual((early["copied"], early["activated"]), ([], False))
        self.copied_customers()
        half = press(limit=5)
        self.assertEqual((len(half["copied"]), half["activated"]), (5, False))
        rest = press()
        self.assertEqual((rest["activated"], rest["refused"]), (True, []))
        self.assertEqual(self.good("GET", RESELLER)["backOrdering"], "On")
        again = press()
        self.assertEqual((again["copied"], again["activated"]), ([], False))
        copies = self.good("GET", path + "/copies?kind=Subscriptions&limit=100")["items"]
        self.assertEqual(len(copies), len(half["copied"]) + len(rest["copied"]))
        self.assertTrue(all("businessKey" not in copy for copy in copies))

    def test_refusals_come_in_the_contracts_order(self):
        unknown = BASE + "/resellers/nobody"
        self.refused("AuthRejected", "GET", unknown, token="x")
        self.refused("Forbidden", "GET", unknown, token=ADMIN)
        self.refused("NotFound", "POST", unknown + "/epoch", {})
        self.refused("NotFound", "DELETE", RESELLER)
        old, epoch = self.epoch(), self.epoch()
        self.create(epoch)
        self.assertEqual(self.create(old, edition="Basic")[1]["class"], "StaleEpoch")
        self.assertEqual(self.create(epoch, edition="Basic")[1]["class"], "Conflict")
        self.assertEqual(self.create(epoch, "k2", "r2")[1]["class"], "Conflict")
        large = {"holder": "h" * (2 * 1024 * 1024)}
        refusal = self.refused("Invalid", "POST", RESELLER + "/epoch", large)
        self.assertEqual((refusal["status"], refusal["fields"][0]["field"]), (413, "body"))


if __name__ == "__main__":
    unittest.main()
