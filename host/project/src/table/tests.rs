use std::path::Path;

use proptest::prelude::*;

use super::header::is_name;
use super::*;

fn read(bytes: impl AsRef<[u8]>) -> Result<Table, String> {
    Table::parse(Path::new("m.csv"), bytes.as_ref(), Limits::default()).map_err(|errors| errors.to_string())
}

fn cells(bytes: impl AsRef<[u8]>) -> Vec<Vec<String>> {
    let show = |cell: &Cell| match cell {
        Cell::Text(text) => text.clone(),
        Cell::Secret(secret) => format!("secret:{}", String::from_utf8_lossy(secret.expose_secret())),
    };
    read(bytes).unwrap().rows.iter().map(|row| row.cells.iter().map(show).collect()).collect()
}

#[test]
fn separators_line_ends_and_marks_of_every_spreadsheet() {
    let expected = [["a@x", "secret:p w"], ["b@x", "secret: ü;,"]];
    for separator in [",", ";", "\t"] {
        let quoted = if separator == "\t" { " ü;," } else { "\" ü;,\"" };
        let text = format!("user|x_password\na@x | p w\nb@x|{quoted}\n\n||\n");
        let text = text.replace(" | ", "|").replace("||", "|").replace('|', separator);
        for end in ["\n", "\r\n", "\r"] {
            let text = text.replace('\n', end);
            assert_eq!(cells(&text), expected, "{text:?}");
            assert_eq!(cells(format!("\u{feff}{text}")), expected);
            assert_eq!(cells(text.trim_end()), expected);
            let utf16 = |mark: &[u8], bytes: fn(u16) -> [u8; 2]| {
                mark.iter().copied().chain(text.encode_utf16().flat_map(bytes)).collect::<Vec<u8>>()
            };
            assert_eq!(cells(utf16(b"\xff\xfe", u16::to_le_bytes)), expected);
            assert_eq!(cells(utf16(b"\xfe\xff", u16::to_be_bytes)), expected);
        }
    }
    assert_eq!(cells("sep=;\nuser\na,b\n"), [["a,b"]]);
}

