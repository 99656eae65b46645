//! Whose ledger it is: held against the list, and begun anew where a target was corrected in time.

use std::path::Path;

use mailhaul_text::{argument, plural};
use rusqlite::{OptionalExtension, Transaction, params};

use super::{KEPT, Ledger, LedgerError, Result};
use crate::account::LedgerIdentity;

/// How a ledger's accounts compare with those of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fit {
    /// It is about these accounts.
    Same,
    /// It was about others, and nothing of this project is on their target: it is begun anew.
    Anew {
        /// The target that is left, as user and host, where something was on record about it.
        left: Option<String>,
    },
}

/// What this project has on the target, so far as the ledger knows.
#[derive(Debug, Clone, Copy)]
struct OnTarget {
    copies: u64,
    /// What was on its way when a run broke off, and copies that were on the move.
    broken_off: bool,
    /// Messages that may be there: nobody could tell.
    undecided: u64,
}

impl Ledger {
    /// Opens the ledger of these accounts for reading; `None` when there is none yet, and when a run would
    /// begin it anew, since the list names another target now.
    ///
    /// # Errors
    /// [`LedgerError`] when it is damaged or newer, or about other accounts.
    pub(crate) fn read_of(state_dir: &Path, who: &LedgerIdentity) -> Result<Option<Self>> {
        let Some(ledger) = Self::read(&Self::file(state_dir, &who.mailbox))? else { return Ok(None) };
        Ok((ledger.fit(who)? == Fit::Same).then_some(ledger))
    }

    /// Compares the accounts that the ledger was begun with with those that the list gives now.
    ///
    /// # Errors
    /// [`LedgerError::OtherAccount`] when what is on record is about others and means nothing for these.
    pub(super) fn fit(&self, who: &LedgerIdentity) -> Result<Fit> {
        let before = self.identity()?;
        let ends = [
            ("source", (&before.source_user, &before.source_host), (&who.source_user, &who.source_host)),
            ("target", (&before.target_user, &before.target_host), (&who.target_user, &who.target_host)),
        ];
        let differs = |(_, before, now): &(&str, (&String, &String), (&String, &String))| {
            before.0 != now.0 || !before.1.eq_ignore_ascii_case(now.1)
        };
        let Some((what, recorded, configured)) = ends.into_iter().find(differs) else { return Ok(Fit::Same) };
        let named = |(user, host): (&String, &String)| format!("{user} on {host}");
        let left = differs(&ends[1]).then(|| named(ends[1].1));
        // Until a first message has a row, a corrected host or user name costs nothing.
        if !self.exists("SELECT 1 FROM message UNION ALL SELECT 1 FROM batch")? {
            let known = self.exists("SELECT 1 FROM place")?;
            return Ok(Fit::Anew { left: left.filter(|_| known) });
        }
        let remedy = if what == "source" {
            "change it back, or use another `state` folder for the new move".to_owned()
        } else {
            match remedy(self.on_target()?, &named(recorded), &who.mailbox) {
                Some(remedy) => remedy,
                None => return Ok(Fit::Anew { left }),
            }
        };
        Err(LedgerError::OtherAccount {
            path: self.path.display().to_string(),
            what,
            recorded: named(recorded),
            configured: named(configured),
            remedy,
        })
    }

    /// Makes it the ledger of these accounts, with nothing on record but the key of Message-IDs: neither what
    /// was found on another target, nor what was refused there, says anything about this one.
    pub(super) fn begin_anew(&mut self, who: &LedgerIdentity) -> Result<()> {
        self.transaction(|tx| {
            tx.execute_batch(
                "DELETE FROM difference; DELETE FROM hook; DELETE FROM relocation; DELETE FROM batch;
                 DELETE FROM message; DELETE FROM folder; DELETE FROM place; DELETE FROM reason;
                 DELETE FROM about WHERE name <> 'key';",
            )?;
            record(tx, who)
        })
    }

    fn identity(&self) -> Result<LedgerIdentity> {
        let value = |name: &str| {
            self.sql(|db| {
                db.query_row("SELECT value FROM about WHERE name = ?1", [name], |r| r.get::<_, String>(0))
                    .optional()
                    .map(Option::unwrap_or_default)
            })
        };
        Ok(LedgerIdentity {
            mailbox: value("mailbox")?,
            source_user: value("source_user")?,
            source_host: value("source_host")?,
            target_user: value("target_user")?,
            target_host: value("target_host")?,
        })
    }

    fn on_target(&self) -> Result<OnTarget> {
        let count = |query: &str| self.sql(|db| db.query_row(query, [], |r| r.get(0)));
        Ok(OnTarget {
            // Also those of messages that are gone, that were put away, and that a rule keeps there.
            copies: count(&format!("SELECT count(*) FROM message WHERE outcome = 1 OR {KEPT}"))?,
            broken_off: self
                .exists("SELECT 1 FROM batch WHERE looked_up = 0 UNION ALL SELECT 1 FROM relocation")?,
            undecided: count(
                "SELECT count(*) FROM message m JOIN reason r ON r.id = m.reason
                 WHERE m.outcome = 4 AND r.code = 'undecided'",
            )?,
        })
    }

    fn exists(&self, query: &str) -> Result<bool> {
        self.sql(|db| db.query_row(&format!("SELECT EXISTS ({query})"), [], |r| r.get(0)))
    }
}

/// Says what stands in the way of another target, and what to type; `None` when nothing does.
fn remedy(there: OnTarget, old: &str, mailbox: &str) -> Option<String> {
    let undo = |what: String| {
        format!(
            "{what}: put `{old}` back as its target, type `mailhaul undo --only {}`, then correct it again; what \
             `undo` has to leave there stays on record, and needs another `state` folder for the new move",
            argument(mailbox)
        )
    };
    match there {
        OnTarget { copies: copies @ 1.., .. } => {
            Some(undo(format!("{} of this project on the old one", plural(copies, "message"))))
        }
        OnTarget { broken_off: true, .. } => {
            Some(undo("what was on its way when a run broke off may be on the old one".to_owned()))
        }
        OnTarget { undecided: undecided @ 1.., .. } => Some(format!(
            "{} may be on the old one, since it did not give what would tell (`undecided` in the report): look there, and \
             use another `state` folder for the new move",
            plural(undecided, "message")
        )),
        OnTarget { .. } => None,
    }
}

impl Ledger {
    /// Whether the ledger is about these log-ins. One that says nothing yet is about any.
    pub(crate) fn is_of(&self, source: &str, target: &str) -> Result<bool> {
        let same = |name: &str, now: &str| {
            let recorded: Option<String> = self.sql(|db| {
                db.query_row("SELECT value FROM about WHERE name = ?1", [name], |r| r.get(0)).optional()
            })?;
            Ok(recorded.is_none_or(|recorded| recorded == now))
        };
        Ok(same("source_user", source)? && same("target_user", target)?)
    }
}

/// Writes the accounts that a ledger is about into its `about` table.
pub(super) fn record(tx: &Transaction<'_>, who: &LedgerIdentity) -> rusqlite::Result<()> {
    for (name, value) in [
        ("mailbox", &who.mailbox),
        ("source_user", &who.source_user),
        ("source_host", &who.source_host),
        ("target_user", &who.target_user),
        ("target_host", &who.target_host),
    ] {
        tx.execute("INSERT OR REPLACE INTO about (name, value) VALUES (?1, ?2)", params![name, value])?;
    }
    Ok(())
}
