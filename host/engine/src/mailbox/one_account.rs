//! Two names of one account, seen after the log-in and before anything is written: source and target, or two targets.
//!
//! A server may know an account under several log-ins, and nothing of a log-in says so. What the INBOX says does, as far as it
//! can be no accident. UIDVALIDITY is often the second of a folder's creation, so that accounts made by one script have the
//! same, and UIDNEXT 1 as well: these figures alone prove nothing. It is one account when UIDVALIDITY is the same and
//!
//! - both INBOXes have the same MAILBOXID (RFC 8474) of 16 characters or more; shorter ones may be counted in each account.
//!   Where both have one, nothing else is asked: other MAILBOXIDs are other accounts.
//! - Or, of source and target: UIDNEXT and MESSAGES are the same too, of the INBOX and of the source's fullest folder, and
//!   that folder's newest message is the same, byte by byte, under the same UID. Only while nothing was sent there:
//!   a copy that was sent has the same UID and the same bytes often enough, and nothing more has to be proven then.
//! - Or, of two targets: what another mailbox of the task has copied is there, byte by byte, under the UIDs that it was given.
//!   A UID that both were given for copies of theirs is the opposite proof: an account gives a UID once.

use mailhaul_imap::{Folder, FolderStatus, ImapError, Session};

use crate::account::{Mailbox, same_local_part};
use crate::cause::Cause;
use crate::mailbox::open::Interruption;
use crate::mapping::renamed_at_source::{Witness, best_witnesses, is_same};
use crate::mapping::target::Listing;
use crate::message::list::contents;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Ledger, LedgerError};
use crate::summary::Stopped;
use crate::task::accounts::{Entered, Seen};
use crate::task::context::Context;

/// A folder of the target, and copies that are said to be in it.
type Copies<'a> = (&'a Folder, Vec<Witness>);

/// A MAILBOXID of this length is random: Cyrus and others have UUIDs and the like.
const UNIQUE: usize = 16;

/// Most mailboxes with one UIDVALIDITY that are compared whatever they are called.
const ALIKE: usize = 64;

/// Most copies of one folder that are looked for.
const COPIES: u32 = 64;

/// What figures say of two folders under one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Likeness {
    /// Two accounts.
    Other,
    /// One account.
    Same,
    /// Both may be: what is in them has to be looked at.
    Alike,
}

/// Compares the ends with one another, and the target with those that other mailboxes of the task go to. As long as what is
/// returned lives, mailboxes that may share the target wait for this one, if it is `to_write`.
///
/// # Errors
/// Where two are one account and nobody says that it is meant.
pub(crate) async fn enter(
    context: &Context,
    mailbox: &Mailbox,
    (source_end, target_end): (&mut Session, &mut Session),
    (source, target): (&Listing, &Listing),
    to_write: bool,
) -> Result<Option<Entered>, Interruption> {
    let ledger = |key: &str| Ledger::read(&Ledger::file(&context.job.state_dir, key));
    if !mailbox.one_account
        && is_one((source_end, target_end), (source, target), || ledger(&mailbox.key)).await?
    {
        let names = format!(
            "source `{}` on {} and target `{}` on {} are one account",
            mailbox.source.user,
            mailbox.source.endpoint.host,
            mailbox.target.user,
            mailbox.target.endpoint.host
        );
        return Err(stopped(format!("{names}: {}", told(inbox(target)))));
    }
    let Some((_, status)) = inbox(target) else { return Ok(None) };
    let Some(uid_validity) = status.uid_validity else { return Ok(None) };
    let entered = context.accounts.enter(mailbox, uid_validity, status.mailbox_id.as_deref());
    // A server that gives every INBOX the same says nothing by it.
    let telling = entered.before.len() <= ALIKE;
    let may_be = |other: &&Seen| telling || same_local_part(&mailbox.target.user, &other.user);
    for other in entered.before.iter().filter(may_be) {
        let meant = mailbox.one_account && other.meant;
        let mut likeness = by_id(status.mailbox_id.as_deref(), other.mailbox_id.as_deref());
        // Two that are at work at the same time have nothing to know them by yet.
        let may_share = likeness != Likeness::Other
            && (meant || likeness == Likeness::Alike && same_local_part(&mailbox.target.user, &other.user));
        if may_share && to_write {
            other.done().await;
        }
        if meant {
            continue;
        }
        if likeness == Likeness::Alike {
            let theirs = match ledger(&other.mailbox)? {
                Some(theirs) => their_copies(target, &theirs, ledger(&mailbox.key)?.as_ref())?,
                None => Some(Vec::new()),
            };
            likeness = match theirs {
                Some(theirs) if has_any(target_end, &theirs).await? => Likeness::Same,
                Some(_) => Likeness::Alike,
                None => Likeness::Other,
            };
        }
        if likeness == Likeness::Same {
            return Err(stopped(two_rows(mailbox, other, told(Some((inbox_of(target), status))))));
        }
    }
    Ok(Some(entered))
}