#[test]
fn quotes_as_rfc_4180_has_them() {
    let text = "a,b_Password,c\n\"x, \"\"y\"\"\", \"p\"\"q\" ,\"\"\n z ,pa\"ss,w\n";
    assert_eq!(cells(text), [["x, \"y\"", "secret:p\"q", ""], ["z", "secret:pa\"ss", "w"]]);
    let table = read(text).unwrap();
    assert_eq!(table.rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(table.column("c"), Some(2));
    assert!(table.rows[0].cells[2].is_empty());
}

#[test]
fn malformed_rows_are_reported_together_and_by_line() {
    insta::assert_snapshot!(
        read(
            "source_user,source_password,target_user\n\
        a,b\n\
        a,b,c,d\n\
        a,\"canary,c\n\
        a,\"canary\"x,c\n\
        fine,canary,fine\n"
        )
        .unwrap_err()
    );
    let header = |text: &str| read(text).unwrap_err();
    insta::assert_snapshot!(
        [
            header(""),
            header("\n \n"),
            header("a,,b\n"),
            header("user,User\n"),
            header("a,\"b\n"),
            header("PK\u{3}\u{4}"),
            header("a\0b"),
        ]
        .join("\n")
    );
    // Windows-1252 has no such byte; and a text is one or the other.
    let broken = "m.csv:3: it is not UTF-8 here; save it as CSV in UTF-8";
    assert_eq!(read(b"a\nb\n\x81\xfc\n").unwrap_err(), broken);
    assert_eq!(read(b"a\n\xc3\xbc\n\xfc\n").unwrap_err(), broken);
    assert_eq!(
        read(b"\xff\xfea").unwrap_err(),
        "m.csv: it begins as UTF-16 and is not; save it as CSV in UTF-8"
    );
}

/// Two rows with a forgotten quote each: the cells would add up, and a mailbox would be gone.
#[test]
fn a_forgotten_quote_swallows_no_rows() {
    let error = read("u,p,v,q\nu1,\"p1,v1,q1\nu2,p2\",v2,q2\n").unwrap_err();
    assert!(error.starts_with("m.csv:2: a quote is opened and not closed"), "{error}");
}

#[test]
fn tables_are_bounded() {
    let limits = Limits { file: 100, rows: 2, cell: 5 };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("m.csv");
    let read = |text: &str| {
        std::fs::write(&file, text).unwrap();
        Table::read(&file, limits).map_err(|errors| errors.to_string())
    };
    assert!(read("a\n1\n2\n").is_ok());
    assert!(read("a\n1\n2\n3\n").unwrap_err().contains(":4: there are more than 2 rows"));
    assert!(read("a\n123456\n").unwrap_err().contains(":2: column 1 has more than 5 bytes"));
    assert!(read(&"a\n".repeat(51)).unwrap_err().contains("it has 102 B, and at most 100 B are read"));
    assert!(
        Table::read(&dir.path().join("none"), limits).unwrap_err().to_string().contains("does not exist")
    );
    assert!(super::Table::parse(&file, "a,".repeat(300).as_bytes(), Limits::default()).is_err());
}

#[test]
fn every_row_that_is_wrong_is_told_up_to_a_bound() {
    let error = read(format!("a,b\n{}c,d\n", "1\n".repeat(1_000))).unwrap_err();
    assert_eq!(error.lines().count(), REPORTED + 1);
    assert!(error.contains("900 more rows are malformed"), "{error}");
}

#[test]
fn a_wrong_separator_is_told_once() {
    let says = "m.csv:1: there is a comma between the names and a semicolon between the cells below; put a \
                semicolon between the names as well";
    assert_eq!(read(format!("a,b\n{}", "1;2\n".repeat(1_000))).unwrap_err(), says);
    // One row that fits neither, and it is no longer sure.
    assert_eq!(read("a,b\n1;2\n1\n").unwrap_err().lines().count(), 2);
    // One that fits, and the others are what they are.
    assert_eq!(read("a,b\n1;2\n1,2\n3;4\n").unwrap_err().lines().count(), 2);
}

/// What Excel saves in Germany: it is converted, and said.
#[test]
fn windows_1252_is_read_and_named() {
    let file = b"user;x_password\r\nm\xfcller;k\xf6nig\x80\r\n";
    assert_eq!(cells(file), [["m\u{fc}ller", "secret:k\u{f6}nig\u{20ac}"]]);
    insta::assert_snapshot!(read(file).unwrap().warnings[0], @r#"m.csv: it is Windows-1252 (the "ANSI" of Windows) and is read as that; save it as CSV UTF-8, so that no letter is a matter of guessing"#);
    let warned = |bytes: &[u8]| read(bytes).unwrap().warnings.len();
    assert_eq!((warned(b"u\na\n"), warned("u\n\u{fc}\n".as_bytes())), (0, 0));
}

#[test]
fn files_that_are_no_list_are_named() {
    for (bytes, says) in [
        (&b"PK\x03\x04\x14\0"[..], "it is a spreadsheet or another ZIP file, no CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "it is a spreadsheet of an old Excel, no CSV"),
        (b"%PDF-1.7\n%\xe2\xe3", "it is a PDF, no CSV"),
        (b"\x1f\x8b\x08\0", "it is compressed by gzip, no CSV"),
        (b"<!DOCTYPE html>", "it is a web page or XML, no CSV"),
        (b"\x89PNG\r\n\x1a\n\0\0", "it is not UTF-8 here"),
    ] {
        let error = read(bytes).unwrap_err();
        assert!(error.contains(says) && error.contains("save it as CSV in UTF-8"), "{error}");
    }
}

#[test]
fn comments_and_empty_edges_are_left_out() {
    let text = "# moved on Friday\nuser;x_password;;\na;canary;;\n\n#b;canary2\n;;;\n# nothing\nc;d\n";
    assert_eq!(cells(text), [["a", "secret:canary"], ["c", "secret:d"]]);
    insta::assert_snapshot!(read(text).unwrap().warnings[0], @"m.csv:5: this line begins with #, and is left out as a comment");
    assert_eq!(
        read("a;;\n1;2;\n").unwrap_err(),
        "m.csv:2: 2 cells where the header names 1 column; put quotes around a cell that has a semicolon in it"
    );
    // A column of numbers, and formulas that failed, are rows.
    assert_eq!(cells("#;user\n1;a\n"), [["1", "a"]]);
    assert_eq!(cells("user;label\n#REF!;x\n#N/A;y\n#NAME?;z\n").len(), 3);
    // What is in quotes is meant.
    assert_eq!(cells("user;label\n\"#a\";x\n"), [["#a", "x"]]);
}

/// A list for a script: the names of its columns are a comment.
#[test]
fn a_header_may_be_a_comment_above_the_first_row() {
    let text = "# my list\n#host1;user1;password1\nimap.old;anna@old.example;c@nary;\n";
    assert_eq!(cells(text), [["imap.old", "anna@old.example", "secret:c@nary"]]);
    assert_eq!(read(text).unwrap().columns[1].name, "user1");
    // The first line that is none names the columns where it can.
    assert_eq!(read("#a;b\nuser;label\n").unwrap().columns[0].name, "user");
}

#[test]
fn a_list_without_header_is_told_what_to_write_above_it() {
    for (row, line) in [
        ("anna@old.example,c@nary", "source_user,source_password"),
        ("anna@old.example,anna@new.example", "source_user,target_user"),
        ("anna@new.example,old\\anna,c@nary", "target_user,source_user,source_password"),
        ("anna@old.example,c@nary,anna@new.example", "source_user,source_password,target_user"),
        ("anna@old.example,c,anna@new.example,d", "source_user,source_password,target_user,target_password"),
        (
            "imap.old,anna@old.example,c,imap.new,anna@new.example,d,",
            "source_host,source_user,source_password,target_host,target_user,target_password",
        ),
        ("a@b.c,1,2,3,4,5,6,7", "as in source_user,source_password,target_user"),
    ] {
        for separator in [",", ";", "\t"] {
            let error = read(row.replace(',', separator)).unwrap_err();
            let line =
                if row.matches(',').count() > 6 { line.to_owned() } else { line.replace(',', separator) };
            assert!(error.contains("the first line has to name the columns"), "{error}");
            assert!(error.contains(&mailhaul_text::visible(&line)) && !error.contains("anna"), "{error}");
            assert!(!error.contains("c@nary"), "{error}");
        }
    }
}

/// One too many is only kept from plugins; one too few would be shown to them.
#[test]
fn whatever_may_be_a_password_is_secret() {
    for name in [
        "source_password",
        "API_Token",
        "Password",
        "Passwort",
        "password1",
        "New Password",
        "pass",
        "PW",
        "Pwd",
        "Kennwort (alt)",
        "imap-pass",
        "userPass2",
        "p1",
        "Passwd",
        "API key",
        "Secret",
        "Mot de passe",
        "Contraseña",
        "Hasło",
        "Пароль",
        "PIN",
        "Zugangscode",
    ] {
        assert!(is_secret_name(name), "{name}");
    }
    for name in ["Email", "user1", "host2", "source_user", "Label", "Postfach", "Port", "Gruppe", "u1"] {
        assert!(!is_secret_name(name), "{name}");
    }
}

/// What is wrong with one row is told beside what a plugin says of the others.
#[test]
fn sound_rows_are_there_beside_those_that_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("m.csv");
    std::fs::write(&file, "a,b\n1,2\n3\n4,5\n\"6,7\n").unwrap();
    let (table, faults) = Table::read_sound_rows(&file, Limits::default()).unwrap();
    assert_eq!(table.rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 4]);
    assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [Some(3), Some(5)]);
    assert!(Table::read(&file, Limits::default()).is_err());
}

