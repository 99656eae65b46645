//! Budgets, learnt ceilings and waits in `project.sqlite`.

use rusqlite::params;

use super::SqliteRecord;
use crate::state::ledger::Result;
use crate::state::record::{LearntCeiling, RunId, RunWait, Spent};

impl SqliteRecord {
    pub(super) fn all_spent(&self) -> Result<Vec<Spent>> {
        self.rows("SELECT meter, began, amount FROM spent ORDER BY meter", u32::MAX, |r| {
            Ok(Spent { meter: r.get(0)?, began: r.get(1)?, amount: r.get(2)? })
        })
    }

    pub(super) fn add_spent(&self, meter: &str, began: &str, more: i64) -> Result<u64> {
        self.sql(|db| {
            db.prepare_cached(
                "INSERT INTO spent (meter, began, amount) VALUES (?1, ?2, max(?3, 0))
                 ON CONFLICT (meter) DO UPDATE SET
                     amount = max(CASE WHEN began >= ?2 THEN amount ELSE 0 END + ?3, 0), began = ?2
                 RETURNING amount",
            )?
            .query_row(params![meter, began, more], |r| r.get(0))
        })
    }

    pub(super) fn all_ceilings(&self) -> Result<Vec<LearntCeiling>> {
        self.rows("SELECT host, allowed, at, why FROM ceiling ORDER BY host", u32::MAX, |r| {
            Ok(LearntCeiling { host: r.get(0)?, allowed: r.get(1)?, at: r.get(2)?, why: r.get(3)? })
        })
    }

    pub(super) fn put_ceiling(&self, ceiling: &LearntCeiling) -> Result<()> {
        self.changed(
            "INSERT OR REPLACE INTO ceiling (host, allowed, at, why) VALUES (?1, ?2, ?3, ?4)",
            params![ceiling.host, ceiling.allowed, ceiling.at, ceiling.why],
        )
    }

    pub(super) fn put_wait(&self, run: RunId, mailbox: &str, what: &str, seconds: f64) -> Result<()> {
        self.changed(
            "INSERT INTO waited (run, mailbox, what, seconds) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (run, mailbox, what) DO UPDATE SET seconds = seconds + excluded.seconds",
            params![run.0, mailbox, what, seconds],
        )
    }

    pub(super) fn waits_of(&self, runs: &[RunId]) -> Result<Vec<RunWait>> {
        let runs = serde_json::Value::from(runs.iter().map(|run| run.0).collect::<Vec<_>>()).to_string();
        self.sql(|db| {
            db.prepare_cached(
                "SELECT what, count(*), sum(seconds), max(seconds) FROM (
                     SELECT what, mailbox, sum(seconds) AS seconds FROM waited
                     WHERE run IN (SELECT value FROM json_each(?1)) GROUP BY what, mailbox)
                 GROUP BY what ORDER BY sum(seconds) DESC, what",
            )?
            .query_map([runs], |r| {
                let (what, mailboxes) = (r.get(0)?, r.get(1)?);
                Ok(RunWait { what, mailboxes, seconds: r.get(2)?, longest: r.get(3)? })
            })?
            .collect()
        })
    }
}
