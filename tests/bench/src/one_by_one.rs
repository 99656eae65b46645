//! What one writes first: async-imap's own methods, one message after the other, each answer awaited.
//!
//! The target folder is opened before, which is more than the first version of such a loop does: without it
//! Dovecot is 2.5 times slower.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use async_imap::types::{Fetch, Flag, NameAttribute};
use async_imap::{Client, Session};
use futures_util::TryStreamExt as _;
use mailhaul_net::{Dialer, Stream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::job::{self, End, Job, USUAL_AT_ONCE};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Copies the mailboxes of the job in this file, one message after the other.
pub(crate) fn run(job: &Path) -> Result<(), String> {
    let job: Job = job::read(job)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|e| e.to_string())?.block_on(all(job)).map_err(|error| error.to_string())
}

async fn all(job: Job) -> Result<(), Error> {
    let dialer = job.dialer()?;
    let at_once = Arc::new(Semaphore::new(job.at_once.unwrap_or(USUAL_AT_ONCE)));
    let job = Arc::new(job);
    let mut tasks = JoinSet::new();
    for (old, new) in job.pairs.clone() {
        let (job, dialer, at_once) = (Arc::clone(&job), dialer.clone(), Arc::clone(&at_once));
        tasks.spawn(async move {
            let _permit = at_once.acquire_owned().await?;
            let source = log_in(&job.source, &dialer, &old, &job.password).await?;
            let target = log_in(&job.target, &dialer, &new, &job.password).await?;
            mailbox(source, target).await
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

async fn log_in(end: &End, dialer: &Dialer, user: &str, word: &str) -> Result<Session<Stream>, Error> {
    let mut client = Client::new(end.connect(dialer).await?);
    client.read_response().await?.ok_or("no greeting")?;
    client.login(user, word).await.map_err(|(error, _)| error.into())
}

async fn mailbox(mut source: Session<Stream>, mut target: Session<Stream>) -> Result<(), Error> {
    let there: HashSet<String> = names(&mut target).await?.into_iter().collect();
    for name in names(&mut source).await? {
        if !there.contains(&name) {
            target.create(&name).await?;
        }
        source.examine(&name).await?;
        target.select(&name).await?;
        let mut uids: Vec<u32> = source.uid_search("ALL").await?.into_iter().collect();
        uids.sort_unstable();
        for uid in uids {
            let query = "(FLAGS INTERNALDATE BODY.PEEK[])";
            let messages: Vec<Fetch> = source.uid_fetch(uid.to_string(), query).await?.try_collect().await?;
            for message in messages {
                store(&mut target, &name, &message).await?;
            }
        }
    }
    source.logout().await?;
    target.logout().await?;
    Ok(())
}

async fn names(session: &mut Session<Stream>) -> Result<Vec<String>, Error> {
    let names: Vec<_> = session.list(None, Some("*")).await?.try_collect().await?;
    let open = names.iter().filter(|name| !name.attributes().contains(&NameAttribute::NoSelect));
    Ok(open.map(|name| name.name().to_owned()).collect())
}

async fn store(target: &mut Session<Stream>, folder: &str, message: &Fetch) -> Result<(), Error> {
    let flags: Vec<String> = message
        .flags()
        .filter_map(|flag| match flag {
            Flag::Seen => Some("\\Seen".to_owned()),
            Flag::Answered => Some("\\Answered".to_owned()),
            Flag::Flagged => Some("\\Flagged".to_owned()),
            Flag::Deleted => Some("\\Deleted".to_owned()),
            Flag::Draft => Some("\\Draft".to_owned()),
            Flag::Custom(keyword) => Some(keyword.into_owned()),
            Flag::Recent | Flag::MayCreate => None,
        })
        .collect();
    let flags = format!("({})", flags.join(" "));
    let date = message.internal_date().map(|date| date.format("\"%d-%b-%Y %H:%M:%S %z\"").to_string());
    let body = message.body().ok_or("a message without body")?;
    target.append(folder, Some(&flags), date.as_deref(), body).await?;
    Ok(())
}
