//! A running FETCH.

/// A running FETCH; lives in the session, so that a dropped [`Fetch`] leaves nothing unread.
#[derive(Debug)]
pub(crate) struct FetchState {
    items: FetchItems,
    /// Commands under way at once.
    at_once: usize,
    queue: VecDeque<UidSet>,
    in_flight: VecDeque<Command>,
    /// What is known of messages that are not complete yet.
    held: BTreeMap<u32, FetchLine>,
    /// Messages that are complete and not returned yet, with bodies that were held in memory.
    ready: VecDeque<(Fetched, Bytes)>,
    body: Body,
    /// What was done with the body of the response under way.
    current: Current,
    refused: Vec<FetchRefusal>,
    /// The message whose text is on its way.
    arriving: Option<u32>,
    /// What is learnt of reading, and where.
    reading: Reading,
    folder: FolderName,
    /// Messages that the folder holds, and the number that was to be given next when it was opened.
    exists: u32,
    uid_next: Option<u32>,
    /// A question was refused and asked by halves.
    halved: bool,
    /// The most messages that one question was answered with.
    most_given: u64,
    /// Messages that were returned, or are to be.
    came: u64,
    /// Bytes of the lines that said anything new, bodies aside.
    bytes: u64,
    /// A fetch that was dropped half-way.
    before: Option<Box<FetchState>>,
}

#[derive(Debug)]
struct Command {
    tag: String,
    uids: UidSet,
    done: UidSet,
}

/// Where the body of the message returned last comes from.
#[derive(Debug)]
enum Body {
    None,
    Wire,
    Memory(Bytes),
}

#[derive(Debug)]
enum Current {
    /// Its body, if any, stands in the response itself.
    Whole,
    /// It was returned already; the rest of the response says nothing new.
    Spent,
    /// It was not asked for, or has come before.
    Unwanted,
    /// Its body waits here for the rest of the response.
    Held(Bytes),
    /// Its body was too long to be held.
    TooLong(u64),
}

impl FetchState {
    /// Whether nothing is left on the wire.
    pub(crate) fn is_over(&self) -> bool {
        self.in_flight.is_empty() && self.before.as_ref().is_none_or(|before| before.is_over())
    }

    /// A FETCH response is complete. Returns whether it brought a message forward.
    fn take_response(&mut self, response: &[u8]) -> bool {
        let current = std::mem::replace(&mut self.current, Current::Whole);
        self.arrived();
        match current {
            Current::Spent => return true,
            Current::Unwanted => return false,
            Current::Whole | Current::Held(_) | Current::TooLong(_) => {}
        }
        let mut line = FetchLine::read(response, self.items);
        let Some(uid) = line.uid.filter(|uid| self.is_wanted(*uid)) else { return false };
        let section = std::mem::take(&mut line.section);
        let mut known = self.held.remove(&uid).unwrap_or_default();
        let before = known.items();
        known.merge(line);
        let body = match (current, section) {
            (Current::Held(bytes), _) => Some(Some(bytes)),
            (Current::TooLong(len), _) => {
                let text =
                    format!("a body of {len} bytes came before its flags and UID, too long to be held");
                let refusal = Refusal { code: None, text, bad: false };
                self.refused.push(FetchRefusal { uids: UidSet::range(uid, uid), refusal, ended: false });
                self.done(uid);
                return true;
            }
            (_, Section::Inline(bytes)) => Some(Some(Bytes::from(bytes))),
            (_, Section::Nil) => Some(None),
            (_, Section::Absent) => None,
        };
        match body {
            Some(body) if self.items.has_body() => {
                let len = body.as_ref().map(|bytes| bytes.len() as u64);
                self.done(uid);
                self.ready.push_back((fetched(uid, known, len), body.unwrap_or_default()));
            }
            None if !self.items.has_body() && known.flags.is_some() && self.items.is_answered_by(&known) => {
                self.done(uid);
                self.ready.push_back((fetched(uid, known, None), Bytes::new()));
            }
            _ => {
                // The same items once more say nothing of how far the command is.
                let news = known.is_answer() && known.items() > before;
                self.held.insert(uid, known);
                return news;
            }
        }
        true
    }

