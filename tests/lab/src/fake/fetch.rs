//! FETCH: lists, headers and texts.

use super::session::Session;
use super::{Give, Message};

/// What Exchange sends in place of a message it cannot convert.
const STAND_IN: &[u8] =
    b"Subject: Retrieval using the IMAP4 protocol failed for the following message\r\n\r\n\
    The server couldn't retrieve the following message.\r\n";

impl Session<'_> {
    pub(super) fn fetch(&mut self, set: &str, items: &str, modifiers: Option<&String>) -> String {
        let Some(name) = self.selected.clone() else { return "BAD Nothing is selected".to_owned() };
        let whole = items.contains("BODY.PEEK[]");
        let since = modifiers.and_then(|text| text.strip_prefix("CHANGEDSINCE ")?.parse::<u64>().ok());
        let mut answer = "OK".to_owned();
        let mut gone = Vec::new();
        if let Some((folder, words)) = self.lock().manners.refuses_lists.as_ref().filter(|_| !whole)
            && *folder == name
        {
            return words.clone();
        }
        let uids = self.lock().store.folders.get(&name).map(|f| f.resolve(set)).unwrap_or_default();
        let most = {
            let state = self.lock();
            if whole { state.manners.most_texts } else { state.manners.most_listed }
        };
        if uids.len() > most {
            self.say("* BYE Connection closed. 14");
            self.open = false;
            return "NO".to_owned();
        }
        for uid in uids {
            let (place, message, give) = {
                let state = &mut *self.lock();
                let Some(folder) = state.store.folders.get(&name) else { break };
                let Some(place) = folder.place(uid) else { continue };
                let message = folder.messages[place].clone();
                if since.is_some_and(|since| message.modseq <= since) {
                    continue;
                }
                let give = match whole {
                    true => (state.manners.on_fetch)(&message),
                    false if (state.manners.on_list)(&message) => Give::Whole,
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
                Give::Bye(words) => {
                    self.say(&format!("* BYE {words}"));
                    self.open = false;
                }
                Give::Never => self.silent = true,
                _ => self.give(place, &message, items, give),
            }
            if !self.open || self.silent {
                return String::new();
            }
        }
        for uid in gone {
            self.remove(&name, uid);
        }
        answer
    }

    fn give(&mut self, place: usize, message: &Message, items: &str, give: Give) {
        // RFC822.SIZE in these tests is always the message's; what is delivered differs from it.
        let mut line = format!("* {} FETCH (UID {}", place + 1, message.uid);
        if items.contains("FLAGS") {
            line.push_str(&format!(" FLAGS ({})", message.flags.join(" ")));
        }
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
                Give::Empty => body.clear(),
                Give::Short(by) => body.truncate(body.len().saturating_sub(by)),
                Give::StandIn => STAND_IN.clone_into(body),
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
}

/// Returns the header block with the blank line after it.
fn header(body: &[u8]) -> &[u8] {
    let end = body.windows(4).position(|part| part == b"\r\n\r\n");
    end.map_or(body, |at| &body[..at + 4])
}

/// Returns the Message-ID line with a blank line after it, as `BODY[HEADER.FIELDS (MESSAGE-ID)]` is answered.
fn message_id(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(header(body)).into_owned();
    let line = text.split("\r\n").find(|line| line.to_ascii_lowercase().starts_with("message-id:"));
    line.map_or_else(|| b"\r\n".to_vec(), |line| format!("{line}\r\n\r\n").into_bytes())
}
