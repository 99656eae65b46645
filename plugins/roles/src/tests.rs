use mailhaul_plugin::testing::with_settings;
use mailhaul_plugin::{Decision, Folder, Mapping, MappingRequest, Ruling, SpecialUse, TargetFolder};

use super::*;

fn folder(path: &str) -> Folder {
    Folder::new(path.split('/').map(str::to_owned).collect::<Vec<_>>())
}

fn map(source: Vec<Folder>, target: Vec<Folder>) -> Mapping {
    Roles::map_folders(&MappingRequest::new(source, target)).unwrap()
}

/// `source -> target` lines for every ruling, in the order of the source.
fn lines(source: &[Folder], mapping: &Mapping) -> Vec<String> {
    let path = |index: usize| mapping.path_of(index).map(|to| format!("{} -> {to}", source[index].path));
    (0..source.len()).filter_map(path).collect()
}

#[test]
fn special_use_wins_over_every_name() {
    let source = vec![
        folder("INBOX"),
        folder("Verschicktes").with_role(SpecialUse::Sent),
        folder("Sent Items"),
        folder("Work"),
    ];
    let target = vec![folder("Sent"), folder("Sent Messages").with_role(SpecialUse::Sent)];
    let mapping = map(source.clone(), target);
    assert_eq!(lines(&source, &mapping), ["Verschicktes -> Sent Messages"]);
    assert!(mapping.notes.is_empty(), "a name never claims a role that is held: {:?}", mapping.notes);
    let Decision::MapTo(target) = &mapping.rulings[0].decision else { panic!() };
    assert_eq!(target.role, Some(SpecialUse::Sent));
}

#[test]
fn well_known_names_work_in_many_languages() {
    let source = vec![folder("Gesendete Elemente"), folder("Papierkorb"), folder("spam"), folder("Entwürfe")];
    let target = vec![folder("Sent Items"), folder("Deleted Items"), folder("Junk Email"), folder("Drafts")];
    let mapping = map(source.clone(), target);
    assert_eq!(
        lines(&source, &mapping),
        [
            "Gesendete Elemente -> Sent Items",
            "Papierkorb -> Deleted Items",
            "spam -> Junk Email",
            "Entwürfe -> Drafts",
        ]
    );
}

#[test]
fn names_count_at_the_top_level_only() {
    let source = vec![folder("Projects"), folder("Projects/Archive"), folder("Projects/Sent")];
    let mapping = map(source.clone(), vec![folder("Sent Items"), folder("Archiv")]);
    assert_eq!(mapping, Mapping::default());
}

#[test]
fn of_two_claimants_by_name_neither_is_mapped_and_a_note_says_so() {
    let source = vec![folder("Sent"), folder("Sent Messages")];
    let mapping = map(source.clone(), vec![folder("Sent Items").with_role(SpecialUse::Sent)]);
    assert!(mapping.rulings.is_empty());
    assert_eq!(mapping.notes.len(), 1);
    assert!(mapping.notes[0].message.contains("`Sent` and `Sent Messages`"), "{}", mapping.notes[0].message);
}

#[test]
fn a_rule_of_the_operator_leaves_the_other_claimant_alone() {
    let mut request = MappingRequest::new(vec![folder("Spam"), folder("Junk")], vec![folder("Junk Email")]);
    request.settled.push(Ruling {
        folder: 0,
        decision: Decision::Skip("rule 1".into()),
        why: "rule 1".into(),
        extras: Vec::new(),
    });
    let mapping = Roles::map_folders(&request).unwrap();
    assert_eq!(lines(&request.source_folders, &mapping), ["Junk -> Junk Email"]);
}

#[test]
fn a_settled_folder_holds_its_marked_role() {
    let mut request = MappingRequest::new(
        vec![folder("Out").with_role(SpecialUse::Sent), folder("Sent")],
        vec![folder("Sent Items").with_role(SpecialUse::Sent)],
    );
    request.settled.push(Ruling {
        folder: 0,
        decision: Decision::MapTo(TargetFolder::new(["Elsewhere"])),
        why: "rule 1".into(),
        extras: Vec::new(),
    });
    assert!(Roles::map_folders(&request).unwrap().rulings.is_empty());
}

