//! Which mailboxes of the list are meant: `--only` and `--batch`. Pure.

use mailhaul_text::{argument, escape};

/// Likeness (0 to 1) from which a batch may be the one that was meant.
const LIKE: f64 = 0.5;

/// Batches that are named beside one that there is not.
const SHOWN: usize = 5;

/// A mailbox of the list, as it is recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedMailbox {
    /// The key by which its ledger's file is named.
    pub key: String,
    /// Log-in on the old host.
    pub source: String,
    /// Log-in on the new host.
    pub target: String,
    /// A name for people.
    pub label: Option<String>,
    /// The set of mailboxes it runs with.
    pub batch: Option<String>,
    /// Where the list has it: `mailboxes.csv:42`.
    pub origin: Option<String>,
}

/// Which mailboxes of the list are meant; the default means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailboxChoice {
    /// `--only`: keys, log-ins at the source, or patterns of them in which `*` stands for any text, in any
    /// case; empty for all.
    pub only: Vec<String>,
    /// `--batch`: batches of the list; empty for all. A mailbox that is meant fits both, where both are
    /// given.
    pub batches: Vec<String>,
}

impl MailboxChoice {
    /// Returns whether every mailbox is meant.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.only.is_empty() && self.batches.is_empty()
    }

    /// Returns whether this mailbox is meant.
    #[must_use]
    pub fn includes(&self, mailbox: &ListedMailbox) -> bool {
        let named = self.only.is_empty() || self.only.iter().any(|name| is_named(mailbox, name));
        let in_batch = || mailbox.batch.as_ref().is_some_and(|batch| self.batches.contains(batch));
        named && (self.batches.is_empty() || in_batch())
    }

    /// Returns whether `--only` has the whole name of this mailbox, and no pattern that fits it.
    #[must_use]
    pub(crate) fn names(&self, mailbox: &ListedMailbox) -> bool {
        self.only.iter().any(|name| *name == mailbox.key || *name == mailbox.source)
    }

    /// Returns a sentence for each name and batch that no mailbox of the list has, and one where each has
    /// some and no mailbox fits both.
    #[must_use]
    pub fn unmet(&self, list: &[ListedMailbox]) -> Vec<String> {
        let mut unmet = Vec::new();
        for name in self.only.iter().filter(|name| !list.iter().any(|mailbox| is_named(mailbox, name))) {
            unmet.push(match name.contains('*') {
                _ if name.trim().is_empty() => "--only is empty; write a log-in or a pattern".to_owned(),
                true => format!("--only {}: no mailbox of the list fits this pattern", argument(name)),
                false => format!("--only {name}: there is no such mailbox in the list"),
            });
        }
        let is_known = |batch: &String| list.iter().any(|mailbox| mailbox.batch.as_ref() == Some(batch));
        for batch in self.batches.iter().filter(|batch| !is_known(batch)) {
            if batch.trim().is_empty() {
                unmet.push("--batch is empty; write a batch of the list".to_owned());
                continue;
            }
            unmet.push(format!(
                "--batch {}: no mailbox of the list is in this batch; {}",
                argument(batch),
                near(batch, list)
            ));
        }
        if unmet.is_empty() && !self.is_all() && !list.iter().any(|mailbox| self.includes(mailbox)) {
            let why = "no mailbox of the list is named by --only and in a batch of --batch at once; leave one of the two out";
            unmet.push(why.to_owned());
        }
        unmet
    }

    /// Returns it as it is typed, an option a line, for the record: names stand alone, as ever.
    #[must_use]
    pub(crate) fn typed(&self) -> Vec<String> {
        let batches = self.batches.iter().map(|batch| format!("--batch {}", argument(batch)));
        self.only.iter().cloned().chain(batches).collect()
    }
}

/// Whether a mailbox is meant by its key, its log-in at the source, or a pattern of one of them; in any case,
/// as log-ins are compared everywhere.
fn is_named(mailbox: &ListedMailbox, name: &str) -> bool {
    // A log-in may have a star in it.
    [&mailbox.key, &mailbox.source]
        .into_iter()
        .any(|own| own.to_lowercase() == name.to_lowercase() || name.contains('*') && fits(name, own))
}

/// Whether a text is the pattern with any text for each `*`, in any case.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

