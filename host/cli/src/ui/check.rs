//! `check`: one line per mailbox when both ends are well, one per side that is not; one for all mailboxes
//! that are told the same. Then what certificates and profiles say, once a host, and the sum.

use std::collections::{BTreeSet, HashMap, HashSet};

use mailhaul_app::Outcome;
use mailhaul_engine::cause::Actor;
use mailhaul_engine::event::{CertificateFacts, CheckRow, MailboxEnd};
use mailhaul_engine::summary::{ProfileSummary, Side};
use mailhaul_text::{bytes, count, escape, plural};

use super::alike::{Alike, Saying, concerns};
use super::certificate;
use super::paint::{Palette, Tone};
use super::sum::push_wrapped;
use super::table::paragraph;
use crate::exit::{Exit, of_cause};

/// A certificate that ends within so many days is warned of: a move takes weeks.
const SOON: i64 = 14;

/// Returns everything that `check` has to say, mailboxes in the order of the list.
pub(crate) fn page(outcome: &Outcome, exit: Exit, width: Option<usize>, palette: Palette) -> String {
    let mut rows: HashMap<&str, Vec<&CheckRow>> = HashMap::new();
    for row in &outcome.checks {
        rows.entry(&row.mailbox).or_default().push(row);
    }
    let mut out = String::new();
    for (mailbox, end) in &outcome.finish.mailboxes {
        let rows = rows.get(mailbox.as_str()).map_or(&[][..], Vec::as_slice);
        out.push_str(&ready(mailbox, rows, end, width, palette));
    }
    out.push_str(&failures(outcome, width, palette));
    out.push_str(&certificates(&outcome.checks, width, palette));
    out.push_str(&profiles(&outcome.checks, width, palette));
    if outcome.finish.interrupted {
        push_wrapped(&mut out, 0, &stopped(outcome), width);
        return out;
    }
    push_wrapped(&mut out, 0, &total(outcome), width);
    if let Some(why) = mixed(outcome, exit) {
        push_wrapped(&mut out, 0, &why, width);
    }
    out
}

/// Returns the mailboxes that a stop has left out, or of which one end only was tried.
pub(crate) fn untried(outcome: &Outcome) -> Vec<&str> {
    let ends = outcome.finish.mailboxes.iter();
    let untried = ends.filter(|(_, end)| *end == MailboxEnd::Interrupted);
    untried.map(|(mailbox, _)| mailbox.as_str()).collect()
}

/// Returns the sentence about a check that was stopped: in place of the sums, which would be taken for those
/// of all mailboxes.
pub(crate) fn stopped(outcome: &Outcome) -> String {
    let (untried, all) = (untried(outcome).len() as u64, outcome.finish.mailboxes.len() as u64);
    format!(
        "stopped early: {} of {} not tried to the end; `mailhaul check` tries all of them anew",
        count(untried),
        plural(all, "mailbox")
    )
}

/// Returns whether a mailbox is ready on both ends. `rows` are its own.
fn is_ready(rows: &[&CheckRow], end: &MailboxEnd) -> bool {
    *end == MailboxEnd::Complete && rows.iter().all(|row| row.cause.is_none())
}

/// Returns the line of one mailbox that is ready on both ends, with its notes; nothing for another. `rows`
/// are its own.
fn ready(
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
            .map(|row| format!("{}: {}", row.side.as_str(), escape(&row.detail)))
            .collect();
        let text = format!("{}  {}", escape(mailbox), details.join("; "));
        push_line(&mut out, true, text.trim_end(), width, palette);
        for row in rows {
            for note in &row.notes {
                let text = format!("{}: {}", row.side.as_str(), escape(note));
                push_labelled(&mut out, "note:", Tone::Warn, &text, width, palette);
            }
        }
    }
    out
}

