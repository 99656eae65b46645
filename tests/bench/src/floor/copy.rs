//! The copying itself: one task reads the source, one writes the target, one reads the target's answers.

use std::io;

use bytes::Bytes;
use mailhaul_net::Stream;
use tokio::io::{AsyncWriteExt as _, BufWriter, ReadHalf, WriteHalf};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use super::connection::{Reader, announced};
use super::{Folder, Lane};

/// The most messages in one APPEND.
const BATCH_MESSAGES: usize = 50;
const BATCH_BYTES: usize = 4 << 20;
/// Pieces between the reading and the writing task, each at most as long as one read: about 8 MiB.
const QUEUE: usize = 128;
const WRITE_BUFFER: usize = 64 * 1024;

enum Piece {
    /// The messages after it are of this folder.
    Folder(String),
    /// The beginning of a message.
    Head {
        /// What stands between folder and literal: ` (flags) "date"`.
        arguments: String,
        bytes: usize,
    },
    /// A part of the message begun last.
    Body(Bytes),
}

/// Copies the folders of a lane; returns how many messages the target has taken.
pub(super) async fn lane(lane: Lane) -> io::Result<u64> {
    let Lane { mut source, target, folders } = lane;
    let (sender, receiver) = channel(QUEUE);
    // Every command at once: the answers then come without a pause.
    let mut commands = String::new();
    for (n, folder) in folders.iter().enumerate() {
        commands.push_str(&format!(
            "e{n} EXAMINE {}\r\nf{n} FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])\r\n",
            folder.raw
        ));
    }
    source.writer.write_all(commands.as_bytes()).await?;
    source.writer.flush().await?;
    let reading = tokio::spawn(read(source.reader, folders, sender));
    let writing = tokio::spawn(write(target.writer, receiver, target.multi));
    // Whichever breaks first ends the others.
    let (read, sent, stored) = tokio::try_join!(flat(reading), flat(writing), answers(target.reader))?;
    if read == sent && sent == stored {
        return Ok(stored);
    }
    Err(io::Error::other(format!("{read} messages read, {sent} sent, {stored} stored")))
}

async fn flat(task: JoinHandle<io::Result<u64>>) -> io::Result<u64> {
    task.await?
}

async fn read(
    mut from: Reader<ReadHalf<Stream>>,
    folders: Vec<Folder>,
    to: Sender<Piece>,
) -> io::Result<u64> {
    let gone = |_| io::Error::other("the writing task is gone");
    let mut messages = 0;
    for (n, folder) in folders.iter().enumerate() {
        let end = format!("f{n} ");
        to.send(Piece::Folder(folder.raw.clone())).await.map_err(gone)?;
        loop {
            let line = from.line().await?;
            if let Some(status) = line.strip_prefix(end.as_bytes()) {
                if !status.starts_with(b"OK") {
                    return Err(io::Error::other(String::from_utf8_lossy(&line).into_owned()));
                }
                break;
            }
            let Some(bytes) = announced(&line) else { continue };
            to.send(Piece::Head { arguments: arguments(&line), bytes }).await.map_err(gone)?;
            messages += 1;
            let mut left = bytes;
            while left > 0 {
                let piece = from.piece(left).await?;
                left -= piece.len();
                to.send(Piece::Body(piece)).await.map_err(gone)?;
            }
        }
    }
    Ok(messages)
}

/// Takes flags and date from the line before a message's body.
fn arguments(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    let between = |open: &str, close: char| {
        let rest = line.split_once(open)?.1;
        rest.split_once(close).map(|(inside, _)| inside)
    };
    let flags: Vec<&str> =
        between("FLAGS (", ')').unwrap_or_default().split(' ').filter(|flag| *flag != "\\Recent").collect();
    let date = between("INTERNALDATE \"", '"').unwrap_or_default();
    format!(" ({}) \"{date}\"", flags.join(" "))
}

