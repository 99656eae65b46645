//! What became of the settings that decide about a plan: `[select]`, rules and mapping plugins.

use serde::{Deserialize, Serialize};

use super::PlanSettings;
use crate::named_enum::named_enum;

named_enum! {
    /// A part of a plan's settings.
    pub enum SettingsPart {
        /// `[select]`.
        Select = "select",
        /// The `[[folders]]` rules.
        Folders = "folders",
        /// The mapping plugins.
        Mapping = "mapping",
    }
}

/// A part of the settings that is otherwise than in an earlier plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsChange {
    /// Which.
    pub part: SettingsPart,
    /// What it said, entry by entry; empty where it said nothing.
    pub before: Vec<String>,
    /// What it says.
    pub now: Vec<String>,
}

impl SettingsChange {
    /// Returns the entries that are gone.
    pub fn gone(&self) -> impl Iterator<Item = &str> {
        self.before.iter().filter(|entry| !self.now.contains(entry)).map(String::as_str)
    }

    /// Returns the entries that are new.
    pub fn new_ones(&self) -> impl Iterator<Item = &str> {
        self.now.iter().filter(|entry| !self.before.contains(entry)).map(String::as_str)
    }
}

impl PlanSettings {
    /// Returns each part that is otherwise than it was `before`. The line that a rule stands in is no change;
    /// the order of rules and of plugins is one, since the first that knows a folder decides.
    #[must_use]
    pub fn changes_since(&self, before: &Self) -> Vec<SettingsChange> {
        let parts = |settings: &Self| {
            let select = (!settings.select.is_empty()).then(|| settings.select.clone());
            let rules = settings.rules.iter().map(ToString::to_string);
            [
                (SettingsPart::Select, select.into_iter().collect::<Vec<String>>()),
                (SettingsPart::Folders, rules.collect()),
                (SettingsPart::Mapping, settings.mappers.clone()),
            ]
        };
        let both = parts(before).into_iter().zip(parts(self));
        both.filter(|((_, before), (_, now))| before != now)
            .map(|((part, before), (_, now))| SettingsChange { part, before, now })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PlanRule;

    fn settings(select: &str, rules: &[(&str, &str)], mappers: &[&str]) -> PlanSettings {
        let rule = |(place, from): &(&str, &str)| PlanRule {
            place: (*place).into(),
            from: (*from).into(),
            to: None,
            keeps_copies: false,
        };
        PlanSettings {
            rules: rules.iter().map(rule).collect(),
            select: select.into(),
            mappers: mappers.iter().map(|&mapper| mapper.to_owned()).collect(),
        }
    }

    #[test]
    fn each_part_that_says_something_else_is_a_change() {
        let before = settings("", &[("f:1", "A"), ("f:2", "B")], &["roles 0.1.0"]);
        let parts = |now: &PlanSettings| -> Vec<&str> {
            now.changes_since(&before).iter().map(|change| change.part.as_str()).collect()
        };
        for (now, expected) in [
            (settings("", &[("f:7", "A"), ("f:9", "B")], &["roles 0.1.0"]), vec![]),
            (settings("since = 2030-01-01", &[("f:1", "A"), ("f:2", "B")], &["roles 0.1.0"]), vec!["select"]),
            (settings("", &[("f:1", "B"), ("f:2", "A")], &["roles 0.1.0"]), vec!["folders"]),
            (settings("", &[("f:1", "A")], &["roles 0.2.0"]), vec!["folders", "mapping"]),
        ] {
            assert_eq!(parts(&now), expected, "{now:?}");
        }
        let change = &settings("", &[("f:1", "A"), ("f:2", "C")], &["roles 0.1.0"]).changes_since(&before)[0];
        let all = |entries: Vec<&str>| entries.join(", ");
        assert_eq!(all(change.gone().collect()), "B → left out");
        assert_eq!(all(change.new_ones().collect()), "C → left out");
    }
}
