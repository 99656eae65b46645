//! The verbs a repeated run needs: all folders with figures, what changed, what is there, and changing a
//! target.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod common;

use common::{session, session_through};
use mailhaul_imap::{
    Changes, CopyUid, FetchItems, Flags, FolderName, ImapError, Preparation, Session, SpecialUse, UidSet,
};

fn name(text: &str) -> FolderName {
    FolderName(text.as_bytes().to_vec())
}

fn flags(list: &[&str]) -> Flags {
    list.iter().copied().collect()
}

/// The prelude with `ENABLE QRESYNC` behind it, and an open folder of three messages.
async fn opened(capabilities: &str, script: &[&str], read_only: bool) -> (Session, common::Server) {
    let open = if read_only { "C: EXAMINE \"INBOX\"" } else { "C: SELECT \"INBOX\"" };
    let enabled = capabilities.contains("ENABLE");
    let enable = ["C: ENABLE QRESYNC", "S: * ENABLED QRESYNC", "S: @ OK"];
    let opening =
        [open, "S: * 3 EXISTS", "S: * OK [UIDVALIDITY 7] ok", "S: * OK [HIGHESTMODSEQ 90] ok", "S: @ OK"];
    let whole: Vec<&str> = enable.iter().filter(|_| enabled).chain(&opening).chain(script).copied().collect();
    let (mut session, server) = session(capabilities, &whole).await;
    if read_only {
        session.examine(&FolderName::inbox()).await.unwrap();
    } else {
        session.select(&FolderName::inbox()).await.unwrap();
    }
    (session, server)
}

/// One round trip, where the server means what it advertises; a folder it left out is asked for by itself.
#[tokio::test]
async fn folders_come_with_their_figures() {
    let script = [
        "C: LIST \"\" \"*\" RETURN (SPECIAL-USE SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ SIZE MAILBOXID APPENDLIMIT))",
        "S: * LIST (\\Subscribed) \"/\" inbox",
        "S: * STATUS INBOX (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 5 HIGHESTMODSEQ 70 SIZE 100 MAILBOXID (F-1) APPENDLIMIT 2000)",
        "S: * LIST (\\Noselect) \"/\" Tree",
        "S: * LIST () \"/\" {4}",
        "R: S\"nt\r\n",
        "S: * STATUS {4}",
        "R: S\"nt (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 6 HIGHESTMODSEQ 0 APPENDLIMIT NIL)\r\n",
        "S: * LIST () \"/\" Left",
        "S: * LIST () \"/\" Shut",
        "S: @ OK done",
        "C: STATUS \"Left\" (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ SIZE MAILBOXID APPENDLIMIT)",
        "C: STATUS \"Shut\" (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ SIZE MAILBOXID APPENDLIMIT)",
        "S: * STATUS LEFT (MESSAGES 1)",
        "S: @6 OK",
        "S: @7 NO [NOPERM] not yours",
    ];
    let capabilities = "LIST-EXTENDED LIST-STATUS SPECIAL-USE CONDSTORE STATUS=SIZE OBJECTID APPENDLIMIT";
    for room in [1, 1 << 16] {
        let (mut session, _server) = session_through(capabilities, &script, room).await;
        let found = session.folders_with_status().await.unwrap();
        let status = |at: usize| found[at].1.clone();
        assert_eq!(found.len(), 5);
        let inbox = status(0).unwrap();
        assert_eq!((inbox.messages, inbox.uid_next, inbox.highest_modseq), (Some(3), Some(9), Some(70)));
        assert_eq!((inbox.mailbox_id.as_deref(), inbox.append_limit), (Some("F-1"), Some(2000)));
        assert!(found[0].0.subscribed && status(1).is_none() && !found[1].0.selectable);
        let sent = status(2).unwrap();
        assert_eq!((sent.messages, sent.highest_modseq, sent.append_limit), (Some(0), None, None));
        assert_eq!(status(3).unwrap().messages, Some(1));
        assert!(status(4).is_none() && found[4].0.selectable);
    }
}

