//! `mailbox-provisioner`: mailboxes on the target, through a provider's API.
//!
//! Creating and setting quotas are grants of their own, checked here before the guest runs at all. A call
//! that asks to be called again is not waited for here: whoever asks tells people that he waits.

use std::sync::Arc;

use async_trait::async_trait;
use mailhaul_engine::plugin::{
    Creation, ExistingMailbox, ExistingPage, MailboxProvisioner, NewMailbox, PluginError, PluginFailure,
    PluginId,
};

use crate::bindings::provisioning::ProvisioningPre;
use crate::bindings::provisioning::exports::mailhaul::plugin::mailbox_provisioner as wit;
use crate::call::Caller;
use crate::caps::secrets::SecretHandle;
use crate::grants::Recipient;
use crate::inputs::Inputs;
use crate::kinds::{convert, password_policy};
use crate::limits::{CODE, NAME, PAGE, REMARKS, TOKEN};
use crate::redaction::Redaction;
use crate::state::CallState;
use crate::text;

type Prepared = ProvisioningPre<CallState>;

const LIST: &str = "list-mailboxes";
const CREATE: &str = "create-mailbox";
const QUOTA: &str = "set-quota";

/// A component used as a provisioner.
pub(crate) struct WasmProvisioner {
    pub(crate) caller: Caller,
    pub(crate) prepared: Prepared,
}

#[async_trait]
impl MailboxProvisioner for WasmProvisioner {
    fn plugin(&self) -> &PluginId {
        &self.caller.plugin
    }

    fn may_set_quota(&self) -> bool {
        self.caller.grants.quota
    }

    async fn list_mailboxes(
        &self,
        token: Option<&str>,
        max: u32,
        domains: &[String],
    ) -> Result<ExistingPage, PluginError> {
        let max = max.min(PAGE);
        let request = wit::ListRequest {
            token: token.map(str::to_owned),
            max,
            domains: domains.to_vec(),
            extras: Vec::new(),
        };
        let (page, _store) = self
            .caller
            .ask(LIST, Arc::new(Inputs::new()), {
                let prepared = self.prepared.clone();
                |store| {
                    Box::pin(async move {
                        let instance = prepared.instantiate_async(&mut *store).await?;
                        let provisioner = instance.mailhaul_plugin_mailbox_provisioner();
                        provisioner.call_list_mailboxes(&mut *store, &request).await
                    })
                }
            })
            .await?;
        checked(page, token, max, &self.caller.redaction).map_err(|why| self.caller.bad(LIST, why))
    }

    async fn create_mailbox(&self, mailbox: &NewMailbox) -> Result<Creation, PluginError> {
        if !self.caller.grants.create {
            return Err(self.denied(CREATE, "create-mailboxes"));
        }
        let request = wit::NewMailbox {
            login: mailbox.login.clone(),
            display_name: mailbox.display_name.clone(),
            quota: mailbox.quota,
            extras: Vec::new(),
        };
        // A password goes to the panel that is to set it: every origin granted for HTTP, no other.
        let to: Vec<_> = self.caller.grants.http.keys().cloned().map(Recipient::Origin).collect();
        let handle = SecretHandle {
            label: format!("password of {}", text::shown(&mailbox.login, NAME)),
            value: mailbox.password.clone(),
            to,
        };
        self.caller.redaction.hand(&mailbox.login, &mailbox.password);
        let (creation, _store) = self
            .caller
            .ask(CREATE, Arc::new(Inputs::new()), {
                let prepared = self.prepared.clone();
                |store| {
                    Box::pin(async move {
                        let password = store.data_mut().hand_out(handle)?;
                        let instance = prepared.instantiate_async(&mut *store).await?;
                        let provisioner = instance.mailhaul_plugin_mailbox_provisioner();
                        provisioner.call_create_mailbox(&mut *store, &request, password).await
                    })
                }
            })
            .await?;
        match creation {
            wit::Creation::Created => Ok(Creation::Created),
            wit::Creation::Exists => Ok(Creation::Exists),
            wit::Creation::Other(what) => {
                let what = self.caller.redaction.shown(&what, CODE);
                Err(self.caller.bad(CREATE, format!("`{what}` is no outcome of creating a mailbox")))
            }
        }
    }

    async fn set_quota(&self, login: &str, quota: u64) -> Result<(), PluginError> {
        if !self.caller.grants.quota {
            return Err(self.denied(QUOTA, "set-quota"));
        }
        let ((), _store) = self
            .caller
            .ask(QUOTA, Arc::new(Inputs::new()), {
                let (login, prepared) = (login.to_owned(), self.prepared.clone());
                move |store| {
                    Box::pin(async move {
                        let instance = prepared.instantiate_async(&mut *store).await?;
                        let provisioner = instance.mailhaul_plugin_mailbox_provisioner();
                        provisioner.call_set_quota(&mut *store, &login, quota).await
                    })
                }
            })
            .await?;
        Ok(())
    }
}

impl WasmProvisioner {
    fn denied(&self, call: &'static str, grant: &str) -> PluginError {
        let id = &self.caller.plugin.id;
        let why = format!("it was not granted `{grant}`: type `mailhaul plugin grant {id} {grant}`");
        self.caller.error(call, PluginFailure::Denied(why))
    }
}

/// Converts a page to the engine's type, or says how it breaks the contract.
fn checked(
    page: wit::ListPage,
    token: Option<&str>,
    max: u32,
    redaction: &Redaction,
) -> Result<ExistingPage, String> {
    if page.mailboxes.len() > max as usize {
        return Err(format!("{} mailboxes on a page of at most {max}", page.mailboxes.len()));
    }
    if let Some(next) = &page.next {
        text::checked_name("the page token", next, TOKEN)?;
        if Some(next.as_str()) == token {
            return Err("the token of the next page is that of this one".to_owned());
        }
    }
    if page.diagnostics.len() > REMARKS {
        return Err(format!("{} diagnostics, at most {REMARKS} are allowed", page.diagnostics.len()));
    }
    let mut mailboxes = Vec::with_capacity(page.mailboxes.len());
    for mailbox in page.mailboxes {
        text::checked_value("the log-in name", &mailbox.login, NAME)?;
        mailboxes.push(ExistingMailbox { login: mailbox.login, quota: mailbox.quota });
    }
    let diagnostics =
        page.diagnostics.into_iter().map(|said| convert::diagnostic(redaction.diagnostic(said))).collect();
    let password_policy = password_policy::password_policy(&page.extras)?;
    Ok(ExistingPage { mailboxes, next: page.next, diagnostics, password_policy })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_break_the_contract_are_refused() {
        let page = |logins: &[&str], next: Option<&str>| wit::ListPage {
            mailboxes: logins
                .iter()
                .map(|login| wit::ExistingMailbox { login: (*login).into(), quota: None, extras: Vec::new() })
                .collect(),
            next: next.map(Into::into),
            diagnostics: Vec::new(),
            extras: Vec::new(),
        };
        let none = Redaction::default();
        let refused = |page| checked(page, Some("7"), 1, &none).unwrap_err();
        assert_eq!(refused(page(&["a", "b"], None)), "2 mailboxes on a page of at most 1");
        assert!(refused(page(&["a"], Some("7"))).contains("that of this one"));
        assert!(refused(page(&["a\nb"], None)).contains("control character"));
        assert_eq!(checked(page(&["a"], Some("8")), Some("7"), 1, &none).unwrap().mailboxes.len(), 1);
    }
}
