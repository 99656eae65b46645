//! One whole conversation, cut after every byte the server sends: each cut is an error, none is an answer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{cut, endpoint, login, prelude, quick, serve};
use mailhaul_imap::{
    AppendHead, AppendOptions, BeginOutcome, FetchItems, Flags, FolderName, ImapError, Preparation, UidSet,
    connect_over,
};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};

const SCRIPT: &[&str] = &[
    "C: LIST \"\" \"*\"",
    "S: * LIST (\\HasNoChildren) \"/\" {4}",
    "R: Work\r\n",
    "S: * LIST () \"/\" INBOX",
    "S: @ OK listed",
    "C: LSUB \"\" \"*\"",
    "S: @ OK none",
    "C: STATUS \"Work\" (MESSAGES UIDNEXT UIDVALIDITY)",
    "S: * STATUS Work (MESSAGES 1 UIDNEXT 8 UIDVALIDITY 5)",
    "S: @ OK",
    "C: SELECT \"Work\"",
    "S: * 1 EXISTS",
    "S: * OK [UIDVALIDITY 5] ok",
    "S: @ OK [READ-WRITE] open",
    "C: UID FETCH 7 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])",
    "S: * 1 FETCH (UID 7 FLAGS (\\Seen) INTERNALDATE \"01-Jan-2020 00:00:00 +0000\" RFC822.SIZE 6 BODY[] {6}",
    "R: a\r\nb\r\n)\r\n",
    "S: @ OK fetched",
    "C: APPEND \"Work\" () {2}",
    "S: + go",
    "c: hi",
    "S: @ OK [APPENDUID 5 8] stored",
    "C: NOOP",
    "S: @ OK done",
];

async fn conversation<S>(stream: S) -> Result<(), ImapError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut session = connect_over(stream, endpoint(), &login(), &quick()).await?;
    let folder = FolderName(b"Work".to_vec());
    assert_eq!(session.folders().await?.len(), 2);
    assert_eq!(session.status(&folder).await?.messages, Some(1));
    assert_eq!(session.select(&folder).await?.exists, 1);
    let mut fetch = session.fetch(UidSet::range(7, 7), FetchItems::Full);
    while let Some(message) = fetch.next().await? {
        assert_eq!((message.uid, fetch.body(100).await?.as_slice()), (7, &b"a\r\nb\r\n"[..]));
    }
    assert!(fetch.refused().is_empty());
    let (mut appender, mut acks) = session.appender(&folder, AppendOptions::default())?;
    let send = async {
        let head = AppendHead { flags: Flags::new(), internal_date: None, len: 2 };
        assert_eq!(appender.begin(1, &head).await?, BeginOutcome::Send);
        appender.write(b"hi").await?;
        appender.end().await?;
        appender.close().await
    };
    let receive = async {
        let first = acks.next().await?;
        assert!(first.is_some());
        assert_eq!(acks.next().await?, None);
        Ok::<(), ImapError>(())
    };
    let (sent, received) = tokio::join!(send, receive);
    received?;
    sent?;
    acks.rejoin(appender).noop().await
}

const VERBS: &str = "LIST-EXTENDED LIST-STATUS SPECIAL-USE CONDSTORE QRESYNC ENABLE ESEARCH UIDPLUS MOVE IDLE COMPRESS=DEFLATE";

const VERBS_SCRIPT: &[&str] = &[
    "C: ENABLE QRESYNC",
    "S: * ENABLED QRESYNC",
    "S: @ OK",
    "C: LIST \"\" \"*\" RETURN (SPECIAL-USE SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))",
    "S: * LIST (\\Subscribed) \"/\" INBOX",
    "S: * STATUS INBOX (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 5 HIGHESTMODSEQ 70)",
    "S: * LIST () \"/\" Left",
    "S: @ OK listed",
    "C: STATUS \"Left\" (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)",
    "S: @ NO [NOPERM] no",
    "C: EXAMINE \"INBOX\"",
    "S: * 3 EXISTS",
    "S: * OK [HIGHESTMODSEQ 70] ok",
    "S: @ OK [READ-ONLY] open",
    "C: UID FETCH 1:8 (UID FLAGS INTERNALDATE RFC822.SIZE) (CHANGEDSINCE 42 VANISHED)",
    "S: * VANISHED (EARLIER) 1:2",
    "S: * 1 FETCH (UID 4 MODSEQ (80) FLAGS (\\Seen))",
    "S: @ OK done",
    "C: UID SEARCH RETURN (ALL) ALL",
    "S: * ESEARCH (TAG \"x\") UID ALL 4:5,7",
    "S: @ OK done",
    "C: IDLE",
    "S: + go",
    "S: * 4 EXISTS",
    "c: DONE",
    "S: @ OK done",
    "C: CREATE \"Old\"",
    "C: SUBSCRIBE \"Old\"",
    "C: LIST \"\" \"Old\"",
    "C: SELECT \"Old\"",
    "S: @12 OK",
    "S: @13 OK",
    "S: * LIST () \"/\" Old",
    "S: @14 OK",
    "S: * OK [CLOSED] bye",
    "S: * 2 EXISTS",
    "S: @15 OK [READ-WRITE] open",
    "C: UID COPY 1:2 \"INBOX\"",
    "S: @ OK [COPYUID 5 1:2 9:10] done",
    "C: UID MOVE 2 \"INBOX\"",
    "S: * OK [COPYUID 5 2 11] done",
    "S: * VANISHED 2",
    "S: @ OK done",
    "C: UID STORE 1 +FLAGS.SILENT (\\Deleted)",
    "S: @ OK done",
    "C: UID EXPUNGE 1",
    "S: * VANISHED 1",
    "S: @ OK done",
];

