//! Writing messages to servers that refuse, reorder, interrupt, lie and leave.

#![allow(clippy::unwrap_used, unused_must_use, reason = "helpers of tests; most messages are simply sent")]

mod common;

use common::{Server, session_through};
use mailhaul_imap::{
    AcceptedForms, Ack, AckOutcome, Acks, AppendHead, AppendOptions, Appender, BeginOutcome, Flags,
    FolderName, ImapError, InternalDate,
};

const SELECT: [&str; 6] = [
    "C: SELECT \"Work\"",
    "S: * 3 EXISTS",
    "S: * OK [UIDVALIDITY 77] ok",
    "S: * OK [UIDNEXT 10] ok",
    "S: * OK [PERMANENTFLAGS (\\Seen \\Draft $Old \\*)] ok",
    "S: @ OK [READ-WRITE] done",
];

async fn writer_with(
    capabilities: &str,
    script: &[&str],
    room: usize,
    options: AppendOptions,
) -> (Appender, Acks, Server) {
    let whole: Vec<&str> = SELECT.iter().chain(script).copied().collect();
    let (mut session, server) = session_through(capabilities, &whole, room).await;
    let folder = FolderName(b"Work".to_vec());
    session.select(&folder).await.unwrap();
    let (appender, acks) = session.appender(&folder, options).unwrap();
    (appender, acks, server)
}

async fn writer(capabilities: &str, script: &[&str]) -> (Appender, Acks, Server) {
    writer_with(capabilities, script, 1 << 20, AppendOptions::default()).await
}

fn head(flags: &[&str], len: usize) -> AppendHead {
    let internal_date = InternalDate::parse("01-Jan-2020 00:00:00 +0100");
    AppendHead { flags: flags.iter().copied().collect(), internal_date, len: len as u64 }
}

async fn put(
    appender: &mut Appender,
    ticket: u64,
    flags: &[&str],
    body: &str,
) -> Result<BeginOutcome, ImapError> {
    let begun = appender.begin(ticket, &head(flags, body.len())).await?;
    if begun == BeginOutcome::Send {
        appender.write(body.as_bytes()).await?;
        appender.end().await?;
    }
    Ok(begun)
}

async fn verdicts(acks: &mut Acks) -> (Vec<Ack>, Option<ImapError>) {
    let mut all = Vec::new();
    loop {
        match acks.next().await {
            Ok(Some(ack)) => all.push(ack),
            Ok(None) => return (all, None),
            Err(error) => return (all, Some(error)),
        }
    }
}

fn stored(ticket: u64, uid: Option<u32>) -> Ack {
    Ack { ticket, outcome: AckOutcome::Stored { uid_validity: Some(77), uid, older_uid: None } }
}

/// P1, and the rules of the pipeline: ask first, then send ahead, ask again for a new keyword; verdicts by
/// tag.
#[tokio::test]
async fn the_first_message_and_new_keywords_ask_first() {
    let script = [
        "C: APPEND \"Work\" (\\Seen) \"01-Jan-2020 00:00:00 +0100\" {3}",
        "S: * 4 EXISTS",
        "S: * OK Still here",
        "S: + go ahead",
        "c: one",
        "S: * 4 EXISTS",
        "S: @6 OK [APPENDUID 77 10] done",
        "C: APPEND \"Work\" (\\Seen) \"01-Jan-2020 00:00:00 +0100\" {3+}",
        "c: two",
        "C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {5+}",
        "c: three",
        "S: @8 OK [APPENDUID 77 12] done",
        "S: @7 OK [APPENDUID 77 11] done",
        "C: APPEND \"Work\" ($New) \"01-Jan-2020 00:00:00 +0100\" {4}",
        "S: +",
        "c: four",
        "S: @9 OK [APPENDUID 78 13] other validity",
        "C: APPEND \"Work\" ($new) \"01-Jan-2020 00:00:00 +0100\" {4+}",
        "c: five",
        "S: @10 OK [APPENDUID 77 2] older than the folder",
        "C: NOOP",
        "S: @ OK",
    ];
    for room in [1, 1 << 16] {
        let (mut appender, mut acks, _server) =
            writer_with("LITERAL+", &script, room, AppendOptions::default()).await;
        let send = async {
            put(&mut appender, 1, &["\\Seen", "\\Recent", "\\Junk"], "one").await?;
            put(&mut appender, 2, &["\\seen"], "two").await?;
            put(&mut appender, 3, &["odd key", "{3}", "q\""], "three").await?;
            put(&mut appender, 4, &["$New"], "four").await?;
            put(&mut appender, 5, &["$new"], "five").await?;
            appender.close().await
        };
        let (sent, (got, error)) = tokio::join!(send, verdicts(&mut acks));
        sent.unwrap();
        assert!(error.is_none(), "{error:?}");
        // Not believed, but handed on: a server that merges messages says so in this way.
        let older = AckOutcome::Stored { uid_validity: Some(77), uid: None, older_uid: Some(2) };
        let older = Ack { ticket: 5, outcome: older };
        let expected =
            [stored(1, Some(10)), stored(3, Some(12)), stored(2, Some(11)), stored(4, None), older];
        assert_eq!(got, expected);
        let mut session = acks.rejoin(appender);
        session.noop().await.unwrap();
    }
}

