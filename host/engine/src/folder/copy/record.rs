//! The recorder: acknowledgements become ledger rows, many in one transaction.

use std::collections::HashMap;
use std::time::Duration;

use mailhaul_imap::{Ack, AckOutcome, Acks, ImapError, Refusal};
use tokio::sync::{mpsc, watch};

use crate::event::Event;
use crate::folder::copy::flight::{SharedFlight, flight};
use crate::folder::copy::item::{Claim, CopyOutcome, Route};
use crate::folder::copy::refused::{RefusedMessage, Verdicts, is_about_the_date};
use crate::folder::copy::tell::Teller;
use crate::folder::work::{MailboxWork, Step};
use crate::message::dating::DateRule;
use crate::server::error::Interpretation;
use crate::server::refusal::read_append;
use crate::state::ledger::{DeliveredMessage, Outcome, UidConflict};

/// Acknowledgements recorded in one transaction at most.
const COMMIT: usize = 512;

/// How long a transaction waits to become full. What a crash leaves unrecorded is looked up on the target.
const LINGER: Duration = Duration::from_millis(100);

/// Waits for acknowledgements, and a moment for further ones: a transaction costs the same for one as for
/// many. `false` when there are no more. After a refusal it is not waited: more of them may be on their way.
/// Meanwhile `teller` tells what there is to tell.
async fn gather(
    acks: &mut mpsc::Receiver<Ack>,
    into: &mut Vec<Ack>,
    teller: &mut Teller<'_, '_>,
    shared: &SharedFlight,
) -> Step<bool> {
    loop {
        tokio::select! {
            biased;
            more = acks.recv_many(into, COMMIT) => match more {
                0 => return Ok(false),
                _ => break,
            },
            () = teller.due() => teller.tell_while_waiting(shared).await?,
        }
    }
    let moment = tokio::time::sleep(LINGER);
    tokio::pin!(moment);
    let refused = |ack: &Ack| !matches!(ack.outcome, AckOutcome::Stored { .. });
    while into.len() < COMMIT && !into.last().is_some_and(refused) {
        let room = COMMIT - into.len();
        tokio::select! {
            biased;
            more = acks.recv_many(into, room) => if more == 0 { break },
            () = &mut moment => break,
        }
    }
    Ok(true)
}

/// Hands on every acknowledgement; gives the connection's half back when all are in.
pub(super) async fn listen(mut acks: Acks, out: mpsc::Sender<Ack>) -> Result<Acks, ImapError> {
    while let Some(ack) = acks.next().await? {
        if out.send(ack).await.is_err() {
            break;
        }
    }
    Ok(acks)
}

