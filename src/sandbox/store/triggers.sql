-- The inventory revision. It hangs on the tables themselves, so that no code path can change an
-- inventory and forget it. Made after the seeding: a fresh world is revision 1.

CREATE TRIGGER revision_customer_new AFTER INSERT ON customers BEGIN
    UPDATE resellers SET revision = revision + 1 WHERE id = NEW.bill_to;
END;
CREATE TRIGGER revision_customer_gone AFTER DELETE ON customers BEGIN
    UPDATE resellers SET revision = revision + 1 WHERE id = OLD.bill_to;
END;
CREATE TRIGGER revision_customer AFTER UPDATE ON customers
WHEN OLD.bill_to <> NEW.bill_to OR OLD.currency <> NEW.currency OR OLD.sync <> NEW.sync
    OR OLD.marked <> NEW.marked
BEGIN
    UPDATE resellers SET revision = revision + 1 WHERE id IN (OLD.bill_to, NEW.bill_to);
END;

CREATE TRIGGER revision_purchase_new AFTER INSERT ON purchases BEGIN
    UPDATE resellers SET revision = revision + 1 WHERE id = NEW.reseller_id;
END;
CREATE TRIGGER revision_purchase_gone AFTER DELETE ON purchases BEGIN
    UPDATE resellers SET revision = revision + 1 WHERE id = OLD.reseller_id;
END;
CREATE TRIGGER revision_purchase AFTER UPDATE ON purchases
WHEN OLD.reseller_id <> NEW.reseller_id OR OLD.customer_id <> NEW.customer_id
    OR OLD.digest <> NEW.digest OR OLD.state <> NEW.state OR OLD.marked <> NEW.marked
BEGIN
    UPDATE resellers SET revision = revision + 1 WHERE id IN (OLD.reseller_id, NEW.reseller_id);
END;

CREATE TRIGGER revision_order_new AFTER INSERT ON orders BEGIN
    UPDATE resellers SET revision = revision + 1 WHERE id = NEW.reseller_id;
END;
CREATE TRIGGER revision_order AFTER UPDATE ON orders
WHEN OLD.state <> NEW.state OR OLD.marked <> NEW.marked OR OLD.reseller_id <> NEW.reseller_id
BEGIN
    UPDATE resellers SET revision = revision + 1 WHERE id IN (OLD.reseller_id, NEW.reseller_id);
END;

CREATE TRIGGER revision_copy_new AFTER INSERT ON copies BEGIN
    UPDATE resellers SET revision = revision + 1
    WHERE id = (SELECT reseller_id FROM tenants WHERE id = NEW.tenant_id);
END;
CREATE TRIGGER revision_copy_gone AFTER DELETE ON copies BEGIN
    UPDATE resellers SET revision = revision + 1
    WHERE id = (SELECT reseller_id FROM tenants WHERE id = OLD.tenant_id);
END;
CREATE TRIGGER revision_copy AFTER UPDATE ON copies
WHEN OLD.digest <> NEW.digest OR OLD.state <> NEW.state OR OLD.source_id <> NEW.source_id
    OR OLD.source_digest IS NOT NEW.source_digest
BEGIN
    UPDATE resellers SET revision = revision + 1
    WHERE id = (SELECT reseller_id FROM tenants WHERE id = NEW.tenant_id);
END;

-- A tenant that goes takes every link into it along.
CREATE TRIGGER revision_tenant AFTER UPDATE ON tenants
WHEN OLD.status <> NEW.status AND NEW.status = 'MarkedAsDeleted'
BEGIN
    UPDATE resellers SET revision = revision + 1 WHERE id = NEW.reseller_id;
END;

-- What comes into a reseller BSS after the switch is told to the judge, no matter who brought it.
CREATE TRIGGER late_copy AFTER INSERT ON copies BEGIN
    INSERT INTO late_copies SELECT NEW.id, resellers.id, NEW.source_id
    FROM tenants JOIN resellers ON resellers.id = tenants.reseller_id
    WHERE tenants.id = NEW.tenant_id AND back_ordering = 'On';
END;

-- A doubt changes what is shown of a record.
CREATE TRIGGER revision_doubt_new AFTER INSERT ON doubts BEGIN
    UPDATE resellers SET revision = revision + 1 WHERE id IN (
        SELECT reseller_id FROM purchases WHERE purchases.id = NEW.id
        UNION SELECT reseller_id FROM copies JOIN tenants ON tenants.id = tenant_id
        WHERE copies.id = NEW.id);
END;
CREATE TRIGGER revision_doubt_gone AFTER DELETE ON doubts BEGIN
    UPDATE resellers SET revision = revision + 1 WHERE id IN (
        SELECT reseller_id FROM purchases WHERE purchases.id = OLD.id
        UNION SELECT reseller_id FROM copies JOIN tenants ON tenants.id = tenant_id
        WHERE copies.id = OLD.id);
END;
