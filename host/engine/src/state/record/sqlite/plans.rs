//! Plans and approvals in `project.sqlite`.

use std::collections::HashMap;

use rusqlite::{OptionalExtension as _, Row, TransactionBehavior, params};

use super::{SqliteRecord, named};
use crate::plan::PlanSettings;
use crate::run_kind::Channel;
use crate::state::ledger::{Result, sqlite};
use crate::state::record::{
    Approval, NewApproval, NewPlan, PlanSums, PlannedRow, RecordedApproval, RecordedPlan, now,
};

/// Plans of each mailbox that are kept.
const KEPT: u32 = 2;

/// A number that no plan reaches.
const MOST: u64 = i64::MAX as u64;

const COLUMNS: &str = "number, digest, by, channel, at, mailboxes, conflicts, messages, bytes, seconds";

/// Approvals, each with the number of mailboxes for which it is in force.
const APPROVALS: &str = "SELECT digest, number, by, at,
    (SELECT count(*) FROM approved WHERE approved.approval = approval.id) FROM approval";

impl SqliteRecord {
    pub(super) fn drop_unfinished_plan(&self) -> Result<()> {
        self.changed("DELETE FROM planned WHERE plan = 0", [])
    }

    pub(super) fn add_planned(&self, planned: &PlannedRow) -> Result<()> {
        self.changed(
            "INSERT OR REPLACE INTO planned (plan, mailbox, digest, json) VALUES (0, ?1, ?2, ?3)",
            params![planned.mailbox, planned.digest, planned.plan],
        )
    }

