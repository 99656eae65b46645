//! Reading messages from servers that answer late, twice, half, out of order or not at all.

mod common;

use common::{session, session_through};
use mailhaul_imap::{FetchItems, FetchedMessage, FolderName, ImapError, Session, UidSet};

const FULL: &str = "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])";
const DATE: &str = "INTERNALDATE \"01-Jan-2020 00:00:00 +0000\"";

async fn all(
    session: &mut Session,
    uids: UidSet,
    items: FetchItems,
) -> Result<Vec<(FetchedMessage, String)>, ImapError> {
    let mut fetch = session.fetch(uids, items);
    let mut out = Vec::new();
    while let Some(message) = fetch.next().await? {
        let body = fetch.body(1 << 20).await?;
        out.push((message, String::from_utf8_lossy(&body).into_owned()));
    }
    Ok(out)
}

/// P13: responses nobody asked for, in every disguise.
#[tokio::test]
async fn messages_are_matched_by_uid_only() {
    let fetch = format!("C: UID FETCH 5:8 {FULL}");
    let script = [
        fetch.as_str(),
        // A flag update for another message, one without UID, one for a message that is asked for.
        "S: * 9 FETCH (UID 99 FLAGS (\\Seen))",
        "S: * 9 FETCH (FLAGS (\\Seen))",
        "S: * 1 FETCH (UID 5 FLAGS (\\Draft))",
        // A whole message nobody asked for, and one without UID.
        "S: * 9 FETCH (UID 99 FLAGS () RFC822.SIZE 3 INTERNALDATE NIL BODY[] {3}",
        "R: xyz)\r\n",
        "S: * 9 FETCH (FLAGS () BODY[] {3}",
        "R: xyz)\r\n",
        "S: * 1 FETCH (UID 5 FLAGS (\\Seen \\Recent $A) INTERNALDATE \" 1-Jan-2020 00:00:00 +0000\" RFC822.SIZE 4 BODY[] {4}",
        "R: five MODSEQ (7) X-NEW (a (b \"c\")))\r\n",
        // The UID behind the body; the size wrong.
        "S: * 2 FETCH (BODY[] {3}",
        "R: six FLAGS (\\Answered) INTERNALDATE \"01-Jan-2020 01:00:00 +0100\" RFC822.SIZE 999 UID 6)\r\n",
        // More than was asked for.
        "S: * 4 FETCH (UID 8 BODY[TEXT] {4}",
        "S: text FLAGS () INTERNALDATE NIL RFC822.SIZE 5 BODY[] {5}",
        "S: eight BODY[] {5}",
        "R: twice)\r\n",
        // The same message again.
        "S: * 1 FETCH (UID 5 FLAGS () INTERNALDATE NIL RFC822.SIZE 5 BODY[] {5}",
        "R: again)\r\n",
        "S: * 1 EXPUNGE",
        "S: * 3 FETCH (UID 7 FLAGS () INTERNALDATE NIL RFC822.SIZE NIL BODY[] \"in \\\"quotes\\\"\")",
        "S: @ OK done",
    ];
    for room in [1, 7, 1 << 16] {
        let (mut session, _server) = session_through("", &script, room).await;
        let got = all(&mut session, UidSet::range(5, 8), FetchItems::Full).await.unwrap();
        let bodies: Vec<(u32, &str)> =
            got.iter().map(|(message, body)| (message.uid, body.as_str())).collect();
        assert_eq!(bodies, [(5, "five"), (6, "six"), (8, "eight"), (7, "in \"quotes\"")]);
        assert_eq!(got[0].0.flags.to_string(), "\\Seen $A");
        assert_eq!(got[0].0.internal_date, got[1].0.internal_date);
        assert_eq!((got[1].0.size, got[1].0.body_len), (Some(999), Some(3)));
        assert_eq!((got[3].0.size, got[3].0.internal_date), (None, None));
    }
}

