//! `[select]`: what is left out on purpose, and in which order the rest is copied.

use jiff::civil::Date;
use toml::de::DeValue;

use super::bytes;
use crate::error::quoted;
use crate::model::{FlagSpec, FolderSpec, Order, Select, SelectDate, SizeLimit};
use crate::section::{Entry, Section};

/// The flags that begin with a backslash and that a server keeps (RFC 9051 section 2.3.2).
const SYSTEM_FLAGS: [&str; 5] = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"];

/// Few messages are as short, headers included (bytes).
const HARDLY_A_MESSAGE: u64 = 1 << 10;

/// Reads the table. A value that is wrong is reported and stands for one that is left out.
pub(super) fn read(section: &Section<'_, '_>) -> Select {
    let order = [("source", Order::Source), ("recent-first", Order::RecentFirst), ("any", Order::Any)];
    let select = Select {
        order: section.choice("order", &order).unwrap_or_default(),
        folders: section.get("folders").and_then(|entry| folders(&entry)).unwrap_or_default(),
        since: section.get("since").and_then(|entry| date(&entry)),
        before: section.get("before").and_then(|entry| date(&entry)),
        max_size: section.get("max_size").and_then(|entry| max_size(&entry)),
        flags: section.get("flags").and_then(|entry| flags(&entry)).unwrap_or_default(),
        skip_deleted: section.choice("deleted", &[("copy", false), ("skip", true)]).unwrap_or(false),
    };
    refuse_nothing(section, &select);
    warn(section, &select, jiff::Zoned::now().date());
    select
}

/// Warns of what can be meant, and hardly is: it would leave out almost everything, and nobody would know
/// why.
fn warn(section: &Section<'_, '_>, select: &Select, today: Date) {
    for flag in &select.flags {
        let meant = SYSTEM_FLAGS.iter().find(|known| known[1..].eq_ignore_ascii_case(&flag.flag));
        if let Some(meant) = meant {
            let message = format!(
                "`[select] flags` names the keyword {}, which hardly any message has; the system flag is '{}{meant}'",
                quoted(&flag.flag),
                if flag.wanted { "" } else { "!" }
            );
            section.text.warning(flag.line, message);
        }
    }
    if let Some(since) = select.since.as_ref().filter(|since| since.date > today) {
        let message = format!(
            "`[select] since` = {} is in the future: until then it leaves out everything; write an earlier day",
            since.written
        );
        section.text.warning(since.line, message);
    }
    if let Some(size) = select.max_size.as_ref().filter(|size| size.bytes < HARDLY_A_MESSAGE) {
        let message = format!(
            "`[select] max_size` = {} leaves out nearly everything, since headers alone are often longer; a size has a \
             unit, as in \"25 MiB\"",
            size.written
        );
        section.text.warning(size.line, message);
    }
}

/// Reports keys that together leave no message to copy.
fn refuse_nothing(section: &Section<'_, '_>, select: &Select) {
    if let (Some(since), Some(before), Some(entry)) = (&select.since, &select.before, section.get("before"))
        && since.date >= before.date
    {
        entry.report(
            format!("= {} leaves out everything, since `since` is {}", before.written, since.written),
            "write a later day, or leave one of the two out",
        );
    }
    // The first entry that matches decides, and what none names is copied only where all have a `!`.
    let leaves_out = |one: &FolderSpec, pattern: &str| {
        one.leaves_out && (one.pattern == "**" || one.pattern.eq_ignore_ascii_case(pattern))
    };
    let mut brings = (0..).zip(&select.folders).filter(|(_, one)| !one.leaves_out).peekable();
    let none_left = match brings.peek() {
        None => select.folders.iter().any(|one| leaves_out(one, "**")),
        Some(_) => {
            brings.all(|(n, one)| select.folders[..n].iter().any(|before| leaves_out(before, &one.pattern)))
        }
    };
    if let Some(entry) = section.get("folders").filter(|_| none_left) {
        entry.report(
            "leaves out everything: no folder is left",
            "write the folders that are to be copied, as in [\"INBOX\"], or those that are not, as in [\"!Trash/**\"]",
        );
    }
    let Some(entry) = section.get("flags") else { return };
    let same = |one: &FlagSpec, other: &FlagSpec| one.flag.eq_ignore_ascii_case(&other.flag);
    let wanted = || select.flags.iter().filter(|one| one.wanted);
    let both = wanted().find(|one| select.flags.iter().any(|other| !other.wanted && same(one, other)));
    if let Some(both) = both {
        entry.report(
            format!("leaves out everything: a message cannot have {} and not have it", quoted(&both.flag)),
            "take one of the two out",
        );
    }
    if select.skip_deleted && wanted().any(|one| one.flag.eq_ignore_ascii_case("\\Deleted")) {
        entry.report(
            "leaves out everything: it asks for `\\Deleted`, which `deleted = \"skip\"` leaves out",
            "take one of the two out",
        );
    }
}

