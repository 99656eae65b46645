//! Messages and their copies, read from both ends and compared.

use mailhaul_imap::{FetchItems, ImapError};

use crate::message::compare::compare_contents;
use crate::message::list::{Contents, contents, headers};
use crate::plugin::Depth;
use crate::server::dial::Ends;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::Digests;
use crate::summary::{Difference, DifferenceKind};

/// The comparison of one message with its copy.
#[derive(Debug)]
pub(crate) struct ComparedPair {
    pub uid: u32,
    pub target_uid: u32,
    /// What differs; nothing when they are the same.
    pub kinds: Vec<DifferenceKind>,
    /// Both ends' bytes and digests, as deep as they were read; `None` where one end did not give it.
    pub read: Option<PairContents>,
    /// Why one end did not give it, in a sentence; `None` also where it is not there any more.
    pub refused: Option<String>,
}

/// The sizes and digests of a message and its copy, as deep as both were read.
#[derive(Debug)]
pub(crate) struct PairContents {
    pub len: u64,
    pub target_len: u64,
    pub source: Digests,
    pub target: Digests,
}

impl ComparedPair {
    /// Returns the differences as the report has them, for the source folder of this name.
    pub(crate) fn differences(&self, folder: &str) -> impl Iterator<Item = Difference> {
        let of = |kind, detail: String| Difference {
            folder: folder.to_owned(),
            uid: self.uid,
            target_uid: Some(self.target_uid),
            kind,
            by: None,
            detail,
            note: false,
        };
        let refused = self.refused.as_ref().map(|why| of(DifferenceKind::Unreadable, why.clone()));
        let (a, b) = self.read.as_ref().map_or((0, 0), |read| (read.len, read.target_len));
        let kinds = self
            .kinds
            .iter()
            .map(move |kind| of(*kind, format!("{a} bytes on the source, {b} on the target")));
        let all: Vec<Difference> = refused.into_iter().chain(kinds).collect();
        all.into_iter()
    }
}

/// Compares messages of the open source folder with their copies in the open target folder.
///
/// # Errors
/// When a connection fails. What a server refuses is in the pair.
pub(crate) async fn compare_pairs(
    ends: &mut Ends,
    pairs: &[(u32, u32)],
    depth: Depth,
) -> Result<Vec<ComparedPair>, EndError> {
    let sources: Vec<u32> = pairs.iter().map(|(uid, _)| *uid).collect();
    let targets: Vec<u32> = pairs.iter().map(|(_, target_uid)| *target_uid).collect();
    let (a, b) =
        tokio::join!(read(&mut ends.source, &sources, depth), read(&mut ends.target, &targets, depth));
    let a = a.map_err(EndError::at(Side::Source))?;
    let b = b.map_err(EndError::at(Side::Target))?;
    let mut compared = Vec::with_capacity(pairs.len());
    for (uid, target_uid) in pairs.iter().copied() {
        let (Some(x), Some(y)) = (a.found.get(&uid), b.found.get(&target_uid)) else {
            let refused = [("source", a.refused.get(&uid)), ("target", b.refused.get(&target_uid))];
            // Else it is not listed any more: it went between list and read, and the next comparison tells.
            let refused = refused.into_iter().find_map(|(side, words)| {
                Some(format!("the {side} does not give it, so it was not compared: {}", words?))
            });
            compared.push(ComparedPair { uid, target_uid, kinds: Vec::new(), read: None, refused });
            continue;
        };
        let mut kinds = compare_contents(x, y, depth);
        if kinds.contains(&DifferenceKind::AlteredBody)
            && y.len < x.len
            && is_beginning(ends, uid, target_uid).await?
        {
            kinds = vec![DifferenceKind::Truncated];
        }
        let read = PairContents { len: x.len, target_len: y.len, source: x.digests(), target: y.digests() };
        compared.push(ComparedPair { uid, target_uid, kinds, read: Some(read), refused: None });
    }
    Ok(compared)
}

async fn read(
    session: &mut mailhaul_imap::Session,
    uids: &[u32],
    depth: Depth,
) -> Result<Contents, ImapError> {
    if depth == Depth::Full { contents(session, uids).await } else { headers(session, uids).await }
}

/// Whether the target's message is a beginning of the source's.
async fn is_beginning(ends: &mut Ends, uid: u32, target_uid: u32) -> Result<bool, EndError> {
    let at_source = EndError::at(Side::Source);
    let at_target = EndError::at(Side::Target);
    let mut a = ends.source.fetch([uid].into_iter().collect(), FetchItems::Full);
    let mut b = ends.target.fetch([target_uid].into_iter().collect(), FetchItems::Full);
    if a.next().await.map_err(&at_source)?.is_none() || b.next().await.map_err(&at_target)?.is_none() {
        return Ok(false);
    }
    // Pieces arrive in sizes of their own on each side; what one is ahead by is kept.
    let mut ahead: Vec<u8> = Vec::new();
    let mut same = true;
    while let Some(piece) = b.chunk().await.map_err(&at_target)? {
        while ahead.len() < piece.len() {
            match a.chunk().await.map_err(&at_source)? {
                Some(more) => ahead.extend_from_slice(&more),
                None => break,
            }
        }
        same &= ahead.starts_with(&piece);
        ahead.drain(..piece.len().min(ahead.len()));
    }
    while a.chunk().await.map_err(&at_source)?.is_some() {}
    while a.next().await.map_err(&at_source)?.is_some() {}
    while b.next().await.map_err(&at_target)?.is_some() {}
    Ok(same)
}
