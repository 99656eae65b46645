//! One connection to the server of the laboratory's own.

use std::io;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::{sleep, timeout};

use super::command::{self, Wire, Word, announced, words};
use super::store::Folder;
use super::{State, Verdict};

/// Ten years: the limit where a server does not hang up on the idle.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

pub(super) const SYSTEM: [&str; 5] = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];

/// Holds the conversation until one of the two leaves.
pub(super) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin,
    state: &Mutex<State>,
) -> io::Result<()> {
    let mut wire = BufReader::new(stream);
    wire.write_all(b"* OK the laboratory's own\r\n").await?;
    let mut session = Session { state, selected: None, out: Vec::new(), open: true, silent: false };
    while session.open {
        let patience = session.lock().manners.hangs_up_after.unwrap_or(FOREVER);
        let Ok(line) = timeout(patience, command::line(&mut wire)).await else {
            wire.write_all(b"* BYE Autologout; idle for too long\r\n").await?;
            break;
        };
        let Some(line) = line? else { break };
        let shown = session.command(&line, &mut wire).await?;
        let mut out = std::mem::take(&mut session.out);
        (session.lock().manners.on_answer)(&shown, &mut out);
        wire.write_all(&out).await?;
        if session.silent {
            std::future::pending::<()>().await;
        }
    }
    wire.shutdown().await
}

pub(super) struct Session<'a> {
    pub(super) state: &'a Mutex<State>,
    pub(super) selected: Option<String>,
    pub(super) out: Vec<u8>,
    pub(super) open: bool,
    /// Set when the server falls silent with the connection open.
    pub(super) silent: bool,
}