fn folders(entry: &Entry<'_, '_>) -> Option<Vec<FolderSpec>> {
    let list =
        list(entry, "a list of folders or patterns, as in [\"INBOX\", \"Old/**\"] or [\"!Trash/**\"]")?;
    let spec = |entry: &Entry<'_, '_>| {
        let written = entry.folder()?;
        let (pattern, leaves_out) = match written.strip_prefix('!') {
            Some(rest) => (rest, true),
            // A folder whose name begins with the sign.
            None if written.starts_with("\\!") => (&written[1..], false),
            None => (written.as_str(), false),
        };
        if pattern.is_empty() {
            return entry.refuse("has a `!` and no folder behind it", "write the folder, as in \"!Trash\"");
        }
        Some(FolderSpec { pattern: pattern.to_owned(), leaves_out, line: entry.line, written })
    };
    Some(list.iter().filter_map(spec).collect())
}

fn flags(entry: &Entry<'_, '_>) -> Option<Vec<FlagSpec>> {
    let list = list(entry, "a list of flags, as in ['\\Flagged', '!$Junk']")?;
    let spec = |entry: &Entry<'_, '_>| {
        let written = entry.string()?;
        let (flag, wanted) = match written.strip_prefix('!') {
            Some(rest) => (rest, false),
            None => (written.as_str(), true),
        };
        let flag = check_flag(flag).map_err(|(cause, remedy)| entry.report(cause, remedy)).ok()?;
        Some(FlagSpec { flag, wanted, line: entry.line })
    };
    Some(list.iter().filter_map(spec).collect())
}

/// Returns the flag as servers write it; else what is wrong, and what to write instead.
fn check_flag(flag: &str) -> Result<String, (String, String)> {
    if flag.eq_ignore_ascii_case("\\Recent") {
        return Err((
            "names `\\Recent`, which says what a connection has seen, and nothing of a message".into(),
            "take it out; `since` is the key for new mail".into(),
        ));
    }
    if flag.starts_with('\\') {
        let known = SYSTEM_FLAGS.iter().find(|known| known.eq_ignore_ascii_case(flag));
        return known.map(|known| (*known).to_owned()).ok_or_else(|| {
            let names = SYSTEM_FLAGS.map(|name| format!("'{name}'")).join(", ");
            (format!("names {}, which is no system flag", quoted(flag)), format!("write one of {names}"))
        });
    }
    // RFC 9051 section 9: flag-keyword is an atom.
    let of_atom = |c: char| c.is_ascii_graphic() && !"(){%*\"\\]".contains(c);
    if flag.is_empty() || !flag.chars().all(of_atom) {
        return Err((
            format!("names {}, which is no flag of IMAP", quoted(flag)),
            "write a flag as servers tell it, as in '\\Seen' or \"$Junk\"; `!` in front leaves out what has it"
                .into(),
        ));
    }
    Ok(flag.to_owned())
}

/// Reads a list that is not empty.
fn list<'s, 't>(entry: &Entry<'s, 't>, form: &str) -> Option<Vec<Entry<'s, 't>>> {
    let list = entry.list(form)?;
    if list.is_empty() {
        return entry.refuse("is an empty list", format!("write {form}, or leave the key out"));
    }
    Some(list)
}

fn max_size(entry: &Entry<'_, '_>) -> Option<SizeLimit> {
    let (bytes, written) = bytes(entry)?;
    if bytes == 0 {
        return entry.refuse("leaves out everything", "write a size above zero, or leave it out");
    }
    Some(SizeLimit { bytes, written, line: entry.line })
}

fn date(entry: &Entry<'_, '_>) -> Option<SelectDate> {
    const FORM: &str = "a date without quotes and without a time, as in 2019-01-01";
    let DeValue::Datetime(datetime) = entry.value.get_ref() else { return entry.wrong_type(FORM) };
    let (Some(date), None, None) = (datetime.date, datetime.time, datetime.offset) else {
        return entry.wrong_type(FORM);
    };
    let parts = (i16::try_from(date.year), i8::try_from(date.month), i8::try_from(date.day));
    let (Ok(year), Ok(month), Ok(day)) = parts else { return entry.wrong_type(FORM) };
    match Date::new(year, month, day) {
        Ok(date) => Some(SelectDate {
            date,
            written: entry.text.written(entry.value.span()).to_owned(),
            line: entry.line,
        }),
        Err(_) => entry.refuse("is no day of the calendar", format!("write {FORM}")),
    }
}
