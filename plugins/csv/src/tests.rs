use mailhaul_plugin::testing::TestInputs;
use mailhaul_plugin::{Auth, Severity, Tls};

use super::*;

fn first_page(text: &str) -> Page {
    let inputs = TestInputs::new().with_csv("accounts", "mailboxes.csv", text);
    Csv::list_mailboxes(&inputs, &PageRequest::first(100)).unwrap()
}

/// `place code: message` of the only remark.
fn complaint(text: &str) -> String {
    let mut page = first_page(text);
    page.diagnostics.retain(|remark| remark.severity != Severity::Note);
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

/// The unit stands in the cell, or in the column's name; without either a number could be anything.
#[test]
fn a_quota_of_another_program_s_list_is_read_where_its_unit_is_known() {
    const GIB: u64 = 1 << 30;
    for (header, cell, expected) in [
        ("Quota", "2 GB", Some(2_000_000_000)),
        ("Quota", "2 GiB", Some(2 * GIB)),
        ("Quota", "2.5 GiB", Some(5 * GIB / 2)),
        ("Quota", "2048", None),
        ("Quota", "unlimited", None),
        ("Quota", "", None),
        ("Quota", "0 MB", None),
        ("Quota (MB)", "2048", Some(2 * GIB)),
        ("Quota MB", "2 GiB", Some(2 * GIB)),
        ("diskquota", "1024", Some(GIB)),
        ("Quota [GB]", "2", None),
        ("Quota in GB", "2", Some(2 * GIB)),
    ] {
        let page = first_page(&format!("E-Mail,Passwort,{header},Abteilung\na@old,x,{cell},Sales\n"));
        let quota = page.mailboxes[0].target.extras.first().map(|(_, bytes)| bytes.parse::<u64>().unwrap());
        assert_eq!(quota, expected, "{header}: {cell}");
    }
    assert_eq!(cells::bytes("2,5 GB", 1), Some(2_500_000_000));
    for thousands in ["2,500 MB", "2.500 MB", "2.5", ",5 GB", "2, GB"] {
        assert_eq!(cells::bytes(thousands, 1), None, "{thousands}");
    }
    assert!(first_page("Email,Password,Quota,Suspended\na,b,2 GB,0\n").mailboxes.len() == 1);
}

#[test]
fn every_slip_names_its_line() {
    assert_eq!(
        complaint("source_user,target_usr,target_user\na,b,c\n"),
        "mailboxes.csv:1 csv.unknown-column: column 2 of 3 is not known: did you mean `target_user`?"
    );
    assert_eq!(
        complaint("target_user,target_password\na,b\n"),
        "mailboxes.csv:1 csv.missing-column: the column `source_user` is missing: call the one with the log-ins of the \
         old host so"
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
        complaint("source_user,target_user,target_tls\na,b,maybe\n")
            .starts_with("mailboxes.csv:2 csv.bad-tls")
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
    assert_eq!(first_page("source_user,target_user\na,b\na,c\n").mailboxes.len(), 1);
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

/// All pages of a list: keys, and `place code: message` of every remark.
fn listing(text: &str, max: usize) -> (Vec<String>, Vec<String>) {
    let inputs = TestInputs::new().with_csv("accounts", "m.csv", text);
    let (mut request, mut keys, mut said) = (PageRequest::first(max), Vec::new(), Vec::new());
    loop {
        let page = Csv::list_mailboxes(&inputs, &request).unwrap();
        keys.extend(page.mailboxes.into_iter().map(|mailbox| mailbox.key));
        said.extend(page.diagnostics.into_iter().map(|remark| {
            format!("{} {}: {}", remark.at.as_deref().unwrap_or("-"), remark.code, remark.message)
        }));
        request.token = page.next;
        if request.token.is_none() {
            return (keys, said);
        }
    }
}

#[test]
fn many_faults_are_cut_and_counted_over_all_pages() {
    let text = format!("source_user,target_user\n{}", ",x\n".repeat(999));
    let (_, said) = listing(&text, 10);
    assert_eq!(said.len(), MAX_ERRORS + 1);
    assert_eq!(said.last().unwrap(), "- csv.more: and 899 more like these");
}

/// The header's, a row that is there twice, and one on the second page: all of them, each once.
#[test]
fn no_fault_hides_another() {
    let text = "source_user,target_user,target_port,target_usr\na,b,,\na,c,,\nd,e,99999,\nf,g,,\n,h,,\n";
    let (keys, said) = listing(text, 2);
    let starts = ["m.csv:1 csv.unknown", "m.csv:3 csv.dup", "m.csv:4 csv.bad-port", "m.csv:6 csv.empty-user"];
    assert_eq!(said.len(), starts.len(), "{said:#?}");
    assert!(said.iter().zip(starts).all(|(said, start)| said.starts_with(start)), "{said:#?}");
    assert!(keys.is_empty(), "a header that is not understood");
    let (keys, said) = listing(&text.replace(",target_usr", ",label"), 2);
    assert_eq!((keys, said.len()), (vec!["a".to_owned(), "f".to_owned()], 3));
}

/// What each column of a header is read as: side and first letter (`o` is a port), `-` what is not read.
fn read_as(header: &str) -> String {
    const SHORT: [(Column, &str); 12] = [
        (Column::SourceUser, "su"),
        (Column::SourcePassword, "sp"),
        (Column::SourceHost, "sh"),
        (Column::SourcePort, "so"),
        (Column::SourceTls, "st"),
        (Column::TargetUser, "tu"),
        (Column::TargetPassword, "tp"),
        (Column::TargetHost, "th"),
        (Column::TargetPort, "to"),
        (Column::TargetTls, "tt"),
        (Column::Label, "label"),
        (Column::Batch, "batch"),
    ];
    let header: Vec<String> = header.split(',').map(str::to_owned).collect();
    let columns = Columns::recognise(&header);
    assert_eq!(columns.problems(), [], "{header:?}");
    let short = |position| SHORT.iter().find(|(column, _)| columns.position(*column) == Some(position));
    let read: Vec<_> =
        (0..header.len()).map(|position| short(position).map_or("-", |(_, short)| short)).collect();
    read.join(" ")
}

/// The lists of other programs, and what is read as what.
#[test]
fn headers_of_other_programs_are_understood() {
    for (header, expected) in [
        // People with spreadsheets
        ("Email,Password,New Email,New Password", "su sp tu tp"),
        ("E-Mail,Passwort", "su sp"),
        ("E-Mail-Adresse (alt),Kennwort (alt),Neue E-Mail-Adresse,Kennwort (neu)", "su sp tu tp"),
        ("Benutzer,Passwort,Neues Passwort", "su sp tp"),
        ("Alt,Neu,Passwort", "su tu sp"),
        ("Old Email,Old Password,Email,Password,Name", "su sp tu tp label"),
        (
            "Quell-Server,Quell-Benutzer,Quell-Passwort,Ziel-Server,Ziel-Benutzer,Ziel-Passwort",
            "sh su sp th tu tp",
        ),
        // imapsync
        ("host1,user1,password1,host2,user2,password2", "sh su sp th tu tp"),
        ("h1,u1,p1,h2,u2,p2", "sh su sp th tu tp"),
        ("user1,port1,ssl1,user2,port2,ssl2", "su so st tu to tt"),
        ("old_username,old_password,new_username,new_password", "su sp tu tp"),
        // Microsoft
        ("EmailAddress,UserName,Password", "tu su sp"),
        ("SourceIdentity,SourceServer,SourceLoginID,SourcePassword,TargetIdentity", "- sh su sp tu"),
        (
            "IMAP_Mailbox,IMAP_Password,SMTP_Address,IMAP_Server,Ex_Mailbox,IMAP_Port,IMAP_SSL",
            "su sp tu sh - so st",
        ),
        // Google
        ("Source Email,Target Email", "su tu"),
        (
            "First Name [Required],Last Name [Required],Email Address [Required],Password [Required]",
            "- - su sp",
        ),
        // MigrationWiz
        (
            "Source Email,Source Login Name,Source Password,Destination Email,Destination Login Name,Destination Password,\
             Flags",
            "- su sp - tu tp -",
        ),
        // Transend, TrekMail, LWS
        (
            "User Name,Source email address,Source password,Target email address,Target password",
            "- su sp tu tp",
        ),
        (
            "source_email,source_password,destination_email,source_host,source_port,source_security",
            "su sp tu sh so st",
        ),
        (
            "source_email,source_host,source_type,dest_email,source_port,dest_host,dest_password,source_password,\
             notification_email,ssl",
            "su sh - tu so th tp sp - st",
        ),
        // cPanel
        ("Email,Password,Quota,Domain", "su sp - -"),
        // What nobody knows is left out of a list that is whole.
        ("source_user,source_password,target_user,Kostenstelle", "su sp tu -"),
    ] {
        assert_eq!(read_as(header), expected, "{header}");
    }
}

/// `Old Email;Email;Password`: the password beside the new address is not sent to the old host.
#[test]
fn names_without_a_side_are_all_of_one_side() {
    for (header, expected) in [
        ("Old Email,Email,Password", "su tu tp"),
        ("Alt,E-Mail,Passwort", "su tu tp"),
        ("Old Username,Username,Password", "su tu tp"),
        ("Email,Old Login,Password,Old Server,Server", "tu su tp sh th"),
        ("Source User,Mailbox,Password,Server,Port,SSL", "su tu tp th to tt"),
        ("Old Login,Email,Username,Password", "su - tu tp"),
        ("Email,Password,Server,New Email", "su sp sh tu"),
        ("Server,Email,Password,New Server", "sh su sp th"),
        ("Email,Username,New Password", "tu su tp"),
        // Neither log-in is one of them.
        ("Email,New,Password,Old", "- tu sp su"),
    ] {
        assert_eq!(read_as(header), expected, "{header}");
    }
    for (header, column, names) in [
        ("Old Email,Email,Password,New Password", 3, "`source_password` or `target_password`"),
        ("Old Email,Email,Server,New Server", 3, "`source_host` or `target_host`"),
        ("EmailAddress,UserName,Password,Old Password", 3, "`source_password` or `target_password`"),
        ("EmailAddress,UserName,Password,Old Server,Server", 5, "`source_host` or `target_host`"),
    ] {
        let cells = header.split(',').map(|_| "x").collect::<Vec<_>>().join(",");
        let complaint = complaint(&format!("{header}\n{cells}\n"));
        let says = format!("mailboxes.csv:1 csv.ambiguous-column: column {column} says no side");
        assert!(complaint.starts_with(&says) && complaint.contains(names), "{header}: {complaint}");
    }
    // The old host's log-ins are in none of them.
    for header in ["Old Server,Server,Email,Password", "Old Password,Email,Password"] {
        let cells = header.split(',').map(|_| "x").collect::<Vec<_>>().join(",");
        let complaint = complaint(&format!("{header}\n{cells}\n"));
        assert!(complaint.contains("csv.missing-column"), "{header}: {complaint}");
    }
}

/// What was understood is said, in the words of the list.
#[test]
fn what_is_read_as_what_is_told() {
    let note = |text: &str| {
        let page = first_page(text);
        page.diagnostics.first().map(|note| (note.severity, note.message.clone()))
    };
    assert_eq!(
        note("E-Mail,Passwort,Vorname,Quota\na,b,c,d\n"),
        Some((
            Severity::Note,
            "read as: `E-Mail` is source_user, `Passwort` is source_password, `Quota` is target_quota where its \
             cell has a unit; not read: column 3; without target_user each mailbox has the same log-in at the target"
                .to_owned()
        ))
    );
    assert_eq!(note("source_user,source_password,target_user,target_password,batch\na,b,c,d,e\n"), None);
}

#[test]
fn headers_that_could_be_read_in_two_ways_are_not_guessed() {
    for (text, says) in [
        (
            "Email,Password,Passwort\na,b,c\n",
            "csv.ambiguous-column: columns 2 and 3 could both be `source_password`: give the one that is \
             meant this name",
        ),
        (
            "Old Email,Source Email,Password\na,b,c\n",
            "csv.ambiguous-column: columns 1 and 2 could both be `source_user`",
        ),
        (
            "Email,Password,Kostenstelle\na,b,c\n",
            "csv.unknown-column: column 3 of 3 is not known: call it `target_user` or \
             `target_password` if it is that, or `note` if it is nothing a move needs",
        ),
    ] {
        let complaint = complaint(text);
        assert!(complaint.contains(says), "{complaint}");
    }
}

/// One pair of log-in and password: the target's log-in is the same, its password is nobody's yet.
#[test]
fn the_target_has_the_source_s_log_in_where_the_list_says_none() {
    let page = first_page("Email,Password\nanna@old,secret1\n");
    let anna = &page.mailboxes[0];
    assert_eq!((anna.key.as_str(), anna.target.login.as_str()), ("anna@old", "anna@old"));
    assert!(matches!((&anna.source.auth, &anna.target.auth), (Auth::Secret(_), Auth::Inherit)));
    assert_eq!((page.diagnostics.len(), page.diagnostics[0].severity), (1, Severity::Note));
    // Cell by cell as well, and two on one are found.
    let page = first_page("source_user,target_user\na,b\nb,\n");
    assert_eq!(page.mailboxes[1].target.login, "b");
    assert_eq!(page.diagnostics[0].code, "csv.shared-target");
}

#[test]
fn hosts_ports_and_tls_as_people_write_them() {
    let account = |host: &str, port: &str, tls: &str| {
        let page =
            first_page(&format!("source_user,source_host,source_port,source_tls\na,{host},{port},{tls}\n"));
        let source = &page.mailboxes.first().ok_or(page.diagnostics.last().unwrap().code.clone())?.source;
        Ok::<_, String>((source.host.clone().unwrap_or_default(), source.port, source.tls.clone()))
    };
    let is = |host: &str, port: u16, tls| Ok((host.to_owned(), Some(port).filter(|port| *port > 0), tls));
    for (host, port, tls, expected) in [
        ("imap.old", "", "", is("imap.old", 0, None)),
        ("imap.old:993", "", "", is("imap.old", 993, Some(Tls::Implicit))),
        ("imap.old:1993", "", "ssl", is("imap.old", 1993, Some(Tls::Implicit))),
        ("imap.old:993", "993", "SSL/TLS", is("imap.old", 993, Some(Tls::Implicit))),
        ("imap.old", "143", "tls", is("imap.old", 143, Some(Tls::StartTls))),
        ("imap.old", "143", "yes", is("imap.old", 143, Some(Tls::StartTls))),
        ("imap.old", "", "ja", is("imap.old", 0, Some(Tls::Implicit))),
        ("imap.old", "", "TRUE", is("imap.old", 0, Some(Tls::Implicit))),
        ("imap.old", "", "no", is("imap.old", 0, Some(Tls::None))),
        ("[2001:db8::1]:993", "", "", is("2001:db8::1", 993, Some(Tls::Implicit))),
        ("2001:db8::1", "", "", is("2001:db8::1", 0, None)),
        ("imap.old:993", "143", "", Err("csv.bad-port".to_owned())),
        ("imap.old:imap", "", "", Err("csv.bad-host".to_owned())),
        ("https://imap.old/", "", "", Err("csv.bad-host".to_owned())),
        ("anna@imap.old", "", "", Err("csv.bad-host".to_owned())),
        ("imap.old", "+993", "", Err("csv.bad-port".to_owned())),
    ] {
        assert_eq!(account(host, port, tls), expected, "{host} {port} {tls}");
    }
    assert_eq!(first_page("source_user,source_host\na,imap.old:993\n").mailboxes[0].key, "a (imap.old:993)");
}

/// What spreadsheets leave in cells is nobody's log-in; what it is is not shown.
#[test]
fn formulas_and_rubbish_are_no_log_ins() {
    let long = "x".repeat(2_000);
    for cell in
        ["=HYPERLINK(\"canary\")", "=A2&\"canary\"", "#REF!", "#NAME?", "#N/A", "canary\tx", long.as_str()]
    {
        let complaint = complaint(&format!("source_user,target_user\n{cell},b\nc,d\n"));
        assert!(complaint.starts_with("mailboxes.csv:2 csv.bad-user: `source_user` "), "{complaint}");
        assert!(!complaint.contains("canary") && complaint.len() < 200, "{complaint}");
    }
    let complaint = complaint("Email,Password,Domain\nanna,x,old.example\n");
    assert!(complaint.contains("csv.no-domain: `source_user` has no @"), "{complaint}");
    assert_eq!(first_page("Email,Password,Domain\nanna@old.example,x,old.example\n").mailboxes.len(), 1);
}
