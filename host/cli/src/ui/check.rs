//! `check`: one line per mailbox when both ends are well, one per side that is not.

use mailhaul_app::Outcome;
use mailhaul_engine::event::{CheckRow, MailboxEnd};
use mailhaul_engine::summary::ProfileSummary;
use mailhaul_text::{escape, plural};

use super::paint::{Palette, Tone};
use super::sum::push_wrapped;
use super::table::wrap;

/// Returns the lines of one mailbox. `rows` are its own; `end` tells of what no row does.
pub(crate) fn mailbox(
    mailbox: &str,
    rows: &[&CheckRow],
    end: &MailboxEnd,
    width: Option<usize>,
    palette: Palette,
) -> String {
    let mut out = String::new();
    let bad: Vec<_> = rows.iter().filter_map(|row| Some((row, row.cause?))).collect();
    for (row, cause) in &bad {
        let mut text = format!("{}  {}: {cause}", escape(mailbox), row.side.as_str());
        if !row.detail.is_empty() {
            text.push_str(&format!(": {}", escape(&row.detail)));
        }
        push_line(&mut out, false, &text, width, palette);
        push_remedy(&mut out, &row.remedy, width, palette);
    }
    if bad.is_empty() {
        match end {
            MailboxEnd::Stopped(_) | MailboxEnd::NotAllWell => {
                let text = format!("{}  {}", escape(mailbox), super::plain::end_words(end));
                push_line(&mut out, false, &text, width, palette);
            }
            MailboxEnd::Interrupted => {}
            MailboxEnd::Complete => {
                let details: Vec<_> = rows
                    .iter()
                    .filter(|row| !row.detail.is_empty())
                    .map(|row| format!("{}: {}{}", row.side.as_str(), escape(&row.detail), profile_of(row)))
                    .collect();
                let text = format!("{}  {}", escape(mailbox), details.join("; "));
                push_line(&mut out, true, text.trim_end(), width, palette);
            }
        }
    }
    out
}

/// Returns e.g. `; profile: Dovecot (server-profiles 0.1.0)`; nothing where no profile fits.
fn profile_of(row: &CheckRow) -> String {
    let Some(profile) = &row.profile else { return String::new() };
    format!("; profile: {} ({})", escape(&profile.name), escape(&profile.plugin))
}

/// Returns what server profiles say, once for each server and side however many mailboxes it has.
pub(crate) fn profiles(rows: &[CheckRow], width: Option<usize>, palette: Palette) -> String {
    let mut seen = Vec::new();
    let mut out = String::new();
    for profile in rows.iter().filter_map(|row| row.profile.as_ref()) {
        if !seen.contains(&profile) {
            seen.push(profile);
            push_profile(&mut out, profile, width, palette);
        }
    }
    out
}

/// Adds what a server profile says: who, why, what follows, what to know.
pub(crate) fn push_profile(
    out: &mut String,
    profile: &ProfileSummary,
    width: Option<usize>,
    palette: Palette,
) {
    let (side, host, name) = (profile.side.as_str(), escape(&profile.host), escape(&profile.name));
    let (plugin, why) = (escape(&profile.plugin), escape(&profile.why));
    let mut text = format!("profile: {side} {host}: {name} ({plugin}): {why}");
    for effect in &profile.effects {
        text.push_str(&format!("; {}", escape(effect)));
    }
    let mut lines = String::new();
    push_wrapped(&mut lines, 2, &text, width);
    for note in &profile.notes {
        push_wrapped(&mut lines, 4, &format!("note: {}", escape(note)), width);
    }
    out.push_str(&lines.replacen("profile:", &palette.paint(Tone::Accent, "profile:"), 1));
}

fn push_line(out: &mut String, well: bool, text: &str, width: Option<usize>, palette: Palette) {
    let (mark, tone) = if well { ("ok  ", Tone::Good) } else { ("FAIL", Tone::Bad) };
    let room = width.map_or(usize::MAX, |w| w.saturating_sub(6).max(20));
    for (at, line) in wrap(text, room).iter().enumerate() {
        let start = if at == 0 { palette.paint(tone, mark) } else { "    ".to_owned() };
        out.push_str(&format!("{start}  {line}\n"));
    }
}

