// What `vendor/wit/` says, for TypeScript: every type of the contract. Numbers are `number`s, those of 64
// bits too: exact up to 2^53. What is optional may be left out by a plugin, and is `null` where the host has
// nothing.
//
// Generated; after a change of `wit/`: `MAILHAUL_BLESS=1 cargo test --workspace --test typescript`.

// log

/**
 * Closed on purpose: everything imports it, so it can never change.
 */
export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';

// host

// settings

// cancel

// types

/**
 * Which end of the move something belongs to. Closed by nature.
 */
export type Side = 'source' | 'target';

/**
 * Names from the outermost level inwards: Unicode, no delimiter, without the prefix of the
 * personal namespace. cPanel's `INBOX.Work.2019` is `["Work", "2019"]`; the inbox is `["INBOX"]`.
 */
export type FolderPath = string[];

/**
 * What a folder is for (RFC 6154 and RFC 8457).
 */
export type SpecialUse =
  | { tag: 'all' }
  | { tag: 'archive' }
  | { tag: 'drafts' }
  | { tag: 'flagged' }
  | { tag: 'important' }
  | { tag: 'junk' }
  | { tag: 'sent' }
  | { tag: 'trash' }
  | { tag: 'other'; val: string };

/**
 * How a connection is protected.
 */
export type Tls =
  | { tag: 'implicit' }
  | { tag: 'starttls' }
  | { tag: 'none' }
  | { tag: 'other'; val: string };

/**
 * One folder as the server listed it.
 */
export interface Folder {
  path: FolderPath;
  /**
   * LIST attributes as the server sent them, e.g. `\HasChildren`.
   */
  attributes: string[];
  /**
   * What the server says it is for. Never guessed from the name: that is a mapper's work.
   */
  roles: SpecialUse[];
  /**
   * False when it can hold no messages (`\Noselect`, `\NonExistent`).
   */
  selectable: boolean;
  subscribed: boolean;
  /**
   * Number of messages, when the host has asked for it.
   */
  messages?: number | null;
  /**
   * Sum of the messages' sizes in bytes, when the host has asked for it.
   */
  bytes?: number | null;
  extras: [string, string][];
}

/**
 * What the host has learned about one server. No credentials are in it.
 */
export interface Server {
  host: string;
  port: number;
  tls: Tls;
  /**
   * Text of the greeting.
   */
  greeting: string;
  /**
   * Capabilities after log-in.
   */
  capabilities: string[];
  /**
   * The reply to ID (RFC 2971); empty when the server does not know the command.
   */
  id: [string, string][];
  /**
   * Prefix of the personal namespace (`INBOX.`), for display: paths come without it.
   */
  namespacePrefix: string;
  /**
   * Delimiter between levels, for display: paths come in levels.
   */
  delimiter?: string | null;
  extras: [string, string][];
}

/**
 * Why an exported function has no answer. The case decides what the host does, the text is shown
 * to the operator (escaped, cut at 1,000 characters) and should say what to do.
 *
 * A plugin that traps, runs out of a limit or breaks the contract is never one of these: the host
 * tells "the plugin said no" from "the plugin broke", and both name the plugin, its version and
 * the call.
 */
export type PluginError =
  | { tag: 'settings'; val: string }
  | { tag: 'input'; val: [string, string] }
  | { tag: 'denied'; val: string }
  | { tag: 'retry-after'; val: [number, string] }
  | { tag: 'unsupported'; val: string }
  | { tag: 'other'; val: string };

/**
 * How grave a remark is.
 */
export type Severity = 'note' | 'warning' | 'error';

/**
 * A remark about an input or a setting.
 */
export interface Diagnostic {
  severity: Severity;
  /**
   * Stable and made for machines: lower-case words, e.g. `csv.missing-column`.
   */
  code: string;
  /**
   * One sentence for the operator: what is wrong and what to do.
   */
  message: string;
  /**
   * `file:line`, or the name of a setting.
   */
  at?: string | null;
  extras: [string, string][];
}

// secrets

export interface Secret {
  /**
   * Where it came from, safe to print: `mailboxes.csv:42 source_password`.
   */
  label(): string;
}

// http

export type Method =
  | { tag: 'get' }
  | { tag: 'head' }
  | { tag: 'post' }
  | { tag: 'put' }
  | { tag: 'patch' }
  | { tag: 'delete' }
  | { tag: 'other'; val: string };

/**
 * How a secret is written into the place it goes to.
 */
export type Encoding =
  | { tag: 'raw' }
  | { tag: 'json' }
  | { tag: 'form' }
  | { tag: 'base64' }
  | { tag: 'other'; val: string };