/// Cyrus up to 3.12 prints memory that it has freed as a MAILBOXID, which takes the other figures with it or
/// reads as another folder's: figures are asked for without, and what two folders share is nobody's.
#[tokio::test]
async fn a_mailbox_id_that_is_none_is_not_asked_for_again() {
    let capabilities = "LIST-EXTENDED LIST-STATUS SPECIAL-USE OBJECTID";
    let with_ids =
        "C: LIST \"\" \"*\" RETURN (SPECIAL-USE SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY MAILBOXID))";
    for garbage in ["(u\"oU", "a b", "r\u{e4}e", ")"] {
        let wrong = format!("S: * STATUS b (MESSAGES 3 MAILBOXID ({garbage}) UIDNEXT 4)");
        let script = [
            with_ids,
            "S: * LIST () \"/\" INBOX",
            "S: * LIST () \"/\" b",
            "S: * STATUS INBOX (MESSAGES 1 MAILBOXID (F1))",
            &wrong,
            "S: @ OK",
            "C: LIST \"\" \"*\" RETURN (SPECIAL-USE SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY))",
            "S: * LIST () \"/\" INBOX",
            "S: * LIST () \"/\" b",
            "S: * STATUS INBOX (MESSAGES 1)",
            "S: * STATUS b (MESSAGES 3 UIDNEXT 4)",
            "S: @ OK",
            "C: STATUS \"b\" (MESSAGES UIDNEXT UIDVALIDITY)",
            "S: * STATUS b (MESSAGES 3)",
            "S: @ OK",
        ];
        let (mut session, _server) = session(capabilities, &script).await;
        let found = session.folders_with_status().await.unwrap();
        let figures: Vec<_> =
            found.iter().flat_map(|(_, one)| one).map(|one| (one.messages, one.uid_next)).collect();
        assert_eq!(figures, [(Some(1), None), (Some(3), Some(4))], "{garbage}");
        session.status(&FolderName(b"b".to_vec())).await.unwrap();
    }
    // The same of STATUS.
    let script = [
        "C: LIST \"\" \"*\"",
        "C: LSUB \"\" \"*\"",
        "S: * LIST () \"/\" INBOX",
        "S: @5 OK",
        "S: @6 OK",
        "C: STATUS \"INBOX\" (MESSAGES UIDNEXT UIDVALIDITY MAILBOXID)",
        "S: * STATUS INBOX (MESSAGES 3 MAILBOXID (\u{1}\") UIDNEXT 4)",
        "S: @ OK",
        "C: STATUS \"INBOX\" (MESSAGES UIDNEXT UIDVALIDITY)",
        "S: * STATUS INBOX (MESSAGES 3 UIDNEXT 4)",
        "S: @ OK",
    ];
    let (mut of_several, _server) = session("OBJECTID", &script).await;
    let (mut of_one, _other) = session("OBJECTID", &script[5..]).await;
    let several = of_several.folders_with_status().await.unwrap()[0].1.clone().unwrap();
    for figures in [several, of_one.status(&FolderName::inbox()).await.unwrap()] {
        assert_eq!((figures.messages, figures.uid_next), (Some(3), Some(4)));
    }
    // What is told of two folders is neither's.
    let script = [
        with_ids,
        "S: * LIST () \"/\" INBOX",
        "S: * LIST () \"/\" b",
        "S: * LIST () \"/\" c",
        "S: * STATUS INBOX (MESSAGES 1 MAILBOXID (F1))",
        "S: * STATUS b (MESSAGES 3 MAILBOXID (F2))",
        "S: * STATUS c (MESSAGES 3 MAILBOXID (F1))",
        "S: @ OK",
    ];
    let (mut session, _server) = session(capabilities, &script).await;
    let found = session.folders_with_status().await.unwrap();
    let ids: Vec<_> =
        found.iter().map(|(_, one)| one.as_ref().and_then(|one| one.mailbox_id.as_deref())).collect();
    assert_eq!(ids, [None, Some("F2"), None]);
}

