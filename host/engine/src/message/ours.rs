//! Whether a message under a number of the target's is our copy, and still what we put there. Whoever
//! changes, moves or removes anything on the target asks here first: flags, relocation, `--delete-gone` and
//! `undo`.

use std::collections::HashMap;

use mailhaul_imap::{FetchItems, ImapError, Selected, Session, UidSet};

use crate::message::list::{contents, list};
use crate::state::ledger::{CopyRow, Figures, Outcome, Place};

/// Messages whose contents are held at the same time.
const CHUNK: usize = 200;

/// How much evidence an operation needs that a target message is our copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certainty {
    /// What is done can be undone: the figures of the list will do, and where these are others, the bytes
    /// decide.
    ByFigures,
    /// What is done loses the message: its bytes decide.
    ByBytes,
}

/// Why a message of the target is left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeptReason {
    /// It was found on the target, and not stored there by this project.
    Found,
    /// Its copy is recorded in another place, or the folder that is open is not that place any more.
    Elsewhere,
    /// Nothing is under its UID any more.
    Gone,
    /// Another message, or another text, is under its UID.
    Altered,
    /// The target refuses to give it, with these words.
    Unreadable(String),
}

/// Which copies are ours to change, and which are not.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    pub ours: Vec<CopyRow>,
    pub kept: Vec<(CopyRow, KeptReason)>,
}

/// Judges `copies`, of which the ledger says that they are in `place`, which is open as `selected`: by the
/// place, by UID, by the figures of the target's list, and by their bytes.
///
/// # Errors
/// When the target fails, or refuses to list them.
pub(crate) async fn judge(
    target: &mut Session,
    (place, selected): (&Place, &Selected),
    copies: Vec<CopyRow>,
    sure: Certainty,
) -> Result<Judgement, ImapError> {
    let mut judged = Judgement::default();
    let mut here = Vec::with_capacity(copies.len());
    for copy in copies {
        let kept = match copy.outcome {
            Outcome::Copied if copy.place == place.id && selected.uid_validity == place.uid_validity => {
                here.push(copy);
                continue;
            }
            Outcome::Copied => KeptReason::Elsewhere,
            _ => KeptReason::Found,
        };
        judged.kept.push((copy, kept));
    }
    let listed = match selected.exists == 0 || here.is_empty() {
        true => Vec::new(),
        false => {
            list(target, here.iter().map(|copy| copy.target_uid).collect::<UidSet>(), FetchItems::Meta)
                .await?
        }
    };
    let listed: HashMap<u32, Figures> = listed.iter().map(|m| (m.uid, m.figures())).collect();
    let mut doubted = Vec::new();
    for copy in here {
        match listed.get(&copy.target_uid) {
            None => judged.kept.push((copy, KeptReason::Gone)),
            // Without UIDVALIDITY nobody can tell whether a number is still the same message's; its bytes
            // can.
            Some(now)
                if sure == Certainty::ByBytes
                    || place.uid_validity.is_none()
                    || copy.at_target.differ(now) =>
            {
                doubted.push(copy);
            }
            Some(_) => judged.ours.push(copy),
        }
    }
    while !doubted.is_empty() {
        let rest = doubted.split_off(doubted.len().min(CHUNK));
        let chunk = std::mem::replace(&mut doubted, rest);
        let uids: Vec<u32> = chunk.iter().map(|copy| copy.target_uid).collect();
        let mut read = contents(target, &uids).await?;
        for copy in chunk {
            let uid = copy.target_uid;
            match (read.found.get(&uid), read.refused.remove(&uid)) {
                (Some(content), _) if content.is_copy_of(&copy.content) => judged.ours.push(copy),
                (Some(_), _) => judged.kept.push((copy, KeptReason::Altered)),
                (None, Some(words)) => judged.kept.push((copy, KeptReason::Unreadable(words))),
                (None, None) => judged.kept.push((copy, KeptReason::Gone)),
            }
        }
    }
    judged.ours.sort_by_key(|copy| copy.target_uid);
    Ok(judged)
}