#[test]
fn two_marked_folders_are_decided_by_the_one_with_mail() {
    let mut empty = folder("Sent Messages").with_role(SpecialUse::Sent);
    empty.messages = Some(0);
    let source = vec![folder("Sent").with_role(SpecialUse::Sent), empty];
    let target = vec![folder("Sent Items").with_role(SpecialUse::Sent)];
    assert_eq!(lines(&source, &map(source.clone(), target.clone())), ["Sent -> Sent Items"]);

    let source = vec![source[0].clone(), folder("Sent Messages").with_role(SpecialUse::Sent)];
    let mapping = map(source, target);
    assert!(mapping.rulings.is_empty());
    assert_eq!(mapping.notes.len(), 1);
}

#[test]
fn the_same_name_is_preferred_on_the_target() {
    let source = vec![folder("Sent Messages")];
    let target = vec![folder("Sent"), folder("Sent Messages")];
    assert_eq!(lines(&source, &map(source.clone(), target)), ["Sent Messages -> Sent Messages"]);
    let source = vec![folder("Gesendet")];
    let target = vec![folder("Sent Messages"), folder("Sent")];
    assert_eq!(lines(&source, &map(source.clone(), target)), ["Gesendet -> Sent"]);
}

#[test]
fn without_a_folder_on_the_target_the_name_stays_and_the_role_is_asked_for() {
    let source = vec![folder("Gesendet"), folder("Everything").with_role(SpecialUse::All)];
    let mapping = map(source.clone(), vec![folder("INBOX")]);
    assert_eq!(lines(&source, &mapping), ["Gesendet -> Gesendet"]);
    let Decision::MapTo(target) = &mapping.rulings[0].decision else { panic!() };
    assert_eq!(target.role, Some(SpecialUse::Sent));
}

#[test]
fn two_folders_never_go_to_one() {
    let source = vec![folder("Sent").with_role(SpecialUse::Sent), folder("Sent Items")];
    let mapping = map(source.clone(), vec![folder("Sent Items").with_role(SpecialUse::Sent)]);
    assert!(mapping.rulings.is_empty());
    assert!(mapping.notes[0].message.contains("`Sent Items` goes there"), "{}", mapping.notes[0].message);
}

#[test]
fn folders_inside_a_renamed_one_go_along() {
    let source = vec![folder("Sent"), folder("Sent/2019"), folder("Sent/2019/Mai"), folder("Sent2")];
    let target = vec![folder("Sent Items")];
    let mapping = map(source.clone(), target.clone());
    assert_eq!(
        lines(&source, &mapping),
        ["Sent -> Sent Items", "Sent/2019 -> Sent Items/2019", "Sent/2019/Mai -> Sent Items/2019/Mai"]
    );

    let mut closed = folder("Sent Items");
    closed.attributes.push("\\NoInferiors".into());
    assert_eq!(lines(&source, &map(source.clone(), vec![closed])), ["Sent -> Sent Items"]);
}

#[test]
fn names_can_be_preferred_over_wrong_marks() {
    let source = vec![folder("Trash").with_role(SpecialUse::Sent), folder("Sent")];
    let target = vec![folder("Sent Items"), folder("Deleted Items")];
    let mapping = with_settings(r#"{"prefer":"names"}"#, || map(source.clone(), target.clone()));
    assert_eq!(lines(&source, &mapping), ["Trash -> Deleted Items", "Sent -> Sent Items"]);
    assert_eq!(lines(&source, &map(source.clone(), target)), ["Trash -> Sent Items"]);
}

#[test]
fn inbox_and_unselectable_folders_claim_nothing() {
    let mut container = folder("Archive");
    container.selectable = false;
    let source = vec![folder("INBOX").with_role(SpecialUse::Junk), container];
    let mapping = map(source, vec![folder("Spam"), folder("Archiv")]);
    assert_eq!(mapping, Mapping::default());
}
