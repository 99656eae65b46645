-- project.sqlite, version 5: the project's record. What happened to messages is in the ledgers.
-- Times are UTC, RFC 3339.

-- Every mailbox that ever stood in the list. One that is taken out of it is marked, never dropped.
CREATE TABLE mailbox (
    mailbox  TEXT PRIMARY KEY,
    source   TEXT NOT NULL,             -- log-in
    target   TEXT NOT NULL,             -- log-in
    label    TEXT,
    batch    TEXT,
    origin   TEXT,                      -- where the list has it: mailboxes.csv:42
    position INTEGER NOT NULL,          -- in the list
    unlisted TEXT,                      -- since when it is not in the list any more
    finished TEXT                       -- when a run that copies first came to its end with it
) WITHOUT ROWID;

-- Everything that was asked of mailboxes.
CREATE TABLE run (
    id       INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL,             -- RunKind
    phase    TEXT,                      -- Phase; NULL for what copies nothing
    started  TEXT NOT NULL,
    ended    TEXT,                      -- NULL while it runs, and when it was killed
    by       TEXT,                      -- NULL: from before it was recorded
    channel  TEXT,                      -- Channel
    filter   TEXT,                      -- the mailboxes it was asked for, as typed, a line each; NULL for all
    result   TEXT,                      -- RunResult
    copied   INTEGER NOT NULL DEFAULT 0,
    bytes    INTEGER NOT NULL DEFAULT 0,
    seconds  REAL NOT NULL DEFAULT 0,
    forecast TEXT                       -- RunForecast, as JSON
);

-- How each mailbox of a run ended. Kept for the last ten runs, and what is a mailbox's newest of its kind.
CREATE TABLE outcome (
    mailbox TEXT NOT NULL,
    run     INTEGER NOT NULL,
    stage   TEXT NOT NULL,              -- Stage: queued, begun, finished, not-all-well, interrupted, stopped
    side    TEXT,                       -- of a stop: where
    cause   TEXT,                       -- of a stop: Cause
    reason  TEXT,                       -- of a stop, or of a wait: one sentence
    until   TEXT,                       -- while it waits for a server
    PRIMARY KEY (mailbox, run)
) WITHOUT ROWID;

-- Plans that somebody has approved.
CREATE TABLE approval (
    id     INTEGER PRIMARY KEY,
    digest TEXT NOT NULL,
    by     TEXT NOT NULL,
    at     TEXT NOT NULL,
    number INTEGER                      -- of the plan, where it has one
);

-- Exceptions that somebody has accepted by name.
CREATE TABLE acceptance (
    id      INTEGER PRIMARY KEY,
    mailbox TEXT NOT NULL,
    folder  TEXT NOT NULL,              -- source folder, in display form
    uid     INTEGER NOT NULL,
    code    TEXT NOT NULL,
    by      TEXT NOT NULL,
    at      TEXT NOT NULL,
    note    TEXT NOT NULL
);

-- Ticks of the checklist with their evidence.
CREATE TABLE fact (
    id       INTEGER PRIMARY KEY,
    what     TEXT NOT NULL,
    how      TEXT NOT NULL,             -- how it is known
    evidence TEXT NOT NULL,
    by       TEXT NOT NULL,
    at       TEXT NOT NULL
);

-- The audit trail: what happened, in words for people. Nothing secret.
CREATE TABLE note (
    id      INTEGER PRIMARY KEY,
    at      TEXT NOT NULL,
    by      TEXT NOT NULL,
    channel TEXT NOT NULL,
    what    TEXT NOT NULL
);

-- What ledgers said when they were last read, with what their files looked like then.
CREATE TABLE reading (
    mailbox TEXT PRIMARY KEY,
    stamp   TEXT NOT NULL,
    summary TEXT NOT NULL               -- JSON
) WITHOUT ROWID;

CREATE TABLE account (
    id          INTEGER PRIMARY KEY,    -- who was known first has the smaller one
    mailbox     TEXT NOT NULL UNIQUE,
    host        TEXT NOT NULL,          -- of the target, as the list had it
    port        INTEGER NOT NULL,
    user        TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL,       -- of its INBOX
    mailboxid   TEXT                    -- of its INBOX; NULL: the server does not tell
);

-- What `assess` has read of each mailbox, the newest alone.
CREATE TABLE assessment (
    mailbox  TEXT PRIMARY KEY,
    at       TEXT NOT NULL,
    figures  TEXT NOT NULL              -- Assessment, as JSON
) WITHOUT ROWID;

-- Plans that came to their end.
CREATE TABLE plan (
    number    INTEGER PRIMARY KEY,
    digest    TEXT NOT NULL,
    by        TEXT NOT NULL,
    channel   TEXT NOT NULL,
    at        TEXT NOT NULL,
    mailboxes INTEGER NOT NULL,
    conflicts INTEGER NOT NULL,
    messages  INTEGER NOT NULL,
    bytes     INTEGER,
    seconds   REAL NOT NULL,
    settings  TEXT NOT NULL             -- PlanSettings, as JSON
);

-- Where the folders of each mailbox go by a plan; 0 is the one that is being made.
CREATE TABLE planned (
    plan    INTEGER NOT NULL,
    mailbox TEXT NOT NULL,
    digest  TEXT NOT NULL,
    json    TEXT NOT NULL,              -- MailboxPlan
    PRIMARY KEY (plan, mailbox)
);
CREATE INDEX planned_of_mailbox ON planned (mailbox, plan, digest);

-- Mailboxes for which an approval is in force: a later one of another plan takes them away from it.
CREATE TABLE approved (
    approval INTEGER NOT NULL REFERENCES approval (id),
    mailbox  TEXT NOT NULL,
    digest   TEXT NOT NULL,
    PRIMARY KEY (approval, mailbox)
) WITHOUT ROWID;
CREATE INDEX approved_of_mailbox ON approved (mailbox);

-- What is spent of each budget in its newest window.
CREATE TABLE spent (
    meter  TEXT PRIMARY KEY,
    began  TEXT NOT NULL,
    amount INTEGER NOT NULL
) WITHOUT ROWID;

-- How many connections hosts were found to take.
CREATE TABLE ceiling (
    host    TEXT PRIMARY KEY,
    allowed INTEGER NOT NULL,
    at      TEXT NOT NULL,
    why     TEXT NOT NULL
) WITHOUT ROWID;

-- What mailboxes of a run have waited for.
CREATE TABLE waited (
    run     INTEGER NOT NULL,
    mailbox TEXT NOT NULL,
    what    TEXT NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (run, mailbox, what)
) WITHOUT ROWID;
