// Tables the operator named for a mailbox source. mailhaul has done the parsing: separators, quotes, line ends and the
// character set are none of the plugin's business.
import type { Secret, SourceMailbox, SourcePage } from './index.js';
import type { PageRequest } from './wit.js';
import { PluginError } from './index.js';

/** Opens an input that has these columns. Case and surrounding spaces do not matter. */
export function table(name: string, ...required: string[]): Records;

/** A table whose cells are asked for by column. */
export interface Records {
  /** The file's name as the operator wrote it. */
  readonly file: string;
  /** Number of rows below the header. */
  readonly length: number;
  /** At most `max` rows from index `first`; empty at the end. */
  rows(first: number, max: number): Row[];
  /** A source's page: `mailbox` makes one of each row, or throws with the row's place. Every broken row is named. */
  page(request: PageRequest, mailbox: (row: Row) => SourceMailbox): SourcePage;
}

/** One row. */
export interface Row {
  readonly line: number;
  /** Its place, `users.csv:42`. */
  readonly at: string;
  /** The text of a cell; an empty one is an error with its place. */
  text(column: string): string;
  /** The text of a cell that may be empty, or whose column may be missing. */
  optional(column: string): string | undefined;
  /** A cell read as a number; undefined when it is empty. `expected` is what should be there, for the error. */
  number(column: string, expected?: string): number | undefined;
  /** A new handle for the cell of a secret column; undefined when it is empty. It can be handed on once. */
  secret(column: string): Secret | undefined;
  /** What is wrong with a cell, to throw. */
  wrong(column: string, why: string): CellError;
}

/** A cell that cannot be used: a remark of the page, with its place. */
export class CellError extends PluginError {
  readonly at: string;
  readonly code: string;
  readonly reason: string;
}