/// iCloud advertises LIST-STATUS and answers BAD; then everything is asked together, twice.
#[tokio::test]
async fn figures_without_list_status_take_two_round_trips() {
    let (mut session, _server) = session(
        "LIST-EXTENDED LIST-STATUS SPECIAL-USE STATUS=SIZE",
        &[
            "C: LIST \"\" \"*\" RETURN (SPECIAL-USE SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY SIZE))",
            "S: @ BAD Parse Error (where: offset 13)",
            "C: LIST \"\" \"*\" RETURN (SPECIAL-USE SUBSCRIBED)",
            "S: @ BAD Parse Error (where: offset 13)",
            "C: LIST \"\" \"*\"",
            "C: LSUB \"\" \"*\"",
            "S: * LIST () \"/\" INBOX",
            "S: * LIST () \"/\" {2}",
            "R: \u{e4}\r\n",
            "S: * LIST () \"/\" C",
            "S: @7 OK",
            "S: * LSUB () \"/\" C",
            "S: @8 OK",
            "C: STATUS \"INBOX\" (MESSAGES UIDNEXT UIDVALIDITY SIZE)",
            "S: @ BAD what is SIZE",
            // A name that needs a literal goes alone.
            "C: STATUS {2}",
            "S: + go",
            "c: \u{e4} (MESSAGES UIDNEXT UIDVALIDITY SIZE)",
            "S: * STATUS {2}",
            "R: \u{e4} (MESSAGES 2)\r\n",
            "S: @ OK",
            "C: STATUS \"C\" (MESSAGES UIDNEXT UIDVALIDITY SIZE)",
            "S: * STATUS C (MESSAGES 3)",
            "S: @ OK",
            "C: STATUS \"INBOX\" (MESSAGES UIDNEXT UIDVALIDITY)",
            "S: * STATUS inbox (MESSAGES 1)",
            "S: @ OK",
        ],
    )
    .await;
    let found = session.folders_with_status().await.unwrap();
    let counts: Vec<Option<u32>> =
        found.iter().map(|(_, status)| status.as_ref().and_then(|one| one.messages)).collect();
    assert_eq!(counts, [Some(1), Some(2), Some(3)]);
    assert!(found[2].0.subscribed);
}

/// A thousand folders do not take a thousand round trips, nor are a thousand commands sent at once.
#[tokio::test]
async fn many_figures_are_asked_for_in_strides() {
    let mut script = vec!["C: LIST \"\" \"*\"".to_owned(), "C: LSUB \"\" \"*\"".to_owned()];
    let name = |n: usize| if n == 0 { "INBOX".to_owned() } else { format!("f{n}") };
    script.extend((0..300).map(|n| format!("S: * LIST () \"/\" {}", name(n))));
    script.extend(["S: @5 OK".to_owned(), "S: @6 OK".to_owned()]);
    let ask = |n: usize| format!("C: STATUS \"{}\" (MESSAGES UIDNEXT UIDVALIDITY)", name(n));
    let answer = |n: usize| [format!("S: * STATUS {} (MESSAGES {n})", name(n)), format!("S: @{} OK", n + 7)];
    script.extend((0..128).map(ask));
    script.extend((0..64).flat_map(answer));
    script.extend((128..192).map(ask));
    script.extend((64..128).flat_map(answer));
    script.extend((192..256).map(ask));
    script.extend((128..192).flat_map(answer));
    script.extend((256..300).map(ask));
    script.extend((192..300).flat_map(answer));
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let (mut session, _server) = session("", &script).await;
    let found = session.folders_with_status().await.unwrap();
    assert_eq!(found.len(), 300);
    for (n, (_, status)) in (0u32..).zip(&found) {
        assert_eq!(status.as_ref().unwrap().messages, Some(n));
    }
}

