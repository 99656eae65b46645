//! APPEND, of one message or several.

use std::io;

use super::command::{self, Wire, Word, announced, words};
use super::session::{SYSTEM, Session};
use super::{Incoming, State, Take};

/// How the whole command is answered, after each of its messages was judged.
enum AppendReply {
    /// The tagged answer, without the tag.
    Say(String),
    Hangup,
    Never,
    /// An untagged line, and no tagged answer after it.
    Untagged(String),
}

impl Session<'_> {
    /// APPEND of one message, or of several in one command (RFC 3502), which are then judged one by one and
    /// stored all or none.
    pub(super) async fn append(
        &mut self,
        tag: &str,
        rest: &str,
        wire: &mut impl Wire,
        before: &str,
    ) -> io::Result<()> {
        let (piece, mut literal) = announced(rest);
        let mut head = words(piece)[1..].to_vec();
        let mut messages = Vec::new();
        // A name may itself be a literal; then the message's comes on the next piece of line.
        let mut name = head.first().map(Word::text);
        if name.is_none() {
            let Some(size) = literal.take() else {
                self.end(tag, "BAD No folder");
                return Ok(());
            };
            name = Some(String::from_utf8_lossy(&command::take(wire, &size, before).await?).into_owned());
        } else {
            head.remove(0);
        }
        let name = self.name(&name.unwrap_or_default());
        loop {
            if let Some(size) = literal {
                // Where the client waits for leave, what is known by then may refuse it.
                let missing = !self.lock().store.folders.contains_key(&name);
                if missing && size.waits {
                    self.end(tag, "NO [TRYCREATE] No such folder");
                    return Ok(());
                }
                let body = command::take(wire, &size, before).await?;
                messages.push((std::mem::take(&mut head), body));
            }
            let Some(line) = command::line(wire).await? else { return Ok(()) };
            if line.is_empty() {
                break;
            }
            if self.lock().manners.no_batches {
                // And reads what follows as commands.
                self.end(tag, "BAD Junk after the message");
                return Ok(());
            }
            let (piece, announced) = announced(&line);
            head = words(piece);
            literal = announced;
        }
        match self.take_in(&name, messages) {
            AppendReply::Say(answer) => self.end(tag, &answer),
            AppendReply::Hangup => self.open = false,
            AppendReply::Never => std::future::pending().await,
            AppendReply::Untagged(words) => {
                self.say(&words);
                self.silent = true;
            }
        }
        Ok(())
    }

    /// Lets the hook judge each message, and stores them: of several in one command all or none.
    fn take_in(&mut self, name: &str, messages: Vec<(Vec<Word>, Vec<u8>)>) -> AppendReply {
        let state = &mut *self.lock();
        if !state.store.folders.contains_key(name) {
            return AppendReply::Say("NO [TRYCREATE] No such folder".to_owned());
        }
        let mut ready = Vec::new();
        let (mut say, mut end, mut store) = (None, None, true);
        for (head, mut body) in messages {
            let (flags, mut date): (String, String) = match &head[..] {
                [Word::Group(flags), Word::Text(date)] => {
                    (flags.clone(), String::from_utf8_lossy(date).into())
                }
                [Word::Group(flags)] => (flags.clone(), String::new()),
                [Word::Text(date)] => (String::new(), String::from_utf8_lossy(date).into()),
                _ => (String::new(), String::new()),
            };
            let (mut flags, dropped) = kept(state, &flags);
            if dropped && state.manners.strict_flags {
                return AppendReply::Say("BAD Unrecognized flag".to_owned());
            }
            let mut late = None;
            let mut incoming = Incoming {
                folder: name,
                flags: &mut flags,
                date: &mut date,
                body: &mut body,
                store: &mut state.store,
            };
            match (state.manners.on_append)(&mut incoming) {
                Take::Store => {}
                Take::Late(after) => late = Some(after),
                Take::StoreAndSay(answer) => say = Some(answer),
                Take::Say(answer) => (say, store) = (Some(answer), false),
                Take::Untagged(words) => (end, store) = (Some(AppendReply::Untagged(words)), false),
                Take::Hangup { stored } => {
                    end = Some(AppendReply::Hangup);
                    store &= stored;
                }
                Take::Never { stored } => {
                    end = Some(AppendReply::Never);
                    store &= stored;
                }
            }
            ready.push((flags, date, body, late));
        }
        state.store.some_late |= ready.iter().any(|(.., late)| late.is_some());
        // A hook may have taken it away.
        let Some(folder) = state.store.folders.get_mut(name) else {
            return AppendReply::Say("NO [TRYCREATE] No such folder".to_owned());
        };
        let mut uids = Vec::new();
        if store {
            uids.extend(ready.into_iter().map(|(flags, date, body, late)| match late {
                Some(after) => folder.add_late(after, flags, date, body),
                None => folder.add(flags, date, body),
            }));
        }
        if let Some(end) = end {
            return end;
        }
        if let Some(say) = say {
            return AppendReply::Say(say);
        }
        let set: Vec<String> = uids.iter().map(ToString::to_string).collect();
        AppendReply::Say(if state.manners.tells("UIDPLUS") {
            format!("OK [APPENDUID {} {}] Stored", folder.validity, set.join(","))
        } else {
            "OK Stored".to_owned()
        })
    }
}

/// The flags of a list that this server keeps, and whether it drops any.
pub(super) fn kept(state: &State, flags: &str) -> (Vec<String>, bool) {
    let all: Vec<&str> = flags.split(' ').filter(|flag| !flag.is_empty()).collect();
    let keeps = |flag: &&str| {
        SYSTEM.contains(flag)
            || !flag.starts_with('\\')
                && state.manners.keywords.as_ref().is_none_or(|known| known.iter().any(|k| k == flag))
    };
    let kept: Vec<String> = all.iter().copied().filter(keeps).map(str::to_owned).collect();
    let dropped = kept.len() < all.len();
    (kept, dropped)
}
