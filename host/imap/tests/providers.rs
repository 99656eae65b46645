//! Lines of servers that cannot be run here, as others have met them; each with where it is told of.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use common::{login, refused, session};
use mailhaul_imap::{
    AckOutcome, AppendHead, AppendOptions, BeginOutcome, Cause, FetchItems, Flags, FolderName, FolderPath,
    SpecialUse, UidSet,
};

const FULL: &str = "C: UID FETCH 1:9 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])";

/// Exchange, without SPECIAL-USE and CONDSTORE: a message it cannot convert is OK without its text
/// (offlineimap issue 62); others have the empty string for it.
#[tokio::test]
async fn exchange_gives_no_text() {
    let (mut session, _server) = session(
        "UIDPLUS UNSELECT CHILDREN IDLE LITERAL+",
        &[
            "C: EXAMINE \"INBOX\"",
            "S: * 3 EXISTS",
            "S: * 0 RECENT",
            "S: * FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $MDNSent)",
            "S: * OK [PERMANENTFLAGS ()] Permanent flags",
            "S: * OK [UIDVALIDITY 14] UIDVALIDITY value",
            "S: * OK [UIDNEXT 8] The next unique identifier value",
            "S: @ OK [READ-ONLY] EXAMINE completed.",
            FULL,
            "S: * 1 FETCH (UID 5 FLAGS (\\Seen) INTERNALDATE \" 3-Feb-2016 10:30:21 +0000\" RFC822.SIZE 4321)",
            "S: * 2 FETCH (UID 6 FLAGS () INTERNALDATE \" 3-Feb-2016 10:30:22 +0000\" RFC822.SIZE 99 BODY[] \"\")",
            "S: * 3 FETCH (UID 7 FLAGS () INTERNALDATE \" 3-Feb-2016 10:30:23 +0000\" RFC822.SIZE 3 BODY[] {2}",
            "R: hi)\r\n",
            "S: @ OK FETCH completed.",
        ],
    )
    .await;
    session.examine(&FolderName::inbox()).await.unwrap();
    let mut fetch = session.fetch(UidSet::range(1, 9), FetchItems::Full);
    let mut seen = Vec::new();
    while let Some(message) = fetch.next().await.unwrap() {
        seen.push((message.uid, message.body_len, fetch.body(100).await.unwrap().len()));
    }
    seen.sort_unstable();
    assert_eq!(seen, [(5, None, 0), (6, Some(0), 0), (7, Some(2), 2)]);
}

/// Microsoft 365 throttles with BAD and a time (178 755 to 299 961 milliseconds seen; imapsync's FAQ for
/// Office 365).
#[tokio::test]
async fn microsoft_asks_for_time() {
    let (mut session, _server) = session(
        "",
        &[
            "C: SELECT \"INBOX\"",
            "S: @ BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds",
        ],
    )
    .await;
    let error = session.select(&FolderName::inbox()).await.unwrap_err();
    assert!(error.asks_for_patience(), "{error}");
    assert_eq!(error.suggested_wait().map(|wait| wait.as_millis()), Some(299_961));
}