/// Records acknowledgements until there are no more; raises `halt` when the target is out of room, or refuses
/// everything.
///
/// Refusals are not recorded: what they are about shows when all are in. One of several messages that went
/// together leaves them to be looked up and sent again.
pub(super) async fn record(
    route: &Route<'_>,
    shared: &SharedFlight,
    mut acks: mpsc::Receiver<Ack>,
    halt: watch::Sender<bool>,
) -> Step<CopyOutcome> {
    let mut done = CopyOutcome::default();
    let mut buffer = Vec::with_capacity(COMMIT);
    let mut teller = Teller::new(route);
    let mut verdicts = Verdicts::default();
    while gather(&mut acks, &mut buffer, &mut teller, shared).await? {
        route.work.context.breaks.end_silence(route.work.key());
        let mut delivered = Vec::with_capacity(buffer.len());
        let mut closed = Vec::new();
        let mut olders = Vec::new();
        let without_uid = done.acknowledged.len() as u64;
        let (mut asked, mut took) = (None, false);
        let readings = readings(route.work, &buffer).await;
        {
            let mut flight = flight(shared);
            for (ack, reading) in buffer.drain(..).zip(readings) {
                let Ok(uid) = u32::try_from(ack.ticket) else { continue };
                let Some(sent) = flight.sent.remove(&uid) else { continue };
                let so_far = flight.serial;
                let half = flight.abandoned && !sent.whole;
                let refused = |refusal: &Refusal, for_now| RefusedMessage {
                    uid,
                    size: sent.size,
                    refusal: refusal.clone(),
                    advice: reading.as_ref().map(Interpretation::advice).unwrap_or_default(),
                    marked: sent.flags.keywords().next().is_some(),
                    for_now,
                    misdated: false,
                    passed: false,
                    lone: false,
                    larger: false,
                    since: 0,
                };
                if matches!(ack.outcome, AckOutcome::Stored { .. }) {
                    took = true;
                    verdicts.taken(sent.serial, sent.size);
                }
                match ack.outcome {
                    AckOutcome::Refused(_) | AckOutcome::BatchRefused(_) if half => {}
                    AckOutcome::Stored { uid: Some(target_uid), .. } => {
                        flight.uid_next = flight.uid_next.max(target_uid.checked_add(1));
                        closed.extend(flight.acknowledge(uid));
                        done.read_back.extend(sent.read.nul.then_some(uid));
                        delivered.push(DeliveredMessage {
                            uid,
                            size: sent.size,
                            at_source: sent.at_source,
                            at_target: None,
                            digest: sent.read.digests,
                            target_uid,
                            flags: sent.flags.to_string(),
                            flags_pending: (!sent.later.is_empty()).then(|| sent.later.to_string()),
                            found_by: None,
                            altered: None,
                            facts: sent
                                .dated
                                .iter()
                                .map(|dated| route.dated(uid, target_uid, dated))
                                .collect(),
                        });
                    }
                    AckOutcome::Stored { uid: None, older_uid, .. } => {
                        done.unresolved.push(uid);
                        done.dated.extend(sent.dated.map(|dated| (uid, dated)));
                        match older_uid {
                            Some(older) => olders.push((uid, older, sent.read.digests)),
                            None => done.acknowledged.extend([uid]),
                        }
                    }
                    AckOutcome::Refused(refusal) | AckOutcome::BatchRefused(refusal)
                        if refusal.is_out_of_room()
                            || reading.as_ref().is_some_and(Interpretation::is_out_of_room) =>
                    {
                        halt.send_replace(true);
                        let advice = reading.as_ref().map(Interpretation::advice).unwrap_or_default();
                        done.over_quota.get_or_insert_with(|| format!("{refusal}{advice}"));
                    }
                    AckOutcome::Refused(refusal) | AckOutcome::BatchRefused(refusal)
                        if refusal.asks_for_patience()
                            || reading.as_ref().is_some_and(Interpretation::asks_for_patience) =>
                    {
                        verdicts.refused(sent.serial, so_far, refused(&refusal, true));
                        done.unresolved.push(uid);
                        done.wait = done.wait.max(reading.as_ref().map(Interpretation::wait));
                        let advice = reading.as_ref().map(Interpretation::advice).unwrap_or_default();
                        asked.get_or_insert((refusal, advice));
                    }
                    AckOutcome::BatchRefused(refusal) => {
                        tracing::info!(uid, %refusal, "refused together with others, to be sent alone");
                        done.alone = true;
                        done.unresolved.push(uid);
                    }
                    AckOutcome::Refused(refusal)
                        if sent.dated.as_ref().is_none_or(|(rule, _)| *rule != DateRule::Copied)
                            && is_about_the_date(&refusal) =>
                    {
                        let refused = RefusedMessage { misdated: true, ..refused(&refusal, false) };
                        verdicts.refused(sent.serial, so_far, refused);
                        done.misdated.push(uid);
                        done.unresolved.push(uid);
                    }
                    AckOutcome::Refused(refusal) => {
                        // Its intent stays open until it was looked for: servers store what they refuse.
                        verdicts.refused(sent.serial, so_far, refused(&refusal, false));
                    }
                }
            }
        }
        route
            .work
            .context
            .accounts
            .add_acknowledged(route.work.key(), done.acknowledged.len() as u64 - without_uid);
        if took {
            for (folder, uid) in route.work.context.refusals.record_taken(route.work.key()) {
                route.work.ledger().count_refusal(folder, uid)?;
            }
        }
        if verdicts.in_a_row() >= route.most_refused || verdicts.complaints() >= route.most_complaints {
            halt.send_replace(true);
            done.halted = true;
        }
        if let Some((refusal, advice)) = asked {
            if route.work.context.ceilings.is_first_request_for_patience(route.work.key()) {
                let text =
                    format!("the target asks for patience, so the copy goes on slower: {refusal}{advice}");
                route.work.warn(text).await;
            }
            done.patience.get_or_insert(refusal);
        }
        for (uid, target_uid, digests) in olders {
            let holder = route.work.ledger().telling_at(route.folder, target_uid)?;
            let merged = holder.is_none_or(|telling| telling.same_message_id(&digests.telling));
            done.taken.insert(uid, Claim { target_uid, merged });
        }
        if !delivered.is_empty() {
            let taken =
                route.work.ledger().record_delivered(route.folder, &delivered, Outcome::Copied, &closed)?;
            route.work.context.accounts.mark_known(route.work.key());
            let taken: HashMap<u32, UidConflict> = taken.into_iter().map(|t| (t.uid, t)).collect();
            for message in delivered.into_iter().filter(|m| !taken.contains_key(&m.uid)) {
                done.messages += 1;
                done.bytes += message.size;
                for difference in message.facts {
                    let mailbox = route.work.key().to_owned();
                    route.work.context.emit(Event::DifferenceFound { mailbox, difference }).await;
                }
            }
            // Under another UID it may be there all the same; and so may the one that was given this UID
            // before.
            for UidConflict { uid, target_uid, unproven, same_message_id } in taken.into_values() {
                done.unresolved.push(uid);
                done.taken.insert(uid, Claim { target_uid, merged: same_message_id });
                done.contested.extend(unproven);
            }
        }
        teller.recorded().await?;
    }
    teller.close().await?;
    done.complaints = verdicts.complaints();
    done.refused = verdicts.close();
    Ok(done)
}