#[tokio::test]
async fn changes_are_flags_and_what_is_gone() {
    let (mut session, _server) = opened(
        "CONDSTORE QRESYNC ENABLE",
        &[
            "C: UID FETCH 1:9,20 (UID FLAGS INTERNALDATE RFC822.SIZE) (CHANGEDSINCE 42 VANISHED)",
            "S: * VANISHED (EARLIER) 1:2,8,15:4294967295",
            "S: * 1 FETCH (UID 4 MODSEQ (80) FLAGS (\\Seen) RFC822.SIZE 12)",
            "S: * 2 FETCH (FLAGS (\\Deleted))",
            "S: * 3 FETCH (UID 30 MODSEQ (81) FLAGS ())",
            "S: * 1 FETCH (UID 4 MODSEQ (82) FLAGS (\\Seen $A))",
            "S: * 1 FETCH (UID 5 MODSEQ (83))",
            "S: * 4 FETCH (FLAGS () UID 9)",
            "S: * VANISHED 9",
            "S: * VANISHED (EARLIER) nonsense",
            "S: @ OK done",
            "C: UID FETCH 1:9 (UID FLAGS INTERNALDATE RFC822.SIZE) (CHANGEDSINCE 43 VANISHED)",
            "S: @ NO [UNAVAILABLE] not now",
        ],
        true,
    )
    .await;
    let known = UidSet::from_ranges([1..=9, 20..=20]);
    let changes = session.changes(42, known).await.unwrap();
    let [changed] = &changes.changed[..] else { panic!("{changes:?}") };
    assert_eq!((changed.uid, &changed.flags, changed.size), (4, &flags(&["\\Seen", "$A"]), Some(12)));
    assert_eq!(changes.vanished, Some([1, 2, 8, 9, 20].into_iter().collect()));
    let error = session.changes(43, UidSet::range(1, 9)).await.unwrap_err();
    assert_eq!((error.code(), error.is_connection_lost()), (Some("UNAVAILABLE"), false));
    assert_eq!(
        session.changes(43, UidSet::default()).await.unwrap(),
        Changes { changed: Vec::new(), vanished: Some(UidSet::default()) }
    );
}

/// Without QRESYNC nothing is said about what is gone, which is not the same as nothing being gone.
#[tokio::test]
async fn changes_without_qresync_know_nothing_of_what_is_gone() {
    let holes: Vec<u32> = (0..2000).map(|n| 1_000_000 + 2 * n).collect();
    let (mut session, _server) = opened(
        "CONDSTORE",
        &[
            // Full of holes, the set is asked for as a whole.
            "C: UID FETCH 1000000:1003998 (UID FLAGS INTERNALDATE RFC822.SIZE) (CHANGEDSINCE 42)",
            "S: * 1 FETCH (UID 1000000 FLAGS ())",
            "S: * 2 FETCH (UID 1000001 FLAGS ())",
            "S: @ OK",
        ],
        true,
    )
    .await;
    let changes = session.changes(42, holes.into_iter().collect()).await.unwrap();
    let changed: Vec<_> =
        changes.changed.iter().map(|message| (message.uid, message.flags.clone())).collect();
    assert_eq!((changed, changes.vanished), (vec![(1_000_000, Flags::new())], None));

    let (mut plain, _server) =
        common::session("", &["C: EXAMINE \"INBOX\"", "S: * 3 EXISTS", "S: @ OK [NOMODSEQ] x"]).await;
    plain.examine(&FolderName::inbox()).await.unwrap();
    let error = plain.changes(42, UidSet::range(1, 2)).await.unwrap_err();
    assert!(
        matches!(error, ImapError::Unsupported { capability: "CONDSTORE", .. })
            && !error.is_connection_lost()
    );
}

