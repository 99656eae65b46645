// Tables the operator named for a mailbox source, read by the names of their columns.
import { openTable } from 'mailhaul:plugin/inputs@0.1.0';
import { PluginError, told } from './index.js';

// More remarks than this help nobody; the rest is counted.
const REMARKS = 100;

/** Opens an input that has these columns. Case and surrounding spaces do not matter. */
export function table(name, ...required) {
  const opened = told(() => openTable(name));
  const file = opened.file();
  // A byte order mark is what spreadsheets put before the first column.
  const columns = opened.columns().map((column) => column.replace(/^\ufeff/, '').trim().toLowerCase());
  const missing = required.filter((column) => !columns.includes(column.toLowerCase()));
  if (missing.length > 0) {
    const list = (names) => names.map((column) => `\`${column}\``).join(', ');
    const word = missing.length === 1 ? 'column' : 'columns';
    // What is there is not shown: in a list without a header row it is a password.
    const reason = `the ${word} ${list(missing)} must be there and are not among the ${columns.length} of the first line`;
    throw PluginError.input(`${file}:1`, reason);
  }
  return new Records(opened, file, columns);
}

class Records {
  constructor(opened, file, columns) {
    Object.assign(this, { opened, file, columns });
  }

  get length() {
    return this.opened.rowCount();
  }

  rows(first, max) {
    return this.opened.rows(first, max).map((row, at) => new Row(this, first + at, row));
  }

  page(request, mailbox) {
    const first = Number(request.token ?? 0);
    if (!Number.isSafeInteger(first)) throw new PluginError('other', `\`${request.token}\` is no page of ${this.file}`);
    const rows = this.rows(first, request.max);
    const [mailboxes, diagnostics] = [[], []];
    for (const row of rows) {
      try {
        mailboxes.push(mailbox(row));
      } catch (error) {
        if (!(error instanceof CellError)) throw error;
        diagnostics.push({ severity: 'error', code: error.code, message: error.reason, at: error.at });
      }
    }
    if (diagnostics.length > REMARKS) {
      const more = diagnostics.splice(REMARKS).length;
      diagnostics.push({ severity: 'error', code: 'table.more', message: `and ${more} more like these` });
    }
    const after = first + rows.length;
    return { mailboxes, diagnostics, next: rows.length > 0 && after < this.length ? String(after) : undefined };
  }
}

class Row {
  constructor(records, index, { line, cells }) {
    Object.assign(this, { records, index, line, cells });
  }

  get at() {
    return `${this.records.file}:${this.line}`;
  }

  position(column) {
    return this.records.columns.indexOf(column.toLowerCase());
  }

  optional(column) {
    const cell = this.cells[this.position(column)];
    return (cell?.tag === 'text' && cell.val.trim()) || undefined;
  }

  text(column) {
    const text = this.optional(column);
    if (text === undefined) throw new CellError(this, 'table.empty-cell', `the column \`${column}\` is empty`);
    return text;
  }

  number(column, expected = 'a whole number') {
    const text = this.optional(column);
    if (text === undefined || /^\d+$/.test(text)) return text === undefined ? undefined : Number(text);
    const reason = `the column \`${column}\` has \`${text}\`: ${expected} is meant`;
    throw new CellError(this, 'table.unreadable-cell', reason);
  }

  // A handle can be handed on once, so the row is read again for each.
  secret(column) {
    const cell = this.records.opened.rows(this.index, 1)[0]?.cells[this.position(column)];
    return cell?.tag === 'secret' ? cell.val : undefined;
  }

  wrong(column, why) {
    return new CellError(this, 'table.wrong-cell', `the column \`${column}\`: ${why}`);
  }
}

/** A cell that cannot be used: a remark of the page, with its place. */
export class CellError extends PluginError {
  constructor(row, code, reason) {
    super('input', `${row.at}: ${reason}`);
    Object.assign(this, { at: row.at, code, reason });
  }
}