/// Records what was refused before the connection ended, and nobody will look at any more: what was refused
/// among messages that were taken, and what was refused alone, since the connection may have ended for its
/// sake: where it does so again, it is not sent any more in this task.
///
/// # Errors
/// When the ledger fails.
pub(super) async fn record_refused(route: &Route<'_>, refused: Vec<RefusedMessage>) -> Step<()> {
    let refused: Vec<RefusedMessage> = refused.into_iter().filter(|r| !r.for_now && !r.misdated).collect();
    let only = refused.len() == 1;
    let refusals = &route.work.context.refusals;
    for one in refused.iter().filter(|r| only || r.lone) {
        let text = one.text();
        if !refusals.ended_behind(route.work.key(), route.folder, one.uid) {
            route.fail(one.failure(u32::from(one.lone), &text)).await?;
        } else if !refusals.is_all_bad(route.work.key()) {
            route.refused_alone(one.failure(0, &text)).await?;
        }
    }
    Ok(())
}

/// What a server profile says of each refusal in which the engine sees nothing but a refusal.
async fn readings(work: MailboxWork<'_>, acks: &[Ack]) -> Vec<Option<Interpretation>> {
    let mut readings = Vec::with_capacity(acks.len());
    for ack in acks {
        let (AckOutcome::Refused(refusal) | AckOutcome::BatchRefused(refusal)) = &ack.outcome else {
            readings.push(None);
            continue;
        };
        readings.push(if refusal.is_out_of_room() || refusal.asks_for_patience() {
            None
        } else {
            read_append(work.context, &work.mailbox.target, refusal).await
        });
    }
    readings
}
