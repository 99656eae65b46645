//! How risky the move of a mailbox is, and why: one pure function of what was read.

use mailhaul_text::{bytes_rounded, count, escape, plural};
use serde::Serialize;

use super::Assessment;
use super::forecast::budget_seconds;
use crate::named_enum::named_enum;
use crate::side::Side;
use crate::summary::Stopped;

/// Above this a mailbox takes a night by itself on an ordinary line, so that its date has to be looked at.
pub const BIG: u64 = 20 << 30;
/// Above this most hosts' mailboxes end, and no night is long enough.
pub const HUGE: u64 = 50 << 30;
/// Above so many messages single servers become slow, whatever their size.
pub const MANY_MESSAGES: u64 = 250_000;
/// A move that a provider's budget stretches over more days than this needs a plan of its own.
const LONG_DAYS: u64 = 7;
const DAY: f64 = 86_400.0;

named_enum! {
    /// How risky the move of a mailbox is.
    pub enum Risk {
        /// Nothing stands against it.
        Low = "low",
        /// Somebody has to look before a date is promised.
        Look = "look",
        /// It will not work as it is, or not in one night.
        High = "high",
    }
}

named_enum! {
    /// Why a mailbox is no low risk.
    pub enum RiskCode {
        /// The source could not be read: log-in refused, host away.
        SourceStopped = "source-stopped",
        /// The target could not be read.
        TargetStopped = "target-stopped",
        /// The source holds more than the target has room for.
        OverQuota = "over-quota",
        /// Messages are larger than the target takes.
        OverLimit = "over-limit",
        /// The mailbox is very large.
        Large = "large",
        /// It has very many messages.
        ManyMessages = "many-messages",
        /// A provider's budget stretches it over days.
        Throttled = "throttled",
        /// The server does not tell how large it is.
        SizesUnknown = "sizes-unknown",
        /// Folders are listed and cannot be read.
        FoldersUnread = "folders-unread",
        /// Other users' or public folders are seen, and no part of the move.
        SharedFolders = "shared-folders",
        /// Folders hold appointments, contacts or tasks.
        NotMail = "not-mail",
    }
}

/// One reason why a mailbox is no low risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RiskReason {
    /// The stable code.
    pub code: RiskCode,
    /// How much it weighs: `look` or `high`.
    pub risk: Risk,
    /// One clause for people, with the figures; what comes from a server is escaped.
    pub sentence: String,
}

/// Returns why a mailbox is no low risk, the gravest reasons first; none of a mailbox that is one.
#[must_use]
pub fn reasons(assessment: &Assessment) -> Vec<RiskReason> {
    let mut found = Reasons(Vec::new());
    let ends = [(Side::Source, Some(&assessment.source)), (Side::Target, assessment.target.as_ref())];
    for (side, stopped) in ends.into_iter().filter_map(|(side, end)| Some((side, end?.stopped.as_ref()?))) {
        let code = if side == Side::Source { RiskCode::SourceStopped } else { RiskCode::TargetStopped };
        let sentence = could_not_be_read(side, stopped);
        found.add(code, Risk::High, sentence);
    }
    if assessment.is_read() {
        found.room(assessment);
        found.messages(assessment);
        found.size(assessment);
        found.budget(assessment);
        found.folders(assessment);
    }
    let mut found = found.0;
    // Stable: of two that weigh the same, the one found first stays first.
    found.sort_by_key(|reason| std::cmp::Reverse(reason.risk));
    found
}

/// Returns how risky the move of a mailbox is: as much as its gravest reason.
#[must_use]
pub fn risk(assessment: &Assessment) -> Risk {
    reasons(assessment).first().map_or(Risk::Low, |reason| reason.risk)
}

/// Returns what was in the way, in the server's words, and what to do about it.
fn could_not_be_read(side: Side, stopped: &Stopped) -> String {
    let mut sentence = format!(
        "the {} could not be read: {}: {}",
        side.as_str(),
        stopped.cause,
        escape(stopped.reason.trim_end_matches('.'))
    );
    let remedy = stopped.cause.remedy(side);
    // Some reasons end in their remedy; those of a host's fault in a better one.
    if !remedy.is_empty() && !stopped.cause.is_of_host() && !stopped.reason.contains(&remedy) {
        sentence.push_str(&format!("; {remedy}"));
    }
    sentence
}

struct Reasons(Vec<RiskReason>);

impl Reasons {
    fn add(&mut self, code: RiskCode, risk: Risk, sentence: String) {
        self.0.push(RiskReason { code, risk, sentence });
    }