async fn write(to: WriteHalf<Stream>, mut from: Receiver<Piece>, multi: bool) -> io::Result<u64> {
    let mut to = BufWriter::with_capacity(WRITE_BUFFER, to);
    let mut folder = String::new();
    let (mut messages, mut in_batch, mut bytes_in_batch) = (0, 0, 0);
    loop {
        let piece = match from.try_recv() {
            Ok(piece) => Some(piece),
            Err(_) => {
                // About to wait for the source: let the target have what there is.
                to.flush().await?;
                from.recv().await
            }
        };
        match piece {
            Some(Piece::Body(bytes)) => {
                bytes_in_batch += bytes.len();
                to.write_all(&bytes).await?;
                continue;
            }
            Some(Piece::Head { arguments, bytes }) => {
                let full = in_batch >= BATCH_MESSAGES || bytes_in_batch >= BATCH_BYTES || !multi;
                if in_batch > 0 && full {
                    to.write_all(b"\r\n").await?;
                    in_batch = 0;
                }
                if in_batch == 0 {
                    to.write_all(format!("a APPEND {folder}").as_bytes()).await?;
                    bytes_in_batch = 0;
                }
                to.write_all(format!("{arguments} {{{bytes}+}}\r\n").as_bytes()).await?;
                in_batch += 1;
                messages += 1;
            }
            Some(Piece::Folder(raw)) => {
                if in_batch > 0 {
                    to.write_all(b"\r\n").await?;
                    in_batch = 0;
                }
                // Servers take messages for the open folder several times faster.
                to.write_all(format!("o SELECT {raw}\r\n").as_bytes()).await?;
                folder = raw;
            }
            None => break,
        }
    }
    if in_batch > 0 {
        to.write_all(b"\r\n").await?;
    }
    to.write_all(b"z NOOP\r\n").await?;
    to.flush().await?;
    Ok(messages)
}

/// Reads answers to the last one; counts messages by the UIDs the server gave them (RFC 4315).
async fn answers(mut from: Reader<ReadHalf<Stream>>) -> io::Result<u64> {
    let mut stored = 0;
    loop {
        let line = from.line().await?;
        let text = String::from_utf8_lossy(&line);
        match text.split_once(' ') {
            Some(("z", _)) => return Ok(stored),
            Some(("a", status)) if status.starts_with("OK") => stored += uids(status),
            Some(("o", status)) if status.starts_with("OK") => {}
            Some(("*", _)) => {}
            _ => return Err(io::Error::other(text.into_owned())),
        }
    }
}

/// Counts the UIDs in `OK [APPENDUID 17 1:50,60] …`.
fn uids(status: &str) -> u64 {
    let set = status.split_once("[APPENDUID ").and_then(|(_, rest)| rest.split_once(']'));
    let set = set.and_then(|(inside, _)| inside.split_once(' ')).map_or("", |(_, set)| set);
    set.split(',')
        .map(|range| {
            let (low, high) = range.split_once(':').unwrap_or((range, range));
            match (low.parse::<u64>(), high.parse::<u64>()) {
                (Ok(low), Ok(high)) => high.abs_diff(low) + 1,
                _ => 0,
            }
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_goes_with_a_message() {
        let line = b"* 7 FETCH (FLAGS (\\Seen \\Recent $Label1) INTERNALDATE \" 4-Mar-2019 10:00:00 +0100\" BODY[] {9}";
        assert_eq!(arguments(line), " (\\Seen $Label1) \" 4-Mar-2019 10:00:00 +0100\"");
        assert_eq!(arguments(b"* 7 FETCH (FLAGS (\\Recent) INTERNALDATE \"x\" BODY[] {9}"), " () \"x\"");
    }

    #[test]
    fn counts_uids() {
        assert_eq!(uids("OK [APPENDUID 17 1:50,60] done"), 51);
        assert_eq!(uids("OK [APPENDUID 17 3] done"), 1);
        assert_eq!(uids("OK done"), 0);
    }
}
