//! What a plan says of how much there is to bring over, for forecasts.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{LeftOut, MailboxPlan};
use crate::assessment::Portion;
use crate::assessment::forecast::{LoadEnds, MailboxLoad};

impl MailboxPlan {
    /// Makes the sums over the mailbox those of its folders.
    pub fn add_up(&mut self) {
        let (mut to_copy, mut there, mut too_large) = (0_u64, 0_u64, Portion::default());
        let (mut bytes, mut bytes_to_copy) = (Some(0_u64), Some(0_u64));
        let mut left_out: BTreeMap<&str, Portion> = BTreeMap::new();
        let plus =
            |sum: Option<u64>, more: Option<u64>| sum.zip(more).map(|(sum, more)| sum.saturating_add(more));
        for folder in &self.folders {
            to_copy = to_copy.saturating_add(folder.to_copy);
            there = there.saturating_add(folder.already_there);
            too_large.join(folder.too_large);
            for LeftOut { rule, portion } in &folder.left_out {
                left_out.entry(rule).or_default().join(*portion);
            }
            bytes_to_copy = plus(bytes_to_copy, folder.bytes_to_copy);
            if folder.target.is_some() {
                bytes = plus(bytes, folder.bytes);
            }
        }
        let rules = left_out.into_iter().map(|(rule, portion)| LeftOut { rule: rule.to_owned(), portion });
        self.left_out = rules.collect();
        self.messages_to_copy = to_copy;
        self.bytes_to_copy = bytes_to_copy;
        self.already_there = there;
        self.too_large = too_large;
        self.bytes = bytes;
    }
}

/// The figures of a [`MailboxPlan`] alone, read from its JSON: a fleet's plans are long by their folders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct PlannedLoad {
    mailbox: String,
    messages_to_copy: u64,
    #[serde(default)]
    bytes_to_copy: Option<u64>,
    /// Messages that earlier runs had settled by then.
    #[serde(default)]
    pub already_there: u64,
    bytes: Option<u64>,
    #[serde(default)]
    ends: LoadEnds,
}

impl PlannedLoad {
    /// Returns what was to be copied by the plan.
    #[must_use]
    pub(crate) fn load(self) -> MailboxLoad {
        let (to_copy, there) = (u128::from(self.messages_to_copy), u128::from(self.already_there));
        // Where nobody has counted the bytes that are left, they are as many as their share of the messages.
        let share = |bytes: u64| {
            let left = (u128::from(bytes) * to_copy).checked_div(to_copy + there);
            left.map_or(0, |left| u64::try_from(left).unwrap_or(bytes))
        };
        MailboxLoad {
            mailbox: self.mailbox,
            messages: self.messages_to_copy,
            bytes: self.bytes_to_copy.or_else(|| self.bytes.map(share)),
            ends: self.ends,
        }
    }
}

impl MailboxPlan {
    /// Returns what a forecast needs of it.
    #[must_use]
    pub fn load(&self) -> MailboxLoad {
        let figures = PlannedLoad {
            mailbox: self.mailbox.clone(),
            messages_to_copy: self.messages_to_copy,
            bytes_to_copy: self.bytes_to_copy,
            already_there: self.already_there,
            bytes: self.bytes,
            ends: self.ends.clone(),
        };
        figures.load()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_nobody_has_counted_are_a_share() {
        let read = |json: &str| serde_json::from_str::<PlannedLoad>(json).unwrap().load();
        for (json, bytes) in [
            (
                r#"{"mailbox":"a","messages_to_copy":25,"already_there":75,"bytes":1000,"folders":[1]}"#,
                Some(250),
            ),
            (
                r#"{"mailbox":"a","messages_to_copy":25,"already_there":75,"bytes":1000,"bytes_to_copy":7}"#,
                Some(7),
            ),
            (r#"{"mailbox":"a","messages_to_copy":0,"bytes":1000}"#, Some(0)),
            (r#"{"mailbox":"a","messages_to_copy":3,"bytes":null}"#, None),
        ] {
            assert_eq!(read(json).bytes, bytes, "{json}");
        }
    }
}
