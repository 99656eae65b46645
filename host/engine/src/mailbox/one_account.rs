//! Two names of one account, seen after the log-in and before anything is written: source and target, or two
//! targets.
//!
//! A server may know an account under several log-ins, and nothing of a log-in says so. What the INBOX says
//! does, as far as it can be no accident. UIDVALIDITY is often the second of a folder's creation, so that
//! accounts made by one script have the same, and UIDNEXT 1 as well: these figures alone prove nothing. It is
//! one account when UIDVALIDITY is the same and
//!
//! - both INBOXes have the same MAILBOXID (RFC 8474) of 16 characters or more; shorter ones may be counted in
//!   each account. Where both have one, nothing else is asked: other MAILBOXIDs are other accounts.
//! - Or, of source and target: UIDNEXT and MESSAGES are the same too, of the INBOX and of the source's
//!   fullest folder, and that folder's newest message is the same, byte by byte, under the same UID. Only
//!   while nothing was sent there: a copy that was sent has the same UID and the same bytes often enough, and
//!   nothing more has to be proven then.
//! - Or, of two targets: what another mailbox of the project has copied is there, byte by byte, under the
//!   UIDs that it was given. A UID that both were given for copies of theirs is the opposite proof: an
//!   account gives a UID once.
//!
//! A target is compared with those of all mailboxes of the list, as they were seen last, whether these run
//! now or not (`task/accounts`): only their ledgers have to be there. Whoever has copied something there has
//! the right to it, and the other one stops; where both have, both are told. Two that are at work at the same
//! time have nothing to be known by yet: the one that came later waits until the other has its first copy,
//! whatever their log-ins are called, and not a moment longer, since accounts that one script has made look
//! alike by the dozen.

use mailhaul_imap::{Folder, FolderStatus, ImapError, Session};

use crate::account::Mailbox;
use crate::cause::Cause;
use crate::mailbox::known_by::{FolderWitnesses, has_any, has_copies, their_copies};
use crate::mailbox::open::Interruption;
use crate::mailbox::turn::{wait, wait_until_known};
use crate::mapping::target::Listing;
use crate::message::list::contents;
use crate::server::error::EndError;
use crate::side::Side;
use crate::state::ledger::{Ledger, LedgerError};
use crate::summary::Stopped;
use crate::task::accounts::{AccountGuard, KnownAccount};
use crate::task::context::Context;

/// A MAILBOXID of this length is random: Cyrus and others have UUIDs and the like.
const UNIQUE: usize = 16;

/// What the figures of two accounts say about whether they are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Likeness {
    Other,
    Same,
    /// The figures are the same: the messages have to be compared.
    Alike,
}

/// What is done with a mailbox once its target account is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Nothing is changed, and so no other mailbox is waited for.
    Look,
    /// This many messages are copied; with 0 nobody waits.
    Copy(u64),
}

/// Compares the ends with one another, and the target with those that other mailboxes of the project go to.
/// As long as what is returned lives, mailboxes that may share the target wait for this one's first copy.
///
/// # Errors
/// Where two are one account and nobody says that it is meant.
pub(crate) async fn enter(
    context: &Context,
    mailbox: &Mailbox,
    (source_end, target_end): (&mut Session, &mut Session),
    (source, target): (&Listing, &Listing),
    purpose: Purpose,
) -> Result<Option<AccountGuard>, Interruption> {
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
        return Err(stopped(format!("{names}: {}", figures_text(inbox(target)))));
    }
    let Some((_, status)) = inbox(target) else { return Ok(None) };
    let Some(uid_validity) = status.uid_validity else { return Ok(None) };
    let mut ours = None;
    let mut unknown = matches!(purpose, Purpose::Copy(messages) if messages > 0);
    if unknown {
        ours = ledger(&mailbox.key)?;
        let known = ours.as_ref().map(|ours| has_copies(target, ours, true)).transpose()?;
        unknown = known != Some(true);
    }
    let mut entered = context.accounts.enter(mailbox, uid_validity, status.mailbox_id.as_deref(), unknown);
    if ours.is_none() && !entered.others.is_empty() {
        ours = ledger(&mailbox.key)?;
    }
    let order = entered.order;
    let mut newer: Option<Listing> = None;
    for other in &mut entered.others {
        let seen = &other.seen;
        let by_id = by_id(status.mailbox_id.as_deref(), seen.account.mailbox_id.as_deref());
        let meant = mailbox.one_account && seen.meant;
        let waits = purpose != Purpose::Look && by_id != Likeness::Other;
        if let Some(turn) = other.turn.as_mut().filter(|_| waits) {
            if meant {
                wait(context, (source_end, target_end), turn.done()).await?;
            } else if by_id == Likeness::Alike && is_same_server(mailbox, seen) && !turn.is_known() {
                tracing::info!(
                    other = seen.account.mailbox,
                    "waits for the first copy of one that looks alike"
                );
                let theirs = || ledger(&seen.account.mailbox).ok().flatten();
                let ends = (&mut *source_end, &mut *target_end);
                let is_elsewhere = wait_until_known(context, ends, target, turn, theirs).await?;
                if is_elsewhere {
                    continue;
                }
                newer = None;
            }
        }
        if meant || by_id == Likeness::Other {
            continue;
        }
        let theirs = ledger(&seen.account.mailbox);
        let is_old = newer.is_none() && other.is_recent() && by_id == Likeness::Alike;
        if let Ok(Some(theirs)) = &theirs
            && is_old
            && has_copies(target, theirs, false).unwrap_or(false)
        {
            let listed = target_end.own_folders_with_status().await;
            newer = Some(listed.map_err(EndError::at(Side::Target))?);
        }
        let listing = newer.as_ref().unwrap_or(target);
        let answer =
            theirs.and_then(|theirs| ask(listing, (ours.as_ref(), order), (theirs.as_ref(), seen), by_id));
        let one = match answer {
            Ok(AccountAnswer::One) => true,
            Ok(AccountAnswer::Two) => false,
            Ok(AccountAnswer::In(copies)) => has_any(target_end, &copies, other.is_recent()).await?,
            // That mailbox will say so itself, and is no reason to stop this one.
            Err(error) => {
                let name = &seen.account.mailbox;
                let text =
                    format!("whether its target is also that of mailbox `{name}` is not known: {error}");
                context.warn(&mailbox.key, text).await;
                false
            }
        };
        if one {
            return Err(stopped(two_rows(mailbox, seen, status)));
        }
    }
    Ok(Some(entered))
}

