// Types for plugins written in JavaScript or TypeScript: `// @ts-check` on the first line turns them on. Those of the
// contract are in `wit.d.ts`, made of `vendor/wit/`; here is what the helpers take and give.
import type * as wit from './wit.js';
export type * from './wit.js';

/** As the contract has it, with `extras` left out when there are none. */
export type Given<T> = Omit<T, 'extras'> & { extras?: [string, string][] };

/** The operator's settings, defaults filled in. */
export function settings<T = Record<string, any>>(): T;

/** Lines in mailhaul's log. `mailhaul plugin test` shows them with a failed case. */
export const log: Record<'debug' | 'info' | 'warn', (message: unknown) => void>;

/** An error mailhaul tells the operator. What else is thrown is told too, with its place in the log. */
export class PluginError extends Error {
  constructor(kind: 'settings' | 'denied' | 'unsupported' | 'other', message: string);
  /** An input is broken at a place, `users.csv:7`. */
  static input(at: string, reason: string): PluginError;
  /** Ask again, not before this time. For sources and provisioners. */
  static retryAfter(milliseconds: number, why: string): PluginError;
}

/** The source folders nobody has ruled on yet, as [index, folder]. */
export function open(request: wit.MappingRequest): [number, wit.Folder][];
/** What is below `prefix`, itself included; undefined when the path is somewhere else. */
export function stripPrefix(path: wit.FolderPath, prefix: wit.FolderPath): wit.FolderPath | undefined;
/** The folder goes there. */
export function mapTo(
  folder: number,
  path: wit.FolderPath,
  why: string,
  options?: { role?: wit.SpecialUse; subscribe?: boolean },
): wit.Ruling;
/** The folder is left out, and why. */
export function skip(folder: number, reason: string): wit.Ruling;

/** A mapper's answer. */
export interface MapperAnswer {
  rulings: wit.Ruling[];
  notes?: wit.Note[];
}

/** Makes the export of a mapper: `export const folderMapper = mailhaul.folderMapper((request) => …)`. */
export function folderMapper(map: (request: wit.MappingRequest) => MapperAnswer): object;

/** A validator's answer. */
export interface ValidatorAnswer {
  /** Left out: `fail` when a finding is an error, `pass` otherwise. */
  outcome?: wit.Outcome;
  checkedMessages?: number;
  findings?: Given<wit.Finding>[];
}

/** Makes the export of a validator: `export const validator = mailhaul.validator((request, source, target) => …)`. */
export function validator(
  judge: (request: wit.ValidationRequest, source: wit.MailboxView, target: wit.MailboxView) => ValidatorAnswer,
): object;

/** One end of a mailbox. What is left out comes from the project file; without `auth` its own log-in is used. */
export interface SourceAccount extends Omit<Given<wit.Account>, 'auth'> {
  auth?: wit.Secret;
}

/** A mailbox to move. */
export interface SourceMailbox extends Omit<Given<wit.Mailbox>, 'source' | 'target'> {
  source: SourceAccount;
  target: SourceAccount;
}

/** A source's page. */
export interface SourcePage {
  mailboxes: SourceMailbox[];
  /** Where to go on: the next request's `token`. */
  next?: string;
  diagnostics?: Given<wit.Diagnostic>[];
}

/** Makes the export of a source: `export const mailboxSource = mailhaul.mailboxSource((request) => …)`. */
export function mailboxSource(list: (request: wit.PageRequest) => SourcePage): object;

/** What is known about a server. */
export type KnownServer = Pick<wit.Profile, 'provider' | 'name'> & Partial<Omit<wit.Profile, 'provider' | 'name'>>;

/** What a refusal means; the causes are those of `wit/kinds.wit`. */
export interface Meaning {
  cause: Exclude<wit.Cause['tag'], 'other'>;
  retryAfterMs?: number;
  remedy?: string;
}

/** Makes the export of a profile. Both functions answer `undefined` when they do not know. */
export function serverProfile(profile: {
  identify(request: wit.ProfileRequest): KnownServer | undefined;
  classify?(refusal: wit.Refusal): Meaning | undefined;
}): object;

/** Makes the export of a provisioner. */
export function mailboxProvisioner(provisioner: {
  listMailboxes(request: wit.ListRequest): {
    mailboxes: { login: string; quota?: number | null }[];
    next?: string;
    diagnostics?: Given<wit.Diagnostic>[];
  };
  createMailbox(wanted: wit.NewMailbox, password: wit.Secret): 'created' | 'exists';
  setQuota?(login: string, quota: number): void;
}): object;

/** Calls a function of `host.d.ts`; what the host refuses becomes a `PluginError`. */
export function told<T>(call: () => T, kind?: 'denied' | 'other'): T;
