//! What a ledger says to the report: counts, exceptions, differences, hooks.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction, params};

use super::folder::{SAMPLE, stopped_code};
use super::{FolderId, FolderRow, Ledger, Result};
use crate::code::Code;
use crate::summary::{
    Comparison, Counts, Difference, Exception, ExceptionOutcome, FolderSummary, HookSummary, LeftOutFolder,
    Sample, SkippedBy, VerifiedDepth,
};

/// Folders with what is counted of their messages.
const COUNTED: &str = "SELECT f.source_path, f.target_path, f.source_messages, f.verified, f.stopped_code,
        count(*) FILTER (WHERE m.gone = 0 AND m.outcome = 1),
        count(*) FILTER (WHERE m.gone = 0 AND m.outcome = 2),
        count(*) FILTER (WHERE m.gone = 0 AND m.outcome = 3),
        count(*) FILTER (WHERE m.gone = 0 AND m.outcome = 4),
        count(*) FILTER (WHERE m.gone = 1 AND m.outcome = 1),
        coalesce(sum(m.size) FILTER (WHERE m.gone = 0 AND m.outcome = 1), 0),
        f.counts, count(*) FILTER (WHERE m.gone = 2), f.unlisted, f.scanned, f.id
    FROM folder f LEFT JOIN message m ON m.folder = f.id AND f.counts IS NULL";

/// What stands behind a rule where a copy of an earlier run stays on the target.
pub(crate) const COPY_STAYS: &str = "; its copy of an earlier run stays in ";

/// What stands behind the rule of a folder that could not be read.
pub(crate) const NOT_READ: &str = "; the source does not let it be read: ";

/// A rule of which nothing is recorded.
const UNKNOWN_RULE: &str = "left out with its folder";

/// The rule in the reason why a message or a folder is left out.
fn rule_in(reason: &str) -> &str {
    let cut = [COPY_STAYS, NOT_READ].iter().filter_map(|beside| reason.find(beside)).min();
    &reason[..cut.unwrap_or(reason.len())]
}

impl Ledger {
    /// Records of which part folders are compared from now on: one that was compared of another part is so no
    /// more.
    pub(crate) fn set_sample(&mut self, sample: &Sample) -> Result<()> {
        self.transaction(|tx| {
            tx.execute("UPDATE folder SET verified = 0 WHERE verified = ?1", [SAMPLE])?;
            set_about(tx, "sample", sample)
        })
    }

    /// Every folder with its counts, in plan order. Each adds up.
    ///
    /// # Errors
    /// See [`super::LedgerError`]; the same for all methods.
    pub(crate) fn folder_summaries(&self) -> Result<Vec<FolderSummary>> {
        Ok(self.counted(None)?.into_iter().map(|(_, folder)| folder).collect())
    }

    /// Returns one folder with its counts; `None` when the ledger has no such row.
    pub(crate) fn folder_summary(&self, folder: FolderId) -> Result<Option<FolderSummary>> {
        Ok(self.counted(Some(folder))?.pop().map(|(_, folder)| folder))
    }