/// Whether two targets are on one server, by its name.
fn is_same_server(mailbox: &Mailbox, other: &KnownAccount) -> bool {
    let name = |host: &str| host.trim_end_matches('.').to_ascii_lowercase();
    let (one, other) = (&mailbox.target.endpoint, &other.account);
    name(&one.host) == name(&other.host) && one.port == other.port
}

/// Whether the targets of two mailboxes are one account, to which the other mailbox has the right.
enum AccountAnswer<'a> {
    One,
    Two,
    /// One account if any of these copies are on the target.
    In(Vec<FolderWitnesses<'a>>),
}

/// Answers by the two ledgers as far as they can tell, and by who was known first.
fn ask<'a>(
    listing: &'a Listing,
    (ours, order): (Option<&Ledger>, u64),
    (theirs, other): (Option<&Ledger>, &KnownAccount),
    by_id: Likeness,
) -> Result<AccountAnswer<'a>, LedgerError> {
    let has_sent = |ledger: Option<&Ledger>| ledger.map_or(Ok(false), Ledger::has_sent);
    if by_id == Likeness::Same {
        // Where nothing was copied, who was known first stays.
        let has_right = has_sent(theirs)? || !has_sent(ours)? && other.order < order;
        return Ok(if has_right { AccountAnswer::One } else { AccountAnswer::Two });
    }
    let Some(theirs) = theirs else { return Ok(AccountAnswer::Two) };
    Ok(their_copies(listing, theirs, ours)?.map_or(AccountAnswer::Two, AccountAnswer::In))
}

fn two_rows(mailbox: &Mailbox, other: &KnownAccount, inbox: &FolderStatus) -> String {
    // UIDNEXT is no evidence here, and may have changed meanwhile.
    let told = figures_text(Some((None, &FolderStatus { uid_next: None, ..inbox.clone() })));
    format!(
        "target `{}` on {} is the same account as target `{}` on {} of mailbox `{}`: {told}",
        mailbox.target.user,
        mailbox.target.endpoint.host,
        other.account.user,
        other.account.host,
        other.account.mailbox
    )
}

/// Returns by which figures of the INBOX two accounts were found to be one, and what to do about it.
fn figures_text(inbox: Option<(Option<&Folder>, &FolderStatus)>) -> String {
    let status = inbox.map(|(_, status)| status.clone()).unwrap_or_default();
    let mut figures = vec![format!("UIDVALIDITY {}", status.uid_validity.unwrap_or(0))];
    figures.extend(status.uid_next.map(|next| format!("UIDNEXT {next}")));
    figures.push(match status.mailbox_id {
        Some(id) => format!("MAILBOXID {}", mailhaul_text::escape(&id)),
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

fn inbox(listing: &Listing) -> Option<(Option<&Folder>, &FolderStatus)> {
    let (folder, status) = listing.iter().find(|(folder, _)| folder.name.is_inbox())?;
    Some((Some(folder), status.as_ref()?))
}

/// Compares MAILBOXIDs (RFC 8474) of two INBOXes with the same UIDVALIDITY.
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

/// Reads UID and SHA-256 of a folder's newest message; `None` when it has none or cannot be opened.
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
