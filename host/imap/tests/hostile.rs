//! Servers that lie, flood, stall or leave: each ends in a typed error, in time, within memory, with no wrong
//! count.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod common;

use std::time::{Duration, Instant};

use common::{endpoint, login, prelude, quick, serve, session};
use mailhaul_imap::{
    FetchItems, FolderName, ImapError, Preparation, Session, SpecialUse, UidSet, connect_over,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const CAPABILITIES: &str = "LIST-EXTENDED LIST-STATUS SPECIAL-USE CONDSTORE ESEARCH UIDPLUS MOVE IDLE QUOTA";

/// Every verb of a session that asks the server something.
const VERBS: [&str; 18] = [
    "folders",
    "figures",
    "status",
    "examine",
    "select",
    "create",
    "subscribe",
    "prepare",
    "noop",
    "quota",
    "fetch",
    "changes",
    "uids",
    "idle",
    "store",
    "expunge",
    "copy",
    "move",
];

async fn speak(session: &mut Session, verb: &str) -> Result<(), ImapError> {
    let inbox = FolderName::inbox();
    let one = UidSet::range(1, 1);
    match verb {
        "folders" => session.folders().await.map(drop),
        "figures" => session.folders_with_status().await.map(drop),
        "status" => session.status(&inbox).await.map(drop),
        "examine" => session.examine(&inbox).await.map(drop),
        "select" => session.select(&inbox).await.map(drop),
        "create" => session.create(&inbox, Some(&SpecialUse::Sent)).await,
        "subscribe" => session.subscribe(&inbox).await,
        "prepare" => {
            let all = Preparation { create: true, role: None, subscribe: true };
            session.prepare(&inbox, all).await.map(drop)
        }
        "noop" => session.noop().await,
        "quota" => session.quota().await.map(drop),
        "fetch" => {
            let mut messages = session.fetch(one, FetchItems::Full);
            while messages.next().await?.is_some() {}
            Ok(())
        }
        "changes" => session.changes(1, one).await.map(drop),
        "uids" => session.uids().await.map(drop),
        "idle" => session.idle(Duration::from_secs(5)).await.map(drop),
        "store" => session.store_flags(&[1], true, &["\\Seen"].into_iter().collect()).await,
        "expunge" => session.expunge(&one).await,
        "copy" => session.copy(&one, &inbox).await.map(drop),
        "move" => session.move_to(&one, &inbox).await.map(drop),
        other => panic!("no such verb: {other}"),
    }
}

/// Runs `verb` in a folder open for writing, against a server that says `answer` to whatever comes, then
/// hangs or, with `leave`, closes.
async fn against(verb: &str, answer: &[u8], leave: bool) -> (Result<(), ImapError>, Session) {
    let mut script = prelude(CAPABILITIES);
    let open = ["C: SELECT \"INBOX\"", "S: * 1 EXISTS", "S: * OK [HIGHESTMODSEQ 9] ok", "S: @ OK"];
    script.extend(open.map(str::to_owned));
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let (opening, rest) = common::serve_then(&script);
    let answer = answer.to_vec();
    tokio::spawn(async move {
        let mut io = rest.await.unwrap();
        let mut first = [0; 1 << 12];
        let heard = io.read(&mut first).await.unwrap_or(0);
        let tag: Vec<u8> = first[..heard].iter().copied().take_while(|byte| *byte != b' ').collect();
        let text = answer.replace(b"@", &tag);
        drop(io.write_all(&text).await);
        if !leave {
            // Reads on, so that nothing of the client's is refused.
            drop(tokio::io::copy(&mut io, &mut tokio::io::sink()).await);
        }
    });
    let mut session = connect_over(opening, endpoint(), &login(), &quick()).await.unwrap();
    session.select(&FolderName::inbox()).await.unwrap();
    (speak(&mut session, verb).await, session)
}

trait Replace {
    fn replace(&self, from: &[u8], to: &[u8]) -> Vec<u8>;
}

impl Replace for Vec<u8> {
    fn replace(&self, from: &[u8], to: &[u8]) -> Vec<u8> {
        self.iter().flat_map(|byte| if from == [*byte] { to.to_vec() } else { vec![*byte] }).collect()
    }
}

fn is_printable(error: &ImapError) -> bool {
    error.to_string().chars().all(|c| !c.is_control() && c != '\u{202e}')
}

/// Silence, before and inside an answer, ends at the deadline of silence.
#[tokio::test(start_paused = true)]
async fn silence_ends_every_verb() {
    for verb in VERBS {
        for answer in [&b""[..], b"* 1 EXI", b"* OK still here\r\n"] {
            let start = tokio::time::Instant::now();
            let (result, mut session) = against(verb, answer, false).await;
            let error = result.expect_err(verb);
            assert!(matches!(error, ImapError::TimedOut { .. }), "{verb}: {error}");
            assert!(start.elapsed() < Duration::from_secs(150), "{verb}: {:?}", start.elapsed());
            assert!(session.noop().await.is_err(), "{verb}: and the connection is over");
        }
    }
}

/// The server leaves, with or without a word, before or inside an answer.
#[tokio::test(start_paused = true)]
async fn leaving_ends_every_verb() {
    for verb in VERBS {
        for answer in
            [&b""[..], b"* LIST () \"/\" INBOX\r\n", b"* 1 FETCH (UID 1 FLAGS ()", b"* 5 EXISTS\r\n@"]
        {
            let (result, _) = against(verb, answer, true).await;
            let error = result.expect_err(verb);
            assert!(error.is_connection_lost(), "{verb}: {error}");
        }
        let (result, _) =
            against(verb, b"* BYE [UNAVAILABLE] gone \x1b]52;c;eA==\x07\xe2\x80\xae\r\n", true).await;
        let error = result.expect_err(verb);
        assert!(matches!(error, ImapError::Bye { .. }) && is_printable(&error), "{verb}: {error}");
    }
}

/// An answer to a command that was never sent.
#[tokio::test(start_paused = true)]
async fn a_tag_of_nobody_ends_every_verb() {
    for verb in VERBS {
        let (result, _) = against(verb, b"\x1bZZ9 OK done\r\n", false).await;
        let error = result.expect_err(verb);
        assert!(matches!(error, ImapError::Protocol { .. }) && is_printable(&error), "{verb}: {error}");
    }
}

/// NO and BAD leave the session usable, and the words are safe to show.
#[tokio::test(start_paused = true)]
async fn refusals_are_told_and_safe_to_show() {
    for verb in VERBS {
        for word in ["NO", "BAD"] {
            let answer = format!("@ {word} [X-\u{1b}] no \u{1b}[2J\u{7}\r\n");
            let (result, _) = against(verb, answer.as_bytes(), false).await;
            if let Err(error) = result {
                assert!(is_printable(&error), "{verb}: {error}");
            }
        }
    }
}

/// What announces more than anybody sends is refused before it is held.
#[tokio::test(start_paused = true)]
async fn monstrous_announcements_end_every_verb() {
    for verb in VERBS {
        for answer in [
            &b"* LIST () \"/\" {4294967295}\r\n"[..],
            b"* STATUS {99999999999999999999}\r\n",
            b"* 1 FETCH (UID 1 ENVELOPE {4294967295}\r\n",
            b"* OK fine\r\n* SEARCH {20000000}\r\n",
        ] {
            let (result, _) = against(verb, answer, false).await;
            let error = result.expect_err(verb);
            assert!(matches!(error, ImapError::Limit { .. }), "{verb}: {error}");
        }
    }
}

/// Against a server that sends `flood` for ever once the client has asked something.
async fn flooded(verb: &str, flood: &'static [u8]) -> ImapError {
    let mut script = prelude(CAPABILITIES);
    let open = ["C: SELECT \"INBOX\"", "S: * 1 EXISTS", "S: * OK [HIGHESTMODSEQ 9] ok", "S: @ OK"];
    script.extend(open.map(str::to_owned));
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let (opening, rest) = common::serve_then(&script);
    tokio::spawn(async move {
        let mut io = rest.await.unwrap();
        drop(io.read(&mut [0; 1 << 12]).await);
        let many = flood.repeat((1 << 17) / flood.len() + 1);
        while io.write_all(&many).await.is_ok() {}
    });
    let mut session = connect_over(opening, endpoint(), &login(), &quick()).await.unwrap();
    session.select(&FolderName::inbox()).await.unwrap();
    speak(&mut session, verb).await.expect_err(verb)
}

/// Answers without end: of the wanted kind, of another kind, of no kind, and without a line's end.
#[tokio::test]
async fn floods_meet_a_limit() {
    for (verb, flood) in [
        ("figures", &b"* LIST () \"/\" A\r\n"[..]),
        ("changes", b"* 1 FETCH (UID 1 FLAGS ())\r\n"),
        ("fetch", b"* 1 FETCH (UID 99 FLAGS ())\r\n"),
        ("status", b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ("idle", b"* OK still here\r\n"),
    ] {
        let start = Instant::now();
        let error = flooded(verb, flood).await;
        assert!(matches!(error, ImapError::Limit { .. }), "{verb}: {error}");
        assert!(start.elapsed() < Duration::from_secs(30), "{verb}: {:?}", start.elapsed());
    }
}

/// P7, through every layer: 200,000 literals of one byte in one response.
#[tokio::test]
async fn tiny_literals_take_linear_time() {
    for head in ["* LIST (", "* 1 FETCH (UID 1 FLAGS (", "* STATUS INBOX ("] {
        let answer = format!("{head}{}))\r\n@ OK\r\n", "{1}\r\na ".repeat(200_000));
        let start = Instant::now();
        let (result, _) = against("status", answer.as_bytes(), false).await;
        result.unwrap();
        assert!(start.elapsed() < Duration::from_secs(10), "{head}: {:?}", start.elapsed());
    }
}

/// P6: nesting is counted, not followed.
#[tokio::test]
async fn deep_nesting_is_survived_by_every_verb() {
    let deep = "(".repeat(100_000);
    for verb in ["figures", "select", "changes", "fetch", "quota", "prepare", "noop"] {
        for word in ["LIST ", "STATUS INBOX ", "1 FETCH ", "QUOTA x ", "VANISHED ", "OK [PERMANENTFLAGS "] {
            let answer = format!("* {word}{deep}\r\n@ NO enough\r\n");
            let (result, _) = against(verb, answer.as_bytes(), true).await;
            drop(result);
        }
    }
}

/// A body of 4 GiB is announced and streamed; what does not come is an error, and nothing is set aside for
/// it.
#[tokio::test]
async fn a_monstrous_body_costs_what_arrives() {
    let fetch = "C: UID FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])";
    let head = "S: * 1 FETCH (UID 1 FLAGS () INTERNALDATE NIL RFC822.SIZE 4294967295 BODY[] {4294967295}";
    let (mut session, _server) = session("", &[fetch, head, "R: only this", "X"]).await;
    let mut messages = session.fetch(UidSet::range(1, 1), FetchItems::Full);
    assert_eq!(messages.next().await.unwrap().unwrap().body_len, Some(4_294_967_295));
    assert_eq!(messages.chunk().await.unwrap().unwrap().as_ref(), b"only this");
    assert!(matches!(messages.chunk().await, Err(ImapError::Closed { .. })));
}

/// Line ends without CR, blanks where none belong, text missing: read all the same.
#[tokio::test]
async fn sloppy_servers_are_understood() {
    let script = [
        "R: * OK\n",
        "C: CAPABILITY",
        "R: * CAPABILITY  IMAP4rev1   IDLE \n@ OK\n",
        "C: LOGIN \"ann\" \"pa\\\"ss\"",
        "R: @ OK\n",
        "C: CAPABILITY",
        "R: @ BAD not again\n",
        "C: LIST \"\" \"\"",
        "R: * LIST  (\\Noselect )  \".\"  \"\"\n@  OK  \n",
        "C: EXAMINE \"INBOX\"",
        "R: *  3   EXISTS \n* OK [UIDVALIDITY  5 ]\n@ OK[READ-ONLY]\n@ OK [READ-ONLY]\n",
        "C: UID FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])",
        "R: *  1  FETCH  ( UID  1  FLAGS (  ) INTERNALDATE NIL RFC822.SIZE 3 BODY[]  {3}\nabc )\n@ OK\n",
    ];
    let (client, _server) = serve(&script, 1 << 16);
    let mut session = connect_over(client, endpoint(), &login(), &quick()).await.unwrap();
    assert!(session.facts().has("IDLE") && session.facts().delimiter == Some('.'));
    let opened = session.examine(&FolderName::inbox()).await.unwrap();
    assert_eq!((opened.exists, opened.uid_validity), (3, Some(5)));
    let mut messages = session.fetch(UidSet::range(1, 1), FetchItems::Full);
    messages.next().await.unwrap().unwrap();
    assert_eq!(messages.body(10).await.unwrap(), b"abc");
}

/// The log-in works and everything behind it is refused.
#[tokio::test]
async fn a_server_that_refuses_everything_after_the_log_in() {
    let list = "IMAP4rev1 SASL-IR AUTH=PLAIN ID NAMESPACE ENABLE QRESYNC CONDSTORE";
    let greeting = format!("S: * OK [CAPABILITY {list}] hi");
    let logged_in = format!("S: @ OK [CAPABILITY {list}] in");
    let script = [
        greeting.as_str(),
        "C: AUTHENTICATE PLAIN AGFubgBwYSJzcw==",
        &logged_in,
        "C: CAPABILITY",
        "S: @ BAD no",
        "C: ID (\"name\" \"mailhaul\" \"version\" \"0.1.0\")",
        "S: @ BAD no",
        "C: NAMESPACE",
        "S: @ NO no",
        "C: ENABLE QRESYNC",
        "S: @ BAD no",
        "C: LIST \"\" \"\"",
        "S: @ NO no",
        "C: EXAMINE \"INBOX\"",
        "S: * 1 EXISTS",
        "S: * OK [HIGHESTMODSEQ 3] ok",
        "S: @ OK",
        // Not enabled, so not asked for.
        "C: UID FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE) (CHANGEDSINCE 1)",
        "S: @ OK",
    ];
    let (client, _server) = serve(&script, 1 << 16);
    let mut session = connect_over(client, endpoint(), &login(), &quick()).await.unwrap();
    assert!(session.facts().has("QRESYNC") && session.facts().delimiter == Some('/'));
    session.examine(&FolderName::inbox()).await.unwrap();
    assert_eq!(session.changes(1, UidSet::range(1, 1)).await.unwrap().vanished, None);
}

/// What was asked for after the log-in counts as long as the connection lives: what was promised before is
/// not relied on, what is thrown in later changes nothing, and what is withdrawn without a word ends in the
/// server's own.
#[tokio::test]
async fn capabilities_that_change() {
    let before = "IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+ MULTIAPPEND MOVE UIDPLUS QRESYNC";
    let script = [
        &format!("S: * OK [CAPABILITY {before}] hi"),
        "C: AUTHENTICATE PLAIN AGFubgBwYSJzcw==",
        &format!("S: @ OK [CAPABILITY {before}] in"),
        "C: CAPABILITY",
        "S: * CAPABILITY IMAP4rev1 IDLE",
        "S: @ OK",
        "C: LIST \"\" \"\"",
        "S: * CAPABILITY IMAP4rev1 MOVE UIDPLUS",
        "S: * LIST (\\Noselect) \"/\" \"\"",
        "S: @ OK [CAPABILITY IMAP4rev1 LITERAL+] listed",
        "C: EXAMINE \"INBOX\"",
        "S: * OK [CAPABILITY IMAP4rev1 QRESYNC CONDSTORE] news",
        "S: * 2 EXISTS",
        "S: * CAPABILITY IMAP4rev1",
        "S: @ OK [CAPABILITY IMAP4rev1] open",
        "C: IDLE",
        "S: @ BAD unknown command",
    ];
    let (client, _server) = serve(&script, 1 << 16);
    let mut session = connect_over(client, endpoint(), &login(), &quick()).await.unwrap();
    assert_eq!(session.examine(&FolderName::inbox()).await.unwrap().exists, 2);
    for gone in ["LITERAL+", "MULTIAPPEND", "MOVE", "UIDPLUS", "QRESYNC", "CONDSTORE"] {
        assert!(!session.facts().has(gone), "{gone}");
    }
    let error = session.idle(Duration::from_secs(5)).await.unwrap_err();
    assert!(
        matches!(error, ImapError::Bad { .. }) && error.to_string().contains("unknown command"),
        "{error}"
    );
}

/// An answer without the count would make a full source pass for an empty one.
#[tokio::test]
async fn a_source_without_a_count_is_not_empty() {
    let (mut session, _server) = session("", &["C: EXAMINE \"INBOX\"", "S: @ OK [READ-ONLY] open"]).await;
    let error = session.examine(&FolderName::inbox()).await.unwrap_err();
    assert!(matches!(error, ImapError::Protocol { .. }) && session.selected().is_none(), "{error}");
}

/// P12, P22: names of every kind go back to the server as they came, or not at all, and never to a terminal.
#[tokio::test]
async fn names_of_every_kind() {
    let odd: [&[u8]; 9] = [
        b"..",
        b"../../etc/passwd",
        b"esc\x1b]52;c;eA==\x07",
        b"del\x7f",
        b"qu\"ote\\d",
        b"8bit\xfc",
        "\u{202e}gnp".as_bytes(),
        b"&broken",
        b"{3}",
    ];
    let mut listing: Vec<u8> = b"* LIST () \"/\" INBOX\r\n".to_vec();
    for name in odd.iter().chain(&[&b"nul\0"[..], b"two\r\nM9 DELETE INBOX"]) {
        listing.extend(format!("* LIST () \"/\" {{{}}}\r\n", name.len()).as_bytes());
        listing.extend_from_slice(name);
        listing.extend_from_slice(b"\r\n");
    }
    let opening = prelude("");
    let opening: Vec<&str> = opening.iter().map(String::as_str).collect();
    let (client, rest) = common::serve_then(&opening);
    let server = tokio::spawn(async move {
        let mut io = rest.await.unwrap();
        let (mut heard, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
        let mut answered = 0;
        let mut listing = Some(listing);
        loop {
            let count = io.read(&mut buffer).await.unwrap_or(0);
            if count == 0 {
                return heard;
            }
            heard.extend_from_slice(&buffer[..count]);
            // Every line that begins a command is answered, a literal's announcement with consent.
            while let Some(end) = heard[answered..].iter().position(|byte| *byte == b'\n') {
                let line = heard[answered..answered + end].to_vec();
                answered += end + 1;
                let text = String::from_utf8_lossy(&line).into_owned();
                let tag = text.split(' ').next().unwrap_or_default().to_owned();
                let reply = if text.contains(" LIST ") {
                    let mut all = listing.take().unwrap_or_default();
                    all.extend(format!("{tag} OK\r\n").as_bytes());
                    all
                } else if text.trim_end().ends_with('}') {
                    b"+ go\r\n".to_vec()
                } else if tag.starts_with('M') && tag.len() < 5 {
                    format!("{tag} OK\r\n").into_bytes()
                } else {
                    // The rest of a command behind its literal.
                    let last = String::from_utf8_lossy(&heard);
                    let tag = last
                        .lines()
                        .rev()
                        .find_map(|line| line.split_once(" STATUS {"))
                        .map(|one| one.0.to_owned());
                    format!("{} OK\r\n", tag.unwrap_or_default()).into_bytes()
                };
                io.write_all(&reply).await.unwrap();
            }
        }
    });
    let mut session = connect_over(client, endpoint(), &login(), &quick()).await.unwrap();
    let folders = session.folders_with_status().await.unwrap();
    assert_eq!(folders.len(), odd.len() + 3);
    for (folder, status) in &folders {
        let shown = format!("{} {}", folder.name, folder.path);
        assert!(shown.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{shown}");
        let sendable = !folder.name.0.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
        assert_eq!(status.is_some(), sendable, "{shown}");
    }
    drop(session);
    let heard = server.await.unwrap();
    for name in odd {
        let escaped: Vec<u8> = name
            .iter()
            .flat_map(|byte| if matches!(byte, b'"' | b'\\') { vec![b'\\', *byte] } else { vec![*byte] })
            .collect();
        let sent = heard.windows(escaped.len()).any(|window| window == escaped);
        let literal = heard.windows(name.len()).any(|window| window == name);
        assert!(sent || literal, "{name:?}");
    }
    assert!(!String::from_utf8_lossy(&heard).contains("DELETE"));
}