    fn room(&mut self, of: &Assessment) {
        let (Some(needed), Some(free)) = (of.bytes_to_copy(), of.target_room()) else { return };
        if needed > free {
            let (needed, free) = (bytes_rounded(needed), bytes_rounded(free));
            let sentence = format!("{needed} are to be copied, the target has {free} left");
            self.add(RiskCode::OverQuota, Risk::High, sentence);
        }
    }

    fn messages(&mut self, of: &Assessment) {
        let Some(over) = of.messages.over_limit.filter(|over| over.messages > 0) else { return };
        let limit = of.target.as_ref().and_then(|target| target.append_limit).map(bytes_rounded);
        let (number, size) = (plural(over.messages, "message"), bytes_rounded(over.bytes));
        let are = if over.messages == 1 { "is" } else { "are" };
        let limit = limit.map_or_else(String::new, |limit| format!(" ({limit})"));
        // What is over a limit is the largest first of all.
        let largest = of.messages.largest.as_ref().map(|largest| {
            let the = if over.messages == 1 { "it is" } else { "the largest is" };
            format!(": {the} in {}", escape(&largest.folder))
        });
        let largest = largest.unwrap_or_default();
        let sentence = format!("{number} ({size}) {are} larger than the target takes{limit}{largest}");
        self.add(RiskCode::OverLimit, Risk::Look, sentence);
    }

    fn size(&mut self, of: &Assessment) {
        match of.source.bytes {
            Some(size) if size > BIG => {
                let risk = if size > HUGE { Risk::High } else { Risk::Look };
                self.add(RiskCode::Large, risk, format!("it is large: {}", bytes_rounded(size)));
            }
            Some(_) => {}
            None => {
                let sentence = "the server does not tell how large all of its messages are".to_owned();
                self.add(RiskCode::SizesUnknown, Risk::Look, sentence);
            }
        }
        if of.source.messages > MANY_MESSAGES {
            let sentence = format!("it has many messages: {}", count(of.source.messages));
            self.add(RiskCode::ManyMessages, Risk::Look, sentence);
        }
    }

    fn budget(&mut self, of: &Assessment) {
        let Some(budget) = budget_seconds(of) else { return };
        let days = (budget.seconds / DAY).ceil() as u64;
        if days > 1 {
            let risk = if days > LONG_DAYS { Risk::High } else { Risk::Look };
            let long = if days > 365 { "more than a year".to_owned() } else { format!("{days} days") };
            self.add(RiskCode::Throttled, risk, format!("it takes {long}: {}", budget.sentence));
        }
    }

