//! Digests of plans: two plans with the same one send the same mail the same way.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{MailboxPlan, PlanSettings};

/// Bytes of a digest that are kept: 32 hex digits, which nobody hits by chance.
const KEPT: usize = 16;

impl MailboxPlan {
    /// Returns the digest of what decides where the mail goes, in 32 hex digits: the mailbox, both log-ins,
    /// and of each folder its target, who decided it by which rule, and whether it is merged or left out.
    /// What only tells how much there is, or why, is no part of it, nor is the folders' order; nor is the
    /// line that a rule stands in.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut folders: Vec<_> = self.folders.iter().collect();
        folders.sort_by(|a, b| a.source.cmp(&b.source));
        let mut fields = Fields::of("mailbox plan 1");
        for text in [&self.mailbox, &self.source, &self.target] {
            fields.add(text);
        }
        for folder in folders {
            fields.add(&folder.source);
            fields.add_or_none(folder.target.as_deref());
            // A comment above a rule moves its line, and no mail.
            fields.add(if folder.rule.is_some() { "rule" } else { &folder.by });
            fields.add_or_none(folder.rule.as_deref());
            fields.add(match (folder.merged, folder.target.is_none() && !folder.outside) {
                (true, _) => "merged",
                (_, true) => "left out",
                _ => "",
            });
        }
        fields.digest()
    }
}

/// Returns the digest of a whole plan, in 32 hex digits, from its mailboxes' keys and digests in any order,
/// so that no two mailboxes' plans have to be held at the same time.
pub fn digest_of<M, D>(
    project: &str,
    settings: &PlanSettings,
    mailboxes: impl IntoIterator<Item = (M, D)>,
) -> String
where
    M: AsRef<str> + Ord,
    D: AsRef<str> + Ord,
{
    let mut mailboxes: Vec<(M, D)> = mailboxes.into_iter().collect();
    mailboxes.sort();
    let mut fields = Fields::of("plan 1");
    fields.add(project);
    for rule in &settings.rules {
        fields.add(&rule.to_string());
    }
    fields.add(&settings.select);
    for mapper in &settings.mappers {
        fields.add(mapper);
    }
    for (mailbox, digest) in &mailboxes {
        fields.add(mailbox.as_ref());
        fields.add(digest.as_ref());
    }
    fields.digest()
}

/// Texts one behind the other, each with its length in front, so that no two rows of them are one text.
struct Fields(Sha256);

impl Fields {
    /// Begins with what kind of digest it is.
    fn of(kind: &str) -> Self {
        let mut this = Self(Sha256::new());
        this.add(kind);
        this
    }

    fn add(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
    }

    fn add_or_none(&mut self, text: Option<&str>) {
        self.0.update([u8::from(text.is_some())]);
        self.add(text.unwrap_or_default());
    }

    fn digest(self) -> String {
        self.0.finalize().iter().take(KEPT).fold(String::with_capacity(2 * KEPT), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
    }
}