    pub(super) fn number_plan(&mut self, plan: &NewPlan<'_>) -> Result<RecordedPlan> {
        let path = self.path.clone();
        let settings = serde_json::to_string(plan.settings).unwrap_or_default();
        let mut number = || {
            let tx = self.db.transaction()?;
            let newest: Option<(u64, String)> = tx
                .query_row("SELECT number, digest FROM plan ORDER BY number DESC LIMIT 1", [], |r| {
                    Ok((r.get(0)?, r.get(1)?))
                })
                .optional()?;
            let number = match newest {
                Some((number, digest)) if digest == plan.digest => number,
                Some((number, _)) => number + 1,
                None => 1,
            };
            let PlanSums { mailboxes, conflicts, messages, bytes, seconds } = plan.sums;
            tx.execute(
                &format!(
                    "INSERT OR REPLACE INTO plan ({COLUMNS}, settings)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
                ),
                params![
                    number,
                    plan.digest,
                    plan.requester.name,
                    plan.requester.channel.as_str(),
                    now(),
                    mailboxes,
                    conflicts,
                    messages,
                    bytes,
                    seconds,
                    settings
                ],
            )?;
            tx.execute("UPDATE OR REPLACE planned SET plan = ?1 WHERE plan = 0", [number])?;
            tx.execute(
                "DELETE FROM planned WHERE (SELECT count(*) FROM planned AS newer
                    WHERE newer.mailbox = planned.mailbox AND newer.plan > planned.plan) >= ?1
                 AND NOT EXISTS (SELECT 1 FROM approved JOIN approval ON approval.id = approved.approval
                    WHERE approved.mailbox = planned.mailbox AND approval.number = planned.plan)",
                [KEPT],
            )?;
            tx.commit()?;
            Ok(number)
        };
        let number = number().map_err(|source| sqlite(&path, source))?;
        self.sql(|db| {
            db.query_row(&format!("SELECT {COLUMNS} FROM plan WHERE number = ?1"), [number], recorded)
        })
    }

    pub(super) fn newest_plans(&self, most: u32) -> Result<Vec<RecordedPlan>> {
        self.rows(&format!("SELECT {COLUMNS} FROM plan ORDER BY number DESC"), most, recorded)
    }

    pub(super) fn each_planned(
        &self,
        number: Option<u64>,
        each: &mut dyn FnMut(PlannedRow) -> Result<()>,
    ) -> Result<()> {
        let number = number.unwrap_or(0);
        // Their names first: a database that puts whole plans into order does so on the disk.
        let mailboxes: Vec<String> = self.sql(|db| {
            db.prepare(
                "SELECT planned.mailbox FROM planned
                 LEFT JOIN mailbox ON mailbox.mailbox = planned.mailbox
                 WHERE planned.plan = ?1 ORDER BY mailbox.position, planned.mailbox",
            )?
            .query_map([number], |r| r.get(0))?
            .collect()
        })?;
        for mailbox in mailboxes {
            // Another command may have begun a plan of its own meanwhile.
            if let Some(row) = self.planned_of(number, &mailbox)? {
                each(row)?;
            }
        }
        Ok(())
    }

    pub(super) fn planned_of(&self, number: u64, mailbox: &str) -> Result<Option<PlannedRow>> {
        self.sql(|db| {
            db.prepare_cached("SELECT mailbox, digest, json FROM planned WHERE plan = ?1 AND mailbox = ?2")?
                .query_row(params![number, mailbox], |r| planned(r, 0))
                .optional()
        })
    }

    pub(super) fn approval_fits(&self, mailbox: &str) -> Result<Option<bool>> {
        self.sql(|db| {
            let any: bool = db.query_row("SELECT EXISTS (SELECT 1 FROM approved)", [], |r| r.get(0))?;
            if !any {
                return Ok(None);
            }
            let fits = db
                .prepare_cached(
                    "SELECT digest = coalesce((SELECT digest FROM planned
                         WHERE mailbox = ?1 AND plan > 0 ORDER BY plan DESC LIMIT 1), digest)
                     FROM approved WHERE mailbox = ?1",
                )?
                .query_row([mailbox], |r| r.get(0))
                .optional()?;
            Ok(Some(fits.unwrap_or(false)))
        })
    }

    pub(super) fn newest_planned(
        &self,
        mailbox: &str,
        before: Option<u64>,
    ) -> Result<Option<(u64, PlannedRow)>> {
        self.sql(|db| {
            db.prepare_cached(
                "SELECT plan, mailbox, digest, json FROM planned WHERE mailbox = ?1 AND plan > 0 AND plan < ?2
                 ORDER BY plan DESC LIMIT 1",
            )?
            .query_row(params![mailbox, before.unwrap_or(MOST)], |r| Ok((r.get(0)?, planned(r, 1)?)))
            .optional()
        })
    }

    pub(super) fn each_newest_planned(
        &self,
        each: &mut dyn FnMut(u64, PlannedRow) -> Result<()>,
    ) -> Result<()> {
        let at_db = |source| sqlite(&self.path, source);
        // SQLite gives the other columns of the row that has the maximum.
        let mut select = self
            .db
            .prepare("SELECT max(plan), mailbox, digest, json FROM planned WHERE plan > 0 GROUP BY mailbox")
            .map_err(at_db)?;
        let mut rows = select.query([]).map_err(at_db)?;
        while let Some(row) = rows.next().map_err(at_db)? {
            each(row.get(0).map_err(at_db)?, planned(row, 1).map_err(at_db)?)?;
        }
        Ok(())
    }

    pub(super) fn digests_of_plans(&self) -> Result<HashMap<String, String>> {
        // SQLite gives the other columns of the row that has the maximum.
        let newest = self.rows(
            "SELECT mailbox, digest, max(plan) FROM planned WHERE plan > 0 GROUP BY mailbox",
            u32::MAX,
            |r| Ok((r.get(0)?, r.get(1)?)),
        )?;
        Ok(newest.into_iter().collect())
    }

    pub(super) fn settings_of_plan(&self, number: u64) -> Result<Option<PlanSettings>> {
        let json: Option<String> = self.sql(|db| {
            db.query_row("SELECT settings FROM plan WHERE number = ?1", [number], |r| r.get(0)).optional()
        })?;
        // What another build has written may be unreadable: then nothing is known of them.
        Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
    }

    /// Looks and writes in one transaction that nobody else writes beside: of two at once the second finds
    /// what the first has recorded.
    pub(super) fn add_approval(&mut self, new: &NewApproval<'_>) -> Result<RecordedApproval> {
        let path = self.path.clone();
        let NewApproval { digest, by, mailboxes } = *new;
        let mut add = || {
            let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let all = format!("{APPROVALS} WHERE digest = ?1 AND by = ?2 ORDER BY id DESC");
            let known =
                tx.prepare(&all)?.query_map([digest, by], approval)?.collect::<rusqlite::Result<Vec<_>>>()?;
            let whole = mailboxes.len() as u64;
            if let Some(approval) = known.into_iter().find(|approval| approval.mailboxes == whole) {
                return Ok(RecordedApproval { approval, already: true, replaced: Vec::new() });
            }
            tx.execute(
                "INSERT INTO approval (digest, number, by, at)
                 VALUES (?1, (SELECT max(number) FROM plan WHERE digest = ?1), ?2, ?3)",
                params![digest, by, now()],
            )?;
            let id = tx.last_insert_rowid();
            {
                let mut row =
                    tx.prepare("INSERT INTO approved (approval, mailbox, digest) VALUES (?1, ?2, ?3)")?;
                for (mailbox, digest) in mailboxes {
                    row.execute(params![id, mailbox, digest])?;
                }
            }
            // Of each mailbox one plan is in force; the names of all who approved that one stay.
            let superseded =
                "approval <> ?1 AND mailbox IN (SELECT mailbox FROM approved WHERE approval = ?1)";
            let replaced = tx
                .prepare(&format!(
                    "SELECT digest, number, by, at, lost FROM approval
                     JOIN (SELECT approval AS of, count(*) AS lost FROM approved WHERE {superseded} GROUP BY approval)
                     ON of = id WHERE digest <> ?2 ORDER BY id DESC"
                ))?
                .query_map(params![id, digest], approval)?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            tx.execute(
                &format!(
                    "DELETE FROM approved WHERE {superseded}
                     AND approval IN (SELECT id FROM approval WHERE digest <> ?2 OR by = ?3)"
                ),
                params![id, digest, by],
            )?;
            let approval = tx.query_row(&format!("{APPROVALS} WHERE id = ?1"), [id], approval)?;
            tx.commit()?;
            Ok(RecordedApproval { approval, already: false, replaced })
        };
        add().map_err(|source| sqlite(&path, source))
    }

    pub(super) fn all_approvals(&self) -> Result<Vec<Approval>> {
        self.rows(&format!("{APPROVALS} ORDER BY id DESC"), u32::MAX, approval)
    }

    pub(super) fn approvals_fit(&self, number: u64) -> Result<bool> {
        self.sql(|db| {
            db.query_row(
                "SELECT EXISTS (SELECT 1 FROM planned WHERE plan = ?1) AND NOT EXISTS
                    (SELECT 1 FROM planned WHERE plan = ?1 AND NOT EXISTS
                        (SELECT 1 FROM approved WHERE approved.mailbox = planned.mailbox
                            AND approved.digest = planned.digest))",
                [number],
                |r| r.get(0),
            )
        })
    }

    pub(super) fn digests_of_approval(&self) -> Result<HashMap<String, String>> {
        let approved =
            self.rows("SELECT mailbox, digest FROM approved", u32::MAX, |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(approved.into_iter().collect())
    }
}

fn planned(row: &Row<'_>, first: usize) -> rusqlite::Result<PlannedRow> {
    Ok(PlannedRow { mailbox: row.get(first)?, digest: row.get(first + 1)?, plan: row.get(first + 2)? })
}

fn approval(row: &Row<'_>) -> rusqlite::Result<Approval> {
    Ok(Approval {
        digest: row.get(0)?,
        number: row.get(1)?,
        by: row.get(2)?,
        at: row.get(3)?,
        mailboxes: row.get(4)?,
    })
}

fn recorded(row: &Row<'_>) -> rusqlite::Result<RecordedPlan> {
    Ok(RecordedPlan {
        number: row.get(0)?,
        digest: row.get(1)?,
        by: row.get(2)?,
        channel: named(row, 3, Channel::parse)?,
        at: row.get(4)?,
        sums: PlanSums {
            mailboxes: row.get(5)?,
            conflicts: row.get(6)?,
            messages: row.get(7)?,
            bytes: row.get(8)?,
            seconds: row.get(9)?,
        },
    })
}