#[tokio::test]
async fn uids_by_search_only_when_the_count_is_right() {
    let (mut session, _server) = opened(
        "ESEARCH",
        &[
            "C: UID SEARCH RETURN (ALL) ALL",
            "S: * ESEARCH (TAG \"M2\") UID ALL 9,2:3",
            "S: @ OK",
            // iCloud finds more than there is.
            "C: UID SEARCH RETURN (ALL) ALL",
            "S: * ESEARCH (TAG \"M3\") UID ALL 1:300",
            "S: @ OK",
            "C: UID FETCH 1:* (UID FLAGS)",
            "S: * 1 FETCH (UID 2 FLAGS ())",
            "S: * 2 FETCH (FLAGS () UID 3)",
            "S: * 3 FETCH (FLAGS () UID 9)",
            "S: * 3 FETCH (FLAGS (\\Seen) UID 9)",
            "S: @ OK",
            // Refused, and the list is short because a message left since: the folder is opened again.
            "C: UID SEARCH RETURN (ALL) ALL",
            "S: @ BAD no RETURN",
            "C: UID FETCH 1:* (UID FLAGS)",
            "S: * 1 FETCH (UID 2 FLAGS ())",
            "S: * 2 FETCH (UID 3 FLAGS ())",
            "S: @ OK",
            "C: EXAMINE \"INBOX\"",
            "S: * 2 EXISTS",
            "S: @ OK",
            "C: UID FETCH 1:* (UID FLAGS)",
            "S: * 1 FETCH (UID 2 FLAGS ())",
            "S: * 2 FETCH (UID 3 FLAGS ())",
            "S: @ OK",
        ],
        true,
    )
    .await;
    let three: UidSet = [2, 3, 9].into_iter().collect();
    assert_eq!(session.uids().await.unwrap(), three);
    assert_eq!(session.uids().await.unwrap(), three);
    assert_eq!(session.uids().await.unwrap(), [2, 3].into_iter().collect());
}

/// A list that stays short would read as mail that is gone.
#[tokio::test]
async fn a_list_that_is_short_is_an_error() {
    let list = ["C: UID FETCH 1:* (UID FLAGS)", "S: * 1 FETCH (UID 2 FLAGS ())", "S: @ OK"];
    let open = ["C: EXAMINE \"INBOX\"", "S: * 3 EXISTS", "S: @ OK"];
    let script: Vec<&str> = list.iter().chain(&open).chain(&list).copied().collect();
    let (mut session, _server) = opened("", &script, true).await;
    let error = session.uids().await.unwrap_err();
    assert!(matches!(error, ImapError::Incomplete { listed: 1, exists: 3 }), "{error}");
    assert!(!error.is_connection_lost());
}

#[tokio::test]
async fn an_empty_folder_has_no_uids_even_when_the_server_objects() {
    let script = [
        "C: EXAMINE \"INBOX\"",
        "S: * 0 EXISTS",
        "S: @ OK",
        "C: UID FETCH 1:* (UID FLAGS)",
        "S: @ NO The specified message set is invalid.",
    ];
    let (mut empty, _server) = session("", &script).await;
    empty.examine(&FolderName::inbox()).await.unwrap();
    assert!(empty.uids().await.unwrap().is_empty());
}

#[tokio::test]
async fn flags_alone_are_the_lightest_list() {
    let script = ["C: UID FETCH 2:3 (UID FLAGS)", "S: * 1 FETCH (UID 2 FLAGS (\\Seen))", "S: @ OK"];
    let (mut session, _server) = opened("", &script, true).await;
    let mut messages = session.fetch(UidSet::range(2, 3), FetchItems::Flags);
    let message = messages.next().await.unwrap().unwrap();
    assert_eq!((message.uid, message.flags.to_string(), message.size), (2, "\\Seen".to_owned(), None));
    assert_eq!(messages.next().await.unwrap(), None);
}

#[tokio::test]
async fn copies_and_moves_tell_where_things_went() {
    let (mut session, _server) = opened(
        "UIDPLUS MOVE",
        &[
            "C: UID COPY 4,6:7 \"Old\"",
            "S: @ OK [COPYUID 38 4,7:6 100:101,90] done",
            "C: UID COPY 4 \"Old\"",
            "S: @ OK done",
            "C: UID COPY 4 \"Old\"",
            "S: @ NO [TRYCREATE] no such folder",
            "C: UID MOVE 4 \"Old\"",
            "S: * OK [COPYUID 38 4 102] moved",
            "S: * 1 EXPUNGE",
            "S: @ OK done",
            "C: UID EXPUNGE 4:5",
            "S: * 1 EXPUNGE",
            "S: @ OK done",
        ],
        false,
    )
    .await;
    let old = name("Old");
    let copied = session.copy(&[4, 6, 7].into_iter().collect(), &old).await.unwrap();
    // Sets correspond as they are written; a range counts upwards however it is spelt.
    let uids = vec![(4, 100), (6, 101), (7, 90)];
    assert_eq!(copied, Some(CopyUid { uid_validity: 38, uids }));
    let four: UidSet = [4].into_iter().collect();
    assert_eq!(session.copy(&four, &old).await.unwrap(), None);
    assert_eq!(session.copy(&four, &old).await.unwrap_err().code(), Some("TRYCREATE"));
    let moved = session.move_to(&four, &old).await.unwrap();
    assert_eq!(moved, Some(CopyUid { uid_validity: 38, uids: vec![(4, 102)] }));
    session.expunge(&UidSet::range(4, 5)).await.unwrap();
}

