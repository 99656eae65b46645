//! What is plausible: how many messages, how long a body, how long a name. A server may claim more; nothing
//! is set aside for a claim, and what goes beyond it is refused with a sentence.

use crate::types::error::ImapError;
use crate::types::folder::Folder;

/// The most messages of one folder. A list of so many is about 100 MB in memory, and four times what the
/// largest folders seen hold.
pub(crate) const MOST_MESSAGES: u32 = 4_000_000;
/// Messages that may be listed beyond a folder's count and a quarter of it: servers are off by that much
/// (iCloud finds 503,786 messages in a folder of 414,053), and mail arrives.
const MORE_LISTED: u32 = 1_000;
/// Bytes that the lines about one message of a list may take: flags and labels take a few hundred at most.
const LINE: u64 = 1 << 10;
/// Bytes that the lines of any list may take beyond [`LINE`] for each message.
const LINES: u64 = 16 << 20;
/// The longest body: IMAP4rev1 has 32 bits for RFC822.SIZE and for a literal (RFC 3501 section 9).
pub(crate) const MOST_BODY: u64 = u32::MAX as u64;
/// Bytes by which a body may be longer than twice its RFC822.SIZE: servers estimate, and count line ends as
/// one byte.
const MORE_BODY: u64 = 1 << 20;
/// The most folders. The largest accounts seen have some ten thousand.
const MOST_FOLDERS: usize = 100_000;
/// The longest name in bytes: a path of Linux and most other systems is no longer.
const MOST_NAME: usize = 4_096;
/// All names together in bytes: of as many folders as there may be, 80 each.
const MOST_NAMES: usize = 8 << 20;
/// The most levels of a name: deeper ones come of programs that went round in a circle.
const MOST_LEVELS: usize = 200;

/// Returns the longest list of a folder in messages: of one that `exists` with so many, by the largest count
/// the server gave, and into which this connection has `stored` so many more.
pub(crate) fn most_listed(exists: u32, stored: u32) -> u64 {
    let counted = exists.saturating_add(stored).min(MOST_MESSAGES);
    u64::from(counted) + u64::from(counted / 4) + u64::from(MORE_LISTED)
}

/// Returns how many lines may tell of the messages of such a folder: what a server has to say of one may come
/// in several, or twice.
pub(crate) fn most_told(exists: u32, stored: u32) -> u64 {
    most_listed(exists, stored) * 4
}

/// Returns how many bytes the lines of a list of so many messages may take.
pub(crate) fn most_bytes(messages: u64) -> u64 {
    messages.saturating_mul(LINE).saturating_add(LINES)
}

/// Returns how long the body of a message may be in bytes, by its RFC822.SIZE, which is 0 where a server does
/// not know it.
pub(crate) fn most_body(size: Option<u64>) -> u64 {
    let known = size.filter(|size| *size > 0);
    known.map_or(MOST_BODY, |size| size.saturating_mul(2).saturating_add(MORE_BODY).min(MOST_BODY))
}

/// Checks that a folder can hold so many messages.
///
/// # Errors
/// `Excess`.
pub(crate) fn check_messages(exists: u32) -> Result<(), ImapError> {
    if exists <= MOST_MESSAGES {
        return Ok(());
    }
    let what = format!(
        "the server says that the folder holds {exists} messages, and folders of up to {MOST_MESSAGES} are moved; if it \
         does hold so many, divide it on the server"
    );
    Err(ImapError::Excess { what })
}

/// Checks that an account can have these folders.
///
/// # Errors
/// `Excess`, with the first name that is too long or too deep, since a folder that is left out without a word
/// would pass for one that is not there.
pub(crate) fn check_folders(folders: &[Folder]) -> Result<(), ImapError> {
    let excess = |what: String| Err(ImapError::Excess { what });
    if folders.len() > MOST_FOLDERS {
        return excess(format!(
            "the server lists {} folders, and accounts with up to {MOST_FOLDERS} are moved",
            folders.len()
        ));
    }
    let mut together = 0usize;
    for Folder { name, path, .. } in folders {
        let (bytes, levels) = (name.0.len(), path.0.len());
        together = together.saturating_add(bytes);
        if bytes > MOST_NAME || levels > MOST_LEVELS {
            let begin: String = path.0.iter().take(2).flat_map(|level| level.chars().take(40)).collect();
            return excess(format!(
                "the name of a folder that begins with `{}` has {bytes} bytes and {levels} levels, and names of up to \
                 {MOST_NAME} bytes and {MOST_LEVELS} levels are moved; it has to be renamed or removed there",
                begin.escape_debug()
            ));
        }
    }
    if together > MOST_NAMES {
        return excess(format!(
            "the names of the {} folders have {together} bytes together, and accounts with up to {MOST_NAMES} are moved",
            folders.len()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::folder::Space;
    use crate::types::name::{FolderName, FolderPath};

    fn folder(level: &str, levels: usize) -> Folder {
        let name = vec![level; levels].join("/");
        Folder {
            path: FolderPath(vec![level.to_owned(); levels]),
            reads: None,
            space: Space::Own,
            name: FolderName(name.into_bytes()),
            attributes: Vec::new(),
            roles: Vec::new(),
            selectable: true,
            subscribed: false,
            listed: true,
        }
    }

    #[test]
    fn a_list_ends_at_the_folders_count_and_some_slack() {
        assert_eq!((most_listed(0, 0), most_listed(3_000, 0)), (1_000, 4_750));
        assert!(most_listed(414_053, 0) > 503_786, "iCloud's");
        assert!(most_listed(0, 50_000) > 50_000, "what was stored here was not there when it was opened");
        assert!(most_listed(u32::MAX, u32::MAX) < 6_000_000);
        assert!(check_messages(MOST_MESSAGES).is_ok() && check_messages(MOST_MESSAGES + 1).is_err());
    }

    #[test]
    fn a_body_may_be_longer_than_its_size_but_not_by_any_number() {
        assert!((3 << 20..4 << 20).contains(&most_body(Some(1 << 20))));
        for unknown in [None, Some(0), Some(u64::MAX)] {
            assert_eq!(most_body(unknown), MOST_BODY);
        }
    }

    #[test]
    fn depth_length_and_number_of_names_have_a_most() {
        assert!(check_folders(&[folder("x", MOST_LEVELS), folder("", 0)]).is_ok());
        assert!(check_folders(&[folder(&"x".repeat(MOST_NAME), 1)]).is_ok());
        for bad in [folder("x", MOST_LEVELS + 1), folder(&"\u{1b}".repeat(MOST_NAME + 1), 1)] {
            let error = check_folders(&[bad]).unwrap_err();
            assert!(!error.is_connection_lost() && error.to_string().len() < 500, "{error}");
            assert!(!error.to_string().contains('\u{1b}'), "{error}");
        }
        assert!(check_folders(&vec![folder("x", 1); MOST_FOLDERS]).is_ok());
        assert!(check_folders(&vec![folder("x", 1); MOST_FOLDERS + 1]).is_err());
        assert!(check_folders(&vec![folder(&"x".repeat(MOST_NAME), 1); 3_000]).is_err());
    }
}