/// Keywords that were asked about ahead cost no message a round trip; without an `OK` each is asked with its
/// message.
#[tokio::test]
async fn keywords_introduced_ahead() {
    let first = [
        "C: UID STORE 4294967295 +FLAGS.SILENT ($New Work)",
        "S: @6 ANSWER",
        "C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {3}",
        "S: +",
        "c: one",
        "S: @7 OK [APPENDUID 77 10] done",
    ];
    let unasked = [
        "C: APPEND \"Work\" ($New Work) \"01-Jan-2020 00:00:00 +0100\" {3+}",
        "c: two",
        "S: @8 OK [APPENDUID 77 11] done",
    ];
    let asked = [
        "C: APPEND \"Work\" ($New Work) \"01-Jan-2020 00:00:00 +0100\" {3}",
        "S: +",
        "c: two",
        "S: @8 OK [APPENDUID 77 11] done",
    ];
    for (answer, second) in [("OK", &unasked[..]), ("NO no such message", &asked[..]), ("BAD", &asked[..])] {
        let script: Vec<String> =
            first.iter().chain(second).map(|line| line.replace("ANSWER", answer)).collect();
        let script: Vec<&str> = script.iter().map(String::as_str).collect();
        let (mut appender, mut acks, server) = writer("LITERAL+", &script).await;
        let send = async {
            // What is no plain atom travels in no list; what the folder does not keep is not asked about.
            let keywords: Flags = ["\\Seen", "$New", "Work", "odd{key", "\\Junk"].into_iter().collect();
            appender.probe_keywords(&keywords).await?;
            put(&mut appender, 1, &[], "one").await?;
            put(&mut appender, 2, &["$New", "Work"], "two").await?;
            appender.close().await
        };
        let (sent, (got, error)) = tokio::join!(send, verdicts(&mut acks));
        sent.unwrap();
        assert!(error.is_none(), "{answer}: {error:?}");
        assert_eq!(got, [stored(1, Some(10)), stored(2, Some(11))], "{answer}");
        // Known now, so not asked again.
        let session = acks.rejoin(appender);
        let options = AppendOptions::default();
        let (mut appender, mut acks) = session.appender(&FolderName(b"Work".to_vec()), options).unwrap();
        let ask = async {
            appender.probe_keywords(&["$new", "work"].into_iter().collect()).await?;
            appender.close().await
        };
        let (asked, (none, _)) = tokio::join!(ask, verdicts(&mut acks));
        asked.unwrap();
        assert_eq!(none, []);
        drop((appender, acks));
        let heard = server.heard().await;
        assert_eq!(heard.matches("UID STORE").count(), 1, "{answer}: {heard}");
    }
}