    /// One folder, or all of them in plan order, with their counts.
    pub(super) fn counted(&self, folder: Option<FolderId>) -> Result<Vec<(FolderId, FolderSummary)>> {
        let of_part: Option<Sample> = self.about("sample")?;
        self.sql(|db| {
            let sql = match folder {
                // A condition that takes in all of them would have each look at one folder read every folder.
                Some(_) => format!("{COUNTED} WHERE f.id = ?1 GROUP BY f.id"),
                None => format!("{COUNTED} GROUP BY f.id ORDER BY f.id"),
            };
            let mut query = db.prepare_cached(&sql)?;
            let rows = query.query_map(rusqlite::params_from_iter(folder.map(|f| f.0)), |r| {
                let verified = match r.get::<_, i64>(3)? {
                    0 => VerifiedDepth::None,
                    1 => VerifiedDepth::Counts,
                    2 => VerifiedDepth::Headers,
                    SAMPLE => VerifiedDepth::Sample,
                    _ => VerifiedDepth::Full,
                };
                // Counted when the folder was finished; a change since has taken it back.
                let counted: Option<Counts> =
                    r.get::<_, Option<String>>(11)?.and_then(|text| serde_json::from_str(&text).ok());
                let mut counts = Counts {
                    source_messages: r.get(2)?,
                    copied: r.get(5)?,
                    already_present: r.get(6)?,
                    skipped: r.get(7)?,
                    failed: r.get(8)?,
                    pending: 0,
                    gone_at_source: r.get(9)?,
                    removed: r.get(12)?,
                    bytes: r.get(10)?,
                };
                let target: Option<String> = r.get(1)?;
                let stopped: Option<String> = r.get(4)?;
                let stopped = stopped.map(|code| stopped_code(&code));
                if let Some(counted) = counted {
                    counts = counted;
                } else {
                    let unlisted: u64 = r.get(13)?;
                    // What nobody could list is left out with the rest of a folder that a rule leaves out.
                    let out = if target.is_none() { &mut counts.skipped } else { &mut counts.failed };
                    *out += unlisted;
                    let known = counts.copied + counts.already_present + counts.skipped + counts.failed;
                    // Between a plan and the first scan the source may have fewer messages than rows.
                    counts.source_messages = counts.source_messages.max(known);
                    let rest = counts.source_messages - known;
                    *match (&stopped, &target) {
                        // A target that took nothing any more has said nothing of these messages.
                        (None | Some(Code::Refused), _) if stopped.is_none() || target.is_some() => {
                            &mut counts.pending
                        }
                        (_, None) => &mut counts.skipped,
                        (_, Some(_)) => &mut counts.failed,
                    } += rest;
                }
                // Of a folder that is left out nothing had to be read.
                let stopped = stopped.filter(|_| target.is_some());
                let never_opened = target.is_some() && !r.get::<_, bool>(14)?;
                let sample = of_part.filter(|_| verified == VerifiedDepth::Sample);
                let source = r.get(0)?;
                let id = FolderId(r.get(15)?);
                Ok((id, FolderSummary { source, target, counts, stopped, never_opened, verified, sample }))
            })?;
            rows.collect()
        })
    }

    /// What is left out of these folders on purpose, by rule. The messages add up to what is skipped: those
    /// that nobody could list are left out by the rule of their folder.
    pub(crate) fn skipped_by(&self, folders: &[FolderSummary]) -> Result<Vec<SkippedBy>> {
        let by_folder: Vec<(String, Option<String>, SkippedBy)> = self.sql(|db| {
            db.prepare_cached(
                "SELECT f.source_path, f.stopped_reason, coalesce(r.text, ''), s.messages, s.bytes FROM folder f
                 JOIN (SELECT folder, reason, count(*) AS messages, sum(size) AS bytes FROM message
                       WHERE gone = 0 AND outcome > 2 AND outcome = 3 GROUP BY folder, reason) s ON s.folder = f.id
                 LEFT JOIN reason r ON r.id = s.reason
                 UNION ALL
                 SELECT source_path, stopped_reason, NULL, 0, 0 FROM folder
                     WHERE target_path IS NULL AND stopped_reason IS NOT NULL",
            )?
            .query_map([], |r| {
                let (folder, stopped): (String, Option<String>) = (r.get(0)?, r.get(1)?);
                let text: Option<String> = r.get(2)?;
                let rule = rule_in(text.as_deref().or(stopped.as_deref()).unwrap_or_default()).to_owned();
                Ok((folder, stopped, SkippedBy { rule, messages: r.get(3)?, bytes: r.get(4)? }))
            })?
            .collect()
        })?;
        let mut listed: HashMap<&str, (u64, &str)> = HashMap::new();
        for (folder, _, skipped) in &by_folder {
            let of_folder = listed.entry(folder).or_insert((0, &skipped.rule));
            of_folder.0 += skipped.messages;
        }
        let mut all = Vec::new();
        let rows: Vec<SkippedBy> = by_folder.iter().map(|(.., skipped)| skipped.clone()).collect();
        SkippedBy::join(&mut all, &rows);
        let unlisted: Vec<SkippedBy> = folders
            .iter()
            .filter_map(|folder| {
                let (known, rule) = listed.get(folder.source.as_str()).copied().unwrap_or((0, ""));
                let messages = folder.counts.skipped.checked_sub(known).filter(|rest| *rest > 0)?;
                let rule = if rule.is_empty() { UNKNOWN_RULE } else { rule };
                Some(SkippedBy { rule: rule.to_owned(), messages, bytes: 0 })
            })
            .collect();
        SkippedBy::join(&mut all, &unlisted);
        all.retain(|one| one.messages > 0);
        Ok(all)
    }

