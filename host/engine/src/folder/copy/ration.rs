//! What a reader may ask for now: portions, under budgets, hours and a cap on bandwidth.

use std::collections::HashMap;

use crate::folder::copy::item::{CopyOutcome, Route};
use crate::folder::work::Step;
use crate::message::list::ListedMessage;
use crate::task::budget::{Grant, Used};
use crate::task::spending::{self, Portion, Purpose, settle};

/// What the reader of a folder may ask for, and what has come of it.
pub(super) struct Ration<'a> {
    route: &'a Route<'a>,
    bounded: bool,
    /// Of the messages that are wanted, as the source lists them.
    sizes: HashMap<u32, u64>,
    grant: Option<Grant>,
    used: Used,
    portion: Portion,
}

impl<'a> Ration<'a> {
    pub(super) fn new(route: &'a Route<'a>) -> Self {
        let work = route.work;
        let bounded = spending::is_bounded(work.context, work.mailbox, Purpose::Copy);
        let (sizes, used, portion) = (HashMap::new(), Used::default(), Portion::first());
        Self { route, bounded, sizes, grant: None, used, portion }
    }

    /// Whether anything bounds what is asked for; without, nothing is counted.
    pub(super) fn is_bounded(&self) -> bool {
        self.bounded
    }

    pub(super) fn set_sizes(&mut self, wanted: &[ListedMessage]) {
        self.sizes = wanted.iter().map(|message| (message.uid, message.size())).collect();
    }

    /// Takes a grant; returns how many of these messages, from the first on, may be asked for. With none,
    /// the outcome says until when.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub(super) async fn take(&mut self, wanted: &[u32], copied: &mut CopyOutcome) -> Step<usize> {
        let work = self.route.work;
        let sizes: Vec<u64> =
            wanted.iter().map(|uid| self.sizes.get(uid).copied().unwrap_or_default()).collect();
        let (folder, portion) = (&self.route.source, &mut self.portion);
        let taken = spending::take(work.context, work.mailbox, folder, &sizes, Purpose::Copy, portion)?;
        match taken {
            Ok(grant) => {
                if let (Some(reason), Some(uid), Some(size)) = (&grant.alone, wanted.first(), sizes.first()) {
                    let size = mailhaul_text::bytes(*size);
                    let message = format!(
                        "message {uid} has {size}, which is more than {reason}; it goes alone, with nothing else"
                    );
                    self.route.warn(message).await;
                }
                (self.used, self.grant) = (Used::default(), Some(grant));
                Ok(self.grant.as_ref().map_or(0, |grant| grant.messages))
            }
            Err(refused) => {
                copied.held_back = Some(refused);
                Ok(0)
            }
        }
    }

    /// So many bytes of a message have come.
    pub(super) fn add_read(&mut self, bytes: u64) {
        self.used.read += bytes;
    }

    /// A message of so many bytes goes to the target.
    pub(super) fn add_sent(&mut self, bytes: u64) {
        self.used.stored += bytes;
        self.used.messages += 1;
    }

    /// All that was asked for has come: what was granted beyond it is given back.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub(super) fn settle(&mut self) -> Step<()> {
        match self.grant.take() {
            Some(grant) => {
                self.portion.end(self.used.read);
                Ok(settle(self.route.work.context, grant, self.used)?)
            }
            None => Ok(()),
        }
    }
}
