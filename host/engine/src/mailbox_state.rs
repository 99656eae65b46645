//! The state of a mailbox: one word, computed from facts, the same on every surface.
//!
//! No state is stored: what is stored is what happened, and [`state`] says what follows from it.

use serde::{Deserialize, Serialize};

use crate::cause::{Actor, Cause};
use crate::named_enum::named_enum;
use crate::side::Side;

named_enum! {
    /// What a mailbox is at, in one word. Declared in the order in which lists show them: what needs
    /// attention first, what is done last.
    pub enum MailboxState {
        /// A cause must go away first; who has to act is said with it.
        Blocked = "blocked",
        /// Our side: a difference, a failed message nobody accepted, a plugin, a ledger.
        Failed = "failed",
        /// Mail is moving.
        Running = "running",
        /// A server asked for patience, or is away, until a time.
        Waiting = "waiting",
        /// A person stopped it, which is no failure.
        Stopped = "stopped",
        /// Both ends are being looked at.
        Checking = "checking",
        /// It has its turn in a task, and no place is free yet.
        Queued = "queued",
        /// Both ends answer, and where a plan is approved it fits: a run can go on.
        Ready = "ready",
        /// It stands in the list, and nothing was tried, or its plan is not the one that was approved.
        Listed = "listed",
        /// The sum adds up and nothing is pending; not compared since.
        Copied = "copied",
        /// Compared as a whole since the newest copy, without a difference or a failed message.
        Proven = "proven",
        /// As proven, and every failed message was accepted by name.
        Accepted = "accepted",
        /// Mail has been switched to the new host, and the old one is looked at for more.
        Watching = "watching",
    }
}

impl MailboxState {
    /// Returns whether somebody has to do something before it can go on: a mark over the state.
    #[must_use]
    pub const fn needs_attention(self) -> bool {
        matches!(self, Self::Blocked | Self::Failed)
    }

    /// Returns whether a task that is alive works on it, or is going to.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Running | Self::Waiting | Self::Checking | Self::Queued)
    }
}

/// What a living task does with a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveWork {
    /// It has its turn, and has not begun.
    Queued,
    /// A look at both ends: `check`, `plan`.
    Looking,
    /// Mail moves, or is compared.
    Moving,
    /// The old host is watched after the switch.
    Watching,
    /// It waits for a server.
    Waiting {
        /// Until when: UTC, RFC 3339.
        until: String,
    },
}

/// How the newest task that has begun with a mailbox left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewestEnd {
    /// It came to its end, well or not.
    Finished,
    /// A person stopped it.
    Interrupted,
    /// It could not go on.
    Stopped(Side, Cause),
    /// The process was killed: nobody wrote how it ended.
    Killed,
}

/// Everything that decides a mailbox's state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateFacts {
    /// What a living task does with it.
    pub live: Option<LiveWork>,
    /// How the newest look or run ended; `None` before the first.
    pub newest: Option<NewestEnd>,
    /// Both ends have answered: a look found nothing in the way, or a run has planned it.
    pub answered: bool,
    /// A run has planned its folders.
    pub begun: bool,
    /// The newest run that copies came to its end.
    pub run_finished: bool,
    /// Messages not dealt with yet, and folders that nobody has opened.
    pub pending: u64,
    /// Messages that failed, and folders that could not be read.
    pub failed: u64,
    /// Of these, accepted by name.
    pub accepted: u64,
    /// Something differs, a validation hook failed, copies were left that were to be put away, or there are
    /// folders about which nobody has said where they go.
    pub differs: bool,
    /// A whole comparison at depth `headers` or `full` ended after the newest copy.
    pub compared: bool,
    /// Whether the plan that somebody approved fits the mailbox's newest plan; `None` where nobody has
    /// approved one.
    pub approved: Option<bool>,
}

/// What follows from the facts: the state, and who acts next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateOf {
    /// The word.
    pub state: MailboxState,
    /// Who has to act next.
    pub who: Actor,
    /// Why it is blocked, or failed by a fault of ours.
    pub cause: Option<Cause>,
    /// At which end the cause was met.
    pub side: Option<Side>,
    /// Until when a server is waited for: UTC, RFC 3339.
    pub until: Option<String>,
}