/**
 * Part of a header's value or of a body. The parts are put together by the host, so that the plugin
 * never holds a secret one.
 */
export type Piece =
  | { tag: 'text'; val: string }
  | { tag: 'secret'; val: [Secret, Encoding] }
  | { tag: 'basic'; val: [string, Secret] };

export interface Header {
  /**
   * A token (RFC 9110, section 5.1). `Host`, `Content-Length`, `Connection`, `Transfer-Encoding`,
   * `TE`, `Upgrade`, `Trailer`, `Expect` and `Proxy-…` are the host's to send.
   */
  name: string;
  value: Piece[];
}

export type Body =
  | { tag: 'empty' }
  | { tag: 'bytes'; val: Uint8Array }
  | { tag: 'pieces'; val: Piece[] };

export interface Request {
  method: Method;
  /**
   * Absolute, with a host name or address, without user information and fragment. Secrets have no
   * place in a URL: it ends in logs.
   */
  url: string;
  headers: Header[];
  body: Body;
  /**
   * From the look-up to the end of the reply's head, and again for every `read`: at most 60,000,
   * which is also the default.
   */
  timeoutMs?: number | null;
  extras: [string, string][];
}

/**
 * Why there is no reply. The texts name the origin, never a secret.
 */
export type HttpError =
  | { tag: 'denied'; val: string }
  | { tag: 'invalid-request'; val: string }
  | { tag: 'dns'; val: string }
  | { tag: 'connect'; val: string }
  | { tag: 'tls'; val: string }
  | { tag: 'timeout' }
  | { tag: 'too-large'; val: number }
  | { tag: 'other'; val: string };

export interface Response {
  /**
   * The status of the last reply, redirects followed.
   */
  status(): number;
  /**
   * Names in lower case, values as Latin-1 text, in the order they came.
   */
  headers(): [string, string][];
  /**
   * The next bytes of the body: at most `max` and at most 1 MiB; empty at the end. A body that is
   * cut short is `connect`.
   */
  read(max: number): Uint8Array;
}

// inputs

/**
 * One cell of a table.
 */
export type Cell =
  | { tag: 'text'; val: string }
  | { tag: 'secret'; val: Secret }
  | { tag: 'other'; val: string };

export interface Row {
  /**
   * The line of the file this row begins on, counted from 1.
   */
  line: number;
  /**
   * In the order of `columns`. A broken row can have fewer or more cells than there are columns.
   */
  cells: Cell[];
  extras: [string, string][];
}

/**
 * A file with a header row, parsed by the host.
 */
export interface Table {
  /**
   * The file's name as the operator wrote it, for `file:line`.
   */
  file(): string;
  /**
   * The header row. Names are as written, not unique of necessity.
   */
  columns(): string[];
  /**
   * Number of rows below the header.
   */
  rowCount(): number;
  /**
   * Rows from index `first` (0 is the first below the header), at most `max` and at most 4,096;
   * empty at the end. Every secret cell in them is a handle; one call may hold 16,384 handles.
   */
  rows(first: number, max: number): Row[];
  /**
   * The line of the file each of these rows begins on; bounded as `rows`.
   */
  lines(first: number, max: number): number[];
  /**
   * The text of one column of as many rows, to look at a whole table cheaply. `denied` for a
   * secret column, `other` for a column that does not exist; a missing cell is empty.
   */
  columnText(column: number, first: number, max: number): string[];
}

/**
 * Any other file.
 */
export interface File {
  /**
   * The file's name as the operator wrote it.
   */
  name(): string;
  size(): number;
  /**
   * At most `max` and at most 1 MiB; empty at the end.
   */
  readAt(offset: number, max: number): Uint8Array;
}

// evidence

/**
 * Why a view has no answer.
 */
export type ViewError =
  | { tag: 'not-found'; val: string }
  | { tag: 'budget-exhausted' }
  | { tag: 'connection'; val: string }
  | { tag: 'other'; val: string };

export interface MessageStat {
  uid: number;
  /**
   * RFC822.SIZE in bytes.
   */
  bytes: number;
  /**
   * INTERNALDATE as Unix seconds.
   */
  internalDate?: number | null;
  /**
   * System flags and keywords as the server sent them.
   */
  flags: string[];
  extras: [string, string][];
}

/**
 * The header fields asked for of one message.
 */
export interface HeaderBlock {
  uid: number;
  /**
   * Name as sent, value unfolded; its charset is not known.
   */
  headers: [string, Uint8Array][];
  extras: [string, string][];
}