    /// Every message that is neither copied nor present; with UID 0 those of which nothing else is known, a
    /// line for each folder that could not be read, wholly or in part.
    pub(crate) fn exceptions(&self) -> Result<Vec<Exception>> {
        let mut list: Vec<Exception> = self.sql(|db| {
            db.prepare_cached(
                "SELECT f.source_path, m.source_uid, m.outcome, r.code, r.text
                 FROM message m JOIN folder f ON f.id = m.folder LEFT JOIN reason r ON r.id = m.reason
                 WHERE m.gone = 0 AND m.outcome > 2
                 ORDER BY f.id, m.source_uid",
            )?
            .query_map([], |r| {
                // A reason that is missing, or has another version's code, is told as what its outcome says.
                let (outcome, unknown) = match r.get::<_, i64>(2)? {
                    3 => (ExceptionOutcome::Skipped, Code::Rule),
                    _ => (ExceptionOutcome::Failed, Code::Refused),
                };
                Ok(Exception {
                    folder: r.get(0)?,
                    uid: r.get(1)?,
                    outcome,
                    code: r
                        .get::<_, Option<String>>(3)?
                        .and_then(|code| Code::parse(&code))
                        .unwrap_or(unknown),
                    reason: r.get::<_, Option<String>>(4)?.unwrap_or_default(),
                })
            })?
            .collect()
        })?;
        for folder in self.folders()? {
            let outcome =
                if folder.target.is_none() { ExceptionOutcome::Skipped } else { ExceptionOutcome::Failed };
            let unlisted = (folder.unlisted > 0).then(|| unlisted(&folder));
            for (code, reason) in folder.stopped.into_iter().chain(unlisted) {
                list.push(Exception { folder: folder.source.clone(), uid: 0, outcome, code, reason });
            }
        }
        Ok(list)
    }

    /// What runs and comparisons found, notes included.
    pub(crate) fn differences(&self) -> Result<Vec<Difference>> {
        self.json("SELECT json FROM difference ORDER BY folder, source_uid, target_uid")
    }

    /// Returns the differences recorded for one folder, notes included.
    pub(crate) fn differences_of(&self, folder: FolderId) -> Result<Vec<Difference>> {
        self.sql(|db| {
            db.prepare_cached("SELECT json FROM difference WHERE folder = ?1")?
                .query_map([folder.0], |r| r.get::<_, String>(0))?
                .filter_map(|text| text.map(|text| serde_json::from_str(&text).ok()).transpose())
                .collect()
        })
    }

    /// Replaces what earlier looks at this folder found, as far as it is among those that were `looked_for`;
    /// others stay.
    pub(crate) fn replace_differences(
        &mut self,
        folder: FolderId,
        looked_for: impl Fn(&Difference) -> bool,
        found: &[Difference],
    ) -> Result<()> {
        let mut all = self.differences_of(folder)?;
        let before = all.len();
        all.retain(|d| !looked_for(d));
        if all.len() == before && found.is_empty() {
            return Ok(());
        }
        all.extend_from_slice(found);
        self.set_differences(folder, &all)
    }

