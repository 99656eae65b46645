// HTTP to the origins the manifest asks for and the operator granted, and the secrets that go there.
import { send } from 'mailhaul:plugin/http@0.1.0';
import { open } from 'mailhaul:plugin/secrets@0.1.0';
import { PluginError, told } from './index.js';

/** Opens the secret the manifest asks for by this name. */
export function secret(name) {
  return told(() => open(name));
}

/** Sends one request and reads its reply whole. Any status is a reply. */
export function request(method, url, { bearer, headers = {}, json, secrets = {}, timeoutMs } = {}) {
  const list = Object.entries(headers).map(([name, value]) => ({ name, value: [{ tag: 'text', val: value }] }));
  if (bearer) {
    const value = [{ tag: 'text', val: 'Bearer ' }, { tag: 'secret', val: [bearer, { tag: 'raw' }] }];
    list.push({ name: 'authorization', value });
  }
  let body = { tag: 'empty' };
  if (json !== undefined) {
    list.push({ name: 'content-type', value: [{ tag: 'text', val: 'application/json' }] });
    body = { tag: 'pieces', val: spliced(json, secrets) };
  }
  const made = { method: { tag: method.toLowerCase() }, url, headers: list, body, timeoutMs, extras: [] };
  const reply = told(() => send(made), 'other');
  const parts = [];
  for (let part; (part = told(() => reply.read(1 << 20), 'other')).length > 0; ) parts.push(part);
  return new Reply(url, reply.status(), reply.headers(), text(parts));
}

class Reply {
  constructor(url, status, headers, body) {
    Object.assign(this, { url, status, headers, body });
  }

  get ok() {
    return this.status >= 200 && this.status < 300;
  }

  header(name) {
    return this.headers.find(([known]) => known === name.toLowerCase())?.[1];
  }

  json() {
    try {
      return JSON.parse(this.body);
    } catch (error) {
      throw new PluginError('other', `${this.url} does not answer in JSON: ${error.message}`);
    }
  }

  expectOk() {
    if (this.ok) return this;
    const why = `${this.url} answers with status ${this.status}: ${this.body.slice(0, 200)}`;
    if (this.status === 429 || this.status === 503) {
      const seconds = Number(this.header('retry-after') ?? 30);
      throw PluginError.retryAfter(Number.isFinite(seconds) ? seconds * 1000 : 30_000, why);
    }
    throw new PluginError(this.status === 401 || this.status === 403 ? 'denied' : 'other', why);
  }
}

// The fields named in `secrets` are left to the host: it writes the values, which never enter the plugin.
function spliced(value, secrets) {
  const whole = JSON.stringify({ ...value, ...Object.fromEntries(Object.keys(secrets).map((name) => [name, ''])) });
  const pieces = [];
  let rest = whole;
  for (const [name, secret] of Object.entries(secrets)) {
    const before = `${JSON.stringify(name)}:"`;
    const at = rest.lastIndexOf(before) + before.length;
    pieces.push({ tag: 'text', val: rest.slice(0, at) }, { tag: 'secret', val: [secret, { tag: 'json' }] });
    rest = rest.slice(at);
  }
  return [...pieces, { tag: 'text', val: rest }];
}

// There is no TextDecoder without WASI. Bytes that are no UTF-8 become U+FFFD.
function text(parts) {
  const out = [];
  let [code, more] = [0, 0];
  for (const part of parts) {
    for (const byte of part) {
      if (more > 0 && byte >> 6 === 0b10) {
        code = (code << 6) | (byte & 0x3f);
        if (--more === 0) out.push(code > 0x10ffff ? 0xfffd : code);
        continue;
      }
      if (more > 0) out.push(0xfffd);
      more = byte < 0xc0 || byte > 0xf7 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
      code = byte & (0x3f >> more);
      if (more === 0) out.push(byte < 0x80 ? byte : 0xfffd);
    }
  }
  if (more > 0) out.push(0xfffd);
  let text = '';
  for (let at = 0; at < out.length; at += 4096) text += String.fromCodePoint(...out.slice(at, at + 4096));
  return text;
}
