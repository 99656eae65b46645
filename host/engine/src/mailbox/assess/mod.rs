//! `assess`: reads what a mailbox is like at both ends, or at the source alone, and writes nothing.
//!
//! It costs what a list costs: LIST and STATUS, then for each folder with mail one EXAMINE and one pass over
//! sizes and dates ([`pass`]). No text of a message is asked for, and no message is kept in memory.

mod pass;

use mailhaul_imap::{ImapError, Session, Space};

use crate::account::{AccountSpec, Mailbox};
use crate::assessment::beyond::kind;
use crate::assessment::{Assessment, EndFigures, ProviderFigures, QuotaFigures};
use crate::event::{Event, MailboxEnd};
use crate::mailbox::check::settled_bytes;
use crate::mailbox::connect::{LookedAt, connect_to_look};
use crate::mailbox::listing::{KnownFolders, round_trip_ms, source_figures, target_figures};
use crate::mailbox::open::Interruption;
use crate::mailbox::waits::Waits;
use crate::mapping::target::Listing;
use crate::server::dial::log_out;
use crate::server::error::EndError;
use crate::server::refusal::interpret;
use crate::side::Side;
use crate::state::ledger::Ledger;
use crate::state::record;
use crate::task::context::Context;
use pass::Pass;

/// A mailbox whose connection is lost is read from its beginning so often; the next command tries again.
const TRIES: u32 = 3;

/// Reads a mailbox, unless `known` still tells what it is like, and tells it.
pub(crate) async fn run(context: &Context, mailbox: &Mailbox, known: Option<&Assessment>) -> MailboxEnd {
    let found = match known.filter(|known| still_tells(known, mailbox)) {
        Some(known) => known.clone(),
        None => {
            let read = tokio::select! {
                read = read(context, mailbox) => read,
                () = context.stop.raised() => None,
            };
            let Some(read) = read else { return MailboxEnd::Interrupted };
            keep(context, &read).await;
            read
        }
    };
    let stopped = found.source.stopped.as_ref().or_else(|| found.target.as_ref()?.stopped.as_ref());
    let end = stopped.cloned().map_or(MailboxEnd::Complete, MailboxEnd::Stopped);
    context.emit(Event::Assessed(Box::new(found))).await;
    end
}

/// Whether what was read before was read to its end, of the accounts that the list has now.
fn still_tells(known: &Assessment, mailbox: &Mailbox) -> bool {
    let same = |end: &EndFigures, spec: &AccountSpec| {
        let place = (&end.user, &end.host, end.port);
        end.stopped.is_none() && place == (&spec.user, &spec.endpoint.host, spec.endpoint.port)
    };
    same(&known.source, &mailbox.source)
        && match (&known.target, &mailbox.without_target) {
            (Some(end), None) => same(end, &mailbox.target),
            (None, Some(_)) => true,
            _ => false,
        }
}

/// Records it, so that an assessment that is broken off goes on where it stopped.
async fn keep(context: &Context, found: &Assessment) {
    let Some(recording) = context.recording() else { return };
    if let Err(error) = recording.with(|record, _| record.keep_assessment(found)) {
        context.warn(&found.mailbox, format!("what was read could not be stored: {error}")).await;
    }
}

/// Reads both ends; `None` when the user has stopped the task by then.
async fn read(context: &Context, mailbox: &Mailbox) -> Option<Assessment> {
    let mut waits = Waits::default();
    let mut tries = 1;
    let stopped = loop {
        match read_once(context, mailbox, &mut waits).await {
            Ok(found) => return found,
            Err(Interruption::User) => return None,
            Err(Interruption::Stopped(stopped)) => break stopped,
            Err(Interruption::End(error)) if error.is_connection_lost() && tries < TRIES => {
                tries += 1;
                tracing::info!(tries, "once more: {}", error.stopped().reason);
            }
            Err(Interruption::End(error)) => break interpret(context, mailbox, error).await.stopped(),
        }
    };
    let target = mailbox.without_target.is_none().then(|| end(context, mailbox, Side::Target));
    let mut source = end(context, mailbox, Side::Source);
    source.stopped = Some(stopped);
    Some(Assessment { source, target, ..blank(mailbox) })
}

fn blank(mailbox: &Mailbox) -> Assessment {
    Assessment { mailbox: mailbox.key.clone(), at: record::now(), ..Assessment::default() }
}

/// An end of which nothing is known but where it is, and what a profile knows of its host.
fn end(context: &Context, mailbox: &Mailbox, side: Side) -> EndFigures {
    let spec = mailbox.side(side);
    let provider = context.profiles.known(side, spec).map(|known| {
        let profile = &known.profile;
        ProviderFigures {
            id: profile.provider.clone(),
            name: profile.name.clone(),
            connections: profile.max_connections,
            connections_per_mailbox: profile.max_connections_per_mailbox,
            budget: profile.budget,
            notes: profile.notes.clone(),
        }
    });
    EndFigures {
        user: spec.user.clone(),
        host: spec.endpoint.host.clone(),
        port: spec.endpoint.port,
        provider,
        ..EndFigures::default()
    }
}

