//! The SQLite file behind the sandbox: schema, transactions, clock, counters, audit list.
//!
//! Everything above works on a [`Tx`]: one transaction in which all that is due by now has already
//! happened (a queue that ended, an order that became a subscription). Nothing here knows of HTTP.
//! A reply is only sent after the commit, and a commit is on the disk.

mod due;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, Params, Row, Transaction, TransactionBehavior};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::problem::Refusal;
use super::switches::Switches;
use super::{Config, Ids, world};

/// Milliseconds since 1970.
pub(crate) type Millis = i64;

/// How long things take in this world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    pub(crate) tenant_queue: Duration,
    pub(crate) order: Duration,
}

/// The one connection and what guards it.
pub(crate) struct Store {
    connection: Mutex<Connection>,
    switches: Mutex<Switches>,
    timing: Timing,
    largest_batch: u16,
    ids: Ids,
}

impl Store {
    /// How ids look.
    pub(crate) fn ids(&self) -> Ids {
        self.ids
    }

    /// The most items of a batch.
    pub(crate) fn largest_batch(&self) -> u16 {
        self.largest_batch
    }

    /// Opens the file, and fills it from the seed if the file is new.
    pub(crate) fn open(config: &Config) -> Result<Self, rusqlite::Error> {
        let mut connection = open_connection(&config.database)?;
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let seeded: bool = tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'meta')",
            [],
            |row| row.get(0),
        )?;
        let timing = Timing {
            tenant_queue: config.tenant_queue,
            order: config.order_time,
        };
        let (switches, ids) = if seeded {
            let stored: String =
                tx.query_row("SELECT value FROM switches", [], |row| row.get(0))?;
            let longest = tx.query_row(
                "SELECT EXISTS (SELECT 1 FROM meta WHERE key = 'ids' AND value = 'Longest')",
                [],
                |row| row.get(0),
            )?;
            tx.commit()?;
            let ids = if longest { Ids::Longest } else { Ids::Usual };
            (from_json(&stored)?, ids)
        } else {
            tx.execute_batch(include_str!("schema.sql"))?;
            let tx = Tx {
                db: tx,
                now: now(),
                timing,
                switches: config.switches.clone(),
                ids: config.ids,
            };
            if config.ids == Ids::Longest {
                tx.run("INSERT INTO meta VALUES ('ids', 'Longest')", [])?;
            }
            world::seed(&tx, config)?;
            tx.run(
                "INSERT INTO switches VALUES (1, ?1)",
                [to_json(&config.switches)?],
            )?;
            tx.db.execute_batch(include_str!("triggers.sql"))?;
            if !config.interworks_logins.is_empty() {
                tx.db.execute_batch(include_str!("touched.sql"))?;
            }
            tx.db.commit()?;
            (config.switches.clone(), config.ids)
        };
        Ok(Self {
            connection: Mutex::new(connection),
            switches: Mutex::new(switches),
            timing,
            largest_batch: config.largest_batch,
            ids,
        })
    }

    /// Runs `work` in one transaction and commits it if `work` succeeds.
    pub(crate) fn transact<T>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut connection = self.lock();
        let now = now();
        if due::anything(&connection, now)? {
            // In a transaction of its own: what is due happens, whatever becomes of the request.
            let tx = self.begin(&mut connection, now)?;
            due::settle(&tx)?;
            tx.db.commit()?;
        }
        let tx = self.begin(&mut connection, now)?;
        let answer = work(&tx)?;
        tx.db.commit()?;
        Ok(answer)
    }

    fn begin<'a>(&self, connection: &'a mut Connection, now: Millis) -> rusqlite::Result<Tx<'a>> {
        let db = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        Ok(Tx {
            db,
            now,
            timing: self.timing,
            switches: self.switches(),
            ids: self.ids,
        })
    }

    /// How the sandbox is switched at the moment.
    pub(crate) fn switches(&self) -> Switches {
        self.switches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Switches it over, for every transaction that begins from now on.
    pub(crate) fn switch(
        &self,
        change: impl FnOnce(&Switches) -> Result<Switches, Refusal>,
    ) -> Result<Switches, Refusal> {
        let mut connection = self.lock();
        let tx = self.begin(&mut connection, now())?;
        let switches = change(&tx.switches)?;
        tx.run("UPDATE switches SET value = ?1", [to_json(&switches)?])?;
        tx.db.commit()?;
        // Still under the connection's lock: no transaction sees the file and not the switch.
        self.switches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&switches);
        Ok(switches)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic under the lock rolled its transaction back, so the connection is sound.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_connection(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit that was answered survives the death of this process, whenever it comes: with WAL, NORMAL
    // is enough for that. FULL would survive a power failure too, and make the disk the measure of
    // every benchmark: each write waited 7 ms for it, one after the other.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // In KiB, as negative numbers are here: a reseller with 50,000 subscriptions stays in memory.
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.set_prepared_statement_cache_capacity(512);
    // A plan does not depend on the values that are bound. Without this, a prepared statement whose plan
    // could depend on them is compiled anew at every execution: of the time that a copy spent in SQLite,
    // a quarter went there.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// One transaction.
pub(crate) struct Tx<'a> {
    db: Transaction<'a>,
    pub(crate) now: Millis,
    pub(crate) timing: Timing,
    pub(crate) switches: Switches,
    ids: Ids,
}

impl Tx<'_> {
    /// The id of a record that would be called so where ids are usual.
    pub(crate) fn id(&self, usual: &str) -> String {
        self.ids.of(usual)
    }

    /// A new id: the next number of a counter behind a prefix, with leading zeros up to this many digits.
    pub(crate) fn new_id(
        &self,
        prefix: &str,
        counter: &str,
        digits: usize,
    ) -> rusqlite::Result<String> {
        Ok(self.id(&format!("{prefix}-{:0digits$}", self.next(counter)?)))
    }

    /// Records made up to this instant can be seen.
    pub(crate) fn seen_until(&self) -> Millis {
        match self.switches.lag_ms {
            0 => Millis::MAX,
            lag => self.now.saturating_sub(lag.into()),
        }
    }

    /// Request keys from this instant on are still known.
    pub(crate) fn keys_known_from(&self) -> Millis {
        self.switches
            .request_key_ms
            .map_or(Millis::MIN, |life| self.now.saturating_sub(life.into()))
    }

    /// The only row, if there is one.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        self.db
            .prepare_cached(sql)?
            .query_row(params, read)
            .optional()
    }

    /// All rows.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        self.db
            .prepare_cached(sql)?
            .query_map(params, read)?
            .collect()
    }

    /// A number; 0 where there is no row.
    pub(crate) fn number(&self, sql: &str, params: impl Params) -> rusqlite::Result<i64> {
        Ok(self.one(sql, params, |row| row.get(0))?.unwrap_or(0))
    }

    /// Whether there is any row.
    pub(crate) fn exists(&self, sql: &str, params: impl Params) -> rusqlite::Result<bool> {
        self.db.prepare_cached(sql)?.exists(params)
    }

    /// Executes one statement and returns how many rows it changed.
    pub(crate) fn run(&self, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
        self.db.prepare_cached(sql)?.execute(params)
    }

    /// The next number of a counter, from 1.
    pub(crate) fn next(&self, counter: &str) -> rusqlite::Result<i64> {
        self.db
            .prepare_cached(
                "INSERT INTO counters VALUES (?1, 1)
                 ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
            )?
            .query_row([counter], |row| row.get(0))
    }

    /// A value of the sandbox that never changes.
    pub(crate) fn meta(&self, key: &str) -> rusqlite::Result<String> {
        Ok(self
            .one("SELECT value FROM meta WHERE key = ?1", [key], |row| {
                row.get(0)
            })?
            .unwrap_or_default())
    }

    /// Adds a line to the audit list.
    pub(crate) fn audit(&self, entry: &Audit<'_>) -> rusqlite::Result<()> {
        self.run(
            "INSERT INTO audit (time_ms, actor, operation, account_id, source_id, business_key,
                epoch, outcome, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            rusqlite::params![
                self.now,
                entry.actor,
                entry.operation,
                entry.account_id,
                entry.source_id,
                entry.business_key,
                // 0 stands for no epoch at all, where none is needed.
                entry
                    .epoch
                    .filter(|epoch| *epoch > 0)
                    .and_then(|epoch| i64::try_from(epoch).ok()),
                entry.outcome,
                entry.detail,
            ],
        )?;
        Ok(())
    }
}

/// A line of the audit list: one effect, or one refusal of an effect.
#[derive(Clone, Debug, Default)]
pub(crate) struct Audit<'a> {
    /// Who: `Operator`, `Storefront`, `Staff`, `ResellerStaff`, `Planted`, `System`.
    pub(crate) actor: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) account_id: Option<&'a str>,
    pub(crate) source_id: Option<&'a str>,
    pub(crate) business_key: Option<&'a str>,
    pub(crate) epoch: Option<u64>,
    pub(crate) outcome: &'a str,
    pub(crate) detail: Option<&'a str>,
}

/// The wall clock.
pub(crate) fn now() -> Millis {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

/// An instant as the contract writes it.
pub(crate) fn rfc3339(millis: Millis) -> String {
    jiff::Timestamp::from_millisecond(millis)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_string()
}

/// The word by which an enum of the contract is stored: the one that it has on the wire.
pub(crate) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// The enum behind a stored word.
pub(crate) fn from_word<T: DeserializeOwned>(text: String) -> rusqlite::Result<T> {
    serde_json::from_value(serde_json::Value::String(text)).map_err(unreadable)
}

/// The value behind stored JSON.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(unreadable)
}

/// JSON to store.
pub(crate) fn to_json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn unreadable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
}
