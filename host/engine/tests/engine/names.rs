//! What LIST shows is named: outside the mailbox's own namespace, alike, and called otherwise on the target.

use mailhaul_engine::plugin::Depth;
use mailhaul_engine::rules::{FolderRule, Pattern, RuleAction};
use mailhaul_lab::fake::{Manners, Verdict};

use crate::outcome::Outcome;
use crate::stage::Stage;

/// INBOX with one message, and folders with two each.
fn stage(folders: &[&str]) -> Stage {
    let stage = Stage::loaded(1);
    folders.iter().for_each(|folder| stage.load(folder, 2));
    stage
}

/// The n-th rule that a sentence advises, as the project file reads it when it is typed there.
#[track_caller]
fn advised(sentence: &str, n: usize) -> FolderRule {
    let rule =
        sentence.split("`[[folders]]`, ").nth(n + 1).unwrap_or_else(|| panic!("no rule in {sentence}"));
    let (from, rest) = rule.strip_prefix('`').unwrap().split_once("`, `to = ").unwrap();
    let to = rest.split('`').next().unwrap();
    let file: toml::Table = format!("[[folders]]\n{from}\nto = {to}\n").parse().expect("TOML");
    let written = |key: &str| Pattern::parse(file["folders"][0][key].as_str().unwrap()).unwrap();
    let rule = FolderRule {
        from: written("from"),
        action: RuleAction::To(written("to")),
        place: "mailhaul.toml:9".into(),
    };
    rule.check().unwrap();
    rule
}

/// Everything is there, in whatever folder, and later looks say so; nothing is sent twice, and all is taken
/// back.
#[track_caller]
fn all_there(stage: &Stage, messages: u64) {
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [messages, messages, 0, 0, 0, 0]);
    let sent = stage.sent();
    stage.run().complete();
    stage.delete_gone().complete();
    assert_eq!(stage.sent(), sent, "nothing is sent again");
    let held =
        |stage: &Stage| stage.target.store(|s| s.folders.values().map(|f| f.messages.len()).sum::<usize>());
    assert_eq!(held(stage) as u64, messages);
    let outcome = stage.verify(Depth::Full);
    assert_eq!(outcome.complete().differences(), []);
    assert_eq!(stage.taken_back(), messages);
    assert_eq!(held(stage), 0);
}

fn with_namespaces(namespaces: &str, folders: &[&str]) -> Stage {
    let stage = stage(folders);
    stage.source.manners(|m| m.namespaces = namespaces.to_owned());
    stage
}

#[test]
fn mail_beside_the_namespace_is_told_and_a_rule_takes_it_in() {
    let mut stage = with_namespaces("((\"INBOX/\" \"/\")) NIL NIL", &["INBOX/Sent", "Sent", "Old/2019"]);
    stage.source.store(|store| store.create("Empty"));
    let plan = stage.plan();
    let left: Vec<_> =
        plan.folders.iter().filter(|f| f.outside).map(|f| (f.source.as_str(), f.messages)).collect();
    assert_eq!(left, [("/Empty", Some(0)), ("/Old/2019", Some(2)), ("/Sent", Some(2))]);
    assert_eq!(plan.messages_to_copy, 3);
    for outcome in [stage.run(), stage.run(), stage.verify(Depth::Full)] {
        // Outside the sum, and in the way of every good end.
        assert_eq!(outcome.not_well().totals(), [3, 3, 0, 0, 0, 0]);
        let left: Vec<_> =
            outcome.mailbox().left_out.iter().map(|f| (f.folder.as_str(), f.messages, f.beside)).collect();
        assert_eq!(left, [("/Empty", Some(0), true), ("/Old/2019", Some(2), true), ("/Sent", Some(2), true)]);
        outcome.warns("/Sent (2 messages) is left out: another namespace");
    }
    // A rule of the mailbox's own is about none of them.
    stage.rule("**/2019", Some("Never/2019"));
    let said = stage.run();
    let rules: Vec<FolderRule> =
        said.warnings().iter().filter(|w| w.contains("[[folders]]")).map(|w| advised(w, 0)).collect();
    assert_eq!(rules.len(), 2);
    stage.job.rules = rules;
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [7, 7, 0, 0, 0, 0]);
    assert_eq!(outcome.mailbox().left_out.len(), 1, "the empty one");
    assert_eq!((stage.there("Sent").len(), stage.there("Old/2019").len()), (4, 2));
    stage.verify(Depth::Full).complete();
    // What was taken in and is left out again is the operator's to decide.
    let rules = std::mem::take(&mut stage.job.rules);
    let (_, cause, reason) = stage.run().stopped();
    assert_eq!(cause, "plan");
    assert!(reason.contains("`/Sent` was copied to `Sent`"), "{reason}");
    stage.job.rules = rules;
    assert_eq!(stage.taken_back(), 7);
}