impl Session<'_> {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the server's state")
    }

    pub(super) fn say(&mut self, line: &str) {
        self.out.extend_from_slice(line.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// The tagged answer, and what this server says before it.
    pub(super) fn end(&mut self, tag: &str, answer: &str) {
        if self.lock().manners.chatty {
            self.say("* OK Still here");
        }
        self.say(&format!("{tag} {answer}"));
    }

    /// The folder's own name, of one as it is spelt in a command.
    pub(super) fn name(&self, spelt: &str) -> String {
        let state = self.lock();
        let spelt = &(state.manners.reads_name)(spelt);
        if !state.manners.folds_case {
            return spelt.to_owned();
        }
        let same = |name: &&String| name.eq_ignore_ascii_case(spelt);
        state.store.folders.keys().find(same).cloned().unwrap_or_else(|| spelt.to_owned())
    }

    /// Carries a command out; returns its line as it is shown to hooks.
    async fn command(&mut self, line: &str, wire: &mut impl Wire) -> io::Result<String> {
        let (tag, rest) = line.split_once(' ').unwrap_or((line, ""));
        let shown = if rest.to_ascii_uppercase().starts_with("LOGIN") { "LOGIN" } else { rest };
        let (verdict, repeats) = {
            let state = &mut *self.lock();
            state.store.show_late(false);
            state.heard.push(shown.to_owned());
            assert!(state.heard.len() <= state.most, "too many commands; the last one is {shown}");
            ((state.manners.on_command)(shown), state.manners.repeats_commands)
        };
        match verdict {
            Verdict::Go => self.carry_out(tag, rest, wire).await?,
            Verdict::Say(answer) if repeats => self.end(tag, &format!("{answer}: {rest}")),
            Verdict::Say(answer) => self.end(tag, &answer),
            Verdict::Bye(answer) => {
                self.say(&answer);
                self.open = false;
            }
            Verdict::Never => std::future::pending().await,
            Verdict::Later(after) => {
                sleep(after).await;
                self.carry_out(tag, rest, wire).await?;
            }
            Verdict::Endless { every, say } => {
                for n in 0.. {
                    wire.write_all(&say(n)).await?;
                    wire.flush().await?;
                    if !every.is_zero() {
                        sleep(every).await;
                    }
                }
            }
            Verdict::Work { said, every } => {
                for _ in 0..said {
                    wire.write_all(b"* OK Still here\r\n").await?;
                    wire.flush().await?;
                    sleep(every).await;
                }
                self.carry_out(tag, rest, wire).await?;
            }
            Verdict::Sip { bytes, every } => loop {
                wire.read_exact(&mut vec![0; bytes]).await?;
                sleep(every).await;
            },
        }
        Ok(shown.to_owned())
    }

    async fn carry_out(&mut self, tag: &str, rest: &str, wire: &mut impl Wire) -> io::Result<()> {
        let before = if self.lock().manners.chatty { "* 1 RECENT\r\n* OK One moment\r\n" } else { "" };
        if rest.to_ascii_uppercase().starts_with("APPEND ") {
            return self.append(tag, rest, wire, before).await;
        }
        // The words of a command with all its literals.
        let (mut piece, mut literal) = announced(rest);
        let mut all = words(piece);
        let mut next;
        while let Some(size) = literal {
            all.push(Word::Text(command::take(wire, &size, before).await?));
            let Some(more) = command::line(wire).await? else { return Ok(()) };
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
                let name = self.name(&texts[1]);
                let created = self.lock().store.create(&name);
                if created { "OK Created" } else { "NO [ALREADYEXISTS] It is there" }.to_owned()
            }
            ["SUBSCRIBE", ..] => {
                let name = self.name(&texts[1]);
                if let Some(folder) = self.lock().store.folders.get_mut(&name) {
                    folder.subscribed = true;
                }
                "OK".to_owned()
            }
            ["GETQUOTAROOT", ..] if self.lock().store.quota.is_some() => self.quota(),
            ["UID", "FETCH", ..] => self.fetch(&texts[2], &upper[3], upper.get(4)),
            ["UID", "SEARCH", "LARGER", bytes] => self.search_larger(bytes.parse().unwrap_or(usize::MAX)),
            ["UID", "STORE", ..] => self.store(&texts[2], &upper[3], &texts[4]),
            ["UID", "EXPUNGE", ..] => self.expunge(&texts[2]),
            ["UID", "COPY", ..] => self.copy(&texts[2], &texts[3], false),
            ["UID", "MOVE", ..] if self.lock().manners.tells("MOVE") => self.copy(&texts[2], &texts[3], true),
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
        if !self.silent && (self.open || answer == "OK") {
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
        let all = |pattern: &&String| pattern.contains(['*', '%']) || pattern.eq_ignore_ascii_case("INBOX");
        let one = texts.get(2).filter(|pattern| !all(pattern));
        let names: Vec<(String, bool)> = {
            let folders = &self.lock().store.folders;
            let shown = |(name, folder): (&String, &Folder)| (name.clone(), folder.subscribed);
            match one {
                // A name that somebody asks for, as it is spelt here.
                Some(name) => folders.get_key_value(name).map(shown).into_iter().collect(),
                None => folders.iter().map(shown).collect(),
            }
        };
        for (name, subscribed) in names {
            if word == "LIST" || subscribed {
                self.say(&format!("* {word} () \"/\" {}", quoted(&name)));
            }
        }
        "OK".to_owned()
    }

    fn status(&mut self, texts: &[String]) -> String {
        let name = self.name(&texts[1]);
        let line = {
            let state = self.lock();
            let Some(folder) = state.store.folders.get(&name) else {
                return "NO [NONEXISTENT] No such folder".to_owned();
            };
            let items: Vec<String> = texts[2]
                .split(' ')
                .filter_map(|item| {
                    let value = match item.to_ascii_uppercase().as_str() {
                        "MESSAGES" => folder.messages.len() as u64,
                        "UIDNEXT" => u64::from(folder.next),
                        "UIDVALIDITY" => folder.validity,
                        "HIGHESTMODSEQ" if state.manners.tells("CONDSTORE") => folder.modseq,
                        "SIZE" if state.manners.tells("STATUS=SIZE") => folder.bytes(),
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

    fn quota(&mut self) -> String {
        let (used, limit) = {
            let store = &self.lock().store;
            (store.bytes().div_ceil(1024), store.quota.unwrap_or_default())
        };
        self.say("* QUOTAROOT INBOX all");
        self.say(&format!("* QUOTA all (STORAGE {used} {limit})"));
        "OK".to_owned()
    }

    fn search_larger(&mut self, bytes: usize) -> String {
        let found: Option<Vec<String>> = {
            let state = self.lock();
            let folder = self.selected.as_ref().and_then(|name| state.store.folders.get(name));
            let larger = |folder: &Folder| {
                let found = folder.messages.iter().filter(|message| message.body.len() > bytes);
                found.map(|message| message.uid.to_string()).collect()
            };
            folder.map(larger)
        };
        let Some(found) = found else { return "BAD No folder is open".to_owned() };
        self.say(format!("* SEARCH {}", found.join(" ")).trim_end());
        "OK".to_owned()
    }

    fn select(&mut self, spelt: &str, read_only: bool) -> String {
        self.selected = None;
        let name = self.name(spelt);
        let lines = {
            let state = self.lock();
            let Some(folder) = state.store.folders.get(&name) else {
                return "NO [NONEXISTENT] No such folder".to_owned();
            };
            let kept = state.manners.keywords.as_ref();
            let permanent = kept.map_or_else(|| "\\*".to_owned(), |keywords| keywords.join(" "));
            let modseq = format!("* OK [HIGHESTMODSEQ {}] changes", folder.modseq);
            let modseq = Some(modseq).filter(|_| state.manners.tells("CONDSTORE"));
            // Keywords as real servers tell them: those that some message has.
            let mut in_use: Vec<&str> = SYSTEM.to_vec();
            for flag in folder.messages.iter().flat_map(|message| &message.flags) {
                if !in_use.contains(&flag.as_str()) {
                    in_use.push(flag);
                }
            }
            let lines = [
                format!("* FLAGS ({})", in_use.join(" ")),
                format!("* OK [PERMANENTFLAGS ({} {permanent})] kept", SYSTEM.join(" ")),
                format!("* {} EXISTS", folder.messages.len()),
                "* 0 RECENT".to_owned(),
                format!("* OK [UIDVALIDITY {}] validity", folder.validity),
                format!("* OK [UIDNEXT {}] next", folder.next),
            ];
            lines.into_iter().chain(modseq).collect::<Vec<_>>()
        };
        for line in lines {
            self.say(&line);
        }
        self.selected = Some(name);
        if read_only { "OK [READ-ONLY] Open" } else { "OK [READ-WRITE] Open" }.to_owned()
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}
