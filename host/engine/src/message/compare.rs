//! What differs between a source message and its copy. Pure.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::{Flags, InternalDate};

use crate::message::content::Content;
use crate::message::list::ListedMessage;
use crate::plugin::Depth;
use crate::state::ledger::{Outcome, Row, Rows};
use crate::summary::{Difference, DifferenceKind};

/// What the lists of both sides say of the messages that the ledger knows.
#[derive(Debug, Default)]
pub(crate) struct ListComparison {
    /// Differences that the lists alone show: messages that are not copied yet, flags, keywords, dates.
    pub differences: Vec<Difference>,
    /// Recorded as delivered, not in the target's list.
    pub missing: Vec<Row>,
    /// (source UID, target UID) of what is on both sides.
    pub pairs: Vec<(u32, u32)>,
    /// Of these, those whose copies are not as much longer as most are: by source UID.
    pub resized: HashSet<u32>,
}

/// Compares the lists of a folder by way of the ledger. Of messages that were `dated` by a rule, which is
/// told elsewhere, the date is another one, and of those that were copied `unmarked` the keywords.
#[must_use]
pub(crate) fn compare_lists(
    folder: &str,
    source: &[ListedMessage],
    rows: &Rows,
    there: &HashMap<u32, &ListedMessage>,
    dated: &HashSet<u32>,
    unmarked: &HashSet<u32>,
) -> ListComparison {
    let mut out = ListComparison::default();
    let mut longer_by: Vec<(u32, i64)> = Vec::new();
    // A ledger of earlier days may have believed a target that said the same of two.
    let mut stands_for_one = HashSet::new();
    let difference = |uid, target_uid, kind, by: Option<&str>, detail: String| Difference {
        folder: folder.to_owned(),
        uid,
        target_uid,
        kind,
        by: by.map(str::to_owned),
        detail,
        note: false,
    };
    for message in source {
        let Some(row) = rows.get(&message.uid) else {
            let detail = Difference::NOT_COPIED_YET.to_owned();
            out.differences.push(difference(message.uid, None, DifferenceKind::Missing, None, detail));
            continue;
        };
        if !matches!(row.outcome, Outcome::Copied | Outcome::AlreadyPresent) {
            continue; // Left out or failed: the report lists it with its reason.
        }
        let Some(copy) = row.target_uid().and_then(|uid| there.get(&uid)) else {
            out.missing.push(row.clone());
            continue;
        };
        if !stands_for_one.insert(copy.uid) {
            let detail = format!("message {} of the target is the copy of another message", copy.uid);
            out.differences.push(difference(message.uid, None, DifferenceKind::Missing, None, detail));
            continue;
        }
        out.pairs.push((message.uid, copy.uid));
        // Some sources only estimate; what came was counted.
        let size = if row.was_read() { row.size } else { message.size() };
        if size > 0 && copy.size() > 0 {
            longer_by.push((message.uid, copy.size() as i64 - size as i64));
        }
        let delivered = row.flags();
        for (kind, now, target, then) in [
            (DifferenceKind::Flags, system(&message.flags), system(&copy.flags), delivered.map(system)),
            (
                DifferenceKind::Keywords,
                keywords(&message.flags),
                keywords(&copy.flags),
                delivered.map(keywords),
            ),
        ] {
            if now != target && !(kind == DifferenceKind::Keywords && unmarked.contains(&message.uid)) {
                // What was delivered is what the source still says: the target's user changed it.
                let by = (then.as_ref() == Some(&now)).then_some(Difference::CHANGED_ON_TARGET);
                let mut detail =
                    format!("`{}` on the source, `{}` on the target", now.join(" "), target.join(" "));
                // The target had it before anything was copied: its flags are its owner's.
                let present = row.outcome == Outcome::AlreadyPresent;
                let by = if present { Some(Difference::ALREADY_PRESENT) } else { by };
                if present {
                    detail.push_str(", where it was before and keeps its own");
                }
                let differs = difference(message.uid, Some(copy.uid), kind, by, detail);
                out.differences.push(Difference { note: present, ..differs });
            }
        }
        if let (Some(a), Some(b)) = (message.date(), copy.date())
            && a != b
            && !dated.contains(&message.uid)
        {
            let (a, b) = (InternalDate::in_utc(a), InternalDate::in_utc(b));
            let detail = format!("{a} on the source, {b} on the target");
            out.differences.push(difference(message.uid, Some(copy.uid), DifferenceKind::Date, None, detail));
        }
    }
    let usual = most_common(longer_by.iter().map(|(_, by)| *by));
    out.resized = longer_by.into_iter().filter(|(_, by)| *by != usual).map(|(uid, _)| uid).collect();
    out
}

fn system(flags: &Flags) -> Vec<String> {
    sorted(flags.iter().filter(|f| f.starts_with('\\') && !f.eq_ignore_ascii_case("\\Recent")))
}

fn keywords(flags: &Flags) -> Vec<String> {
    sorted(flags.keywords())
}

fn sorted<'a>(flags: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut list: Vec<String> = flags.map(str::to_ascii_lowercase).collect();
    list.sort();
    list
}

/// What differs between the contents of a message and its copy, as deep as both were read.
#[must_use]
pub(crate) fn compare_contents(source: &Content, target: &Content, depth: Depth) -> Vec<DifferenceKind> {
    if source.exact == target.exact {
        return Vec::new();
    }
    let mut kinds = Vec::new();
    if source.header != target.header {
        if source.header_lines == target.header_lines {
            kinds.push(DifferenceKind::AlteredNewlines);
        } else {
            kinds.push(DifferenceKind::AlteredHeaders);
        }
    }
    if depth == Depth::Full {
        if source.body != target.body {
            kinds.push(DifferenceKind::AlteredBody);
        } else if kinds.is_empty() {
            kinds.push(DifferenceKind::AlteredNewlines);
        }
    }
    kinds
}

/// By how much most messages are longer; 0 where no number is that of more than half of them.
#[must_use]
pub(crate) fn most_common(all: impl Iterator<Item = i64>) -> i64 {
    let mut counts: HashMap<i64, usize> = HashMap::new();
    let mut messages = 0;
    for one in all {
        *counts.entry(one).or_default() += 1;
        messages += 1;
    }
    counts.into_iter().find(|(_, count)| count * 2 > messages).map_or(0, |(by, _)| by)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::ledger::Row;

    /// A ledger of before that was looked at may have one copy for two messages.
    #[test]
    fn one_copy_does_not_stand_for_two_messages() {
        let source = [ListedMessage::bare(1, 1), ListedMessage::bare(2, 1)];
        let rows = [Row::copied(1, 7), Row::copied(2, 7)].into_iter().collect();
        let (copy, none) = (ListedMessage::bare(7, 1), HashSet::new());
        let compared = compare_lists("INBOX", &source, &rows, &HashMap::from([(7, &copy)]), &none, &none);
        assert_eq!(compared.pairs, [(1, 7)]);
        let [second] = &compared.differences[..] else { panic!("{:?}", compared.differences) };
        assert_eq!((second.uid, second.kind), (2, DifferenceKind::Missing));
    }

    #[test]
    fn usual_is_what_most_have() {
        assert_eq!(most_common([16, 16, 0, 16].into_iter()), 16);
        assert_eq!(most_common([16, 16, 0, 3].into_iter()), 0, "half is not most");
        assert_eq!(most_common([].into_iter()), 0);
    }
}
