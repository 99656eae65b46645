//! What differs between a source message and its copy. Pure.

use std::collections::{HashMap, HashSet};

use mailhaul_imap::Flags;

use crate::message::content::Content;
use crate::message::list::Listed;
use crate::plugin::Depth;
use crate::state::ledger::{Outcome, Row};
use crate::summary::{Difference, DifferenceKind};

/// What two message lists say.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// Differences that the lists alone show: pending messages, flags, keywords, dates.
    pub differences: Vec<Difference>,
    /// Recorded as delivered, not in the target's list.
    pub missing: Vec<Row>,
    /// (source UID, target UID) of what is on both sides.
    pub pairs: Vec<(u32, u32)>,
}

/// Compares the lists of a folder by way of the ledger.
#[must_use]
pub(crate) fn compare_lists(
    folder: &str,
    source: &[Listed],
    rows: &HashMap<u32, Row>,
    there: &HashMap<u32, &Listed>,
) -> Compared {
    let mut out = Compared::default();
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
            let detail = "not copied yet; `mailhaul run` copies it".to_owned();
            out.differences.push(difference(message.uid, None, DifferenceKind::Missing, None, detail));
            continue;
        };
        if !matches!(row.outcome, Outcome::Copied | Outcome::AlreadyPresent) {
            continue; // Left out or failed: the report lists it with its reason.
        }
        let Some(copy) = row.target_uid.and_then(|uid| there.get(&uid)) else {
            out.missing.push(row.clone());
            continue;
        };
        if !stands_for_one.insert(copy.uid) {
            let detail = format!("message {} of the target is the copy of another message", copy.uid);
            out.differences.push(difference(message.uid, None, DifferenceKind::Missing, None, detail));
            continue;
        }
        out.pairs.push((message.uid, copy.uid));
        let delivered = row.flags.as_deref().map(Flags::parse);
        for (kind, now, target, then) in [
            (
                DifferenceKind::Flags,
                system(&message.flags),
                system(&copy.flags),
                delivered.as_ref().map(system),
            ),
            (
                DifferenceKind::Keywords,
                keywords(&message.flags),
                keywords(&copy.flags),
                delivered.as_ref().map(keywords),
            ),
        ] {
            if now != target {
                // What was delivered is what the source still says: the target's user changed it.
                let by = (then.as_ref() == Some(&now)).then_some("changed-on-target");
                let detail =
                    format!("`{}` on the source, `{}` on the target", now.join(" "), target.join(" "));
                out.differences.push(difference(message.uid, Some(copy.uid), kind, by, detail));
            }
        }
        if let (Some(a), Some(b)) = (&message.date, &copy.date)
            && a.unix_seconds != b.unix_seconds
        {
            let detail = format!("{a} on the source, {b} on the target");
            out.differences.push(difference(message.uid, Some(copy.uid), DifferenceKind::Date, None, detail));
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::ledger::Outcome;

    /// A ledger of before that was looked at may have one copy for two messages.
    #[test]
    fn one_copy_does_not_stand_for_two_messages() {
        let row = |uid| Row {
            uid,
            outcome: Outcome::Copied,
            size: 1,
            digest: None,
            body_digest: None,
            place: None,
            target_uid: Some(7),
            flags: None,
            proven: true,
            attempts: 0,
            code: None,
        };
        let source = [Listed::bare(1, 1), Listed::bare(2, 1)];
        let rows = HashMap::from([(1, row(1)), (2, row(2))]);
        let copy = Listed::bare(7, 1);
        let compared = compare_lists("INBOX", &source, &rows, &HashMap::from([(7, &copy)]));
        assert_eq!(compared.pairs, [(1, 7)]);
        let [second] = &compared.differences[..] else { panic!("{:?}", compared.differences) };
        assert_eq!((second.uid, second.kind), (2, DifferenceKind::Missing));
    }
}
