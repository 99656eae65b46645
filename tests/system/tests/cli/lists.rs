//! Lists of mailboxes as people have them, read to the end and moved.
//!
//! Whatever is wrong with one: its line, the cause and what to do, all of it at once, and never a password.

use std::fs;
use std::path::Path;

use mailhaul_lab::dovecot::User;
use mailhaul_lab::runner::Outcome;

use crate::support::mail_servers::{Account, Host, Move, at, folder_with};

/// In every list that is refused here.
const CANARY: &str = "c4nary-pw";

const TOML: &str = "[source]\nhost = \"127.0.0.1\"\n[target]\nhost = \"127.0.0.2\"\n[mailboxes]\nfrom = \"csv\"\n\
                    inputs = { accounts = \"mailboxes.csv\" }\n";

/// Runs `check` with this list, which is refused: with all of these texts, and without a password.
#[track_caller]
fn refused(list: &[u8], says: &[&str]) -> Outcome {
    let folder = folder_with(&[("mailhaul.toml", TOML)]);
    fs::write(folder.join("mailboxes.csv"), list).unwrap();
    let outcome = at(&folder, &["check"]).expect(2).says(says);
    for arguments in
        [&["plan"][..], &["run"], &["check", "--format", "json"], &["secrets", "take", "mailboxes.csv"]]
    {
        without_canary(&at(&folder, arguments), &folder);
    }
    without_canary(&outcome, &folder);
    outcome
}

#[track_caller]
fn without_canary(outcome: &Outcome, folder: &Path) {
    let log = fs::read_to_string(folder.join(".mailhaul/mailhaul.log")).unwrap_or_default();
    for text in [&outcome.stdout, &outcome.stderr, &log] {
        assert!(!text.contains(CANARY), "{}", outcome.told());
    }
}

/// Runs `check` with this list: both log-ins of its only mailbox are right. Returns what it said.
#[track_caller]
fn accepted(haul: &Move, list: impl AsRef<[u8]>) -> Outcome {
    fs::write(haul.file("mailboxes.csv"), list).unwrap();
    let outcome = haul.mailhaul(&["check"]).expect(0);
    for password in [&haul.from.password, &haul.to.password] {
        assert!(
            !outcome.stdout.contains(password) && !outcome.stderr.contains(password),
            "{}",
            outcome.told()
        );
    }
    outcome
}