/// Adds the remedy: on a terminal below, in a pipe on the same line, where `grep` finds both.
fn push_remedy(out: &mut String, remedy: &str, width: Option<usize>, palette: Palette) {
    if remedy.is_empty() {
        return;
    }
    let label = palette.paint(Tone::Accent, "hint:");
    if width.is_none() {
        out.truncate(out.trim_end_matches('\n').len());
        out.push_str(&format!(" ({label} {})\n", escape(remedy)));
        return;
    }
    let mut lines = String::new();
    push_wrapped(&mut lines, 6, &format!("hint: {}", escape(remedy)), width);
    out.push_str(&lines.replacen("hint:", &label, 1));
}

/// Returns the last line: how many mailboxes are ready on both ends, and how many are not.
pub(crate) fn total(outcome: &Outcome) -> String {
    let all = outcome.finish.mailboxes.len() as u64;
    let ready = outcome.finish.mailboxes.iter().filter(|(mailbox, end)| {
        *end == MailboxEnd::Complete
            && !outcome.checks.iter().any(|row| row.mailbox == *mailbox && row.cause.is_some())
    });
    let ready = ready.count() as u64;
    if ready == all {
        format!("{} ready\n", plural(all, "mailbox"))
    } else {
        format!("{}: {ready} ready, {} not\n", plural(all, "mailbox"), all - ready)
    }
}

#[cfg(test)]
mod tests {
    use mailhaul_engine::cause::Cause;
    use mailhaul_engine::summary::Side;

    use super::*;

    fn row(side: Side, cause: Option<Cause>, detail: &str, remedy: &str) -> CheckRow {
        CheckRow {
            mailbox: "anna@old.example".into(),
            side,
            cause,
            remedy: remedy.into(),
            detail: detail.into(),
            profile: None,
        }
    }

    fn dovecot() -> ProfileSummary {
        ProfileSummary {
            side: Side::Target,
            host: "mail.new.example".into(),
            provider: "dovecot".into(),
            name: "Dovecot 2.3.21".into(),
            plugin: "server-profiles 0.1.0".into(),
            why: "its ID says \u{1b}dovecot".into(),
            effects: vec!["at most 10 connections for one mailbox".into(), "without MULTIAPPEND".into()],
            notes: vec!["what to know about it".into()],
        }
    }

    #[test]
    fn a_well_mailbox_is_one_line_and_a_sick_one_tells_cause_and_remedy() {
        let well = [
            row(Side::Source, None, "1,204 messages in 14 folders, 34.0 MiB", ""),
            row(Side::Target, None, "empty, 12 % of 2.0 GiB used", ""),
        ];
        let sick = [
            row(Side::Source, None, "", ""),
            row(
                Side::Target,
                Some(Cause::AuthRefused),
                "the server said `NO [AUTHENTICATIONFAILED] \x1b[31mno`",
                "check the password in `mailboxes.csv:3`",
            ),
        ];
        let mut well = well;
        well[1].profile = Some(dovecot());
        let mut out = String::new();
        for width in [Some(80), None] {
            for rows in [&well, &sick] {
                let rows: Vec<_> = rows.iter().collect();
                out += &mailbox("anna@old.example", &rows, &MailboxEnd::Complete, width, Palette::default());
            }
            out += &profiles(&well, width, Palette::default());
            out += "\n";
        }
        insta::assert_snapshot!(out, @r"
        ok    anna@old.example  source: 1,204 messages in 14 folders, 34.0 MiB; target:
              empty, 12 % of 2.0 GiB used; profile: Dovecot 2.3.21 (server-profiles
              0.1.0)
        FAIL  anna@old.example  target: auth-refused: the server said `NO
              [AUTHENTICATIONFAILED] \x1b[31mno`
              hint: check the password in `mailboxes.csv:3`
          profile: target mail.new.example: Dovecot 2.3.21 (server-profiles 0.1.0): its
            ID says \x1bdovecot; at most 10 connections for one mailbox; without
            MULTIAPPEND
            note: what to know about it

        ok    anna@old.example  source: 1,204 messages in 14 folders, 34.0 MiB; target: empty, 12 % of 2.0 GiB used; profile: Dovecot 2.3.21 (server-profiles 0.1.0)
        FAIL  anna@old.example  target: auth-refused: the server said `NO [AUTHENTICATIONFAILED] \x1b[31mno` (hint: check the password in `mailboxes.csv:3`)
          profile: target mail.new.example: Dovecot 2.3.21 (server-profiles 0.1.0): its ID says \x1bdovecot; at most 10 connections for one mailbox; without MULTIAPPEND
            note: what to know about it
        ");
    }
}
