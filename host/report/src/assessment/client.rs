//! The words of the page that goes to the client: what follows for the people whose mail moves.
//!
//! The other forms are for whoever moves it, and say what a server said, which command helps and which key of
//! the project decides. A client has neither, and reads here what it means and what to look at.

use mailhaul_engine::assessment::beyond::{Beyond, NotCarried};
use mailhaul_engine::assessment::forecast::{Bound, Forecast};
use mailhaul_engine::assessment::risk::{RiskCode, RiskReason};
use mailhaul_engine::assessment::{Assessment, ProjectAssessment, QuotaFigures};
use mailhaul_engine::cause::Cause;
use mailhaul_engine::summary::Side;
use mailhaul_text::{bytes_rounded, estimate, plural, seconds, visible};

/// What is missing from the assessment; `None` when nothing is.
pub(super) fn incomplete(project: &ProjectAssessment) -> Option<String> {
    let missing = project.missing.len() as u64;
    let are = if missing == 1 { "is" } else { "are" };
    (missing > 0).then(|| format!("Not complete: {} {are} not read yet.", plural(missing, "mailbox")))
}

/// How long the move takes, and what that depends on.
pub(super) fn time(project: &ProjectAssessment, forecast: &Forecast) -> String {
    let time = estimate(seconds(forecast.seconds));
    let why = match forecast.bound_by {
        Bound::Nothing if project.mailboxes.iter().all(|one| !one.is_read()) => {
            return "No mailbox was read.".to_owned();
        }
        Bound::Nothing => return "Nothing is to be copied.".to_owned(),
        Bound::LargestMailbox => "that long takes the largest mailbox; the others are done meanwhile",
        Bound::Budget => "a mail provider lets no more through in a day",
        Bound::Connections => "a mail host lets only so many mailboxes be read at once",
        Bound::MailboxesAtOnce => "several mailboxes at once, one after the other",
        Bound::MeasuredSpeed => "by the speed of what has been copied already",
        Bound::Hours => "mail is moved in some hours of the day only",
        Bound::Bandwidth | Bound::BytesPerDay | Bound::MessagesPerHour => {
            "we move no more at a time, so that everything else goes on undisturbed"
        }
    };
    format!("{}{}: {why}.", time[..1].to_uppercase(), &time[1..])
}

/// How sure the time is.
pub(super) fn basis(project: &ProjectAssessment) -> &'static str {
    match project.measured {
        Some(_) => "Reckoned from what was copied between these hosts.",
        None => {
            "An estimate by usual speeds: how fast these hosts are together shows once the first mailbox is copied."
        }
    }
}

/// What a reason means to the owner of the mailbox.
pub(super) fn reason(of: &Assessment, reason: &RiskReason) -> String {
    match reason.code {
        RiskCode::SourceStopped => not_read(Side::Source, of.source.stopped.as_ref().map(|s| s.cause)),
        RiskCode::TargetStopped => {
            let stopped = of.target.as_ref().and_then(|target| target.stopped.as_ref());
            not_read(Side::Target, stopped.map(|stopped| stopped.cause))
        }
        RiskCode::SizesUnknown => "The old host does not tell how large all of its messages are".to_owned(),
        _ => sentence(&visible(&reason.sentence.replace("the target", "the new host"))),
    }
}

fn not_read(side: Side, cause: Option<Cause>) -> String {
    let old = side == Side::Source;
    let said = match cause {
        Some(Cause::AuthRefused | Cause::AuthOrMissing | Cause::NotTried) if old => {
            "The old host does not take this address with the password that was given: please check both"
        }
        Some(Cause::ImapDisabled | Cause::NeedsOauth) if old => {
            "The old host does not let mail programs (IMAP) into this mailbox: that has to be allowed in its settings"
        }
        Some(Cause::MailboxMissing) if old => "The old host knows no such mailbox: please check the address",
        _ if old => "The old host could not be read yet",
        Some(
            Cause::AuthRefused
            | Cause::AuthOrMissing
            | Cause::MailboxMissing
            | Cause::ImapDisabled
            | Cause::NeedsOauth
            | Cause::NotTried,
        ) => "This mailbox is not ready at the new host yet",
        Some(Cause::Quota) => "The mailbox at the new host is full",
        _ => "The new host could not be read yet",
    };
    said.to_owned()
}

/// How full a mailbox is: `3.0 GiB of 10 GiB`.
pub(super) fn quota(quota: Option<QuotaFigures>) -> Option<String> {
    quota.map(|quota| format!("{} of {}", bytes_rounded(quota.used), bytes_rounded(quota.limit)))
}

/// What carries a thing that IMAP does not, without the commands that an administrator types.
pub(super) fn carried_by(one: &NotCarried) -> String {
    if !one.carried_by.contains('`') {
        return visible(&one.carried_by);
    }
    let said = match one.what {
        Beyond::Rules => "the old host's administrator lists them; they are entered anew at the new host",
        Beyond::Calendars => "the old host's administrator exports them as .ics files",
        Beyond::Contacts => "the old host's administrator exports them as vCard files",
        Beyond::Archive => {
            "an online archive is a mailbox of its own: the old host's administrator exports it"
        }
        Beyond::Shared => {
            "the old host's administrator lists who shares what; it is set anew at the new host"
        }
        Beyond::Aliases => "the old host's administrator lists them; they are made anew at the new host",
    };
    said.to_owned()
}

/// Begins a clause as a sentence.
pub(super) fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::{fixture, html};

    /// Commands, keys of the project, codes and words of servers are nothing to a client.
    #[test]
    fn the_client_s_page_speaks_to_a_client() {
        let mut measured = fixture::many(3);
        measured.mailboxes[0].source.provider.as_mut().unwrap().id = "exchange".into();
        measured.mailboxes[1].source.provider.as_mut().unwrap().id = "zimbra".into();
        for project in [fixture::offer(), measured, fixture::empty(), fixture::many(60)] {
            let page = html::render(&project).unwrap();
            let (_, page) = page.split_once("</style>").unwrap();
            for word in [
                "`",
                "&#96;",
                "mailhaul ",
                "[limits]",
                "_at_once",
                "auth-",
                "AUTHENTICATIONFAILED",
                "Get-",
                "zmmailbox",
                "provision",
                "the target",
            ] {
                assert!(!page.replace("Written by mailhaul ", "").contains(word), "{word}: {page}");
            }
        }
        let page = html::render(&fixture::offer()).unwrap();
        for word in
            ["please check both", "of 10 GiB", "Room at the new host", "Projects/2019", "Projects/2024"]
        {
            assert!(page.contains(word), "{word}: {page}");
        }
    }

    #[test]
    fn every_cause_of_either_end_is_a_sentence_without_its_code() {
        for cause in Cause::ALL {
            for side in [Side::Source, Side::Target] {
                let said = not_read(side, Some(*cause));
                assert!(said.contains("host") && !said.contains(cause.as_str()), "{said}");
            }
        }
    }
}