/// The list that is asked for behind the last message has what was stored, whatever came in between; a
/// refused one is nothing, and neither costs the messages anything.
#[tokio::test]
async fn a_list_behind_the_last_message() {
    let line = |n: u32, uid: u32| {
        format!(
            "S: * {n} FETCH (UID {uid} FLAGS () INTERNALDATE \"01-Jan-2020 00:00:00 +0100\" RFC822.SIZE 3)"
        )
    };
    let answers = [
        (vec![line(4, 10), "S: @8 OK".into()], Some(vec![10])),
        (
            vec![
                "S: * 5 EXISTS".into(),
                line(4, 10),
                "S: * 5 FETCH (FLAGS () UID 11)".into(),
                "S: @8 OK".into(),
            ],
            Some(vec![10]),
        ),
        (vec!["S: @8 OK".into()], Some(vec![])),
        (vec![line(4, 10), "S: @8 NO not now".into()], None),
        (vec!["S: @8 BAD what".into()], None),
        ((0..9_000).map(|n| line(n + 4, n + 10)).chain(["S: @8 OK".into()]).collect(), None),
    ];
    for (answer, expected) in answers {
        let mut script: Vec<String> = [
            "C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {3}",
            "S: +",
            "c: one",
            "C: SELECT \"Work\"",
            "C: UID FETCH 10:* (UID FLAGS INTERNALDATE RFC822.SIZE)",
            // Of another session; no part of the list.
            "S: * 2 FETCH (FLAGS (\\Seen))",
            "S: @6 OK [APPENDUID 77 10] done",
            "S: * 4 EXISTS",
            "S: * OK [UIDVALIDITY 77] the same",
            "S: @7 OK open",
        ]
        .map(str::to_owned)
        .to_vec();
        script.extend(answer);
        script.extend(["C: NOOP", "S: @ OK"].map(str::to_owned));
        let script: Vec<&str> = script.iter().map(String::as_str).collect();
        for room in [1, 1 << 16] {
            let (mut appender, mut acks, _server) =
                writer_with("LITERAL+", &script, room, AppendOptions::default()).await;
            let send = async {
                put(&mut appender, 1, &[], "one").await?;
                appender.list_from(10).await?;
                appender.close().await
            };
            let (sent, (got, error)) = tokio::join!(send, verdicts(&mut acks));
            sent.unwrap();
            assert!(error.is_none(), "{error:?}");
            assert_eq!(got, [stored(1, Some(10))]);
            let listed = acks.listed().map(|all| all.iter().map(|m| m.uid).collect::<Vec<_>>());
            assert_eq!(listed, expected);
            acks.rejoin(appender).noop().await.unwrap();
        }
    }
    // Nothing is known of a folder that cannot be opened again, or of another one in its place.
    for answers in
        [["S: @7 NO gone", "S: @8 NO none open"], ["S: * OK [UIDVALIDITY 78] new", "S: @7 OK open"]]
    {
        let script = [
            "C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {3}",
            "S: +",
            "c: one",
            "S: @6 OK [APPENDUID 77 10] done",
            "C: SELECT \"Work\"",
            "C: UID FETCH 10:* (UID FLAGS INTERNALDATE RFC822.SIZE)",
        ];
        let script: Vec<&str> = script.into_iter().chain(answers).collect();
        let (mut appender, mut acks, _server) = writer("LITERAL+", &script).await;
        let send = async {
            put(&mut appender, 1, &[], "one").await?;
            appender.list_from(10).await?;
            appender.close().await
        };
        let (_, (got, error)) = tokio::join!(send, verdicts(&mut acks));
        assert_eq!(got, [stored(1, Some(10))]);
        assert!(error.is_some_and(|error| error.is_connection_lost()), "{answers:?}");
        assert_eq!(acks.listed(), None);
        assert!(acks.rejoin(appender).noop().await.is_err());
    }
    // One command at a time: nobody asks.
    let options = AppendOptions { pipeline: false, ..AppendOptions::default() };
    let (mut appender, mut acks, _server) =
        writer_with("LITERAL+", &["C: NOOP", "S: @ OK"], 1 << 16, options).await;
    let send = async {
        appender.list_from(10).await?;
        appender.close().await
    };
    let (sent, _) = tokio::join!(send, verdicts(&mut acks));
    sent.unwrap();
    assert_eq!(acks.listed(), None);
    acks.rejoin(appender).noop().await.unwrap();
}