#[test]
fn secrets_are_hidden_and_their_spaces_noticed() {
    let table = read("u,source_password,API_Token\na, canary,canary \nb,canary ,\n").unwrap();
    assert!(!format!("{table:?}").contains("canary"));
    insta::assert_snapshot!(table.warnings[0], @"m.csv:2: the secret in column 2 begins or ends with a space (and 2 more), which is taken as part of it; remove the space, or put quotes around it when it is meant");
}

/// Whatever is wrong with a list that has no header row, what stands in its first line is in no sentence.
#[test]
fn a_first_row_that_is_no_header_is_not_shown() {
    for (text, says) in [
        (
            "anna@old,canary,anna@new,canary2\n",
            "m.csv:1: column 1 of 4 has no usable name; the first line has to name",
        ),
        ("anna;c4n!ary;anna2;canary\n", "m.csv:1: column 2 of 4 has no usable name"),
        ("anna,canary,bert,Canary\n", "m.csv:1: columns 2 and 4 have the same name"),
        ("anna,canary\ncarl\n", "m.csv:2: 1 cell where the header names 2 columns"),
        ("anna,canary\ncarl,\"x\n", "m.csv:2: a quote is opened and not closed on its line in column 2"),
        ("anna,\"canary\n", "m.csv:1: a quote is opened and not closed on its line in the header"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.starts_with(says) && !error.to_lowercase().contains("canary"), "{error}");
    }
    let long = Limits { cell: 7, ..Limits::default() };
    let error = Table::parse(Path::new("m.csv"), b"anna,canary\nb,12345678\n", long).unwrap_err().to_string();
    assert!(error.contains("column 2 has more than 7 bytes") && !error.contains("canary"), "{error}");
    // A password that ends as a secret column does.
    let table = read("anna,my_canary_password\nbert, x\n").unwrap();
    assert!(!table.warnings[0].to_string().contains("canary"), "{}", table.warnings[0]);
}

