//! A plan is kept on the disk, gets a number once all of it is there, and is approved as it was read.

use std::fs;
use std::path::{Path, PathBuf};

use mailhaul_engine::assessment::forecast::Circumstances;
use mailhaul_engine::plan::{MailboxPlan, PLAN_SCHEMA, PlanFile, PlanSettings, digest_of};
use mailhaul_engine::record::{self, ListedMailbox, PlanSums};
use mailhaul_engine::run_kind::Requester;
use mailhaul_project::Project;
use serde_json::{Value, json};

use super::*;
use crate::Failure;

/// A project of its own in a folder.
pub(super) fn project(dir: &Path) -> Project {
    let file = dir.join("mailhaul.toml");
    let text = "[project]\nname = \"p\"\n[source]\nhost = \"a.example\"\n[target]\nhost = \"b.example\"\n\
                [mailboxes]\nfrom = \"csv\"\ninputs = { accounts = \"mailboxes.csv\" }\n";
    fs::write(&file, text).unwrap();
    fs::write(dir.join("mailboxes.csv"), "source_user,source_password\na,secret\n").unwrap();
    crate::open_for_work(Some(&file), &mut |text: &str| panic!("{text}")).unwrap()
}

/// A plan of one mailbox whose folders go where they are said to go.
fn plan(mailbox: &str, folders: &[(&str, &str)], conflicts: &[&str]) -> MailboxPlan {
    let folder = |(source, target): &(&str, &str)| {
        json!({ "source": source, "target": target, "create": false, "subscribe": true, "role": null,
                "messages": 3, "bytes": 30, "to_copy": 3, "bytes_to_copy": 30, "by": "mailhaul", "why": "w", "story": [] })
    };
    let conflict =
        |text: &&str| json!({ "kind": "collision", "folders": ["A"], "what": text, "sentence": text });
    let count = folders.len() as u64;
    serde_json::from_value(json!({
        "mailbox": mailbox, "source": mailbox, "target": mailbox,
        "folders": folders.iter().map(folder).collect::<Vec<Value>>(), "notes": [],
        "conflicts": conflicts.iter().map(conflict).collect::<Vec<Value>>(),
        "messages_to_copy": 3 * count, "bytes_to_copy": 30 * count, "bytes": 30 * count, "estimate_seconds": 1,
    }))
    .unwrap()
}

fn list(project: &Project, keys: &[&str]) {
    let listed = |key: &&str| ListedMailbox { key: (*key).to_owned(), ..ListedMailbox::default() };
    let list: Vec<ListedMailbox> = keys.iter().map(listed).collect();
    record::open(&project.state).unwrap().set_list(&list).unwrap();
}

fn draft(project: &Project, plans: &[MailboxPlan]) -> Draft {
    let mut draft = Draft::begin(project).unwrap();
    for plan in plans {
        draft.keep(plan).unwrap();
    }
    draft
}

fn number(draft: &mut Draft, project: &Project) -> Option<u64> {
    let sums = PlanSums {
        mailboxes: draft.survey(None, &Circumstances::default()).unwrap().overview.totals().mailboxes,
        ..PlanSums::default()
    };
    let numbered = draft.number(project, &PlanSettings::default(), &Requester::on_terminal("eve"), sums);
    numbered.unwrap().map(|plan| plan.number)
}

fn order(draft: &Draft) -> Vec<String> {
    let mut order = Vec::new();
    draft
        .each(|plan| {
            order.push(plan.mailbox);
            Ok::<(), Failure>(())
        })
        .unwrap();
    order
}

