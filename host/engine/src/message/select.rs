//! The operator's selection: messages that are left out. Pure.

use crate::job::Selection;
use crate::message::list::ListedMessage;

/// Whether a message's list entry has to be known to tell whether it is left out.
#[must_use]
pub(crate) fn needs_list(select: &Selection) -> bool {
    let Selection { folders: _, since, before, max_size, flags, skip_deleted, order: _ } = select;
    since.is_some() || before.is_some() || max_size.is_some() || !flags.is_empty() || *skip_deleted
}

/// The operator's rule that leaves a message out, in words; the first one that does.
#[must_use]
pub(crate) fn left_out(select: &Selection, message: &ListedMessage) -> Option<String> {
    if let Some((since, written)) = &select.since
        && message.date().is_some_and(|date| date < *since)
    {
        return Some(format!("older than [select] since = {written}"));
    }
    if let Some((before, written)) = &select.before
        && message.date().is_some_and(|date| date >= *before)
    {
        return Some(format!("not older than [select] before = {written}"));
    }
    if let Some((limit, written)) = &select.max_size
        && message.size() > *limit
    {
        return Some(format!("larger than [select] max_size = {written}"));
    }
    if select.skip_deleted && message.is_deleted() {
        return Some("flagged \\Deleted, and [select] deleted = \"skip\"".to_owned());
    }
    let failed = select.flags.iter().find(|test| message.flags.contains(&test.flag) != test.wanted)?;
    Some(match failed.wanted {
        true => format!("not flagged {0}, and [select] flags has \"{0}\"", failed.flag),
        false => format!("flagged {0}, and [select] flags has \"!{0}\"", failed.flag),
    })
}

#[cfg(test)]
mod tests {
    use mailhaul_imap::Flags;

    use super::*;
    use crate::job::FlagTest;
    use crate::state::ledger::Figures;

    fn message(size: u64, date: Option<i64>, flags: &str) -> ListedMessage {
        ListedMessage::new(1, Figures { size, date }, Flags::parse(flags))
    }

    fn flag(flag: &str, wanted: bool) -> FlagTest {
        FlagTest { flag: flag.into(), wanted }
    }

    #[test]
    fn the_first_rule_that_leaves_a_message_out_is_named() {
        let all = Selection {
            since: Some((100, "A".into())),
            before: Some((200, "B".into())),
            max_size: Some((10, "10".into())),
            flags: vec![flag("\\Flagged", true), flag("$Junk", false)],
            skip_deleted: true,
            ..Selection::default()
        };
        for (size, date, flags, said) in [
            (10, Some(100), "\\Flagged", None),
            (10, Some(199), "\\flagged $other", None),
            // Nobody knows how old it is.
            (10, None, "\\Flagged", None),
            (10, Some(99), "", Some("older than [select] since = A")),
            (10, Some(200), "\\Flagged", Some("not older than [select] before = B")),
            (11, Some(150), "\\Flagged", Some("larger than [select] max_size = 10")),
            (1, None, "\\Flagged \\Deleted", Some("flagged \\Deleted, and [select] deleted = \"skip\"")),
            (1, None, "", Some("not flagged \\Flagged, and [select] flags has \"\\Flagged\"")),
            (1, None, "\\Flagged $JUNK", Some("flagged $Junk, and [select] flags has \"!$Junk\"")),
        ] {
            let message = message(size, date, flags);
            assert_eq!(left_out(&all, &message).as_deref(), said, "{message:?}");
            assert_eq!(left_out(&Selection::default(), &message), None);
        }
    }

    #[test]
    fn a_list_is_needed_for_what_a_status_does_not_tell() {
        let since = Selection { since: Some((0, String::new())), ..Selection::default() };
        let before = Selection { before: Some((0, String::new())), ..Selection::default() };
        let size = Selection { max_size: Some((1, String::new())), ..Selection::default() };
        let flags = Selection { flags: vec![flag("\\Seen", true)], ..Selection::default() };
        let deleted = Selection { skip_deleted: true, ..Selection::default() };
        for (n, select) in [since, before, size, flags, deleted].iter().enumerate() {
            assert!(needs_list(select), "{n}");
        }
        assert!(!needs_list(&Selection::default()));
    }
}
