//! The exit codes, which scripts depend on, and which one a finished task deserves.

use std::process::ExitCode;

use mailhaul_app::provision::{Became, Report};
use mailhaul_engine::cause::Cause;
use mailhaul_engine::event::{CheckRow, Finish, MailboxEnd, TaskRefusalKind};

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

/// Returns the code of one cause that stopped a mailbox.
pub(crate) fn of_cause(cause: Cause) -> Exit {
    match cause {
        Cause::AuthRefused
        | Cause::MailboxMissing
        | Cause::AuthOrMissing
        | Cause::ImapDisabled
        | Cause::NeedsOauth
        | Cause::NotTried => Exit::LogIn,
        Cause::NameUnknown
        | Cause::Refused
        | Cause::Filtered
        | Cause::TlsUntrusted
        | Cause::TlsName
        | Cause::TlsExpired
        | Cause::TlsOnPlainPort
        | Cause::PlainOnTlsPort
        | Cause::OtherProtocol => Exit::Unreachable,
        Cause::Quota => Exit::NoRoom,
        Cause::Plugin => Exit::Plugin,
        Cause::OneAccount
        | Cause::TooManyConnections
        | Cause::ServerFault
        | Cause::Plan
        | Cause::Ledger
        | Cause::InUse
        | Cause::Internal => Exit::NotAllWell,
    }
}

/// Returns the code of a task that was refused before it began.
pub(crate) fn of_refusal(kind: TaskRefusalKind) -> Exit {
    match kind {
        TaskRefusalKind::Input => Exit::Input,
        TaskRefusalKind::Plugin => Exit::Plugin,
        TaskRefusalKind::Internal => Exit::Internal,
    }
}

/// Returns what several codes have in common, else [`Exit::NotAllWell`]; of none at all, [`Exit::Done`].
fn common(mut codes: impl Iterator<Item = Exit>) -> Exit {
    let Some(first) = codes.next() else { return Exit::Done };
    if codes.all(|code| code == first) { first } else { Exit::NotAllWell }
}

/// Returns the code of a finished `plan`, `run`, `verify` or `undo`.
pub(crate) fn of_finish(finish: &Finish) -> Exit {
    if let Some(refused) = &finish.refused {
        return of_refusal(refused.kind);
    }
    if finish.interrupted {
        return Exit::Interrupted;
    }
    common(finish.mailboxes.iter().filter_map(|(_, end)| match end {
        MailboxEnd::Complete | MailboxEnd::PreStaged { .. } => None,
        MailboxEnd::Stopped(stopped) => Some(of_cause(stopped.cause)),
        MailboxEnd::NotAllWell | MailboxEnd::Interrupted => Some(Exit::NotAllWell),
    }))
}

/// Returns the code of a finished `provision`: of the mailboxes that are not well, by their causes. A dry run
/// that was only to say what is missing has said it.
pub(crate) fn of_provision(report: &Report, dry_run: bool) -> Exit {
    if report.interrupted {
        return Exit::Interrupted;
    }
    let said = |became| dry_run && matches!(became, Became::Missing | Became::ByHand | Became::QuotaDiffers);
    let open = report.rows.iter().filter(|row| !row.became.is_well() && !said(row.became));
    common(open.map(|row| row.cause.map_or(Exit::NotAllWell, of_cause)))
}

/// Returns the code of a finished `check`: of the rows that are not ok, else of the finish.
pub(crate) fn of_check(finish: &Finish, rows: &[CheckRow]) -> Exit {
    if finish.refused.is_some() || finish.interrupted {
        return of_finish(finish);
    }
    match common(rows.iter().filter_map(|row| row.cause).map(of_cause)) {
        Exit::Done => of_finish(finish),
        code => code,
    }
}

#[cfg(test)]
mod tests {
    use mailhaul_app::provision::Row;
    use mailhaul_engine::event::TaskRefusal;
    use mailhaul_engine::summary::{Side, Stopped};

    use super::*;

    fn stopped(cause: Cause) -> MailboxEnd {
        MailboxEnd::Stopped(Stopped { side: Side::Source, cause, reason: String::new() })
    }

    fn finish(ends: &[MailboxEnd]) -> Finish {
        Finish {
            mailboxes: ends.iter().map(|end| ("m".to_owned(), end.clone())).collect(),
            ..Finish::default()
        }
    }

