//! The project's own store: passwords typed, taken from a list, used, backed up and given up.

use std::fs;
use std::path::Path;

use mailhaul_lab::runner::Outcome;

use crate::support::compare::{assert_moved, usual};
use crate::support::fake_servers::FakeServers;
use crate::support::mail_servers::{Move, json};

/// Puts the project's key where `passphrase --restore` will write it again.
fn key(folder: &Path) -> std::path::PathBuf {
    folder.join(".settings/mailhaul/key")
}

/// `secrets` with something on standard input.
#[track_caller]
fn typed(haul: &Move, arguments: &[&str], input: &str) -> Outcome {
    haul.command(arguments).input(input).run()
}

/// A list gives its passwords away, and every command works as before, against real servers.
#[test]
fn a_list_without_its_passwords_moves_as_before() {
    let haul = Move::loaded(171, 12);
    let list = haul.folder.join("mailboxes.csv");
    let before = fs::read_to_string(&list).unwrap();
    let passwords = [&haul.from.password, &haul.to.password];
    assert!(passwords.iter().all(|password| before.contains(*password)), "{before}");

    let taken = haul.mailhaul(&["secrets", "take", "mailboxes.csv"]).expect(0);
    let taken =
        taken.says(&["2 passwords are in the store now", "the key to this project's passwords was made"]);
    let after = fs::read_to_string(&list).unwrap();
    let mut emptied = before.clone();
    for password in passwords {
        emptied = emptied.replacen(password.as_str(), "", 1);
    }
    assert_eq!(after, emptied);
    haul.mailhaul(&["secrets", "take", "mailboxes.csv"]).expect(0).says(&["it is as it was"]);

    let outcomes = [
        taken,
        haul.mailhaul(&["check"]).expect(0),
        haul.mailhaul(&["run", "-vv"]).expect(0),
        haul.mailhaul(&["verify", "--depth", "full"]).expect(0),
        haul.mailhaul(&["secrets", "list"]).expect(0).says(&[
            haul.from.user.as_str(),
            "target",
            "take",
            "UTC",
        ]),
    ];
    assert_moved(&haul.from.snapshot(), &haul.to.snapshot(), usual);
    for password in passwords {
        for outcome in outcomes.clone() {
            outcome.hides(password);
        }
        for file in ["secrets.age", "mailhaul.log"] {
            let bytes = fs::read(haul.folder.join(".mailhaul").join(file)).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains(password.as_str()), "{file}");
        }
    }

    // A cell comes first: a wrong one is tried, and the store is not.
    let header = before.lines().next().unwrap();
    let at = header.split(',').position(|name| name == "target_password").unwrap();
    let mut cells: Vec<&str> = after.lines().nth(1).unwrap().split(',').collect();
    cells[at] = "wrong";
    fs::write(&list, format!("{header}\n{}\n", cells.join(","))).unwrap();
    haul.mailhaul(&["check"]).expect(4);
    fs::write(&list, &after).unwrap();
    // And what is typed replaces what was taken.
    let of_target = ["secrets", "set", "--side", "target", "--user", &haul.to.user];
    typed(&haul, &of_target, "also wrong\nmore\n").expect(0).says(&["replaced: "]).hides("also wrong");
    haul.mailhaul(&["check"]).expect(4).hides("also wrong");
    typed(&haul, &of_target, &format!("{}\r\n", haul.to.password)).expect(0);
    haul.mailhaul(&["check"]).expect(0);
    // Without it there is nothing to sign in with.
    haul.mailhaul(&["secrets", "remove", "--side", "target", "--user", &haul.to.user]).expect(0);
    haul.mailhaul(&["check"]).expect(2).says(&["no target password"]);
    haul.mailhaul(&["secrets", "remove", "--side", "target", "--user", &haul.to.user])
        .expect(2)
        .says(&["the store has no target password"]);
}

/// The key is gone: what that means is said, nothing is begun over the store, and the backup brings it back.
#[test]
fn a_key_that_is_gone() {
    let fakes = FakeServers::loaded(3);
    let folder = &fakes.folder;
    let at = |arguments: &[&str], input: &str| {
        mailhaul_lab::runner::Mailhaul::new(folder).args(arguments).input(input).run()
    };
    at(&["secrets", "take", "mailboxes.csv"], "").expect(0);
    let sealed = fs::read(folder.join(".mailhaul/secrets.age")).unwrap();
    at(&["secrets", "passphrase"], "correct horse\n")
        .expect(0)
        .says(&["key-backup.age"])
        .hides("correct horse");
    fs::remove_file(key(folder)).unwrap();
    for arguments in [
        &["check"][..],
        &["run"],
        &["secrets", "list"],
        &["secrets", "set", "--side", "source", "--user", "x"],
        &["secrets", "passphrase"],
        &["passwords", "export", "--yes"],
    ] {
        let outcome = at(arguments, "anything\n").expect(2);
        outcome.says(&[
            "the key to this project's passwords is gone: it was expected in",
            "what `provision`, `secrets take` and `secrets set` put there",
            "`mailhaul secrets passphrase --restore`",
        ]);
    }
    assert!(!key(folder).exists(), "nothing is begun anew");
    at(&["secrets", "passphrase", "--restore"], "wrong\n").expect(2).says(&["the passphrase does not open"]);
    at(&["secrets", "passphrase", "--restore"], "").expect(2).says(&["nothing was typed"]);
    at(&["secrets", "passphrase", "--restore"], "correct horse\n").expect(0).says(&["again"]);
    assert_eq!(fs::read(folder.join(".mailhaul/secrets.age")).unwrap(), sealed);
    at(&["run"], "").expect(0);
    fakes.assert_moved();

    // Cut short: told as damage, and only a person gives it up.
    fs::write(folder.join(".mailhaul/secrets.age"), &sealed[..sealed.len() / 2]).unwrap();
    at(&["run"], "").expect(2).says(&["is damaged", "`mailhaul secrets remove --all`"]);
    at(&["secrets", "remove", "--all"], "").expect(2).says(&["nobody is there to agree"]);
    at(&["secrets", "remove", "--all", "--yes"], "").expect(0);
    at(&["run"], "").expect(2).says(&["no source password"]);
    assert_eq!(
        json(&at(&["secrets", "list", "--format", "json"], "").expect(0))["secrets"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

/// A key in a variable serves a machine without a home, and one that is not set is told by its name.
#[test]
fn a_key_from_the_environment() {
    let fakes = FakeServers::new();
    let folder = &fakes.folder;
    let at = |arguments: &[&str], key: &str| {
        mailhaul_lab::runner::Mailhaul::new(folder).args(arguments).env("STORE_KEY", key).run()
    };
    at(&["secrets", "take", "mailboxes.csv"], "").expect(0);
    let text = fs::read_to_string(key(folder)).unwrap();
    let key = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
    fs::remove_dir_all(folder.join(".settings")).unwrap();
    let file = folder.join("mailhaul.toml");
    let project = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{project}\n[secrets]\nkey = {{ env = \"STORE_KEY\" }}\n")).unwrap();
    at(&["check"], key).expect(0).hides(key);
    at(&["check"], "").expect(2).says(&["`[secrets] key` names it", "`STORE_KEY` is empty"]);
    at(&["check"], "canary-of-no-key").expect(2).says(&["holds no key"]).hides("canary-of-no-key");
}