/**
 * SHA-256 of one whole message as the server sent it, in lower-case hexadecimal.
 */
export interface Digest {
  uid: number;
  sha256: string;
  extras: [string, string][];
}

export interface MailboxView {
  side(): Side;
  /**
   * Every folder.
   */
  folders(): Folder[];
  /**
   * Messages with a UID above `after` (0 to begin), in UID order, at most `limit` and at most
   * 5,000; empty at the end.
   */
  messages(folder: FolderPath, after: number, limit: number): MessageStat[];
  /**
   * Header fields by name, case ignored, of at most 1,000 messages. UIDs that are gone are left out.
   */
  headers(folder: FolderPath, uids: number[], names: string[]): HeaderBlock[];
  /**
   * Digests of at most 1,000 messages; the host reads each message in full for it. UIDs that are
   * gone are left out.
   */
  digests(folder: FolderPath, uids: number[]): Digest[];
  /**
   * For at most 5,000 UIDs of a folder of the *source*: the UID on the target the ledger has for
   * each, in order; none when it has none. The same from both views.
   */
  counterparts(folder: FolderPath, uids: number[]): (number | null)[];
}

// folder-mapper

/**
 * A target folder.
 */
export interface TargetFolder {
  path: FolderPath;
  /**
   * Create it with this role where the server supports that.
   */
  role?: SpecialUse | null;
  /**
   * Subscribe to it; none follows the source folder's subscription.
   */
  subscribe?: boolean | null;
  extras: [string, string][];
}

export type Decision =
  | { tag: 'map-to'; val: TargetFolder }
  | { tag: 'skip'; val: string }
  | { tag: 'other'; val: string };

export interface Ruling {
  /**
   * Index into `mapping-request.source-folders`.
   */
  folder: number;
  decision: Decision;
  /**
   * One line for `mailhaul plan --explain`.
   */
  why: string;
  extras: [string, string][];
}

/**
 * A remark for the plan that is no ruling, e.g. why a folder was left alone.
 */
export interface Note {
  /**
   * Index of the source folder it is about.
   */
  folder?: number | null;
  /**
   * One sentence.
   */
  message: string;
  extras: [string, string][];
}

export interface MappingRequest {
  source: Server;
  target: Server;
  /**
   * In LIST order, folders that hold no messages included.
   */
  sourceFolders: Folder[];
  targetFolders: Folder[];
  /**
   * What the operator's rules and the mappers before this one have decided.
   */
  settled: Ruling[];
  extras: [string, string][];
}

export interface Mapping {
  /**
   * At most one for each folder, none for a folder in `settled`. A folder nobody rules on keeps
   * its name.
   */
  rulings: Ruling[];
  notes: Note[];
  extras: [string, string][];
}

// accounts

export type Auth =
  | { tag: 'inherit' }
  | { tag: 'secret'; val: Secret }
  | { tag: 'other'; val: string };

/**
 * One end of a mailbox. Fields that are none come from the project file. A host or port the project
 * file does not allow is refused before anything is connected to: own passwords go to the side's
 * `host` and to `[mailboxes] hosts`, `inherit` to the side's `host` and its `admin_hosts`. Of a plugin that does not
 * ship, what it was granted of its `[[needs.host]]` stands in the place of `hosts` and narrows `admin_hosts`. Known among the extras of a
 * target: `quota`, the bytes the mailbox shall hold, for `mailhaul provision`.
 */
export interface Account {
  /**
   * Log-in name.
   */
  login: string;
  host?: string | null;
  port?: number | null;
  tls?: Tls | null;
  auth: Auth;
  extras: [string, string][];
}

// mailbox-source

export interface Mailbox {
  /**
   * Stable identity, at most 512 bytes, unique in the whole listing: the ledger and every
   * resumption key on it. It must not depend on the order of rows.
   */
  key: string;
  source: Account;
  target: Account;
  /**
   * Free text for people.
   */
  label?: string | null;
  /**
   * Where it is listed: `mailboxes.csv:42`.
   */
  origin?: string | null;
  /**
   * Known: `one-account` = `meant`, where source and target, or this target and that of other mailboxes that say so,
   * are one account on purpose, or look like one; `batch`, the set of mailboxes that it runs with: a name of at most
   * 128 bytes.
   */
  extras: [string, string][];
}

export interface PageRequest {
  /**
   * None for the first page, otherwise `next` of the page before.
   */
  token?: string | null;
  /**
   * At most this many mailboxes may be answered.
   */
  max: number;
  extras: [string, string][];
}

