//! Messages that a server has altered, known by what a reader knows them by: see [`HeaderChecks::witness`].
//!
//! [`HeaderChecks::witness`]: crate::state::ledger::HeaderChecks::witness

use std::collections::HashMap;

use mailhaul_imap::{ImapError, Session};

use crate::message::list::headers;
use crate::server::dial::Ends;
use crate::server::error::EndError;
use crate::side::Side;

/// Messages whose headers are read in one go.
const CHUNK: usize = 500;

/// Pairs messages of the open source folder with messages of the open target folder that have the same
/// witness, one to one, in the order of their UIDs: (source UID, target UID).
///
/// # Errors
/// When a connection fails. What is not given has no witness.
pub(crate) async fn pair_by_witness(
    ends: &mut Ends,
    sources: &[u32],
    targets: &[u32],
) -> Result<Vec<(u32, u32)>, EndError> {
    let (sources, targets) =
        tokio::join!(witnesses(&mut ends.source, sources), witnesses(&mut ends.target, targets));
    let sources = sources.map_err(EndError::at(Side::Source))?;
    let targets = targets.map_err(EndError::at(Side::Target))?;
    let mut free: HashMap<Witness, Vec<u32>> = HashMap::new();
    for (uid, witness) in targets.into_iter().rev() {
        free.entry(witness).or_default().push(uid);
    }
    let pairs = sources.into_iter().filter_map(|(uid, witness)| Some((uid, free.get_mut(&witness)?.pop()?)));
    Ok(pairs.collect())
}

type Witness = [u8; 9];

/// Each message's witness, ascending by UID.
async fn witnesses(session: &mut Session, uids: &[u32]) -> Result<Vec<(u32, Witness)>, ImapError> {
    let mut all = Vec::with_capacity(uids.len());
    for chunk in uids.chunks(CHUNK) {
        let read = headers(session, chunk).await?.found;
        all.extend(read.into_iter().filter_map(|(uid, content)| Some((uid, content.telling.witness()?))));
    }
    all.sort_unstable();
    Ok(all)
}
