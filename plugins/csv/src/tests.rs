use mailhaul_plugin::testing::TestInputs;
use mailhaul_plugin::{Auth, Severity, Tls};

use super::*;

fn first_page(text: &str) -> Page {
    let inputs = TestInputs::new().with_csv("accounts", "mailboxes.csv", text);
    Csv::list_mailboxes(&inputs, &PageRequest::first(100)).unwrap()
}

/// `place code: message` of the only remark.
fn complaint(text: &str) -> String {
    let page = first_page(text);
    assert_eq!(page.diagnostics.len(), 1, "{:?}", page.diagnostics);
    let remark = &page.diagnostics[0];
    assert_eq!(remark.severity, Severity::Error);
    format!("{} {}: {}", remark.at.as_deref().unwrap_or("-"), remark.code, remark.message)
}

#[test]
fn columns_come_in_any_order_and_passwords_stay_handles() {
    let page = first_page(
        "label,target_user,source_user,source_password,target_password,source_host,source_port,source_tls\n\
         Anna,anna@new,anna@old,secret1,secret2,imap.old,143,STARTTLS\n\
         ,bert@new,bert@old,,,,,\n",
    );
    assert!(page.diagnostics.is_empty(), "{:?}", page.diagnostics);
    assert_eq!(page.next, None);
    let anna = &page.mailboxes[0];
    assert_eq!(anna.key, "anna@old (imap.old:143)");
    assert_eq!(anna.origin.as_deref(), Some("mailboxes.csv:2"));
    assert_eq!(anna.label.as_deref(), Some("Anna"));
    assert_eq!((anna.source.port, &anna.source.tls), (Some(143), &Some(Tls::StartTls)));
    let Auth::Secret(secret) = &anna.source.auth else { panic!("{:?}", anna.source.auth) };
    assert_eq!(secret.label(), "mailboxes.csv:2 source_password");
    let bert = &page.mailboxes[1];
    assert_eq!((bert.key.as_str(), bert.label.as_deref()), ("bert@old", None));
    assert!(matches!(bert.target.auth, Auth::Inherit));
}

#[test]
fn a_quota_travels_in_bytes() {
    let page = first_page("source_user,target_user,target_quota\na,b,2 GiB\nc,d,500MB\ne,f,\n");
    let quotas: Vec<_> = page.mailboxes.iter().map(|mailbox| mailbox.target.extras.clone()).collect();
    let quota = |bytes: &str| vec![("quota".to_owned(), bytes.to_owned())];
    assert_eq!(quotas, [quota("2147483648"), quota("500000000"), Vec::new()]);
    for bad in ["2 G", "0", "-1", "much", "99999999999 TiB"] {
        let complaint = complaint(&format!("source_user,target_user,target_quota\na,b,{bad}\n"));
        assert!(complaint.starts_with("mailboxes.csv:2 csv.bad-quota"), "{complaint}");
    }
}

#[test]
fn every_slip_names_its_line() {
    assert_eq!(
        complaint("source_user,target_usr,target_user\na,b,c\n"),
        "mailboxes.csv:1 csv.unknown-column: column 2 of 3 is not known: did you mean `target_user`?"
    );
    assert_eq!(
        complaint("source_user,source_password\na,b\n"),
        "mailboxes.csv:1 csv.missing-column: the column `target_user` is missing: add it to the header row"
    );
    assert!(
        complaint("source_user,target_user,source_user\n")
            .starts_with("mailboxes.csv:1 csv.duplicate-column")
    );
    assert!(complaint("source_user,target_user\na,b\nc\n").starts_with("mailboxes.csv:3 csv.malformed-row"));
    assert!(complaint("source_user,target_user\na,b\n ,d\n").starts_with("mailboxes.csv:3 csv.empty-user"));
    assert!(
        complaint("source_user,target_user,target_port\na,b,99999\n")
            .starts_with("mailboxes.csv:2 csv.bad-port")
    );
    assert!(
        complaint("source_user,target_user,target_tls\na,b,ssl\n").starts_with("mailboxes.csv:2 csv.bad-tls")
    );
}