/// What one connection had to ask, another to the same mailbox does not.
#[tokio::test]
async fn connections_learn_together() {
    let first = [
        "C: APPEND \"Work\" ($New) \"01-Jan-2020 00:00:00 +0100\" {3}",
        "S: +",
        "c: one",
        "S: @6 OK [APPENDUID 77 10] done",
    ];
    let second = [
        "C: APPEND \"Work\" ($New) \"01-Jan-2020 00:00:00 +0100\" {3+}",
        "c: two",
        "S: @6 OK [APPENDUID 77 11] done",
    ];
    let forms = AcceptedForms::default();
    for (ticket, script, body) in [(1, first.as_slice(), "one"), (2, &second, "two")] {
        let whole: Vec<&str> = SELECT.iter().chain(script).copied().collect();
        let (mut session, _server) = session_through("LITERAL+", &whole, 1 << 16).await;
        session.share_accepted_forms(&forms);
        let folder = FolderName(b"Work".to_vec());
        session.select(&folder).await.unwrap();
        let (mut appender, mut acks) = session.appender(&folder, AppendOptions::default()).unwrap();
        let send = async {
            put(&mut appender, ticket, &["$New"], body).await?;
            appender.close().await
        };
        let (sent, (got, error)) = tokio::join!(send, verdicts(&mut acks));
        sent.unwrap();
        assert!(error.is_none() && got.len() == 1, "{error:?}");
    }
}

/// A server that may be asked only one thing at a time, or whose numbers are at their end, is not asked
/// ahead.
#[tokio::test]
async fn keywords_are_not_introduced_where_that_could_harm() {
    let script = ["C: NOOP", "S: @ OK"];
    let options = AppendOptions { pipeline: false, ..AppendOptions::default() };
    let (mut appender, mut acks, _server) = writer_with("LITERAL+", &script, 1 << 16, options).await;
    let ask = async {
        appender.probe_keywords(&["$new"].into_iter().collect()).await?;
        appender.close().await
    };
    let (asked, (none, error)) = tokio::join!(ask, verdicts(&mut acks));
    asked.unwrap();
    assert!(none.is_empty() && error.is_none());
    acks.rejoin(appender).noop().await.unwrap();
}

/// P2: a refusal instead of `+` keeps its code, and no byte of the message is sent.
#[tokio::test]
async fn a_refusal_before_the_body_sends_none_of_it() {
    let script = [
        "C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {6}",
        "S: @6 NO [OVERQUOTA] Mailbox is full",
        "C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {6}",
        "S: @7 BAD Unrecognized flag",
        "C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {3}",
        "S: +",
        "c: yes",
        "S: @8 OK done",
    ];
    let (mut appender, mut acks, server) = writer("LITERAL+", &script).await;
    let send = async {
        assert_eq!(put(&mut appender, 1, &[], "SECRET").await?, BeginOutcome::Refused);
        assert_eq!(put(&mut appender, 2, &[], "SECRET").await?, BeginOutcome::Refused);
        assert_eq!(put(&mut appender, 3, &[], "yes").await?, BeginOutcome::Send);
        appender.close().await
    };
    let (sent, (got, error)) = tokio::join!(send, verdicts(&mut acks));
    sent.unwrap();
    assert!(error.is_none() && got.len() == 3);
    let AckOutcome::Refused(refusal) = &got[0].outcome else { panic!("{got:?}") };
    assert_eq!(
        (refusal.code.as_deref(), refusal.text.as_str(), refusal.bad),
        (Some("OVERQUOTA"), "Mailbox is full", false)
    );
    assert!(matches!(&got[1].outcome, AckOutcome::Refused(refusal) if refusal.bad));
    assert_eq!(got[2], stored(3, None));
    drop((appender, acks));
    assert!(!server.heard().await.contains("SECRET"));
}

