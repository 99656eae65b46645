// @ts-check
// Acme's mail servers: their limits, and what their refusals mean.
import * as mailhaul from './vendor/mailhaul/index.js';

export const serverProfile = mailhaul.serverProfile({
  identify({ server }) {
    if (!server.greeting.startsWith('Acme Mail')) return undefined;
    return {
      provider: 'acme',
      name: 'Acme Mail',
      why: 'it greets as Acme Mail',
      maxConnectionsPerMailbox: 4,
      avoid: ['MULTIAPPEND'],
    };
  },

  // What the server says, in its own words, and what that means.
  classify({ text }) {
    const words = text.toLowerCase();
    if (words.includes('mailbox is over its limit')) return { cause: 'quota' };
    if (words.includes('slow down')) return { cause: 'throttled', retryAfterMs: 60_000 };
    return undefined;
  },
});
