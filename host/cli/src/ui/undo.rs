//! `undo`: what would be taken back, and what was.

use mailhaul_engine::event::MailboxEnd;
use mailhaul_engine::undo::{UndoExceptionCode, UndoSummary};
use mailhaul_text::{count, escape, plural};

use super::paint::{Palette, Tone};
use super::plain::end_words;
use super::sum::{push_wrapped, uid};
use super::table::{Align, Table};

/// What an undo would do in one mailbox, or did.
#[derive(Debug)]
pub(crate) struct Page {
    pub mailbox: String,
    /// One for each target folder.
    pub folders: Vec<UndoSummary>,
    /// `None` in a plan, and before the mailbox has ended.
    pub end: Option<MailboxEnd>,
}

/// Counts the messages this project put on the target.
pub(crate) fn copies(pages: &[Page]) -> u64 {
    pages.iter().flat_map(|page| &page.folders).map(|folder| folder.copies).sum()
}

/// Counts the messages that were on their way when a run broke off: the target tells later whether they
/// arrived.
fn in_doubt(pages: &[Page]) -> u64 {
    pages.iter().flat_map(|page| &page.folders).map(|folder| folder.in_doubt).sum()
}

pub(crate) fn is_empty(pages: &[Page]) -> bool {
    copies(pages) == 0 && in_doubt(pages) == 0
}

/// Returns how much would be removed, as the object of a sentence.
pub(crate) fn amount(pages: &[Page]) -> String {
    match (copies(pages), in_doubt(pages)) {
        (copies, 0) => plural(copies, "message"),
        (0, doubtful) => format!("whatever arrived of {}", plural(doubtful, "message")),
        (copies, more) => {
            format!("{}, and whatever arrived of {} more,", plural(copies, "message"), count(more))
        }
    }
}

/// Returns what would be removed and what would stay, by the ledger.
pub(crate) fn plan(pages: &[Page], width: Option<usize>, palette: Palette) -> String {
    let mut out = String::new();
    for page in pages.iter().filter(|page| page.folders.iter().any(|f| f.copies > 0 || f.in_doubt > 0)) {
        out.push_str(&format!("{}\n", palette.paint(Tone::Strong, &escape(&page.mailbox))));
        let columns = [
            ("Target folder", Align::Left),
            ("Copied there", Align::Right),
            ("Found there, stays", Align::Right),
        ];
        let mut table = Table::new(2, &columns);
        for folder in &page.folders {
            table.push_row([
                (&folder.folder, None),
                (&count(folder.copies), None),
                (&count(folder.found), Some(Tone::Faint)),
            ]);
        }
        out.push_str(&table.render(width, palette));
        let doubtful: Vec<String> = page
            .folders
            .iter()
            .filter(|folder| folder.in_doubt > 0)
            .map(|folder| format!("{} to `{}`", count(folder.in_doubt), escape(&folder.folder)))
            .collect();
        if !doubtful.is_empty() {
            let line = format!(
                "on their way when a run broke off: {}; whether they arrived is looked up first",
                doubtful.join(", ")
            );
            push_wrapped(&mut out, 2, &line, width);
        }
    }
    if is_empty(pages) {
        out.push_str("nothing to take back: no message on the target is known to be of this project\n");
    } else {
        let sentence = format!(
            "{} would be removed from the target, each only if it is still where it was put and still the same; \
             whatever came otherwise stays",
            amount(pages)
        );
        push_wrapped(&mut out, 0, &sentence, width);
    }
    out
}

/// Returns what was removed, and what was not and why.
pub(crate) fn done(pages: &[Page], width: Option<usize>, palette: Palette) -> String {
    let mut out = String::new();
    for page in pages {
        let sum = |f: fn(&UndoSummary) -> u64| page.folders.iter().map(f).sum::<u64>();
        let (removed, gone, left) = (sum(|f| f.removed), sum(|f| f.gone), sum(|f| f.left));
        let tone = match &page.end {
            Some(MailboxEnd::Complete) => Tone::Good,
            Some(MailboxEnd::Interrupted) => Tone::Warn,
            _ => Tone::Bad,
        };
        let end = page.end.as_ref().map_or_else(String::new, end_words);
        out.push_str(&format!(
            "{}: {}\n",
            palette.paint(Tone::Strong, &escape(&page.mailbox)),
            palette.paint(tone, &end)
        ));
        push_wrapped(&mut out, 2, &format!("{} removed", plural(removed, "message")), width);
        if gone > 0 {
            let line = format!("{} not there any more: moved or deleted on the target since", count(gone));
            push_wrapped(&mut out, 2, &line, width);
        }
        if left > 0 {
            push_wrapped(&mut out, 2, &format!("{} left on the target:", count(left)), width);
        }
        push_not_undone(&mut out, page, width);
        if page.folders.iter().any(|folder| folder.quarantined && folder.removed > 0) {
            let line = "the target cannot remove single messages (no UIDPLUS): they were moved to \
                        `mailhaul-removed`, or copied there and marked \\Deleted where they were";
            push_wrapped(&mut out, 2, line, width);
        }
        let empty: Vec<String> = page
            .folders
            .iter()
            .filter(|folder| folder.empty)
            .map(|folder| format!("`{}`", escape(&folder.folder)))
            .collect();
        if !empty.is_empty() {
            let line = format!("empty now, and left in place: {}", empty.join(", "));
            push_wrapped(&mut out, 2, &line, width);
        }
    }
    let removed: u64 = pages.iter().flat_map(|page| &page.folders).map(|f| f.removed).sum();
    out.push_str(&format!("removed now: {}\n", plural(removed, "message")));
    out
}