/// P19: LITERAL- takes 4096 bytes unasked and no more; a server without either is always asked.
#[tokio::test]
async fn literals_follow_what_is_advertised() {
    let small = "s".repeat(4096);
    let large = "l".repeat(4097);
    let ask_large = "C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {4097}";
    let small_line = format!("c: {small}");
    let large_line = format!("c: {large}");
    let script = [
        "C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {1}",
        "S: +",
        "c: x",
        "S: @6 OK",
        "C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {4096+}",
        &small_line,
        ask_large,
        "S: @7 OK",
        "S: +",
        &large_line,
        "S: @8 OK",
    ];
    let (mut appender, mut acks, _server) = writer("LITERAL-", &script).await;
    let send = async {
        put(&mut appender, 1, &[], "x").await?;
        put(&mut appender, 2, &[], &small).await?;
        put(&mut appender, 3, &[], &large).await?;
        appender.close().await
    };
    let (sent, (got, error)) = tokio::join!(send, verdicts(&mut acks));
    sent.unwrap();
    assert!(error.is_none() && got.len() == 3, "{error:?}");

    let script = [
        "C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {1}",
        "S: +",
        "c: x",
        "S: @6 OK",
        "C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {1}",
        "S: +",
        "c: y",
        "S: @7 OK",
    ];
    let (mut appender, mut acks, _server) = writer("", &script).await;
    let send = async {
        put(&mut appender, 1, &[], "x").await?;
        put(&mut appender, 2, &[], "y").await?;
        appender.close().await
    };
    let (sent, (got, error)) = tokio::join!(send, verdicts(&mut acks));
    sent.unwrap();
    assert!(error.is_none() && got.len() == 2);
}

/// Large messages, and those over the advertised limit, ask first although LITERAL+ is there.
#[tokio::test]
async fn large_messages_ask_first() {
    let script = [
        "C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {1}",
        "S: +",
        "c: x",
        "S: @6 OK",
        "C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {101}",
        "S: @7 NO [TOOBIG] too big",
        "C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {51}",
        "S: @8 NO too big for us",
    ];
    let options = AppendOptions { ask_above: 50, ..AppendOptions::default() };
    let (mut appender, mut acks, _server) =
        writer_with("LITERAL+ APPENDLIMIT=100", &script, 64, options).await;
    let send = async {
        put(&mut appender, 1, &[], "x").await?;
        assert_eq!(put(&mut appender, 2, &[], &"b".repeat(101)).await?, BeginOutcome::Refused);
        assert_eq!(put(&mut appender, 3, &[], &"b".repeat(51)).await?, BeginOutcome::Refused);
        appender.close().await
    };
    let (sent, (got, error)) = tokio::join!(send, verdicts(&mut acks));
    sent.unwrap();
    assert!(error.is_none() && got.len() == 3);
}

const FIRST: [&str; 4] = [
    "C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {1}",
    "S: +",
    "c: x",
    "S: @6 OK [APPENDUID 77 10] ok",
];
const NEXT: &str = "C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {3+}";

/// Sends one proven message and two more, then runs into `trouble`.
async fn into_trouble(trouble: &[&str]) -> (Result<(), ImapError>, Vec<Ack>, Option<ImapError>, String) {
    let mut script = FIRST.to_vec();
    script.extend([NEXT, "c: two", NEXT, "c: tri"]);
    script.extend(trouble);
    let (mut appender, mut acks, server) = writer("LITERAL+", &script).await;
    let send = async {
        put(&mut appender, 1, &[], "x").await?;
        put(&mut appender, 2, &[], "two").await?;
        put(&mut appender, 3, &[], "tri").await?;
        appender.flush().await?;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        put(&mut appender, 4, &[], "NEVER").await?;
        appender.close().await
    };
    let (sent, (got, error)) = tokio::join!(send, verdicts(&mut acks));
    let mut session = acks.rejoin(appender);
    let after = session.noop().await;
    assert!(error.is_none() || after.is_err(), "a broken connection stays broken");
    drop(session);
    (sent, got, error, server.heard().await)
}

