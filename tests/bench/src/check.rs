//! Whether the mail arrived: every folder's count, and some messages' digests.

use std::io;

use mailhaul_lab::dovecot::Dovecot;
use mailhaul_lab::imap::{Argument, Client, Value};
use serde::{Deserialize, Serialize};

use crate::mail::{ExpectedFolder, ExpectedMailbox, digest};

/// Messages of a folder that are read again, or all when it has fewer.
const SAMPLED: u64 = 8;
/// The same where messages are large.
const SAMPLED_LARGE: u64 = 2;

/// What a mailbox on the target holds, beside what it should hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TargetCheck {
    pub(crate) expected: u64,
    /// Of those, the ones that are there; counted, not compared.
    pub(crate) present: u64,
    /// Messages more than expected.
    pub(crate) extra: u64,
    /// Messages that were read again and compared by digest.
    pub(crate) sampled: u64,
    /// Of those, the ones with another header or body than at the source.
    pub(crate) altered: u64,
}

impl TargetCheck {
    /// Returns a word or two for the table: loss before duplicates before altered messages.
    pub(crate) fn told(self) -> String {
        let lost = self.expected - self.present;
        match (lost, self.extra, self.altered) {
            (0, 0, 0) => "ok".to_owned(),
            (0, 0, altered) if altered == self.sampled => "all altered".to_owned(),
            (0, 0, altered) => format!("{altered}/{} altered", self.sampled),
            (0, extra, _) => format!("{extra} twice"),
            (lost, _, _) => format!("LOST {lost}"),
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.expected += other.expected;
        self.present += other.present;
        self.extra += other.extra;
        self.sampled += other.sampled;
        self.altered += other.altered;
    }
}

/// Counts every folder of one account of the new server, and reads some messages of each again.
pub(crate) fn mailbox(
    server: &Dovecot,
    user: &str,
    expected: &ExpectedMailbox,
) -> Result<TargetCheck, String> {
    let mut client = server.client(user);
    let mut sum = TargetCheck::default();
    for (name, expected) in &expected.0 {
        let count = client.count(name).map_err(|e| format!("cannot count {name} of {user}: {e}"))?;
        let mut found = TargetCheck {
            expected: expected.messages,
            present: count.min(expected.messages),
            extra: count.saturating_sub(expected.messages),
            ..TargetCheck::default()
        };
        if count > 0 {
            sample(&mut client, name, count, expected, &mut found)
                .map_err(|e| format!("cannot read {name} of {user}: {e}"))?;
        }
        sum.add(found);
    }
    Ok(sum)
}

/// Reads messages spread over the folder, the first and the last among them.
fn sample(
    client: &mut Client,
    name: &str,
    count: u64,
    expected: &ExpectedFolder,
    found: &mut TargetCheck,
) -> io::Result<()> {
    let large = expected.bytes / expected.messages.max(1) > 1 << 20;
    let wanted = if large { SAMPLED_LARGE } else { SAMPLED }.min(count);
    client.select(name)?;
    for n in 0..wanted {
        let number = 1 + n * (count - 1) / wanted.saturating_sub(1).max(1);
        let responses = client.run("FETCH", &[Argument::Raw(&format!("{number} (BODY.PEEK[])"))])?;
        let body = responses.iter().filter(|r| r.word(1) == "FETCH").find_map(|response| {
            response.values.get(2)?.items().iter().find_map(|value| match value {
                Value::Bytes(bytes) => Some(bytes),
                _ => None,
            })
        });
        found.sampled += 1;
        if !body.is_some_and(|body| expected.digests.contains(&digest(body))) {
            found.altered += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_told_before_anything_else() {
        let whole = TargetCheck { expected: 10, present: 10, extra: 0, sampled: 8, altered: 0 };
        assert_eq!(whole.told(), "ok");
        assert_eq!(TargetCheck { altered: 8, ..whole }.told(), "all altered");
        assert_eq!(TargetCheck { altered: 3, ..whole }.told(), "3/8 altered");
        assert_eq!(TargetCheck { extra: 2, altered: 1, ..whole }.told(), "2 twice");
        assert_eq!(TargetCheck { present: 7, extra: 2, altered: 1, ..whole }.told(), "LOST 3");
    }
}
