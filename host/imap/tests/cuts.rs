//! One whole conversation, cut after every byte the server sends: each cut is an error, none is an answer.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{cut, endpoint, login, prelude, quick, serve};
use mailhaul_imap::{
    AppendHead, AppendOptions, Begun, FetchItems, Flags, FolderName, ImapError, UidSet, connect_over,
};
use tokio::io::{AsyncRead, AsyncWrite};

const SCRIPT: &[&str] = &[
    "C: LIST \"\" \"*\"",
    "S: * LIST (\\HasNoChildren) \"/\" {4}",
    "R: Work\r\n",
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
    assert_eq!(session.folders().await?.len(), 1);
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
        assert_eq!(appender.begin(1, &head).await?, Begun::Send);
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

#[tokio::test(start_paused = true)]
async fn every_cut_is_an_error() {
    let mut script = prelude("");
    script.extend(SCRIPT.iter().map(|line| (*line).to_owned()));
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let whole = Arc::new(AtomicUsize::new(0));
    conversation(cut(serve(&script, 1 << 16).0, usize::MAX, whole.clone())).await.unwrap();
    let whole = whole.load(Ordering::Relaxed);
    assert!(whole > 400, "{whole}");
    for limit in 0..whole {
        // A server that is cut off panics over the missing commands; that is its task's affair, not the test's.
        let (server, task) = serve(&script, 1 << 16);
        let error = conversation(cut(server, limit, Arc::default())).await.expect_err("an error");
        drop(task);
        assert!(error.is_connection_lost(), "cut at {limit}: {error}");
    }
}

#[tokio::test]
async fn byte_by_byte_it_is_the_same() {
    let mut script = prelude("");
    script.extend(SCRIPT.iter().map(|line| (*line).to_owned()));
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    conversation(serve(&script, 1).0).await.unwrap();
}
