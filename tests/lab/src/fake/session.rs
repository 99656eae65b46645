//! One connection to the server of the laboratory's own.

use std::io::{self, BufRead, Write};
use std::sync::{Mutex, MutexGuard};

use super::command::{self, Word, announced, words};
use super::{Give, Incoming, Inside, Message, Take, Verdict};

const SYSTEM: [&str; 5] = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];

/// Holds the conversation until one of the two leaves.
pub(super) fn serve(mut from: impl BufRead, mut to: impl Write, inside: &Mutex<Inside>) -> io::Result<()> {
    to.write_all(b"* OK the laboratory's own\r\n")?;
    let mut session = Session { inside, selected: None, out: Vec::new(), open: true };
    while session.open {
        let Some(line) = command::line(&mut from)? else { break };
        session.command(&line, &mut from, &mut to)?;
        to.write_all(&session.out)?;
        session.out.clear();
    }
    Ok(())
}

struct Session<'a> {
    inside: &'a Mutex<Inside>,
    selected: Option<String>,
    out: Vec<u8>,
    open: bool,
}

impl Session<'_> {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("the server's state")
    }

    fn say(&mut self, line: &str) {
        self.out.extend_from_slice(line.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// The tagged answer, and what this server says before it.
    fn end(&mut self, tag: &str, answer: &str) {
        if self.lock().manners.chatty {
            self.say("* OK Still here");
        }
        self.say(&format!("{tag} {answer}"));
    }

    fn command(&mut self, line: &str, from: &mut impl BufRead, to: &mut impl Write) -> io::Result<()> {
        let (tag, rest) = line.split_once(' ').unwrap_or((line, ""));
        let shown = if rest.to_ascii_uppercase().starts_with("LOGIN") { "LOGIN" } else { rest };
        let verdict = {
            let inside = &mut *self.lock();
            inside.heard.push(shown.to_owned());
            (inside.manners.on_command)(shown)
        };
        match verdict {
            Verdict::Go => {}
            Verdict::Say(answer) => {
                self.end(tag, &answer);
                return Ok(());
            }
            Verdict::Bye(answer) => {
                self.say(&answer);
                self.open = false;
                return Ok(());
            }
        }
        let before = if self.lock().manners.chatty { "* 1 RECENT\r\n* OK One moment\r\n" } else { "" };
        if rest.to_ascii_uppercase().starts_with("APPEND ") {
            return self.append(tag, rest, from, to, before);
        }
        // The words of a command with all its literals.
        let (mut piece, mut literal) = announced(rest);
        let mut all = words(piece);
        let mut next;
        while let Some(size) = literal {
            all.push(Word::Text(command::take(from, to, &size, before)?));
            let Some(more) = command::line(from)? else { return Ok(()) };
            next = more;
            (piece, literal) = announced(&next);
            all.extend(words(piece));
        }
        let texts: Vec<String> = all.iter().map(Word::text).collect();
        let upper: Vec<String> = texts.iter().map(|t| t.to_ascii_uppercase()).collect();
        let answer = match upper.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["CAPABILITY"] => {
                let told = format!("* CAPABILITY {}", self.lock().manners.capability);
                self.say(&told);
                "OK".to_owned()
            }
            ["LOGIN", ..] => "OK Welcome".to_owned(),
            ["ID", ..] => {
                self.say("* ID NIL");
                "OK".to_owned()
            }
            ["NAMESPACE"] => {
                let told = format!("* NAMESPACE {}", self.lock().manners.namespaces);
                self.say(&told);
                "OK".to_owned()
            }
            ["LIST" | "LSUB", ..] => self.list(&texts),
            ["STATUS", ..] => self.status(&texts),
            ["SELECT" | "EXAMINE", ..] => self.select(&texts[1], upper[0] == "EXAMINE"),
            ["CREATE", ..] => {
                let created = self.lock().store.create(&texts[1]);
                if created { "OK Created" } else { "NO [ALREADYEXISTS] It is there" }.to_owned()
            }
            ["SUBSCRIBE", ..] => {
                if let Some(folder) = self.lock().store.folders.get_mut(&texts[1]) {
                    folder.subscribed = true;
                }
                "OK".to_owned()
            }
            ["UID", "FETCH", ..] => self.fetch(&texts[2], &upper[3]),
            ["UID", "STORE", ..] => self.store(&texts[2], &upper[3], &texts[4]),
            ["UID", "EXPUNGE", ..] => self.expunge(&texts[2]),
            ["UID", "COPY", ..] => self.copy(&texts[2], &texts[3]),
            ["NOOP" | "CHECK" | "ENABLE", ..] => "OK".to_owned(),
            ["CLOSE" | "UNSELECT"] => {
                self.selected = None;
                "OK".to_owned()
            }
            ["LOGOUT"] => {
                self.say("* BYE");
                self.open = false;
                "OK".to_owned()
            }
            _ => "BAD Unknown command".to_owned(),
        };
        if self.open || answer == "OK" {
            self.end(tag, &answer);
        }
        Ok(())
    }

    fn list(&mut self, texts: &[String]) -> String {
        let word = texts[0].to_ascii_uppercase();
        if texts.len() == 3 && texts[2].is_empty() {
            self.say(&format!("* {word} (\\Noselect) \"/\" \"\""));
            return "OK".to_owned();
        }
        let names: Vec<(String, bool)> = self
            .lock()
            .store
            .folders
            .iter()
            .map(|(name, folder)| (name.clone(), folder.subscribed))
            .collect();
        for (name, subscribed) in names {
            if word == "LIST" || subscribed {
                self.say(&format!("* {word} () \"/\" {}", quoted(&name)));
            }
        }
        "OK".to_owned()
    }

    fn status(&mut self, texts: &[String]) -> String {
        let line = {
            let inside = self.lock();
            let Some(folder) = inside.store.folders.get(&texts[1]) else {
                return "NO [NONEXISTENT] No such folder".to_owned();
            };
            let items: Vec<String> = texts[2]
                .split(' ')
                .filter_map(|item| {
                    let value = match item.to_ascii_uppercase().as_str() {
                        "MESSAGES" => folder.messages.len() as u64,
                        "UIDNEXT" => u64::from(folder.next),
                        "UIDVALIDITY" => folder.validity,
                        "APPENDLIMIT" => folder.append_limit?,
                        _ => return None,
                    };
                    Some(format!("{item} {value}"))
                })
                .collect();
            format!("* STATUS {} ({})", quoted(&texts[1]), items.join(" "))
        };
        self.say(&line);
        "OK".to_owned()
    }

    fn select(&mut self, name: &str, read_only: bool) -> String {
        self.selected = None;
        let lines = {
            let inside = self.lock();
            let Some(folder) = inside.store.folders.get(name) else {
                return "NO [NONEXISTENT] No such folder".to_owned();
            };
            let kept = inside.manners.keywords.as_ref();
            let permanent = kept.map_or_else(|| "\\*".to_owned(), |keywords| keywords.join(" "));
            [
                format!("* FLAGS ({})", SYSTEM.join(" ")),
                format!("* OK [PERMANENTFLAGS ({} {permanent})] kept", SYSTEM.join(" ")),
                format!("* {} EXISTS", folder.messages.len()),
                "* 0 RECENT".to_owned(),
                format!("* OK [UIDVALIDITY {}] validity", folder.validity),
                format!("* OK [UIDNEXT {}] next", folder.next),
            ]
        };
        for line in lines {
            self.say(&line);
        }
        self.selected = Some(name.to_owned());
        if read_only { "OK [READ-ONLY] Open" } else { "OK [READ-WRITE] Open" }.to_owned()
    }

    fn fetch(&mut self, set: &str, items: &str) -> String {
        let Some(name) = self.selected.clone() else { return "BAD Nothing is selected".to_owned() };
        let whole = items.contains("BODY.PEEK[]");
        let mut answer = "OK".to_owned();
        let mut gone = Vec::new();
        let uids = self.lock().store.folders.get(&name).map(|f| f.resolve(set)).unwrap_or_default();
        for uid in uids {
            let (place, message, give) = {
                let inside = &mut *self.lock();
                let Some(folder) = inside.store.folders.get(&name) else { break };
                let Some(place) = folder.place(uid) else { continue };
                let message = folder.messages[place].clone();
                let give = match whole {
                    true => (inside.manners.on_fetch)(&message),
                    false if (inside.manners.on_list)(&message) => Give::Whole,
                    false => Give::Silent,
                };
                (place, message, give)
            };
            match give {
                Give::No => "NO [SERVERBUG] Message cannot be read".clone_into(&mut answer),
                Give::Bad => "BAD Internal error".clone_into(&mut answer),
                Give::Vanish => gone.push(uid),
                Give::Silent => {}
                Give::Close => self.open = false,
                _ => self.give(place, &message, items, give),
            }
            if !self.open {
                return answer;
            }
        }
        for uid in gone {
            self.remove(&name, uid);
        }
        answer
    }

    fn give(&mut self, place: usize, message: &Message, items: &str, give: Give) {
        // RFC822.SIZE in these tests is always the message's; what is delivered differs from it.
        let mut line =
            format!("* {} FETCH (UID {} FLAGS ({})", place + 1, message.uid, message.flags.join(" "));
        if !message.date.is_empty() {
            line.push_str(&format!(" INTERNALDATE \"{}\"", message.date));
        }
        line.push_str(&format!(" RFC822.SIZE {}", message.body.len()));
        self.out.extend_from_slice(line.as_bytes());
        let mut text = match items {
            items if items.contains("BODY.PEEK[]") => Some((" BODY[]".to_owned(), message.body.clone())),
            items if items.contains("BODY.PEEK[HEADER.FIELDS") => {
                let from = items.find("HEADER.FIELDS").unwrap_or_default();
                let section = items[from..].split(']').next().unwrap_or_default();
                Some((format!(" BODY[{section}]"), message_id(&message.body)))
            }
            items if items.contains("BODY.PEEK[HEADER]") => {
                Some((" BODY[HEADER]".to_owned(), header(&message.body).to_vec()))
            }
            _ => None,
        };
        if let Some((name, body)) = text.as_mut() {
            match give {
                Give::WithoutText => text = None,
                Give::Nil => {
                    self.out.extend_from_slice(format!("{name} NIL").as_bytes());
                    text = None;
                }
                Give::Short(by) => body.truncate(body.len().saturating_sub(by)),
                Give::Long(by) => body.extend(std::iter::repeat_n(b'x', by)),
                _ => {}
            }
        }
        if let Some((name, body)) = text {
            let more = if let Give::Announced(more) = give { more } else { 0 };
            let announced = body.len() as i64 + more;
            self.out.extend_from_slice(format!("{name} {{{announced}}}\r\n").as_bytes());
            if give == Give::Hangup {
                self.out.extend_from_slice(&body[..body.len() / 2]);
                self.open = false;
                return;
            }
            self.out.extend_from_slice(&body);
        }
        self.say(")");
    }

    fn remove(&mut self, name: &str, uid: u32) {
        let place = {
            let inside = &mut *self.lock();
            let Some(folder) = inside.store.folders.get_mut(name) else { return };
            let place = folder.place(uid);
            folder.messages.retain(|m| m.uid != uid);
            place
        };
        if let Some(place) = place {
            self.say(&format!("* {} EXPUNGE", place + 1));
        }
    }

    fn store(&mut self, set: &str, change: &str, flags: &str) -> String {
        let Some(name) = self.selected.clone() else { return "BAD Nothing is selected".to_owned() };
        let inside = &mut *self.lock();
        let flags = kept(inside, flags).0;
        let Some(folder) = inside.store.folders.get_mut(&name) else { return "NO It is gone".to_owned() };
        for uid in folder.resolve(set) {
            let Some(place) = folder.place(uid) else { continue };
            let own = &mut folder.messages[place].flags;
            own.retain(|flag| change.starts_with('+') || change.starts_with('-') && !flags.contains(flag));
            if !change.starts_with('-') {
                own.extend(flags.iter().cloned());
                own.sort();
                own.dedup();
            }
        }
        "OK".to_owned()
    }

    fn copy(&mut self, set: &str, to: &str) -> String {
        let Some(name) = self.selected.clone() else { return "BAD Nothing is selected".to_owned() };
        let inside = &mut *self.lock();
        let Some(folder) = inside.store.folders.get(&name) else { return "NO It is gone".to_owned() };
        let uids = folder.resolve(set);
        let copies: Vec<Message> =
            folder.messages.iter().filter(|m| uids.contains(&m.uid)).cloned().collect();
        let Some(to) = inside.store.folders.get_mut(to) else {
            return "NO [TRYCREATE] No such folder".to_owned();
        };
        for message in copies {
            to.add(message.flags, message.date, message.body);
        }
        "OK".to_owned()
    }

    fn expunge(&mut self, set: &str) -> String {
        let Some(name) = self.selected.clone() else { return "BAD Nothing is selected".to_owned() };
        let uids: Vec<u32> = {
            let inside = self.lock();
            let Some(folder) = inside.store.folders.get(&name) else { return "NO It is gone".to_owned() };
            let marked = |uid: &u32| {
                folder.messages.iter().any(|m| m.uid == *uid && m.flags.iter().any(|f| f == "\\Deleted"))
            };
            folder.resolve(set).into_iter().filter(marked).collect()
        };
        for uid in uids {
            self.remove(&name, uid);
        }
        "OK".to_owned()
    }

    /// APPEND of one message, or of several in one command (RFC 3502), which are then judged one by one and stored
    /// all or none.
    fn append(
        &mut self,
        tag: &str,
        rest: &str,
        from: &mut impl BufRead,
        to: &mut impl Write,
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
            name = Some(String::from_utf8_lossy(&command::take(from, to, &size, before)?).into_owned());
        } else {
            head.remove(0);
        }
        let name = name.unwrap_or_default();
        loop {
            if let Some(size) = literal {
                // Where the client waits for leave, what is known by then may refuse it.
                let missing = !self.lock().store.folders.contains_key(&name);
                if missing && size.waits {
                    self.end(tag, "NO [TRYCREATE] No such folder");
                    return Ok(());
                }
                let body = command::take(from, to, &size, before)?;
                messages.push((std::mem::take(&mut head), body));
            }
            let Some(line) = command::line(from)? else { return Ok(()) };
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
        let answer = self.take_in(&name, messages);
        match answer {
            Some(answer) => self.end(tag, &answer),
            None => self.open = false,
        }
        Ok(())
    }

    /// Judges and stores; the tagged answer, or `None` to hang up.
    fn take_in(&mut self, name: &str, messages: Vec<(Vec<Word>, Vec<u8>)>) -> Option<String> {
        let inside = &mut *self.lock();
        if !inside.store.folders.contains_key(name) {
            return Some("NO [TRYCREATE] No such folder".to_owned());
        }
        let mut ready = Vec::new();
        let (mut say, mut hangup, mut store) = (None, false, true);
        for (head, body) in messages {
            let (flags, date) = match &head[..] {
                [Word::Group(flags), Word::Text(date)] => {
                    (flags.clone(), String::from_utf8_lossy(date).into())
                }
                [Word::Group(flags)] => (flags.clone(), String::new()),
                [Word::Text(date)] => (String::new(), String::from_utf8_lossy(date).into()),
                _ => (String::new(), String::new()),
            };
            let (flags, dropped) = kept(inside, &flags);
            if dropped && inside.manners.strict_flags {
                return Some("BAD Unrecognized flag".to_owned());
            }
            let mut incoming = Incoming { folder: name, body: &body, store: &mut inside.store };
            match (inside.manners.on_append)(&mut incoming) {
                Take::Store => {}
                Take::StoreAndSay(answer) => say = Some(answer),
                Take::Say(answer) => (say, store) = (Some(answer), false),
                Take::Hangup { stored } => {
                    hangup = true;
                    store &= stored;
                }
            }
            ready.push((flags, date, body));
        }
        let folder = inside.store.folders.get_mut(name)?;
        let mut uids = Vec::new();
        if store {
            uids.extend(ready.into_iter().map(|(flags, date, body)| folder.add(flags, date, body)));
        }
        if hangup {
            return None;
        }
        if let Some(say) = say {
            return Some(say);
        }
        let set: Vec<String> = uids.iter().map(ToString::to_string).collect();
        let told = inside.manners.capability.split(' ').any(|word| word == "UIDPLUS");
        Some(if told {
            format!("OK [APPENDUID {} {}] Stored", folder.validity, set.join(","))
        } else {
            "OK Stored".to_owned()
        })
    }
}

/// The flags of a list that this server keeps, and whether it drops any.
fn kept(inside: &Inside, flags: &str) -> (Vec<String>, bool) {
    let all: Vec<&str> = flags.split(' ').filter(|flag| !flag.is_empty()).collect();
    let keeps = |flag: &&str| {
        SYSTEM.contains(flag)
            || !flag.starts_with('\\')
                && inside.manners.keywords.as_ref().is_none_or(|known| known.iter().any(|k| k == flag))
    };
    let kept: Vec<String> = all.iter().copied().filter(keeps).map(str::to_owned).collect();
    let dropped = kept.len() < all.len();
    (kept, dropped)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The header block with its blank line.
fn header(body: &[u8]) -> &[u8] {
    let end = body.windows(4).position(|part| part == b"\r\n\r\n");
    end.map_or(body, |at| &body[..at + 4])
}

/// The Message-ID line with its blank line.
fn message_id(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(header(body)).into_owned();
    let line = text.split("\r\n").find(|line| line.to_ascii_lowercase().starts_with("message-id:"));
    line.map_or_else(|| b"\r\n".to_vec(), |line| format!("{line}\r\n\r\n").into_bytes())
}
