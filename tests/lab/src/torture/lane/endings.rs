//! How a mailbox is put right after a run that broke off: by the same command again, or by something less
//! kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Counted, Endpoint, LIMIT, Lane, RULES, ruled};
use crate::corpus::{self, Rng};
use crate::fake::{Give, Message, Take};
use crate::imap::Client;
use crate::maildir::{self, Backup};
use crate::project::Side;
use crate::torture::{Progress, double};

/// What is acknowledged shows within so many milliseconds.
const LATEST: usize = 3_000;
/// An outage lasts half a second and up to so many milliseconds more.
const OUTAGE: usize = 6_000;
/// Others deliver at most so many messages to a target that was put back.
const STRANGERS: usize = 40;
const STRANGE_DATE: &str = " 3-Aug-2024 10:11:12 +0200";

impl Lane {
    /// What puts it right after a run that did not end well, which is compared then.
    pub(super) fn recover(&mut self, rng: &mut Rng, progress: &Progress) -> Result<(), String> {
        let (name, end) = match rng.below(12) {
            0 => ("with another mapping", self.remap(progress)),
            1 => ("with undo", self.undo(progress)),
            2 => ("with a short list", self.short_list(rng, progress)),
            3 => ("with copies that show late", self.late_display(rng, progress)),
            4 if self.target.maildir.is_some() => {
                ("with a target put back", self.target_put_back(rng, progress))
            }
            5 => ("with an outage", self.outage(rng, progress)),
            6 => ("with a source that breaks at a message", self.breaking(rng, progress)),
            _ => ("with the same command", self.again(progress)),
        };
        end.map_err(|why| format!("{name}: {why}"))
    }

    fn again(&self, progress: &Progress) -> Result<(), String> {
        self.finish(self.start())?;
        self.compare(&self.target, &self.wanted, progress)
    }

    fn remap(&self, progress: &Progress) -> Result<(), String> {
        self.spec.clone().extra(RULES).write(&self.project);
        self.finish(self.start())?;
        let wanted = self.wanted.iter().map(|((folder, sha256, date, flags), count)| {
            ((ruled(folder), sha256.clone(), *date, flags.clone()), *count)
        });
        let wanted: Counted = wanted.collect();
        progress.note(|f| f.remapped += 1);
        self.compare(&self.target, &wanted, progress)
    }

    fn undo(&self, progress: &Progress) -> Result<(), String> {
        self.finish(self.mailhaul(&["undo", "--yes"]))?;
        self.compare(&self.target, &Counted::new(), progress)?;
        progress.note(|f| f.undone += 1);
        self.again(progress).map_err(|why| format!("and a run after it: {why}"))
    }

    /// The source leaves a message out of its lists, once or as long as it is asked. A run that says complete
    /// all the same has to be right; one that does not is followed by one with whole lists.
    fn short_list(&mut self, rng: &mut Rng, progress: &Progress) -> Result<(), String> {
        let source = &self.doubles[0];
        double::fill(source, &mut self.source.client()?).map_err(|e| e.to_string())?;
        let all: Vec<_> =
            source.store(|store| store.folders.values().flat_map(|f| f.messages.clone()).collect());
        let (missing, once) = (rng.pick(&all).clone(), rng.chance(50));
        let lacked = Arc::new(AtomicBool::new(false));
        let lacks = Arc::clone(&lacked);
        source.manners(|m| {
            m.on_list = Box::new(move |message| {
                if *message != missing || once && lacks.load(Ordering::Relaxed) {
                    return true;
                }
                lacks.store(true, Ordering::Relaxed);
                false
            });
        });
        let mut spec = self.spec.clone();
        spec.source = Side::clear(source.port);
        spec.write(&self.project);
        let outcome = self.start().wait_for(LIMIT);
        self.spec.write(&self.project);
        let lacked = lacked.load(Ordering::Relaxed);
        progress.note(|f| f.short_lists += u64::from(lacked));
        let what = format!("lacked a message: {lacked}, once: {once}");
        match outcome.code {
            Some(0) => self
                .compare(&self.target, &self.wanted, progress)
                .map_err(|why| format!("{what}; {why}\n{}", outcome.told())),
            Some(3) => self.again(progress).map_err(|why| format!("{what}; and a run after it: {why}")),
            _ => Err(format!("{what}: {}", outcome.told())),
        }
    }

    /// For some seconds one end, or both, refuse everything that is new and break off what is open: the run
    /// ends well by itself, or by one more when all is well again.
    fn outage(&mut self, rng: &mut Rng, progress: &Progress) -> Result<(), String> {
        let choices: [&[usize]; 3] = [&[0], &[1], &[0, 1]];
        let ends = *rng.pick(&choices);
        let after = self.usual.mul_f64(super::share(rng));
        let lasts = Duration::from_millis(500 + rng.below(OUTAGE) as u64);
        let mut running = self.start();
        std::thread::sleep(after);
        let under_way = running.alive();
        let down = |down: bool| {
            ends.iter().for_each(|end| {
                self.proxies[*end].refuse(down);
                if down {
                    self.proxies[*end].cut();
                }
            });
        };
        down(true);
        std::thread::sleep(lasts);
        down(false);
        let outcome = running.wait_for(LIMIT);
        progress.note(|f| {
            f.outages += u64::from(under_way);
            f.outages_recovered += u64::from(under_way && outcome.code == Some(0));
        });
        let what = format!(
            "ends {ends:?} were down {} ms after it began, for {} ms, and it ended with {:?}",
            after.as_millis(),
            lasts.as_millis(),
            outcome.code
        );
        let end = match outcome.code {
            Some(0) => self.compare(&self.target, &self.wanted, progress),
            // Nothing was given up: the same command brings all.
            Some(3..=5) => self.again(progress),
            _ => Err(outcome.told()),
        };
        end.map_err(|why| format!("{what}; {why}"))
    }