    /// A command has ended: what it left incomplete is returned as it is, or refused.
    fn end(&mut self, command: Command, line: StatusLine) {
        tracing::trace!(tag = command.tag, status = ?line.status, code = line.code.as_deref(), "answered");
        let left: Vec<u32> = self.held.keys().copied().filter(|uid| command.uids.contains(*uid)).collect();
        let ok = matches!(line.status, Status::Ok);
        for uid in left {
            let Some(known) = self.held.remove(&uid) else { continue };
            // Exchange answers OK and leaves out bodies it cannot produce. Only flags, on the other hand, is
            // news about a message that was not asked for by this command or is gone.
            if ok && known.is_answer() && !command.done.contains(uid) {
                self.ready.push_back((fetched(uid, known, None), Bytes::new()));
            }
        }
        if ok {
            self.most_given = self.most_given.max(command.done.len());
        } else {
            let uids = command.uids.without(&command.done);
            let refusal = Refusal { code: line.code, text: line.text, bad: line.status == Status::Bad };
            self.refuse(uids, refusal);
        }
        let over = self.queue.is_empty() && self.in_flight.is_empty();
        if over && self.halved && self.most_given > 0 && self.refused.iter().all(|refused| refused.ended) {
            self.reading.takes(self.items, u32::try_from(self.most_given).unwrap_or(u32::MAX));
        }
    }

    /// A question was refused. For texts it is the caller who asks for them in parts; a list is asked for by
    /// halves, until one message alone is refused: then there is no list, and nothing more is asked.
    fn refuse(&mut self, mut uids: UidSet, refusal: Refusal) {
        if self.items.is_list() {
            let halves =
                refusal.may_be_about_length().then(|| halves(&uids, self.exists, self.uid_next)).flatten();
            if let Some([first, second]) = halves {
                self.halved = true;
                self.queue.push_front(second);
                self.queue.push_front(first);
                return;
            }
            self.queue.drain(..).for_each(|left| uids.extend(&left));
        }
        self.refused.push(FetchRefusal { uids, refusal, ended: false });
    }

    fn is_wanted(&self, uid: u32) -> bool {
        self.in_flight.iter().any(|command| command.uids.contains(uid) && !command.done.contains(uid))
    }

    /// The text that was on its way is there.
    fn arrived(&mut self) {
        if let Some(uid) = self.arriving.take() {
            self.reading.was_read(&self.folder, self.items, uid);
        }
    }

    /// Takes note of what was asked for when the connection ended.
    fn ended(&mut self, error: &ImapError) {
        let Some(command) = self.in_flight.front() else { return };
        // What trickles, or is too long, is about a message only where it is its text.
        if self.arriving.is_none() && is_of_ours(error) {
            return;
        }
        let open = command.uids.is_open() || self.halved;
        let asked = u32::try_from(command.uids.len()).unwrap_or(u32::MAX);
        let asked = if open { asked.min(self.exists) } else { asked };
        let nothing_came = command.done.is_empty() && self.arriving.is_none();
        let next =
            || if open { None } else { command.uids.without(&command.done).bounds().map(|(uid, _)| uid) };
        let at = At { uid: self.arriving.or_else(next), asked: if nothing_came { asked } else { 0 } };
        if at.uid.is_some() || nothing_came {
            self.reading.ended(&self.folder, self.items, at, error);
        }
    }

    fn done(&mut self, uid: u32) {
        if self.arriving != Some(uid) {
            self.reading.was_read(&self.folder, self.items, uid);
        }
        self.came += 1;
        for command in self.in_flight.iter_mut().filter(|command| command.uids.contains(uid)) {
            command.done.insert(uid);
        }
    }
}