/// Returns the lines of mailboxes that are not ready: what is said of several once, with them.
fn failures(outcome: &Outcome, width: Option<usize>, palette: Palette) -> String {
    let bad: Vec<(&str, String, Option<&CheckRow>)> = outcome
        .checks
        .iter()
        .filter_map(|row| Some((row.mailbox.as_str(), words(row)?, Some(row))))
        .collect();
    // What no row tells: the mailbox never came so far.
    let told: HashSet<&str> = bad.iter().map(|(mailbox, ..)| *mailbox).collect();
    let untold = outcome.finish.mailboxes.iter().filter(|(mailbox, end)| {
        !told.contains(mailbox.as_str()) && matches!(end, MailboxEnd::Stopped(_) | MailboxEnd::NotAllWell)
    });
    let untold = untold.map(|(mailbox, end)| (mailbox.as_str(), super::plain::end_words(end), None));
    let all: Vec<_> = bad.into_iter().chain(untold).collect();
    let mut alike = Alike::of(all.iter().map(|(mailbox, words, _)| (*mailbox, words.clone())));
    let mut out = String::new();
    for (mailbox, words, row) in &all {
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
        if let Some(row) = row {
            let who = row.who.unwrap_or(Actor::Operator).shown();
            push_labelled(&mut out, &format!("{who}:"), Tone::Accent, &escape(&row.remedy), width, palette);
        }
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

/// Returns what certificates say, once for each server and side: those that were trusted. Of the others the
/// sentence about the host has told it.
fn certificates(rows: &[CheckRow], width: Option<usize>, palette: Palette) -> String {
    let mut seen: Vec<(Side, &str, &CertificateFacts)> = Vec::new();
    for row in rows.iter().filter(|row| !row.cause.is_some_and(|cause| cause.is_of_host())) {
        let is_told = |(side, endpoint, _): &(Side, &str, _)| *side == row.side && *endpoint == row.endpoint;
        if let Some(facts) = row.certificate.as_ref().filter(|_| !seen.iter().any(is_told)) {
            seen.push((row.side, &row.endpoint, facts));
        }
    }
    let mut out = String::new();
    for (side, endpoint, facts) in seen {
        let text = format!("{} {}: {}", side.as_str(), escape(endpoint), certificate::sentence(facts));
        push_labelled_at(&mut out, 2, "certificate:", Tone::Accent, &text, width, palette);
        if facts.days_left <= SOON {
            let left = match facts.days_left {
                days @ 0.. => format!("it ends in {}", plural(days.unsigned_abs(), "day")),
                _ => "it has ended, and is trusted by its fingerprint alone".to_owned(),
            };
            push_labelled_at(&mut out, 4, "warning:", Tone::Warn, &left, width, palette);
        }
    }
    out
}

/// Returns what server profiles say, once for each server and side however many mailboxes it has.
fn profiles(rows: &[CheckRow], width: Option<usize>, palette: Palette) -> String {
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
    for (at, (margin, line)) in paragraph(text, 6, 6, width).iter().enumerate() {
        let start = if at == 0 { palette.paint(tone, mark) + "  " } else { " ".repeat(*margin) };
        out.push_str(&format!("{start}{line}\n"));
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

/// Adds what belongs to the line before, behind a word that says what it is: on a terminal below, in a pipe
/// on the same line, where `grep` finds both. `text` is escaped.
fn push_labelled(
    out: &mut String,
    label: &str,
    tone: Tone,
    text: &str,
    width: Option<usize>,
    palette: Palette,
) {
    if text.is_empty() {
        return;
    }
    if width.is_none() {
        out.truncate(out.trim_end_matches('\n').len());
        out.push_str(&format!(" ({} {text})\n", palette.paint(tone, label)));
        return;
    }
    push_labelled_at(out, 6, label, tone, text, width, palette);
}

/// Adds a line of its own behind a word that says what it is.
fn push_labelled_at(
    out: &mut String,
    indent: usize,
    label: &str,
    tone: Tone,
    text: &str,
    width: Option<usize>,
    palette: Palette,
) {
    let mut lines = String::new();
    push_wrapped(&mut lines, indent, &format!("{label} {text}"), width);
    out.push_str(&lines.replacen(label, &palette.paint(tone, label), 1));
}

/// Returns the last line, e.g. `12 mailboxes, 1,700 messages, 20.0 MiB: 9 ready, 3 not`: the source's
/// figures, and how many mailboxes are ready on both ends.
fn total(outcome: &Outcome) -> String {
    let all = outcome.finish.mailboxes.len() as u64;
    let bad: HashSet<&str> =
        outcome.checks.iter().filter(|row| row.cause.is_some()).map(|row| row.mailbox.as_str()).collect();
    let ready = outcome
        .finish
        .mailboxes
        .iter()
        .filter(|(mailbox, end)| *end == MailboxEnd::Complete && !bad.contains(mailbox.as_str()));
    let ready = ready.count() as u64;
    let sources = || outcome.checks.iter().filter(|row| row.side == Side::Source);
    let mut text = plural(all, "mailbox");
    if sources().any(|row| row.messages.is_some()) {
        let messages: u64 = sources().filter_map(|row| row.messages).sum();
        text.push_str(&format!(", {}", plural(messages, "message")));
        // A sum of some sizes is none of the whole.
        let known: Vec<u64> =
            sources().filter(|row| row.messages.is_some()).map_while(|row| row.bytes).collect();
        if known.len() == sources().filter(|row| row.messages.is_some()).count() {
            text.push_str(&format!(", {}", bytes(known.iter().sum())));
        }
    }
    match all - ready {
        0 => format!("{text}: ready"),
        not => format!("{text}: {ready} ready, {not} not"),
    }
}

/// Why the exit code is 3 though each cause alone has another; nothing where it is not so.
fn mixed(outcome: &Outcome, exit: Exit) -> Option<String> {
    let causes: BTreeSet<(u8, &str)> = outcome
        .checks
        .iter()
        .filter_map(|row| row.cause)
        .map(|cause| (of_cause(cause) as u8, cause.as_str()))
        .collect();
    let codes: BTreeSet<u8> = causes.iter().map(|(code, _)| *code).collect();
    (exit == Exit::NotAllWell && codes.len() > 1).then(|| {
        let each: Vec<String> = causes.iter().map(|(code, cause)| format!("{cause} ({code})")).collect();
        format!("the exit code is 3, since the causes have different ones: {}", each.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use mailhaul_engine::cause::Cause;

    use super::*;

    fn row(side: Side, cause: Option<Cause>, detail: &str, remedy: &str) -> CheckRow {
        let mut row = CheckRow::new("anna@old.example", side);
        if let Some(cause) = cause {
            row.stop(cause, detail);
        }
        (row.remedy, row.detail) = (remedy.into(), detail.into());
        row
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
        well[1].notes = vec!["it holds 3 messages \u{1b}already".into(), "second".into()];
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
              empty, 12 % of 2.0 GiB used
              note: target: it holds 3 messages \x1balready
              note: target: second
        FAIL  anna@old.example  target: auth-refused: the server said `NO
              [AUTHENTICATIONFAILED] \x1b[31mno`
              you: check the password in `mailboxes.csv:3`
          profile: target mail.new.example: Dovecot 2.3.21 (server-profiles 0.1.0): its
            ID says \x1bdovecot; at most 10 connections for one mailbox; without
            MULTIAPPEND
            note: what to know about it

        ok    anna@old.example  source: 1,204 messages in 14 folders, 34.0 MiB; target: empty, 12 % of 2.0 GiB used (note: target: it holds 3 messages \x1balready) (note: target: second)
        FAIL  anna@old.example  target: auth-refused: the server said `NO [AUTHENTICATIONFAILED] \x1b[31mno` (you: check the password in `mailboxes.csv:3`)
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
        out += &format!("{}\n", total(&outcome));
        out += &failures(&outcome, None, Palette::default());
        insta::assert_snapshot!(out, @r"
        FAIL  target: refused: the server refuses connections on this port
              (mail.new.example:994)
              concerns 12 mailboxes: u01, u02, u03 and 9 more
              you: check `port` under `[target]`, and that the server runs
        FAIL  late  not all well
        13 mailboxes: 0 ready, 13 not
        FAIL  target: refused: the server refuses connections on this port (mail.new.example:994); concerns 12 mailboxes: u01, u02, u03, u04, u05, u06, u07, u08, u09, u10, u11, u12 (you: check `port` under `[target]`, and that the server runs)
        FAIL  late  not all well
        ");
    }

    /// Fifty mailboxes of three hundred would be taken for all.
    #[test]
    fn a_check_that_was_stopped_says_so_in_place_of_the_sums() {
        let mut outcome = Outcome::default();
        outcome.checks = vec![row(Side::Source, None, "1 message", ""), row(Side::Target, None, "empty", "")];
        outcome.finish.mailboxes.push(("anna@old.example".into(), MailboxEnd::Complete));
        outcome.finish.mailboxes.extend((0..2).map(|n| (format!("u{n}"), MailboxEnd::Interrupted)));
        outcome.finish.interrupted = true;
        assert_eq!(untried(&outcome), ["u0", "u1"]);
        insta::assert_snapshot!(page(&outcome, Exit::Interrupted, Some(80), Palette::default()), @"
        ok    anna@old.example  source: 1 message; target: empty
        stopped early: 2 of 3 mailboxes not tried to the end; `mailhaul check` tries all
          of them anew
        ");
    }

    #[test]
    fn what_is_true_of_a_host_is_said_once_and_the_sum_last() {
        let facts = CertificateFacts {
            names: (1..7).map(|n| format!("h{n}.example")).collect(),
            issuer: "Some \u{1b}CA".into(),
            not_before: "2026-01-01T00:00:00Z".into(),
            not_after: "2026-12-24T00:00:00Z".into(),
            days_left: 9,
            self_signed: false,
            fingerprint: "sha256:00".into(),
        };
        let mut outcome = Outcome::default();
        for (n, cause) in [None, Some(Cause::AuthOrMissing), Some(Cause::Quota)].into_iter().enumerate() {
            let mut source = row(Side::Source, None, "1 folders, 2 messages, 1.0 KiB", "");
            (source.messages, source.bytes) = (Some(600), Some(7 << 20));
            source.endpoint = "mail.old.example:993".into();
            source.certificate = Some(facts.clone());
            let mut target = row(Side::Target, cause, "so it is", "do this");
            target.profile = Some(dovecot());
            let name = format!("u{n}");
            for mut row in [source, target] {
                row.mailbox = name.clone();
                outcome.checks.push(row);
            }
            let end = if cause.is_none() { MailboxEnd::Complete } else { MailboxEnd::NotAllWell };
            outcome.finish.mailboxes.push((name, end));
        }
        insta::assert_snapshot!(page(&outcome, Exit::NotAllWell, Some(80), Palette::default()), @r"
        ok    u0  source: 1 folders, 2 messages, 1.0 KiB; target: so it is
        FAIL  u1  target: auth-or-missing: so it is
              you: do this
        FAIL  u2  target: quota: so it is
              new host: do this
          certificate: source mail.old.example:993: for h1.example, h2.example,
            h3.example, h4.example and 2 more; issued by Some \x1bCA, until 2026-12-24
            warning: it ends in 9 days
          profile: target mail.new.example: Dovecot 2.3.21 (server-profiles 0.1.0): its
            ID says \x1bdovecot; at most 10 connections for one mailbox; without
            MULTIAPPEND
            note: what to know about it
        3 mailboxes, 1,800 messages, 21.0 MiB: 1 ready, 2 not
        the exit code is 3, since the causes have different ones: auth-or-missing (4),
          quota (7)
        ");
    }
}