/// Rule 3: anything that shows the two sides out of step closes the connection; what was acknowledged stays
/// so.
#[tokio::test]
async fn out_of_step_closes_the_connection() {
    for trouble in [
        &["S: @8 BAD Error in IMAP command"][..],
        &["S: * BAD Unknown command"],
        &["S: ZZ OK whose"],
        &["S: P99 OK whose"],
        &["S: + more please"],
        &["S: @7 OK [APPENDUID 77 11] ok", "S: @7 OK twice"],
    ] {
        let (sent, got, error, heard) = into_trouble(trouble).await;
        let error = error.expect("it ends");
        let bad = matches!(error, ImapError::BadMessage { command: "APPEND", .. });
        assert_eq!(bad, trouble[0].starts_with("S: @8 BAD"), "{trouble:?}: {error:?}");
        assert!(bad || matches!(error, ImapError::Closed { during: "APPEND", .. }), "{trouble:?}: {error:?}");
        assert!(sent.is_err() && !heard.contains("NEVER"), "{trouble:?}");
        assert_eq!(got[0], stored(1, Some(10)));
        assert_eq!(got.len(), if trouble.len() == 2 { 2 } else { 1 }, "{trouble:?}");
    }
}

#[tokio::test]
async fn a_no_in_the_pipeline_concerns_one_message() {
    let (sent, got, error, _) = into_trouble(&[
        "S: @8 NO [LIMIT] later",
        "S: @7 OK [APPENDUID 77 11] ok",
        "C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {5+}",
        "c: NEVER",
        "S: @9 OK",
        "C: NOOP",
        "S: @ OK",
    ])
    .await;
    sent.unwrap();
    assert!(error.is_none(), "{error:?}");
    assert!(
        matches!(&got[1], Ack { ticket: 3, outcome: AckOutcome::Refused(refusal) } if refusal.code.as_deref() == Some("LIMIT"))
    );
    assert_eq!((&got[2], &got[3]), (&stored(2, Some(11)), &stored(4, None)));
}

#[tokio::test]
async fn a_goodbye_keeps_what_was_acknowledged() {
    let (sent, got, error, _) =
        into_trouble(&["S: @7 OK [APPENDUID 77 11] ok", "S: * BYE [UNAVAILABLE] restarting", "X"]).await;
    assert!(sent.is_err());
    assert_eq!(got, [stored(1, Some(10)), stored(2, Some(11))]);
    assert!(matches!(error, Some(ImapError::Bye { text }) if text.contains("restarting")));
}

/// A body that cannot be finished must not be stored by half, and what came before it still counts.
#[tokio::test]
async fn an_abandoned_body_is_never_completed() {
    let mut script = FIRST.to_vec();
    script.extend([NEXT, "c: two", "S: @7 OK [APPENDUID 77 11] ok"]);
    let (mut appender, mut acks, server) = writer("LITERAL+", &script).await;
    let send = async {
        put(&mut appender, 1, &[], "x").await.unwrap();
        put(&mut appender, 2, &[], "two").await.unwrap();
        appender.begin(3, &head(&[], 1000)).await.unwrap();
        appender.write(b"half").await.unwrap();
        appender.abandon().await;
    };
    let ((), (got, error)) = tokio::join!(send, verdicts(&mut acks));
    assert!(matches!(error, Some(ImapError::Closed { .. })), "{error:?}");
    assert_eq!(got[0], stored(1, Some(10)));
    drop(acks);
    assert!(!server.heard().await.contains("half"));
}

