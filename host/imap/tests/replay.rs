//! Real servers' recorded answers: read right, and when they are cut off anywhere or come byte by byte, read
//! right or refused, never misread.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use common::replay::{Transcript, login, replay, timeouts, transcript};
use common::{cut, endpoint};
use mailhaul_imap::{
    AppendHead, AppendOptions, BeginOutcome, FetchItems, Flags, FolderName, ImapError, InternalDate, UidSet,
    connect_over,
};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};

const SERVERS: [&str; 4] = ["dovecot", "dovecot-cpanel", "cyrus", "courier"];

fn recorded(name: &str) -> &'static Transcript {
    static ALL: OnceLock<Vec<Transcript>> = OnceLock::new();
    let all = ALL.get_or_init(|| SERVERS.map(transcript).into());
    &all[SERVERS.iter().position(|one| *one == name).unwrap()]
}

/// Looks at everything in the mailbox (or with `everything` false only at INBOX's messages), stores a message
/// and leaves; what was seen, as a transcript's `E: ` lines.
async fn tour<S>(stream: S, everything: bool) -> Result<Vec<String>, ImapError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut seen = Vec::new();
    let mut session = connect_over(stream, endpoint(), &login(), &timeouts()).await?;
    let mut folders = session.folders_with_status().await?;
    folders.sort_by_key(|(folder, _)| folder.path.to_string());
    for (folder, status) in folders {
        if !folder.selectable || !everything && !folder.path.is_inbox() {
            continue;
        }
        seen.push(format!("folder {}", folder.path.to_string().escape_default()));
        let examined = session.examine(&folder.name).await?;
        let figures = status.expect("figures of every folder");
        assert_eq!(figures.messages, Some(examined.exists));
        assert_eq!(figures.uid_validity, examined.uid_validity);
        for items in
            [FetchItems::Flags, FetchItems::Meta, FetchItems::Identity, FetchItems::Headers, FetchItems::Full]
        {
            let mut fetch = session.fetch(UidSet::all(), items);
            let mut count = 0;
            while let Some(message) = fetch.next().await? {
                count += 1;
                let body = fetch.body(1 << 20).await?;
                if items != FetchItems::Full {
                    continue;
                }
                let digest =
                    Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
                let mut flags: Vec<String> =
                    message.flags.iter().filter(|flag| *flag != "\\Recent").map(str::to_owned).collect();
                flags.sort();
                seen.push(format!(
                    "message {} {} {} {digest} {}",
                    message.uid,
                    message.internal_date.expect("a date").unix_seconds,
                    message.size.expect("a size"),
                    flags.join(" ")
                ));
            }
            assert!(fetch.refused().is_empty());
            assert_eq!(count, examined.exists, "{items:?} of {}", folder.path);
        }
    }
    let nowhere = FolderName(b"nowhere".to_vec());
    let refused = session.select(&nowhere).await;
    match refused {
        Err(ImapError::No { .. }) => {}
        Err(other) => return Err(other),
        Ok(_) => panic!("a folder that is not there was opened"),
    }
    let inbox = FolderName::inbox();
    session.select(&inbox).await?;
    let (mut appender, mut acks) = session.appender(&inbox, AppendOptions::default())?;
    let send = async {
        let body = b"Message-ID: <a@b>\r\nSubject: appended\r\n\r\nhello\r\n";
        let head = AppendHead {
            flags: ["\\Seen"].into_iter().collect::<Flags>(),
            internal_date: InternalDate::parse(" 1-Feb-2020 10:00:00 +0545"),
            len: body.len() as u64,
        };
        assert_eq!(appender.begin(1, &head).await?, BeginOutcome::Send);
        appender.write(body).await?;
        appender.end().await?;
        appender.close().await
    };
    let receive = async {
        let ack = acks.next().await?;
        assert!(ack.is_some(), "an acknowledgement");
        Ok::<_, ImapError>(format!("{:?}", ack.map(|a| a.outcome)))
    };
    let (sent, received) = tokio::join!(send, receive);
    let stored = received?;
    sent?;
    assert!(stored.contains("Stored"), "{stored}");
    let mut session = acks.rejoin(appender);
    session.noop().await?;
    session.logout().await?;
    Ok(seen)
}

#[tokio::test(start_paused = true)]
async fn every_server_is_read_right() {
    for name in SERVERS {
        let seen = tour(replay(recorded(name), 1 << 16), true)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(seen, recorded(name).expected, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn byte_by_byte_it_is_the_same() {
    for name in SERVERS {
        let seen =
            tour(replay(recorded(name), 1), true).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(seen, recorded(name).expected, "{name}");
    }
}

/// Cut off after each byte of the whole conversation: a lost connection, never an answer.
async fn cut_everywhere(name: &str) {
    let whole = Arc::new(AtomicUsize::new(0));
    let wanted = tour(cut(replay(recorded(name), 1 << 16), usize::MAX, whole.clone()), false).await.unwrap();
    let whole = whole.load(Ordering::Relaxed);
    assert!(whole > 2000, "{whole}");
    let mut ended = 0;
    for limit in 0..whole {
        match tour(cut(replay(recorded(name), 1 << 16), limit, Arc::default()), false).await {
            Err(error) => assert!(error.is_connection_lost(), "{name} cut at {limit} of {whole}: {error}"),
            // Only the farewell may be missing.
            Ok(seen) => {
                assert_eq!(seen, wanted, "{name} cut at {limit}");
                ended += 1;
            }
        }
    }
    assert!(ended < 200, "{name}: {ended} cuts went unnoticed");
}

#[tokio::test(start_paused = true)]
async fn dovecot_cut_everywhere() {
    cut_everywhere("dovecot").await;
}

#[tokio::test(start_paused = true)]
async fn cyrus_cut_everywhere() {
    cut_everywhere("cyrus").await;
}

#[tokio::test(start_paused = true)]
async fn courier_cut_everywhere() {
    cut_everywhere("courier").await;
}
