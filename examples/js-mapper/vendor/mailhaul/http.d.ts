// HTTP to the origins the manifest asks for and the operator granted, and the secrets that go there.
import type { Secret } from './wit.js';

/** Opens the secret the manifest asks for by this name. Its value never enters the plugin. */
export function secret(name: string): Secret;

/** What goes with a request. */
export interface Options {
  /** Sent as `Authorization: Bearer …`. */
  bearer?: Secret;
  headers?: Record<string, string>;
  /** The body. */
  json?: Record<string, unknown>;
  /** Further fields of the body, whose values mailhaul writes. */
  secrets?: Record<string, Secret>;
  /** At most 60,000. */
  timeoutMs?: number;
}

/** Sends one request and reads its reply whole. Any status is a reply. */
export function request(method: string, url: string, options?: Options): Reply;

/** A reply. */
export interface Reply {
  readonly url: string;
  readonly status: number;
  readonly ok: boolean;
  /** Names in lower case. */
  readonly headers: [string, string][];
  readonly body: string;
  header(name: string): string | undefined;
  json(): any;
  /** Itself, or an error that says what the server said; a busy one is asked again by mailhaul. */
  expectOk(): Reply;
}