    #[test]
    fn the_unfinished_mailboxes_decide() {
        use MailboxEnd::{Complete, NotAllWell, PreStaged};
        let cases: &[(&[MailboxEnd], Exit)] = &[
            (&[], Exit::Done),
            (&[Complete, Complete], Exit::Done),
            // What `--newest` asked for is there.
            (&[Complete, PreStaged { pending: 3 }], Exit::Done),
            (&[NotAllWell, PreStaged { pending: 3 }], Exit::NotAllWell),
            (&[Complete, NotAllWell], Exit::NotAllWell),
            (&[Complete, stopped(Cause::AuthRefused), stopped(Cause::ImapDisabled)], Exit::LogIn),
            (
                &[stopped(Cause::NameUnknown), stopped(Cause::TlsExpired), stopped(Cause::PlainOnTlsPort)],
                Exit::Unreachable,
            ),
            (&[stopped(Cause::Quota)], Exit::NoRoom),
            (&[stopped(Cause::Plugin)], Exit::Plugin),
            (&[stopped(Cause::Quota), stopped(Cause::AuthRefused)], Exit::NotAllWell),
            (&[stopped(Cause::Quota), NotAllWell], Exit::NotAllWell),
            (&[stopped(Cause::ServerFault)], Exit::NotAllWell),
            (&[stopped(Cause::Ledger)], Exit::NotAllWell),
        ];
        for (ends, exit) in cases {
            assert_eq!(of_finish(&finish(ends)), *exit, "{ends:?}");
        }
    }

    #[test]
    fn a_refusal_beats_everything_and_an_interruption_beats_the_mailboxes() {
        let mut finish = finish(&[stopped(Cause::Quota)]);
        finish.interrupted = true;
        assert_eq!(of_finish(&finish), Exit::Interrupted);
        for (kind, exit) in [
            (TaskRefusalKind::Input, Exit::Input),
            (TaskRefusalKind::Plugin, Exit::Plugin),
            (TaskRefusalKind::Internal, Exit::Internal),
        ] {
            finish.refused = Some(TaskRefusal { kind, reasons: vec![], remedy: None });
            assert_eq!(of_finish(&finish), exit);
        }
    }

    #[test]
    fn check_is_judged_by_its_rows() {
        let row = |cause: Option<Cause>| CheckRow { cause, ..CheckRow::new("m", Side::Target) };
        let well = finish(&[MailboxEnd::Complete]);
        assert_eq!(of_check(&well, &[row(None), row(None)]), Exit::Done);
        assert_eq!(of_check(&well, &[row(None), row(Some(Cause::AuthRefused))]), Exit::LogIn);
        assert_eq!(
            of_check(&well, &[row(Some(Cause::Refused)), row(Some(Cause::TlsName))]),
            Exit::Unreachable
        );
        assert_eq!(of_check(&well, &[row(Some(Cause::Quota))]), Exit::NoRoom);
        assert_eq!(of_check(&well, &[row(Some(Cause::Quota)), row(Some(Cause::Refused))]), Exit::NotAllWell);
        assert_eq!(of_check(&finish(&[stopped(Cause::Plugin)]), &[]), Exit::Plugin);
    }

    #[test]
    fn provision_is_judged_by_what_is_not_well() {
        let row = |became, cause| Row {
            key: String::new(),
            mailbox: String::new(),
            label: None,
            became,
            details: Vec::new(),
            cause,
            who: None,
            quota: None,
        };
        let of = |rows: &[Row], dry_run| {
            of_provision(&Report { rows: rows.to_vec(), ..Report::default() }, dry_run)
        };
        let well = [Became::Exists, Became::Created, Became::QuotaSet].map(|became| row(became, None));
        assert_eq!((of(&[], false), of(&well, false)), (Exit::Done, Exit::Done));
        for became in [Became::Missing, Became::ByHand, Became::QuotaDiffers] {
            assert_eq!(
                (of(&[row(became, None)], false), of(&[row(became, None)], true)),
                (Exit::NotAllWell, Exit::Done)
            );
        }
        assert_eq!(of(&[row(Became::NotAsked, None)], true), Exit::NotAllWell);
        let refused = row(Became::PasswordRefused, Some(Cause::AuthRefused));
        let gone = row(Became::Unverified, Some(Cause::Refused));
        assert_eq!(of(&[well[0].clone(), refused.clone()], false), Exit::LogIn);
        assert_eq!(of(std::slice::from_ref(&gone), false), Exit::Unreachable);
        assert_eq!(of(&[refused, gone], false), Exit::NotAllWell);
        let stopped = Report { interrupted: true, ..Report::default() };
        assert_eq!(of_provision(&stopped, false), Exit::Interrupted);
    }

    #[test]
    fn every_cause_has_the_code_that_scripts_know() {
        let codes: Vec<(&str, u8)> =
            Cause::ALL.iter().map(|cause| (cause.as_str(), of_cause(*cause) as u8)).collect();
        assert_eq!(
            codes,
            [
                ("auth-refused", 4),
                ("mailbox-missing", 4),
                ("auth-or-missing", 4),
                ("imap-disabled", 4),
                ("needs-oauth", 4),
                ("not-tried", 4),
                ("too-many-connections", 3),
                ("name-unknown", 5),
                ("refused", 5),
                ("filtered", 5),
                ("tls-untrusted", 5),
                ("tls-name", 5),
                ("tls-expired", 5),
                ("tls-on-plain-port", 5),
                ("plain-on-tls-port", 5),
                ("other-protocol", 5),
                ("quota", 7),
                ("server-fault", 3),
                ("plugin", 6),
                ("one-account", 3),
                ("plan", 3),
                ("ledger", 3),
                ("in-use", 3),
                ("internal", 3),
            ]
        );
    }
}
