//! Changing messages of the open folder: flags, removal, copying and moving (RFC 9051 section 6.4).
//!
//! All of it needs a folder opened for writing, so that nothing can change a source.

use crate::command::{Answer, Command};
use crate::session::Session;
use crate::syntax::reply::StatusLine;
use crate::syntax::token::Tokens;
use crate::types::error::ImapError;
use crate::types::flags::Flags;
use crate::types::name::FolderName;
use crate::types::uidset::{MAX_SET_BYTES, UidSet, parse_ranges};

/// COPYUID: the UIDs of messages that were copied or moved, and of their copies (RFC 4315 section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyUid {
    /// The UIDVALIDITY that the new UIDs belong to: the other folder's.
    pub uid_validity: u32,
    /// The UID of each message and that of its copy. Messages that did not exist are not among them.
    pub uids: Vec<(u32, u32)>,
}

impl Session {
    /// Adds (`add`) or removes `flags` on messages of the open folder, silently (RFC 9051 section 6.4.9).
    ///
    /// Only tokens that cannot break the command are sent; a set without any sends nothing. UIDs that do not
    /// exist are no error.
    ///
    /// # Errors
    /// `ReadOnly` when the folder is not open for writing; the first `No` or `Bad`, after all parts were
    /// answered.
    pub async fn store_flags(&mut self, uids: &[u32], add: bool, flags: &Flags) -> Result<(), ImapError> {
        let tokens = flags.to_store();
        let set = UidSet::from(uids);
        if tokens == "()" || set.is_empty() {
            return Ok(());
        }
        let change = format!("{}FLAGS.SILENT {tokens}", if add { '+' } else { '-' });
        self.edit("UID STORE", &set, |command| command.text(&change)).await.map(drop)
    }

    /// Removes from the open folder those of `uids` that have `\Deleted`, and no others (RFC 4315 section
    /// 2.1).
    ///
    /// # Errors
    /// `Unsupported` without UIDPLUS: plain EXPUNGE would remove what others have marked. `ReadOnly` when the
    /// folder is not open for writing; the first `No` or `Bad`, after all parts were answered.
    pub async fn expunge(&mut self, uids: &UidSet) -> Result<(), ImapError> {
        self.require("UID EXPUNGE", "UIDPLUS")?;
        self.edit("UID EXPUNGE", uids, |command| command).await.map(drop)
    }

    /// Copies messages of the open folder to `folder`, with their flags and dates. Returns where they went
    /// when the server says so in full and credibly, else `None`.
    ///
    /// Sets that fit one command, at least 350 UIDs, are copied all or none; of a longer one, the first parts
    /// may have been copied when a later one is refused.
    ///
    /// # Errors
    /// `ReadOnly` when the folder is not open for writing; the first `No` (`TRYCREATE` when `folder` is
    /// missing) or `Bad`.
    pub async fn copy(&mut self, uids: &UidSet, folder: &FolderName) -> Result<Option<CopyUid>, ImapError> {
        let answers =
            self.edit("UID COPY", uids, |command| command.string("the folder name", &folder.0)).await?;
        Ok(read_copyuids(&answers, uids))
    }

    /// Moves messages of the open folder to `folder` (RFC 6851). Returns as [`Session::copy`].
    ///
    /// # Errors
    /// `Unsupported` without MOVE. `ReadOnly` when the folder is not open for writing; the first `No` or
    /// `Bad`: of the refused part, some messages may have been moved.
    pub async fn move_to(
        &mut self,
        uids: &UidSet,
        folder: &FolderName,
    ) -> Result<Option<CopyUid>, ImapError> {
        self.require("UID MOVE", "MOVE")?;
        let answers =
            self.edit("UID MOVE", uids, |command| command.string("the folder name", &folder.0)).await?;
        Ok(read_copyuids(&answers, uids))
    }

    fn require(&self, command: &'static str, capability: &'static str) -> Result<(), ImapError> {
        if self.facts().has(capability) {
            Ok(())
        } else {
            Err(ImapError::Unsupported { command, capability })
        }
    }

    /// Runs a command over `uids`, in parts that fit a line, and returns the answers when all are OK.
    async fn edit(
        &mut self,
        name: &'static str,
        uids: &UidSet,
        finish: impl Fn(Command) -> Command,
    ) -> Result<Vec<Answer>, ImapError> {
        if self.selected().is_none_or(|(_, selected)| selected.read_only) {
            return Err(ImapError::ReadOnly { command: name });
        }
        let parts = uids.chunks(u32::MAX, MAX_SET_BYTES);
        let commands = parts.iter().map(|part| finish(Command::new(name).text(&part.to_wire()))).collect();
        let answers = self.run_all(commands).await?;
        answers.into_iter().map(|answer| answer?.ok(name)).collect()
    }
}

/// The COPYUID codes of all answers together, when there is one in each and all of them make sense.
fn read_copyuids(answers: &[Answer], asked: &UidSet) -> Option<CopyUid> {
    let mut whole: Option<CopyUid> = None;
    for answer in answers {
        // MOVE gives it in an untagged OK, before the messages disappear (RFC 6851 section 4.3).
        let code = answer.status_lines().find(|line| line.code.as_deref() == Some("COPYUID"))?;
        let part = read_copyuid(code, asked.len())
            .filter(|part| part.uids.iter().all(|(from, _)| asked.contains(*from)))?;
        match &mut whole {
            None => whole = Some(part),
            Some(whole) if whole.uid_validity == part.uid_validity => whole.uids.extend(part.uids),
            Some(_) => return None,
        }
    }
    let mut whole = whole?;
    whole.uids.sort_unstable();
    let sources: UidSet = whole.uids.iter().map(|(from, _)| *from).collect();
    let targets: UidSet = whole.uids.iter().map(|(_, to)| *to).collect();
    // Exchange 2013 is known for nonsense here: one UID twice means that none can be believed.
    let count = whole.uids.len() as u64;
    (sources.len() == count && targets.len() == count).then_some(whole)
}

/// `[COPYUID validity from to]`; the two sets correspond in the order in which they are written.
///
/// None of them is longer than what was asked for, and nothing longer is counted out.
fn read_copyuid(line: &StatusLine, asked: u64) -> Option<CopyUid> {
    let mut tokens = Tokens::new(&line.arguments);
    let uid_validity = tokens.next_value()?.number().and_then(crate::types::uidset::nonzero)?;
    let mut set = || {
        let ranges = parse_ranges(tokens.next_value()?.bytes()?)?;
        let len = |(a, b): &(u32, u32)| u64::from(a.abs_diff(*b)) + 1;
        (ranges.iter().map(len).sum::<u64>() <= asked).then_some(ranges)
    };
    let (from, to) = (set()?, set()?);
    let expand = |ranges: Vec<(u32, u32)>| ranges.into_iter().flat_map(|(a, b)| a.min(b)..=a.max(b));
    let (from, to): (Vec<u32>, Vec<u32>) = (expand(from).collect(), expand(to).collect());
    (from.len() == to.len()).then(|| CopyUid { uid_validity, uids: from.into_iter().zip(to).collect() })
}