    fn set_differences(&mut self, folder: FolderId, differences: &[Difference]) -> Result<()> {
        self.transaction(|tx| {
            tx.prepare_cached("DELETE FROM difference WHERE folder = ?1")?.execute([folder.0])?;
            add_differences(tx, folder, differences)
        })
    }

    /// Records further differences; those on record stay.
    pub(crate) fn add_differences(&mut self, folder: FolderId, differences: &[Difference]) -> Result<()> {
        self.transaction(|tx| add_differences(tx, folder, differences))
    }

    /// Why the newest run left copies that `--delete-gone` asked it to put away, one sentence each.
    pub(crate) fn kept(&self) -> Result<Vec<String>> {
        let text: Option<String> = self.sql(|db| {
            db.prepare_cached("SELECT value FROM about WHERE name = 'kept'")?
                .query_row([], |r| r.get(0))
                .optional()
        })?;
        // Sentences that cannot be read are still a reason.
        Ok(text.map(|text| serde_json::from_str(&text).unwrap_or_else(|_| vec![text])).unwrap_or_default())
    }

    /// Replaces the sentences that [`Ledger::kept`] returns.
    pub(crate) fn set_kept(&mut self, kept: &[String]) -> Result<()> {
        self.sql(|db| {
            if kept.is_empty() {
                return db.prepare_cached("DELETE FROM about WHERE name = 'kept'")?.execute([]).map(drop);
            }
            db.prepare_cached("INSERT OR REPLACE INTO about (name, value) VALUES ('kept', ?1)")?
                .execute([to_json(&kept)?])
                .map(drop)
        })
    }

    /// Folders outside the mailbox's own namespace that no rule is about, as the source listed them last.
    pub(crate) fn left_out(&self) -> Result<Vec<LeftOutFolder>> {
        let text: Option<String> = self.sql(|db| {
            db.query_row("SELECT value FROM about WHERE name = 'left_out'", [], |r| r.get(0)).optional()
        })?;
        let Some(text) = text else { return Ok(Vec::new()) };
        serde_json::from_str(&text).map_err(|error| self.damaged(&format!("`left_out` is no list: {error}")))
    }

    /// Replaces the list that [`Ledger::left_out`] returns.
    pub(crate) fn set_left_out(&mut self, folders: &[LeftOutFolder]) -> Result<()> {
        if self.left_out().is_ok_and(|known| known == folders) {
            return Ok(());
        }
        self.sql(|db| {
            if folders.is_empty() {
                return db.execute("DELETE FROM about WHERE name = 'left_out'", []).map(drop);
            }
            let folders = to_json(&folders)?;
            db.execute("INSERT OR REPLACE INTO about (name, value) VALUES ('left_out', ?1)", [folders])
                .map(drop)
        })
    }

    /// Returns what the newest `verify` looked at; `None` before the first.
    pub(crate) fn compared(&self) -> Result<Option<Comparison>> {
        self.about("compared")
    }

    /// Replaces what [`Ledger::compared`] returns.
    pub(crate) fn set_compared(&mut self, compared: &Comparison) -> Result<()> {
        self.transaction(|tx| set_about(tx, "compared", compared))
    }