    /// The source ends the connection at one message, or in it, each time: that one is failed and named,
    /// everything else arrives, and it does as well when the source is well again.
    fn breaking(&mut self, rng: &mut Rng, progress: &Progress) -> Result<(), String> {
        let source = &self.doubles[0];
        double::fill(source, &mut self.source.client()?).map_err(|e| e.to_string())?;
        let all: Vec<(String, Message)> = source.store(|store| {
            let folders = store.folders.iter();
            folders.flat_map(|(name, f)| f.messages.iter().map(|m| (name.clone(), m.clone()))).collect()
        });
        let (folder, message) = rng.pick(&all).clone();
        let give = *rng.pick(&[Give::Close, Give::Hangup]);
        let (broke, breaks) = (Arc::new(AtomicBool::new(false)), message.clone());
        let breaking = Arc::clone(&broke);
        source.manners(|m| {
            m.on_fetch = Box::new(move |message| {
                if *message != breaks {
                    return Give::Whole;
                }
                breaking.store(true, Ordering::Relaxed);
                give
            });
        });
        let mut spec = self.spec.clone();
        spec.source = Side::clear(source.port);
        spec.write(&self.project);
        let outcome = self.start().wait_for(LIMIT);
        self.spec.write(&self.project);
        let broke = broke.load(Ordering::Relaxed);
        let what = format!("{give:?} at {} of {folder}, asked for: {broke}", message.uid);
        progress.note(|f| f.breaking += u64::from(broke));
        match outcome.code {
            // It had come before, or nobody had to ask for it.
            Some(0) => self.compare(&self.target, &self.wanted, progress),
            Some(3) if broke => {
                let missing = self.messages_missing(progress)?;
                if missing > 1 {
                    return Err(format!("{what}: {missing} messages are missing\n{}", outcome.told()));
                }
                self.again(progress)
            }
            _ => Err(outcome.told()),
        }
        .map_err(|why| format!("{what}; {why}"))
    }

    /// How many messages are not there; none is there twice, or is another one.
    fn messages_missing(&self, progress: &Progress) -> Result<usize, String> {
        let there = self.target.all()?;
        progress.note(|f| f.compared += 1);
        let more =
            there.iter().find(|(mail, count)| self.wanted.get(*mail).is_none_or(|wanted| wanted < *count));
        match more {
            Some((mail, count)) => Err(format!("{count} × {mail:?} is there")),
            None => Ok(self.wanted.values().sum::<usize>() - there.values().sum::<usize>()),
        }
    }

    /// The target shows half of what it acknowledges some time later.
    fn late_display(&mut self, rng: &mut Rng, progress: &Progress) -> Result<(), String> {
        let target = &self.doubles[1];
        double::fill(target, &mut self.target.client()?).map_err(|e| e.to_string())?;
        let mut rng = Rng::new(rng.bits());
        let late = Arc::new(AtomicBool::new(false));
        let is_late = Arc::clone(&late);
        target.manners(|m| {
            m.on_append = Box::new(move |_| {
                if rng.chance(50) {
                    return Take::Store;
                }
                is_late.store(true, Ordering::Relaxed);
                Take::Late(Duration::from_millis(rng.below(LATEST) as u64))
            });
        });
        let mut spec = self.spec.clone();
        spec.target = Side::clear(target.port);
        spec.write(&self.project);
        let end = self.finish(self.start());
        self.spec.write(&self.project);
        end?;
        progress.note(|f| f.shown_late += u64::from(late.load(Ordering::Relaxed)));
        // A copy that was sent again as well as its first one.
        target.store(|store| store.show_late(true));
        let endpoint = Endpoint { plain_port: target.port, ..self.target.clone() };
        self.compare(&endpoint, &self.wanted, progress)
    }

    /// The target is put back to what it was after the run that broke off, and others deliver mail there,
    /// which has our copies' numbers.
    fn target_put_back(&mut self, rng: &mut Rng, progress: &Progress) -> Result<(), String> {
        let Some(at) = self.target.maildir.clone() else { return Ok(()) };
        let backup = Backup::take(&at);
        self.again(progress).map_err(|why| format!("before that: {why}"))?;
        let mut client = self.target.client()?;
        let next = |client: &mut Client| client.status("INBOX", "UIDNEXT").map_err(|e| e.to_string());
        let was = next(&mut client)?;
        drop(client);
        backup.put_back();
        if rng.chance(50) {
            maildir::lose_index(&at);
        }
        let before = self.target.all()?;
        let mut client = self.target.client()?;
        let mut strangers = rng.below(STRANGERS);
        // With equal figures nobody could know.
        while strangers > 0 || next(&mut client)? == was {
            let body = corpus::simple(&format!("somebody else's {strangers}"), &"x".repeat(rng.below(3_000)));
            client.append_one("INBOX", &[], STRANGE_DATE, &body).map_err(|e| e.to_string())?;
            strangers = strangers.saturating_sub(1);
        }
        let now = next(&mut client)?;
        drop(client);
        let mut wanted = self.wanted.clone();
        for (mail, count) in self.target.all()? {
            let others = count - before.get(&mail).copied().unwrap_or_default();
            if others > 0 {
                *wanted.entry(mail).or_default() += others;
            }
        }
        progress.note(|f| f.put_back += 1);
        let what = format!("UIDNEXT of INBOX was {was} and is {now}");
        self.finish(self.start())
            .and_then(|_| self.compare(&self.target, &wanted, progress))
            .map_err(|why| format!("{what}; {why}"))
    }
}
