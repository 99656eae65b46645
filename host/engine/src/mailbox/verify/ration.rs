//! What a comparison may read now: it waits for budgets and hours as a copy does.

use std::collections::HashMap;

use crate::folder::work::{Step, WorkError};
use crate::mailbox::verify::folder::{FolderComparison, Spellings};
use crate::mailbox::waits::Waits;
use crate::plugin::Depth;
use crate::server::dial::{Ends, dial_both};
use crate::server::error::EndError;
use crate::side::Side;
use crate::task::budget::{Grant, Used};
use crate::task::spending::{Portion, Purpose, Refused, settle, take};

/// What the headers of a message are taken for; few are longer.
const HEADERS: u64 = 8 << 10;

impl FolderComparison<'_> {
    /// Takes a grant for the first of these pairs, and waits for one.
    ///
    /// # Errors
    /// When it cannot be recorded, or an end cannot be dialled after a wait; [`WorkError::Interrupted`].
    pub(super) async fn grant(
        &self,
        ends: &mut Ends,
        names: Spellings<'_>,
        pairs: &[(u32, u32)],
        depth: Depth,
        (sizes, portion): (&HashMap<u32, u64>, &mut Portion),
    ) -> Step<Grant> {
        let work = self.work;
        let size = |uid: &u32| sizes.get(uid).copied().unwrap_or_default();
        let read = |uid: &u32| if depth == Depth::Full { size(uid) } else { size(uid).clamp(1, HEADERS) };
        let wanted: Vec<u64> = pairs.iter().map(|(uid, _)| read(uid)).collect();
        loop {
            let folder = &self.row.source;
            match take(work.context, work.mailbox, folder, &wanted, Purpose::Compare, portion)? {
                Ok(grant) => return Ok(grant),
                Err(refused) => self.outwait(ends, Some(names), refused).await?,
            }
        }
    }

    /// Settles a grant when so many bytes of each end were read, and holds back what is too fast.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub(super) async fn settle(&self, grant: Option<Grant>, depth: Depth, read: u64) -> Step<()> {
        let context = self.work.context;
        // Of headers nobody counts the bytes: what was granted stands for them.
        if let Some(grant) = grant.filter(|_| depth == Depth::Full) {
            settle(context, grant, Used { read, ..Used::default() })?;
        }
        if let Some(pace) = &context.pace {
            pace.pass(usize::try_from(read).unwrap_or(usize::MAX), &context.stop).await;
        }
        Ok(())
    }

    /// Waits, and dials both ends anew: no server keeps a connection that says nothing for a night.
    ///
    /// # Errors
    /// [`WorkError::Interrupted`] when the user has stopped the task; of an end that cannot be dialled.
    pub(super) async fn outwait(
        &self,
        ends: &mut Ends,
        names: Option<Spellings<'_>>,
        refused: Refused,
    ) -> Step<()> {
        let (context, mailbox) = (self.work.context, self.work.mailbox);
        let mut waits = Waits::default();
        if waits.outwait(context, mailbox, refused).await {
            return Err(WorkError::Interrupted);
        }
        let (source, target) = dial_both(context, mailbox).await?;
        *ends = Ends { source, target };
        waits.end(context, mailbox).await;
        if let Some(name) = names.and_then(|names| names.source.0) {
            ends.source.examine(name).await.map_err(EndError::at(Side::Source))?;
        }
        if let Some(name) = names.and_then(|names| names.target.0) {
            ends.target.examine(name).await.map_err(EndError::at(Side::Target))?;
        }
        Ok(())
    }
}