async fn verbs<S>(stream: S) -> Result<(), ImapError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut session = connect_over(stream, endpoint(), &login(), &quick()).await?;
    let figures = session.folders_with_status().await?;
    assert!(figures.len() == 2 && figures[0].1.as_ref().is_some_and(|status| status.messages == Some(3)));
    assert!(figures[1].1.is_none());
    assert_eq!(session.examine(&FolderName::inbox()).await?.exists, 3);
    let changes = session.changes(42, UidSet::range(1, 8)).await?;
    assert_eq!((changes.changed.len(), changes.vanished), (1, Some(UidSet::range(1, 2))));
    assert_eq!(session.uids().await?, [4, 5, 7].into_iter().collect());
    assert!(session.idle(std::time::Duration::from_secs(60)).await?);
    let old = FolderName(b"Old".to_vec());
    let preparation = Preparation { create: true, role: None, subscribe: true };
    let ready = session.prepare(&old, preparation).await?;
    assert!(ready.created && ready.not_subscribed.is_none() && ready.selected.exists == 2);
    let inbox = FolderName::inbox();
    let copied = session.copy(&UidSet::range(1, 2), &inbox).await?;
    assert_eq!(copied.map(|copied| copied.uids), Some(vec![(1, 9), (2, 10)]));
    let moved = session.move_to(&UidSet::range(2, 2), &inbox).await?;
    assert_eq!(moved.map(|moved| moved.uids), Some(vec![(2, 11)]));
    session.store_flags(&[1], true, &["\\Deleted"].into_iter().collect()).await?;
    session.expunge(&UidSet::range(1, 1)).await
}

fn whole(capabilities: &str, script: &[&str]) -> Vec<String> {
    let mut whole = prelude(capabilities);
    whole.extend(script.iter().map(|line| (*line).to_owned()));
    whole
}

/// Cuts `talk` after each byte the server sends; each cut is an error.
async fn every_cut(script: &[String], talk: impl AsyncFn(DuplexStream) -> Result<(), ImapError>) {
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let passed = Arc::new(AtomicUsize::new(0));
    talk(cut(serve(&script, 1 << 16).0, usize::MAX, passed.clone())).await.unwrap();
    let passed = passed.load(Ordering::Relaxed);
    assert!(passed > 400, "{passed}");
    for limit in 0..passed {
        // A server that is cut off panics over the missing commands; that is its task's affair, not the
        // test's.
        let (server, task) = serve(&script, 1 << 16);
        let error = talk(cut(server, limit, Arc::default())).await.expect_err("an error");
        drop(task);
        assert!(error.is_connection_lost(), "cut at {limit}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_cut_is_an_error() {
    every_cut(&whole("", SCRIPT), conversation).await;
}

#[tokio::test(start_paused = true)]
async fn every_cut_in_the_verbs_of_a_repeated_run_is_an_error() {
    every_cut(&whole(VERBS, VERBS_SCRIPT), verbs).await;
}

#[tokio::test]
async fn byte_by_byte_it_is_the_same() {
    for (script, verbal) in [(whole("", SCRIPT), false), (whole(VERBS, VERBS_SCRIPT), true)] {
        let script: Vec<&str> = script.iter().map(String::as_str).collect();
        let stream = serve(&script, 1).0;
        if verbal { verbs(stream).await.unwrap() } else { conversation(stream).await.unwrap() }
    }
}
