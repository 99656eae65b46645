//! Greeting, log-in, folders and figures against servers that do what real ones did.

mod common;

use common::{endpoint, login, prelude, quick, refused, serve, serve_then, session, session_through};
use mailhaul_imap::{
    Cause, Flags, FolderName, FolderPath, ImapError, Quota, Restraint, SpecialUse, connect_over,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn name(text: &str) -> FolderName {
    FolderName(text.as_bytes().to_vec())
}

#[tokio::test]
async fn everything_asked_at_log_in() {
    let (client, server) = serve(
        &[
            "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] Dovecot ready.",
            "C: AUTHENTICATE PLAIN AGFubgBwYSJzcw==",
            "S: * CAPABILITY IMAP4rev1 LIES",
            "S: @ OK Logged in",
            // No namespaces by that list, so the delimiter is asked for along with the list that counts.
            "C: CAPABILITY",
            "C: LIST \"\" \"\"",
            "S: * CAPABILITY IMAP4rev1 ID NAMESPACE APPENDLIMIT=1000",
            "S: @2 OK done",
            "S: * LIST (\\Noselect) \"/\" \"\"",
            "S: @3 OK done",
            "C: ID (\"name\" \"mailhaul\" \"version\" \"0.1.0\")",
            "S: * ID (\"name\" \"Dovecot\")",
            "S: @ OK done",
            "C: NAMESPACE",
            "S: * NAMESPACE ((\"INBOX.\" \".\")) NIL NIL",
            "S: @ OK done",
            "C: NOOP",
            "S: @ OK done",
            "C: LOGOUT",
            "S: * BYE bye",
            "S: @ OK done",
        ],
        1,
    );
    let mut session = connect_over(client, endpoint(), &login(), &quick()).await.unwrap();
    let facts = session.facts().clone();
    assert_eq!(facts.greeting, "Dovecot ready.");
    assert!(facts.has("id") && !facts.has("LIES") && !facts.has("SASL-IR"));
    assert_eq!(facts.id, [("name".to_owned(), "Dovecot".to_owned())]);
    assert_eq!(
        (facts.namespace_prefix.as_str(), facts.delimiter, facts.append_limit),
        ("INBOX.", Some('.'), Some(1000))
    );
    assert_eq!(facts.encode(&FolderPath::parse("Sent")), Ok(name("INBOX.Sent")));
    session.noop().await.unwrap();
    session.logout().await.unwrap();
    assert!(server.heard().await.ends_with("LOGOUT\r\n"));
}

/// Greeting and log-in list capabilities: two round trips, the second with everything there is to ask.
#[tokio::test]
async fn a_log_in_takes_two_round_trips() {
    let told = "IMAP4rev1 ID NAMESPACE ENABLE QRESYNC CONDSTORE X-SHORT";
    let login_ok = format!("S: @ OK [CAPABILITY {told}] Logged in");
    let list = format!("S: * CAPABILITY {told} X-LONG");
    let (client, server) = serve(
        &[
            "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready",
            "C: AUTHENTICATE PLAIN AGFubgBwYSJzcw==",
            &login_ok,
            "C: CAPABILITY",
            "C: ID (\"name\" \"mailhaul\" \"version\" \"0.1.0\")",
            "C: NAMESPACE",
            "C: ENABLE QRESYNC",
            &list,
            "S: @2 OK",
            "S: * ID (\"name\" \"Dovecot\")",
            "S: * NAMESPACE ((\"\" \"/\")) NIL NIL",
            // In another order than asked.
            "S: @4 OK",
            "S: @3 OK",
            "S: * ENABLED QRESYNC",
            "S: @5 OK",
        ],
        1 << 16,
    );
    let session = connect_over(client, endpoint(), &login(), &quick()).await.unwrap();
    assert!(session.facts().has("X-LONG") && session.facts().delimiter == Some('/'));
    drop(session);
    assert!(server.heard().await.ends_with("ENABLE QRESYNC\r\n"));
}

/// P23: a server may refuse what it advertises.
#[tokio::test]
async fn refused_extras_do_not_matter() {
    let (client, _server) = serve(
        &[
            "S: * OK hi",
            "C: CAPABILITY",
            "S: * CAPABILITY IMAP4rev1  ID NAMESPACE",
            "S: @ OK",
            "C: LOGIN \"ann\" \"pa\\\"ss\"",
            "S: @ OK",
            "C: CAPABILITY",
            "S: * CAPABILITY IMAP4rev1  ID NAMESPACE",
            "S: @ OK",
            "C: ID (\"name\" \"mailhaul\" \"version\" \"0.1.0\")",
            "S: @ BAD no",
            "C: NAMESPACE",
            "S: @ BAD no",
            "C: LIST \"\" \"\"",
            "S: * LIST (\\Noselect) \"\\\\\" \"\"",
            "S: @ OK",
        ],
        64,
    );
    let session = connect_over(client, endpoint(), &login(), &quick()).await.unwrap();
    assert_eq!(session.facts().delimiter, Some('\\'));
    assert!(session.facts().id.is_empty());
}

#[tokio::test]
async fn greetings_that_end_it() {
    let (error, _) = refused(&login(), &["S: * BYE [UNAVAILABLE] Too many connections", "X"]).await;
    assert_eq!(error.cause(), Cause::TooManyConnections);
    let (error, heard) = refused(&login(), &["S: * PREAUTH welcome"]).await;
    assert!(matches!(error, ImapError::Protocol { .. }) && heard.is_empty());
    let (error, _) = refused(&login(), &["S: SSH-2.0-OpenSSH_9.2"]).await;
    assert!(matches!(error, ImapError::OtherProtocol { protocol: "SSH", .. }));
    let (error, _) = refused(&login(), &["X"]).await;
    assert!(matches!(error, ImapError::Closed { .. }));
}

#[tokio::test(start_paused = true)]
async fn silence_ends_at_the_deadline() {
    let (client, _server) = serve(&["H"], 64);
    let error = connect_over(client, endpoint(), &login(), &quick()).await.err().unwrap();
    assert!(matches!(error, ImapError::TimedOut { during: "the greeting", .. }));

    let (mut session, _server) = session("", &["C: NOOP", "S: * OK working", "H"]).await;
    assert!(matches!(session.noop().await, Err(ImapError::TimedOut { during: "NOOP", .. })));
    assert!(matches!(session.noop().await, Err(ImapError::TimedOut { .. })), "and stays so");
}

#[tokio::test]
async fn folders_with_roles_and_subscriptions() {
    let (mut session, _server) = session(
        "LIST-EXTENDED SPECIAL-USE",
        &[
            "C: LIST \"\" \"*\" RETURN (SPECIAL-USE SUBSCRIBED)",
            "S: * LIST (\\Subscribed) \"/\" INBOX",
            "S: * LIST (\\Sent) \"/\" {4}",
            "R: S\"nt\r\n",
            "S: * 5 EXISTS",
            "S: @ OK done",
        ],
    )
    .await;
    let folders = session.folders().await.unwrap();
    assert_eq!(folders.len(), 2);
    assert!(folders[0].subscribed && folders[0].path.is_inbox());
    assert_eq!((&folders[1].name, &folders[1].roles[..]), (&name("S\"nt"), &[SpecialUse::Sent][..]));
}

/// iCloud advertises LIST-EXTENDED and answers BAD to RETURN.
#[tokio::test]
async fn folders_fall_back_to_plain_list() {
    let (mut session, _server) = session(
        "LIST-EXTENDED SPECIAL-USE",
        &[
            "C: LIST \"\" \"*\" RETURN (SPECIAL-USE SUBSCRIBED)",
            "S: @ BAD Parse Error (where: offset 13)",
            "C: LIST \"\" \"*\"",
            "S: * LIST (\\HasNoChildren \\Trash) \"/\" \"Deleted Messages\"",
            "S: * LIST () \"/\" INBOX",
            "S: @ OK",
            "C: LSUB \"\" \"*\"",
            "S: * LSUB () \"/\" \"Deleted Messages\"",
            "S: @ OK",
        ],
    )
    .await;
    let folders = session.folders().await.unwrap();
    assert_eq!((folders[0].roles.as_slice(), folders[0].subscribed), (&[SpecialUse::Trash][..], true));
}

/// P11, P16.
#[tokio::test]
async fn status_reads_what_it_knows() {
    let (mut session, _server) = session(
        "CONDSTORE STATUS=SIZE",
        &[
            "C: STATUS \"a\\\"b\" (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ SIZE)",
            "S: * STATUS \"a\\\"b\" (MESSAGES 3 UIDNEXT 9 APPENDLIMIT NIL UIDVALIDITY 0 MAILBOXID (F1) SIZE 12345678901 HIGHESTMODSEQ 7)",
            "S: @ OK",
            "C: STATUS \"x\" (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ SIZE)",
            "S: @ NO [NONEXISTENT] Mailbox doesn't exist",
        ],
    )
    .await;
    let status = session.status(&name("a\"b")).await.unwrap();
    assert_eq!((status.messages, status.uid_next, status.uid_validity), (Some(3), Some(9), None));
    assert_eq!((status.size, status.highest_modseq), (Some(12_345_678_901), Some(7)));
    let error = session.status(&name("x")).await.unwrap_err();
    assert_eq!((error.code(), error.is_connection_lost()), (Some("NONEXISTENT"), false));
}

#[tokio::test]
async fn open_folders_report_what_the_server_said() {
    let script = [
        "C: SELECT \"INBOX\"",
        "S: * FLAGS (\\Answered \\Seen odd])",
        "S: * OK [PERMANENTFLAGS (\\Seen odd] \\*)] Limited",
        "S: * 3 EXISTS",
        "S: * 0 RECENT",
        "S: * OK [UIDVALIDITY 4294967296] too big",
        "S: * OK [UIDNEXT 12] next",
        "S: * OK [HIGHESTMODSEQ 99]\u{e9}",
        "S: @ OK [READ-WRITE] Select completed\u{e9}",
        "C: EXAMINE \"gone\"",
        "S: @ NO [NONEXISTENT] No such mailbox",
        "C: EXAMINE {4}",
        "S: + go",
        "c: \u{e4}\u{f6}",
        "S: * 1 EXISTS",
        "S: * OK [UIDVALIDITY 5] ok",
        "S: @ OK",
    ];
    for room in [1, 1 << 16] {
        let (mut session, _server) = session_through("", &script, room).await;
        let selected = session.select(&FolderName::inbox()).await.unwrap();
        assert_eq!((selected.exists, selected.uid_validity, selected.uid_next), (3, None, Some(12)));
        assert_eq!((selected.highest_modseq, selected.read_only), (Some(99), false));
        assert_eq!(selected.permanent_flags.unwrap(), ["\\Seen", "odd]", "\\*"]);
        let error = session.examine(&name("gone")).await.unwrap_err();
        assert!(matches!(error, ImapError::No { command: "EXAMINE", .. }) && session.selected().is_none());
        let examined = session.examine(&name("\u{e4}\u{f6}")).await.unwrap();
        assert_eq!((examined.exists, examined.uid_validity, examined.read_only), (1, Some(5), true));
    }
}

#[tokio::test]
async fn folders_are_created_once_and_with_roles() {
    let (mut session, server) = session(
        "CREATE-SPECIAL-USE",
        &[
            "C: CREATE \"Sent\" (USE (\\Sent))",
            "S: @ NO [USEATTR] in use",
            "C: CREATE \"Sent\"",
            "S: @ OK",
            "C: CREATE \"Sent\"",
            "S: @ NO [ALREADYEXISTS] Mailbox already exists",
            "C: CREATE \"x\"",
            "S: @ NO [CANNOT] Invalid name",
            "C: SUBSCRIBE \"Sent\"",
            "S: @ OK",
        ],
    )
    .await;
    session.create(&name("Sent"), Some(&SpecialUse::Sent)).await.unwrap();
    session.create(&name("Sent"), Some(&SpecialUse::Other("\\XJ".into()))).await.unwrap();
    let error = session.create(&name("x"), None).await.unwrap_err();
    assert_eq!(error.code(), Some("CANNOT"));
    session.subscribe(&name("Sent")).await.unwrap();
    drop(session);
    server.heard().await;
}

/// P22: nothing in a name or flag can become a second command.
#[tokio::test]
async fn arguments_cannot_become_commands() {
    let (mut session, server) = session(
        "",
        &[
            "C: CREATE \"a\\\" {3}\"",
            "S: @ OK",
            "C: SELECT \"INBOX\"",
            "S: @ OK",
            "C: UID STORE 1 +FLAGS.SILENT (\\Seen)",
            "S: @ OK",
        ],
    )
    .await;
    for bad in ["a\r\nA1 DELETE INBOX", "a\nb", "a\rb", "nul\0"] {
        let bad = name(bad);
        assert!(matches!(session.create(&bad, None).await, Err(ImapError::Unsendable { .. })));
        assert!(matches!(session.examine(&bad).await, Err(ImapError::Unsendable { .. })));
        assert!(matches!(session.subscribe(&bad).await, Err(ImapError::Unsendable { .. })));
        assert!(matches!(session.status(&bad).await, Err(ImapError::Unsendable { .. })));
    }
    session.create(&name("a\" {3}"), None).await.unwrap();
    session.select(&FolderName::inbox()).await.unwrap();
    let flags: Flags = ["\\Seen", "x\r\nA1 DELETE INBOX", "{3}", "a b", "q\""].into_iter().collect();
    session.store_flags(&[1], true, &flags).await.unwrap();
    session.store_flags(&[1], true, &["{3}"].into_iter().collect()).await.unwrap();
    drop(session);
    assert!(!server.heard().await.contains("DELETE"));
}

#[tokio::test]
async fn flags_are_stored_in_pipelined_parts() {
    let uids: Vec<u32> = (0..1500).map(|n| 1_000_000_000 + n * 2).collect();
    let script = [
        "C: SELECT \"INBOX\"",
        "S: @ OK",
        "C: UID STORE 1,3 -FLAGS.SILENT ($X)",
        "S: * 1 FETCH (FLAGS ())",
        "S: @ OK",
    ];
    let (mut session, server) = session("", &script).await;
    session.select(&FolderName::inbox()).await.unwrap();
    session.store_flags(&[3, 1], false, &["$X"].into_iter().collect()).await.unwrap();
    let seen: Flags = ["\\Seen"].into_iter().collect();
    let stored = session.store_flags(&uids, true, &seen);
    let answers = tokio::time::timeout(std::time::Duration::from_millis(200), stored).await;
    assert!(answers.is_err(), "the script has no more answers");
    drop(session);
    let heard = server.heard().await;
    let lines: Vec<&str> = heard.lines().filter(|line| line.contains("+FLAGS")).collect();
    assert!(lines.len() == 5 && lines.iter().all(|line| line.len() < 4200), "{}", lines.len());
}

#[tokio::test]
async fn quota_is_the_tightest_root() {
    let (mut session, _server) = session(
        "QUOTA",
        &[
            "C: GETQUOTAROOT \"INBOX\"",
            "S: * QUOTAROOT INBOX \"User quota\" other",
            "S: * QUOTA \"User quota\" (MESSAGE 1 2 STORAGE 10 100)",
            "S: * QUOTA other (STORAGE 10 20)",
            "S: @ OK",
            "C: GETQUOTAROOT \"INBOX\"",
            "S: @ NO no quota here",
        ],
    )
    .await;
    assert_eq!(session.quota().await.unwrap(), Some(Quota { used: 10 * 1024, limit: 20 * 1024 }));
    assert_eq!(session.quota().await.unwrap(), None);
}

/// P20 and async-imap's habit of calling a dead connection an empty folder.
#[tokio::test]
async fn a_goodbye_or_an_end_is_never_success() {
    let (mut one, _server) = session("", &["C: NOOP", "S: * BYE [INUSE] Server shutting down", "X"]).await;
    let error = one.noop().await.unwrap_err();
    assert!(matches!(&error, ImapError::Bye { text } if text == "[INUSE] Server shutting down"), "{error:?}");
    assert!(matches!(one.folders().await, Err(ImapError::Bye { .. })));

    let (mut two, _server) = session("", &["C: SELECT \"INBOX\"", "S: * 3 EXISTS", "X"]).await;
    assert!(matches!(
        two.select(&FolderName::inbox()).await,
        Err(ImapError::Closed { during: "SELECT", .. })
    ));
    assert!(two.selected().is_none());
    assert!(matches!(two.noop().await, Err(ImapError::Closed { .. })));
}

/// P4, P5, P6: endless and monstrous answers end with a named limit, not with memory or stack.
#[tokio::test]
async fn endless_answers_meet_limits() {
    let (client, mut server) = tokio::io::duplex(1 << 16);
    let task = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut buffer = [0; 1024];
        server.write_all(b"* OK hi\r\n").await.unwrap();
        for tags in [&["C1"][..], &["L1"], &["C2", "C5"]] {
            let _ = server.read(&mut buffer).await.unwrap();
            for tag in tags {
                let answer = format!("* CAPABILITY IMAP4rev1\r\n{tag} OK\r\n");
                server.write_all(answer.as_bytes()).await.unwrap();
            }
        }
        let _ = server.read(&mut buffer).await.unwrap();
        let flood = "* OK still here\r\n".repeat(4096);
        while server.write_all(flood.as_bytes()).await.is_ok() {}
    });
    let mut session = connect_over(client, endpoint(), &login(), &quick()).await.unwrap();
    let error = session.noop().await.unwrap_err();
    assert!(matches!(error, ImapError::Limit { .. }), "{error}");
    task.await.unwrap();

    let deep = format!("S: * 1 FETCH (BODYSTRUCTURE {})", "(".repeat(100_000));
    let (mut deep, _server) = common::session("", &["C: NOOP", &deep, "S: @ OK"]).await;
    deep.noop().await.unwrap();
}

