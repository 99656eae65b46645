use std::path::Path;

use proptest::prelude::*;

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
    assert_eq!(read(b"a\nb\n\xfc\n").unwrap_err(), "m.csv:3: it is not UTF-8 here; save it as CSV in UTF-8");
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
    assert!(read(&"a\n".repeat(51)).unwrap_err().contains("it has 102 bytes"));
    assert!(
        Table::read(&dir.path().join("none"), limits).unwrap_err().to_string().contains("does not exist")
    );
    assert!(super::Table::parse(&file, "a,".repeat(300).as_bytes(), Limits::default()).is_err());
}

#[test]
fn a_wrong_separator_does_not_fill_the_screen() {
    let error = read(format!("a,b\n{}", "1;2\n".repeat(1_000))).unwrap_err();
    assert_eq!(error.lines().count(), REPORTED + 1);
    assert!(error.contains("980 more rows are malformed"), "{error}");
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
fn a_million_rows_are_read_and_no_more() {
    let text = format!("u_password\n{}", "x\n".repeat(1_000_001));
    assert_eq!(
        read(&text).unwrap_err(),
        "m.csv:1000002: there are more than 1000000 rows; split it into several projects"
    );
    assert_eq!(read(&text[..text.len() - 2]).unwrap().rows.len(), 1_000_000);
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