fn two_rows(mailbox: &Mailbox, other: &Seen, told: String) -> String {
    format!(
        "target `{}` on {} is the same account as target `{}` on {} of mailbox `{}`: {told}",
        mailbox.target.user, mailbox.target.endpoint.host, other.user, other.host, other.mailbox
    )
}

/// By which figures.
fn told(inbox: Option<(Option<&Folder>, &FolderStatus)>) -> String {
    let status = inbox.map(|(_, status)| status.clone()).unwrap_or_default();
    let mut figures = vec![format!("UIDVALIDITY {}", status.uid_validity.unwrap_or(0))];
    figures.extend(status.uid_next.map(|next| format!("UIDNEXT {next}")));
    figures.push(match status.mailbox_id {
        Some(id) => format!("MAILBOXID {}", id.escape_debug()),
        None => "the messages".to_owned(),
    });
    format!(
        "{} of both are the same; give each an account of its own in the list, or write `meant` into the column \
         `one_account` of each of these rows",
        figures.join(", ")
    )
}

fn stopped(reason: String) -> Interruption {
    Interruption::Stopped(Stopped { side: Side::Local, cause: Cause::OneAccount, reason })
}

fn inbox_of(listing: &Listing) -> Option<&Folder> {
    listing.iter().map(|(folder, _)| folder).find(|folder| folder.name.is_inbox())
}

fn inbox(listing: &Listing) -> Option<(Option<&Folder>, &FolderStatus)> {
    let (folder, status) = listing.iter().find(|(folder, _)| folder.name.is_inbox())?;
    Some((Some(folder), status.as_ref()?))
}

/// What MAILBOXIDs say where UIDVALIDITY is the same.
fn by_id(one: Option<&str>, other: Option<&str>) -> Likeness {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Likeness::Other,
        (Some(one), Some(_)) if one.len() >= UNIQUE => Likeness::Same,
        _ => Likeness::Alike,
    }
}

/// Whether UIDVALIDITY, UIDNEXT and MESSAGES are told and the same.
fn same_figures(one: &FolderStatus, other: &FolderStatus) -> bool {
    let figures = |status: &FolderStatus| Some((status.uid_validity?, status.uid_next?, status.messages?));
    figures(one).is_some() && figures(one) == figures(other)
}

/// What the lists of both ends say, and the folder whose newest message decides.
fn likeness<'a>(source: &'a Listing, target: &Listing) -> (Likeness, Option<&'a Folder>) {
    let (Some((_, one)), Some((_, other))) = (inbox(source), inbox(target)) else {
        return (Likeness::Other, None);
    };
    if !same_figures(one, other) {
        return (Likeness::Other, None);
    }
    let by_id = by_id(one.mailbox_id.as_deref(), other.mailbox_id.as_deref());
    if by_id != Likeness::Alike {
        return (by_id, None);
    }
    let counted = source.iter().filter_map(|(folder, status)| Some((folder, status.as_ref()?)));
    let fullest = counted.max_by_key(|(_, status)| status.messages).filter(|(_, s)| s.messages > Some(0));
    let same = |(folder, status): &(&Folder, &FolderStatus)| {
        let there = target.iter().find(|(there, _)| there.name == folder.name);
        there.and_then(|(_, status)| status.as_ref()).is_some_and(|there| same_figures(status, there))
    };
    match fullest.filter(same) {
        Some((folder, _)) => (Likeness::Alike, Some(folder)),
        // Nothing in it, or something else: no proof.
        None => (Likeness::Other, None),
    }
}

/// Whether source and target are one account.
async fn is_one(
    (source_end, target_end): (&mut Session, &mut Session),
    (source, target): (&Listing, &Listing),
    ledger: impl FnOnce() -> Result<Option<Ledger>, LedgerError>,
) -> Result<bool, Interruption> {
    let (likeness, folder) = likeness(source, target);
    if likeness == Likeness::Other || ledger()?.map(|ledger| ledger.has_sent()).transpose()? == Some(true) {
        return Ok(false);
    }
    let Some(folder) = folder else { return Ok(likeness == Likeness::Same) };
    let (one, other) = tokio::join!(newest(source_end, folder), newest(target_end, folder));
    let one = one.map_err(EndError::at(Side::Source))?;
    let other = other.map_err(EndError::at(Side::Target))?;
    Ok(one.is_some() && one == other)
}

/// UID and digest of a folder's newest message.
async fn newest(session: &mut Session, folder: &Folder) -> Result<Option<(u32, [u8; 32])>, ImapError> {
    let found: Result<_, ImapError> = async {
        session.examine(&folder.name).await?;
        let Some((_, uid)) = session.uids().await?.bounds() else { return Ok(None) };
        let read = contents(session, &[uid]).await?;
        Ok(read.found.get(&uid).map(|content| (uid, content.exact)))
    }
    .await;
    match found {
        // No evidence, and the folder's own run will say why.
        Err(error) if !error.is_connection_lost() => Ok(None),
        found => found,
    }
}

