//! Why a message, or a folder's messages, are not on the target: the closed list of codes.

use crate::names::names;

names! {
    /// Why a message is not on the target.
    pub enum Code {
        /// Left out by the operator's own rule or selection.
        Rule = "rule",
        /// The target takes no messages of this size.
        TooBig = "too-big",
        /// The target has a limit of another kind (`[LIMIT]`).
        Limit = "limit",
        /// The target refused it, in its own words.
        Refused = "refused",
        /// The source lists it and does not give it, or the connection ended each time it was asked for.
        Unreadable = "unreadable",
        /// The source counts it and does not list it.
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
        /// The target does not let its folder be created.
        CreateRefused = "create-refused",
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
}