    /// A fact about the mailbox; one that cannot be read is none.
    fn about<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let text: Option<String> = self.sql(|db| {
            db.query_row("SELECT value FROM about WHERE name = ?1", [name], |r| r.get(0)).optional()
        })?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Whether work was broken off: what was on its way and nobody has looked for, or a copy that was
    /// acknowledged and not proven, or has not been given all its flags. A folder that was finished, and has
    /// not changed since, has neither: its messages are not looked at.
    pub(crate) fn unfinished(&self) -> Result<bool> {
        self.sql(|db| {
            db.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM batch WHERE looked_up = 0) OR EXISTS (SELECT 1 FROM relocation)
                     OR EXISTS (SELECT 1 FROM folder f JOIN message m ON m.folder = f.id
                         WHERE f.counts IS NULL AND m.gone = 0 AND m.target_uid IS NOT NULL
                             AND (m.proven = 0 OR m.flags_pending IS NOT NULL))",
            )?
            .query_row([], |r| r.get(0))
        })
    }

    /// Returns the newest verdicts of the validation hooks.
    pub(crate) fn hooks(&self) -> Result<Vec<HookSummary>> {
        self.json("SELECT json FROM hook ORDER BY plugin")
    }

    /// Replaces what the hooks said. `state` stands for what both ends were like, see [`Ledger::hooks_of`].
    pub(crate) fn set_hooks(&mut self, hooks: &[HookSummary], state: Option<&str>) -> Result<()> {
        self.transaction(|tx| {
            tx.prepare_cached("DELETE FROM hook")?.execute([])?;
            for hook in hooks {
                tx.prepare_cached("INSERT OR REPLACE INTO hook (plugin, json, state) VALUES (?1, ?2, ?3)")?
                    .execute(params![hook.plugin, to_json(hook)?, state])?;
            }
            Ok(())
        })
    }

    /// What the hooks said when both ends were like this; `None` when they were not asked then.
    pub(crate) fn hooks_of(&self, state: &str) -> Result<Option<Vec<HookSummary>>> {
        let other: i64 = self.sql(|db| {
            db.prepare_cached("SELECT count(*) FILTER (WHERE state IS NOT ?1) FROM hook")?
                .query_row([state], |r| r.get(0))
        })?;
        let hooks = self.hooks()?;
        Ok((other == 0 && !hooks.is_empty()).then_some(hooks))
    }

    fn json<T: serde::de::DeserializeOwned>(&self, query: &str) -> Result<Vec<T>> {
        self.sql(|db| {
            db.prepare_cached(query)?
                .query_map([], |r| {
                    let text: String = r.get(0)?;
                    serde_json::from_str(&text).map_err(|e| {
                        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(e))
                    })
                })?
                .collect()
        })
    }
}

/// Code and sentence for messages that the source counts and does not list.
fn unlisted(folder: &FolderRow) -> (Code, String) {
    let FolderRow { source_messages: counted, unlisted, .. } = *folder;
    let listed = counted.saturating_sub(unlisted);
    let fact = format!("the source counts {counted} messages and lists {listed} of them");
    match folder.target {
        Some(_) => (
            Code::Unlisted,
            format!(
                "{fact}: {unlisted} cannot be asked for; have the old host repair the folder, then run again"
            ),
        ),
        None => (Code::Rule, format!("left out with the rest of the folder: {fact}")),
    }
}

/// Records a fact about the mailbox, as part of a transaction.
pub(super) fn set_about(
    tx: &Transaction<'_>,
    name: &str,
    value: &impl serde::Serialize,
) -> rusqlite::Result<()> {
    let row = params![name, to_json(value)?];
    tx.execute("INSERT OR REPLACE INTO about (name, value) VALUES (?1, ?2)", row).map(drop)
}

/// As [`Ledger::add_differences`], as part of a transaction.
pub(super) fn add_differences(
    tx: &Transaction<'_>,
    folder: FolderId,
    differences: &[Difference],
) -> rusqlite::Result<()> {
    if differences.is_empty() {
        return Ok(());
    }
    // A run that broke off may have recorded it before it could record that it had looked.
    let mut insert = tx.prepare_cached(
        "INSERT INTO difference SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (
             SELECT 1 FROM difference WHERE folder = ?1 AND source_uid = ?2 AND json = ?4)",
    )?;
    for d in differences {
        insert.execute(params![folder.0, d.uid, d.target_uid, to_json(d)?])?;
    }
    Ok(())
}

fn to_json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))
}
