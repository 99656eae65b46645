//! Digests of plans: two plans with the same one send the same mail the same way.

use sha2::{Digest, Sha256};

use super::{MailboxPlan, PlanSettings};

/// Bytes of a digest that are kept: 32 hex digits, which nobody hits by chance.
const KEPT: usize = 16;

impl MailboxPlan {
    /// Returns the digest of what decides where the mail goes, in 32 hex digits: the mailbox, both log-ins,
    /// of each folder its target, who decided it by which rule, and whether it is merged or left out, and of
    /// each conflict its kind and its folders. What only tells how much there is, or why, is no part of it,
    /// nor is the folders' order; nor is the line that a rule stands in.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut folders: Vec<_> = self.folders.iter().collect();
        folders.sort_by(|a, b| a.source.cmp(&b.source));
        let mut conflicts: Vec<(&str, &Vec<String>)> =
            self.conflicts.iter().map(|conflict| (conflict.kind.as_str(), &conflict.folders)).collect();
        conflicts.sort();
        let mut fields = Fields::of(match conflicts.is_empty() {
            true => "mailbox plan 1",
            false => "mailbox plan 1 with conflicts",
        });
        if !conflicts.is_empty() {
            fields.add(&conflicts.len().to_string());
        }
        for (kind, folders) in &conflicts {
            fields.add(kind);
            for folder in *folders {
                fields.add_or_none(Some(folder));
            }
            fields.add_or_none(None);
        }
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
        self.0.finalize().iter().take(KEPT).map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{folder, plan};
    use super::*;
    use crate::assessment::Portion;
    use crate::plan::{Conflict, ConflictKind, LeftOut, PlanRule};

    /// What is changed, in a word, and how.
    type Change = (&'static str, fn(&mut MailboxPlan));

    #[test]
    fn what_decides_where_mail_goes_is_in_the_digest_and_nothing_else() {
        let base = plan(vec![folder("A", Some("A")), folder("B", Some("B")), folder("C", None)]);
        let digest = base.digest();
        assert_eq!(digest.len(), 32);
        assert!(digest.chars().all(|c| c.is_ascii_hexdigit()), "{digest}");
        let changed = |change: fn(&mut MailboxPlan)| {
            let mut other = base.clone();
            change(&mut other);
            other.digest()
        };
        let same: [Change; 9] = [
            ("order", |p| p.folders.reverse()),
            ("messages", |p| p.folders[0].messages = Some(9)),
            ("copies", |p| (p.folders[0].to_copy, p.messages_to_copy) = (9, 9)),
            ("sizes", |p| p.folders[0].too_large = Portion { messages: 1, bytes: 1 }),
            ("selection", |p| {
                p.folders[0].left_out = vec![LeftOut { rule: "old".into(), portion: Portion::default() }];
            }),
            ("created", |p| p.folders[0].create = true),
            ("notes", |p| p.notes.push("a note".into())),
            ("why", |p| p.folders[0].why = "because".into()),
            ("a rule's line", |p| p.folders[2].by = "mailhaul.toml:99".into()),
        ];
        for (what, change) in same {
            assert_eq!(changed(change), digest, "{what}");
        }
        let different: [Change; 12] = [
            ("mailbox", |p| p.mailbox = "b".into()),
            ("source", |p| p.source = "b".into()),
            ("target", |p| p.target = "b".into()),
            ("a target folder", |p| p.folders[0].target = Some("Z".into())),
            ("left out", |p| p.folders[0].target = None),
            ("left out or outside", |p| p.folders[2].outside = true),
            ("a name", |p| p.folders[0].source = "AA".into()),
            ("who", |p| p.folders[0].by = "roles 0.2.0".into()),
            ("a rule", |p| p.folders[2].rule = Some("C/** → left out".into())),
            ("merged", |p| p.folders[0].merged = true),
            ("one more", |p| p.folders.push(folder("D", Some("D")))),
            ("one less", |p| drop(p.folders.pop())),
        ];
        for (what, change) in different {
            assert_ne!(changed(change), digest, "{what}");
        }
    }

    #[test]
    fn what_speaks_against_a_plan_is_in_the_digest() {
        let conflict = |kind, folders: &[&str], sentence: &str| {
            Conflict::new(kind, folders.iter().map(|one| (*one).to_owned()).collect(), sentence.to_owned())
        };
        let digest = |conflicts: Vec<Conflict>| {
            let plan = plan(vec![folder("A", Some("A")), folder("B", Some("A"))]);
            MailboxPlan { conflicts, ..plan }.digest()
        };
        let (collision, name) = (ConflictKind::Collision, ConflictKind::Name);
        let two = || vec![conflict(collision, &["A", "B"], "so"), conflict(name, &["A"], "so")];
        let with = digest(two());
        assert_eq!(digest(two().into_iter().rev().collect()), with);
        assert_eq!(
            digest(vec![conflict(collision, &["A", "B"], "else"), conflict(name, &["A"], "so")]),
            with
        );
        for other in [
            vec![],
            vec![conflict(collision, &["A", "B"], "so")],
            vec![conflict(name, &["A", "B"], "so"), conflict(name, &["A"], "so")],
            vec![conflict(collision, &["A"], "so"), conflict(name, &["A", "B"], "so")],
        ] {
            assert_ne!(digest(other), with);
        }
    }

    #[test]
    fn a_whole_plan_has_one_digest_in_any_order_of_its_mailboxes() {
        let settings = PlanSettings::default();
        let digest = digest_of("p", &settings, [("a", "1"), ("b", "2")]);
        assert_eq!(digest_of("p", &settings, [("b", "2"), ("a", "1")]), digest);
        let rule = |place: &str| PlanRule {
            place: place.into(),
            from: "A".into(),
            to: Some("B".into()),
            keeps_copies: false,
        };
        let ruled = |place: &str| PlanSettings { rules: vec![rule(place)], ..PlanSettings::default() };
        assert_eq!(digest_of("p", &ruled("f:1"), [("a", "1")]), digest_of("p", &ruled("f:2"), [("a", "1")]));
        for other in [
            digest_of("q", &settings, [("a", "1"), ("b", "2")]),
            digest_of("p", &settings, [("a", "1"), ("b", "3")]),
            digest_of("p", &settings, [("a", "1")]),
            digest_of("p", &settings, [("a1", ""), ("b", "2")]),
            digest_of("p", &ruled("f:1"), [("a", "1"), ("b", "2")]),
            digest_of(
                "p",
                &PlanSettings { select: "since = 2020-01-01".into(), ..PlanSettings::default() },
                [("a", "1"), ("b", "2")],
            ),
            digest_of(
                "p",
                &PlanSettings { mappers: vec!["roles 0.1.0".into()], ..PlanSettings::default() },
                [("a", "1"), ("b", "2")],
            ),
        ] {
            assert_ne!(other, digest);
        }
    }
}
