//! Message lists of a folder, and the contents of chosen messages.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use mailhaul_imap::{Fetch, FetchItems, FlagSets, FolderName, ImapError, Refusal, Selected, Session, UidSet};

use crate::message::content::{Content, ContentHasher};
pub(crate) use crate::message::listed::ListedMessage;

/// Longest header block looked at for a Message-ID.
const MAX_IDENTITY: usize = 64 * 1024;

/// Reads the list of the selected folder, in UID order, without duplicates.
///
/// # Errors
/// Whatever the server or the connection says; a refused FETCH is an error here, since a list
/// with holes would be taken for the truth.
pub(crate) async fn list(
    session: &mut Session,
    uids: UidSet,
    items: FetchItems,
) -> Result<Vec<ListedMessage>, ImapError> {
    let mut fetch = session.fetch(uids, items);
    let (mut listed, mut sets) = (Vec::new(), FlagSets::default());
    while let Some(mut message) = fetch.next().await? {
        message.flags = sets.share(message.flags);
        listed.push(ListedMessage::from(message));
    }
    refuse_holes(&fetch, false)?;
    listed.sort_by_key(|m| m.uid);
    listed.dedup_by_key(|m| m.uid);
    Ok(listed)
}

/// Reads the list of these messages with the Message-ID of each, where it has one; in UID order, without
/// duplicates.
///
/// # Errors
/// As [`list`].
pub(crate) async fn list_with_ids(
    session: &mut Session,
    uids: UidSet,
) -> Result<(Vec<ListedMessage>, HashMap<u32, Vec<u8>>), ImapError> {
    let mut fetch = session.fetch(uids, FetchItems::Identity);
    let (mut listed, mut ids) = (Vec::new(), HashMap::new());
    while let Some(message) = fetch.next().await? {
        ids.extend(message_id(&fetch.body(MAX_IDENTITY).await?).map(|id| (message.uid, id)));
        listed.push(ListedMessage::from(message));
    }
    let ended = fetch.refused().iter().filter(|refused| refused.ended);
    let nameless = ended.fold(UidSet::default(), |mut all, refused| {
        all.extend(&refused.uids);
        all
    });
    refuse_holes(&fetch, true)?;
    if !nameless.is_empty() {
        // A connection ends at their headers: that they are there, and their figures, can be had all the
        // same.
        listed.extend(list(session, nameless, FetchItems::Meta).await?);
    }
    listed.sort_by_key(|m| m.uid);
    listed.dedup_by_key(|m| m.uid);
    Ok((listed, ids))
}

/// The message of this UID in a list, which is in UID order.
#[must_use]
pub(crate) fn in_list(listed: &[ListedMessage], uid: u32) -> Option<&ListedMessage> {
    listed.binary_search_by_key(&uid, |m| m.uid).ok().and_then(|at| listed.get(at))
}

/// A folder's list with the server's own counts.
#[derive(Debug)]
pub(crate) struct WholeList {
    pub selected: Selected,
    /// Every message the server listed.
    pub listed: Vec<ListedMessage>,
    /// Messages by STATUS, where that was asked.
    pub status: Option<u32>,
}

impl WholeList {
    /// How many messages the server counts: of figures that disagree the smaller is not believed.
    #[must_use]
    pub(crate) fn counted(&self) -> u32 {
        self.selected.exists.max(self.status.unwrap_or(0))
    }

    /// How many messages the server counts and does not list.
    #[must_use]
    pub(crate) fn unlisted(&self) -> u32 {
        self.counted().saturating_sub(u32::try_from(self.listed.len()).unwrap_or(u32::MAX))
    }
}

/// Lists the folder that was opened as `selected`, and of which STATUS said before that it has so many
/// messages. A list that is shorter than either count is asked for once more, after the folder was opened
/// anew, with a fresh STATUS: messages may have left since.
///
/// # Errors
/// As [`list`], and when the folder cannot be opened again.
pub(crate) async fn list_whole(
    session: &mut Session,
    name: &FolderName,
    selected: Selected,
    status: Option<u32>,
) -> Result<WholeList, ImapError> {
    let listed = list_counted(session, &selected, status).await?;
    let mut whole = WholeList { selected, listed, status };
    if whole.unlisted() > 0 {
        whole.selected = match whole.selected.read_only {
            true => session.examine(name).await?,
            false => session.select(name).await?,
        };
        if whole.status.is_some_and(|messages| messages as usize > whole.listed.len()) {
            match session.status(name).await {
                Ok(status) => whole.status = status.messages,
                Err(error) if error.is_connection_lost() => return Err(error),
                Err(error) => tracing::debug!(%error, "no fresh STATUS"),
            }
        }
        whole.listed = list_counted(session, &whole.selected, whole.status).await?;
        tracing::info!(counted = whole.counted(), listed = whole.listed.len(), "a short list");
    }
    Ok(whole)
}