#[test]
fn mail_beside_the_namespace_is_left_out_for_good_by_a_rule() {
    let mut stage = with_namespaces("((\"INBOX/\" \"/\")) NIL NIL", &["Sent"]);
    stage.rule("/**", None);
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [3, 1, 0, 2, 0, 0]);
    assert_eq!((outcome.code("/Sent", 1).as_str(), outcome.mailbox().left_out.len()), ("rule", 0));
    stage.verify(Depth::Full).complete();
}

#[test]
fn mail_of_others_is_told_and_no_part_of_the_mailbox() {
    let mut stage = with_namespaces(
        "((\"\" \"/\")) ((\"user/\" \"/\")) ((\"Shared/\" \"/\"))",
        &["user/bob", "Shared/x"],
    );
    for _ in 0..2 {
        let outcome = stage.run();
        assert_eq!(outcome.complete().totals(), [1, 1, 0, 0, 0, 0]);
        let left = &outcome.mailbox().left_out;
        assert_eq!(left.iter().map(|f| (f.messages, f.beside)).collect::<Vec<_>>(), [(Some(2), false); 2]);
        outcome.warns("left out: /Shared/x (2 messages), /user/bob (2 messages): another namespace");
    }
    stage.verify(Depth::Full).complete();
    stage.rule("/Shared/**", Some("Team/**"));
    let outcome = stage.run();
    assert_eq!(outcome.complete().totals(), [3, 3, 0, 0, 0, 0]);
    assert_eq!((stage.there("Team/x").len(), outcome.mailbox().left_out.len()), (2, 1));
    stage.verify(Depth::Full).complete();
}

/// Raw beside modified UTF-7, and two normalisation forms.
const ALIKE: [[&str; 2]; 3] =
    [["R&-D", "R&D"], ["Entw&APw-rfe", "Entwürfe"], ["Entw&APw-rfe", "Entwu&Awg-rfe"]];

#[test]
fn folders_that_read_alike_are_told_apart_and_the_rule_that_is_advised_works() {
    for [one, two] in ALIKE {
        let mut stage = stage(&[one, two]);
        let (_, cause, reason) = stage.run().stopped();
        assert_eq!((cause.as_str(), stage.sent()), ("plan", 0), "{reason}");
        for name in [one, two] {
            assert!(reason.contains(&format!("(`{name}` to the server)")), "{reason}");
        }
        let sources: std::collections::HashSet<String> =
            stage.plan().folders.into_iter().map(|folder| folder.source).collect();
        assert_eq!(sources.len(), 3, "{sources:?}");
        stage.job.rules = vec![advised(&reason, 0)];
        all_there(&stage, 5);
    }
}

#[test]
fn a_wildcard_is_no_word_about_two_folders_that_read_alike() {
    for [one, two] in ALIKE {
        let mut stage = stage(&[one, two]);
        stage.rule("*", Some("Old/*"));
        let (_, cause, reason) = stage.run().stopped();
        assert_eq!((cause.as_str(), stage.sent()), ("plan", 0), "{reason}");
        // Left out they are together.
        stage.job.rules.clear();
        stage.rule(&format!("{}*", &one[..1]), None);
        assert_eq!(stage.run().complete().totals(), [5, 1, 0, 4, 0, 0]);
    }
}

#[test]
fn folders_that_read_alike_become_one_when_a_rule_names_one_of_them() {
    let mut stage = stage(&["R&-D"]);
    stage.load("R&D", 3);
    let reason = stage.run().stopped().2;
    stage.job.rules = vec![advised(&reason, 1)];
    stage.run().complete();
    assert_eq!(stage.there("R&-D").len(), 5);
    all_there(&stage, 6);
}

