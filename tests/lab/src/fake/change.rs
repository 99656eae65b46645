//! What changes messages that are there: STORE, COPY, MOVE, EXPUNGE.

use super::Message;
use super::append::kept;
use super::session::Session;

impl Session<'_> {
    pub(super) fn remove(&mut self, name: &str, uid: u32) {
        let place = {
            let state = &mut *self.lock();
            let Some(folder) = state.store.folders.get_mut(name) else { return };
            let place = folder.place(uid);
            folder.remove(|m| m.uid == uid);
            place
        };
        if let Some(place) = place {
            self.say(&format!("* {} EXPUNGE", place + 1));
        }
    }

    pub(super) fn store(&mut self, set: &str, change: &str, flags: &str) -> String {
        let Some(name) = self.selected.clone() else { return "BAD Nothing is selected".to_owned() };
        let state = &mut *self.lock();
        let flags = kept(state, flags).0;
        let Some(folder) = state.store.folders.get_mut(&name) else { return "NO It is gone".to_owned() };
        for uid in folder.resolve(set) {
            let Some(place) = folder.place(uid) else { continue };
            folder.modseq += 1;
            let message = &mut folder.messages[place];
            message.modseq = folder.modseq;
            let own = &mut message.flags;
            own.retain(|flag| change.starts_with('+') || change.starts_with('-') && !flags.contains(flag));
            if !change.starts_with('-') {
                own.extend(flags.iter().cloned());
                own.sort();
                own.dedup();
            }
        }
        "OK".to_owned()
    }

    /// COPY, and MOVE when the originals go; COPYUID where UIDPLUS is told.
    pub(super) fn copy(&mut self, set: &str, to: &str, moving: bool) -> String {
        let Some(name) = self.selected.clone() else { return "BAD Nothing is selected".to_owned() };
        let to = self.name(to);
        let (uids, told) = {
            let state = &mut *self.lock();
            let Some(folder) = state.store.folders.get(&name) else { return "NO It is gone".to_owned() };
            let uids = folder.resolve(set);
            let copies: Vec<Message> =
                folder.messages.iter().filter(|m| uids.contains(&m.uid)).cloned().collect();
            let Some(to) = state.store.folders.get_mut(&to) else {
                return "NO [TRYCREATE] No such folder".to_owned();
            };
            let from = set_of(&uids);
            let new: Vec<u32> = copies.into_iter().map(|m| to.add(m.flags, m.date, m.body)).collect();
            let told = state.manners.tells("UIDPLUS") && !uids.is_empty();
            (uids, told.then(|| format!("[COPYUID {} {from} {}]", to.validity, set_of(&new))))
        };
        if !moving {
            return format!("OK {} Copied", told.unwrap_or_default());
        }
        if let Some(told) = told {
            self.say(&format!("* OK {told} Moved"));
        }
        for uid in uids {
            self.remove(&name, uid);
        }
        "OK Done".to_owned()
    }

    pub(super) fn expunge(&mut self, set: &str) -> String {
        let Some(name) = self.selected.clone() else { return "BAD Nothing is selected".to_owned() };
        let uids: Vec<u32> = {
            let state = self.lock();
            let Some(folder) = state.store.folders.get(&name) else { return "NO It is gone".to_owned() };
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
}

fn set_of(uids: &[u32]) -> String {
    uids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
