//! Which `[[folders]]` rules a folder was found for, over all mailboxes of a task, so that one that was
//! misspelt is told instead of being without effect.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use mailhaul_imap::Folder;

use crate::rules::FolderRule;

/// So many different folder names are kept, for the one that was meant.
const MOST_NAMES: usize = 10_000;

/// Likeness (0 to 1) from which a folder may be the one that was meant.
const LIKE: f64 = 0.6;

/// So many characters of a name are compared: it costs the product of the lengths.
const COMPARED: usize = 64;

/// The rules that some folder was found for, by their number in the file.
#[derive(Debug, Default)]
pub(crate) struct RulesMet(Mutex<Met>);

#[derive(Debug, Default)]
struct Met {
    rules: HashSet<usize>,
    mailboxes: HashSet<String>,
    /// Source folders, in display form.
    names: BTreeSet<String>,
}

impl RulesMet {
    /// Holds the rules against the source folders of a mailbox, all of which were listed.
    pub(crate) fn record(&self, mailbox: &str, rules: &[FolderRule], folders: &[Folder]) {
        if rules.is_empty() {
            return;
        }
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (n, rule) in rules.iter().enumerate() {
            // Also one that an earlier rule takes its folders from: that is what an order is for.
            if !met.rules.contains(&n) && folders.iter().any(|folder| rule.apply_to(folder).is_some()) {
                met.rules.insert(n);
            }
        }
        for folder in folders {
            if met.names.len() < MOST_NAMES {
                met.names.insert(folder.path.to_string());
            }
        }
        met.mailboxes.insert(mailbox.to_owned());
    }

    /// Returns a sentence for each rule that no folder was found for, when the folders of so many
    /// `mailboxes`, which are all of the list, were held against them; else none.
    #[must_use]
    pub(crate) fn unmet(&self, rules: &[FolderRule], mailboxes: usize) -> Vec<String> {
        let met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if met.mailboxes.len() < mailboxes {
            return Vec::new();
        }
        let unmet = rules.iter().enumerate().filter(|(n, _)| !met.rules.contains(n));
        unmet
            .map(|(_, rule)| {
                let near = nearest(rule, &met.names);
                let near = near.map_or_else(String::new, |name| format!("; the nearest folder is `{name}`"));
                format!("{}: this rule matched no folder of any mailbox: `{}`{near}", rule.place, rule.from)
            })
            .collect()
    }
}

/// The folder that a rule about one folder may have meant.
fn nearest<'a>(rule: &FolderRule, names: &'a BTreeSet<String>) -> Option<&'a str> {
    if !rule.names_one_folder() {
        return None;
    }
    let folded = |name: &str| name.chars().take(COMPARED).collect::<String>().to_lowercase();
    let wanted = folded(&rule.from.to_string());
    names
        .iter()
        .map(|name| (name.as_str(), strsim::normalized_damerau_levenshtein(&wanted, &folded(name))))
        .filter(|(_, likeness)| *likeness >= LIKE)
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use mailhaul_imap::{FolderName, FolderPath, Space};

    use super::*;
    use crate::rules::{Pattern, RuleAction};

    fn rule(from: &str, line: usize) -> FolderRule {
        let from = Pattern::parse(from).unwrap();
        FolderRule { from, action: RuleAction::Skip, place: format!("mailhaul.toml:{line}") }
    }

    fn folder(path: &str) -> Folder {
        Folder {
            name: FolderName(path.as_bytes().to_vec()),
            path: FolderPath::parse(path),
            reads: None,
            space: Space::Own,
            attributes: Vec::new(),
            roles: Vec::new(),
            selectable: true,
            subscribed: true,
            listed: true,
        }
    }

    #[test]
    fn a_rule_without_a_folder_is_named_with_the_nearest_one() {
        let rules = [rule("Trsh", 55), rule("Old/**", 58), rule("**", 61), rule("Zzz", 64)];
        let met = RulesMet::default();
        met.record("ann", &rules, &[folder("INBOX"), folder("Trash")]);
        assert!(met.unmet(&rules, 2).is_empty(), "another mailbox was not listed");
        met.record("bob", &rules, &[folder("INBOX")]);
        assert_eq!(
            met.unmet(&rules, 2),
            [
                "mailhaul.toml:55: this rule matched no folder of any mailbox: `Trsh`; the nearest folder is `Trash`",
                "mailhaul.toml:58: this rule matched no folder of any mailbox: `Old/**`",
                "mailhaul.toml:64: this rule matched no folder of any mailbox: `Zzz`",
            ]
        );
        met.record("cem", &rules, &[folder("Old/2019")]);
        assert_eq!(met.unmet(&rules, 3).len(), 2);
    }

    #[test]
    fn a_rule_that_another_one_stands_before_is_no_mistake() {
        let rules = [rule("**", 1), rule("Spam", 4)];
        let met = RulesMet::default();
        met.record("ann", &rules, &[folder("Spam")]);
        assert!(met.unmet(&rules, 1).is_empty());
    }
}