async fn list_counted(
    session: &mut Session,
    selected: &Selected,
    status: Option<u32>,
) -> Result<Vec<ListedMessage>, ImapError> {
    session.expect_messages(status.unwrap_or(0));
    if selected.exists > 0 {
        return list(session, UidSet::all(), FetchItems::Meta).await;
    }
    if status.unwrap_or(0) == 0 {
        return Ok(Vec::new());
    }
    match list(session, UidSet::all(), FetchItems::Meta).await {
        // Some servers find fault with `1:*` when there is nothing.
        Err(error) if !error.is_connection_lost() => Ok(Vec::new()),
        listed => listed,
    }
}

/// Which of these messages the selected folder still has. Only a list without a message says that it is gone:
/// where the server refuses to list them, all of them are there.
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

fn refuse_holes(fetch: &Fetch<'_>, but_ended: bool) -> Result<(), ImapError> {
    match fetch.refused().iter().find(|refused| !(but_ended && refused.ended)) {
        None => Ok(()),
        Some(refusal) => Err(ImapError::No {
            command: "UID FETCH",
            code: refusal.refusal.code.clone(),
            text: refusal.refusal.text.clone(),
        }),
    }
}

fn message_id(header: &[u8]) -> Option<Vec<u8>> {
    let mut hasher = ContentHasher::default();
    hasher.update(header);
    hasher.finish().message_id
}

/// What the report says of a message whose text did not come, though nothing was refused.
pub(crate) const NO_TEXT: &str = "it is listed, and the answer to the request for its text came without it";

/// What was read of chosen messages. One that is in neither list is not there any more.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub found: HashMap<u32, Content>,
    /// Messages that the server has and does not give, asked for twice, with its words. Nothing may be
    /// concluded from not knowing them.
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

/// First wait for a server that asks for patience; doubled each time in a row that it asks again.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// So often in a row a server is waited for here; after that the caller dials anew.
const MOST_WAITS: u32 = 7;
/// A server that names a longer wait is left to the caller.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

async fn hashed(session: &mut Session, uids: &[u32], items: FetchItems) -> Result<Contents, ImapError> {
    let mut read = Contents::default();
    if uids.is_empty() {
        return Ok(read);
    }
    let mut pieces = VecDeque::from([uids.to_vec()]);
    let mut waits = 0;
    // One bad message may have cost those behind it: what did not come is asked for again, half at a time,
    // down to a message alone, and that once more.
    while let Some(piece) = pieces.pop_front() {
        let before = read.found.len();
        let set = piece.iter().copied().collect();
        if let Some(refusal) = hash(session, set, items, &mut read).await? {
            waits = if read.found.len() > before { 0 } else { waits };
            let wait = refusal.suggested_wait().unwrap_or(FIRST_WAIT * (1 << waits));
            waits += 1;
            if waits > MOST_WAITS || wait > LONGEST_WAIT {
                return Err(refusal.into_error("FETCH"));
            }
            tokio::time::sleep(wait).await;
            pieces.push_front(piece.into_iter().filter(|uid| !read.found.contains_key(uid)).collect());
            continue;
        }
        let left: Vec<u32> = piece.iter().copied().filter(|uid| !read.found.contains_key(uid)).collect();
        if left.len() < piece.len() || piece.len() > 1 {
            pieces.extend(left.chunks(left.len().div_ceil(2).max(1)).map(<[u32]>::to_vec));
        }
    }
    let unknown = |uid: &u32| !read.found.contains_key(uid) && !read.refused.contains_key(uid);
    let silent: Vec<u32> = uids.iter().copied().filter(unknown).collect();
    for uid in still_listed(session, &silent).await? {
        read.refused.insert(uid, NO_TEXT.to_owned());
    }
    Ok(read)
}

/// Reads some of them; returns the server's words where it asks for patience instead.
async fn hash(
    session: &mut Session,
    uids: UidSet,
    items: FetchItems,
    read: &mut Contents,
) -> Result<Option<Refusal>, ImapError> {
    let mut fetch = session.fetch(uids, items);
    while let Some(message) = fetch.next().await? {
        if message.body_len.is_none() {
            read.refused.insert(message.uid, NO_TEXT.to_owned());
            continue;
        }
        let mut hasher = ContentHasher::default();
        while let Some(piece) = fetch.chunk().await? {
            hasher.update(&piece);
        }
        read.refused.remove(&message.uid);
        read.found.insert(message.uid, hasher.finish());
    }
    for refusal in fetch.refused() {
        if !refusal.ended && refusal.refusal.asks_for_patience() && !refusal.may_be_about_length() {
            return Ok(Some(refusal.refusal.clone()));
        }
        read.refused.extend(refusal.uids.iter().map(|uid| (uid, refusal.refusal.to_string())));
    }
    Ok(None)
}
