//! `project.sqlite`: the record in one SQLite file of the state folder.

mod meters;
mod plans;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, Row, params};

use crate::assessment::Assessment;
use crate::cause::Cause;
use crate::code::Code;
use crate::event::MailboxEnd;
use crate::plan::PlanSettings;
use crate::run_kind::{Channel, Phase, Requester, RunKind};
use crate::side::Side;
use crate::state::ledger::{LedgerError, Result, sqlite};
use crate::state::private::{private_dir, private_file};
use crate::state::record::alive::{AliveLock, is_alive};
use crate::state::record::migrate::{VERSION, migrate};
use crate::state::record::{
    Acceptance, AccountRecord, Approval, Fact, KEPT_RUNS, LearntCeiling, ListedMailbox, NewApproval, NewPlan,
    NewRun, Note, Outcome, PlannedRow, Reading, Record, RecordedApproval, RecordedMailbox, RecordedPlan,
    RecordedRun, RunForecast, RunId, RunResult, RunWait, Spent, Stage, now, taken,
};
use crate::summary::Stopped;

/// Its name in the state folder.
pub(super) const FILE: &str = "project.sqlite";

/// Another command may write at this moment: it is waited for so long.
const BUSY: Duration = Duration::from_secs(10);

/// Whose ends say how a mailbox has come along.
const WRITES: &str = "('run', 'retry', 'undo', 'watch')";

/// What a run says something about: how a mailbox has come along, whether the panel has it, what it is like,
/// where its folders would go, or how both ends were found. The newest of one says nothing in the place of
/// another's.
fn subject(run: &str) -> String {
    format!(
        "(CASE WHEN {run}.kind IN {WRITES} THEN 1 WHEN {run}.kind IN ('assess', 'plan', 'provision') \
         THEN {run}.kind ELSE 0 END)"
    )
}

/// The record in a file.
#[derive(Debug)]
pub(super) struct SqliteRecord {
    db: Connection,
    path: PathBuf,
    state_dir: PathBuf,
    /// Of the runs that go on here.
    alive: Vec<(RunId, AliveLock)>,
}

impl SqliteRecord {
    pub(super) fn open(state_dir: &Path) -> Result<Self> {
        let path = state_dir.join(FILE);
        let io = |source| LedgerError::Io { path: path.display().to_string(), source };
        private_dir(state_dir).map_err(io)?;
        let db = Connection::open(&path).map_err(|source| sqlite(&path, source))?;
        private_file(&path).map_err(io)?;
        let mut record = Self { db, path, state_dir: state_dir.to_owned(), alive: Vec::new() };
        record.prepare()?;
        Ok(record)
    }

    fn prepare(&mut self) -> Result<()> {
        self.sql(|db| db.busy_timeout(BUSY))?;
        let found: u32 = self.sql(|db| db.pragma_query_value(None, "user_version", |r| r.get(0)))?;
        if found > VERSION {
            return Err(LedgerError::Newer { path: self.path.display().to_string(), found, known: VERSION });
        }
        self.sql(|db| db.pragma_update(None, "journal_mode", "wal"))?;
        self.sql(|db| db.pragma_update(None, "synchronous", "normal"))?;
        if found < VERSION {
            migrate(&mut self.db).map_err(|source| sqlite(&self.path, source))?;
        }
        Ok(())
    }

    fn sql<T>(&self, f: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        f(&self.db).map_err(|source| sqlite(&self.path, source))
    }

    fn rows<T>(
        &self,
        sql: &str,
        most: u32,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        self.sql(|db| db.prepare(&format!("{sql} LIMIT ?1"))?.query_map([most], read)?.collect())
    }

    fn changed<P: rusqlite::Params>(&self, sql: &str, params: P) -> Result<()> {
        self.sql(|db| db.prepare_cached(sql)?.execute(params).map(drop))
    }
}

impl Record for SqliteRecord {
    fn set_list(&mut self, list: &[ListedMailbox]) -> Result<Vec<String>> {
        let replace = |db: &mut Connection| {
            let tx = db.transaction()?;
            let mut taken_off = Vec::new();
            {
                let mut insert = tx.prepare(
                    "INSERT INTO mailbox (mailbox, source, target, label, batch, origin, position)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                     ON CONFLICT (mailbox) DO UPDATE SET source = ?2, target = ?3, label = ?4, batch = ?5, origin = ?6,
                        position = ?7, unlisted = NULL",
                )?;
                let mut listed = HashSet::new();
                for (position, mailbox) in list.iter().enumerate() {
                    let ListedMailbox { key, source, target, label, batch, origin } = mailbox;
                    insert.execute(params![key, source, target, label, batch, origin, position])?;
                    listed.insert(key.as_str());
                }
                let mut known = tx.prepare("SELECT mailbox FROM mailbox WHERE unlisted IS NULL")?;
                let known: Vec<String> =
                    known.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
                let mut mark = tx.prepare("UPDATE mailbox SET unlisted = ?2 WHERE mailbox = ?1")?;
                for mailbox in known.into_iter().filter(|mailbox| !listed.contains(mailbox.as_str())) {
                    mark.execute(params![mailbox, now()])?;
                    taken_off.push(mailbox);
                }
            }
            tx.commit()?;
            Ok(taken_off)
        };
        replace(&mut self.db).map_err(|source| sqlite(&self.path, source))
    }