/// Exchange 2013 is known for broken ones.
#[tokio::test]
async fn a_copyuid_that_makes_no_sense_is_none() {
    for code in [
        "COPYUID 38 4:5 100",
        "COPYUID 38 9 100",
        "COPYUID 0 4 100",
        "COPYUID 38 4:5 100,100",
        "COPYUID 38 4,4 100:101",
        "COPYUID 38 4 0",
        "COPYUID 38",
        "COPYUID 38 4 1:4294967295",
        "COPYUID 38 () 1",
        "COPYUID 38 +4 1",
    ] {
        let answer = format!("S: @ OK [{code}] done");
        let (mut session, _server) = opened("", &["C: UID COPY 4:5 \"Old\"", &answer], false).await;
        let copied = session.copy(&UidSet::range(4, 5), &name("Old")).await.unwrap();
        assert_eq!(copied, None, "{code}");
    }
}

/// A source is opened with EXAMINE; nothing that changes messages leaves, whatever the caller mistook it for.
#[tokio::test]
async fn nothing_is_changed_in_a_folder_opened_for_reading() {
    let (mut session, server) = opened("UIDPLUS MOVE", &[], true).await;
    let (one, old) = (UidSet::range(1, 1), name("Old"));
    let errors = [
        session.expunge(&one).await.unwrap_err(),
        session.copy(&one, &old).await.unwrap_err(),
        session.move_to(&one, &old).await.unwrap_err(),
        session.store_flags(&[1], true, &flags(&["\\Seen"])).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, ImapError::ReadOnly { .. }) && !error.is_connection_lost(), "{error}");
    }
    drop(session);
    assert!(server.heard().await.ends_with("EXAMINE \"INBOX\"\r\n"));
}

/// Plain EXPUNGE would take what others have marked; it is never sent.
#[tokio::test]
async fn removal_and_moving_need_their_extensions() {
    let (mut session, server) = opened("", &[], false).await;
    let one = UidSet::range(1, 1);
    assert!(matches!(session.expunge(&one).await, Err(ImapError::Unsupported { capability: "UIDPLUS", .. })));
    let moved = session.move_to(&one, &name("x")).await;
    assert!(matches!(moved, Err(ImapError::Unsupported { capability: "MOVE", .. })));
    drop(session);
    assert!(!server.heard().await.contains("UID"));
}