/// Returns the state that follows from the facts: the first rule that fits.
#[must_use]
pub fn state(facts: &StateFacts) -> StateOf {
    let of = |state, who| StateOf { state, who, cause: None, side: None, until: None };
    match &facts.live {
        Some(LiveWork::Moving) => return of(MailboxState::Running, Actor::Nobody),
        Some(LiveWork::Looking) => return of(MailboxState::Checking, Actor::Nobody),
        Some(LiveWork::Queued) => return of(MailboxState::Queued, Actor::Nobody),
        Some(LiveWork::Waiting { until }) => {
            return StateOf { until: Some(until.clone()), ..of(MailboxState::Waiting, Actor::Nobody) };
        }
        Some(LiveWork::Watching) | None => {}
    }
    match facts.newest {
        Some(NewestEnd::Interrupted) => return of(MailboxState::Stopped, Actor::Operator),
        Some(NewestEnd::Stopped(side, cause)) => {
            let state = if is_ours(cause) { MailboxState::Failed } else { MailboxState::Blocked };
            return StateOf { cause: Some(cause), side: Some(side), ..of(state, cause.actor(side)) };
        }
        Some(NewestEnd::Finished | NewestEnd::Killed) | None => {}
    }
    let undecided = facts.failed > facts.accepted && facts.run_finished;
    if facts.begun && (facts.differs || undecided) {
        return of(MailboxState::Failed, Actor::Operator);
    }
    if facts.live == Some(LiveWork::Watching) {
        return of(MailboxState::Watching, Actor::Nobody);
    }
    // What nobody has accepted yet keeps a mailbox from both, whether or not the run finished.
    if facts.begun && facts.pending == 0 && facts.failed <= facts.accepted {
        return match (facts.compared, facts.failed) {
            (true, 0) => of(MailboxState::Proven, Actor::Nobody),
            (true, _) => of(MailboxState::Accepted, Actor::Nobody),
            (false, _) => of(MailboxState::Copied, Actor::Operator),
        };
    }
    if (facts.answered || facts.begun) && facts.approved != Some(false) {
        of(MailboxState::Ready, Actor::Operator)
    } else {
        of(MailboxState::Listed, Actor::Operator)
    }
}

