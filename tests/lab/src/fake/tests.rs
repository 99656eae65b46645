//! The scripted server itself: reached by port and in memory, and every row of its table shows.

use std::sync::mpsc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use super::{End, Fake, Manners, Misbehaviour, Store, Take, Verdict, mail, rows};
use crate::imap::Client;

#[test]
fn by_port_it_serves_clients_that_block() {
    let fake = Fake::start(Manners::default());
    let (mut one, mut two) = (Client::connect(fake.port).unwrap(), Client::connect(fake.port).unwrap());
    one.login("ann", "a").unwrap();
    two.login("ann", "a").unwrap();
    one.append_one("INBOX", &["\\Seen"], " 5-May-2021 05:05:05 +0500", b"Subject: x\r\n\r\ny\r\n").unwrap();
    assert_eq!(two.folder("INBOX").unwrap().len(), 1);
    assert!(fake.heard().iter().any(|line| line.starts_with("APPEND")));
    fake.cut();
    assert!(one.folder("INBOX").is_err() && two.folder("INBOX").is_err());
    let mut three = Client::connect(fake.port).unwrap();
    three.login("ann", "a").unwrap();
    assert_eq!(three.folder("INBOX").unwrap().len(), 1);
}

/// Tests through the binary hold a command and go on when they have seen what they wanted.
#[test]
fn by_port_a_hook_may_keep_a_command_waiting() {
    let fake = Fake::start(Manners::default());
    let (open, opened) = mpsc::channel::<()>();
    fake.manners(|m| {
        m.on_command = Box::new(move |line| {
            if line.starts_with("NOOP") {
                opened.recv().ok();
            }
            Verdict::Go
        });
    });
    let mut client = Client::connect(fake.port).unwrap();
    client.login("ann", "a").unwrap();
    let waiting = std::thread::spawn(move || client.run("NOOP", &[]).map(drop));
    open.send(()).unwrap();
    waiting.join().unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_late_shows_when_its_time_has_come() {
    let fake = Fake::in_memory(Manners {
        on_append: Box::new(|_| Take::Late(Duration::from_secs(3))),
        ..Manners::default()
    });
    let told = transcript(&fake, &["APPEND INBOX {1+}\r\nx", "STATUS INBOX (MESSAGES)"]).await;
    assert!(told.contains("[APPENDUID") && told.contains("MESSAGES 0"), "{told}");
    tokio::time::advance(Duration::from_secs(3)).await;
    let told = transcript(&fake, &["STATUS INBOX (MESSAGES)"]).await;
    assert!(told.contains("MESSAGES 1"), "{told}");
}

/// A row that does not show proves nothing about anybody.
#[tokio::test(start_paused = true)]
async fn every_row_of_the_table_shows() {
    for row in rows() {
        for end in row.at {
            let (good, bad) = (conversation(row, *end, false).await, conversation(row, *end, true).await);
            assert!(good != bad, "{} does not show at {end:?}", row.name);
        }
    }
    let mut names: Vec<&str> = rows().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), rows().count());
}

/// What a source or a target says in an ordinary conversation, and what it holds then; with the row switched
/// on or not.
async fn conversation(row: &Misbehaviour, end: End, on: bool) -> (String, String) {
    let fake = Fake::in_memory(Manners::default());
    row.prepare(&fake);
    // What has happened to mail has happened to mail that was there.
    let sends = end == End::Target && !row.is_of_mail();
    if !sends {
        fake.store(mail);
    }
    if on {
        row.apply(&fake);
    }
    let mut commands: Vec<String> =
        ["LOGIN a b", "NAMESPACE", "CREATE Lists/rust", "CREATE \"Old mail\"", "CREATE \"OLD MAIL\""]
            .map(str::to_owned)
            .to_vec();
    if sends {
        let mut own = Fake::in_memory(Manners::default()).store(|store| store.clone());
        mail(&mut own);
        commands.extend(appends(&own));
    }
    commands.extend(
        [
            "LIST \"\" \"*\"",
            "STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY)",
            "EXAMINE Lists/rust",
            "EXAMINE INBOX",
            "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)",
            "UID FETCH 1:* (UID BODY.PEEK[])",
        ]
        .map(str::to_owned),
    );
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let told = heard(&fake, &commands, IDLE).await;
    (told, fake.store(|store| format!("{store:?}")))
}

fn appends(store: &Store) -> Vec<String> {
    let messages = store.messages("INBOX").iter();
    messages
        .map(|m| {
            let (flags, body) = (m.flags.join(" "), String::from_utf8_lossy(&m.body));
            format!("APPEND INBOX ({flags}) \"{}\" {{{}+}}\r\n{body}", m.date, m.body.len())
        })
        .collect()
}

/// How much is read of an answer that never ends.
const MOST: usize = 1 << 20;

/// Some hang up after a minute.
const IDLE: Duration = Duration::from_secs(90);

/// As [`heard`], with little time behind the last command.
async fn transcript(fake: &Fake, commands: &[&str]) -> String {
    heard(fake, commands, Duration::from_secs(1)).await
}

/// What the server says to these commands, and unasked for so long behind them, until it ends the connection,
/// falls silent or has said more than anybody wants.
async fn heard(fake: &Fake, commands: &[&str], idle: Duration) -> String {
    let mut stream = BufReader::new(fake.connect());
    let mut told = Vec::new();
    stream.read_until(b'\n', &mut told).await.unwrap();
    for command in commands {
        stream.write_all(format!("t {command}\r\n").as_bytes()).await.unwrap();
        let answered = timeout(Duration::from_secs(1), async {
            loop {
                let mut line = Vec::new();
                let mut bounded = (&mut stream).take(MOST as u64);
                let ended = bounded.read_until(b'\n', &mut line).await.unwrap() == 0;
                let tagged = line.starts_with(b"t ");
                told.extend(line);
                if ended || tagged || told.len() > MOST {
                    return tagged;
                }
            }
        });
        match answered.await {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => {
                told.extend(b"(silence)");
                break;
            }
        }
    }
    let mut rest = Vec::new();
    let mut rest_of_it = stream.take(MOST as u64);
    timeout(idle, rest_of_it.read_to_end(&mut rest)).await.ok();
    told.extend(rest);
    String::from_utf8_lossy(&told).into_owned()
}
