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

    /// Returns what is the matter, in one clause for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Rule => "a rule leaves it out",
            Self::TooBig => "larger than the new host takes",
            Self::Limit => "a limit of the new host stands in the way",
            Self::Refused => "refused by the new host",
            Self::Unreadable => "the old host does not give it",
            Self::Unlisted => "the old host counts it and does not list it",
            Self::Merged => "the new host takes it for another message",
            Self::Undecided => "nobody can tell whether it is on the new host",
            Self::NotStored => "the new host says it has stored it, and does not hold it",
            Self::ConnectionLost => "the connection to the new host ends at it",
            Self::SelectRefused => "the new host does not let its folder be written to",
            Self::CreateRefused => "the new host does not make its folder",
        }
    }

    /// Returns the text to send to whoever has to act, to be followed by the folders and numbers of the
    /// messages; `None` where the operator acts himself, or nobody.
    #[must_use]
    pub fn message(self) -> Option<&'static str> {
        match self {
            Self::Rule | Self::Undecided | Self::CreateRefused => None,
            Self::TooBig => Some(
                "We are moving mail to your server, which does not take the messages below because they are too large. \
                 Please raise the limit on the size of a message until the move has ended.",
            ),
            Self::Limit | Self::Refused => Some(
                "We are moving mail to your server, which refuses the messages below. Its own words stand beside each \
                 of them. Please let them through, or tell us why they cannot be stored.",
            ),
            Self::Unreadable | Self::Unlisted => Some(
                "We are moving mail from your server, which does not give us the messages below. Please repair the \
                 folders they are in.",
            ),
            Self::Merged => Some(
                "We are moving mail to your server, which keeps one message where several have the same Message-ID. \
                 Please tell us how the messages below can be stored.",
            ),
            Self::NotStored => Some(
                "We are moving mail to your server, which has acknowledged the messages below and does not hold them. \
                 Please tell us where they have gone.",
            ),
            Self::ConnectionLost => Some(
                "We are moving mail to your server, whose connection ends each time one of the messages below is sent. \
                 Please look into your log, and tell us what is in the way.",
            ),
            Self::SelectRefused => Some(
                "We are moving mail to your server, which does not let the folders below be opened for writing. Please \
                 allow it.",
            ),
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
            let own = matches!(code.actor(), Actor::Nobody | Actor::Operator);
            assert_eq!(code.message().is_none(), own, "{code}: who acts is sent something");
            assert!(!code.sentence().is_empty(), "{code}");
        }
    }
}
