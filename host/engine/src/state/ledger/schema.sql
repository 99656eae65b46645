-- mailhaul ledger, version 8 (PRAGMA user_version). Plain sqlite3 reads it:
--   sqlite3 .mailhaul/ledgers/NAME.sqlite 'SELECT * FROM message_list LIMIT 20'
-- Writing to it by hand breaks the seals below, and mailhaul then refuses it.

-- Who this ledger is about: mailbox, source_user, source_host, target_user, target_host; rules, a digest of
-- what leaves messages out; sample, of which part those folders were compared of which that is told (JSON); compared,
-- what the newest verify looked at (JSON); kept, why the newest run left copies that --delete-gone asked it to put away (JSON);
-- left_out, folders outside the mailbox's own namespace that no rule is about (JSON); and key, under which Message-IDs are
-- hashed here and nowhere else.
CREATE TABLE about (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO about VALUES ('key', hex(randomblob(16)));

-- Target folders in which copies are, or were. One that is deleted and made again is another place.
CREATE TABLE place (
    id           INTEGER PRIMARY KEY,
    path         TEXT NOT NULL,     -- display form: Unicode, '/' between levels
    uidvalidity  INTEGER,           -- NULL: the server gives none, and target UIDs mean nothing later
    created      INTEGER NOT NULL DEFAULT 0,  -- 1: this project created the folder
    seal         INTEGER NOT NULL,
    asked        TEXT,              -- what it was called when copies were brought there, where somebody has renamed it since
    UNIQUE (path, uidvalidity)
);

-- One row per source folder. Paths are in display form.
CREATE TABLE folder (
    id                    INTEGER PRIMARY KEY,
    source_path           TEXT NOT NULL UNIQUE,  -- of those that read alike all but one as they are spelt on the wire
    target_path           TEXT,     -- NULL: left out by a rule
    place                 INTEGER REFERENCES place (id),  -- where its copies go, once that was opened
    source_uidvalidity    INTEGER,
    source_mailboxid      TEXT,     -- stays the same when the folder is renamed, where the server has it
    source_messages       INTEGER NOT NULL,  -- at the newest scan, `unlisted` ones included
    unlisted              INTEGER NOT NULL DEFAULT 0,  -- of these, so many the source counts and does not list
    scanned               INTEGER NOT NULL DEFAULT 0,  -- 1 once its message list was read
    verified              INTEGER NOT NULL DEFAULT 0,  -- 0 none, 1 counts, 2 headers, 3 full, 4 a sample
    stopped_code          TEXT,     -- why the folder on its own cannot go on
    stopped_reason        TEXT,
    -- Both sides' figures when the folder's sum was last proven; NULL: it is not. While they are the same, so is the mail.
    proven_source_uidnext  INTEGER,
    proven_source_messages INTEGER,
    proven_source_modseq   INTEGER, -- NULL: the server has none, and flags have to be listed
    proven_target_uidnext  INTEGER,
    proven_target_messages INTEGER,
    counts                TEXT,     -- JSON, counted when the folder was finished; NULL: count the messages
    seal                  INTEGER NOT NULL,
    source_name           BLOB      -- as the source spells it; NULL: not seen since version 7
);

-- Sentences shared by many messages.
CREATE TABLE reason (
    id   INTEGER PRIMARY KEY,
    code TEXT NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (code, text)
);

-- What became of a source message. No row: not reached yet (pending). One that is skipped and has a target_uid
-- was copied by an earlier run; a rule leaves its folder out now, and its copy stays.
CREATE TABLE message (
    folder        INTEGER NOT NULL REFERENCES folder (id),
    source_uid    INTEGER NOT NULL,  -- below 0: gone, from before the source's UIDs began anew
    outcome       INTEGER NOT NULL,  -- 1 copied, 2 already present, 3 skipped, 4 failed
    size          INTEGER NOT NULL,  -- bytes
    source_size   INTEGER,           -- RFC822.SIZE in the source's list; NULL: as size
    source_date   INTEGER,           -- INTERNALDATE in the source's list, Unix seconds; NULL: none that can be read
    digest        BLOB,              -- SHA-256 of the source's bytes
    telling       BLOB,              -- 3 bytes each of SHA-256 of Message-ID, Date, From, To and Subject; 0: there is none
    message_id    BLOB,              -- 8 bytes of SHA-256 of the key above and the Message-ID
    altered       BLOB,              -- SHA-256 of the copy's bytes, where the target made another message of it
    body_digest   BLOB,              -- 16 bytes of BLAKE3 of the body with line ends alike, which servers do not rewrite
    place         INTEGER REFERENCES place (id),
    target_uid    INTEGER,
    target_size   INTEGER,           -- RFC822.SIZE in the target's list; NULL: as size
    target_date   INTEGER,           -- INTERNALDATE in the target's list; NULL: as source_date
    flags         TEXT,              -- the source's flags that the copy was given
    flags_pending TEXT,              -- to be set by STORE still
    proven        INTEGER NOT NULL DEFAULT 0,  -- 1 once seen in the target's message list
    gone          INTEGER NOT NULL DEFAULT 0,  -- 1 deleted at the source, 2 and its copy put away since, 3 not listed by a
                                               -- source that counts more messages than it lists
    attempts      INTEGER NOT NULL DEFAULT 0,  -- how often it was sent in vain
    reason        INTEGER REFERENCES reason (id),
    seal          INTEGER NOT NULL,  -- check over the row, against damage
    PRIMARY KEY (folder, source_uid)
) WITHOUT ROWID;
CREATE INDEX message_target ON message (place, target_uid) WHERE target_uid IS NOT NULL;
-- What a report lists: few of very many.
CREATE INDEX message_exception ON message (folder, source_uid) WHERE gone = 0 AND outcome > 2;

-- What the source says is longer or shorter than it is.
CREATE INDEX message_odd ON message (folder, source_uid) WHERE source_size IS NOT NULL;

-- Intent: these messages may have been sent; deleted when each has a row in message, or, after a
-- crash, one run after they were looked up, since a dead connection may still store a copy late.
CREATE TABLE batch (
    id                  INTEGER PRIMARY KEY,
    folder              INTEGER NOT NULL REFERENCES folder (id),
    place               INTEGER REFERENCES place (id),
    target_uidvalidity  INTEGER,
    target_uidnext      INTEGER,     -- the copies, if any, have UIDs from here on
    messages            TEXT NOT NULL,  -- source UID:size, comma-separated; UID 0 after the source's UIDVALIDITY changed
    looked_up           INTEGER NOT NULL DEFAULT 0
);

-- Intent: these copies are being moved from one target folder to another.
CREATE TABLE relocation (
    id           INTEGER PRIMARY KEY,
    folder       INTEGER NOT NULL REFERENCES folder (id),
    from_place   INTEGER NOT NULL REFERENCES place (id),
    to_place     INTEGER NOT NULL REFERENCES place (id),
    to_uidnext   INTEGER,            -- what arrived there has UIDs from here on
    copies       TEXT NOT NULL       -- source UID:UID at from_place, comma-separated
);

-- What runs and comparisons found; each replaces what it looked for.
CREATE TABLE difference (
    folder     INTEGER NOT NULL REFERENCES folder (id),
    source_uid INTEGER NOT NULL,
    target_uid INTEGER,
    json       TEXT NOT NULL
);
-- A target that keeps no dates has one for each message.
CREATE INDEX difference_message ON difference (folder, source_uid);

-- What the validation hooks said last.
CREATE TABLE hook (
    plugin TEXT PRIMARY KEY,
    json   TEXT NOT NULL,
    state  TEXT               -- digest of what both ends were like; the same state needs no second look
) WITHOUT ROWID;

-- The list people want to read.
CREATE VIEW message_list AS
SELECT folder.source_path, message.source_uid, place.path AS target_path, message.target_uid,
       CASE message.outcome WHEN 1 THEN 'copied' WHEN 2 THEN 'already present'
                            WHEN 3 THEN 'skipped' ELSE 'failed' END AS outcome,
       message.size, lower(hex(message.digest)) AS sha256, message.flags, reason.code, reason.text
FROM message JOIN folder ON folder.id = message.folder LEFT JOIN place ON place.id = message.place
     LEFT JOIN reason ON reason.id = message.reason
WHERE message.gone = 0;