/// What was alone, and is called otherwise when another folder comes that reads like it, is still the same.
#[test]
fn a_folder_keeps_its_copies_when_another_comes_that_reads_alike() {
    for [one, two] in ALIKE {
        for (first, later) in [(one, two), (two, one)] {
            let mut stage = stage(&[first]);
            stage.run().complete();
            stage.load(later, 3);
            assert!(matches!(stage.verify(Depth::Full).differences()[..], [(_, 0)]), "the new one is unseen");
            let reason = stage.run().stopped().2;
            stage.job.rules = vec![advised(&reason, 0)];
            let sent = stage.sent();
            assert_eq!(stage.run().complete().totals(), [6, 6, 0, 0, 0, 0], "{first} {later}");
            assert_eq!(stage.sent() - sent, 3, "only what is new: {first} {later}");
            stage.verify(Depth::Full).complete();
            // … and when the other goes.
            stage.source.store(|store| store.folders.remove(later));
            stage.job.rules.clear();
            let sent = stage.sent();
            let outcome = stage.run();
            assert_eq!(outcome.complete().totals(), [3, 3, 0, 0, 0, 0], "{first} {later}");
            assert_eq!(stage.sent(), sent);
        }
    }
}

#[test]
fn parents_are_made_where_the_target_wants_them() {
    let stage = stage(&["Projekte/2021/Beta", "Zuletzt/Vorn", "Zuletzt"]);
    let mut made = vec![String::new()];
    stage.target.manners(|m| {
        m.on_command = Box::new(move |line| {
            let Some(name) = line.strip_prefix("CREATE ").map(|name| name.trim_matches('"').to_owned())
            else {
                return Verdict::Go;
            };
            let parent = name.rsplit_once('/').map_or("", |(parent, _)| parent);
            if !made.iter().any(|known| known == parent) {
                return Verdict::Say("NO Parent folder does not exist".into());
            }
            made.push(name);
            Verdict::Go
        });
    });
    all_there(&stage, 7);
}

/// What a server makes of a name.
type Reads = fn(&str) -> String;

/// On a target that makes `names` of what it is told.
fn made_of(names: Reads, folders: &[&str]) -> Stage {
    let stage = stage(folders);
    stage.target.manners(|m| m.reads_name = names);
    stage
}

fn trimmed(name: &str) -> String {
    name.trim().to_owned()
}

#[test]
fn a_folder_is_looked_for_by_the_name_that_the_target_gave_it() {
    let cut = |name: &str| name.chars().take(8).collect();
    let cases: [(Reads, &str, &str); 2] = [(trimmed, "Foo ", "Foo"), (cut, "Correspondence", "Correspo")];
    for (names, folder, real) in cases {
        let stage = made_of(names, &[folder]);
        let outcome = stage.run();
        outcome.complete().warns(&format!("the target calls `{folder}` `{real}`"));
        assert_eq!(outcome.folder(folder).target.as_deref(), Some(real));
        assert_eq!(outcome.reconnects(), 0, "nothing ended a connection");
        all_there(&stage, 3);
    }
}

/// … and when a folder comes whose name that is, its mail is not put there as well.
#[test]
fn what_became_of_one_name_is_not_filled_under_another() {
    let mut stage = made_of(trimmed, &["Foo "]);
    stage.run().complete();
    stage.load("Foo", 3);
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [6, 3, 0, 0, 3, 0]);
    let reason = &outcome.exception("Foo", 0).0.reason;
    assert!(reason.contains("`Foo` is what became of `Foo `"), "{reason}");
    stage.job.rules = vec![advised(reason, 0)];
    assert_eq!(stage.run().complete().totals(), [6, 6, 0, 0, 0, 0]);
    assert_eq!((stage.there("Foo").len(), stage.verify(Depth::Full).complete().differences()), (2, vec![]));
}

/// What the target takes for one folder gets one folder's mail, until a rule says where the other's goes.
#[test]
fn two_folders_that_the_target_takes_for_one_are_never_mixed() {
    let composed = |name: &str| name.replace("u&Awg-", "&APw-");
    let inbox = |name: &str| if name == "INBOX/INBOX" { "INBOX".to_owned() } else { name.to_owned() };
    let lower = |name: &str| if name == "INBOX" { name.to_owned() } else { name.to_lowercase() };
    let cases: [(Reads, &[&str]); 4] = [
        (trimmed, &["Foo", "Foo "]),
        (composed, &["a&APw-", "A", "au&Awg-"]),
        (inbox, &["INBOX/INBOX"]),
        (lower, &["Work", "work"]),
    ];
    for (names, folders) in cases {
        let mut stage = made_of(names, folders);
        // An operator who is sure of it.
        stage.rule("au&Awg-", Some("au\u{308}"));
        let all = 1 + 2 * folders.len() as u64;
        let outcome = stage.run();
        let totals = outcome.not_well().totals();
        assert_eq!((totals[0], totals[1], totals[4]), (all, all - 2, 2), "{folders:?}");
        let failed = outcome.mailbox().folders.iter().find(|f| f.counts.failed > 0).unwrap().source.clone();
        let reason = outcome.exception(&failed, 0).0.reason.clone();
        // The same in every run, and for whoever looks.
        assert_eq!(stage.run().not_well().totals(), totals, "{folders:?}");
        stage.verify(Depth::Full).not_well();
        stage.job.rules.insert(0, advised(&reason, 0));
        all_there(&stage, all);
    }
}