#[test]
fn a_plan_is_walked_in_the_order_of_the_list_and_differs_from_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path());
    list(&project, &["c", "a", "b"]);
    let one = |target: &str| ["a", "b", "c"].map(|key| plan(key, &[("A", target)], &[]));
    let mut first = draft(&project, &one("A"));
    assert_eq!(order(&first), ["c", "a", "b"], "before it has a number");
    let survey = first.survey(None, &Circumstances::default()).unwrap();
    assert_eq!((survey.differences.first_time, survey.differences.compared), (3, 0));
    assert_eq!((number(&mut first, &project), order(&first).len()), (Some(1), 3));

    // The same again: the same number, and nothing that differs, whenever it is asked.
    let mut again = draft(&project, &one("A"));
    assert_eq!(again.survey(None, &Circumstances::default()).unwrap().differences.same, 3);
    assert_eq!(number(&mut again, &project), Some(1));
    assert_eq!(again.survey(None, &Circumstances::default()).unwrap().differences.same, 3);

    let mut other = draft(&project, &one("B"));
    for numbered in [false, true] {
        if numbered {
            assert_eq!(number(&mut other, &project), Some(2));
        }
        let differences = other.survey(None, &Circumstances::default()).unwrap().differences;
        assert_eq!((differences.changed(), differences.same), (3, 0), "{numbered}");
        assert_eq!(differences.plans.iter().copied().collect::<Vec<_>>(), [1]);
    }
}

#[test]
fn what_was_broken_off_has_no_number_and_leaves_none() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path());
    list(&project, &["a", "b"]);
    assert_eq!(order(&draft(&project, &[plan("a", &[], &[])])), ["a"]);
    let mut next = draft(&project, &[plan("b", &[], &[])]);
    assert_eq!(order(&next), ["b"], "nothing of the one before");
    assert_eq!(number(&mut next, &project), Some(1));
    let mut none = draft(&project, &[]);
    assert_eq!(number(&mut none, &project), None, "of no mailbox");
}

/// Two at once would have been one plan of half of each.
#[test]
fn of_two_plans_at_once_neither_passes_for_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path());
    list(&project, &["a", "b"]);
    let mut one = draft(&project, &[plan("a", &[], &[])]);
    let _other = draft(&project, &[]);
    one.keep(&plan("b", &[], &[])).unwrap();
    assert_eq!(number(&mut one, &project), None);
    assert!(one.trouble().unwrap().contains("another `mailhaul plan`"), "{:?}", one.trouble());
}

#[test]
fn a_project_that_cannot_be_written_is_planned_without_a_number() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path());
    // A file that is no database, as root may write anywhere.
    fs::create_dir_all(&project.state).unwrap();
    fs::write(project.state.join("project.sqlite"), "this is no database").unwrap();
    let mut draft = draft(&project, &[plan("a", &[("A", "A")], &[]), plan("b", &[], &[])]);
    draft.in_order(["b", "a"].into_iter()).unwrap();
    assert_eq!((order(&draft), number(&mut draft, &project)), (vec!["b".to_owned(), "a".to_owned()], None));
    assert!(draft.trouble().unwrap().contains("project.sqlite"), "{:?}", draft.trouble());
    assert_eq!(draft.survey(None, &Circumstances::default()).unwrap().differences.first_time, 2);
}

fn file(number: u64, mailboxes: Vec<MailboxPlan>) -> PlanFile {
    let settings = PlanSettings::default();
    let digest =
        digest_of("p", &settings, mailboxes.iter().map(|plan| (plan.mailbox.clone(), plan.digest())));
    let (by, at) = ("eve".to_owned(), "2026-11-30T10:00:00Z".to_owned());
    let (schema, project) = (PLAN_SCHEMA, "p".to_owned());
    PlanFile { schema, project, number: Some(number), digest, by, at, settings, mailboxes }
}

fn written(dir: &Path, file: &PlanFile) -> PathBuf {
    let path = dir.join("plan.json");
    fs::write(&path, serde_json::to_string(file).unwrap()).unwrap();
    path
}

#[test]
fn a_plan_comes_back_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let plan = file(3, vec![plan("a", &[("A", "B")], &[]), plan("b", &[], &["no"])]);
    let path = written(dir.path(), &plan);
    assert_eq!(read(&path, "p").unwrap(), plan);
    let reference = Reference::open(&path, "p").unwrap();
    assert_eq!(reference.number(), Some(3));
    assert_eq!(reference.of("a").unwrap().as_ref(), plan.mailboxes.first());
    assert_eq!(reference.of("c").unwrap(), None);
}