export interface Page {
  mailboxes: Mailbox[];
  /**
   * Where to go on: at most 4 KiB, different from the request's token. None at the end. A page
   * may be empty and still have a next one.
   */
  next?: string | null;
  /**
   * Remarks; a single `error` stops the command before anything starts.
   */
  diagnostics: Diagnostic[];
  extras: [string, string][];
}

// validator

/**
 * When it is called.
 */
export type Phase =
  | { tag: 'after-run' }
  | { tag: 'after-cutover' }
  | { tag: 'other'; val: string };

/**
 * What became of a test mail.
 */
export type RoundTripOutcome =
  | { tag: 'arrived' }
  | { tag: 'arrived-at-source' }
  | { tag: 'missing' }
  | { tag: 'not-sent' }
  | { tag: 'other'; val: string };

/**
 * The newest test mail sent to this mailbox from outside (`mailhaul cutover roundtrip`).
 */
export interface RoundTrip {
  outcome: RoundTripOutcome;
  /**
   * From sending to being seen, or waited in vain.
   */
  seconds: number;
  /**
   * The folder it arrived in, of the side it arrived at.
   */
  folder?: FolderPath | null;
  /**
   * What the servers said about it, for people.
   */
  detail: string;
  extras: [string, string][];
}

/**
 * How deep the user asked to look.
 */
export type Depth =
  | { tag: 'counts' }
  | { tag: 'headers' }
  | { tag: 'full' }
  | { tag: 'other'; val: string };

/**
 * One pair of folders with what the ledger says about it:
 * `source-messages = copied + already-present + skipped + failed`.
 */
export interface FolderPair {
  source: FolderPath;
  target: FolderPath;
  /**
   * Messages the source has.
   */
  sourceMessages: number;
  /**
   * Of these, put on the target by this project.
   */
  copied: number;
  /**
   * Of these, found there already.
   */
  alreadyPresent: number;
  /**
   * Left out by the operator's own rules.
   */
  skipped: number;
  /**
   * Refused by a server, or impossible.
   */
  failed: number;
  extras: [string, string][];
}

export interface ValidationRequest {
  /**
   * The mailbox's key.
   */
  mailbox: string;
  phase: Phase;
  depth: Depth;
  seed: number;
  /**
   * Every folder of the plan that was copied; what an operator's rule left out as a whole is not
   * among them.
   */
  folders: FolderPair[];
  /**
   * None before cutover, and when no test mail was sent.
   */
  roundTrip?: RoundTrip | null;
  extras: [string, string][];
}

export type Outcome =
  | { tag: 'pass' }
  | { tag: 'fail' }
  | { tag: 'inconclusive'; val: string }
  | { tag: 'other'; val: string };

export interface Finding {
  severity: Severity;
  /**
   * Stable and made for machines, e.g. `counts.missing`.
   */
  code: string;
  /**
   * One sentence.
   */
  message: string;
  /**
   * The folder it is about.
   */
  folder?: FolderPath | null;
  /**
   * The UID it is about, in that folder.
   */
  uid?: number | null;
  extras: [string, string][];
}

export interface Report {
  outcome: Outcome;
  /**
   * Messages it looked at.
   */
  checkedMessages: number;
  /**
   * At most 1,000; say how many more there are in the last.
   */
  findings: Finding[];
  extras: [string, string][];
}

// server-profile

export interface ProfileRequest {
  side: Side;
  server: Server;
  /**
   * The provider the operator named, one of the manifest's `providers`: answer its profile, whatever
   * the server looks like. None when the server is to be recognised.
   */
  provider?: string | null;
  extras: [string, string][];
}

export interface Profile {
  /**
   * Stable and made for machines: `gmail`, `dovecot`. Lower-case letters, digits and `-`; one of the
   * manifest's `providers` when it lists any.
   */
  provider: string;
  /**
   * For people: `Gmail`, `Dovecot 2.3.21`.
   */
  name: string;
  /**
   * By what it was recognised, in a few words, shown by `check` and `plan`: `its ID says Dovecot`.
   */
  why: string;
  /**
   * Connections to this server at once, all mailboxes together. A limit that the operator
   * wrote in the project file stands in its place, lower or higher.
   */
  maxConnections?: number | null;
  /**
   * Connections of one mailbox at once: providers count them for each account.
   */
  maxConnectionsPerMailbox?: number | null;
  /**
   * Largest message the server takes, in bytes, when it does not say so itself (APPENDLIMIT). Larger
   * ones count as failed with the code `too-big`, without being sent.
   */
  maxAppendBytes?: number | null;
  /**
   * Capabilities to be treated as absent because they do not work: `MULTIAPPEND`, `CONDSTORE`.
   */
  avoid: string[];
  /**
   * Named behaviours of the host, as (name, value). Known to this version:
   * - `pipeline`, `off`: one command at a time;
   * - `folder-names`, `fold-case`: names that differ in case only are one folder there, so two of
   *   them are a conflict; `exact`: they are not.
   * Unknown ones are ignored and noted in the log.
   */
  switches: [string, string][];
  /**
   * For people, shown by `check` and `plan`: what to know about this provider before a move.
   */
  notes: string[];
  extras: [string, string][];
}

