//! Bringing a ledger of an earlier version up to date, in one transaction: all of it or nothing.

use mailhaul_imap::FolderPath;
use rusqlite::Transaction;
use rusqlite::functions::FunctionFlags;

use super::seal::MESSAGE;

/// Version 1 had no places (a folder row had its target's UIDVALIDITY), no seals, no proof figures.
const FROM_1: &str = "
DROP VIEW message_list;
DROP INDEX message_target;
ALTER TABLE folder  RENAME TO folder_1;
ALTER TABLE message RENAME TO message_1;
ALTER TABLE batch   RENAME TO batch_1;
ALTER TABLE difference RENAME TO difference_1;
ALTER TABLE hook    RENAME TO hook_1;
ALTER TABLE reason  RENAME TO reason_1;
ALTER TABLE about   RENAME TO about_1;
";

const FILL_FROM_1: &str = "
INSERT INTO about SELECT * FROM about_1;
INSERT INTO reason SELECT * FROM reason_1;
INSERT INTO place (path, uidvalidity, seal)
    SELECT DISTINCT target_path, target_uidvalidity, 0 FROM folder_1
    WHERE target_path IS NOT NULL AND target_uidvalidity IS NOT NULL;
UPDATE place SET seal = seal(id, path, uidvalidity, created);
INSERT INTO folder (id, source_path, target_path, place, source_uidvalidity, source_messages, scanned, verified,
                    stopped_code, stopped_reason, seal)
    SELECT f.id, f.source_path, f.target_path, p.id, f.source_uidvalidity, f.source_messages, f.scanned, f.verified,
           f.stopped_code, f.stopped_reason, seal(f.id, f.source_path)
    FROM folder_1 f LEFT JOIN place p ON p.path = f.target_path AND p.uidvalidity = f.target_uidvalidity;
INSERT INTO message (folder, source_uid, outcome, size, digest, place, target_uid, flags, flags_pending, proven, gone,
                     attempts, reason, seal)
    SELECT m.folder, m.source_uid, m.outcome, m.size, m.digest,
           CASE WHEN m.target_uid IS NULL THEN NULL ELSE f.place END, m.target_uid, m.flags, m.flags_pending, m.proven,
           m.gone, m.attempts, m.reason, 0
    FROM message_1 m JOIN folder f ON f.id = m.folder;
INSERT INTO batch (id, folder, place, target_uidvalidity, target_uidnext, messages)
    SELECT b.id, b.folder, f.place, b.target_uidvalidity, b.target_uidnext, b.source_uids
    FROM batch_1 b JOIN folder f ON f.id = b.folder;
INSERT INTO difference SELECT * FROM difference_1;
INSERT INTO hook (plugin, json) SELECT plugin, json FROM hook_1;
DROP TABLE message_1;
DROP TABLE batch_1;
DROP TABLE difference_1;
DROP TABLE folder_1;
DROP TABLE hook_1;
DROP TABLE reason_1;
DROP TABLE about_1;
";

/// Version 2 did not know that somebody may rename a folder on the target.
const FROM_2: &str = "ALTER TABLE place ADD COLUMN asked TEXT;";

/// Version 3 told of an intent neither the place nor the sizes.
const FROM_3: &str = "
ALTER TABLE batch RENAME COLUMN source_uids TO messages;
ALTER TABLE batch ADD COLUMN place INTEGER REFERENCES place (id);
UPDATE batch SET place = (SELECT place FROM folder WHERE folder.id = batch.folder);
";

/// Version 4 believed every list of the source.
const FROM_4: &str = "ALTER TABLE folder ADD COLUMN unlisted INTEGER NOT NULL DEFAULT 0;";

/// Version 5 kept neither the size and date that lists give, nor checks of headers.
const FROM_5: &str = "
INSERT INTO about VALUES ('key', hex(randomblob(16)));
ALTER TABLE message ADD COLUMN source_size INTEGER;
ALTER TABLE message ADD COLUMN source_date INTEGER;
ALTER TABLE message ADD COLUMN target_size INTEGER;
ALTER TABLE message ADD COLUMN target_date INTEGER;
ALTER TABLE message ADD COLUMN telling BLOB;
ALTER TABLE message ADD COLUMN message_id BLOB;
ALTER TABLE message ADD COLUMN altered BLOB;
CREATE INDEX message_odd ON message (folder, source_uid) WHERE source_size IS NOT NULL;
CREATE INDEX difference_message ON difference (folder, source_uid);
";

/// Version 6 had other digests of bodies and one depth of comparison less; its tables are those of version 7.
/// Both knew folders by what their names read as, and escaped fewer characters of them.
const FROM_7: &str = "
ALTER TABLE folder ADD COLUMN source_name BLOB;
";

/// Rewrites paths as this version displays them, see `FolderPath`'s display form.
const SHOWN: &str = "
UPDATE folder SET source_path = shown(source_path),
    seal = iif(seal = seal(id, source_path), seal(id, shown(source_path)), -1)
    WHERE shown(source_path) <> source_path AND shown(source_path) NOT IN (SELECT source_path FROM folder);
UPDATE folder SET target_path = shown(target_path) WHERE target_path IS NOT NULL;
UPDATE OR IGNORE place SET path = shown(path), asked = shown(asked),
    seal = iif(seal = seal(id, path, uidvalidity, created), seal(id, shown(path), uidvalidity, created), -1)
    WHERE shown(path) <> path OR shown(asked) <> asked;
";

/// The seal of a message row up to version 5.
const SEAL_TO_5: &str =
    "seal(folder, source_uid, outcome, size, digest, body_digest, place, target_uid, proven, gone)";

/// Takes a ledger of version `from` to the version of `schema.sql`.
pub(super) fn migrate(tx: &Transaction<'_>, from: u32) -> rusqlite::Result<()> {
    if from == 1 {
        tx.execute_batch(FROM_1)?;
        tx.execute_batch(include_str!("schema.sql"))?;
        tx.execute_batch(FILL_FROM_1)?;
        tx.execute(&format!("UPDATE message SET seal = {SEAL_TO_5}"), [])?;
    } else {
        let steps = [(2, FROM_2), (3, FROM_3), (4, FROM_4), (5, FROM_5), (7, FROM_7)];
        for (_, sql) in steps.iter().filter(|(version, _)| *version >= from) {
            tx.execute_batch(sql)?;
        }
    }
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    tx.create_scalar_function("shown", 1, flags, |context| {
        let path: Option<String> = context.get(0)?;
        Ok(path.map(|path| FolderPath::parse(&path).to_string()))
    })?;
    tx.execute_batch(SHOWN)?;
    if from > 5 {
        return Ok(());
    }
    // A row that was damaged before stays so.
    let sealed = format!("UPDATE message SET seal = iif(seal = {SEAL_TO_5}, {MESSAGE}, -1)");
    tx.execute(&sealed, []).map(drop)
}