#[test]
fn what_is_no_plan_of_this_project_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("plan.json");
    let good = serde_json::to_value(file(1, vec![plan("a", &[("A", "A")], &[])])).unwrap();
    let with = |change: fn(&mut Value)| {
        let mut value = good.clone();
        change(&mut value);
        value.to_string()
    };
    let cases = [
        (String::new(), "plan.json` is no plan: it ends too early"),
        ("[]".into(), "this is no plan"),
        ("{}".into(), "this is no plan"),
        ("{\"schema\": 2}".into(), "this is no plan"),
        (good.to_string()[..90].to_owned(), "is no plan: it ends too early"),
        ("{\n\"schema\": 2,,".into(), "plan.json:2: this is no plan"),
        (with(|plan| plan["schema"] = json!(99)), "a plan of a newer version"),
        (with(|plan| plan["schema"] = json!(1)), "a plan of an older version"),
        (with(|plan| drop(plan.as_object_mut().unwrap().remove("schema"))), "has no `schema`"),
        (with(|plan| plan["project"] = json!("q")), "is a plan of the project `q`, not of `p`"),
        (with(|plan| plan["mailboxes"][0]["folders"][0]["target"] = json!("B")), "was changed since"),
        (with(|plan| plan["mailboxes"] = json!([])), "was changed since"),
        (with(|plan| plan["digest"] = json!("0")), "was changed since"),
        (format!("{good} {good}"), "this is no plan"),
    ];
    for (text, expected) in cases {
        fs::write(&path, &text).unwrap();
        let failure = read(&path, "p").unwrap_err();
        assert!(failure.causes[0].sentence.contains(expected), "{text}: {failure}");
        assert!(failure.causes[0].hint.is_some(), "{failure}");
    }
    assert!(read(dir.path(), "p").unwrap_err().to_string().contains("is a folder"));
    assert!(read(&dir.path().join("none"), "p").unwrap_err().to_string().contains("cannot read"));
}

/// A plan of these mailboxes in the project's record, and in a file.
fn recorded(project: &Project, dir: &Path, mailboxes: &[MailboxPlan]) -> PathBuf {
    let number = number(&mut draft(project, mailboxes), project).unwrap();
    written(dir, &file(number, mailboxes.to_vec()))
}

#[test]
fn an_approval_is_recorded_once_by_each_and_says_which_ones_it_replaces() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path());
    list(&project, &["a", "b", "c"]);
    let first =
        recorded(&project, dir.path(), &[plan("a", &[("A", "A")], &[]), plan("b", &[("A", "A")], &[])]);
    let done = approve(&project, &first, "  Lea Lang ").unwrap();
    assert!(!done.already && done.replaced.is_empty());
    assert_eq!((done.totals.mailboxes, done.totals.messages_to_copy, done.outside), (2, 6, 1));
    assert!(approve(&project, &first, "Lea Lang").unwrap().already);
    let record = record::open(&project.state).unwrap();
    assert_eq!(record.approvals().unwrap().len(), 1, "the second time says so, and records nothing");
    let eve = approve(&project, &first, "Eve").unwrap();
    assert!(!eve.already && eve.replaced.is_empty(), "two people may sign the same plan");

    let second = recorded(&project, dir.path(), &[plan("a", &[("A", "B")], &[])]);
    let done = approve(&project, &second, "Otto").unwrap();
    let replaced: Vec<_> =
        done.replaced.iter().map(|old| (old.by.as_str(), old.number, old.mailboxes)).collect();
    assert_eq!(replaced, [("Eve", Some(1), 1), ("Lea Lang", Some(1), 1)]);
    let approved = record.approved_digests().unwrap();
    assert_eq!(approved["a"], plan("a", &[("A", "B")], &[]).digest());
    assert_eq!(approved["b"], plan("b", &[("A", "A")], &[]).digest(), "the other one's stays in force");
    let notes: Vec<String> = record.notes(9).unwrap().into_iter().map(|note| note.what).collect();
    assert_eq!(notes.len(), 3);
    assert!(notes[0].starts_with("plan 2 (digest ") && notes[0].ends_with("approved by Otto"), "{notes:?}");
}