/// Says which batches there are: those that are like the one that was typed, else the first ones.
fn near(wanted: &str, list: &[ListedMailbox]) -> String {
    let mut known: Vec<&str> = list.iter().filter_map(|mailbox| mailbox.batch.as_deref()).collect();
    known.sort_unstable();
    known.dedup();
    if known.is_empty() {
        return "the list has no column `batch`, or nothing in it".to_owned();
    }
    let wanted = wanted.to_lowercase();
    let likeness = |batch: &str| strsim::normalized_damerau_levenshtein(&wanted, &batch.to_lowercase());
    let mut near: Vec<(f64, &str)> = known.iter().map(|batch| (likeness(batch), *batch)).collect();
    near.retain(|(likeness, _)| *likeness >= LIKE);
    near.sort_by(|one, other| other.0.total_cmp(&one.0));
    let names = |batches: &mut dyn Iterator<Item = &str>| {
        batches.take(SHOWN).map(|batch| format!("`{}`", escape(batch))).collect::<Vec<_>>().join(", ")
    };
    match near.as_slice() {
        [] if known.len() > SHOWN => format!("it has {} and others", names(&mut known.iter().copied())),
        [] => format!("it has {}", names(&mut known.iter().copied())),
        [(_, one)] => format!("the nearest is {}", names(&mut [*one].into_iter())),
        some => format!("the nearest are {}", names(&mut some.iter().map(|(_, batch)| *batch))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(key: &str, batch: Option<&str>) -> ListedMailbox {
        ListedMailbox {
            key: key.into(),
            source: format!("{key}@old"),
            batch: batch.map(str::to_owned),
            ..ListedMailbox::default()
        }
    }

    fn choice(only: &[&str], batches: &[&str]) -> MailboxChoice {
        let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        MailboxChoice { only: owned(only), batches: owned(batches) }
    }

    fn list() -> Vec<ListedMailbox> {
        vec![
            listed("ann", Some("wave-1")),
            listed("bob", Some("wave-2")),
            listed("bea", Some("wave-2")),
            listed("c*", None),
        ]
    }

    #[test]
    fn a_mailbox_fits_a_name_and_a_batch() {
        for (only, batches, keys) in [
            (&[][..], &[][..], "ann bob bea c*"),
            (&["ann"], &[], "ann"),
            (&["ANN"], &[], "ann"),
            (&["Bob@OLD"], &[], "bob"),
            (&["bob@old", "ann"], &[], "ann bob"),
            (&["b*"], &[], "bob bea"),
            (&["*@OLD"], &[], "ann bob bea c*"),
            (&["*e*@*"], &[], "bea"),
            (&["c*"], &[], "c*"),
            (&[], &["wave-2"], "bob bea"),
            (&[], &["wave-1", "wave-2"], "ann bob bea"),
            (&["*a*"], &["wave-2"], "bea"),
        ] {
            let choice = choice(only, batches);
            let meant: Vec<String> =
                list().into_iter().filter(|m| choice.includes(m)).map(|m| m.key).collect();
            assert_eq!(meant.join(" "), keys, "{choice:?}");
        }
    }

    #[test]
    fn what_fits_nothing_is_told_with_what_there_is() {
        for (only, batches, told) in [
            (&["ann", "eve"][..], &[][..], "--only eve: there is no such mailbox in the list"),
            (&[""], &[], "--only is empty; write a log-in or a pattern"),
            (&[], &[" "], "--batch is empty; write a batch of the list"),
            (&["*@new"], &[], "--only '*@new': no mailbox of the list fits this pattern"),
            (
                &[],
                &["wave1"],
                "--batch wave1: no mailbox of the list is in this batch; the nearest are `wave-1`, `wave-2`",
            ),
            (
                &[],
                &["Monday"],
                "--batch Monday: no mailbox of the list is in this batch; it has `wave-1`, `wave-2`",
            ),
            (
                &["ann"],
                &["wave-2"],
                "no mailbox of the list is named by --only and in a batch of --batch at once; leave one of the two out",
            ),
        ] {
            assert_eq!(choice(only, batches).unmet(&list()), [told]);
        }
        assert!(choice(&["ann"], &["wave-1"]).unmet(&list()).is_empty());
        assert!(choice(&[], &[]).unmet(&[]).is_empty());
        let none = choice(&[], &["wave-1"]).unmet(&[listed("ann", None)]);
        assert!(none[0].ends_with("the list has no column `batch`, or nothing in it"), "{none:?}");
    }
}
