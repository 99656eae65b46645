//! Several commands in one round trip: sent without waiting, answered in any order.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use crate::command::{Answer, Command, foreign_tag, next_reply, reply_of};
use crate::syntax::reply::Reply;
use crate::types::bounds;
use crate::types::error::ImapError;
use crate::wire::{MAX_ANSWER, RESPONSE_COST, Wire};

/// The most commands under way. Servers read commands one by one, so this hides the round trip and nothing
/// else.
const IN_FLIGHT: usize = 128;
/// The most bytes of commands under way: servers need not hold more of a client's lines than one.
const BYTES_IN_FLIGHT: usize = 32 << 10;
/// The time that each of several commands adds to what all of them may take together.
const EACH: Duration = Duration::from_secs(10);

/// Sends `commands`, each under its tag, and returns their answers in the order of the commands.
///
/// Untagged data belongs to the command whose status comes next: exact with every server that answers in
/// order, which all do for commands that depend on each other (RFC 9051 section 5.5). A command with a
/// literal waits for the ones before it.
///
/// # Errors
/// Only errors that end the connection; a command that cannot be written is `Unsendable` in its place and is
/// not sent.
pub(crate) async fn run_all(
    wire: &mut Wire,
    commands: Vec<(String, Command)>,
    budget: &mut Budget,
) -> Result<Vec<Result<Answer, ImapError>>, ImapError> {
    let mut answers: Vec<Option<Result<Answer, ImapError>>> = commands.iter().map(|_| None).collect();
    let mut queue: VecDeque<_> = (0usize..).zip(commands).collect();
    let mut sent: Vec<SentCommand> = Vec::new();
    let mut data = Vec::new();
    let mut unwritten = false;
    loop {
        if sent.len() <= IN_FLIGHT / 2 {
            let (mut bytes, mut fresh) = (sent.iter().map(|one| one.bytes).sum::<usize>(), false);
            while sent.len() < IN_FLIGHT && bytes < BYTES_IN_FLIGHT {
                let Some((at, (tag, command))) = queue.pop_front() else { break };
                if let Err(unsendable) = command.check() {
                    set_answer(&mut answers, at, Err(unsendable));
                    continue;
                }
                let Some(line) = command.as_line() else {
                    if sent.is_empty() {
                        let answer = command.run(wire, &tag).await?;
                        answer.data.iter().try_for_each(|reply| budget.count(wire, reply))?;
                        set_answer(&mut answers, at, Ok(answer));
                        continue;
                    }
                    queue.push_front((at, (tag, command)));
                    break;
                };
                if sent.is_empty() {
                    wire.begin(command.name())?;
                    wire.reader.set_bound(budget.until, budget.all);
                }
                tracing::trace!(tag, command = command.name(), "sent");
                for part in [tag.as_bytes(), b" ", line, b"\r\n"] {
                    wire.writer.push(part);
                }
                let size = line.len();
                sent.push(SentCommand { at, tag, bytes: size });
                (bytes, fresh) = (bytes + size, true);
            }
            unwritten |= fresh;
        }
        if sent.is_empty() {
            break;
        }
        match next_while_writing(wire, &mut unwritten).await? {
            Reply::Tagged { tag, line } => {
                let Some(position) = sent.iter().position(|one| one.tag == tag) else {
                    return Err(foreign_tag(wire, &tag));
                };
                let answered = sent.remove(position);
                tracing::trace!(tag, status = ?line.status, code = line.code.as_deref(), "answered");
                set_answer(&mut answers, answered.at, Ok(Answer { data: std::mem::take(&mut data), line }));
                wire.reader.progress();
                if sent.is_empty() {
                    wire.finish();
                }
            }
            Reply::Continue(_) => {}
            other => {
                budget.count(wire, &other)?;
                data.push(other);
            }
        }
    }
    // Every command was answered or is in error: the loop ends only with nothing under way and nothing
    // queued.
    Ok(answers.into_iter().flatten().collect())
}

/// The next response. What is not written yet goes out meanwhile: a server that stops reading until its
/// answers are read must not hold us and itself for ever.
async fn next_while_writing(wire: &mut Wire, unwritten: &mut bool) -> Result<Reply, ImapError> {
    if !*unwritten {
        return next_reply(wire).await;
    }
    let event = {
        let (reader, writer) = (&mut wire.reader, &mut wire.writer);
        let mut flush = pin!(writer.flush());
        let mut failed = false;
        poll_fn(|cx| {
            if *unwritten && let Poll::Ready(flushed) = flush.as_mut().poll(cx) {
                *unwritten = false;
                failed = flushed.is_err();
            }
            if failed { Poll::Ready(None) } else { reader.poll_event(cx).map(Some) }
        })
        .await
    };
    match event {
        Some(event) => reply_of(wire, event?),
        // Says what the server said before it left, if anything.
        None => {
            wire.flush().await?;
            next_reply(wire).await
        }
    }
}

/// What the answers to several commands together may take.
pub(crate) struct Budget {
    until: Instant,
    all: Duration,
    /// Bytes of answers that are kept until the last has come.
    kept: u64,
    /// FETCH responses among them: those list messages, and a folder has only so many.
    listed: u64,
}

impl Budget {
    /// For so many commands, each of which may take so long: all of them together the time of one, and ten
    /// seconds each.
    pub(crate) fn new(commands: usize, whole: Duration) -> Budget {
        let more = EACH.saturating_mul(u32::try_from(commands).unwrap_or(u32::MAX));
        let all = whole.saturating_add(more);
        Budget { until: Instant::now() + all, all, kept: 0, listed: 0 }
    }

    fn count(&mut self, wire: &mut Wire, reply: &Reply) -> Result<(), ImapError> {
        self.kept = self.kept.saturating_add(reply.len() as u64 + RESPONSE_COST);
        self.listed += u64::from(matches!(reply, Reply::Data { word, .. } if word == "FETCH"));
        let exists = wire.reader.exists();
        let most = bounds::most_told(exists, 0);
        let what = if self.kept > MAX_ANSWER {
            format!("more than {} MiB were sent in answer to several commands", MAX_ANSWER >> 20)
        } else if self.listed > most {
            format!("more than {most} messages were listed of a folder that holds {exists} by its count")
        } else {
            return Ok(());
        };
        Err(wire.reader.fail(ImapError::Limit { what }))
    }
}

struct SentCommand {
    at: usize,
    tag: String,
    bytes: usize,
}

fn set_answer(
    answers: &mut [Option<Result<Answer, ImapError>>],
    at: usize,
    answer: Result<Answer, ImapError>,
) {
    if let Some(place) = answers.get_mut(at) {
        *place = Some(answer);
    }
}
