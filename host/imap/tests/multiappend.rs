//! Several messages in one command (MULTIAPPEND, RFC 3502): who joins, what the answers mean, and what a
//! refusal leaves.

#![allow(clippy::unwrap_used, unused_must_use, reason = "helpers of tests; most messages are simply sent")]

mod common;

use common::{Server, session_through};
use mailhaul_imap::{
    Ack, AckOutcome, Acks, AppendHead, AppendOptions, Appender, BeginOutcome, FolderName, ImapError,
    InternalDate,
};

const SELECT: [&str; 6] = [
    "C: SELECT \"Work\"",
    "S: * 3 EXISTS",
    "S: * OK [UIDVALIDITY 77] ok",
    "S: * OK [UIDNEXT 10] ok",
    "S: * OK [PERMANENTFLAGS (\\Seen \\Draft $Old \\*)] ok",
    "S: @ OK [READ-WRITE] done",
];
const DATE: &str = "\"01-Jan-2020 00:00:00 +0100\"";

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

async fn put(
    appender: &mut Appender,
    ticket: u64,
    flags: &[&str],
    body: &str,
) -> Result<BeginOutcome, ImapError> {
    let internal_date = InternalDate::parse("01-Jan-2020 00:00:00 +0100");
    let head = AppendHead { flags: flags.iter().copied().collect(), internal_date, len: body.len() as u64 };
    let begun = appender.begin(ticket, &head).await?;
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

/// The first message, which asks and is stored as 10, and the head of the command that follows.
fn first() -> [String; 4] {
    [
        format!("C: APPEND \"Work\" () {DATE} {{1}}"),
        "S: +".to_owned(),
        "c: x".to_owned(),
        "S: @6 OK [APPENDUID 77 10] ok".to_owned(),
    ]
}

/// Sends one message that asks, then three that share a command, then whatever `more` sends.
async fn batch(
    answers: &[&str],
    room: usize,
    more: &[(u64, &str)],
) -> (Result<(), ImapError>, Vec<Ack>, Option<ImapError>, String) {
    let mut script: Vec<String> = first().to_vec();
    script.push(format!("C: APPEND \"Work\" (\\Seen) {DATE} {{3+}}"));
    script.push(format!("c: two () {DATE} {{3+}}"));
    script.push(format!("c: tri () {DATE} {{4+}}"));
    script.push("c: four".to_owned());
    script.extend(answers.iter().map(|line| (*line).to_owned()));
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let (mut appender, mut acks, server) =
        writer_with("LITERAL+ MULTIAPPEND", &script, room, AppendOptions::default()).await;
    let send = async {
        put(&mut appender, 1, &[], "x").await?;
        put(&mut appender, 2, &["\\Seen"], "two").await?;
        put(&mut appender, 3, &[], "tri").await?;
        put(&mut appender, 4, &[], "four").await?;
        appender.complete().await?;
        for (ticket, body) in more {
            appender.flush().await?;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            put(&mut appender, *ticket, &[], body).await?;
        }
        appender.close().await
    };
    let (sent, (got, error)) = tokio::join!(send, verdicts(&mut acks));
    drop(acks.rejoin(appender));
    (sent, got, error, server.heard().await)
}

#[tokio::test]
async fn messages_share_a_command_and_each_gets_its_uid() {
    for room in [1, 1 << 16] {
        let (sent, got, error, _) = batch(&["S: @7 OK [APPENDUID 77 11:12,15] done"], room, &[]).await;
        sent.unwrap();
        assert!(error.is_none(), "{error:?}");
        let uids = [(1, 10), (2, 11), (3, 12), (4, 15)];
        assert_eq!(got, uids.map(|(ticket, uid)| stored(ticket, Some(uid))));
    }
}

/// A set that cannot be right names nobody: better to look than to believe.
#[tokio::test]
async fn odd_uid_sets_are_not_believed() {
    for set in [
        "77 11:12",
        "77 11:14",
        "77 13:11",
        "77 11,11,12",
        "77 12,11,13",
        "77 9:11",
        "77 0:2",
        "78 11:13",
        "77 11:4294967295",
        "77 11:*",
        "77 11:13,",
        "77 99999999999",
        "77",
        "",
        "77 (11 12 13)",
    ] {
        let answer = format!("S: @7 OK [APPENDUID {set}] done");
        let (sent, got, error, _) = batch(&[&answer], 1 << 16, &[]).await;
        sent.unwrap();
        assert!(error.is_none(), "{set}: {error:?}");
        assert_eq!(got[1..], [2, 3, 4].map(|ticket| stored(ticket, None)), "{set}");
    }
}

/// Nobody knows which of them it is about; the connection goes on.
#[tokio::test]
async fn a_refused_batch_is_told_apart_from_a_refused_message() {
    let next = format!("C: APPEND \"Work\" () {DATE} {{4+}}");
    let answers = ["S: @7 NO [CANNOT] one of them is odd", &next, "c: five", "S: @8 OK [APPENDUID 77 11] ok"];
    let (sent, got, error, _) = batch(&answers, 1 << 16, &[(5, "five")]).await;
    sent.unwrap();
    assert!(error.is_none(), "{error:?}");
    for (ack, ticket) in got[1..4].iter().zip(2..) {
        let AckOutcome::BatchRefused(refusal) = &ack.outcome else { panic!("{ack:?}") };
        assert_eq!((ack.ticket, refusal.code.as_deref()), (ticket, Some("CANNOT")));
    }
    assert_eq!(got[4], stored(5, Some(11)));
}

/// A refusal that comes early ends the command: what was announced is still sent, nothing joins any more.
#[tokio::test]
async fn nothing_joins_a_command_that_is_refused_already() {
    let mut script: Vec<String> = first().to_vec();
    script.extend([
        format!("C: APPEND \"Work\" () {DATE} {{3+}}"),
        "S: @7 NO [CANNOT] no".to_owned(),
        "c: two".to_owned(),
        format!("C: APPEND \"Work\" () {DATE} {{3+}}"),
        "c: tri".to_owned(),
        "S: @8 OK [APPENDUID 77 11] ok".to_owned(),
    ]);
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let (mut appender, mut acks, _server) =
        writer_with("LITERAL+ MULTIAPPEND", &script, 1 << 16, AppendOptions::default()).await;
    let send = async {
        put(&mut appender, 1, &[], "x").await?;
        put(&mut appender, 2, &[], "two").await?;
        appender.flush().await?;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        put(&mut appender, 3, &[], "tri").await?;
        appender.close().await
    };
    let (sent, (got, error)) = tokio::join!(send, verdicts(&mut acks));
    sent.unwrap();
    assert!(error.is_none(), "{error:?}");
    assert!(matches!(&got[1], Ack { ticket: 2, outcome: AckOutcome::Refused(_) }), "{got:?}");
    assert_eq!(got[2], stored(3, Some(11)));
}

/// Rule 3 holds for batches: what shows the two sides out of step closes the connection, and nothing more is
/// sent.
#[tokio::test]
async fn bad_in_a_batch_closes_the_connection() {
    for answer in
        ["S: @7 BAD Invalid system flag", "S: * BAD Unknown command", "S: + go on", "S: P9 OK whose"]
    {
        let (sent, got, error, heard) = batch(&[answer], 1 << 16, &[(5, "NEVER")]).await;
        let error = error.expect("it ends");
        let bad = matches!(error, ImapError::BadMessage { command: "APPEND", .. });
        assert_eq!(bad, answer.starts_with("S: @7 BAD"), "{answer}: {error:?}");
        assert!(bad || matches!(error, ImapError::Closed { during: "APPEND", .. }), "{answer}: {error:?}");
        assert!(sent.is_err() && !heard.contains("NEVER"), "{answer}");
        assert_eq!(got, [stored(1, Some(10))], "{answer}");
    }
}

/// Wherever the connection is cut, a message is acknowledged with its UID or not at all.
#[tokio::test]
async fn a_reply_cut_anywhere_acknowledges_all_or_none() {
    let reply = "P2 OK [APPENDUID 77 11:13] done\r\n";
    for cut in 0..=reply.len() {
        let part = format!("R: {}", &reply[..cut]);
        let (_, got, error, _) = batch(&[&part, "X"], 1 << 16, &[]).await;
        let expected: Vec<Ack> = match cut {
            _ if cut == reply.len() => {
                [(1, 10), (2, 11), (3, 12), (4, 13)].map(|(t, uid)| stored(t, Some(uid))).to_vec()
            }
            _ => vec![stored(1, Some(10))],
        };
        assert_eq!(got, expected, "cut at {cut}");
        assert!(error.is_some() || cut == reply.len(), "cut at {cut}");
    }
}

/// Large and empty messages, and those that have something to prove, go alone; a full command is followed by
/// another.
#[tokio::test]
async fn who_goes_alone() {
    let head = |len: &str| format!("C: APPEND \"Work\" () {DATE} {{{len}}}");
    let mut script: Vec<String> = first().to_vec();
    let large = "l".repeat(51);
    script.extend([
        // Two is the limit of messages.
        head("1+"),
        format!("c: a () {DATE} {{1+}}"),
        "c: b".to_owned(),
        head("30+"),
        format!("c: {}", "c".repeat(30)),
        // 30 and 30 are over the limit of bytes.
        head("30+"),
        format!("c: {}", "d".repeat(30)),
        head("0+"),
        "c: ".to_owned(),
        head("51"),
        "S: @7 OK [APPENDUID 77 11:12] ok".to_owned(),
        "S: +".to_owned(),
        format!("c: {large}"),
        // Only when all is answered may a `+` be asked for what is new.
        "S: @8 OK [APPENDUID 77 13] ok".to_owned(),
        "S: @9 OK [APPENDUID 77 14] ok".to_owned(),
        "S: @10 OK [APPENDUID 77 15] ok".to_owned(),
        "S: @11 OK [APPENDUID 77 16] ok".to_owned(),
        format!("C: APPEND \"Work\" ($New) {DATE} {{1}}"),
        "S: +".to_owned(),
        "c: e".to_owned(),
        // Another one with the keyword waits for the verdict; one without does not.
        head("1+"),
        "c: f".to_owned(),
        "S: @12 OK [APPENDUID 77 17] ok".to_owned(),
        format!("C: APPEND \"Work\" ($new) {DATE} {{1+}}"),
        "c: g".to_owned(),
    ]);
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let options = AppendOptions { ask_above: 50, batch_messages: 50, batch_bytes: 50, ..Default::default() };
    let (mut appender, mut acks, server) =
        writer_with("LITERAL+ MULTIAPPEND MESSAGELIMIT=2", &script, 1 << 16, options).await;
    let send = async {
        put(&mut appender, 1, &[], "x").await?;
        put(&mut appender, 2, &[], "a").await?;
        put(&mut appender, 3, &[], "b").await?;
        put(&mut appender, 4, &[], &"c".repeat(30)).await?;
        put(&mut appender, 5, &[], &"d".repeat(30)).await?;
        put(&mut appender, 6, &[], "").await?;
        put(&mut appender, 7, &[], &large).await?;
        put(&mut appender, 8, &["$New"], "e").await?;
        put(&mut appender, 9, &[], "f").await?;
        put(&mut appender, 10, &["$new"], "g").await?;
        appender.close().await
    };
    tokio::select! {
        sent = send => sent.unwrap(),
        got = verdicts(&mut acks) => panic!("{got:?}"),
    }
    drop((appender, acks));
    server.heard().await;
}

/// LITERAL- allows up to 4096 bytes unasked, in a batch as elsewhere.
#[tokio::test]
async fn literal_minus_bounds_what_joins() {
    let long = "l".repeat(4097);
    let mut script: Vec<String> = first().to_vec();
    script.extend([
        format!("C: APPEND \"Work\" () {DATE} {{1+}}"),
        format!("c: a () {DATE} {{1+}}"),
        "c: b".to_owned(),
        format!("C: APPEND \"Work\" () {DATE} {{4097}}"),
        "S: +".to_owned(),
        format!("c: {long}"),
    ]);
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let (mut appender, mut acks, server) =
        writer_with("LITERAL- MULTIAPPEND", &script, 1 << 16, AppendOptions::default()).await;
    let send = async {
        put(&mut appender, 1, &[], "x").await?;
        put(&mut appender, 2, &[], "a").await?;
        put(&mut appender, 3, &[], "b").await?;
        put(&mut appender, 4, &[], &long).await?;
        appender.close().await
    };
    tokio::select! {
        sent = send => sent.unwrap(),
        got = verdicts(&mut acks) => panic!("{got:?}"),
    }
    drop((appender, acks));
    server.heard().await;
}

/// Half a command must not be stored: what was not ended is cut off, and nothing of it counts.
#[tokio::test]
async fn an_abandoned_batch_is_in_doubt_as_a_whole() {
    let mut script: Vec<String> = first().to_vec();
    script.push("S: * OK still here".to_owned());
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let (mut appender, mut acks, server) =
        writer_with("LITERAL+ MULTIAPPEND", &script, 1 << 16, AppendOptions::default()).await;
    let send = async {
        put(&mut appender, 1, &[], "x").await.unwrap();
        put(&mut appender, 2, &[], "two").await.unwrap();
        put(&mut appender, 3, &[], "tri").await.unwrap();
        appender.abandon().await;
    };
    let ((), (got, error)) = tokio::join!(send, verdicts(&mut acks));
    assert!(matches!(error, Some(ImapError::Closed { .. })), "{error:?}");
    assert_eq!(got, [stored(1, Some(10))]);
    drop(acks);
    assert!(!server.heard().await.contains("two"));
}

/// What a connection has proven in one folder holds in the next; only new keywords ask again.
#[tokio::test]
async fn the_next_folder_does_not_ask_again() {
    let script = [
        &format!("C: APPEND \"Work\" ($A) {DATE} {{1}}"),
        "S: +",
        "c: x",
        "S: @6 OK [APPENDUID 77 10] ok",
        "C: SELECT \"Other\"",
        "S: * OK [UIDVALIDITY 5] ok",
        "S: @ OK [READ-WRITE] done",
        &format!("C: APPEND \"Other\" ($A) {DATE} {{1+}}"),
        "c: y",
        "S: @8 OK [APPENDUID 5 1] ok",
        "C: SELECT {4}",
        "S: +",
        "c: B\u{fc}x",
        "S: * OK [UIDVALIDITY 6] ok",
        "S: @ OK [READ-WRITE] done",
        &format!("C: APPEND \"B\u{fc}x\" ($A) {DATE} {{1}}"),
        "S: +",
        "c: z",
        "S: @10 OK [APPENDUID 6 1] ok",
    ];
    let (appender, acks, _server) = writer_with("LITERAL+", &script, 1 << 16, AppendOptions::default()).await;
    let once = async |mut appender: Appender, mut acks: Acks, body: &str| {
        let send = async {
            put(&mut appender, 1, &["$A"], body).await?;
            appender.close().await
        };
        let (sent, (got, error)) = tokio::join!(send, verdicts(&mut acks));
        sent.unwrap();
        assert!(error.is_none() && got.len() == 1, "{error:?}");
        acks.rejoin(appender)
    };
    let mut session = once(appender, acks, "x").await;
    for (name, body) in [("Other", "y"), ("B\u{fc}x", "z")] {
        let folder = FolderName(name.as_bytes().to_vec());
        session.select(&folder).await.unwrap();
        let (appender, acks) = session.appender(&folder, AppendOptions::default()).unwrap();
        session = once(appender, acks, body).await;
    }
}

/// A server that asks for patience is left alone for as long as it says; the connection goes on.
#[tokio::test(start_paused = true)]
async fn patience_is_waiting() {
    let next = format!("C: APPEND \"Work\" () {DATE} {{4+}}");
    let words = "S: @7 NO [THROTTLED] Request is throttled. Suggested Backoff Time: 7000 milliseconds";
    let answers = [words, &next, "c: five", "S: @8 OK [APPENDUID 77 11] ok"];
    let begun = tokio::time::Instant::now();
    let (sent, got, error, _) = batch(&answers, 1 << 16, &[(5, "five")]).await;
    sent.unwrap();
    assert!(error.is_none(), "{error:?}");
    assert!(begun.elapsed() >= std::time::Duration::from_secs(7), "{:?}", begun.elapsed());
    let AckOutcome::BatchRefused(refusal) = &got[1].outcome else { panic!("{got:?}") };
    assert!(refusal.asks_for_patience());
    assert_eq!(got[4], stored(5, Some(11)));
}