/// P14: an OK without the body is told as such; Exchange does it for items it cannot render.
#[tokio::test]
async fn a_missing_body_is_not_an_empty_one() {
    let fetch = format!("C: UID FETCH 1:4 {FULL}");
    let lines = [
        format!("S: * 1 FETCH (UID 1 FLAGS () {DATE} RFC822.SIZE 10)"),
        format!("S: * 2 FETCH (UID 2 FLAGS () {DATE} RFC822.SIZE 0 BODY[] NIL)"),
        format!("S: * 3 FETCH (UID 3 FLAGS () {DATE} RFC822.SIZE 0 BODY[] {{0}}"),
        // One message over two responses.
        format!("S: * 4 FETCH (UID 4 FLAGS (\\Seen) {DATE} RFC822.SIZE 4)"),
    ];
    let script = [
        &fetch,
        &lines[0],
        &lines[1],
        &lines[2],
        "R: )\r\n",
        &lines[3],
        "S: * 4 FETCH (UID 4 BODY[] \"four\")",
        "S: @ OK",
    ];
    let (mut session, _server) = session("", &script).await;
    let mut got = all(&mut session, UidSet::range(1, 4), FetchItems::Full).await.unwrap();
    got.sort_by_key(|(message, _)| message.uid);
    let lens: Vec<(u32, Option<u64>)> =
        got.iter().map(|(message, _)| (message.uid, message.body_len)).collect();
    assert_eq!(lens, [(1, None), (2, None), (3, Some(0)), (4, Some(4))]);
    assert_eq!(got[3].0.flags.to_string(), "\\Seen");
}

/// Rule 6: a FETCH that ends in NO names what did not come; the others go on.
#[tokio::test]
async fn refusals_name_what_is_missing() {
    let one = format!("C: UID FETCH 1:2000 {FULL}");
    let two = format!("C: UID FETCH 2001:2050 {FULL}");
    let body = format!("S: * 1 FETCH (UID 3 FLAGS () {DATE} RFC822.SIZE 1 BODY[] {{1}}");
    let half = format!("S: * 2 FETCH (UID 4 FLAGS () {DATE} RFC822.SIZE 1)");
    let last = format!("S: * 9 FETCH (UID 2050 FLAGS () {DATE} RFC822.SIZE 1 BODY[] {{1}}");
    let script = [
        one.as_str(),
        &body,
        "R: a)\r\n",
        &half,
        "S: @ NO [UNAVAILABLE] Some messages could not be FETCHed",
        &two,
        &last,
        "R: b)\r\n",
        "S: @ OK done",
        "C: NOOP",
        "S: @ OK",
    ];
    let (mut session, _server) = session("", &script).await;
    let mut fetch = session.fetch(UidSet::range(1, 2050), FetchItems::Full);
    let mut uids = Vec::new();
    while let Some(message) = fetch.next().await.unwrap() {
        uids.push(message.uid);
    }
    assert_eq!(uids, [3, 2050]);
    let refused = fetch.refused();
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].refusal.code.as_deref(), refused[0].refusal.bad), (Some("UNAVAILABLE"), false));
    assert!(refused[0].uids.contains(4) && !refused[0].uids.contains(3) && refused[0].uids.len() == 1999);
    session.noop().await.unwrap();
}

/// P15: a body that ends early is an error, never a message.
#[tokio::test]
async fn a_short_body_is_an_error() {
    let fetch = format!("C: UID FETCH 1 {FULL}");
    let head = format!("S: * 1 FETCH (UID 1 FLAGS () {DATE} RFC822.SIZE 10 BODY[] {{10}}");
    let (mut session, _server) = session("", &[&fetch, &head, "R: only", "X"]).await;
    let mut fetch = session.fetch(UidSet::range(1, 1), FetchItems::Full);
    assert_eq!(fetch.next().await.unwrap().unwrap().body_len, Some(10));
    assert!(matches!(fetch.body(100).await, Err(ImapError::Closed { during: "FETCH", .. })));
    assert!(fetch.next().await.is_err());
}

