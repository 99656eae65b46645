//! Which mailboxes the new host has, by the listing of what creates them there: asked once in a task, and
//! only where a log-in does not tell whether its mailbox exists.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio::sync::OnceCell;

use crate::account::{Mailbox, folded};
use crate::plugin::{MailboxProvisioner, PluginId};

/// Mailboxes that the provisioner is asked for at a time.
const PAGE: u32 = 1_000;
/// Pages that one listing may have: ten million mailboxes.
const MAX_PAGES: usize = 10_000;

/// What the provisioner lists, once it was asked.
#[derive(Default)]
pub(crate) struct Hosted {
    provisioner: Option<Arc<dyn MailboxProvisioner>>,
    /// The target log-ins of the whole list, in lower case.
    wanted: OnceLock<HashSet<String>>,
    /// Those of them that the new host has; or why that is not known.
    listed: OnceCell<Result<HashSet<String>, String>>,
}

impl fmt::Debug for Hosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosted").field("listed", &self.listed).finish_non_exhaustive()
    }
}

/// What the provisioner says of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub plugin: PluginId,
    /// Whether the new host has the mailbox.
    pub is_there: bool,
}

impl Hosted {
    #[must_use]
    pub(crate) fn new(provisioner: Option<Arc<dyn MailboxProvisioner>>) -> Self {
        Self { provisioner, ..Self::default() }
    }

    /// The mailboxes that it may be asked about: the whole list.
    pub(crate) fn fill<'a>(&self, list: impl Iterator<Item = &'a Mailbox>) {
        // A task has one list.
        self.wanted.set(list.map(|mailbox| folded(&mailbox.target.user)).collect()).ok();
    }

    /// Whether the new host has this mailbox; `None` where nobody knows. The first call asks.
    ///
    /// # Errors
    /// To the first caller alone, and once: one sentence, when the provisioner cannot be asked.
    pub(crate) async fn has(&self, login: &str) -> Result<Option<Listed>, String> {
        // A panel is asked by domains, and answers for no other name.
        let (Some(provisioner), true) = (&self.provisioner, login.contains('@')) else { return Ok(None) };
        let mut asked_now = false;
        let listed = self.listed.get_or_init(|| {
            asked_now = true;
            self.list(provisioner)
        });
        match listed.await {
            Ok(listed) => {
                let is_there = listed.contains(&folded(login));
                Ok(Some(Listed { plugin: provisioner.plugin().clone(), is_there }))
            }
            Err(why) if asked_now => Err(why.clone()),
            Err(_) => Ok(None),
        }
    }

    async fn list(&self, provisioner: &Arc<dyn MailboxProvisioner>) -> Result<HashSet<String>, String> {
        let none = HashSet::new();
        let wanted = self.wanted.get().unwrap_or(&none);
        let domains: BTreeSet<&str> =
            wanted.iter().filter_map(|login| login.rsplit_once('@')).map(|(_, domain)| domain).collect();
        let domains: Vec<String> = domains.into_iter().map(str::to_owned).collect();
        let mut listed = HashSet::new();
        let mut token = None;
        for _ in 0..MAX_PAGES {
            let page = provisioner.list_mailboxes(token.as_deref(), PAGE, &domains).await;
            let page = page.map_err(|error| {
                format!("{error}; which mailboxes are missing on the new host is not known for that")
            })?;
            let logins = page.mailboxes.into_iter().map(|mailbox| folded(&mailbox.login));
            listed.extend(logins.filter(|login| wanted.contains(login)));
            match page.next {
                None => return Ok(listed),
                next => token = next,
            }
        }
        Err(format!("{}: its listing of mailboxes has no end", provisioner.plugin()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::account::testing::mailbox;
    use crate::plugin::{Creation, ExistingMailbox, ExistingPage, NewMailbox, PluginError, PluginFailure};

    /// A panel with one mailbox on each of two pages; or one that breaks.
    struct Panel {
        id: PluginId,
        breaks: bool,
        asked: AtomicUsize,
    }

    #[async_trait]
    impl MailboxProvisioner for Panel {
        fn plugin(&self) -> &PluginId {
            &self.id
        }

        fn may_set_quota(&self) -> bool {
            false
        }

        async fn list_mailboxes(
            &self,
            token: Option<&str>,
            _: u32,
            domains: &[String],
        ) -> Result<ExistingPage, PluginError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            assert_eq!(domains, ["new.example"]);
            if self.breaks {
                let failure = PluginFailure::Denied("no".to_owned());
                return Err(PluginError { plugin: self.id.clone(), call: "list-mailboxes".into(), failure });
            }
            let login = if token.is_none() { "Anna@New.example" } else { "other@new.example" };
            let mailboxes = vec![ExistingMailbox { login: login.into(), quota: None }];
            let next = token.is_none().then(|| "2".to_owned());
            Ok(ExistingPage { mailboxes, next, ..ExistingPage::default() })
        }

        async fn create_mailbox(&self, _: &NewMailbox) -> Result<Creation, PluginError> {
            unreachable!("a look creates nothing")
        }

        async fn set_quota(&self, _: &str, _: u64) -> Result<(), PluginError> {
            unreachable!("a look changes nothing")
        }
    }

    fn hosted(breaks: bool) -> (Arc<Panel>, Hosted) {
        let id = PluginId { id: "panel".into(), version: "1.0.0".into() };
        let panel = Arc::new(Panel { id, breaks, asked: AtomicUsize::new(0) });
        let hosted = Hosted::new(Some(Arc::clone(&panel) as Arc<dyn MailboxProvisioner>));
        let list = ["anna@new.example", "bob@new.example"].map(|key| mailbox(key, "a", "b"));
        hosted.fill(list.iter());
        (panel, hosted)
    }

    #[tokio::test]
    async fn the_listing_is_asked_for_once_and_known_by_every_mailbox() {
        let (panel, hosted) = hosted(false);
        let is_there = async |login| hosted.has(login).await.unwrap().map(|listed| listed.is_there);
        assert_eq!(is_there("bob@new.example").await, Some(false));
        assert_eq!(is_there("ANNA@new.example").await, Some(true));
        assert_eq!(is_there("anna").await, None, "a panel knows addresses");
        assert_eq!(panel.asked.load(Ordering::Relaxed), 2, "two pages, once");
        assert_eq!(Hosted::default().has("anna@new.example").await, Ok(None));
    }

    #[tokio::test]
    async fn a_panel_that_breaks_is_told_once_and_nothing_follows_from_it() {
        let (panel, hosted) = hosted(true);
        let why = hosted.has("bob@new.example").await.unwrap_err();
        assert!(why.contains("panel") && why.contains("is not known"), "{why}");
        assert_eq!(hosted.has("bob@new.example").await, Ok(None));
        assert_eq!(panel.asked.load(Ordering::Relaxed), 1);
    }
}
