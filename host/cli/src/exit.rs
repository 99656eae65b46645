//! The exit codes, which scripts depend on, and which one a finished task deserves.

use std::process::ExitCode;

use mailhaul_engine::event::{CheckRow, Finish, MailboxEnd, RefusedKind};

/// What the process ends with. Published: scripts depend on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Finished, and proven.
    Done = 0,
    /// A fault in mailhaul itself.
    Internal = 1,
    /// Bad arguments, configuration or input file, or a plan that no longer fits.
    Input = 2,
    /// Finished, but not all is well; the output lists what.
    NotAllWell = 3,
    /// Every unfinished mailbox failed because its log-in was refused.
    LogIn = 4,
    /// Every unfinished mailbox failed because a server could not be reached or trusted.
    Unreachable = 5,
    /// A plugin broke, is missing or was refused.
    Plugin = 6,
    /// Every unfinished mailbox failed because the target is out of room.
    NoRoom = 7,
    /// Interrupted; the same command continues.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The code of one cause that stopped a mailbox.
fn of_cause(cause: &str) -> Exit {
    match cause {
        "ok" => Exit::Done,
        "auth-refused" | "mailbox-missing" | "auth-or-missing" | "imap-disabled" | "needs-oauth" => {
            Exit::LogIn
        }
        "name-unknown" | "refused" | "filtered" | "tls-on-plain-port" | "plain-on-tls-port" => {
            Exit::Unreachable
        }
        cause if cause.starts_with("tls-") => Exit::Unreachable,
        "quota" => Exit::NoRoom,
        "plugin" => Exit::Plugin,
        // `too-many-connections`, `server-fault`, `plan`, `ledger` and whatever is added later.
        _ => Exit::NotAllWell,
    }
}

/// The code of several: what they have in common, else [`Exit::NotAllWell`]; none at all is well.
fn common(mut codes: impl Iterator<Item = Exit>) -> Exit {
    let Some(first) = codes.next() else { return Exit::Done };
    if codes.all(|code| code == first) { first } else { Exit::NotAllWell }
}

/// The code of a finished `plan`, `run` or `verify`.
pub(crate) fn of_finish(finish: &Finish) -> Exit {
    if let Some(refused) = &finish.refused {
        return match refused.kind {
            RefusedKind::Input => Exit::Input,
            RefusedKind::Plugin => Exit::Plugin,
            RefusedKind::Internal => Exit::Internal,
        };
    }
    if finish.interrupted {
        return Exit::Interrupted;
    }
    common(finish.mailboxes.iter().filter_map(|(_, end)| match end {
        MailboxEnd::Complete => None,
        MailboxEnd::Stopped(stopped) => Some(of_cause(&stopped.cause)),
        MailboxEnd::NotAllWell | MailboxEnd::Interrupted => Some(Exit::NotAllWell),
    }))
}

/// The code of a finished `check`: of the rows that are not ok, else of the finish.
pub(crate) fn of_check(finish: &Finish, rows: &[CheckRow]) -> Exit {
    if finish.refused.is_some() || finish.interrupted {
        return of_finish(finish);
    }
    match common(rows.iter().filter(|row| row.cause != "ok").map(|row| of_cause(&row.cause))) {
        Exit::Done => of_finish(finish),
        code => code,
    }
}

#[cfg(test)]
mod tests {
    use mailhaul_engine::event::Refused;
    use mailhaul_engine::summary::{Side, Stopped};

    use super::*;

    fn stopped(cause: &str) -> MailboxEnd {
        MailboxEnd::Stopped(Stopped { side: Side::Source, cause: cause.into(), reason: String::new() })
    }

    fn finish(ends: &[MailboxEnd]) -> Finish {
        Finish {
            mailboxes: ends.iter().map(|end| ("m".to_owned(), end.clone())).collect(),
            ..Finish::default()
        }
    }

    #[test]
    fn the_unfinished_mailboxes_decide() {
        use MailboxEnd::{Complete, NotAllWell};
        let cases: &[(&[MailboxEnd], Exit)] = &[
            (&[], Exit::Done),
            (&[Complete, Complete], Exit::Done),
            (&[Complete, NotAllWell], Exit::NotAllWell),
            (&[Complete, stopped("auth-refused"), stopped("imap-disabled")], Exit::LogIn),
            (
                &[stopped("name-unknown"), stopped("tls-expired"), stopped("plain-on-tls-port")],
                Exit::Unreachable,
            ),
            (&[stopped("quota")], Exit::NoRoom),
            (&[stopped("plugin")], Exit::Plugin),
            (&[stopped("quota"), stopped("auth-refused")], Exit::NotAllWell),
            (&[stopped("quota"), NotAllWell], Exit::NotAllWell),
            (&[stopped("server-fault")], Exit::NotAllWell),
            (&[stopped("ledger")], Exit::NotAllWell),
        ];
        for (ends, exit) in cases {
            assert_eq!(of_finish(&finish(ends)), *exit, "{ends:?}");
        }
    }

    #[test]
    fn a_refusal_beats_everything_and_an_interruption_beats_the_mailboxes() {
        let mut finish = finish(&[stopped("quota")]);
        finish.interrupted = true;
        assert_eq!(of_finish(&finish), Exit::Interrupted);
        for (kind, exit) in [
            (RefusedKind::Input, Exit::Input),
            (RefusedKind::Plugin, Exit::Plugin),
            (RefusedKind::Internal, Exit::Internal),
        ] {
            finish.refused = Some(Refused { kind, reasons: vec![], remedy: None });
            assert_eq!(of_finish(&finish), exit);
        }
    }

    #[test]
    fn check_is_judged_by_its_rows() {
        let row = |cause: &str| CheckRow {
            mailbox: "m".into(),
            side: Side::Target,
            cause: cause.into(),
            remedy: String::new(),
            detail: String::new(),
            profile: None,
        };
        let well = finish(&[MailboxEnd::Complete]);
        assert_eq!(of_check(&well, &[row("ok"), row("ok")]), Exit::Done);
        assert_eq!(of_check(&well, &[row("ok"), row("auth-refused")]), Exit::LogIn);
        assert_eq!(of_check(&well, &[row("refused"), row("tls-name")]), Exit::Unreachable);
        assert_eq!(of_check(&well, &[row("quota")]), Exit::NoRoom);
        assert_eq!(of_check(&well, &[row("quota"), row("refused")]), Exit::NotAllWell);
        assert_eq!(of_check(&finish(&[stopped("plugin")]), &[]), Exit::Plugin);
    }

    #[test]
    fn every_cause_of_the_contract_has_its_code() {
        let codes: Vec<u8> = "ok auth-refused mailbox-missing auth-or-missing imap-disabled needs-oauth \
            too-many-connections name-unknown refused filtered tls-untrusted tls-name tls-expired \
            tls-on-plain-port plain-on-tls-port quota server-fault"
            .split_whitespace()
            .map(|cause| of_cause(cause) as u8)
            .collect();
        assert_eq!(codes, [0, 4, 4, 4, 4, 4, 3, 5, 5, 5, 5, 5, 5, 5, 5, 7, 3]);
    }
}