/// What a source announced was believed: with a length too large, protocol and the next message were stored
/// as mail.
#[tokio::test]
async fn a_body_that_does_not_end_where_it_was_said_to_is_never_whole() {
    let fetch = format!("C: UID FETCH 1:2 {FULL}");
    let second = format!("S: * 2 FETCH (UID 2 FLAGS () {DATE} RFC822.SIZE 1 BODY[] {{1}}");
    for (announced, sent) in
        [(30, "R: 0123456789)\r\n"), (4, "R: 0123456789)\r\n"), (0, "R: 0123456789)\r\n")]
    {
        let head = format!("S: * 1 FETCH (UID 1 FLAGS () {DATE} RFC822.SIZE 10 BODY[] {{{announced}}}");
        let (mut session, _server) =
            session("", &[&fetch, &head, sent, &second, "R: x)\r\n", "S: @ OK", "X"]).await;
        let mut fetch = session.fetch(UidSet::range(1, 2), FetchItems::Full);
        assert_eq!(fetch.next().await.unwrap().unwrap().body_len, Some(announced));
        let mut came = 0;
        let error = loop {
            match fetch.chunk().await {
                Ok(Some(piece)) => came += piece.len() as u64,
                Ok(None) => panic!("{announced}: the body ended as if it were whole"),
                Err(error) => break error,
            }
        };
        assert!(came < announced.max(1), "{announced}: the last piece was handed out");
        let what = format!("a body that was announced with {announced} bytes does not end there");
        assert!(matches!(&error, ImapError::Protocol { what: said } if *said == what), "{error}");
        assert!(error.is_connection_lost());
        assert!(fetch.next().await.is_err(), "nothing more of that answer is believed");
    }
}

#[tokio::test]
async fn a_blank_and_more_items_may_follow_a_body() {
    let fetch = format!("C: UID FETCH 1:3 {FULL}");
    let head =
        |seq: u32, len: u32| format!("S: * {seq} FETCH (FLAGS () {DATE} RFC822.SIZE {len} BODY[] {{{len}}}");
    let (first, second, third) = (head(1, 3), head(2, 3), head(3, 0));
    let script = [
        fetch.as_str(),
        &first,
        "R: abc UID 1)\r\n",
        &second,
        "R: def\tUID 2 )\r\n",
        &third,
        "R:  UID 3)\r\n",
        "S: @ OK",
    ];
    let (mut session, _server) = session("", &script).await;
    let got = all(&mut session, UidSet::range(1, 3), FetchItems::Full).await.unwrap();
    let texts: Vec<_> = got.iter().map(|(message, body)| (message.uid, body.as_str())).collect();
    assert_eq!(texts, [(1, "abc"), (2, "def"), (3, "")]);
}

#[tokio::test]
async fn metadata_is_complete_or_not_a_message() {
    let (mut session, _server) = session(
        "",
        &[
            "C: UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)",
            "S: * 1 FETCH (UID 4294967294 FLAGS (\\Seen) INTERNALDATE NIL RFC822.SIZE 12)",
            "S: * 2 FETCH (UID 2 FLAGS (\\Deleted))",
            "S: * 3 FETCH (UID 0 FLAGS () RFC822.SIZE 1 INTERNALDATE NIL)",
            "S: * 4 FETCH (UID 7 RFC822.SIZE 1 INTERNALDATE NIL)",
            "S: @ OK",
            "C: UID FETCH 1,3 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])",
            "S: * 1 FETCH (UID 1 FLAGS () INTERNALDATE NIL RFC822.SIZE 1 BODY[HEADER.FIELDS (\"Message-ID\")] {19}",
            "R: Message-ID: <a>\r\n\r\n)\r\n",
            "S: * 3 FETCH (UID 3 FLAGS () INTERNALDATE NIL RFC822.SIZE 1 BODY[HEADER.FIELDS (MESSAGE-ID)] \"\")",
            "S: @ OK",
        ],
    )
    .await;
    let got = all(&mut session, UidSet::all(), FetchItems::Meta).await.unwrap();
    assert_eq!(got.iter().map(|(message, _)| message.uid).collect::<Vec<_>>(), [u32::MAX - 1, 7]);
    let got = all(&mut session, [1, 3].into_iter().collect(), FetchItems::Identity).await.unwrap();
    assert_eq!((got[0].1.as_str(), got[1].1.as_str()), ("Message-ID: <a>\r\n\r\n", ""));
    assert_eq!(got[1].0.body_len, Some(0));
}