    fn folders(&mut self, of: &Assessment) {
        let named = |code, folders: &super::NamedFolders, say: &dyn Fn(&str, &str) -> String| {
            let number = plural(folders.count, "folder");
            (folders.count > 0).then(|| (code, say(&number, &escape(&folders.named()))))
        };
        let found = [
            named(RiskCode::FoldersUnread, &of.messages.unread_folders, &|n, names| {
                format!("{n} could not be read: {names}")
            }),
            named(RiskCode::SharedFolders, &of.shared_folders, &|n, names| {
                format!("{n} of others or of everybody, left out: {names}")
            }),
            named(RiskCode::NotMail, &of.not_mail, &|n, names| {
                format!("{n} with appointments, contacts or tasks by the name: {names}")
            }),
        ];
        for (code, sentence) in found.into_iter().flatten() {
            self.add(code, Risk::Look, sentence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::{Budget, EndFigures, LargestMessage, Portion, ProviderFigures, QuotaFigures};
    use crate::cause::Cause;

    const GIB: u64 = 1 << 30;

    fn ordinary() -> Assessment {
        let source = EndFigures { messages: 1_000, bytes: Some(GIB), ..EndFigures::default() };
        let quota = Some(QuotaFigures { used: 0, limit: 2 * GIB });
        let target = EndFigures { quota, append_limit: Some(50 << 20), ..EndFigures::default() };
        let mut one = Assessment { source, target: Some(target), ..Assessment::default() };
        one.messages.over_limit = Some(Portion::default());
        one
    }

    fn no(side: Side, cause: Cause) -> Option<Stopped> {
        Some(Stopped { side, cause, reason: "no \x1b[31m".into() })
    }

    fn giving(bytes: u64) -> Option<ProviderFigures> {
        let budget = Budget { gives_a_day: Some(bytes), ..Budget::default() };
        Some(ProviderFigures { name: "Gmail".into(), budget, ..ProviderFigures::default() })
    }

    type Change = fn(&mut Assessment);

    #[test]
    fn every_fact_weighs_what_it_should() {
        use RiskCode as C;
        let table: &[(&str, Change, Risk, &[RiskCode])] = &[
            ("an ordinary mailbox", |_| {}, Risk::Low, &[]),
            ("an empty one", |a| (a.source.messages, a.source.bytes) = (0, Some(0)), Risk::Low, &[]),
            ("no target", |a| a.target = None, Risk::Low, &[]),
            ("no quota", |a| a.target.as_mut().unwrap().quota = None, Risk::Low, &[]),
            ("it fits exactly", |a| a.source.bytes = Some(2 * GIB), Risk::Low, &[]),
            ("one byte too many", |a| a.source.bytes = Some(2 * GIB + 1), Risk::High, &[C::OverQuota]),
            (
                "copied already",
                |a| (a.source.bytes, a.settled_bytes) = (Some(3 * GIB), 2 * GIB),
                Risk::Low,
                &[],
            ),
            (
                "log-in refused",
                |a| a.source.stopped = no(Side::Source, Cause::AuthRefused),
                Risk::High,
                &[C::SourceStopped],
            ),
            (
                "refused, and nothing else is believed",
                |a| {
                    a.source.stopped = no(Side::Source, Cause::NotTried);
                    a.source.bytes = None;
                },
                Risk::High,
                &[C::SourceStopped],
            ),
            (
                "target refused",
                |a| a.target.as_mut().unwrap().stopped = no(Side::Target, Cause::AuthOrMissing),
                Risk::High,
                &[C::TargetStopped],
            ),
            (
                "one message over the limit",
                |a| a.messages.over_limit = Some(Portion { messages: 1, bytes: 60 << 20 }),
                Risk::Look,
                &[C::OverLimit],
            ),
            (
                "large",
                |a| {
                    a.target = None;
                    a.source.bytes = Some(BIG + 1);
                },
                Risk::Look,
                &[C::Large],
            ),
            (
                "huge",
                |a| {
                    a.target = None;
                    a.source.bytes = Some(HUGE + 1);
                },
                Risk::High,
                &[C::Large],
            ),
            ("sizes unknown", |a| a.source.bytes = None, Risk::Look, &[C::SizesUnknown]),
            ("many messages", |a| a.source.messages = MANY_MESSAGES + 1, Risk::Look, &[C::ManyMessages]),
            ("within a day's budget", |a| a.source.provider = giving(GIB), Risk::Low, &[]),
            ("a budget of days", |a| a.source.provider = giving(GIB / 3), Risk::Look, &[C::Throttled]),
            ("a budget of weeks", |a| a.source.provider = giving(GIB / 20), Risk::High, &[C::Throttled]),
            (
                "a folder that does not open",
                |a| a.messages.unread_folders.add("Locked"),
                Risk::Look,
                &[C::FoldersUnread],
            ),
            ("shared folders", |a| a.shared_folders.add("Shared/Team"), Risk::Look, &[C::SharedFolders]),
            ("a calendar", |a| a.not_mail.add("Calendar"), Risk::Look, &[C::NotMail]),
            (
                "the gravest comes first",
                |a| {
                    a.not_mail.add("Calendar");
                    a.source.bytes = Some(3 * GIB);
                },
                Risk::High,
                &[C::OverQuota, C::NotMail],
            ),
        ];
        for (what, change, expected, codes) in table {
            let mut one = ordinary();
            change(&mut one);
            let found: Vec<RiskCode> = reasons(&one).iter().map(|reason| reason.code).collect();
            assert_eq!((risk(&one), &found[..]), (*expected, *codes), "{what}");
        }
    }

    #[test]
    fn a_reason_has_its_figures_and_nothing_that_a_terminal_obeys() {
        let mut one = ordinary();
        one.source.stopped = no(Side::Source, Cause::AuthRefused);
        let sentence = &reasons(&one)[0].sentence;
        assert!(
            sentence.starts_with("the source could not be read: auth-refused: no \\x1b[31m; check "),
            "{sentence}"
        );
        let mut one = ordinary();
        one.messages.over_limit = Some(Portion { messages: 3, bytes: 180 << 20 });
        one.messages.largest = Some(LargestMessage { bytes: 90 << 20, folder: "Films".into() });
        one.source.bytes = Some(5 * GIB);
        let sentences: Vec<String> = reasons(&one).into_iter().map(|reason| reason.sentence).collect();
        assert_eq!(
            sentences,
            [
                "5.0 GiB are to be copied, the target has 2.0 GiB left",
                "3 messages (180 MiB) are larger than the target takes (50 MiB): the largest is in Films"
            ]
        );
    }
}