/// The digest is of what decides: who has written another number or another sum into the file is not
/// believed.
#[test]
fn an_approval_has_its_number_and_its_sums_from_elsewhere_than_the_head_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path());
    list(&project, &["a"]);
    let path = recorded(&project, dir.path(), &[plan("a", &[("A", "A")], &[])]);
    let mut value: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    (value["number"], value["by"]) = (json!(99), json!("nobody"));
    value["mailboxes"][0]["messages_to_copy"] = json!(1_000_000);
    value["mailboxes"][0]["bytes_to_copy"] = json!(1);
    value["mailboxes"][0]["already_there"] = json!(7);
    fs::write(&path, value.to_string()).unwrap();
    let done = approve(&project, &path, "Lea").unwrap();
    assert_eq!(done.approval.number, Some(1));
    let totals = &done.totals;
    assert_eq!((totals.messages_to_copy, totals.bytes_to_copy, totals.already_there), (3, Some(30), 0));
    let record = record::open(&project.state).unwrap();
    assert_eq!(record.approvals().unwrap()[0].number, Some(1));
    assert!(record.notes(1).unwrap()[0].what.starts_with("plan 1 "));
    // One that this record does not have has no number, whatever it says.
    let path = written(dir.path(), &file(98, vec![plan("a", &[("A", "Z")], &[])]));
    assert_eq!(approve(&project, &path, "Lea").unwrap().approval.number, None);
}

#[test]
fn settings_are_held_against_those_of_the_plan_before_and_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path());
    list(&project, &["a"]);
    let mailboxes = [plan("a", &[("A", "A")], &[])];
    let path = recorded(&project, dir.path(), &mailboxes);
    let draft = draft(&project, &mailboxes);
    let now = PlanSettings { select: "since = 2030-01-01".into(), ..PlanSettings::default() };
    let reference = Reference::open(&path, "p").unwrap();
    for reference in [None, Some(&reference)] {
        let changes = draft.settings_changes(&now, reference).unwrap();
        assert_eq!(changes.len(), 1);
        assert_eq!((changes[0].before.len(), changes[0].now.concat()), (0, now.select.clone()));
        assert!(draft.settings_changes(&PlanSettings::default(), reference).unwrap().is_empty());
    }
}

#[test]
fn a_plan_with_conflicts_or_without_mailboxes_is_not_approved() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path());
    let conflicted = (0..7).map(|n| plan(&format!("m{n}"), &[], &["A and a are one"])).collect();
    for (plans, expected) in [
        (
            conflicted,
            "7 mailboxes with conflicts that are not decided yet: `m0`, `m1`, `m2`, `m3`, `m4` and 2 more",
        ),
        (Vec::new(), "is a plan of no mailbox"),
    ] {
        let failure = approve(&project, &written(dir.path(), &file(1, plans)), "Eve").unwrap_err();
        assert!(failure.causes[0].sentence.contains(expected), "{failure}");
        assert_eq!(failure.kind, crate::TaskRefusalKind::Input);
    }
    let good = written(dir.path(), &file(1, vec![plan("a", &[], &[])]));
    for name in ["", "  ", "two\nlines", &"x".repeat(201)] {
        let failure = approve(&project, &good, name).unwrap_err();
        let said = if name.trim().is_empty() { "--by is empty" } else { "--by: a name is meant" };
        assert!(failure.causes[0].sentence.contains(said), "{failure}");
    }
    assert!(
        !record::exists(&project.state)
            || record::open(&project.state).unwrap().approvals().unwrap().is_empty()
    );
}

#[test]
fn an_older_plan_than_the_newest_is_approved_and_said_to_be_so() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(dir.path());
    list(&project, &["a"]);
    for target in ["A", "B"] {
        let mut draft = draft(&project, &[plan("a", &[("A", target)], &[])]);
        number(&mut draft, &project).unwrap();
    }
    let old = written(dir.path(), &file(1, vec![plan("a", &[("A", "A")], &[])]));
    assert_eq!(approve(&project, &old, "Eve").unwrap().newer, Some(2));
    let new = written(dir.path(), &file(2, vec![plan("a", &[("A", "B")], &[])]));
    assert_eq!(approve(&project, &new, "Eve").unwrap().newer, None);
}
