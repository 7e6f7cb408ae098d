-- When a record was last touched, for the vendor's face. Made after the seeding, and only where the
-- face is served: it costs every write a little.

CREATE TRIGGER touched_reseller_insert AFTER INSERT ON resellers BEGIN
    INSERT INTO changes VALUES (NEW.id, CAST(unixepoch('subsec') * 1000 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET time_ms = excluded.time_ms;
END;
CREATE TRIGGER touched_reseller_update AFTER UPDATE ON resellers BEGIN
    INSERT INTO changes VALUES (NEW.id, CAST(unixepoch('subsec') * 1000 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET time_ms = excluded.time_ms;
END;
CREATE TRIGGER touched_customer_insert AFTER INSERT ON customers BEGIN
    INSERT INTO changes VALUES (NEW.id, CAST(unixepoch('subsec') * 1000 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET time_ms = excluded.time_ms;
END;
CREATE TRIGGER touched_customer_update AFTER UPDATE ON customers BEGIN
    INSERT INTO changes VALUES (NEW.id, CAST(unixepoch('subsec') * 1000 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET time_ms = excluded.time_ms;
END;
CREATE TRIGGER touched_purchase_insert AFTER INSERT ON purchases BEGIN
    INSERT INTO changes VALUES (NEW.id, CAST(unixepoch('subsec') * 1000 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET time_ms = excluded.time_ms;
END;
CREATE TRIGGER touched_purchase_update AFTER UPDATE ON purchases BEGIN
    INSERT INTO changes VALUES (NEW.id, CAST(unixepoch('subsec') * 1000 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET time_ms = excluded.time_ms;
END;
CREATE TRIGGER touched_copy_insert AFTER INSERT ON copies BEGIN
    INSERT INTO changes VALUES (NEW.id, CAST(unixepoch('subsec') * 1000 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET time_ms = excluded.time_ms;
END;
CREATE TRIGGER touched_copy_update AFTER UPDATE ON copies BEGIN
    INSERT INTO changes VALUES (NEW.id, CAST(unixepoch('subsec') * 1000 AS INTEGER))
    ON CONFLICT (id) DO UPDATE SET time_ms = excluded.time_ms;
END;
CREATE TRIGGER touched_pricing_insert AFTER INSERT ON pricing BEGIN
    INSERT INTO changes SELECT copies.id, CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM copies
    WHERE tenant_id = NEW.tenant_id AND kind = 'Customers' AND source_id = NEW.customer_id
    ON CONFLICT (id) DO UPDATE SET time_ms = excluded.time_ms;
END;
CREATE TRIGGER touched_pricing_update AFTER UPDATE ON pricing BEGIN
    INSERT INTO changes SELECT copies.id, CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM copies
    WHERE tenant_id = NEW.tenant_id AND kind = 'Customers' AND source_id = NEW.customer_id
    ON CONFLICT (id) DO UPDATE SET time_ms = excluded.time_ms;
END;
CREATE TRIGGER touched_pricing_delete AFTER DELETE ON pricing BEGIN
    INSERT INTO changes SELECT copies.id, CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM copies
    WHERE tenant_id = OLD.tenant_id AND kind = 'Customers' AND source_id = OLD.customer_id
    ON CONFLICT (id) DO UPDATE SET time_ms = excluded.time_ms;
END;