/// A dropped fetch leaves nothing behind for the next command to trip over.
#[tokio::test]
async fn a_dropped_fetch_is_read_off() {
    let first = format!("C: UID FETCH 1:2 {FULL}");
    let body = format!("S: * 1 FETCH (UID 1 FLAGS () {DATE} RFC822.SIZE 200000 BODY[] {{200000}}");
    let blob = format!("R: {})\r\n", "x".repeat(200_000));
    let other = format!("S: * 2 FETCH (UID 2 FLAGS () {DATE} RFC822.SIZE 1 BODY[] {{1}}");
    let again = format!("C: UID FETCH 2 {FULL}");
    // The log-in used four commands, the first fetch is the fifth.
    let script = [
        first.as_str(),
        &body,
        &blob,
        &other,
        "R: b)\r\n",
        "S: @ OK",
        "C: NOOP",
        "S: @ OK",
        &first,
        &body,
        &blob,
        &other,
        "R: c)\r\n",
        "S: @ OK",
        &again,
        &other,
        "R: d)\r\n",
        "S: @ OK",
    ];
    let (mut session, _server) = session("", &script).await;
    let mut fetch = session.fetch(UidSet::range(1, 2), FetchItems::Full);
    assert_eq!(fetch.next().await.unwrap().unwrap().uid, 1);
    fetch.chunk().await.unwrap().unwrap();
    session.noop().await.unwrap();

    let mut fetch = session.fetch(UidSet::range(1, 2), FetchItems::Full);
    assert_eq!(fetch.next().await.unwrap().unwrap().uid, 1);
    let got = all(&mut session, UidSet::range(2, 2), FetchItems::Full).await.unwrap();
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].1, "d");
}

#[tokio::test]
async fn a_large_body_comes_in_pieces() {
    let fetch = format!("C: UID FETCH 1 {FULL}");
    let head = format!("S: * 1 FETCH (UID 1 FLAGS () {DATE} RFC822.SIZE 3000000 BODY[] {{3000000}}");
    let blob = format!("R: {})\r\n", "y".repeat(3_000_000));
    let (mut session, _server) = session("", &[&fetch, &head, &blob, "S: @ OK", "C: NOOP", "S: @ OK"]).await;
    let mut fetch = session.fetch(UidSet::range(1, 1), FetchItems::Full);
    fetch.next().await.unwrap().unwrap();
    let mut total = 0;
    while let Some(piece) = fetch.chunk().await.unwrap() {
        assert!(piece.len() <= 64 << 10);
        total += piece.len();
    }
    assert_eq!(total, 3_000_000);
    assert!(fetch.next().await.unwrap().is_none());
    session.noop().await.unwrap();
}

#[tokio::test]
async fn a_body_over_the_callers_limit_leaves_the_session_usable() {
    let fetch = format!("C: UID FETCH 1 {FULL}");
    let head = format!("S: * 1 FETCH (UID 1 FLAGS () {DATE} RFC822.SIZE 3000 BODY[] {{3000}}");
    let blob = format!("R: {})\r\n", "y".repeat(3_000));
    let (mut session, _server) = session("", &[&fetch, &head, &blob, "S: @ OK", "C: NOOP", "S: @ OK"]).await;
    let mut fetch = session.fetch(UidSet::range(1, 1), FetchItems::Full);
    fetch.next().await.unwrap().unwrap();
    let error = fetch.body(2999).await.unwrap_err();
    assert!(matches!(error, ImapError::BodyTooLong { max: 2999 }) && !error.is_connection_lost());
    session.noop().await.unwrap();
}

#[tokio::test]
async fn a_tag_of_nobody_ends_the_connection() {
    let fetch = format!("C: UID FETCH 1 {FULL}");
    let (mut session, _server) = session("", &[&fetch, "S: ZZ9 OK done"]).await;
    let error = all(&mut session, UidSet::range(1, 1), FetchItems::Full).await.unwrap_err();
    assert!(matches!(error, ImapError::Protocol { .. }) && error.is_connection_lost());
    assert!(session.examine(&FolderName::inbox()).await.is_err());
}

#[tokio::test]
async fn nothing_to_fetch_sends_nothing() {
    let (mut session, _server) = session("", &["C: NOOP", "S: @ OK"]).await;
    assert!(session.fetch(UidSet::default(), FetchItems::Full).next().await.unwrap().is_none());
    session.noop().await.unwrap();
}

