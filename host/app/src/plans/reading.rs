//! Plans read from files, mailbox by mailbox.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use mailhaul_engine::plan::{MailboxPlan, PLAN_SCHEMA, PlanFile, PlanSettings, digest_of};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::Failure;

/// What to do about a file that is no plan.
const AGAIN: &str = "`mailhaul plan --out FILE` writes a new one";

/// What stands in a plan's file beside its mailboxes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanHead {
    /// `[project] name`.
    pub project: String,
    /// Its number in the project's record.
    pub number: Option<u64>,
    /// Its digest.
    pub digest: String,
    /// Who made it.
    pub by: String,
    /// When: UTC, RFC 3339.
    pub at: String,
    /// What it was made by.
    pub settings: PlanSettings,
}

/// Reads a plan that `plan --out` wrote for this project.
///
/// # Errors
/// As [`read_each`].
pub fn read(path: &Path, project: &str) -> Result<PlanFile, Failure> {
    let mut mailboxes = Vec::new();
    let head = read_each(path, project, |plan| mailboxes.push(plan))?;
    let PlanHead { project, number, digest, by, at, settings } = head;
    Ok(PlanFile { schema: PLAN_SCHEMA, project, number, digest, by, at, settings, mailboxes })
}

/// Reads a plan that `plan --out` wrote for this project, and calls `each` with each of its mailboxes, so
/// that they need not be in memory together. What `each` has seen counts only when this succeeds.
///
/// # Errors
/// When it cannot be read, is no plan, another project's or another version's, or was changed since it was
/// written.
pub fn read_each(path: &Path, project: &str, mut each: impl FnMut(MailboxPlan)) -> Result<PlanHead, Failure> {
    let shown = path.display();
    let again = Some(AGAIN);
    let file = File::open(path).map_err(|error| {
        let why = error.to_string();
        let why = why.split(" (os error").next().unwrap_or_default().to_lowercase();
        Failure::input(format!("cannot read `{shown}`: {why}"), None)
    })?;
    if file.metadata().is_ok_and(|meta| meta.is_dir()) {
        return Err(Failure::input(format!("`{shown}` is a folder, and no plan"), again));
    }
    let mut digests: Vec<(String, String)> = Vec::new();
    let mut version = None;
    let mut read = serde_json::Deserializer::from_reader(BufReader::new(file));
    let plan = Plan {
        version: &mut version,
        each: &mut |plan: MailboxPlan| {
            digests.push((plan.mailbox.clone(), plan.digest()));
            each(plan);
        },
    };
    let head = plan.deserialize(&mut read).and_then(|head| read.end().map(|()| head));
    if version.is_some_and(|version| version != u64::from(PLAN_SCHEMA)) {
        let newer = version.is_some_and(|version| version > u64::from(PLAN_SCHEMA));
        let age = if newer { "a newer" } else { "an older" };
        return Err(Failure::input(format!("`{shown}` is a plan of {age} version of mailhaul"), again));
    }
    let head = head.map_err(|error| {
        let sentence = match error.is_eof() {
            true => format!("`{shown}` is no plan: it ends too early"),
            false => format!("{shown}:{}: this is no plan: {error}", error.line()),
        };
        Failure::input(sentence, again)
    })?;
    if version.is_none() {
        return Err(Failure::input(format!("`{shown}` is no plan: it has no `schema`"), again));
    }
    if head.project != project {
        let sentence = format!("`{shown}` is a plan of the project `{}`, not of `{project}`", head.project);
        return Err(Failure::input(sentence, again));
    }
    if digest_of(&head.project, &head.settings, digests) != head.digest {
        let sentence =
            format!("`{shown}` was changed since it was written: its digest is not that of its content");
        return Err(Failure::input(sentence, again));
    }
    Ok(head)
}

/// Reads the object, and hands out its mailboxes one by one.
struct Plan<'a> {
    version: &'a mut Option<u64>,
    each: &'a mut dyn FnMut(MailboxPlan),
}

impl<'de> DeserializeSeed<'de> for Plan<'_> {
    type Value = PlanHead;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<PlanHead, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Plan<'_> {
    type Value = PlanHead;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the object that `plan --out` writes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PlanHead, A::Error> {
        let mut head = PlanHead::default();
        let mut mailboxes = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "schema" => {
                    let version = map.next_value()?;
                    *self.version = Some(version);
                    // A plan of another version may have another shape.
                    if version != u64::from(PLAN_SCHEMA) {
                        return Err(A::Error::custom("another version"));
                    }
                }
                "project" => head.project = map.next_value()?,
                "number" => head.number = map.next_value()?,
                "digest" => head.digest = map.next_value()?,
                "by" => head.by = map.next_value()?,
                "at" => head.at = map.next_value()?,
                "settings" => head.settings = map.next_value()?,
                "mailboxes" => {
                    mailboxes = true;
                    map.next_value_seed(Mailboxes(self.each))?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if mailboxes { Ok(head) } else { Err(A::Error::missing_field("mailboxes")) }
    }
}

struct Mailboxes<'a>(&'a mut dyn FnMut(MailboxPlan));

impl<'de> DeserializeSeed<'de> for Mailboxes<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Mailboxes<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the plans of mailboxes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(plan) = seq.next_element::<MailboxPlan>()? {
            (self.0)(plan);
        }
        Ok(())
    }
}