/// Another mailbox's copies that would be in folders of this list if the target were its too; `None` when a UID is both
/// its and ours.
fn their_copies<'a>(
    listing: &'a Listing,
    theirs: &Ledger,
    ours: Option<&Ledger>,
) -> Result<Option<Vec<Copies<'a>>>, LedgerError> {
    let our_places = ours.map(Ledger::places).transpose()?.unwrap_or_default();
    let mut all = Vec::new();
    for place in theirs.places()?.iter().filter(|place| place.uid_validity.is_some()) {
        let there = listing.iter().find(|(folder, status)| {
            folder.path.to_string() == place.path
                && status.as_ref().is_some_and(|status| status.uid_validity == place.uid_validity)
        });
        let Some((folder, _)) = there else { continue };
        let copies = theirs.newest_copies(place.id, COPIES)?;
        let mine = our_places
            .iter()
            .find(|ours| ours.path == place.path && ours.uid_validity == place.uid_validity)
            .map(|ours| ours.id);
        if let (Some(ours), Some(mine)) = (ours, mine) {
            for uid in copies.iter().filter_map(|(_, row)| row.target_uid()) {
                if ours.is_copy(mine, uid)? {
                    return Ok(None);
                }
            }
        }
        all.push((folder, best_witnesses(theirs, copies)?));
    }
    Ok(Some(all))
}

/// Whether the copies of any of these folders are on the target.
async fn has_any(target: &mut Session, copies: &[Copies<'_>]) -> Result<bool, EndError> {
    for (folder, witnesses) in copies {
        let witnesses: Vec<(u32, &Witness)> =
            witnesses.iter().filter_map(|one| Some((one.target_uid?, one))).collect();
        if is_same(target, folder, &witnesses).await.map_err(EndError::at(Side::Target))? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use mailhaul_imap::{FolderName, FolderPath, Space};

    use super::*;

    fn figures(next: u32, messages: u32, id: Option<&str>) -> FolderStatus {
        FolderStatus {
            uid_validity: Some(7),
            uid_next: Some(next),
            messages: Some(messages),
            mailbox_id: id.map(str::to_owned),
            ..FolderStatus::default()
        }
    }

    fn listing(folders: &[(&str, FolderStatus)]) -> Listing {
        let folder = |name: &str| Folder {
            name: FolderName(name.as_bytes().to_vec()),
            path: FolderPath(vec![name.to_owned()]),
            reads: None,
            space: Space::Own,
            attributes: Vec::new(),
            roles: Vec::new(),
            selectable: true,
            subscribed: false,
            listed: true,
        };
        folders.iter().map(|(name, status)| (folder(name), Some(status.clone()))).collect()
    }

    fn seen(source: &Listing, target: &Listing) -> (Likeness, Option<String>) {
        let (likeness, folder) = likeness(source, target);
        (likeness, folder.map(|folder| folder.path.to_string()))
    }

    #[test]
    fn figures_of_accounts_made_in_one_second_prove_nothing() {
        let empty = listing(&[("INBOX", figures(1, 0, None))]);
        assert_eq!(seen(&empty, &empty).0, Likeness::Other);
        let welcomed = listing(&[("INBOX", figures(2, 1, None)), ("Sent", figures(1, 0, None))]);
        assert_eq!(seen(&welcomed, &empty).0, Likeness::Other);
        assert_eq!(seen(&welcomed, &welcomed), (Likeness::Alike, Some("INBOX".into())));
        let more = listing(&[("INBOX", figures(3, 1, None))]);
        assert_eq!(seen(&welcomed, &more).0, Likeness::Other);
    }

    #[test]
    fn an_empty_inbox_leaves_it_to_the_fullest_folder() {
        let one = listing(&[("INBOX", figures(1, 0, None)), ("Old", figures(9, 8, None))]);
        assert_eq!(seen(&one, &one), (Likeness::Alike, Some("Old".into())));
        let other = listing(&[("INBOX", figures(1, 0, None)), ("Old", figures(9, 7, None))]);
        assert_eq!(seen(&one, &other).0, Likeness::Other);
    }

    #[test]
    fn a_mailboxid_decides_when_it_can_be_no_counter() {
        let with = |id: Option<&str>| listing(&[("INBOX", figures(1, 0, id))]);
        let long = "f9b3c4e2-27d5-4a2f";
        assert_eq!(seen(&with(Some(long)), &with(Some(long))).0, Likeness::Same);
        assert_eq!(seen(&with(Some("a")), &with(Some("a"))).0, Likeness::Other);
        let full = |id: &str| listing(&[("INBOX", figures(9, 8, Some(id)))]);
        assert_eq!(seen(&full("a"), &full("a")).0, Likeness::Alike);
        assert_eq!(seen(&full("a"), &full("b")).0, Likeness::Other);
        assert_eq!(seen(&full(long), &with(Some(long))).0, Likeness::Other);
    }
}
