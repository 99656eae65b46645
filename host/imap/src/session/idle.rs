//! Waiting for the open folder to change (IDLE, RFC 2177).

use std::time::Duration;

use tokio::time::timeout;

use crate::command::selected::Change;
use crate::command::{Answer, foreign_tag, next_reply, reply_of};
use crate::session::Session;
use crate::syntax::reply::{Reply, StatusLine};
use crate::types::error::ImapError;

/// Servers may end a session that idles longer (RFC 2177).
const MAX_IDLE: Duration = Duration::from_secs(28 * 60);

impl Session {
    /// Waits until something changes in the open folder, at most `patience` and never longer than 28 minutes.
    /// Returns whether it did: messages came or went, or flags changed.
    ///
    /// # Errors
    /// `Unsupported` without IDLE; `No` or `Bad` when the server refuses; lost connections.
    pub async fn idle(&mut self, patience: Duration) -> Result<bool, ImapError> {
        const NAME: &str = "IDLE";
        if !self.facts().has(NAME) {
            return Err(ImapError::Unsupported { command: NAME, capability: NAME });
        }
        self.drain_fetch().await?;
        let tag = self.next_tag();
        let timeouts = self.timeouts().clone();
        let patience = patience.min(MAX_IDLE);
        let wire = self.wire()?;
        wire.begin(NAME)?;
        wire.writer.push(format!("{tag} {NAME}\r\n").as_bytes());
        wire.flush().await?;
        let mut changed = false;
        // The server's consent, under the usual deadlines.
        let early = loop {
            match next_reply(wire).await? {
                Reply::Continue(_) => break None,
                Reply::Tagged { tag: theirs, line } if theirs == tag => break Some(line),
                Reply::Tagged { tag: theirs, .. } => return Err(foreign_tag(wire, &theirs)),
                other => changed |= is_change(&other),
            }
        };
        if let Some(line) = early {
            wire.finish();
            return outcome(line).map(|()| changed);
        }
        // Silence is what idling is made of: the clock of the line stands still until it is over.
        let slack = Duration::from_secs(60);
        wire.reader.set_patience(patience + slack, patience + slack);
        let watch = async {
            while !changed {
                let event = wire.reader.event().await?;
                match reply_of(wire, event)? {
                    // Some servers end it by themselves.
                    Reply::Tagged { tag: theirs, line } if theirs == tag => return Ok(Some(line)),
                    Reply::Tagged { tag: theirs, .. } => return Err(foreign_tag(wire, &theirs)),
                    other => changed |= is_change(&other),
                }
            }
            Ok(None)
        };
        let ended = match timeout(patience, watch).await {
            Ok(ended) => ended?,
            Err(_) => None,
        };
        wire.reader.set_patience(timeouts.idle, timeouts.command);
        let line = match ended {
            Some(line) => line,
            None => {
                wire.writer.push(b"DONE\r\n");
                wire.flush().await?;
                loop {
                    match next_reply(wire).await? {
                        Reply::Tagged { tag: theirs, line } if theirs == tag => break line,
                        Reply::Tagged { tag: theirs, .. } => return Err(foreign_tag(wire, &theirs)),
                        other => changed |= is_change(&other),
                    }
                }
            }
        };
        wire.finish();
        outcome(line).map(|()| changed)
    }
}

fn outcome(line: StatusLine) -> Result<(), ImapError> {
    Answer { data: Vec::new(), line }.ok("IDLE").map(drop)
}

fn is_change(reply: &Reply) -> bool {
    Change::read(reply).is_some() || matches!(reply, Reply::Data { word, .. } if word == "FETCH")
}
