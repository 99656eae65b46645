// Write plugins for mailhaul in JavaScript. `index.d.ts` has the types and says what each function does.
import { write } from 'mailhaul:plugin/log@0.1.0';
import { json } from 'mailhaul:plugin/settings@0.1.0';

/** The operator's settings, defaults filled in. */
export function settings() {
  return JSON.parse(json());
}

const line = (level) => (message) => write(level, String(message), []);

export const log = { debug: line('debug'), info: line('info'), warn: line('warn') };

/** An error mailhaul tells the operator: `kind` is `settings`, `denied`, `unsupported` or `other`. */
export class PluginError extends Error {
  constructor(kind, message) {
    super(message);
    this.value = { tag: kind, val: message };
  }

  /** An input is broken at a place, `users.csv:7`. */
  static input(at, reason) {
    return Object.assign(new PluginError('input', `${at}: ${reason}`), { value: { tag: 'input', val: [at, reason] } });
  }

  /** Ask again, not before this time. */
  static retryAfter(milliseconds, why) {
    const val = [Math.max(0, Math.round(milliseconds)), why];
    return Object.assign(new PluginError('other', why), { value: { tag: 'retry-after', val } });
  }
}

/** The source folders nobody has ruled on yet, as [index, folder]. */
export function open(request) {
  const settled = new Set(request.settled.map((ruling) => ruling.folder));
  return [...request.sourceFolders.entries()].filter(([index]) => !settled.has(index));
}

/** What is below `prefix`, `prefix` itself included; undefined when the path is somewhere else. */
export function stripPrefix(path, prefix) {
  return prefix.every((level, at) => path[at] === level) ? path.slice(prefix.length) : undefined;
}

export function mapTo(folder, path, why, { role, subscribe } = {}) {
  return { folder, decision: { tag: 'map-to', val: { path, role, subscribe, extras: [] } }, why, extras: [] };
}

export function skip(folder, reason) {
  return { folder, decision: { tag: 'skip', val: reason }, why: reason, extras: [] };
}

export function folderMapper(map) {
  return { mapFolders: guarded((request) => ({ notes: [], extras: [], ...map(request) })) };
}

export function validator(judge) {
  return {
    validate: guarded((request, source, target) => {
      const report = judge(request, source, target);
      const findings = (report.findings ?? []).map((finding) => ({ extras: [], ...finding }));
      const failed = findings.some((finding) => finding.severity === 'error');
      return {
        outcome: report.outcome ?? { tag: failed ? 'fail' : 'pass' },
        checkedMessages: report.checkedMessages ?? 0,
        findings,
        extras: [],
      };
    }),
  };
}

export function mailboxSource(list) {
  const account = (given) => ({
    ...given,
    auth: given.auth ? { tag: 'secret', val: given.auth } : { tag: 'inherit' },
    extras: [],
  });
  const mailbox = (given) => ({
    ...given,
    source: account(given.source),
    target: account(given.target),
    extras: [],
  });
  return {
    listMailboxes: guarded((request) => {
      const { mailboxes, next, diagnostics } = list(request);
      return { mailboxes: mailboxes.map(mailbox), next, diagnostics: remarks(diagnostics), extras: [] };
    }),
  };
}

export function serverProfile({ identify, classify }) {
  return {
    identify: guarded((request) => {
      const known = identify(request);
      return known && { why: '', avoid: [], switches: [], notes: [], extras: [], ...known };
    }),
    classify: guarded((refusal) => {
      const meaning = classify?.(refusal);
      return meaning && { extras: [], ...meaning, cause: { tag: meaning.cause } };
    }),
  };
}

export function mailboxProvisioner({ listMailboxes, createMailbox, setQuota }) {
  return {
    listMailboxes: guarded((request) => {
      const { mailboxes, next, diagnostics } = listMailboxes(request);
      const known = ({ login, quota }) => ({ login, quota: quota ?? undefined, extras: [] });
      return { mailboxes: mailboxes.map(known), next, diagnostics: remarks(diagnostics), extras: [] };
    }),
    createMailbox: guarded((wanted, password) => ({ tag: createMailbox(wanted, password) })),
    setQuota: guarded((login, quota) => {
      if (!setQuota) throw new PluginError('unsupported', 'it sets no quotas');
      setQuota(login, quota);
    }),
  };
}

function remarks(diagnostics = []) {
  return diagnostics.map((remark) => ({ extras: [], ...remark }));
}

/** Calls the host; what it refuses becomes a `PluginError`, of this kind when the host's own has no place there. */
export function told(call, kind) {
  try {
    return call();
  } catch (error) {
    const { tag, val } = error?.payload ?? {};
    if (tag === undefined) throw error;
    const why = Array.isArray(val) ? val.join(': ') : String(val ?? tag);
    throw new PluginError(tag === 'denied' ? 'denied' : (kind ?? 'other'), why);
  }
}

// What is thrown reaches the log with its place; without this, all that is left of it is "it crashed".
function guarded(call) {
  return (...args) => {
    try {
      return call(...args);
    } catch (error) {
      if (error instanceof PluginError) throw error.value;
      for (const at of String(error?.stack ?? '').split('\n')) if (at.trim()) write('debug', at.trimEnd(), []);
      write('error', String(error), []);
      throw { tag: 'other', val: String(error) };
    }
  };
}
