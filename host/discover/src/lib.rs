//! From a mail address, a domain or a host to the IMAP servers that its mailboxes may be on.
//!
//! [`search`] goes by what is most to be believed: the hosts that ship (`data/hosts.toml`), SRV records,
//! the domain's own autoconfig documents, the provider that takes its mail, and at last usual names. Each
//! [`Proposal`] says where it came from, whether it was reached, with which certificate, and whether it is
//! *sure*: whoever answers DNS questions on the way can make up all that is not. [`look`] connects to a
//! host that somebody has named.
//!
//! Nobody logs in and no address of a person is sent, so nothing secret can get lost while searching. Every
//! answer is bounded in size and time, and what is odd is a [`Remark`], never a failure.

mod asked;
mod autoconfig;
mod candidates;
mod fault;
mod http;
mod known;
mod means;
mod mx;
mod proposal;
mod srv;

pub use asked::{Asked, AskedError, Subject, protection};
pub use fault::Fault;
pub use means::{Means, Ports};
pub use proposal::{Found, LogIn, Obstacle, Origin, Proposal, Reached, Remark};

use std::time::Duration;

use futures_util::future::join_all;
use mailhaul_imap::{ImapError, Timeouts};
use mailhaul_net::{Endpoint, NetError, NetErrorKind, TlsMode};
use tokio::time::{Instant, timeout_at};

use candidates::{Candidate, Candidates};
use known::within;

/// A whole search, whatever happens.
const TIME: Duration = Duration::from_secs(20);
/// Of it, what is left for connecting to what was found, and the most that this takes.
const TIME_TO_CONNECT: Duration = Duration::from_secs(8);

/// A look at a server that somebody has named, whatever happens.
const TIME_TO_LOOK: Duration = Duration::from_secs(15);
/// Of it, what a server may take over its greeting, and over the answer to each of two commands: the person
/// waits, and a host that takes longer is no good one.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks for the IMAP server of what was asked for, for at most 20 seconds.
pub async fn search(means: &Means, asked: &Asked) -> Found {
    let until = Instant::now() + TIME;
    let name = asked.subject.name();
    let mut candidates = Candidates::default();
    let domain = match &asked.subject {
        Subject::Host(_) => {
            candidates.known_host(name);
            if candidates.is_empty() || asked.port.is_some() || asked.tls.is_some() {
                candidates = Candidates::default();
                candidates.typed(asked, means);
            }
            return finish(means, candidates, asked, until).await;
        }
        Subject::Address { domain } => domain,
        Subject::Name(domain) => {
            candidates.known_host(domain);
            domain
        }
    };
    candidates.known_domain(domain);
    if !candidates.is_empty() {
        return finish(means, candidates, asked, until).await;
    }
    // What a name is asked about over the network leaves time to connect to what it says.
    let asking = until - TIME_TO_CONNECT;
    if timeout_at(asking, candidates.ask(means, domain)).await.is_err() {
        candidates.remarks.push(Remark::OutOfTime);
    }
    if matches!(asked.subject, Subject::Name(_)) {
        candidates.typed(asked, means);
    }
    let mx = candidates.mx().to_vec();
    let found = finish(means, candidates, asked, until).await;
    if found.proposals.iter().any(|proposal| proposal.reached.is_ok()) {
        return found;
    }
    let mut usual = Candidates::again(found, mx);
    usual.usual(means, domain);
    finish(means, usual, asked, until).await
}

/// Returns what ships about what was asked for, without asking anybody: a host, or a mail domain.
#[must_use]
pub fn known(asked: &Asked) -> Option<(Endpoint, LogIn, Origin)> {
    let name = asked.subject.name();
    let provider = known::by_host(name).or_else(|| known::by_domain(name))?;
    let origin = Origin::Known { provider: provider.name.clone(), source: provider.source.clone() };
    Some((provider.endpoint(), provider.log_in(), origin))
}