#[tokio::test]
async fn a_dropped_call_does_not_give_its_answer_to_the_next() {
    let (mut session, _server) = session("", &["C: NOOP", "H"]).await;
    let dropped = tokio::time::timeout(std::time::Duration::from_millis(50), session.noop()).await;
    assert!(dropped.is_err());
    let error = session.noop().await.unwrap_err();
    assert!(error.to_string().contains("interrupted"), "{error}");
}

/// What a profile says of a server is heeded from then on: what does not work is not used, what the server
/// says of its largest message counts, and where one command has to wait for the other it does.
#[tokio::test]
async fn a_restrained_session_asks_for_less() {
    let prelude = prelude("LITERAL+ MULTIAPPEND CONDSTORE QRESYNC APPENDLIMIT=1000");
    let script: Vec<&str> = prelude.iter().map(String::as_str).collect();
    let (client, server) = serve_then(&script);
    let mut session = connect_over(client, endpoint(), &login(), &quick()).await.unwrap();
    let mut server = server.await.unwrap();
    let limit = |bytes| Restraint { append_limit: Some(bytes), ..Restraint::default() };
    session.restrain(&limit(50));
    assert_eq!(session.facts().append_limit, Some(1000), "the server's own word");
    let avoid = ["multiappend", "CONDSTORE", "APPENDLIMIT"].map(str::to_owned).into();
    session.restrain(&Restraint { avoid, one_at_a_time: true, ..limit(50) });
    assert_eq!(session.facts().append_limit, Some(50));
    // Without CONDSTORE there is no QRESYNC (RFC 7162).
    assert_eq!(session.facts().capabilities, ["IMAP4rev1", "LITERAL+"]);

    let listing = tokio::spawn(async move { session.folders().await });
    for (command, line) in [("LIST", "* LIST () \"/\" INBOX\r\n"), ("LSUB", "")] {
        let mut heard = vec![0; 1000];
        let count = server.read(&mut heard).await.unwrap();
        let heard = String::from_utf8_lossy(&heard[..count]).into_owned();
        assert_eq!(heard.matches("\r\n").count(), 1, "one command at a time: {heard}");
        let (tag, rest) = heard.split_once(' ').unwrap();
        assert!(rest.starts_with(command), "{heard}");
        server.write_all(format!("{line}{tag} OK done\r\n").as_bytes()).await.unwrap();
    }
    assert_eq!(listing.await.unwrap().unwrap().len(), 1);
}

/// What is told before `[CLOSED]` is of the folder that was open: its numbers are not the next one's (RFC
/// 7162 section 3.2.11).
#[tokio::test]
async fn what_is_told_of_the_folder_before_is_not_the_next_one_s() {
    let script = [
        "C: EXAMINE \"INBOX\"",
        "S: * 77 EXISTS",
        "S: * OK [UIDVALIDITY 5] ok",
        "S: * OK [UIDNEXT 78] ok",
        "S: * OK [CLOSED] Previous mailbox closed.",
        "S: * 3 EXISTS",
        "S: @ OK [READ-ONLY] open",
    ];
    let (mut session, _server) = session("", &script).await;
    let opened = session.examine(&FolderName::inbox()).await.unwrap();
    assert_eq!((opened.exists, opened.uid_validity, opened.uid_next), (3, None, None));
}
