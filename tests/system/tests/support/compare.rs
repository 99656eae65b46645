//! What "moved" means, and the sums of the report.

use std::collections::BTreeMap;

use mailhaul_lab::imap::{Message, Snapshot};
use serde_json::Value;

/// Where a folder of the cPanel-style host belongs on the other.
pub(crate) fn usual(folder: &str) -> String {
    match folder {
        "Sent" => "Sent Items",
        "Trash" => "Deleted Items",
        "spam" => "Junk Email",
        other => other,
    }
    .to_owned()
}

/// Every message of every folder is where `place` says, in the same order, with the same bytes, flags,
/// keywords and date; and nothing else is on the target.
#[track_caller]
pub(crate) fn assert_moved(source: &Snapshot, target: &Snapshot, place: impl Fn(&str) -> String) {
    let expected: BTreeMap<String, &Vec<Message>> =
        source.iter().map(|(name, all)| (place(name), all)).collect();
    for (name, messages) in &expected {
        let there = target.get(name).unwrap_or_else(|| panic!("there is no folder {name} on the target"));
        let want: Vec<_> = messages.iter().map(Message::moved).collect();
        let have: Vec<_> = there.iter().map(Message::moved).collect();
        assert_eq!(have.len(), want.len(), "the number of messages in {name}");
        for (index, (have, want)) in have.iter().zip(&want).enumerate() {
            assert_eq!(
                have,
                want,
                "message {} of {name} (UID {} at the source)",
                index + 1,
                messages[index].uid
            );
        }
    }
    for (name, messages) in target {
        assert!(
            messages.is_empty() || expected.contains_key(name),
            "the target has {} messages in {name}, where none belong",
            messages.len()
        );
    }
}

/// The same, in whatever order: for targets that had mail before, or refused some at first.
#[track_caller]
pub(crate) fn assert_same_mail(source: &Snapshot, target: &Snapshot, place: impl Fn(&str) -> String) {
    let sorted = |snapshot: &Snapshot, place: &dyn Fn(&str) -> String| {
        let mails =
            snapshot.iter().flat_map(|(name, all)| all.iter().map(|mail| (place(name), mail.moved())));
        let mut all: Vec<_> =
            mails.map(|(name, (flags, date, sha256))| (name, sha256.to_owned(), date, flags)).collect();
        all.sort();
        all
    };
    let (want, have) = (sorted(source, &place), sorted(target, &str::to_owned));
    let missing: Vec<_> = want.iter().filter(|mail| !have.contains(mail)).collect();
    let instead: Vec<_> = have.iter().filter(|mail| !want.contains(mail)).collect();
    assert!(missing.is_empty() && instead.is_empty(), "missing: {missing:#?}\nthere instead: {instead:#?}");
    assert_eq!(have.len(), want.len(), "the number of messages, copies of the same one counted");
}

/// The messages of a snapshot, of whatever folder.
pub(crate) fn count(snapshot: &Snapshot) -> usize {
    snapshot.values().map(Vec::len).sum()
}

const PARTS: [&str; 5] = ["copied", "already_present", "skipped", "failed", "pending"];

/// `source_messages = copied + already_present + skipped + failed + pending`, in every folder, every
/// mailbox's folders together being the totals.
#[track_caller]
pub(crate) fn assert_sums(report: &Value) {
    let number = |value: &Value, key: &str| {
        value[key].as_u64().unwrap_or_else(|| panic!("\"{key}\" is no number in {value:#}"))
    };
    let mut sum: BTreeMap<&str, u64> = BTreeMap::new();
    let check = |value: &Value| {
        let parts: u64 = PARTS.iter().map(|part| number(value, part)).sum();
        assert_eq!(number(value, "source_messages"), parts, "the parts do not add up in {value:#}");
    };
    for mailbox in report["mailboxes"].as_array().unwrap() {
        for folder in mailbox["folders"].as_array().unwrap() {
            check(folder);
            for key in PARTS.iter().chain(&["source_messages", "gone_at_source", "bytes"]) {
                *sum.entry(key).or_default() += number(folder, key);
            }
        }
    }
    let totals = &report["totals"];
    check(totals);
    for (key, value) in sum {
        assert_eq!(number(totals, key), value, "totals.{key} is not the sum of the folders in {report:#}");
    }
}

/// A report of a move that is done: all of `messages` there.
#[track_caller]
pub(crate) fn assert_complete(report: &Value, messages: usize) {
    assert_sums(report);
    let totals = &report["totals"];
    assert_eq!(report["verdict"], "complete", "{report:#}");
    assert_eq!(totals["source_messages"], messages, "{report:#}");
    assert_eq!(totals["pending"], 0, "{report:#}");
    assert_eq!(totals["failed"], 0, "{report:#}");
}

/// The entry of one folder, by its name at the source.
#[track_caller]
pub(crate) fn folder<'a>(report: &'a Value, source: &str) -> &'a Value {
    report["mailboxes"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|mailbox| mailbox["folders"].as_array().into_iter().flatten())
        .find(|folder| folder["source"] == source)
        .unwrap_or_else(|| panic!("no folder {source} in {report:#}"))
}

/// The differences of all mailboxes as (kind, folder, UID).
pub(crate) fn differences(report: &Value) -> Vec<(String, String, u64)> {
    let mut all: Vec<_> = report["mailboxes"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|mailbox| mailbox["differences"].as_array().into_iter().flatten())
        .map(|d| {
            let text = |key: &str| d[key].as_str().unwrap_or_default().to_owned();
            (text("kind"), text("folder"), d["uid"].as_u64().unwrap_or_default())
        })
        .collect();
    all.sort();
    all
}
