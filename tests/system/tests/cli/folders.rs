//! Where folders go: the operator's rules, roles, and names that do not fit.

use mailhaul_lab::corpus;

use crate::support::compare::{assert_complete, assert_moved, assert_sums, count, folder, usual};
use crate::support::mail_servers::{Host, Move, json};

const DATE: &str = " 5-May-2021 05:05:05 +0500";

/// Puts one message into each of these folders of the source, which are created.
fn with_folders(haul: &Move, names: &[&str]) {
    let mut client = haul.from.client();
    for name in names {
        // Some exist from the start.
        client.create(name).ok();
        client.append_one(name, &["\\Seen"], DATE, &corpus::simple(name, "one")).unwrap();
    }
}

/// Rules of the project file come before everything else, and the first match wins.
#[test]
fn the_operators_rules_come_first() {
    let haul = Move::loaded(71, 100);
    haul.rewrite(|spec| {
        spec.extra = "[[folders]]\nfrom = \"Archive/2016\"\nto = \"Alt/sechzehn\"\n\
                      [[folders]]\nfrom = \"Archive/**\"\nto = \"Old/Archive/**\"\n\
                      [[folders]]\nfrom = \"Newsletters\"\nskip = true\n\
                      [[folders]]\nfrom = \"Sent\"\nto = \"Gesendet\"\n"
            .to_owned();
    });
    let mut source = haul.from.snapshot();
    let skipped = source["Newsletters"].len();
    assert!(skipped > 0);
    haul.mailhaul(&["plan"]).expect(0).says(&["Alt/sechzehn", "Old/Archive/2017", "Gesendet", "Newsletters"]);
    haul.mailhaul(&["run"]).expect(0);
    let report = haul.report();
    assert_complete(&report, count(&source));
    assert_eq!(report["totals"]["skipped"], skipped, "{report:#}");
    assert_eq!(folder(&report, "Newsletters")["skipped"], skipped);
    source.remove("Newsletters");
    let place = |name: &str| match name {
        "Archive/2016" => "Alt/sechzehn".to_owned(),
        "Sent" => "Gesendet".to_owned(),
        name if name.starts_with("Archive/") => format!("Old/{name}"),
        name => usual(name),
    };
    let target = haul.to.snapshot();
    assert_moved(&source, &target, place);
    assert!(!target.contains_key("Newsletters"), "a skipped folder is not created");
}

/// `plan --explain` tells of one folder where it goes and why.
#[test]
fn plan_explains() {
    let haul = Move::loaded(72, 20);
    haul.mailhaul(&["plan", "--explain", "Sent"]).expect(0).says(&["Sent Items", "roles"]);
    haul.mailhaul(&["plan", "--explain", "Nowhere"]).expect(2).says(&["Nowhere"]);
    let plan = json(&haul.mailhaul(&["plan", "--format", "json"]).expect(0));
    assert!(plan.to_string().contains("Sent Items"), "{plan:#}");
}

/// A plan written to a file is followed exactly, and refused when it no longer fits.
#[test]
fn a_written_plan_is_followed() {
    let haul = Move::loaded(73, 30);
    haul.mailhaul(&["plan", "--out", "plan.json"]).expect(0);
    haul.mailhaul(&["run", "--plan", "plan.json"]).expect(0);
    assert_moved(&haul.from.snapshot(), &haul.to.snapshot(), usual);

    let other = Move::loaded(73, 30);
    other.mailhaul(&["plan", "--out", "plan.json"]).expect(0);
    other.rewrite(|spec| spec.extra = "[[folders]]\nfrom = \"Sent\"\nto = \"Elsewhere\"\n".to_owned());
    other.mailhaul(&["run", "--plan", "plan.json"]).expect(2).says(&["plan", "Elsewhere"]);
    assert_eq!(count(&other.to.snapshot()), 0);
}

/// Two folders that both look like drafts by name: neither is mapped, and the plan says so.
#[test]
fn of_two_claimants_by_name_neither_is_mapped() {
    let haul = Move::usual();
    with_folders(&haul, &["Trash", "Papierkorb", "Sent"]);
    haul.mailhaul(&["plan"]).expect(0).says(&["Papierkorb"]);
    haul.mailhaul(&["run"]).expect(0);
    let target = haul.to.snapshot();
    assert_eq!((target["Trash"].len(), target["Papierkorb"].len(), target["Deleted Items"].len()), (1, 1, 0));
    assert_eq!(target["Sent Items"].len(), 1);
}