#[tokio::test]
async fn a_target_is_ready_in_one_round_trip() {
    let (mut session, _server) = session(
        "CREATE-SPECIAL-USE",
        &[
            "C: CREATE \"Sent\" (USE (\\Sent))",
            "C: SUBSCRIBE \"Sent\"",
            "C: LIST \"\" \"Sent\"",
            "C: SELECT \"Sent\"",
            "S: @5 OK",
            "S: @6 NO [NOPERM] no subscriptions here",
            "S: * LIST (\\Sent) \"/\" Sent",
            "S: @7 OK",
            "S: * 0 EXISTS",
            "S: * OK [UIDVALIDITY 8] ok",
            "S: * OK [MAILBOXID (F-2)] ok",
            "S: @8 OK [READ-WRITE] open",
            // Exists, in words of its own; the folder open before says goodbye first. It is called otherwise.
            "C: CREATE \"Post\"",
            "C: LIST \"\" \"Post\"",
            "C: SELECT \"Post\"",
            "S: * 77 EXISTS",
            "S: @9 NO Ordner gibt es bereits",
            "S: * LIST () \"/\" post",
            "S: @10 OK",
            "S: * OK [CLOSED] Previous mailbox closed.",
            "S: * OK [UIDVALIDITY 9] ok",
            "S: @11 OK [READ-WRITE] open",
            // The role is refused, so the folder could not be opened either.
            "C: CREATE \"Junk\" (USE (\\Junk))",
            "C: LIST \"\" \"Junk\"",
            "C: SELECT \"Junk\"",
            "S: @12 NO [USEATTR] taken",
            "S: @13 OK",
            "S: @14 NO [NONEXISTENT] no such folder",
            "C: CREATE \"Junk\"",
            "C: LIST \"\" \"Junk\"",
            "C: SELECT \"Junk\"",
            "S: @15 OK",
            "S: @16 NO not now",
            "S: @17 OK",
            "C: CREATE \"x\"",
            "C: LIST \"\" \"x\"",
            "C: SELECT \"x\"",
            "S: @18 NO [CANNOT] not that name",
            "S: @19 OK",
            "S: @20 NO [NONEXISTENT] no such folder",
            // What is above it is wanted first.
            "C: CREATE \"a/b/c\"",
            "C: LIST \"\" \"a/b/c\"",
            "C: SELECT \"a/b/c\"",
            "S: @21 NO Parent folder does not exist",
            "S: @22 OK",
            "S: @23 NO [NONEXISTENT] no such folder",
            "C: CREATE \"a\"",
            "S: @ NO [ALREADYEXISTS] there",
            "C: CREATE \"a/b\"",
            "S: @ OK",
            "C: CREATE \"a/b/c\"",
            "C: LIST \"\" \"a/b/c\"",
            "C: SELECT \"a/b/c\"",
            "S: @26 OK",
            "S: * LIST () \"/\" a/b/c",
            "S: @27 OK",
            "S: @28 OK",
        ],
    )
    .await;
    let sent = Preparation { create: true, role: Some(&SpecialUse::Sent), subscribe: true };
    let ready = session.prepare(&name("Sent"), sent).await.unwrap();
    assert!(ready.created && ready.not_subscribed.unwrap().code() == Some("NOPERM"));
    assert_eq!(ready.listed, Some(true));
    assert_eq!((ready.selected.uid_validity, ready.selected.mailbox_id.as_deref()), (Some(8), Some("F-2")));
    assert_eq!(session.selected().unwrap().0, &name("Sent"));

    let plain = Preparation { create: true, ..Preparation::default() };
    let ready = session.prepare(&name("Post"), plain).await.unwrap();
    assert!(!ready.created && ready.not_subscribed.is_none());
    assert_eq!(ready.listed, Some(false));
    assert_eq!((ready.selected.exists, ready.selected.uid_validity), (0, Some(9)));

    let junk = Preparation { create: true, role: Some(&SpecialUse::Junk), subscribe: false };
    let ready = session.prepare(&name("Junk"), junk).await.unwrap();
    assert!(ready.created && ready.listed.is_none());

    let error = session.prepare(&name("x"), plain).await.unwrap_err();
    assert_eq!((error.code(), session.selected().is_none()), (Some("CANNOT"), true));
    let ready = session.prepare(&name("a/b/c"), plain).await.unwrap();
    assert!(ready.created && ready.listed == Some(true));
    let bad = session.prepare(&name("a\r\nb"), plain).await.unwrap_err();
    assert!(matches!(bad, ImapError::Unsendable { .. }), "{bad}");
}