/// Copies not taken back that are listed for each mailbox: those that were left first, then those that are
/// gone.
const MAX_LISTED: usize = 20;

/// Names what was not taken back, message by message.
fn push_not_undone(out: &mut String, page: &Page, width: Option<usize>) {
    let of = |gone: bool| {
        let all =
            page.folders.iter().flat_map(|folder| folder.not_undone.iter().map(move |one| (folder, one)));
        all.filter(move |(_, one)| (one.code == UndoExceptionCode::Gone) == gone)
    };
    let all: Vec<_> = of(false).chain(of(true)).collect();
    for (folder, one) in all.iter().take(MAX_LISTED) {
        let line = format!(
            "{}{} (target uid {} in `{}`): {}",
            escape(&one.source),
            uid(one.uid),
            one.target_uid,
            escape(&folder.folder),
            escape(&one.reason)
        );
        push_wrapped(out, 4, &line, width);
    }
    if all.len() > MAX_LISTED {
        let more = count((all.len() - MAX_LISTED) as u64);
        out.push_str(&format!("    … and {more} more: `--format json` lists up to a thousand of a folder\n"));
    }
}

/// Returns what to do about copies that were left, if anything: what was altered since stays, however often
/// `undo` is repeated.
pub(crate) fn advice(pages: &[Page]) -> &'static str {
    let mut ended = pages.iter().filter_map(|page| page.end.as_ref());
    let stopped = ended.any(|end| matches!(end, MailboxEnd::Stopped(_) | MailboxEnd::Interrupted));
    let mut left = pages.iter().flat_map(|page| &page.folders).flat_map(|folder| &folder.not_undone);
    if stopped || left.any(|one| one.code.may_pass()) {
        "`mailhaul undo` can be repeated: it takes up what is left"
    } else {
        "what is listed as left stays, also when `mailhaul undo` is repeated: look at it in the new mailbox"
    }
}

#[cfg(test)]
mod tests {
    use mailhaul_engine::undo::UndoException;

    use super::*;

    fn pages() -> Vec<Page> {
        let inbox = UndoSummary { folder: "INBOX".into(), copies: 1200, found: 20, ..UndoSummary::default() };
        let sent = UndoSummary { folder: "Sent Items".into(), copies: 3, ..UndoSummary::default() };
        vec![Page { mailbox: "anna@old.example".into(), folders: vec![inbox, sent], end: None }]
    }

    #[test]
    fn the_plan_tells_what_goes_and_what_stays() {
        insta::assert_snapshot!(plan(&pages(), Some(80), Palette::default()), @"
        anna@old.example
          Target folder  Copied there  Found there, stays
          INBOX                 1,200                  20
          Sent Items                3                   0
        1,203 messages would be removed from the target, each only if it is still where
          it was put and still the same; whatever came otherwise stays
        ");
        let mut pages = pages();
        pages[0].folders[1].in_doubt = 60;
        insta::assert_snapshot!(plan(&pages, Some(80), Palette::default()), @"
        anna@old.example
          Target folder  Copied there  Found there, stays
          INBOX                 1,200                  20
          Sent Items                3                   0
          on their way when a run broke off: 60 to `Sent Items`; whether they arrived is
            looked up first
        1,203 messages, and whatever arrived of 60 more, would be removed from the
          target, each only if it is still where it was put and still the same; whatever
          came otherwise stays
        ");
        insta::assert_snapshot!(plan(&[], Some(80), Palette::default()), @"nothing to take back: no message on the target is known to be of this project");
    }

    #[test]
    fn the_end_tells_what_was_left_and_why() {
        let mut pages = pages();
        pages[0].end = Some(MailboxEnd::NotAllWell);
        pages[0].folders[0].removed = 1190;
        pages[0].folders[0].gone = 9;
        pages[0].folders[0].left = 1;
        let not_undone = |uid, code, reason: &str| UndoException {
            source: "INBOX".into(),
            uid,
            target_uid: uid + 10,
            code,
            reason: reason.into(),
        };
        pages[0].folders[0].not_undone = vec![
            not_undone(4, UndoExceptionCode::Gone, "it is not there any more"),
            not_undone(7, UndoExceptionCode::Altered, "it is no longer what was copied there"),
        ];
        pages[0].folders[1].removed = 3;
        pages[0].folders[1].empty = true;
        insta::assert_snapshot!(done(&pages, Some(80), Palette::default()), @"
        anna@old.example: not all well
          1,193 messages removed
          9 not there any more: moved or deleted on the target since
          1 left on the target:
            INBOX uid 7 (target uid 17 in `INBOX`): it is no longer what was copied
              there
            INBOX uid 4 (target uid 14 in `INBOX`): it is not there any more
          empty now, and left in place: `Sent Items`
        removed now: 1,193 messages
        ");
        assert!(advice(&pages).contains("stays, also when"));
        let unread = not_undone(8, UndoExceptionCode::Unreadable, "NO Not now");
        pages[0].folders[0].not_undone.push(unread);
        assert!(advice(&pages).contains("can be repeated"));
    }
}
