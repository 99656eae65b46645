// @ts-check
// Folders below one name go below another. Both names are settings.
import * as mailhaul from './vendor/mailhaul/index.js';

export const folderMapper = mailhaul.folderMapper((request) => {
  const { from, to } = mailhaul.settings();
  const rulings = [];
  for (const [index, folder] of mailhaul.open(request)) {
    const rest = mailhaul.stripPrefix(folder.path, [from]);
    if (rest) rulings.push(mailhaul.mapTo(index, [to, ...rest], `below \`${from}\``));
  }
  return { rulings };
});