#[tokio::test]
async fn misuse_closes_instead_of_sending_commands() {
    for case in 0..3 {
        let mut script = FIRST.to_vec();
        script.push("H");
        let (mut appender, mut acks, _server) = writer("LITERAL+", &script).await;
        let send = async {
            put(&mut appender, 1, &[], "x").await?;
            appender.begin(2, &head(&[], 4)).await?;
            match case {
                0 => appender.write(b"12345\r\nA1 DELETE INBOX\r\n").await?,
                1 => appender.end().await?,
                _ => appender.close().await?,
            }
            Ok::<_, ImapError>(())
        };
        let (sent, (got, error)) = tokio::join!(send, verdicts(&mut acks));
        assert!(sent.is_err() && error.is_some() && got.len() <= 1, "{case}");
    }
}

/// A dropped call must not let the next one write a command where the server waits for a body.
#[tokio::test]
async fn interrupted_calls_close_the_connection() {
    let script = ["C: APPEND \"Work\" () \"01-Jan-2020 00:00:00 +0100\" {6}", "H"];
    let (mut appender, mut acks, _server) = writer("LITERAL+", &script).await;
    let send = async {
        let head = head(&[], 6);
        let begin = appender.begin(1, &head);
        assert!(tokio::time::timeout(std::time::Duration::from_millis(50), begin).await.is_err());
        put(&mut appender, 2, &[], "second").await
    };
    let (sent, (got, error)) = tokio::join!(send, verdicts(&mut acks));
    assert!(sent.is_err() && error.is_some() && got.is_empty());
}

#[tokio::test]
async fn dropping_the_writer_inside_a_message_ends_the_acknowledgements() {
    let mut script = FIRST.to_vec();
    script.push("H");
    let (mut appender, mut acks, _server) = writer("LITERAL+", &script).await;
    let send = async move {
        put(&mut appender, 1, &[], "x").await.unwrap();
        appender.begin(2, &head(&[], 4)).await.unwrap();
        drop(appender);
    };
    let ((), (got, error)) = tokio::join!(send, verdicts(&mut acks));
    assert!(matches!(error, Some(ImapError::Closed { .. })) && got.len() <= 1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_times_out_only_while_something_is_due() {
    let mut script = FIRST.to_vec();
    script.extend([NEXT, "c: two", "H"]);
    let (mut appender, mut acks, _server) = writer("LITERAL+", &script).await;
    let send = async {
        put(&mut appender, 1, &[], "x").await.unwrap();
        appender.flush().await.unwrap();
        // Idle far beyond the time-out: nothing is due, so nothing is wrong.
        tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
        put(&mut appender, 2, &[], "two").await.unwrap();
        appender.close().await
    };
    let (sent, (got, error)) = tokio::join!(send, verdicts(&mut acks));
    drop(sent);
    assert_eq!(got.len(), 1);
    assert!(matches!(error, Some(ImapError::TimedOut { during: "APPEND", .. })), "{error:?}");
}

#[tokio::test]
async fn only_the_open_folder_can_be_written() {
    let script: Vec<&str> = ["C: EXAMINE \"Work\"", "S: * 0 EXISTS", "S: @ OK"].to_vec();
    let (mut session, _server) = session_through("LITERAL+", &script, 64).await;
    let work = FolderName(b"Work".to_vec());
    session.examine(&work).await.unwrap();
    assert!(session.appender(&work, AppendOptions::default()).is_err());
    let flags = Flags::new();
    assert!(flags.is_empty());
}

fn assert_send<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn both_halves_run_on_tasks_of_their_own() {
    let mut script = FIRST.to_vec();
    script.extend([NEXT, "c: two", "S: @7 OK"]);
    let (mut appender, mut acks, _server) = writer("LITERAL+", &script).await;
    let sending = tokio::spawn(assert_send(async move {
        put(&mut appender, 1, &[], "x").await.unwrap();
        put(&mut appender, 2, &[], "two").await.unwrap();
        appender.close().await.unwrap();
        appender
    }));
    let reading = tokio::spawn(assert_send(async move {
        let got = verdicts(&mut acks).await.0.len();
        (got, acks)
    }));
    let appender = sending.await.unwrap();
    let (got, acks) = reading.await.unwrap();
    assert_eq!(got, 2);
    let session = assert_send(acks.rejoin(appender));
    assert!(session.selected().is_some());
}
