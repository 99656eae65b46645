-- mailhaul ledger, version 1 (PRAGMA user_version). Plain sqlite3 reads it:
--   sqlite3 .mailhaul/ledgers/NAME.sqlite 'SELECT * FROM message_list LIMIT 20'

-- Who this ledger is about: mailbox, source_user, source_host, target_user, target_host.
CREATE TABLE about (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- One row per source folder. Paths are in display form: Unicode, '/' between levels.
CREATE TABLE folder (
    id                  INTEGER PRIMARY KEY,
    source_path         TEXT NOT NULL UNIQUE,
    target_path         TEXT,              -- NULL: left out by a rule
    source_uidvalidity  INTEGER,
    target_uidvalidity  INTEGER,
    source_messages     INTEGER NOT NULL,  -- at the newest scan
    scanned             INTEGER NOT NULL DEFAULT 0,  -- 1 once its message list was read
    verified            INTEGER NOT NULL DEFAULT 0,  -- 0 none, 1 counts, 2 headers, 3 full
    stopped_code        TEXT,              -- why the folder on its own cannot go on
    stopped_reason      TEXT
);

-- Sentences shared by many messages.
CREATE TABLE reason (
    id   INTEGER PRIMARY KEY,
    code TEXT NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (code, text)
);

-- What became of a source message. No row: not reached yet (pending).
CREATE TABLE message (
    folder        INTEGER NOT NULL REFERENCES folder (id),
    source_uid    INTEGER NOT NULL,
    outcome       INTEGER NOT NULL,  -- 1 copied, 2 already present, 3 skipped, 4 failed
    size          INTEGER NOT NULL,  -- bytes
    digest        BLOB,              -- SHA-256 of the source's bytes
    target_uid    INTEGER,
    flags         TEXT,              -- as delivered
    flags_pending TEXT,              -- to be set by STORE still
    proven        INTEGER NOT NULL DEFAULT 0,  -- 1 once seen in the target's message list
    gone          INTEGER NOT NULL DEFAULT 0,  -- 1 once deleted at the source
    attempts      INTEGER NOT NULL DEFAULT 0,  -- how often the target refused it
    reason        INTEGER REFERENCES reason (id),
    PRIMARY KEY (folder, source_uid)
) WITHOUT ROWID;
CREATE INDEX message_target ON message (folder, target_uid) WHERE target_uid IS NOT NULL;

-- Intent: these messages may have been sent; deleted when each has a row in message.
CREATE TABLE batch (
    id                  INTEGER PRIMARY KEY,
    folder              INTEGER NOT NULL REFERENCES folder (id),
    target_uidvalidity  INTEGER,
    target_uidnext      INTEGER,     -- the copies, if any, have UIDs from here on
    source_uids         TEXT NOT NULL  -- comma-separated
);

-- What the newest verify found.
CREATE TABLE difference (
    folder     INTEGER NOT NULL REFERENCES folder (id),
    source_uid INTEGER NOT NULL,
    target_uid INTEGER,
    json       TEXT NOT NULL
);

-- What the validation hooks said last.
CREATE TABLE hook (
    plugin TEXT PRIMARY KEY,
    json   TEXT NOT NULL
) WITHOUT ROWID;

-- The list people want to read.
CREATE VIEW message_list AS
SELECT folder.source_path, message.source_uid, folder.target_path, message.target_uid,
       CASE message.outcome WHEN 1 THEN 'copied' WHEN 2 THEN 'already present'
                            WHEN 3 THEN 'skipped' ELSE 'failed' END AS outcome,
       message.size, lower(hex(message.digest)) AS sha256, message.flags, reason.code, reason.text
FROM message JOIN folder ON folder.id = message.folder LEFT JOIN reason ON reason.id = message.reason
WHERE message.gone = 0;
