//! What is said of several mailboxes in the same words, said once: a host that refuses everybody for one
//! reason is one fault, and a page of it hides every other.

use std::collections::HashMap;

use mailhaul_text::{escape, plural};

/// Mailboxes that are named; where nothing wraps all are, so that `grep` finds each.
const NAMED: usize = 3;

/// Sentences, each with the mailboxes it is about.
#[derive(Debug, Default)]
pub(crate) struct Alike<'a>(HashMap<String, Vec<&'a str>>);

/// How a sentence about a mailbox is to be said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Saying<'a> {
    /// With its mailbox: it is about no other.
    Alone,
    /// With all these mailboxes, now.
    Together(Vec<&'a str>),
    /// Not again: it was said together with the others.
    Said,
}

impl<'a> Alike<'a> {
    /// Collects sentences, each with its mailbox.
    pub(crate) fn of(sentences: impl Iterator<Item = (&'a str, String)>) -> Self {
        let mut all = Self::default();
        for (mailbox, sentence) in sentences {
            all.0.entry(sentence).or_default().push(mailbox);
        }
        all
    }

    /// Returns how a sentence is to be said, the first time and from then on.
    pub(crate) fn say(&mut self, sentence: &str) -> Saying<'a> {
        let Some(mailboxes) = self.0.get_mut(sentence) else { return Saying::Alone };
        match std::mem::take(mailboxes) {
            none if none.is_empty() => Saying::Said,
            one if one.len() == 1 => Saying::Alone,
            several => Saying::Together(several),
        }
    }
}

/// Returns e.g. `concerns 12 mailboxes: anna, bob, carl and 9 more`; escaped. All are named where nothing
/// wraps.
pub(crate) fn concerns(mailboxes: &[&str], width: Option<usize>) -> String {
    let named = if width.is_some() { NAMED } else { mailboxes.len() };
    let names: Vec<_> = mailboxes.iter().take(named).map(|mailbox| escape(mailbox)).collect();
    let more = match mailboxes.len().saturating_sub(named) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("concerns {}: {}{more}", plural(mailboxes.len() as u64, "mailbox"), names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_several_is_said_once() {
        let said = [("a", "refused"), ("b", "quota"), ("c", "refused")];
        let mut alike = Alike::of(said.iter().map(|(mailbox, words)| (*mailbox, (*words).to_owned())));
        assert_eq!(alike.say("refused"), Saying::Together(vec!["a", "c"]));
        assert_eq!(alike.say("quota"), Saying::Alone);
        assert_eq!(alike.say("refused"), Saying::Said);
        assert_eq!(alike.say("complete"), Saying::Alone);
    }

    #[test]
    fn many_mailboxes_are_counted_and_some_are_named() {
        let all = ["a", "b\x1b", "c", "d", "e"];
        assert_eq!(concerns(&all[..3], Some(80)), r"concerns 3 mailboxes: a, b\x1b, c");
        assert_eq!(concerns(&all, Some(80)), r"concerns 5 mailboxes: a, b\x1b, c and 2 more");
        assert_eq!(concerns(&all, None), r"concerns 5 mailboxes: a, b\x1b, c, d, e");
    }
}
