// @ts-check
// Every copied folder has at least as many messages as were copied.
import * as mailhaul from './vendor/mailhaul/index.js';

export const validator = mailhaul.validator((request, _source, target) => {
  /** @type {mailhaul.Given<mailhaul.Finding>[]} */
  const findings = [];
  let checkedMessages = 0;
  for (const pair of request.folders) {
    const expected = pair.copied + pair.alreadyPresent;
    const found = count(target, pair.target);
    checkedMessages += found;
    if (found < expected) {
      const message = `${found} of ${expected} messages are there`;
      findings.push({ severity: 'error', code: 'count.missing', message, folder: pair.target });
    }
  }
  return { checkedMessages, findings };
});

/**
 * @param {mailhaul.MailboxView} view
 * @param {mailhaul.FolderPath} folder
 */
function count(view, folder) {
  for (let count = 0, after = 0; ; ) {
    const page = view.messages(folder, after, 5000);
    if (page.length === 0) return count;
    count += page.length;
    after = page[page.length - 1].uid;
  }
}
