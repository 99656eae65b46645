//! What a forecast needs of one mailbox: how much there is to bring over, and what both ends give and take.

use mailhaul_text::{bytes_rounded, count};
use serde::{Deserialize, Serialize};

use super::Bound;
use super::windows::{Allowance, DAY, HOUR};
use crate::assessment::{Assessment, Budget, EndFigures};

/// What one mailbox still has to bring over, and between which ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailboxLoad {
    /// Key of the mailbox.
    pub mailbox: String,
    /// Messages to copy.
    pub messages: u64,
    /// Their bytes; `None` where the source tells no sizes.
    pub bytes: Option<u64>,
    /// Between which ends.
    pub ends: LoadEnds,
}

/// The two ends of a mailbox, as far as they say how long it takes. A plan keeps them beside its estimate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadEnds {
    /// One round trip to the old host, in milliseconds; `None` where none was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<u32>,
    /// The old host.
    pub source: EndLimits,
    /// The new host; `None` where it is not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<EndLimits>,
}

/// What one host gives and takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndLimits {
    /// Host name, as it is dialled.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The provider's name for people, where a server profile knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Connections that the provider takes at once, all mailboxes together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<u32>,
    /// What the provider gives and takes of one mailbox in a time.
    #[serde(flatten)]
    pub budget: Budget,
}

impl EndLimits {
    fn of(end: &EndFigures) -> Self {
        let provider = end.provider.as_ref();
        Self {
            host: end.host.clone(),
            port: end.port,
            provider: provider.map(|provider| provider.name.clone()),
            connections: provider.and_then(|provider| provider.connections),
            budget: provider.map(|provider| provider.budget).unwrap_or_default(),
        }
    }

    fn name(&self) -> &str {
        self.provider.as_deref().unwrap_or(&self.host)
    }
}

impl MailboxLoad {
    /// Takes what an assessment has read. Of a mailbox that earlier runs have copied in part as many messages
    /// are left as its bytes tell: how many were settled it does not count.
    #[must_use]
    pub fn of(assessment: &Assessment) -> Self {
        let (source, left) = (&assessment.source, assessment.bytes_to_copy());
        let messages = match (source.bytes, left) {
            (Some(all), Some(left)) if all > 0 => {
                u64::try_from(u128::from(source.messages) * u128::from(left) / u128::from(all))
                    .unwrap_or(source.messages)
            }
            _ => source.messages,
        };
        Self {
            mailbox: assessment.mailbox.clone(),
            messages,
            bytes: left,
            ends: LoadEnds {
                round_trip_ms: source.round_trip_ms,
                source: EndLimits::of(source),
                target: assessment.target.as_ref().map(EndLimits::of),
            },
        }
    }

    /// What the providers of both ends let through of this mailbox in a time.
    pub(super) fn budgets(&self) -> Vec<Allowance> {
        let bytes = self.bytes.unwrap_or(0) as f64;
        let source = &self.ends.source;
        let mut found = Vec::new();
        if let Some(most) = set(source.budget.gives_a_day) {
            let sentence = format!("{} gives {} a day of one mailbox", source.name(), bytes_rounded(most));
            found.push(Allowance::new(bytes, most, DAY, Bound::Budget, sentence));
        }
        let Some(target) = &self.ends.target else { return found };
        if let Some(most) = set(target.budget.takes_a_day) {
            let sentence = format!("{} takes {} a day into one mailbox", target.name(), bytes_rounded(most));
            found.push(Allowance::new(bytes, most, DAY, Bound::Budget, sentence));
        }
        if let Some(most) = set(target.budget.takes_messages_an_hour) {
            let sentence =
                format!("{} takes {} messages an hour into one mailbox", target.name(), count(most));
            found.push(Allowance::new(self.messages as f64, most, HOUR, Bound::Budget, sentence));
        }
        found
    }
}

/// A budget of nothing is none: whoever says so means that there is no limit, or does not know it.
fn set(most: Option<u64>) -> Option<u64> {
    most.filter(|most| *most > 0)
}

/// What a provider's budget makes of one mailbox.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetTime {
    /// How much of a time it fills, in seconds: a part of a day's budget takes that part of a day.
    pub seconds: f64,
    /// Whose budget it is, as a clause: `Gmail gives 2.3 GiB a day`.
    pub sentence: String,
}

/// Returns the tightest budget of both ends over what is still to be copied; `None` where there is none, or
/// the sizes are not known.
#[must_use]
pub fn budget_seconds(of: &Assessment) -> Option<BudgetTime> {
    let load = MailboxLoad::of(of);
    let budgets = load.budgets().into_iter().filter(|budget| load.bytes.is_some() || budget.window < DAY);
    budgets
        .map(|budget| BudgetTime { seconds: budget.filled(), sentence: budget.sentence })
        .max_by(|a, b| a.seconds.total_cmp(&b.seconds))
}