/// Two folders that the operator's own rules send into one are merged, told in the plan, and nothing is lost.
#[test]
fn two_folders_into_one_by_rule() {
    let haul = Move::usual();
    with_folders(&haul, &["One", "Two"]);
    haul.rewrite(|spec| {
        spec.extra =
            "[[folders]]\nfrom = \"One\"\nto = \"Both\"\n[[folders]]\nfrom = \"Two\"\nto = \"Both\"\n"
                .to_owned();
    });
    haul.mailhaul(&["plan"]).expect(0).says(&["merged"]);
    for copied in [2, 0] {
        haul.mailhaul(&["run"]).expect(0);
        assert_eq!(haul.to.snapshot()["Both"].len(), 2);
        let report = haul.report();
        assert_complete(&report, 2);
        assert_eq!(report["last_run"]["copied"], copied);
    }
    haul.mailhaul(&["verify", "--depth", "full"]).expect(0);
}

/// A name the target cannot have: that folder is named with the cause, everything else arrives.
#[test]
fn a_name_the_target_refuses() {
    let haul = Move::new(Host::New, Host::Cyrus);
    with_folders(&haul, &["INBOX", "50% off", "Plain"]);
    haul.mailhaul(&["plan"]).says(&["50% off"]);
    let outcome = haul.mailhaul(&["run"]).says(&["50% off"]);
    assert_eq!(outcome.code, Some(3), "{}", outcome.told());
    let report = haul.report();
    assert_sums(&report);
    assert_eq!(folder(&report, "50% off")["failed"], 1, "{report:#}");
    let target = haul.to.snapshot();
    assert_eq!((target["INBOX"].len(), target["Plain"].len()), (1, 1), "the other folders arrived");
    // A rule gives it a name that fits, and the same command finishes.
    haul.rewrite(|spec| spec.extra = "[[folders]]\nfrom = \"50% off\"\nto = \"Half off\"\n".to_owned());
    haul.mailhaul(&["run"]).expect(0);
    let target = haul.to.snapshot();
    assert_eq!((target["INBOX"].len(), target["Plain"].len(), target["Half off"].len()), (1, 1, 1));
}

/// The target's separator within a source folder's name does not make a new level.
#[test]
fn the_separator_within_a_name() {
    let haul = Move::new(Host::New, Host::Old);
    with_folders(&haul, &["v1.2", "Deep/er/still"]);
    let outcome = haul.mailhaul(&["run"]);
    let target = haul.to.snapshot();
    assert!(!target.contains_key("v1/2"), "`v1.2` became two levels\n{}", outcome.told());
    assert_eq!(target["Deep/er/still"].len(), 1);
    let report = haul.report();
    assert_sums(&report);
    let entry = folder(&report, "v1.2");
    // Either it has got a name that fits, or it is named as failed; it is never silently left out.
    if entry["failed"] == 1 {
        outcome.expect(3).says(&["v1.2"]);
    } else {
        let name = entry["target"].as_str().unwrap_or_else(|| panic!("{entry:#}"));
        assert_eq!(target[name].len(), 1, "{entry:#}");
        outcome.expect(0);
    }
}

/// Names that mean something to a terminal or a shell are data.
#[test]
fn names_cannot_write_on_the_terminal() {
    let haul = Move::new(Host::New, Host::New);
    with_folders(&haul, &["a'b\"c$(d)`e`", "<img src=x onerror=alert(1)>", "*starred*"]);
    let plan = haul.mailhaul(&["plan"]).expect(0);
    let run = haul.mailhaul(&["run"]).expect(0);
    for outcome in [&plan, &run] {
        assert!(
            !outcome.stdout.contains('\u{1b}') && !outcome.stderr.contains('\u{1b}'),
            "{}",
            outcome.told()
        );
    }
    assert_moved(&haul.from.snapshot(), &haul.to.snapshot(), str::to_owned);
    let html = haul.mailhaul(&["report", "--format", "html"]).expect(0).stdout;
    assert!(html.contains("img src=x") && !html.contains("<img src=x"), "a name is markup in {html}");
}
