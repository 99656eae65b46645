// @ts-check
// Creates mailboxes through a panel's API.
import * as mailhaul from './vendor/mailhaul/index.js';
import { request, secret } from './vendor/mailhaul/http.js';

export const mailboxProvisioner = mailhaul.mailboxProvisioner({
  listMailboxes({ domains }) {
    const mailboxes = domains.flatMap((domain) => {
      const reply = call('GET', `/api/mailboxes?domain=${encodeURIComponent(domain)}`);
      return reply.expectOk().json();
    });
    return { mailboxes };
  },

  createMailbox({ login, quota }, password) {
    const json = { login, quota: quota ?? null };
    // mailhaul puts the password there; it never enters this plugin.
    const reply = call('POST', '/api/mailboxes', { json, secrets: { password } });
    // Asked again after a call that ended in an error: the first may have worked.
    if (reply.status === 409) return 'exists';
    reply.expectOk();
    return 'created';
  },
});

/**
 * @param {string} method
 * @param {string} path
 * @param {import('./vendor/mailhaul/http.js').Options} [options]
 */
function call(method, path, options) {
  const { host } = mailhaul.settings();
  return request(method, `https://${host}${path}`, { bearer: secret('token'), ...options });
}