/// Gmail: a limit of 35,651,584 bytes, roles under `[Gmail]`, a status code without text
/// (modern-email/defects issue 28), labels with NIL among them, and a flag list with `]` in it.
#[tokio::test]
async fn gmail_has_its_own_ways() {
    let (mut session, _server) = session(
        "X-GM-EXT-1 UIDPLUS UNSELECT IDLE LITERAL- APPENDLIMIT=35651584",
        &[
            "C: LIST \"\" \"*\"",
            "S: * LIST (\\HasNoChildren) \"/\" \"INBOX\"",
            "S: * LIST (\\HasChildren \\Noselect) \"/\" \"[Gmail]\"",
            "S: * LIST (\\All \\HasNoChildren) \"/\" \"[Gmail]/Alle Nachrichten\"",
            "S: * LIST (\\HasNoChildren \\Important) \"/\" \"[Gmail]/Wichtig\"",
            "S: * LIST (\\HasNoChildren \\Sent) \"/\" \"[Gmail]/Gesendet\"",
            "S: @ OK Success",
            "C: LSUB \"\" \"*\"",
            "S: @ OK Success",
            "C: EXAMINE \"INBOX\"",
            "S: * OK [HIGHESTMODSEQ 22117]",
            "S: * FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen $NotPhishing $Phishing)",
            "S: * OK [PERMANENTFLAGS ()] Flags permitted.",
            "S: * OK [UIDVALIDITY 1] UIDs valid.",
            "S: * 1 EXISTS",
            "S: * OK [UIDNEXT 5] Predicted next UID.",
            "S: @ OK [READ-ONLY] INBOX selected. (Success)",
            FULL,
            "S: * 1 FETCH (X-GM-THRID 1278455344230334865 X-GM-LABELS (\"\\\\Inbox\" NIL \"Work]\") UID 4 RFC822.SIZE 2 INTERNALDATE \"01-Jan-2020 00:00:00 +0000\" FLAGS () BODY[] {2}",
            "R: hi)\r\n",
            "S: @ OK Success",
        ],
    )
    .await;
    assert_eq!(session.facts().append_limit, Some(35_651_584));
    let folders = session.folders().await.unwrap();
    let sent = folders.iter().find(|folder| folder.roles == [SpecialUse::Sent]).unwrap();
    assert_eq!(sent.path, FolderPath::parse("[Gmail]/Gesendet"));
    assert_eq!(folders.iter().filter(|folder| !folder.selectable).count(), 1);
    let examined = session.examine(&FolderName::inbox()).await.unwrap();
    assert_eq!((examined.highest_modseq, examined.uid_validity), (Some(22_117), Some(1)));
    let mut fetch = session.fetch(UidSet::range(1, 9), FetchItems::Full);
    let message = fetch.next().await.unwrap().unwrap();
    assert_eq!((message.uid, message.size, fetch.body(9).await.unwrap()), (4, Some(2), b"hi".to_vec()));
    assert!(fetch.next().await.unwrap().is_none());
}

/// Gmail at its ceiling of connections: the farewell instead of the greeting's welcome.
#[tokio::test]
async fn gmail_has_too_many_connections() {
    let (error, _) = refused(&login(), &["S: * BYE Too many simultaneous connections. (Failure)", "X"]).await;
    assert_eq!(error.cause(), Cause::TooManyConnections);
    assert!(error.asks_for_patience());
}

/// hMailServer 5 can be set to `\` as its separator and sends it doubled, as RFC 3501 wants; its prefix is
/// empty.
#[tokio::test]
async fn hmailserver_separates_by_backslash() {
    let (mut session, _server) = session(
        "",
        &[
            "C: LIST \"\" \"*\"",
            "S: * LIST (\\HasChildren) \"\\\\\" \"Kunden\"",
            "S: * LIST (\\HasNoChildren) \"\\\\\" \"Kunden\\\\M&APw-ller\"",
            "S: * LIST (\\HasNoChildren) \"\\\\\" \"INBOX\"",
            "S: @ OK LIST completed",
            "C: LSUB \"\" \"*\"",
            "S: @ OK LSUB completed",
        ],
    )
    .await;
    let folders = session.folders().await.unwrap();
    assert_eq!(folders[1].name, FolderName(b"Kunden\\M&APw-ller".to_vec()));
    // What separates levels is known from the LIST of the log-in, `/` in this script: the level keeps its
    // backslash.
    assert!(folders[1].path.to_string().contains("M\u{fc}ller"), "{}", folders[1].path);
}

/// One message stored on a target of that answer; what the product makes of it.
async fn stored(answer: &str) -> AckOutcome {
    let answer = format!("S: @ {answer}");
    let (mut session, _server) = session(
        "UIDPLUS",
        &[
            "C: SELECT \"INBOX\"",
            "S: * 3 EXISTS",
            "S: * OK [UIDVALIDITY 1700000000] ok",
            "S: * OK [UIDNEXT 10] ok",
            "S: * OK [PERMANENTFLAGS (\\Seen \\*)] ok",
            "S: @ OK [READ-WRITE] done",
            "C: APPEND \"INBOX\" () {2}",
            "S: + go",
            "c: hi",
            &answer,
        ],
    )
    .await;
    let inbox = FolderName::inbox();
    session.select(&inbox).await.unwrap();
    let (mut appender, mut acks) = session.appender(&inbox, AppendOptions::default()).unwrap();
    let head = AppendHead { flags: Flags::new(), internal_date: None, len: 2 };
    let send = async {
        assert_eq!(appender.begin(1, &head).await.unwrap(), BeginOutcome::Send);
        appender.write(b"hi").await.unwrap();
        appender.end().await.unwrap();
        appender.close().await.unwrap();
    };
    let ((), ack) = tokio::join!(send, acks.next());
    ack.unwrap().unwrap().outcome
}

