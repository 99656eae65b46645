// Write plugins for mailhaul in JavaScript. `index.d.ts` has the types and says what each function does.
import { write } from 'mailhaul:plugin/log@0.1.0';
import { json } from 'mailhaul:plugin/settings@0.1.0';

/** The operator's settings, defaults filled in. */
export function settings() {
  return JSON.parse(json());
}

export const log = {
  debug: (message) => write('debug', String(message), []),
  info: (message) => write('info', String(message), []),
  warn: (message) => write('warn', String(message), []),
};

/** An error mailhaul tells the operator: `kind` is `settings`, `denied` or `other`. */
export class PluginError extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
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
        checkedMessages: BigInt(report.checkedMessages ?? 0),
        findings,
        extras: [],
      };
    }),
  };
}

// What is thrown reaches the log with its place; without this, all that is left of it is "it crashed".
function guarded(call) {
  return (...args) => {
    try {
      return call(...args);
    } catch (error) {
      if (error instanceof PluginError) throw { tag: error.kind, val: error.message };
      write('error', `${error}\n${error?.stack ?? ''}`, []);
      throw { tag: 'other', val: String(error) };
    }
  };
}