/// Whether a cause is a fault of our side, so that nobody else can take it away.
fn is_ours(cause: Cause) -> bool {
    matches!(cause, Cause::Plugin | Cause::Ledger | Cause::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything copied, compared and well.
    fn proven() -> StateFacts {
        StateFacts {
            newest: Some(NewestEnd::Finished),
            answered: true,
            begun: true,
            run_finished: true,
            compared: true,
            ..StateFacts::default()
        }
    }

    fn word(facts: &StateFacts) -> &'static str {
        state(facts).state.as_str()
    }

    /// A rule of the table: what is changed in the facts, and the word that is said then.
    type Rule = (&'static str, fn(&mut StateFacts));

    /// From the last rule to the first. Each is applied over all before it, so that it has to win over them:
    /// that is the order.
    const RULES: [Rule; 13] = [
        ("listed", |facts| *facts = StateFacts::default()),
        ("ready", |facts| facts.answered = true),
        ("copied", |facts| {
            *facts = StateFacts { begun: true, run_finished: true, answered: true, ..StateFacts::default() };
        }),
        ("proven", |facts| facts.compared = true),
        ("accepted", |facts| (facts.failed, facts.accepted) = (2, 2)),
        ("watching", |facts| facts.live = Some(LiveWork::Watching)),
        ("failed", |facts| facts.differs = true),
        ("blocked", |facts| facts.newest = Some(NewestEnd::Stopped(Side::Target, Cause::Quota))),
        ("stopped", |facts| facts.newest = Some(NewestEnd::Interrupted)),
        ("waiting", |facts| facts.live = Some(LiveWork::Waiting { until: "2026-11-30T10:00:00Z".into() })),
        ("queued", |facts| facts.live = Some(LiveWork::Queued)),
        ("checking", |facts| facts.live = Some(LiveWork::Looking)),
        ("running", |facts| facts.live = Some(LiveWork::Moving)),
    ];

    #[test]
    fn every_rule_wins_over_those_below_it() {
        let mut facts = StateFacts::default();
        for (expected, change) in RULES {
            change(&mut facts);
            assert_eq!(word(&facts), expected, "{facts:?}");
        }
        let all: std::collections::HashSet<&str> = RULES.iter().map(|(word, _)| *word).collect();
        assert_eq!(all.len(), MailboxState::ALL.len(), "every state has its rule");
    }

    #[test]
    fn what_is_short_of_a_state_is_not_that_state() {
        let cases: &[(&str, StateFacts)] = &[
            ("proven", proven()),
            ("copied", StateFacts { compared: false, ..proven() }),
            ("ready", StateFacts { pending: 1, ..proven() }),
            ("failed", StateFacts { failed: 2, accepted: 1, ..proven() }),
            ("accepted", StateFacts { failed: 2, accepted: 2, ..proven() }),
            ("failed", StateFacts { differs: true, ..proven() }),
            // A pre-stage has finished, and the rest is pending.
            ("ready", StateFacts { pending: 9, compared: false, ..proven() }),
            // A killed run says nothing of what it left: the next one looks.
            (
                "ready",
                StateFacts { newest: Some(NewestEnd::Killed), run_finished: false, pending: 3, ..proven() },
            ),
            ("ready", StateFacts { run_finished: false, failed: 1, ..proven() }),
            (
                "ready",
                StateFacts { answered: true, newest: Some(NewestEnd::Finished), ..StateFacts::default() },
            ),
            ("listed", StateFacts { newest: Some(NewestEnd::Killed), ..StateFacts::default() }),
            // An approval is of a plan, and so of the mailboxes in it.
            ("ready", StateFacts { pending: 1, approved: Some(true), ..proven() }),
            ("listed", StateFacts { pending: 1, approved: Some(false), ..proven() }),
            ("listed", StateFacts { answered: true, approved: Some(false), ..StateFacts::default() }),
            // What is done is done, whoever approved it.
            ("proven", StateFacts { approved: Some(false), ..proven() }),
            ("failed", StateFacts { failed: 1, approved: Some(false), ..proven() }),
            // Nothing was begun: nothing can differ.
            ("listed", StateFacts { differs: true, ..StateFacts::default() }),
            ("failed", StateFacts { live: Some(LiveWork::Watching), differs: true, ..proven() }),
        ];
        for (expected, facts) in cases {
            assert_eq!(word(facts), *expected, "{facts:?}");
        }
    }

    #[test]
    fn a_fault_of_ours_is_failed_and_everything_else_that_stops_is_blocked() {
        for cause in Cause::ALL {
            let facts = StateFacts { newest: Some(NewestEnd::Stopped(Side::Source, *cause)), ..proven() };
            let found = state(&facts);
            let ours = matches!(cause.as_str(), "plugin" | "ledger" | "internal");
            assert_eq!(found.state == MailboxState::Failed, ours, "{cause}");
            assert_eq!(found.state == MailboxState::Blocked, !ours, "{cause}");
            assert_eq!((found.cause, found.who), (Some(*cause), cause.actor(Side::Source)));
        }
    }

    #[test]
    fn who_acts_and_until_when_is_said_with_the_word() {
        let waiting = LiveWork::Waiting { until: "2026-11-30T10:00:00Z".into() };
        let found = state(&StateFacts { live: Some(waiting), ..proven() });
        assert_eq!((found.who, found.until.as_deref()), (Actor::Nobody, Some("2026-11-30T10:00:00Z")));
        for (facts, who) in [
            (proven(), Actor::Nobody),
            (StateFacts { compared: false, ..proven() }, Actor::Operator),
            (StateFacts { differs: true, ..proven() }, Actor::Operator),
            (StateFacts::default(), Actor::Operator),
        ] {
            assert_eq!(state(&facts).who, who, "{facts:?}");
        }
    }
}
