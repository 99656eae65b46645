//! What is plausible: lists, texts, sets, names and waits that go beyond it end, with a sentence and within
//! memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod common;

use std::future::Future;
use std::time::Duration;

use common::{endpoint, login, prelude, session};
use mailhaul_imap::{
    AppendHead, AppendOptions, BeginOutcome, FetchItems, Flags, FolderName, ImapError, Preparation, Session,
    Timeouts, UidSet, connect_over,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep};

const CAPABILITIES: &str = "ESEARCH UIDPLUS CONDSTORE LITERAL+";
const DATE: &str = "INTERNALDATE \"05-May-2021 05:05:05 +0500\"";

/// A session with a folder of so many messages open for writing, over a server that then behaves as told: it
/// gets its end of the line and the tag of what is asked next.
async fn open<F: Future<Output = ()> + Send + 'static>(
    exists: u32,
    behave: impl FnOnce(DuplexStream, String) -> F + Send + 'static,
) -> Session {
    let mut script = prelude(CAPABILITIES);
    let lines = [
        "C: SELECT \"INBOX\"".to_owned(),
        format!("S: * {exists} EXISTS"),
        "S: * OK [UIDVALIDITY 7] ok".to_owned(),
        "S: * OK [HIGHESTMODSEQ 9] ok".to_owned(),
        "S: @ OK".to_owned(),
    ];
    script.extend(lines);
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let (opening, rest) = common::serve_then(&script);
    tokio::spawn(async move {
        let mut io = rest.await.unwrap();
        let mut first = [0; 1 << 12];
        let heard = io.read(&mut first).await.unwrap_or(0);
        let tag = first[..heard].iter().take_while(|byte| **byte != b' ').map(|byte| char::from(*byte));
        behave(io, tag.collect()).await;
    });
    let mut session = connect_over(opening, endpoint(), &login(), &Timeouts::default()).await.unwrap();
    session.select(&FolderName::inbox()).await.unwrap();
    session
}

/// Says each line of an endless answer, one every so often; from time to time the other end is let to work.
async fn endless(mut io: DuplexStream, every: Duration, line: impl Fn(u32) -> String) {
    for n in 1.. {
        if io.write_all(line(n).as_bytes()).await.is_err() {
            return;
        }
        sleep(every).await;
    }
}

async fn list(session: &mut Session, items: FetchItems) -> Result<usize, ImapError> {
    let mut messages = session.fetch(UidSet::all(), items);
    let mut count = 0;
    while messages.next().await?.is_some() {
        while messages.chunk().await?.is_some() {}
        count += 1;
    }
    Ok(count)
}

fn line(uid: u32) -> String {
    format!("* {uid} FETCH (UID {uid} FLAGS () {DATE} RFC822.SIZE 9)\r\n")
}