/**
 * Which reply it was.
 */
export type ReplyKind =
  | { tag: 'no' }
  | { tag: 'bad' }
  | { tag: 'bye' }
  | { tag: 'other'; val: string };

/**
 * What was refused.
 */
export type Occasion =
  | { tag: 'log-in' }
  | { tag: 'append' }
  | { tag: 'other'; val: string };

/**
 * A reply that is no success.
 */
export interface Refusal {
  side: Side;
  /**
   * For a log-in little more than its name may be known.
   */
  server: Server;
  /**
   * The provider this server was taken for, or the operator named; none before `identify` had an
   * answer.
   */
  provider?: string | null;
  occasion: Occasion;
  kind: ReplyKind;
  /**
   * The response code in upper case, without its arguments: `UNAVAILABLE` (RFC 5530).
   */
  code?: string | null;
  /**
   * The server's words, its response code left out; at most 1,000 characters.
   */
  text: string;
  extras: [string, string][];
}

/**
 * What the refusal means.
 */
export type Cause =
  | { tag: 'auth-refused' }
  | { tag: 'mailbox-missing' }
  | { tag: 'auth-or-missing' }
  | { tag: 'imap-disabled' }
  | { tag: 'needs-oauth' }
  | { tag: 'too-many-connections' }
  | { tag: 'quota' }
  | { tag: 'throttled' }
  | { tag: 'message-refused' }
  | { tag: 'server-fault' }
  | { tag: 'other'; val: string };

export interface Classification {
  cause: Cause;
  /**
   * Worth trying again after this many milliseconds; heeded for `throttled`, `too-many-connections` and
   * `server-fault`, and never for a refused log-in: a password is tried once. The host waits 15 minutes
   * at most, and tries as often as it does when a server itself asks for patience; what it gives up on
   * has failed.
   */
  retryAfterMs?: number | null;
  /**
   * One sentence for the operator: what to do about it.
   */
  remedy?: string | null;
  extras: [string, string][];
}

// mailbox-provisioner

/**
 * A mailbox the new host has.
 */
export interface ExistingMailbox {
  /**
   * Its log-in name, as it stands in the project's list.
   */
  login: string;
  /**
   * Bytes it may hold; none when it has no limit or the API does not say.
   */
  quota?: number | null;
  extras: [string, string][];
}

export interface ListRequest {
  /**
   * None for the first page, otherwise `next` of the page before.
   */
  token?: string | null;
  /**
   * At most this many mailboxes may be answered.
   */
  max: number;
  /**
   * The domains of the mailboxes that are wanted, sorted: others need not be listed. Log-ins without one add none.
   */
  domains: string[];
  extras: [string, string][];
}

export interface ListPage {
  mailboxes: ExistingMailbox[];
  /**
   * As in `mailbox-source`: at most 4 KiB, different from the request's token, none at the end.
   */
  next?: string | null;
  /**
   * Remarks; a single `error` stops the command before anything is created.
   */
  diagnostics: Diagnostic[];
  /**
   * Known, for the passwords that the host makes, where the new host asks for something: `password-length`, the
   * characters it has at least and at most (`8-32`, `8-`, `-32`); `password-alphabet`, the characters that may be in it, as
   * they are (printable ASCII); `password-classes`, of which it has one each: `upper`, `lower`, `digit`, `symbol`, with commas
   * between. Of several pages the first that says so counts. A policy that leaves fewer than 60 bits to be guessed is refused,
   * and nothing is created.
   */
  extras: [string, string][];
}

export interface NewMailbox {
  /**
   * Log-in name on the new host.
   */
  login: string;
  /**
   * The name of a person, when the list has one.
   */
  displayName?: string | null;
  /**
   * Bytes it shall hold: what the list asks for, else, where `set-quota` is granted, what the source holds and
   * some more; none for the host's own default.
   */
  quota?: number | null;
  extras: [string, string][];
}

export type Creation =
  | { tag: 'created' }
  | { tag: 'exists' }
  | { tag: 'other'; val: string };
