//! Message lists of a folder, and the contents of chosen messages.

use std::collections::{BTreeMap, HashMap, HashSet};

use mailhaul_imap::{
    Fetch, FetchItems, Fetched, Flags, FolderName, ImapError, InternalDate, Selected, Session, UidSet,
};

use crate::message::content::{Content, Hasher};

/// Longest header block looked at for a Message-ID.
const MAX_IDENTITY: usize = 64 * 1024;

/// A message of a list.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    /// Its UID.
    pub uid: u32,
    /// RFC822.SIZE; 0 when the server does not tell.
    pub size: u64,
    /// INTERNALDATE.
    pub date: Option<InternalDate>,
    /// Its flags.
    pub flags: Flags,
    /// Its Message-ID line's value, when asked for and there.
    pub message_id: Option<Vec<u8>>,
}

impl Listed {
    /// A message of which only this is known; enough to copy it.
    #[must_use]
    pub(crate) fn bare(uid: u32, size: u64) -> Self {
        Self { uid, size, date: None, flags: Flags::default(), message_id: None }
    }
}

impl From<Fetched> for Listed {
    fn from(message: Fetched) -> Self {
        Self {
            uid: message.uid,
            size: message.size.unwrap_or(0),
            date: message.internal_date,
            flags: message.flags,
            message_id: None,
        }
    }
}

/// Reads the list of the selected folder, in UID order, without duplicates.
///
/// # Errors
/// Whatever the server or the connection says; a refused FETCH is an error here, since a list
/// with holes would be taken for the truth.
pub(crate) async fn list(
    session: &mut Session,
    uids: UidSet,
    items: FetchItems,
) -> Result<Vec<Listed>, ImapError> {
    let identity = items == FetchItems::Identity;
    let mut fetch = session.fetch(uids, items);
    let mut listed = Vec::new();
    while let Some(message) = fetch.next().await? {
        let message_id = if identity { message_id(&fetch.body(MAX_IDENTITY).await?) } else { None };
        listed.push(Listed { message_id, ..Listed::from(message) });
    }
    refuse_holes(&fetch)?;
    listed.sort_by_key(|m| m.uid);
    listed.dedup_by_key(|m| m.uid);
    Ok(listed)
}

/// A folder's list beside the server's own count.
#[derive(Debug)]
pub(crate) struct WholeList {
    /// The folder as it was opened last.
    pub selected: Selected,
    /// Every message that is listed.
    pub listed: Vec<Listed>,
}

impl WholeList {
    /// How many messages the server counts and does not list. Of two figures that disagree the smaller is not believed.
    #[must_use]
    pub(crate) fn unlisted(&self) -> u32 {
        self.selected.exists.saturating_sub(u32::try_from(self.listed.len()).unwrap_or(u32::MAX))
    }
}

/// Lists the folder that was examined as `selected`. A list that is shorter than the count is asked for once more, after
/// a fresh EXAMINE: messages may have left since.
///
/// # Errors
/// As [`list`], and when the folder cannot be opened again.
pub(crate) async fn list_whole(
    session: &mut Session,
    name: &FolderName,
    selected: Selected,
) -> Result<WholeList, ImapError> {
    let mut whole = WholeList { listed: list_counted(session, &selected).await?, selected };
    if whole.unlisted() > 0 {
        whole.selected = session.examine(name).await?;
        whole.listed = list_counted(session, &whole.selected).await?;
        tracing::info!(exists = whole.selected.exists, listed = whole.listed.len(), "a short list");
    }
    Ok(whole)
}

async fn list_counted(session: &mut Session, selected: &Selected) -> Result<Vec<Listed>, ImapError> {
    if selected.exists == 0 {
        return Ok(Vec::new());
    }
    list(session, UidSet::all(), FetchItems::Meta).await
}

/// Which of these messages the selected folder still has. Only a list without a message says that it is gone: where the
/// server refuses to list them, all of them are there.
///
/// # Errors
/// When the connection fails.
pub(crate) async fn still_listed(session: &mut Session, uids: &[u32]) -> Result<HashSet<u32>, ImapError> {
    if uids.is_empty() {
        return Ok(HashSet::new());
    }
    match list(session, uids.iter().copied().collect(), FetchItems::Flags).await {
        Ok(listed) => Ok(listed.into_iter().map(|m| m.uid).collect()),
        Err(error) if error.is_connection_lost() => Err(error),
        Err(_) => Ok(uids.iter().copied().collect()),
    }
}

fn refuse_holes(fetch: &Fetch<'_>) -> Result<(), ImapError> {
    match fetch.refused().first() {
        None => Ok(()),
        Some(refusal) => Err(ImapError::No {
            command: "UID FETCH",
            code: refusal.refusal.code.clone(),
            text: refusal.refusal.text.clone(),
        }),
    }
}

fn message_id(header: &[u8]) -> Option<Vec<u8>> {
    let mut hasher = Hasher::default();
    hasher.update(header);
    hasher.finish().message_id().filter(|id| !id.is_empty()).map(<[u8]>::to_vec)
}

/// What the report says of a message whose text did not come, though nothing was refused.
pub(crate) const NO_TEXT: &str = "it is listed, and the answer to the request for its text came without it";

/// What was read of chosen messages. One that is in neither list is not there any more.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// The contents, by UID.
    pub found: HashMap<u32, Content>,
    /// Messages that the server has and does not give, asked for twice, with its words. Nothing may be concluded from
    /// not knowing them.
    pub refused: BTreeMap<u32, String>,
}

/// Reads the contents of messages of the selected folder.
///
/// # Errors
/// When the connection fails.
pub(crate) async fn contents(session: &mut Session, uids: &[u32]) -> Result<Contents, ImapError> {
    hashed(session, uids, FetchItems::Full).await
}

/// Reads the header blocks of messages of the selected folder, hashed as if they were all.
///
/// # Errors
/// When the connection fails.
pub(crate) async fn headers(session: &mut Session, uids: &[u32]) -> Result<Contents, ImapError> {
    hashed(session, uids, FetchItems::Headers).await
}

async fn hashed(session: &mut Session, uids: &[u32], items: FetchItems) -> Result<Contents, ImapError> {
    let mut read = Contents::default();
    if uids.is_empty() {
        return Ok(read);
    }
    hash(session, uids.iter().copied().collect(), items, &mut read).await?;
    // One bad message may have cost those behind it.
    for uid in uids {
        if !read.found.contains_key(uid) {
            read.refused.remove(uid);
            hash(session, UidSet::range(*uid, *uid), items, &mut read).await?;
        }
    }
    let unknown = |uid: &u32| !read.found.contains_key(uid) && !read.refused.contains_key(uid);
    let silent: Vec<u32> = uids.iter().copied().filter(unknown).collect();
    for uid in still_listed(session, &silent).await? {
        read.refused.insert(uid, NO_TEXT.to_owned());
    }
    Ok(read)
}

async fn hash(
    session: &mut Session,
    uids: UidSet,
    items: FetchItems,
    read: &mut Contents,
) -> Result<(), ImapError> {
    let mut fetch = session.fetch(uids, items);
    while let Some(message) = fetch.next().await? {
        if message.body_len.is_none() {
            read.refused.insert(message.uid, NO_TEXT.to_owned());
            continue;
        }
        let mut hasher = Hasher::default();
        while let Some(piece) = fetch.chunk().await? {
            hasher.update(&piece);
        }
        read.found.insert(message.uid, hasher.finish());
    }
    for refusal in fetch.refused() {
        read.refused.extend(refusal.uids.iter().map(|uid| (uid, refusal.refusal.to_string())));
    }
    Ok(())
}