/// The list of the trial: from a German Excel, with marks, quotes, empty rows and the headers of a person.
#[test]
fn a_list_from_excel() {
    let haul = Move::loaded(2_401, 3);
    let (from, to) = (&haul.from, &haul.to);
    let rows = format!(
        "\"Email\";\"Password\";\"New Email\";\"New Password\"\r\n\"{}\";\"{}\";\"{}\";\"{}\"\r\n;;;\r\n\r\n",
        from.user, from.password, to.user, to.password
    );
    let says = "read as: `Email` is source_user, `Password` is source_password, `New Email` is target_user";
    accepted(&haul, format!("\u{feff}{rows}")).says(&["mailboxes.csv:1", says]);
    let utf16: Vec<u8> =
        b"\xff\xfe".iter().copied().chain(rows.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    accepted(&haul, utf16);
    accepted(&haul, format!("sep=;\r\n{rows}"));
    accepted(&haul, rows.replace(';', "\t"));
    // What the machine reads is the same.
    let json = haul.mailhaul(&["check", "--format", "json"]).expect(0);
    assert!(json.stdout.contains(&from.user) && !json.stdout.contains("read as"), "{}", json.told());
    haul.mailhaul(&["run"]).expect(0).says(&["read as"]);

    let twice = rows.replace(";;;", &format!("{};{CANARY};{};{CANARY}", from.user.to_uppercase(), to.user));
    refused(twice.as_bytes(), &["mailboxes.csv:3", "is listed on line 2 already: remove one of the two"]);
}

/// What Excel calls CSV in most of Europe: it is converted, and named.
#[test]
fn a_list_in_windows_1252() {
    let haul = Move::loaded(2_402, 3);
    let (from, to) = (&haul.from, &haul.to);
    let rows = format!(
        "E-Mail;Passwort;Neue E-Mail;Neues Passwort;Name\r\n{};{};{};{};M\u{fc}ller\r\n",
        from.user, from.password, to.user, to.password
    );
    let bytes: Vec<u8> = rows.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    accepted(&haul, bytes).says(&[
        "mailboxes.csv: it is Windows-1252",
        "save it as CSV UTF-8",
        "`Name` is label",
    ]);
}

/// The file of the loop around imapsync: comments, no header, a semicolon at the end. What is to be written
/// above it is told, and works.
#[test]
fn a_list_for_imapsync() {
    let haul = Move::loaded(2_403, 3);
    let (from, to) = (&haul.from, &haul.to);
    let row = format!(
        "127.0.0.1:{};{};{};127.0.0.1:{};{};{};\n",
        from.tls_port(),
        from.user,
        from.password,
        to.tls_port(),
        to.user,
        to.password
    );
    fs::write(haul.file("mailboxes.csv"), format!("# moved on Friday\n\n{row}")).unwrap();
    let line = "source_host;source_user;source_password;target_host;target_user;target_password";
    let outcome = haul.mailhaul(&["check"]).expect(2).says(&["mailboxes.csv:3", "write one above it", line]);
    assert!(!outcome.told().contains(&from.password), "{}", outcome.told());
    accepted(&haul, format!("{line}\n# moved on Friday\n{row}#{row}"))
        .says(&["mailboxes.csv:4: this line begins with #, and is left out as a comment"]);
    accepted(&haul, format!("# moved on Friday\n#host1;user1;password1;host2;user2;password2\n{row}"))
        .says(&["`host1` is source_host"]);
}

/// One log-in and one password: the target's log-in is the same, and its password comes from elsewhere.
#[test]
fn a_list_without_the_new_host() {
    let user = User::new("same@both.example", "pw-old-same");
    let from = Account::special(Host::Old, user.clone());
    let to = Account::special(Host::New, User { password: "pw-new-same".to_owned(), ..user });
    let haul = Move::between(from, to);
    let list = format!("Email,Password,New Password\n{},pw-old-same,pw-new-same\n", haul.from.user);
    accepted(&haul, list).says(&["without target_user each mailbox has the same log-in at the target"]);
    // Into the store, and from there: by the same names.
    haul.mailhaul(&["secrets", "take", "mailboxes.csv"]).expect(0);
    let left = fs::read_to_string(haul.file("mailboxes.csv")).unwrap();
    assert_eq!(left, format!("Email,Password,New Password\n{},,\n", haul.from.user));
    haul.mailhaul(&["check"]).expect(0);
}

#[test]
fn files_that_are_no_list() {
    for (bytes, says) in [
        (&b"PK\x03\x04\x14\x00\x06\x00xl/workbook.xml"[..], "it is a spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "it is a spreadsheet of an old Excel"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "it is a PDF"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "it is not UTF-8 here"),
        (b"<html><table>", "it is a web page"),
        (b"", "it is empty"),
    ] {
        refused(bytes, &["mailboxes.csv", says]);
    }
    // 200 MB without a byte on the disk: nothing of it is read.
    let folder = folder_with(&[("mailhaul.toml", TOML)]);
    fs::File::create(folder.join("mailboxes.csv")).unwrap().set_len(200_000_000).unwrap();
    let outcome =
        at(&folder, &["check"]).expect(2).says(&["it has 190.7 MiB, and at most 64.0 MiB are read"]);
    assert!(outcome.elapsed.as_secs() < 10, "{}", outcome.told());
    // A million rows, and rows of 40 cells.
    let rows = format!("source_user,source_password\n{}", "x,y\n".repeat(1_000_000));
    fs::write(folder.join("mailboxes.csv"), rows).unwrap();
    at(&folder, &["check"]).expect(2).says(&["mailboxes.csv:250002: there are more than 250,000 rows"]);
    let wide = format!("Email,Password\n{}\n", vec![CANARY; 40].join(","));
    refused(wide.as_bytes(), &["mailboxes.csv:2: 40 cells where the header names 2 columns"]);
}

/// The header's, the host's, the plugin's and the engine's faults, each with its line, in one go.
#[test]
fn no_fault_hides_another() {
    let list = format!(
        "source_user,source_password,target_user,target_password,target_port,target_tls\n\
         a@old.example,{CANARY},a@new.example,{CANARY},,\n\
         b@old.example,{CANARY}\n\
         c@old.example,{CANARY},c@new.example,{CANARY},99999,\n\
         d@old.example,\"{CANARY},d@new.example,{CANARY},,\n\
         A@OLD.example,{CANARY},e@new.example,{CANARY},,\n\
         f@old.example,{CANARY},f\u{200b}@new.example,{CANARY},,\n\
         g@old.example,{CANARY},a@new.example,{CANARY},,\n\
         =HYPERLINK(1),{CANARY},h@new.example,{CANARY},,{CANARY}\n\
         i@old.example,{CANARY},i@new.example,{CANARY},,{CANARY}\n"
    );
    let outcome = refused(
        list.as_bytes(),
        &[
            "mailboxes.csv:3: 2 cells where the header names 6 columns; add the missing ones",
            "mailboxes.csv:4: `target_port` is no port: write a number",
            "mailboxes.csv:5: a quote is opened and not closed",
            "mailboxes.csv:6: `A@OLD.example` is listed on line 2 already",
            "mailboxes.csv:7: ",
            "U+200B",
            "mailboxes.csv:8: target `a@new.example` is also the target of mailboxes.csv:2",
            "mailboxes.csv:9: `source_user` begins with =",
            "mailboxes.csv:10: `target_tls` is none of implicit",
        ],
    );
    // Each once.
    for line in 3..=10 {
        assert_eq!(
            outcome.stderr.matches(&format!("mailboxes.csv:{line}: ")).count(),
            1,
            "{line} {}",
            outcome.told()
        );
    }
    // A hundred are told, the others counted.
    let rows = format!("source_user,source_password,target_user,target_port\n{}", ",x,y,\n".repeat(2_345));
    let outcome = refused(rows.as_bytes(), &["and 2245 more like these"]);
    assert_eq!(outcome.stderr.matches("`source_user` is empty").count(), 100, "{}", outcome.told());
}

/// A header that can be read in two ways is not guessed at, and one that is none shows nothing.
#[test]
fn headers_that_are_not_understood() {
    let list = |header: &str| format!("{header}\na@old.example,{CANARY},{CANARY}\n");
    refused(list("Email,Password,Passwort").as_bytes(), &["columns 2 and 3 could both be `source_password`"]);
    refused(
        list("Email,Password,Kostenstelle").as_bytes(),
        &["column 3 of 3 is not known", "`target_user`", "`note`"],
    );
    refused(list("Email,Password,password").as_bytes(), &["columns 2 and 3 have the same name", "source_"]);
    refused(list("Email,Password,target_pasword").as_bytes(), &["did you mean `target_password`?"]);
    let headless = format!("anna@old.example,{CANARY},bert@new.example\n").repeat(2);
    refused(headless.as_bytes(), &["mailboxes.csv:1", "source_user,source_password,target_user"]);
    let headless = format!("anna,{},bert,{0}x\n", CANARY.replace('-', ""));
    refused(
        headless.as_bytes(),
        &["mailboxes.csv:1", "source_user,source_password,target_user,target_password"],
    );
}

/// From the file to the engine's list: ten thousand rows in a second, and the last of them is as much looked
/// at as the first. Nothing is dialled: its target is the first one's.
#[test]
fn ten_thousand_rows() {
    let mut list = "Email;Password;New Email;New Password;Port\n".to_owned();
    for row in 0..9_999 {
        list += &format!("user{row}@old.example;pw{row}-{CANARY};user{row}@new.example;pw{row};993\n");
    }
    list += "last@old.example;x;user0@new.example;x;993\n";
    let folder = folder_with(&[("mailhaul.toml", TOML), ("mailboxes.csv", &list)]);
    let says = ["mailboxes.csv:10001: target `user0@new.example` is also the target of mailboxes.csv:2"];
    // Compiles the plugin for this machine, once.
    at(&folder, &["check"]).expect(2).says(&says);
    let outcome = at(&folder, &["check"]).expect(2).says(&says);
    println!("10,000 rows were read in {:.2} s", outcome.elapsed.as_secs_f32());
    // One second in a release build; this one is not optimised, and the machine is not alone.
    assert!(outcome.elapsed.as_secs_f32() < 30.0, "{}", outcome.told());
    without_canary(&outcome, &folder);
}
