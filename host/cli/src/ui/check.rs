//! `check`: one line per mailbox when both ends are well, one per side that is not; one for all mailboxes
//! that are told the same.

use std::collections::HashSet;

use mailhaul_app::Outcome;
use mailhaul_engine::event::{CheckRow, MailboxEnd};
use mailhaul_engine::summary::ProfileSummary;
use mailhaul_text::{escape, plural};

use super::alike::{Alike, Saying, concerns};
use super::paint::{Palette, Tone};
use super::sum::push_wrapped;
use super::table::wrap;

/// Returns whether a mailbox is ready on both ends. `rows` are its own.
fn is_ready(rows: &[&CheckRow], end: &MailboxEnd) -> bool {
    *end == MailboxEnd::Complete && rows.iter().all(|row| row.cause.is_none())
}

/// Returns the line of one mailbox that is ready on both ends; nothing for another. `rows` are its own.
pub(crate) fn ready(
    mailbox: &str,
    rows: &[&CheckRow],
    end: &MailboxEnd,
    width: Option<usize>,
    palette: Palette,
) -> String {
    let mut out = String::new();
    if is_ready(rows, end) {
        let details: Vec<_> = rows
            .iter()
            .filter(|row| !row.detail.is_empty())
            .map(|row| format!("{}: {}{}", row.side.as_str(), escape(&row.detail), profile_of(row)))
            .collect();
        let text = format!("{}  {}", escape(mailbox), details.join("; "));
        push_line(&mut out, true, text.trim_end(), width, palette);
    }
    out
}

/// Returns the lines of mailboxes that are not ready: what is said of several once, with them.
pub(crate) fn failures(outcome: &Outcome, width: Option<usize>, palette: Palette) -> String {
    let bad: Vec<(&str, String, &str)> = outcome
        .checks
        .iter()
        .filter_map(|row| Some((row.mailbox.as_str(), words(row)?, row.remedy.as_str())))
        .collect();
    // What no row tells: the mailbox never came so far.
    let told: HashSet<&str> = bad.iter().map(|(mailbox, ..)| *mailbox).collect();
    let untold = outcome.finish.mailboxes.iter().filter(|(mailbox, end)| {
        !told.contains(mailbox.as_str()) && matches!(end, MailboxEnd::Stopped(_) | MailboxEnd::NotAllWell)
    });
    let untold = untold.map(|(mailbox, end)| (mailbox.as_str(), super::plain::end_words(end), ""));
    let all: Vec<_> = bad.into_iter().chain(untold).collect();
    let mut alike = Alike::of(all.iter().map(|(mailbox, words, _)| (*mailbox, words.clone())));
    let mut out = String::new();
    for (mailbox, words, remedy) in &all {
        match alike.say(words) {
            Saying::Alone => {
                push_line(&mut out, false, &format!("{}  {words}", escape(mailbox)), width, palette);
            }
            Saying::Together(mailboxes) => {
                push_line(&mut out, false, words, width, palette);
                push_below(&mut out, &concerns(&mailboxes, width), width);
            }
            Saying::Said => continue,
        }
        push_remedy(&mut out, remedy, width, palette);
    }
    out
}

/// Returns e.g. `target: auth-refused: the server refused the log-in: …`; `None` for an end that is ready.
fn words(row: &CheckRow) -> Option<String> {
    let mut words = format!("{}: {}", row.side.as_str(), row.cause?);
    if !row.detail.is_empty() {
        words.push_str(&format!(": {}", escape(&row.detail)));
    }
    Some(words)
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

/// Adds what belongs to the line before: on a terminal below it, in a pipe on the same line.
fn push_below(out: &mut String, text: &str, width: Option<usize>) {
    if width.is_none() {
        out.truncate(out.trim_end_matches('\n').len());
        out.push_str(&format!("; {text}\n"));
        return;
    }
    push_wrapped(out, 6, text, width);
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
    let bad: HashSet<&str> =
        outcome.checks.iter().filter(|row| row.cause.is_some()).map(|row| row.mailbox.as_str()).collect();
    let ready = outcome
        .finish
        .mailboxes
        .iter()
        .filter(|(mailbox, end)| *end == MailboxEnd::Complete && !bad.contains(mailbox.as_str()));
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
        let mut outcome = Outcome::default();
        outcome.checks = sick.to_vec();
        let mut out = String::new();
        for width in [Some(80), None] {
            for rows in [&well, &sick] {
                let rows: Vec<_> = rows.iter().collect();
                out += &ready("anna@old.example", &rows, &MailboxEnd::Complete, width, Palette::default());
            }
            out += &failures(&outcome, width, Palette::default());
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

    /// One wrong port with twelve mailboxes, and a mailbox that never came so far.
    #[test]
    fn what_is_wrong_with_several_is_told_once_with_them() {
        let mut outcome = Outcome::default();
        for n in 1..=12 {
            let mailbox = format!("u{n:02}");
            let source = CheckRow { mailbox: mailbox.clone(), ..row(Side::Source, None, "1 message", "") };
            let detail = "the server refuses connections on this port (mail.new.example:994)";
            let remedy = "check `port` under `[target]`, and that the server runs";
            let target = row(Side::Target, Some(Cause::Refused), detail, remedy);
            outcome.checks.extend([source, CheckRow { mailbox: mailbox.clone(), ..target }]);
            outcome.finish.mailboxes.push((mailbox, MailboxEnd::Complete));
        }
        outcome.finish.mailboxes.push(("late".into(), MailboxEnd::NotAllWell));
        let mut out = failures(&outcome, Some(80), Palette::default());
        out += &total(&outcome);
        out += &failures(&outcome, None, Palette::default());
        insta::assert_snapshot!(out, @r"
        FAIL  target: refused: the server refuses connections on this port
              (mail.new.example:994)
              concerns 12 mailboxes: u01, u02, u03 and 9 more
              hint: check `port` under `[target]`, and that the server runs
        FAIL  late  not all well
        13 mailboxes: 0 ready, 13 not
        FAIL  target: refused: the server refuses connections on this port (mail.new.example:994); concerns 12 mailboxes: u01, u02, u03, u04, u05, u06, u07, u08, u09, u10, u11, u12 (hint: check `port` under `[target]`, and that the server runs)
        FAIL  late  not all well
        ");
    }
}