/// Somebody's list begins with its first mailbox: whatever is there, nothing of it is shown.
#[test]
fn a_list_without_a_header_row_shows_no_cell() {
    assert_eq!(
        complaint("anna,canary1,anna2,canary2\nbert,canary3,bert2,canary4\n"),
        "mailboxes.csv:1 csv.no-header: the first line has 4 columns and names none that is known: put a line above it \
         that names them, as in source_user,source_password,target_user,target_password"
    );
    // One of its cells happens to be a column's name, or near one.
    for text in [
        "source_user,canary1,target_user,canary2\n",
        "label,canary1,sourceuser,canary2\n",
        "target,lable,canary1\n",
    ] {
        let page = first_page(text);
        let all = format!("{:?}", page.diagnostics);
        assert!(page.mailboxes.is_empty() && all.contains("column 2 of"), "{all}");
        assert!(!all.contains("canary") && !all.contains("sourceuser") && !all.contains("lable"), "{all}");
    }
    // A row that is shifted by a separator: the wrong cell may be a password.
    for (column, cell) in [("source_port", "canary"), ("target_tls", "canary"), ("target_quota", "canary")] {
        let complaint = complaint(&format!("source_user,target_user,{column}\na,b,{cell}\n"));
        assert!(complaint.contains(column) && !complaint.contains("canary"), "{complaint}");
    }
}

#[test]
fn a_mailbox_listed_twice_is_found_before_any_page() {
    assert_eq!(
        complaint("source_user,target_user\na@old,a@new\nb@old,b@new\na@old,c@new\n"),
        "mailboxes.csv:4 csv.duplicate-mailbox: `a@old` is listed on line 2 already: remove one of the two"
    );
    assert!(first_page("source_user,target_user\na,b\na,c\n").mailboxes.is_empty());
    // As servers read it, and as it is written.
    assert_eq!(
        complaint("source_user,target_user\nAnna@Old,a@new\nb@old,b@new\nanna@old,c@new\n"),
        "mailboxes.csv:4 csv.duplicate-mailbox: `anna@old` is listed on line 2 already: remove one of the two"
    );
    assert_eq!(first_page("source_user,target_user\nAnna@Old,a@new\n").mailboxes[0].key, "Anna@Old");
}

#[test]
fn the_same_name_on_two_servers_is_two_mailboxes() {
    let page = first_page("source_user,target_user,source_host\ninfo,a,one.example\ninfo,b,two.example\n");
    assert!(page.diagnostics.is_empty());
    assert_eq!(page.mailboxes.len(), 2);
}

#[test]
fn two_mailboxes_may_share_a_target_with_a_warning() {
    let page = first_page("source_user,target_user\na@old,all@new\nb@old,all@new\n");
    assert_eq!(page.mailboxes.len(), 2);
    assert_eq!(page.diagnostics[0].severity, Severity::Warning);
    let page = first_page("source_user,target_user\na@old,All@new\nb@old,all@NEW\n");
    assert_eq!(page.diagnostics[0].code, "csv.shared-target");
}

#[test]
fn that_an_account_is_shared_is_meant_or_not_said() {
    let page = first_page("source_user,target_user,one_account\na,b,meant\nc,d,\ne,f,Meant\n");
    let said: Vec<_> = page.mailboxes.iter().map(|mailbox| mailbox.extras.clone()).collect();
    let meant = vec![("one-account".to_owned(), "meant".to_owned())];
    assert_eq!(said, [meant.clone(), Vec::new(), meant]);
    let complaint = complaint("source_user,target_user,one_account\na,b,canary\n");
    assert!(
        complaint.starts_with("mailboxes.csv:2 csv.bad-one-account: `one_account` is not `meant`"),
        "{complaint}"
    );
    assert!(!complaint.contains("canary"));
}

#[test]
fn pages_follow_one_another_to_the_end() {
    let mut text = "source_user,target_user\n".to_owned();
    for number in 0..25 {
        text += &format!("{number}@old,{number}@new\n");
    }
    let inputs = TestInputs::new().with_csv("accounts", "m.csv", &text);
    let (mut request, mut keys) = (PageRequest::first(10), Vec::new());
    loop {
        let page = Csv::list_mailboxes(&inputs, &request).unwrap();
        assert!(page.mailboxes.len() <= 10);
        keys.extend(page.mailboxes.into_iter().map(|mailbox| mailbox.key));
        request.token = page.next;
        if request.token.is_none() {
            break;
        }
    }
    assert_eq!(keys.len(), 25);
    assert_eq!(keys.last().unwrap(), "24@old");
}

#[test]
fn a_table_that_was_not_given_is_an_error() {
    let error = Csv::list_mailboxes(&TestInputs::new(), &PageRequest::first(10)).unwrap_err();
    assert!(matches!(error, PluginError::Denied(_)));
}

#[test]
fn many_remarks_are_cut_and_counted() {
    let text = format!("source_user,target_user\n{}", ",x\n".repeat(99));
    let page = first_page(&text);
    assert_eq!(page.diagnostics.len(), MAX_DIAGNOSTICS + 1);
}