/// Connects to a host that somebody has named, with what is left open of port and protection tried in the
/// usual order: TLS from the first byte, then STARTTLS. Returns the first that answers, else the first that
/// was tried.
pub async fn look(
    means: &Means,
    host: &str,
    port: Option<u16>,
    tls: Option<TlsMode>,
) -> (Endpoint, Result<Reached, Obstacle>) {
    let asked = Asked { subject: Subject::Host(host.to_owned()), port, tls };
    let mut tried: Vec<_> =
        join_all(candidates::endpoints(&asked, means).into_iter().map(|endpoint| async move {
            let reached = reach(means, &endpoint, Instant::now() + TIME_TO_LOOK).await;
            (endpoint, reached)
        }))
        .await;
    let best = tried.iter().position(|(_, reached)| reached.is_ok());
    // TLS that is there and not trusted says more than a port where nobody listens, and so does a greeting.
    let telling = |obstacle: &Obstacle| obstacle.certificate().is_some() || obstacle.kind().is_none();
    let best = best.or_else(|| tried.iter().position(|(_, reached)| reached.as_ref().is_err_and(telling)));
    tried.swap_remove(best.unwrap_or(0))
}

/// Connects to a server, goes over to TLS, and hangs up.
async fn reach(means: &Means, endpoint: &Endpoint, until: Instant) -> Result<Reached, Obstacle> {
    let begun = Instant::now();
    if begun >= until {
        return Err(Obstacle::NotTried);
    }
    let timeouts = Timeouts { greeting: PATIENCE, idle: PATIENCE, command: PATIENCE };
    let reached = timeout_at(until, mailhaul_imap::reach(means.dialer(), endpoint, &timeouts)).await;
    let reached = reached.unwrap_or_else(|_| {
        let seconds = begun.elapsed().as_secs();
        let detail = format!("the server does not answer within {seconds} seconds");
        Err(ImapError::Net(NetError::new(NetErrorKind::Filtered, endpoint, detail)))
    });
    reached.map(|certificate| Reached { certificate }).map_err(Obstacle::Failed)
}

/// Connects to the candidates, at once, and puts the best first.
async fn finish(means: &Means, candidates: Candidates, asked: &Asked, until: Instant) -> Found {
    let Candidates { found, remarks, tried, .. } = candidates;
    let domain = asked.subject.name();
    // A host with a port was meant as it was typed; of a name alone nobody knows.
    let named = |origin: &Origin| *origin == Origin::Typed && matches!(asked.subject, Subject::Host(_));
    let connecting = found.into_iter().map(|candidate| async move {
        let Candidate { endpoint, log_in, origins } = candidate;
        let reached = reach(means, &endpoint, until.min(Instant::now() + TIME_TO_CONNECT)).await;
        let sure = origins.iter().any(|origin| origin.vouches() || named(origin))
            || reached.is_ok() && within(&endpoint.host, domain);
        Proposal { endpoint, log_in, origins, reached, sure }
    });
    let mut proposals = tried;
    proposals.extend(join_all(connecting).await);
    // Nothing behind a usual name was a wrong guess; a certificate that is not trusted is worth knowing of.
    proposals.retain(|one| {
        let guessed = one.origins.iter().all(|origin| matches!(origin, Origin::Usual | Origin::Mx));
        let there = one.reached.as_ref().map_or_else(|obstacle| obstacle.certificate().is_some(), |_| true);
        there || !guessed
    });
    // A host that has TLS from the first byte is no choice between that and STARTTLS, and one that DNS does
    // not have is told once. A port that has spoken TLS has no STARTTLS.
    let is_answered = |one: &Proposal, other: &Proposal| {
        let (here, there) = (&one.endpoint, &other.endpoint);
        there.tls == TlsMode::Implicit
            && here.host == there.host
            && other.reached.as_ref().map_or_else(
                |obstacle| {
                    obstacle.kind() == Some(NetErrorKind::NameUnknown)
                        || obstacle.certificate().is_some() && here.port == there.port
                },
                |_| true,
            )
    };
    let is_news = |one: &Proposal| {
        one.endpoint.tls == TlsMode::Implicit || !proposals.iter().any(|other| is_answered(one, other))
    };
    let news: Vec<bool> = proposals.iter().map(is_news).collect();
    let mut news = news.into_iter();
    proposals.retain(|_| news.next().unwrap_or(true));
    proposals.sort_by_key(|one| {
        let origin = one.origins.iter().map(Origin::rank).min();
        (!one.sure, one.reached.is_err(), origin, one.endpoint.tls != TlsMode::Implicit)
    });
    Found { proposals, remarks }
}