/// DavMail swapped the two numbers of APPENDUID (issue 315); Proton Bridge tells UIDPLUS and gives none
/// (issue 170): the message is stored, its UID is not known.
#[tokio::test]
async fn uids_that_cannot_be_believed() {
    for answer in [
        "OK [APPENDUID 10 1700000000] APPEND completed",
        "OK APPEND completed",
        "OK [APPENDUID 1700000000 9] x",
    ] {
        let outcome = stored(answer).await;
        assert!(matches!(outcome, AckOutcome::Stored { uid: None, .. }), "{answer}: {outcome:?}");
    }
    let outcome = stored("OK [APPENDUID 1700000000 10] APPEND completed").await;
    assert!(matches!(outcome, AckOutcome::Stored { uid: Some(10), .. }), "{outcome:?}");
}

/// Yahoo's code for a message that does not end in CR LF (imapsync's FAQ for Yahoo), and Exchange's for long
/// lines.
#[tokio::test]
async fn refusals_keep_their_words() {
    for (answer, words) in [
        ("NO [CLIENTBUG] APPEND Invalid message", "Invalid message"),
        ("NO [TOOBIG] Message is too large", "too large"),
    ] {
        let outcome = stored(answer).await;
        let AckOutcome::Refused(refusal) = outcome else { panic!("{answer}: {outcome:?}") };
        assert!(refusal.text.contains(words) && refusal.code.is_some(), "{refusal:?}");
    }
}

/// Telekom HU sends two blanks in its capability line (async-imap issue 131), and mox ends a refused
/// connection without a word.
#[tokio::test]
async fn greetings_and_lines_out_of_shape() {
    let (error, _) = refused(
        &login(),
        &[
            "S: * OK [CAPABILITY IMAP4rev1  LITERAL+ ] ready",
            "C: LOGIN \"ann\" \"pa\\\"ss\"",
            "S: @ NO [AUTHENTICATIONFAILED] no",
        ],
    )
    .await;
    assert_eq!(error.cause(), Cause::AuthRefused);
    let (error, _) = refused(&login(), &["S: * OK ready", "C: CAPABILITY", "X"]).await;
    assert!(error.is_connection_lost(), "{error}");
}

/// Zimbra says goodbye when a locked share is subscribed to (field reports): the connection is lost, not the
/// folder made.
#[tokio::test]
async fn zimbra_leaves_at_a_subscription() {
    let (mut session, _server) =
        session("", &["C: SUBSCRIBE \"Shared\"", "S: * BYE Zimbra IMAP server closing connection", "X"])
            .await;
    let error = session.subscribe(&FolderName(b"Shared".to_vec())).await.unwrap_err();
    assert!(
        error.is_connection_lost() && error.to_string().contains("Zimbra IMAP server closing"),
        "{error}"
    );
}

/// Flags real servers list and none takes back: `\$NOTJUNK` is "invalid system flag" (imap-backup issue 133);
/// `\X-…` of 1&1, `\Indexed`, `\ATTACHED` and more were collected by imapsync.
#[tokio::test]
async fn flags_that_nobody_takes() {
    let (mut session, _server) = session(
        "",
        &[
            "C: SELECT \"INBOX\"",
            "S: * 0 EXISTS",
            "S: * OK [UIDVALIDITY 5] ok",
            "S: * OK [PERMANENTFLAGS (\\Seen \\Flagged \\*)] ok",
            "S: @ OK [READ-WRITE] done",
        ],
    )
    .await;
    let selected = session.select(&FolderName::inbox()).await.unwrap();
    let odd: Flags = [
        "\\$NOTJUNK",
        "\\FORWARDED",
        "\\Indexed",
        "\\ATTACHED",
        "\\RECEIPTCHECKED",
        "\\X-EON-HAS-ATTACHMENT",
        "\\UNSEEN",
        "\\X-HAS-ATTACH",
        "\\PRIORITY",
        "\\READRCPT",
        "\\Recent",
        "\\Seen",
        "$Label1",
    ]
    .into_iter()
    .collect();
    let (now, later, _) = odd.appendable(&selected);
    let sent: Vec<&str> = now.iter().chain(later.iter()).collect();
    assert_eq!(sent, ["\\Seen", "$Label1"]);
}