#[tokio::test(start_paused = true)]
async fn an_endless_list_ends_at_the_folders_count_and_some() {
    let mut session = open(3_000, |io, _| endless(io, Duration::ZERO, line)).await;
    let mut messages = session.fetch(UidSet::all(), FetchItems::Meta);
    let mut came = 0;
    let error = loop {
        match messages.next().await {
            Ok(Some(_)) => came += 1,
            Ok(None) => panic!("it ended well"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ImapError::Limit { .. }) && error.to_string().contains("holds 3000"), "{error}");
    assert!((3_000..5_000).contains(&came), "{came}");
}

/// Mail that arrives while it is listed, and says so, is listed.
#[tokio::test(start_paused = true)]
async fn mail_that_is_announced_meanwhile_belongs_to_the_list() {
    let mut session = open(10, |mut io, tag| async move {
        let lines: String = (1..=5_000).map(line).collect();
        io.write_all(format!("* 5000 EXISTS\r\n{lines}{tag} OK\r\n").as_bytes()).await.unwrap();
    })
    .await;
    assert_eq!(list(&mut session, FetchItems::Meta).await.unwrap(), 5_000);
    // And where only STATUS counts them.
    let mut session = open(0, |mut io, tag| async move {
        let lines: String = (1..=5_000).map(line).collect();
        io.write_all(format!("{lines}{tag} OK\r\n").as_bytes()).await.unwrap();
    })
    .await;
    session.expect_messages(5_000);
    assert_eq!(list(&mut session, FetchItems::Meta).await.unwrap(), 5_000);
}

/// Lines that are far longer than what lists are made of.
#[tokio::test(start_paused = true)]
async fn a_list_has_a_most_of_bytes_as_well() {
    let mut session = open(900, |io, _| {
        let flags = (0..2_000).map(|n| format!("flag{n}{} ", "x".repeat(20))).collect::<String>();
        endless(io, Duration::ZERO, move |n| {
            format!("* {n} FETCH (UID {n} FLAGS ({flags}) {DATE} RFC822.SIZE 9)\r\n")
        })
    })
    .await;
    let error = list(&mut session, FetchItems::Meta).await.unwrap_err();
    assert!(matches!(error, ImapError::Limit { .. }) && error.to_string().contains("lines"), "{error}");
}

/// The same items of one message again and again are no progress: at once a limit, slowly the command's
/// deadline.
#[tokio::test(start_paused = true)]
async fn the_same_items_once_more_are_no_progress() {
    let same = |_| "* 1 FETCH (UID 1 RFC822.SIZE 1)\r\n".to_owned();
    let mut session = open(1, move |io, _| endless(io, Duration::ZERO, same)).await;
    let error = list(&mut session, FetchItems::Full).await.unwrap_err();
    assert!(matches!(error, ImapError::Limit { .. }), "{error}");
    let mut session = open(1, move |io, _| endless(io, Duration::from_secs(5), same)).await;
    let begun = Instant::now();
    let error = list(&mut session, FetchItems::Full).await.unwrap_err();
    assert!(matches!(error, ImapError::TimedOut { .. } | ImapError::TooSlow { .. }), "{error}");
    assert!(
        begun.elapsed() <= Timeouts::default().command + Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}

/// Texts of messages that nobody asked for, or that have come before.
#[tokio::test(start_paused = true)]
async fn texts_that_nobody_asked_for_are_no_progress() {
    let other = |_| format!("* 9 FETCH (UID 9 FLAGS () {DATE} RFC822.SIZE 3 BODY[] {{3}}\r\nabc)\r\n");
    for every in [0, 50] {
        let mut session = open(1, move |io, _| endless(io, Duration::from_secs(every), other)).await;
        let mut messages = session.fetch(UidSet::range(1, 1), FetchItems::Full);
        let begun = Instant::now();
        let error = messages.next().await.unwrap_err();
        assert!(matches!(error, ImapError::Limit { .. } | ImapError::TimedOut { .. }), "{error}");
        assert!(begun.elapsed() <= Timeouts::default().command + Duration::from_secs(60));
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_trickles_has_a_least_pace() {
    let mut session = open(3_000, |io, _| endless(io, Duration::from_secs(5), line)).await;
    let begun = Instant::now();
    let error = list(&mut session, FetchItems::Meta).await.unwrap_err();
    assert!(matches!(error, ImapError::TooSlow { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(700), "{:?}", begun.elapsed());
}

/// One byte each 50 seconds keeps a line from being silent, and is no transfer.
#[tokio::test(start_paused = true)]
async fn a_text_that_trickles_has_a_least_pace() {
    let mut session = open(1, |io, _| {
        endless(io, Duration::from_secs(50), |n| match n {
            1 => format!("* 1 FETCH (UID 1 FLAGS () {DATE} RFC822.SIZE 123 BODY[] {{123}}\r\n"),
            _ => "x".to_owned(),
        })
    })
    .await;
    let begun = Instant::now();
    let error = list(&mut session, FetchItems::Full).await.unwrap_err();
    assert!(matches!(error, ImapError::TooSlow { during: "FETCH" }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(700), "{:?}", begun.elapsed());
}

/// 2 KiB a second, with pauses of some minutes: slow, and good enough. What we wait for ourselves does not
/// count.
#[tokio::test(start_paused = true)]
async fn a_slow_line_is_waited_for() {
    let mut session = open(1, |mut io, tag| async move {
        let size = 4 << 20;
        let head = format!("* 1 FETCH (UID 1 FLAGS () {DATE} RFC822.SIZE {size} BODY[] {{{size}}}\r\n");
        io.write_all(head.as_bytes()).await.unwrap();
        for n in 0..size >> 17 {
            // Not begun before we are back from elsewhere.
            sleep(Duration::from_secs(if n == 1 { 2_100 } else { 64 })).await;
            io.write_all(&[b'x'; 1 << 17]).await.unwrap();
        }
        io.write_all(format!(")\r\n{tag} OK\r\n").as_bytes()).await.unwrap();
    })
    .await;
    let mut messages = session.fetch(UidSet::range(1, 1), FetchItems::Full);
    messages.next().await.unwrap().unwrap();
    let mut total = 0;
    while let Some(piece) = messages.chunk().await.unwrap() {
        total += piece.len();
        let busy = if total == 1 << 17 { 2_050 } else { 150 };
        sleep(Duration::from_secs(busy)).await;
    }
    assert_eq!(total, 4 << 20);
    assert!(messages.next().await.unwrap().is_none());
}

/// Sizes are estimated by some servers; they are not off by any number.
#[tokio::test(start_paused = true)]
async fn a_text_far_beyond_its_size_is_refused_before_it_is_read() {
    for (size, len, taken) in [
        (9, 9_000_000_000_000_000_000_u64, false),
        (9_000_000_000_000_000_000_u64, 9_000_000_000_000_000_000, false),
        (1_000_000, 4_000_000, false),
        (1_000_000, 2_500_000, true),
        (0, 50_000_000, true),
    ] {
        let mut session = open(1, move |mut io, _| async move {
            let head = format!("* 1 FETCH (UID 1 FLAGS () {DATE} RFC822.SIZE {size} BODY[] {{{len}}}\r\n");
            io.write_all(head.as_bytes()).await.unwrap();
            sleep(Duration::from_secs(1)).await;
        })
        .await;
        let mut messages = session.fetch(UidSet::range(1, 1), FetchItems::Full);
        match messages.next().await {
            Ok(_) => assert!(taken, "{size} {len}"),
            Err(error) => {
                assert!(!taken && matches!(error, ImapError::Limit { .. }), "{size} {len}: {error}")
            }
        }
    }
}

/// Two lines that took 1.5 GiB: nothing is set aside for what is claimed.
#[tokio::test]
async fn a_count_that_cannot_be_is_refused_and_the_session_goes_on() {
    let script = ["C: EXAMINE \"INBOX\"", "S: * 4294967295 EXISTS", "S: @ OK", "C: NOOP", "S: @ OK"];
    let (mut session, _server) = session(CAPABILITIES, &script).await;
    let error = session.examine(&FolderName::inbox()).await.unwrap_err();
    assert!(matches!(error, ImapError::Excess { .. }) && error.to_string().contains("4294967295"), "{error}");
    session.noop().await.unwrap();
}

/// It is there, whatever is said against creating it, so that the count is told, and nothing is created above
/// it.
#[tokio::test]
async fn a_target_with_a_count_that_cannot_be_is_told_so_and_not_created() {
    let script = [
        "C: CREATE \"a/b\"",
        "C: LIST \"\" \"a/b\"",
        "C: SELECT \"a/b\"",
        "S: @5 NO Ordner gibt es bereits",
        "S: * LIST () \"/\" a/b",
        "S: @6 OK",
        "S: * 4294967295 EXISTS",
        "S: @7 OK",
        "C: NOOP",
        "S: @ OK",
    ];
    let (mut session, _server) = session(CAPABILITIES, &script).await;
    let plain = Preparation { create: true, ..Preparation::default() };
    let error = session.prepare(&FolderName(b"a/b".to_vec()), plain).await.unwrap_err();
    assert!(matches!(error, ImapError::Excess { .. }) && error.to_string().contains("4294967295"), "{error}");
    assert!(session.selected().is_none());
    session.noop().await.unwrap();
}

#[tokio::test]
async fn sets_that_name_everything_stay_what_they_are() {
    let search =
        ["C: UID SEARCH RETURN (ALL) ALL", "S: * ESEARCH (TAG \"x\") UID ALL 1:4294967295", "S: @ OK"];
    let fetch = ["C: UID FETCH 1:* (UID FLAGS)", "S: * 1 FETCH (UID 5 FLAGS ())", "S: @ OK"];
    let select = ["C: SELECT \"INBOX\"", "S: * 1 EXISTS", "S: * OK [HIGHESTMODSEQ 3] ok", "S: @ OK"];
    let changes = "C: UID FETCH 1:4000000000 (UID FLAGS INTERNALDATE RFC822.SIZE) (CHANGEDSINCE 1)";
    let vanished = ["S: * VANISHED (EARLIER) 1:4294967295", "S: @ OK"];
    let copy = ["C: UID COPY 1:2 \"INBOX\"", "S: @ OK [COPYUID 1 1:9000000 1:9000000] done"];
    let script: Vec<&str> = [&select[..], &search, &fetch, &[changes], &vanished, &copy].concat();
    let (mut session, _server) = session(CAPABILITIES, &script).await;
    session.select(&FolderName::inbox()).await.unwrap();
    assert_eq!(session.uids().await.unwrap(), UidSet::range(5, 5), "the list counts");
    let known = UidSet::range(1, 4_000_000_000);
    assert!(session.changes(1, known).await.unwrap().changed.is_empty());
    assert_eq!(session.copy(&UidSet::range(1, 2), &FolderName::inbox()).await.unwrap(), None);
}

/// Names, one after the other.
#[tokio::test]
async fn a_name_without_end_is_refused_with_a_sentence() {
    for (name, told) in [
        ("x/".repeat(60_000), "levels"),
        ("x".repeat(100_000), "100000 bytes"),
        (format!("ok\r\nS: * LIST () \"/\" {}", "y/".repeat(300)), "levels"),
    ] {
        let listed = format!("S: * LIST () \"/\" {name}");
        let script =
            ["C: LIST \"\" \"*\"", &listed, "S: @ OK", "C: LSUB \"\" \"*\"", "S: @ OK", "C: NOOP", "S: @ OK"];
        let lines: Vec<&str> = script.iter().flat_map(|line| line.split("\r\n")).collect();
        let (mut session, _server) = session("", &lines).await;
        let error = session.folders().await.unwrap_err();
        assert!(matches!(error, ImapError::Excess { .. }) && error.to_string().contains(told), "{error}");
        session.noop().await.unwrap();
    }
}

/// Answers to many commands together are as bounded as that to one.
#[tokio::test(start_paused = true)]
async fn many_commands_together_have_one_bound() {
    let mut session = open(1, |mut io, first| async move {
        let mut n: u32 = first.trim_start_matches('M').parse().unwrap();
        let junk = format!("* STATUS INBOX ({})\r\n", "MESSAGES 1 ".repeat(100_000));
        let mut heard = 1;
        loop {
            for _ in 0..heard {
                if io.write_all(format!("{junk}M{n} OK\r\n").as_bytes()).await.is_err() {
                    return;
                }
                n += 1;
            }
            let mut buffer = [0; 1 << 16];
            let read = io.read(&mut buffer).await.unwrap_or(0);
            heard = buffer[..read].iter().filter(|byte| **byte == b'\n').count();
        }
    })
    .await;
    let many: UidSet = (1..60_000).map(|n| n * 2).collect();
    let error = session.expunge(&many).await.unwrap_err();
    assert!(matches!(error, ImapError::Limit { .. }), "{error}");
}

/// A writer whose message meets this server; how it ended, after how long.
async fn sent<F: Future<Output = ()> + Send + 'static>(
    len: usize,
    behave: impl FnOnce(DuplexStream, String) -> F + Send + 'static,
) -> (Result<usize, ImapError>, Duration) {
    let session = open(0, behave).await;
    let options = AppendOptions { ask_above: u64::MAX, ..AppendOptions::default() };
    let (mut appender, mut acks) = session.appender(&FolderName::inbox(), options).unwrap();
    let begun = Instant::now();
    let write = async {
        let head = AppendHead { flags: Flags::default(), internal_date: None, len: len as u64 };
        assert_eq!(appender.begin(1, &head).await?, BeginOutcome::Send);
        for piece in vec![b'x'; len].chunks(64 << 10) {
            appender.write(piece).await?;
        }
        appender.end().await?;
        appender.close().await
    };
    let read = async {
        let mut count = 0;
        while acks.next().await?.is_some() {
            count += 1;
        }
        Ok(count)
    };
    let (written, read) = tokio::join!(write, read);
    (written.and(read), begun.elapsed())
}

/// The server consents where it is asked, and takes everything.
async fn take(io: &mut DuplexStream, len: usize) {
    io.write_all(b"+ go\r\n").await.unwrap();
    let mut left = len;
    let mut buffer = vec![0; 1 << 16];
    while left > 0 {
        left = left.saturating_sub(io.read(&mut buffer).await.unwrap());
    }
}

/// Dovecot's words during long work are waited for, and not for ever.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_still_here_is_waited_for_up_to_a_bound() {
    let still = |_| "* OK Still here\r\n".to_owned();
    let (result, took) = sent(10, move |mut io, _| async move {
        take(&mut io, 10).await;
        endless(io, Duration::from_secs(20), still).await;
    })
    .await;
    let error = result.unwrap_err();
    assert!(matches!(error, ImapError::TimedOut { during: "APPEND", .. }), "{error}");
    let command = Timeouts::default().command;
    assert!(took >= command && took < command + Duration::from_secs(130), "{took:?}");
    let (result, took) = sent(10, |mut io, tag| async move {
        take(&mut io, 10).await;
        for _ in 0..60 {
            io.write_all(b"* OK Still here\r\n").await.unwrap();
            sleep(Duration::from_secs(20)).await;
        }
        io.write_all(format!("{tag} OK\r\n").as_bytes()).await.unwrap();
        sleep(Duration::from_secs(20)).await;
    })
    .await;
    assert_eq!((result.unwrap(), took.as_secs()), (1, 1_200));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_sips_has_a_least_pace() {
    let (result, took) = sent(40 << 20, |mut io, _| async move {
        io.write_all(b"+ go\r\n").await.unwrap();
        loop {
            if io.read(&mut [0; 1 << 10]).await.is_err()
                || io.write_all(b"* OK Still here\r\n").await.is_err()
            {
                return;
            }
            sleep(Duration::from_secs(60)).await;
        }
    })
    .await;
    let error = result.unwrap_err();
    assert!(matches!(error, ImapError::TooSlow { during: "APPEND" }), "{error}");
    assert!(took < Duration::from_secs(1_300), "{took:?}");
    let (result, _) = sent(4 << 20, |mut io, tag| async move {
        io.write_all(b"+ go\r\n").await.unwrap();
        let mut left = 4 << 20;
        while left > 0 {
            let heard = io.read(&mut [0; 128 << 10]).await.unwrap();
            left -= heard.min(left);
            io.write_all(b"* OK Still here\r\n").await.unwrap();
            sleep(Duration::from_secs(50)).await;
        }
        io.write_all(format!("{tag} OK\r\n").as_bytes()).await.unwrap();
        sleep(Duration::from_secs(20)).await;
    })
    .await;
    assert_eq!(result.unwrap(), 1);
}

/// Each of many commands is answered in time, and all of them together are not.
#[tokio::test(start_paused = true)]
async fn many_commands_together_have_one_deadline() {
    let mut session = open(1, |mut io, first| async move {
        let mut n: u32 = first.trim_start_matches('M').parse().unwrap();
        loop {
            sleep(Duration::from_secs(100)).await;
            if io.write_all(format!("M{n} OK\r\n").as_bytes()).await.is_err() {
                return;
            }
            n += 1;
        }
    })
    .await;
    let many: UidSet = (1..60_000).map(|n| n * 2).collect();
    let begun = Instant::now();
    let error = session.expunge(&many).await.unwrap_err();
    assert!(matches!(error, ImapError::TimedOut { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(3_000), "{:?}", begun.elapsed());
}

/// A message stored each hundred seconds, with a word in between; one each fifty is waited for.
#[tokio::test(start_paused = true)]
async fn verdicts_that_trickle_have_a_least_pace() {
    for (every, goes) in [(100, false), (50, true)] {
        let session = open(0, move |mut io, _| async move {
            take(&mut io, 1).await;
            for n in 1..=40 {
                sleep(Duration::from_secs(every)).await;
                if io.write_all(format!("* OK Still here\r\nP{n} OK\r\n").as_bytes()).await.is_err() {
                    return;
                }
            }
            sleep(Duration::from_secs(20)).await;
        })
        .await;
        let (mut appender, mut acks) =
            session.appender(&FolderName::inbox(), AppendOptions::default()).unwrap();
        let write = async {
            for ticket in 1..=40 {
                let head = AppendHead { flags: Flags::default(), internal_date: None, len: 1 };
                assert_eq!(appender.begin(ticket, &head).await?, BeginOutcome::Send);
                appender.write(b"x").await?;
                appender.end().await?;
            }
            appender.close().await
        };
        let read = async {
            while acks.next().await?.is_some() {}
            Ok(())
        };
        let (written, read) = tokio::join!(write, read);
        match read.and(written) {
            Ok(()) => assert!(goes),
            Err(error) => assert!(!goes && matches!(error, ImapError::TooSlow { .. }), "{every}: {error}"),
        }
    }
}
