// What `vendor/wit/` says, for TypeScript: every function a plugin may call. An error is thrown, with what it
// is as `payload`.
//
// Generated; after a change of `wit/`: `MAILHAUL_BLESS=1 cargo test --workspace --test typescript`.

declare module 'mailhaul:plugin/log@0.1.0' {
  /**
   * False when lines of this level go nowhere, so that costly ones need not be formatted.
   */
  export function enabled(level: import('./wit.js').Level): boolean;
  /**
   * Writes one line. `fields` are (name, value) pairs. The last line before a trap is shown with
   * the trap: this is how a panic's text reaches the operator.
   */
  export function write(level: import('./wit.js').Level, message: string, fields: [string, string][]): void;
}

declare module 'mailhaul:plugin/host@0.1.0' {
  /**
   * The host's version, e.g. `0.1.0`: for messages. Decide by `has-feature` instead.
   */
  export function version(): string;
  /**
   * Whether the host knows a named behaviour. Unknown names are false. Known to this version:
   * `retry-after` (it is honoured for sources and provisioners) and `http`.
   */
  export function hasFeature(name: string): boolean;
}

declare module 'mailhaul:plugin/settings@0.1.0' {
  /**
   * One JSON object with sorted keys, defaults of the manifest's schema filled in, its types
   * already checked. It does not change during a run.
   */
  export function json(): string;
}

declare module 'mailhaul:plugin/cancel@0.1.0' {
  /**
   * True once a stop was asked for. Long loops should look here and return what they have, or
   * `plugin-error.other`; otherwise the call is dropped when the host has waited long enough.
   */
  export function requested(): boolean;
}

declare module 'mailhaul:plugin/secrets@0.1.0' {
  /**
   * Opens the secret the manifest asks for by this name (`[[needs.secret]]`). The operator gives its
   * value under `[plugins.secrets.<id>]` and grants it once, for what the manifest's `to` says: an
   * origin of `[[needs.http]]`, or `source` or `target`, where it is the password of an account on
   * that side. It can be sent nowhere else: towards an origin it is no password, and a password goes
   * to no origin.
   *
   * `denied` when the manifest does not ask for it, it was not granted or has no value.
   */
  export function open(name: string): import('./wit.js').Secret;
}

declare module 'mailhaul:plugin/http@0.1.0' {
  /**
   * Sends one request and waits for the head of its reply. Any status is a reply, not an error.
   */
  export function send(request: import('./wit.js').Request): import('./wit.js').Response;
}

declare module 'mailhaul:plugin/inputs@0.1.0' {
  /**
   * The names under which inputs were given, sorted.
   */
  export function names(): string[];
  /**
   * `denied` when nothing was given under that name, or when it is no table.
   */
  export function openTable(name: string): import('./wit.js').Table;
  /**
   * `denied` when nothing was given under that name, or when it is a table: those may hold
   * secrets, and are given as tables only.
   */
  export function openFile(name: string): import('./wit.js').File;
}