    fn mailboxes(&self) -> Result<Vec<RecordedMailbox>> {
        self.rows(
            "SELECT mailbox, source, target, label, batch, origin, unlisted, finished IS NOT NULL FROM mailbox
             ORDER BY unlisted IS NOT NULL, position, mailbox",
            u32::MAX,
            |r| {
                Ok(RecordedMailbox {
                    listed: ListedMailbox {
                        key: r.get(0)?,
                        source: r.get(1)?,
                        target: r.get(2)?,
                        label: r.get(3)?,
                        batch: r.get(4)?,
                        origin: r.get(5)?,
                    },
                    unlisted: r.get(6)?,
                    finished: r.get(7)?,
                })
            },
        )
    }

    fn begin_run(&mut self, run: &NewRun<'_>, mailboxes: &[&str]) -> Result<RunId> {
        let (path, state_dir) = (self.path.clone(), self.state_dir.clone());
        let begin = |db: &mut Connection| {
            let tx = db.transaction()?;
            tx.execute(
                "INSERT INTO run (kind, phase, started, by, channel, filter) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    run.kind.as_str(),
                    run.phase.map(Phase::as_str),
                    now(),
                    run.requester.name,
                    run.requester.channel.as_str(),
                    (!run.filter.is_empty()).then(|| run.filter.join("\n")),
                ],
            )?;
            let id = tx.last_insert_rowid();
            {
                let mut queue =
                    tx.prepare("INSERT INTO outcome (mailbox, run, stage) VALUES (?1, ?2, ?3)")?;
                for mailbox in mailboxes {
                    queue.execute(params![mailbox, id, Stage::Queued.as_str()])?;
                }
            }
            tx.execute(
                &format!(
                    "DELETE FROM outcome WHERE run <= (SELECT max(id) FROM run) - ?1 AND EXISTS (
                        SELECT 1 FROM outcome later JOIN run new ON new.id = later.run JOIN run mine ON mine.id = outcome.run
                        WHERE later.mailbox = outcome.mailbox AND later.run > outcome.run AND later.stage <> 'queued'
                        AND {} = {})",
                    subject("new"),
                    subject("mine")
                ),
                [KEPT_RUNS],
            )?;
            // Before anybody can see the run: whoever sees it finds it alive.
            let lock = AliveLock::take(&state_dir, id);
            if lock.is_ok() {
                tx.commit()?;
            }
            Ok((RunId(id), lock))
        };
        let (id, lock) = begin(&mut self.db).map_err(|source| sqlite(&path, source))?;
        let lock = lock.map_err(|source| LedgerError::Io { path: path.display().to_string(), source })?;
        self.alive.push((id, lock));
        Ok(id)
    }

    fn update_run(&self, run: RunId, copied: u64, bytes: u64, seconds: f64) -> Result<()> {
        self.changed(
            "UPDATE run SET copied = ?2, bytes = ?3, seconds = ?4 WHERE id = ?1",
            params![run.0, copied, bytes, seconds],
        )
    }

    fn end_run(&mut self, run: RunId, result: RunResult) -> Result<()> {
        let end = |db: &mut Connection| {
            let tx = db.transaction()?;
            tx.execute(
                "DELETE FROM outcome WHERE run = ?1 AND stage = ?2",
                params![run.0, Stage::Queued.as_str()],
            )?;
            tx.execute(
                "UPDATE outcome SET stage = ?3, until = NULL WHERE run = ?1 AND stage = ?2",
                params![run.0, Stage::Begun.as_str(), Stage::Interrupted.as_str()],
            )?;
            tx.execute(
                "UPDATE run SET ended = ?2, result = ?3 WHERE id = ?1",
                params![run.0, now(), result.as_str()],
            )?;
            tx.commit()
        };
        end(&mut self.db).map_err(|source| sqlite(&self.path, source))?;
        self.alive.retain(|(id, _)| *id != run);
        Ok(())
    }

    fn begin_mailbox(&self, run: RunId, mailbox: &str) -> Result<()> {
        self.changed(
            "UPDATE outcome SET stage = ?3 WHERE mailbox = ?1 AND run = ?2",
            params![mailbox, run.0, Stage::Begun.as_str()],
        )
    }

    fn set_waiting(&self, run: RunId, mailbox: &str, wait: Option<(&str, &str)>) -> Result<()> {
        let (until, reason) = wait.unzip();
        self.changed(
            "UPDATE outcome SET until = ?3, reason = ?4 WHERE mailbox = ?1 AND run = ?2",
            params![mailbox, run.0, until, reason],
        )
    }

    fn end_mailbox(&self, run: RunId, mailbox: &str, end: &MailboxEnd) -> Result<()> {
        let stage = match end {
            MailboxEnd::Complete | MailboxEnd::PreStaged { .. } => Stage::Finished,
            MailboxEnd::NotAllWell => Stage::NotAllWell,
            MailboxEnd::Stopped(_) => Stage::Stopped,
            MailboxEnd::Interrupted => Stage::Interrupted,
        };
        let stopped = end.stopped();
        self.changed(
            "UPDATE outcome SET stage = ?3, side = ?4, cause = ?5, reason = ?6, until = NULL
             WHERE mailbox = ?1 AND run = ?2",
            params![
                mailbox,
                run.0,
                stage.as_str(),
                stopped.map(|stopped| stopped.side.as_str()),
                stopped.map(|stopped| stopped.cause.as_str()),
                stopped.map(|stopped| stopped.reason.as_str()),
            ],
        )?;
        if matches!(stage, Stage::Finished | Stage::NotAllWell) {
            // What was taken back has to be copied as a whole again.
            self.changed(
                "UPDATE mailbox SET finished = NULL WHERE mailbox = ?1
                 AND (SELECT kind FROM run WHERE id = ?2) = 'undo'",
                params![mailbox, run.0],
            )?;
            self.changed(
                "UPDATE mailbox SET finished = ?3 WHERE mailbox = ?1 AND finished IS NULL
                 AND (SELECT kind = 'run' AND phase IS NOT 'pre-stage' FROM run WHERE id = ?2)",
                params![mailbox, run.0, now()],
            )?;
        }
        Ok(())
    }

    fn forget_mailbox(&self, run: RunId, mailbox: &str) -> Result<()> {
        self.changed("DELETE FROM outcome WHERE mailbox = ?1 AND run = ?2", params![mailbox, run.0])
    }

    fn runs(&self, most: u32) -> Result<Vec<RecordedRun>> {
        self.rows(
            "SELECT id, kind, phase, started, ended, by, channel, filter, result, copied, bytes, seconds,
                    forecast
             FROM run ORDER BY id DESC",
            most,
            |r| {
                let (id, result): (i64, Option<String>) = (r.get(0)?, r.get(8)?);
                let filter: Option<String> = r.get(7)?;
                let (started, recorded): (String, f64) = (r.get(3)?, r.get(11)?);
                let alive = result.is_none() && is_alive(&self.state_dir, id);
                let seconds =
                    if alive { taken(&started, jiff::Timestamp::now(), recorded) } else { recorded };
                Ok(RecordedRun {
                    id: RunId(id),
                    kind: named(r, 1, RunKind::parse)?.unwrap_or(RunKind::Run),
                    phase: named(r, 2, Phase::parse)?,
                    started,
                    ended: r.get(4)?,
                    by: r.get(5)?,
                    channel: named(r, 6, Channel::parse)?,
                    filter: filter.iter().flat_map(|filter| filter.lines()).map(str::to_owned).collect(),
                    alive,
                    result: result.map(|name| RunResult::parse(&name).unwrap_or(RunResult::NotRecorded)),
                    copied: r.get(9)?,
                    bytes: r.get(10)?,
                    seconds,
                    forecast: r
                        .get::<_, Option<String>>(12)?
                        .and_then(|json| serde_json::from_str(&json).ok()),
                })
            },
        )
    }

    fn outcomes(&self) -> Result<Vec<Outcome>> {
        self.rows(
            "SELECT mailbox, run, stage, side, cause, reason, until FROM outcome ORDER BY run",
            u32::MAX,
            |r| {
                // What cannot be read is a stop all the same: nobody knows that it was well.
                let stage = named(r, 2, Stage::parse)?.unwrap_or(Stage::Stopped);
                let stopped = match stage {
                    Stage::Stopped => Some(stopped(r)?),
                    _ => None,
                };
                let until: Option<String> = r.get(6)?;
                let waits_for = if until.is_some() { r.get(5)? } else { None };
                Ok(Outcome { mailbox: r.get(0)?, run: RunId(r.get(1)?), stage, stopped, until, waits_for })
            },
        )
    }

    fn set_account(&self, seen: &AccountRecord) -> Result<()> {
        let AccountRecord { mailbox, host, port, user, uid_validity, mailbox_id } = seen;
        self.changed(
            "INSERT OR REPLACE INTO account (mailbox, host, port, user, uidvalidity, mailboxid)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![mailbox, host, port, user, uid_validity, mailbox_id],
        )
    }

    fn accounts(&self) -> Result<Vec<AccountRecord>> {
        self.rows(
            "SELECT mailbox, host, port, user, uidvalidity, mailboxid FROM account ORDER BY id",
            u32::MAX,
            |r| {
                Ok(AccountRecord {
                    mailbox: r.get(0)?,
                    host: r.get(1)?,
                    port: r.get(2)?,
                    user: r.get(3)?,
                    uid_validity: r.get(4)?,
                    mailbox_id: r.get(5)?,
                })
            },
        )
    }

    fn begin_plan(&mut self) -> Result<()> {
        self.drop_unfinished_plan()
    }

    fn keep_planned(&self, planned: &PlannedRow) -> Result<()> {
        self.add_planned(planned)
    }

    fn end_plan(&mut self, plan: &NewPlan<'_>) -> Result<RecordedPlan> {
        self.number_plan(plan)
    }

    fn plans(&self, most: u32) -> Result<Vec<RecordedPlan>> {
        self.newest_plans(most)
    }

    fn planned(&self, number: Option<u64>, each: &mut dyn FnMut(PlannedRow) -> Result<()>) -> Result<()> {
        self.each_planned(number, each)
    }

    fn last_planned(&self, mailbox: &str, before: Option<u64>) -> Result<Option<(u64, PlannedRow)>> {
        self.newest_planned(mailbox, before)
    }

    fn newest_planned(&self, each: &mut dyn FnMut(u64, PlannedRow) -> Result<()>) -> Result<()> {
        self.each_newest_planned(each)
    }

    fn planned_digests(&self) -> Result<HashMap<String, String>> {
        self.digests_of_plans()
    }

    fn plan_settings(&self, number: u64) -> Result<Option<PlanSettings>> {
        self.settings_of_plan(number)
    }

    fn approve(&mut self, approval: &NewApproval<'_>) -> Result<RecordedApproval> {
        self.add_approval(approval)
    }

    fn is_plan_approved(&self, number: u64) -> Result<bool> {
        self.approvals_fit(number)
    }

    fn is_approved(&self, mailbox: &str) -> Result<Option<bool>> {
        self.approval_fits(mailbox)
    }

    fn under_way(&self, mailbox: &str) -> Result<Option<PlannedRow>> {
        self.planned_of(0, mailbox)
    }

    fn approvals(&self) -> Result<Vec<Approval>> {
        self.all_approvals()
    }

    fn approved_digests(&self) -> Result<HashMap<String, String>> {
        self.digests_of_approval()
    }

    fn accept(&self, acceptance: &Acceptance) -> Result<()> {
        let Acceptance { mailbox, folder, uid, code, by, at: _, note } = acceptance;
        self.changed(
            "INSERT INTO acceptance (mailbox, folder, uid, code, by, at, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![mailbox, folder, uid, code.as_str(), by, now(), note],
        )
    }

    fn acceptances(&self) -> Result<Vec<Acceptance>> {
        let all = self.rows(
            "SELECT mailbox, folder, uid, code, by, at, note FROM acceptance ORDER BY id",
            u32::MAX,
            |r| {
                // A reason that this program does not know accepts nothing.
                let Some(code) = named(r, 3, Code::parse)? else { return Ok(None) };
                Ok(Some(Acceptance {
                    mailbox: r.get(0)?,
                    folder: r.get(1)?,
                    uid: r.get(2)?,
                    code,
                    by: r.get(4)?,
                    at: r.get(5)?,
                    note: r.get(6)?,
                }))
            },
        )?;
        Ok(all.into_iter().flatten().collect())
    }

    fn add_fact(&self, fact: &Fact) -> Result<()> {
        let Fact { what, how, evidence, by, at: _ } = fact;
        self.changed(
            "INSERT INTO fact (what, how, evidence, by, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![what, how, evidence, by, now()],
        )
    }

    fn facts(&self) -> Result<Vec<Fact>> {
        self.rows("SELECT what, how, evidence, by, at FROM fact ORDER BY id", u32::MAX, |r| {
            Ok(Fact { what: r.get(0)?, how: r.get(1)?, evidence: r.get(2)?, by: r.get(3)?, at: r.get(4)? })
        })
    }

    fn note(&self, requester: &Requester, what: &str) -> Result<()> {
        self.changed(
            "INSERT INTO note (at, by, channel, what) VALUES (?1, ?2, ?3, ?4)",
            params![now(), requester.name, requester.channel.as_str(), what],
        )
    }

    fn notes(&self, most: u32) -> Result<Vec<Note>> {
        self.rows("SELECT at, by, channel, what FROM note ORDER BY id DESC", most, |r| {
            let channel = named(r, 2, Channel::parse)?.unwrap_or(Channel::Terminal);
            let requester = Requester { name: r.get(1)?, channel };
            Ok(Note { at: r.get(0)?, requester, what: r.get(3)? })
        })
    }

    fn readings(&self) -> Result<Vec<Reading>> {
        self.rows("SELECT mailbox, stamp, summary FROM reading", u32::MAX, |r| {
            Ok(Reading { mailbox: r.get(0)?, stamp: r.get(1)?, summary: r.get(2)? })
        })
    }

    fn assessments(&self) -> Result<Vec<Assessment>> {
        let kept: Vec<String> =
            self.rows("SELECT figures FROM assessment ORDER BY mailbox", u32::MAX, |r| r.get(0))?;
        Ok(kept.iter().filter_map(|figures| serde_json::from_str(figures).ok()).collect())
    }

    fn keep_assessment(&self, assessment: &Assessment) -> Result<()> {
        let Ok(figures) = serde_json::to_string(assessment) else { return Ok(()) };
        self.changed(
            "INSERT OR REPLACE INTO assessment (mailbox, at, figures) VALUES (?1, ?2, ?3)",
            params![assessment.mailbox, assessment.at, figures],
        )
    }

    fn spent(&self) -> Result<Vec<Spent>> {
        self.all_spent()
    }

    fn spend(&self, meter: &str, began: &str, more: i64) -> Result<u64> {
        self.add_spent(meter, began, more)
    }

    fn ceilings(&self) -> Result<Vec<LearntCeiling>> {
        self.all_ceilings()
    }

    fn set_ceiling(&self, ceiling: &LearntCeiling) -> Result<()> {
        self.put_ceiling(ceiling)
    }

    fn set_forecast(&self, run: RunId, forecast: &RunForecast) -> Result<()> {
        let Ok(json) = serde_json::to_string(forecast) else { return Ok(()) };
        self.changed("UPDATE run SET forecast = ?2 WHERE id = ?1", params![run.0, json])
    }

    fn add_wait(&self, run: RunId, mailbox: &str, what: &str, seconds: f64) -> Result<()> {
        self.put_wait(run, mailbox, what, seconds)
    }

    fn waits(&self, runs: &[RunId]) -> Result<Vec<RunWait>> {
        self.waits_of(runs)
    }

    fn keep_readings(&mut self, readings: &[Reading]) -> Result<()> {
        let keep = |db: &mut Connection| {
            let tx = db.transaction()?;
            {
                let mut keep = tx.prepare(
                    "INSERT OR REPLACE INTO reading (mailbox, stamp, summary) VALUES (?1, ?2, ?3)",
                )?;
                for reading in readings {
                    keep.execute([&reading.mailbox, &reading.stamp, &reading.summary])?;
                }
            }
            tx.commit()
        };
        keep(&mut self.db).map_err(|source| sqlite(&self.path, source))
    }
}

/// Reads a name of a closed list; `None` where there is none, and where it is one this program does not know.
fn named<T>(row: &Row<'_>, column: usize, parse: fn(&str) -> Option<T>) -> rusqlite::Result<Option<T>> {
    let name: Option<String> = row.get(column)?;
    Ok(name.and_then(|name| parse(&name)))
}

fn stopped(row: &Row<'_>) -> rusqlite::Result<Stopped> {
    let side: Option<String> = row.get(3)?;
    let side = [Side::Source, Side::Target].into_iter().find(|known| side.as_deref() == Some(known.as_str()));
    let (cause, reason) = (named(row, 4, Cause::parse)?, row.get::<_, Option<String>>(5)?);
    Ok(match (cause, reason) {
        (Some(cause), Some(reason)) => Stopped { side: side.unwrap_or(Side::Local), cause, reason },
        _ => Stopped {
            side: Side::Local,
            cause: Cause::Ledger,
            reason: "why it stopped cannot be read from project.sqlite; run the same command again"
                .to_owned(),
        },
    })
}
