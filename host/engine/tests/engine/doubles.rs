//! Plugins that are test doubles: they say what a test tells them to say.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mailhaul_engine::plugin::{
    AccountEntry, Classification, FolderMapper, MailboxEntry, MailboxPage, MailboxSource, MailboxView,
    Mapping, MappingRequest, PluginError, PluginFailure, PluginId, Refusal, ServerDescription, ServerProfile,
    ServerProfiler, ValidationReport, ValidationRequest, Validator,
};
use mailhaul_engine::summary::Side;
use mailhaul_imap::Secret;

/// What every mailbox signs in with.
pub(crate) const PASSWORD: &str = "geheim-und-lang";

fn id(name: &str) -> PluginId {
    PluginId { id: name.into(), version: "1.0.0".into() }
}

/// A plugin that breaks.
pub(crate) fn broken(plugin: &PluginId, call: &str) -> PluginError {
    PluginError {
        plugin: plugin.clone(),
        call: call.into(),
        failure: PluginFailure::Trap("unreachable".into()),
    }
}

/// A list of mailboxes.
pub(crate) struct Mailboxes {
    id: PluginId,
    pub(crate) entries: Vec<MailboxEntry>,
}

impl Mailboxes {
    /// Of one.
    pub(crate) fn one(key: &str) -> Self {
        Self::of(&[key])
    }

    pub(crate) fn of(keys: &[&str]) -> Self {
        let end = |login: String| AccountEntry {
            login,
            secret: Some(Secret::from(PASSWORD.as_bytes().to_vec())),
            ..AccountEntry::default()
        };
        let entry = |key: &&str| MailboxEntry {
            key: (*key).into(),
            source: end(format!("{key}@old.example")),
            target: end(format!("{key}@new.example")),
            label: None,
            batch: None,
            origin: None,
            // The laboratory's servers have one account.
            one_account: keys.len() > 1,
        };
        Self { id: id("list"), entries: keys.iter().map(entry).collect() }
    }
}

#[async_trait]
impl MailboxSource for Mailboxes {
    fn plugin(&self) -> &PluginId {
        &self.id
    }

    async fn list_mailboxes(&self, _token: Option<&str>, _max: u32) -> Result<MailboxPage, PluginError> {
        Ok(MailboxPage { mailboxes: self.entries.clone(), ..MailboxPage::default() })
    }
}

type Maps = dyn Fn(&PluginId, &MappingRequest) -> Result<Mapping, PluginError> + Send + Sync;

/// A mapper.
pub(crate) struct Mapper(PluginId, Box<Maps>);

impl Mapper {
    pub(crate) fn new(
        maps: impl Fn(&PluginId, &MappingRequest) -> Result<Mapping, PluginError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self(id("mapper"), Box::new(maps)))
    }
}

#[async_trait]
impl FolderMapper for Mapper {
    fn plugin(&self) -> &PluginId {
        &self.0
    }

    async fn map_folders(&self, request: &MappingRequest) -> Result<Mapping, PluginError> {
        (self.1)(&self.0, request)
    }
}

type Judges = dyn Fn(&PluginId, &ValidationRequest) -> Result<ValidationReport, PluginError> + Send + Sync;
/// What a validator sees through a view.
type Looks = dyn Fn(&[u32]) + Send + Sync;

/// A validator. It lists the target's INBOX first, as real ones do.
pub(crate) struct Judge {
    id: PluginId,
    judges: Box<Judges>,
    looks: Box<Looks>,
    /// How long it thinks once it has made up its mind.
    takes: Duration,
}

impl Judge {
    pub(crate) fn new(
        judges: impl Fn(&PluginId, &ValidationRequest) -> Result<ValidationReport, PluginError>
        + Send
        + Sync
        + 'static,
        looks: impl Fn(&[u32]) + Send + Sync + 'static,
    ) -> Arc<Self> {
        let (judges, looks) = (Box::new(judges), Box::new(looks));
        Arc::new(Self { id: id("judge"), judges, looks, takes: Duration::ZERO })
    }

    /// One that is not done at once, so that something else can happen meanwhile.
    pub(crate) fn slow(
        judges: impl Fn(&PluginId, &ValidationRequest) -> Result<ValidationReport, PluginError>
        + Send
        + Sync
        + 'static,
    ) -> Arc<Self> {
        let (judges, looks) = (Box::new(judges), Box::new(|_: &[u32]| {}));
        Arc::new(Self { id: id("judge"), judges, looks, takes: Duration::from_secs(1) })
    }
}

#[async_trait]
impl Validator for Judge {
    fn plugin(&self) -> &PluginId {
        &self.id
    }

    async fn validate(
        &self,
        request: &ValidationRequest,
        _source: Arc<dyn MailboxView>,
        target: Arc<dyn MailboxView>,
    ) -> Result<ValidationReport, PluginError> {
        let listed = target.messages(&crate::stage::path("INBOX"), 0, 1000).await.unwrap_or_default();
        (self.looks)(&listed.iter().map(|m| m.uid).collect::<Vec<_>>());
        let answer = (self.judges)(&self.id, request);
        tokio::time::sleep(self.takes).await;
        answer
    }
}

type Classifies = dyn Fn(&Refusal) -> Option<Classification> + Send + Sync;

/// A server profile: what it says of every server, and of refusals.
pub(crate) struct Profiler(PluginId, ServerProfile, Box<Classifies>);

impl Profiler {
    pub(crate) fn new(
        profile: ServerProfile,
        classifies: impl Fn(&Refusal) -> Option<Classification> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self(id("profiler"), profile, Box::new(classifies)))
    }
}

#[async_trait]
impl ServerProfiler for Profiler {
    fn plugin(&self) -> &PluginId {
        &self.0
    }

    async fn identify(
        &self,
        _side: Side,
        _server: &ServerDescription,
        _provider: Option<&str>,
    ) -> Result<Option<ServerProfile>, PluginError> {
        Ok(Some(self.1.clone()))
    }

    async fn classify(&self, refusal: &Refusal) -> Result<Option<Classification>, PluginError> {
        Ok((self.2)(refusal))
    }
}