/// A small folder is opened and listed in one round trip; a list that is not whole is to be asked for again,
/// and one that comes although the folder could not be opened is of another folder.
#[tokio::test]
async fn a_small_folder_is_listed_as_it_is_opened() {
    let ask = ["C: EXAMINE \"INBOX\"", "C: UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)"];
    let opened = ["S: * 2 EXISTS", "S: * OK [UIDVALIDITY 7] ok", "S: @5 OK [READ-ONLY] open"];
    let one = "S: * 1 FETCH (UID 4 RFC822.SIZE 10 INTERNALDATE \"01-Jan-2020 00:00:00 +0100\" FLAGS ($New))";
    let two = ["S: * 2 FETCH (UID 9 FLAGS ())", "S: * 2 FETCH (UID 9 RFC822.SIZE 20 INTERNALDATE NIL)"];
    let news = "S: * 2 FETCH (UID 9 FLAGS (\\Seen))";
    let scripts = [
        (vec![one, two[0], two[1], news, "S: @6 OK"], Some(vec![(4, 10), (9, 20)])),
        (vec![one, "S: @6 OK"], None),
        (vec![one, "S: @6 NO not all"], None),
    ];
    for room in [1, 1 << 16] {
        for (rest, expected) in &scripts {
            let script: Vec<&str> = ask.iter().chain(&opened).chain(rest).copied().collect();
            let (mut session, _server) = session_through("", &script, room).await;
            let (selected, listed) = session.examine_and_list(&FolderName::inbox()).await.unwrap();
            assert_eq!((selected.exists, selected.uid_validity, selected.read_only), (2, Some(7), true));
            let listed =
                listed.map(|all| all.iter().map(|m| (m.uid, m.size.unwrap_or_default())).collect::<Vec<_>>());
            assert_eq!(listed, *expected, "{rest:?}");
        }
        let refused = ["S: @5 NO gone", one, two[0], "S: @6 OK of another folder"];
        let script: Vec<&str> = ask.iter().chain(&refused).copied().collect();
        let (mut session, _server) = session_through("", &script, room).await;
        let error = session.examine_and_list(&FolderName::inbox()).await.unwrap_err();
        assert!(matches!(error, ImapError::No { .. }) && session.selected().is_none(), "{error}");
    }
}

/// Several small folders are looked into in one round trip; what is not opened, not whole, or has no count is
/// nobody's.
#[tokio::test]
async fn small_folders_are_listed_together() {
    let names = ["a", "b", "c", "d", "e"];
    let mut script = Vec::new();
    for name in names {
        script.push(format!("C: EXAMINE \"{name}\""));
        script.push("C: UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)".to_owned());
    }
    let message =
        |uid: u32| format!("S: * 1 FETCH (UID {uid} RFC822.SIZE 10 INTERNALDATE NIL FLAGS (\\Seen))");
    script.extend([
        "S: * 1 EXISTS".to_owned(),
        "S: @5 OK [READ-ONLY] a".to_owned(),
        message(1),
        "S: @6 OK".to_owned(),
    ]);
    // Not opened; what comes all the same is of the folder before.
    script.extend(["S: @7 NO no b".to_owned(), message(1), "S: @8 OK".to_owned()]);
    script.extend([
        "S: * 2 EXISTS".to_owned(),
        "S: @9 OK c".to_owned(),
        message(3),
        "S: @10 OK half".to_owned(),
    ]);
    script.extend(["S: @11 OK d".to_owned(), "S: @12 OK no count".to_owned()]);
    // News of the folder before come first.
    script.extend([
        "S: * 7 EXISTS".to_owned(),
        "S: * 1 EXISTS".to_owned(),
        "S: * OK [UIDVALIDITY 9] e".to_owned(),
    ]);
    script.extend(["S: @13 OK e".to_owned(), message(5), "S: @14 OK".to_owned()]);
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let (mut session, _server) = session("", &script).await;
    assert!(session.opening_tells_status());
    let folders = names.map(|name| FolderName(name.as_bytes().to_vec()));
    let looks = session.examine_and_list_each(&folders).await.unwrap();
    let uids = |look: &Option<(mailhaul_imap::Selected, Vec<FetchedMessage>)>| {
        look.as_ref().map(|(_, listed)| listed.iter().map(|m| m.uid).collect::<Vec<_>>())
    };
    assert_eq!(looks.iter().map(uids).collect::<Vec<_>>(), [Some(vec![1]), None, None, None, Some(vec![5])]);
    let last = &looks[4].as_ref().unwrap().0;
    assert_eq!((last.exists, last.uid_validity, last.read_only), (1, Some(9), true));
    assert!(session.selected().is_none());
}

/// STATUS would tell more.
#[tokio::test]
async fn opening_does_not_tell_what_extensions_add_to_status() {
    for capability in ["CONDSTORE", "STATUS=SIZE", "OBJECTID"] {
        let (session, _server) = session(capability, &[]).await;
        assert!(!session.opening_tells_status(), "{capability}");
    }
}