async fn read_once(
    context: &Context,
    mailbox: &Mailbox,
    waits: &mut Waits,
) -> Result<Option<Assessment>, Interruption> {
    let Some((permit, ends)) = connect_to_look(context, mailbox, waits).await? else { return Ok(None) };
    let LookedAt { mut source, target } = ends;
    // A ledger that cannot be read is a run's business.
    let ledger = Ledger::read_of(&context.job.state_dir, &mailbox.identity()).ok().flatten();
    let known = ledger.and_then(|ledger| KnownFolders::of(&ledger).ok()).unwrap_or_default();
    let (listed, target) =
        tokio::join!(list_source(&mut source, &known), read_target(context, mailbox, target, &known));
    let (listing, round_trip) = listed.map_err(EndError::at(Side::Source))?;
    let limit = target.as_ref().and_then(|target| target.append_limit);
    let found = read_source(&mut source, listing, limit).await.map_err(EndError::at(Side::Source))?;
    let quota = source.quota().await.map_err(EndError::at(Side::Source))?;
    log_out(source).await;
    drop(permit);
    let source = EndFigures {
        quota: quota.map(|quota| QuotaFigures { used: quota.used, limit: quota.limit }),
        round_trip_ms: Some(round_trip),
        ..placed(end(context, mailbox, Side::Source), found.source)
    };
    // A ledger that cannot be read is a run's business.
    let ledger = Ledger::read_of(&context.job.state_dir, &mailbox.identity()).ok().flatten();
    let (mailbox_key, settled_bytes) = (mailbox.key.clone(), settled_bytes(ledger.as_ref()));
    Ok(Some(Assessment {
        mailbox: mailbox_key,
        at: record::now(),
        source,
        target,
        settled_bytes,
        ..found.rest
    }))
}

/// The figures of an end that is at this place.
fn placed(place: EndFigures, figures: EndFigures) -> EndFigures {
    let EndFigures { user, host, port, provider, .. } = place;
    EndFigures { user, host, port, provider, ..figures }
}

/// The folders of the source with their figures, and how long its server takes to answer, in milliseconds.
async fn list_source(session: &mut Session, known: &KnownFolders) -> Result<(Listing, u32), ImapError> {
    let round_trip = round_trip_ms(session).await?;
    Ok((source_figures(session, &known.source).await?, round_trip))
}

/// Reads the target as far as it can be read; what is in the way is among its figures.
async fn read_target(
    context: &Context,
    mailbox: &Mailbox,
    dialled: Option<Result<Session, EndError>>,
    known: &KnownFolders,
) -> Option<EndFigures> {
    let read = match dialled? {
        Ok(session) => figures(session, known).await.map_err(EndError::at(Side::Target)),
        Err(error) => Err(error),
    };
    // After the log-in: the profile is known by then.
    let mut target = end(context, mailbox, Side::Target);
    match read {
        Ok(found) => {
            target = placed(target, found);
        }
        Err(error) => target.stopped = Some(interpret(context, mailbox, error).await.stopped()),
    }
    Some(target)
}

/// What the target holds, has room for, and takes.
async fn figures(mut session: Session, known: &KnownFolders) -> Result<EndFigures, ImapError> {
    let listing = target_figures(&mut session, &known.target).await?;
    let quota = session.quota().await?;
    let mut found = EndFigures {
        quota: quota.map(|quota| QuotaFigures { used: quota.used, limit: quota.limit }),
        append_limit: session.facts().append_limit,
        bytes: Some(0),
        ..EndFigures::default()
    };
    log_out(session).await;
    for (_, status) in listing.iter().filter(|(folder, _)| folder.selectable) {
        found.folders += 1;
        let status = status.as_ref();
        found.messages += status.and_then(|status| status.messages).map_or(0, u64::from);
        found.bytes = found
            .bytes
            .zip(status.and_then(|status| status.size))
            .map(|(sum, size)| sum.saturating_add(size));
    }
    // Some tell it folder by folder only (RFC 7889): what the strictest takes, all take.
    let of_folders = listing.iter().filter_map(|(_, status)| status.as_ref()?.append_limit);
    found.append_limit = found.append_limit.or(of_folders.min());
    Ok(found)
}

/// What the source's folders say.
struct SourceRead {
    source: EndFigures,
    /// All of an assessment that folders tell beside that.
    rest: Assessment,
}

/// Goes through the folders of the source; `limit` is what the target takes.
async fn read_source(
    session: &mut Session,
    listing: Listing,
    limit: Option<u64>,
) -> Result<SourceRead, ImapError> {
    let mut rest = Assessment::default();
    let mut pass = Pass::new(limit);
    for (folder, status) in listing.iter().filter(|(folder, _)| folder.selectable) {
        let path = folder.path.to_string();
        if folder.space == Space::Foreign {
            rest.shared_folders.add(&path);
            continue;
        }
        if kind(&path).is_some() {
            rest.not_mail.add(&path);
        }
        pass.folder(session, folder, status.as_ref()).await?;
    }
    let (source, messages) = pass.end();
    rest.messages = messages;
    Ok(SourceRead { source, rest })
}