/// A target that has begun to fold the case of names shows one folder under two.
#[test]
fn a_target_that_begins_to_fold_is_noticed() {
    let stage = stage(&["Work", "work"]);
    stage.run().complete();
    stage.target.manners(|m| m.folds_case = true);
    stage.load("work", 1);
    stage.load("Work", 1);
    let sent = stage.sent();
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals()[4], 1, "the one's");
    assert_eq!(stage.sent() - sent, 1, "the other's");
}

#[test]
fn a_folder_that_exists_and_is_not_listed_is_no_place_for_mail() {
    let stage = stage(&["Hidden"]);
    stage.target.store(|store| store.create("Hidden"));
    stage.target.manners(|m| {
        m.on_answer = Box::new(|_, out| {
            let text = String::from_utf8_lossy(out).into_owned();
            let lines =
                text.split_inclusive("\r\n").filter(|l| !l.starts_with("* LIST") || !l.contains("Hidden"));
            *out = lines.collect::<String>().into_bytes();
        });
    });
    let outcome = stage.run();
    assert_eq!(outcome.not_well().totals(), [3, 1, 0, 0, 2, 0]);
    let reason = &outcome.exception("Hidden", 0).0.reason;
    assert!(reason.contains("exists, and does not list it"), "{reason}");
    assert!(stage.there("Hidden").is_empty());
}

/// What is shown of a name can be typed, and is what is stored.
#[test]
fn names_that_are_shown_escaped_are_stored_as_they_are() {
    let names = ["gpj&IC4-exe", "a&IAs-b", "&,v8-c", r"d\u{41}", "&AAk-tab", "*star*"];
    let stage = stage(&names);
    let run = stage.run();
    assert_eq!(run.complete().totals()[0], 13);
    let shown: Vec<String> = run.mailbox().folders.iter().map(|f| f.source.clone()).collect();
    assert!(
        shown.iter().flat_map(|name| name.chars()).all(|c| !c.is_control() && c != '\u{202e}'),
        "{shown:?}"
    );
    let told: Outcome = stage.verify(Depth::Full);
    assert_eq!(told.complete().differences(), []);
    for name in shown.iter().filter(|name| *name != "INBOX") {
        let mut stage = self::stage(&names);
        stage.rule(name, None);
        assert_eq!(stage.run().complete().totals()[3], 2, "{name}");
    }
}

#[test]
fn a_name_with_a_control_character_gets_another_and_the_plan_says_so() {
    let mut stage = stage(&["Da&AAk-Oggetto", "Da_Oggetto"]);
    let reason = stage.run().stopped().2;
    stage.job.rules = vec![advised(&reason, 0)];
    all_there(&stage, 5);
    let plan = self::stage(&["Da&AAk-Oggetto"]).plan();
    assert!(plan.notes.iter().any(|note| note.contains("cannot hold a control character")), "{plan:?}");
}

/// Names without quotes, with blanks and parentheses in them.
#[test]
fn names_without_quotes_are_read_to_the_end_of_the_line() {
    let stage = Stage::with(Manners::default(), Manners::default());
    for folder in ["Kunden/Alt 1", "Kunden/Alt 2", "Liste (1999-2007)"] {
        stage.load(folder, 2);
    }
    stage.source.manners(|m| {
        m.on_answer = Box::new(|_, out| {
            let text = String::from_utf8_lossy(out).into_owned();
            let bare = |line: &str| match line.starts_with("* LIST") || line.starts_with("* STATUS") {
                true => line.replacen("\"/\"", "|", 1).replace('"', "").replacen('|', "\"/\"", 1),
                false => line.to_owned(),
            };
            *out = text.split_inclusive("\r\n").map(bare).collect::<String>().into_bytes();
        });
    });
    stage.run().complete();
    stage.assert_moved();
    all_there(&stage, 6);
}