/// A server that forgets the inbox in its list, or lists nothing at all, has one all the same.
#[tokio::test]
async fn an_inbox_that_is_not_listed_is_looked_for() {
    let status = "C: STATUS \"INBOX\" (MESSAGES UIDNEXT UIDVALIDITY)";
    let listed = ["C: LIST \"\" \"*\"", "C: LSUB \"\" \"*\"", "S: @5 OK", "S: @6 OK", status];
    let again = |more: &[&'static str]| {
        let mut again = vec!["C: LIST \"\" \"*\"", "C: LSUB \"\" \"*\""];
        again.extend(more);
        again.extend(["S: @8 OK", "S: @9 OK"]);
        again
    };
    for (answer, more, found) in [
        (&["S: * STATUS INBOX (MESSAGES 4)", "S: @ OK"][..], &[][..], vec![("INBOX", false)]),
        (
            &["S: * STATUS INBOX (MESSAGES 4)", "S: @ OK"],
            &["S: * LIST () \"/\" Old"],
            vec![("Old", true), ("INBOX", false)],
        ),
        (
            &["S: * STATUS INBOX (MESSAGES 4)", "S: @ OK"],
            &["S: * LIST () \"/\" inbox"],
            vec![("INBOX", true)],
        ),
        (&["S: @ NO [NONEXISTENT] none"], &[], vec![]),
    ] {
        let script: Vec<&str> = listed.iter().chain(answer).copied().chain(again(more)).collect();
        let (mut session, _server) = common::session("", &script).await;
        let folders = session.folders().await.unwrap();
        let read: Vec<(String, bool)> = folders.iter().map(|f| (f.path.to_string(), f.listed)).collect();
        let found: Vec<(String, bool)> =
            found.into_iter().map(|(path, listed)| (path.to_owned(), listed)).collect();
        assert_eq!(read, found);
    }
}

#[tokio::test(start_paused = true)]
async fn idling_ends_with_a_change_or_with_patience() {
    use std::time::Duration;
    let (mut session, _server) = opened(
        "IDLE",
        &[
            "C: IDLE",
            "S: * OK still here",
            "S: + idling",
            "S: * OK still here",
            "S: * 4 EXISTS",
            "c: DONE",
            "S: @ OK",
            // Nothing happens.
            "C: IDLE",
            "S: +",
            "c: DONE",
            "S: @ OK",
            "C: IDLE",
            "S: @ NO not now",
            // A server that has enough of it.
            "C: IDLE",
            "S: + go",
            "S: @ OK that was long enough",
            "C: NOOP",
            "S: @ OK",
            "C: IDLE",
            "S: + go",
            "S: * BYE good night",
            "X",
        ],
        true,
    )
    .await;
    // Longer than the line may be silent otherwise.
    let long = Duration::from_secs(600);
    assert!(session.idle(long).await.unwrap());
    let start = tokio::time::Instant::now();
    assert!(!session.idle(long).await.unwrap());
    assert_eq!(start.elapsed().as_secs(), 600);
    assert!(matches!(session.idle(long).await, Err(ImapError::No { command: "IDLE", .. })));
    assert!(!session.idle(long).await.unwrap());
    session.noop().await.unwrap();
    assert!(matches!(session.idle(long).await, Err(ImapError::Bye { .. })));

    let (mut without, _server) = opened("", &[], true).await;
    assert!(matches!(without.idle(long).await, Err(ImapError::Unsupported { .. })));
}

#[tokio::test]
async fn gmails_labels_are_read_in_every_form() {
    let (mut session, _server) = opened(
        "X-GM-EXT-1",
        &[
            "C: UID FETCH 2 (UID FLAGS INTERNALDATE RFC822.SIZE X-GM-MSGID X-GM-LABELS)",
            "S: * 1 FETCH (X-GM-MSGID 1278455344230334865 X-GM-LABELS (\"\\\\Inbox\" \\Sent \"a \\\"b\\\"\" {4}",
            "R: (c)) &ANw-ber) UID 2 FLAGS () INTERNALDATE NIL RFC822.SIZE 5)\r\n",
            "S: @ OK",
        ],
        true,
    )
    .await;
    let mut messages = session.fetch(UidSet::range(2, 2), FetchItems::Gmail);
    let message = messages.next().await.unwrap().unwrap();
    let gmail = message.gmail.unwrap();
    assert_eq!(gmail.message_id, Some(1_278_455_344_230_334_865));
    assert_eq!(gmail.labels, ["\\Inbox", "\\Sent", "a \"b\"", "(c))", "\u{dc}ber"]);
}
