//! Why a message, or a folder's messages, are not on the target: the closed list of codes.

use crate::cause::Actor;
use crate::named_enum::named_enum;

named_enum! {
    /// Why a message, or what a folder holds, is not on the target.
    pub enum Code {
        /// A `[[folders]]` rule, a plugin's ruling or `[select]` leaves it out.
        Rule = "rule",
        /// It is larger than the target takes (APPENDLIMIT, RFC 7889, or a `[TOOBIG]` answer).
        TooBig = "too-big",
        /// The target refused it with `[LIMIT]`: a limit other than its size.
        Limit = "limit",
        /// The target refused it, for a reason that only its own words tell.
        Refused = "refused",
        /// The source lists it and does not give it, or the connection ended each time it was asked for.
        Unreadable = "unreadable",
        /// The source counts it in EXISTS or STATUS, and its list lacks it.
        Unlisted = "unlisted",
        /// The target takes it for another message, and keeps no copy of its own.
        Merged = "merged",
        /// It may be on the target, and one side does not give what would tell.
        Undecided = "undecided",
        /// The target said that it stored it, and does not hold it.
        NotStored = "not-stored",
        /// The connection to the target broke each time it was sent.
        ConnectionLost = "connection-lost",
        /// The target does not let its folder be opened for writing.
        SelectRefused = "select-refused",
        /// The target refuses to create the folder it goes to, or would mix it with another.
        CreateRefused = "create-refused",
    }
}

impl Code {
    /// Returns who has to act before such a message can be brought.
    #[must_use]
    pub fn actor(self) -> Actor {
        match self {
            Self::Rule => Actor::Nobody,
            Self::TooBig | Self::Limit | Self::Refused | Self::Merged | Self::NotStored => Actor::NewHost,
            Self::Unreadable | Self::Unlisted => Actor::OldHost,
            Self::ConnectionLost | Self::SelectRefused => Actor::NewHost,
            Self::Undecided | Self::CreateRefused => Actor::Operator,
        }
    }

    /// Returns whether such a message is given up after a few attempts over all runs: it is then sent again
    /// only by `retry` with this reason.
    #[must_use]
    pub fn is_given_up(self) -> bool {
        match self {
            Self::TooBig
            | Self::Limit
            | Self::Refused
            | Self::Merged
            | Self::NotStored
            | Self::ConnectionLost => true,
            Self::Rule
            | Self::Unreadable
            | Self::Unlisted
            | Self::Undecided
            | Self::SelectRefused
            | Self::CreateRefused => false,
        }
    }

    /// Returns what to do about it, in one sentence without its full stop.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Rule => "nothing, unless the rule should not leave it out",
            Self::TooBig => "have the new host take larger messages, or hand it over in another way",
            Self::Limit => "have the new host lift the limit it names, then `mailhaul retry --reason limit`",
            Self::Refused => {
                "see the new host's own words; once it takes such messages, `mailhaul retry --reason refused`"
            }
            Self::Unreadable => "have the old host repair the message or the folder, then run again",
            Self::Unlisted => "have the old host repair the folder, then run again",
            Self::Merged => {
                "the new host keeps one message for several with one Message-ID: hand it over in another way"
            }
            Self::Undecided => {
                "look whether the message is on the target; once both hosts give it, run again"
            }
            Self::NotStored => "ask the new host where messages go that it says it has stored",
            Self::ConnectionLost => "ask the new host why its connection ends at this message",
            Self::SelectRefused => "have the new host let the folder be opened for writing, then run again",
            Self::CreateRefused => "give the folder another name in a `[[folders]]` rule, then run again",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_read_as_what_it_names() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
        }
        assert_eq!(Code::parse(""), None);
    }

    #[test]
    fn only_the_operator_s_own_rule_wants_nothing_done() {
        for code in Code::ALL {
            assert!(!code.remedy().is_empty() && !code.remedy().ends_with('.'), "{code}");
            assert_eq!(code.actor() == Actor::Nobody, *code == Code::Rule, "{code}");
        }
    }
}
