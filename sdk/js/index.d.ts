// Types for plugins written in JavaScript or checked with TypeScript: put `// @ts-check` on the first line.
// The names are those of `vendor/wit/`, whose comments say when each function is called.

/** Levels from the outermost inwards, without delimiter and namespace prefix. */
export type FolderPath = string[];

export type SpecialUse =
  | { tag: 'all' | 'archive' | 'drafts' | 'flagged' | 'important' | 'junk' | 'sent' | 'trash' }
  | { tag: 'other'; val: string };

export interface Folder {
  path: FolderPath;
  attributes: string[];
  roles: SpecialUse[];
  selectable: boolean;
  subscribed: boolean;
  messages?: number;
  bytes?: bigint;
  extras: [string, string][];
}

export interface Server {
  host: string;
  port: number;
  tls: { tag: 'implicit' | 'starttls' | 'none' } | { tag: 'other'; val: string };
  greeting: string;
  capabilities: string[];
  id: [string, string][];
  namespacePrefix: string;
  delimiter?: string;
  extras: [string, string][];
}

export interface TargetFolder {
  path: FolderPath;
  role?: SpecialUse;
  subscribe?: boolean;
  extras: [string, string][];
}

export interface Ruling {
  folder: number;
  decision: { tag: 'map-to'; val: TargetFolder } | { tag: 'skip'; val: string } | { tag: 'other'; val: string };
  why: string;
  extras: [string, string][];
}

export interface MappingRequest {
  source: Server;
  target: Server;
  sourceFolders: Folder[];
  targetFolders: Folder[];
  settled: Ruling[];
  extras: [string, string][];
}

export interface Mapping {
  rulings: Ruling[];
  notes?: { folder?: number; message: string; extras: [string, string][] }[];
}

export interface FolderPair {
  source: FolderPath;
  target: FolderPath;
  sourceMessages: number;
  copied: number;
  alreadyPresent: number;
  skipped: number;
  failed: number;
  extras: [string, string][];
}

export interface ValidationRequest {
  mailbox: string;
  folders: FolderPair[];
  seed: bigint;
  extras: [string, string][];
}

export interface MessageStat {
  uid: number;
  bytes: bigint;
  internalDate?: bigint;
  flags: string[];
  extras: [string, string][];
}

/** A read-only, budgeted look at one mailbox. One call with 500 UIDs is one command; 500 calls are 500 round trips. */
export interface MailboxView {
  side(): 'source' | 'target';
  folders(): Folder[];
  messages(folder: FolderPath, after: number, limit: number): MessageStat[];
  headers(
    folder: FolderPath,
    uids: Uint32Array,
    names: string[],
  ): { uid: number; headers: [string, Uint8Array][]; extras: [string, string][] }[];
  digests(folder: FolderPath, uids: Uint32Array): { uid: number; sha256: string; extras: [string, string][] }[];
  counterparts(folder: FolderPath, uids: Uint32Array): (number | undefined)[];
}

export interface Finding {
  severity: 'note' | 'warning' | 'error';
  code: string;
  message: string;
  folder?: FolderPath;
  uid?: number;
}

export interface Report {
  /** Left out: `fail` when a finding is an error, `pass` otherwise. */
  outcome?: { tag: 'pass' | 'fail' } | { tag: 'inconclusive'; val: string };
  checkedMessages?: number | bigint;
  findings?: Finding[];
}

export function settings<T = Record<string, unknown>>(): T;
export const log: Record<'debug' | 'info' | 'warn', (message: unknown) => void>;

/** An error mailhaul tells the operator. */
export class PluginError extends Error {
  constructor(kind: 'settings' | 'denied' | 'unsupported' | 'other', message: string);
}

/** The source folders nobody has ruled on yet, as [index, folder]. */
export function open(request: MappingRequest): [number, Folder][];
/** What is below `prefix`, itself included; undefined when the path is somewhere else. */
export function stripPrefix(path: FolderPath, prefix: FolderPath): FolderPath | undefined;
export function mapTo(
  folder: number,
  path: FolderPath,
  why: string,
  options?: { role?: SpecialUse; subscribe?: boolean },
): Ruling;
export function skip(folder: number, reason: string): Ruling;

/** Makes the export of a mapper: `export const folderMapper = mailhaul.folderMapper((request) => …)`. */
export function folderMapper(map: (request: MappingRequest) => Mapping): object;
/** Makes the export of a validator: `export const validator = mailhaul.validator((request, source, target) => …)`. */
export function validator(
  judge: (request: ValidationRequest, source: MailboxView, target: MailboxView) => Report,
): object;