#[test]
fn names_of_other_programs_exports_are_names() {
    for name in [
        "source_user",
        "E-Mail",
        "Size (MB)",
        "Email Address [Required]",
        "User/Group",
        "Größe",
        "#",
        "\u{feff}login",
        "2fa?",
    ] {
        assert_eq!(is_name(name), name != "2fa?", "{name}");
    }
    for cell in ["anna@old.example", "p!w", "a b\u{7}", "12", "-", "a=b", "a*b", ""] {
        assert!(!is_name(cell), "{cell}");
    }
}

#[test]
fn a_column_has_no_name_that_only_looks_like_another() {
    for unseen in ['\u{200b}', '\u{61c}', '\u{2060}', '\u{ad}', '\u{e0061}', '\u{3164}'] {
        let error = read(format!("login,log{unseen}in\nanna,bert\n")).unwrap_err();
        assert!(error.starts_with("m.csv:1: column 2 of 2 has no usable name"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_table_of_passwords_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("m.csv");
    let warnings = |text: &str, mode| {
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        Table::read(&file, Limits::default()).unwrap().warnings.len()
    };
    assert_eq!(warnings("u,p_password\n", 0o644), 1);
    assert_eq!(warnings("u,p_password\n", 0o600), 0);
    assert_eq!(warnings("u,label\n", 0o644), 0);
}

#[test]
fn as_many_rows_are_read_as_a_project_can_have() {
    let text = format!("u_password\n{}", "x\n".repeat(1_000_000));
    assert_eq!(
        read(&text).unwrap_err(),
        "m.csv:250002: there are more than 250,000 rows; split it into several projects"
    );
    assert_eq!(read(&text[..text.len() - 1_500_000]).unwrap().rows.len(), 250_000);
    let wide = format!("a,b,c\n{}\n", vec!["x"; 40].join(","));
    assert!(read(wide).unwrap_err().starts_with("m.csv:2: 40 cells where the header names 3 columns"));
    let wider = format!("a,b,c\n{}\n", vec!["x"; 400].join(","));
    assert!(read(wider).unwrap_err().starts_with("m.csv:2: there are more than 256 cells"));
}

/// A file of 200 MB is not read at all; it takes no room on the disk here.
#[test]
fn a_file_beyond_the_bound_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("m.csv");
    File::create(&file).unwrap().set_len(200_000_000).unwrap();
    let error = Table::read(&file, Limits::default()).unwrap_err().to_string();
    assert!(error.contains("m.csv: it has 190.7 MiB, and at most 64.0 MiB are read"), "{error}");
}

proptest! {
    #[test]
    fn nothing_panics_and_no_line_is_lost(bytes in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        "[a,;\t\"\r\n ]{0,60}".prop_map(String::into_bytes),
    ]) {
        if let Ok(table) = Table::parse(Path::new("m.csv"), &bytes, Limits::default()) {
            prop_assert!(table.rows.iter().all(|row| row.cells.len() == table.columns.len()));
            prop_assert!(table.rows.is_sorted_by(|a, b| a.line < b.line));
        }
    }

    #[test]
    fn what_is_written_with_quotes_is_read_back(
        rows in prop::collection::vec(prop::collection::vec("[^\0\r\n]{1,8}", 3), 1..8),
        separator in prop::sample::select(vec![",", ";", "\t"]),
    ) {
        let mut text = ["x", "y_token", "z"].join(separator);
        for row in &rows {
            let quoted: Vec<String> = row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
            text += &format!("\n{}", quoted.join(separator));
        }
        let table = Table::parse(Path::new("m.csv"), text.as_bytes(), Limits::default());
        let Ok(table) = table else { panic!("{text:?}") };
        let read: Vec<Vec<String>> = table.rows.iter().map(|row| row.cells.iter().map(|cell| match cell {
            Cell::Text(text) => text.clone(),
            Cell::Secret(secret) => String::from_utf8(secret.expose_secret().to_vec()).unwrap(),
        }).collect()).collect();
        let expected: Vec<_> = rows.into_iter().filter(|row| row.iter().any(|cell| !cell.trim().is_empty())).collect();
        prop_assert_eq!(read, expected);
    }
}
