// @ts-check
// Mailboxes from a table with the columns `user` and `user_password`, the same on both hosts.
import * as mailhaul from './vendor/mailhaul/index.js';
import { table } from './vendor/mailhaul/inputs.js';

export const mailboxSource = mailhaul.mailboxSource((request) =>
  table('users', 'user', 'user_password').page(request, (row) => {
    const login = row.text('user');
    // A handle can be handed on once, so each side gets its own.
    const account = () => ({ login, auth: row.secret('user_password') });
    return { key: login, source: account(), target: account(), origin: row.at };
  }),
);
