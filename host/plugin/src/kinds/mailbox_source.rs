//! `mailbox-source`: the list of mailboxes, and how to sign in to each.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use mailhaul_engine::password_hosts::Destination;
use mailhaul_engine::plugin::{
    AccountEntry, MailboxEntry, MailboxPage, MailboxSource, PluginError, PluginId,
};
use wasmtime::Store;

use crate::bindings::imports::mailhaul::plugin::accounts;
use crate::bindings::sourcing::SourcingPre;
use crate::bindings::sourcing::exports::mailhaul::plugin::mailbox_source as wit;
use crate::call::Caller;
use crate::caps::secrets::SecretHandle;
use crate::grants::Recipient;
use crate::inputs::Inputs;
use crate::kinds::convert;
use crate::limits::{BATCH, CODE, EMPTY_PAGES, KEY, MESSAGE, NAME, PAGE, REMARKS, TOKEN};
use crate::redaction::Redaction;
use crate::state::CallState;
use crate::text;

const CALL: &str = "list-mailboxes";

/// A component used as a mailbox source, with the inputs it was granted.
pub(crate) struct WasmSource {
    caller: Caller,
    prepared: SourcingPre<CallState>,
    inputs: Arc<Inputs>,
    /// Where it may have mailboxes sign in beside the project's hosts; `None` for one that ships.
    hosts: Option<Vec<Destination>>,
    /// Pages in a row without a mailbox: a plugin could name a next page for ever.
    empty_pages: AtomicU32,
}

impl WasmSource {
    pub(crate) fn new(caller: Caller, prepared: SourcingPre<CallState>, inputs: Inputs) -> Self {
        let hosts = caller.grants.hosts.as_ref().map(|hosts| {
            let destination =
                |(host, port): &(String, u16)| Destination { host: host.clone(), port: Some(*port) };
            hosts.iter().map(destination).collect()
        });
        Self { caller, prepared, inputs: Arc::new(inputs), hosts, empty_pages: AtomicU32::new(0) }
    }

    fn count_empty(&self, page: &MailboxPage, first: bool) -> Result<(), String> {
        if first || !page.mailboxes.is_empty() {
            self.empty_pages.store(0, Ordering::Relaxed);
        } else if self.empty_pages.fetch_add(1, Ordering::Relaxed) >= EMPTY_PAGES {
            return Err(format!("{EMPTY_PAGES} empty pages in a row, and still one more"));
        }
        Ok(())
    }
}

#[async_trait]
impl MailboxSource for WasmSource {
    fn plugin(&self) -> &PluginId {
        &self.caller.plugin
    }

    fn hosts(&self) -> Option<&[Destination]> {
        self.hosts.as_deref()
    }

    async fn list_mailboxes(&self, token: Option<&str>, max: u32) -> Result<MailboxPage, PluginError> {
        let max = max.min(PAGE);
        let request = wit::PageRequest { token: token.map(str::to_owned), max, extras: Vec::new() };
        let given = || (Arc::clone(&self.inputs), (request.clone(), self.prepared.clone()));
        let (page, store) = self
            .caller
            .ask_again(
                CALL,
                given,
                |store, (request, prepared): (wit::PageRequest, SourcingPre<CallState>)| {
                    Box::pin(async move {
                        let instance = prepared.instantiate_async(&mut *store).await?;
                        instance
                            .mailhaul_plugin_mailbox_source()
                            .call_list_mailboxes(&mut *store, &request)
                            .await
                    })
                },
            )
            .await?;
        let page = checked(page, token, max, (&store, &self.caller.redaction))
            .map_err(|why| self.caller.bad(CALL, why))?;
        self.count_empty(&page, token.is_none()).map_err(|why| self.caller.bad(CALL, why))?;
        Ok(page)
    }
}

/// Converts a page to the engine's type, or says how it breaks the contract. `store` holds its secrets.
fn checked(
    page: wit::Page,
    token: Option<&str>,
    max: u32,
    (store, redaction): (&Store<CallState>, &Redaction),
) -> Result<MailboxPage, String> {
    if page.mailboxes.len() > max as usize {
        return Err(format!("{} mailboxes on a page of at most {max}", page.mailboxes.len()));
    }
    if let Some(next) = &page.next {
        text::checked_name("the page token", next, TOKEN)?;
        if Some(next.as_str()) == token {
            return Err("the token of the next page is that of this one".to_owned());
        }
    }
    let mut keys = BTreeSet::new();
    let mut mailboxes = Vec::with_capacity(page.mailboxes.len());
    for mailbox in page.mailboxes {
        let mailbox = entry(mailbox, store, redaction)?;
        if !keys.insert(mailbox.key.clone()) {
            return Err(format!("the key `{}` is on one page twice", mailbox.key));
        }
        mailboxes.push(mailbox);
    }
    if page.diagnostics.len() > REMARKS {
        return Err(format!("{} diagnostics, at most {REMARKS} are allowed", page.diagnostics.len()));
    }
    let diagnostics =
        page.diagnostics.into_iter().map(|said| convert::diagnostic(redaction.diagnostic(said))).collect();
    Ok(MailboxPage { mailboxes, next: page.next, diagnostics })
}

fn entry(
    mailbox: wit::Mailbox,
    store: &Store<CallState>,
    redaction: &Redaction,
) -> Result<MailboxEntry, String> {
    text::checked_value("the key of a mailbox", &mailbox.key, KEY)?;
    for name in [&mailbox.key, &mailbox.source.login, &mailbox.target.login] {
        redaction.checked("the key or a log-in name of a mailbox", name)?;
    }
    let hosts = [&mailbox.source.host, &mailbox.target.host];
    hosts.into_iter().flatten().try_for_each(|host| redaction.checked("the host of a mailbox", host))?;
    let side = |account, side, recipient| {
        let entry = account_entry(account, &recipient, store);
        entry.map_err(|why| format!("the {side} of `{}`: {why}", mailbox.key))
    };
    Ok(MailboxEntry {
        source: side(mailbox.source, "source", Recipient::Source)?,
        target: side(mailbox.target, "target", Recipient::Target)?,
        label: mailbox.label.map(|label| redaction.shown(&label, MESSAGE)),
        batch: batch(&mailbox.extras, redaction)?,
        origin: mailbox.origin.map(|origin| redaction.shown(&origin, MESSAGE)),
        one_account: one_account_is_meant(&mailbox.extras)?,
        key: mailbox.key,
    })
}

/// The set of mailboxes that the row says it runs with.
fn batch(extras: &[(String, String)], redaction: &Redaction) -> Result<Option<String>, String> {
    let Some((_, name)) = extras.iter().find(|(name, _)| name == "batch") else { return Ok(None) };
    text::checked_name("`batch`", name, BATCH)?;
    redaction.checked("`batch`", name)?;
    Ok(Some(name.clone()))
}

/// Whether the row says that sharing an account with another row is meant.
fn one_account_is_meant(extras: &[(String, String)]) -> Result<bool, String> {
    match extras.iter().find(|(name, _)| name == "one-account").map(|(_, value)| value.as_str()) {
        None => Ok(false),
        Some("meant") => Ok(true),
        Some(other) => Err(format!("`one-account` is `{}`, not `meant`", text::shown(other, CODE))),
    }
}

/// Converts one end of a mailbox, which signs in to `server`. Whether that host may have a password is
/// decided where the project's hosts are known: in the engine.
fn account_entry(
    account: accounts::Account,
    server: &Recipient,
    store: &Store<CallState>,
) -> Result<AccountEntry, String> {
    text::checked_value("the log-in name", &account.login, NAME)?;
    if let Some(host) = &account.host {
        text::checked_value("the host name", host, NAME)?;
    }
    if account.port == Some(0) {
        return Err("0 is no port".to_owned());
    }
    let secret = match account.auth {
        accounts::Auth::Inherit => None,
        accounts::Auth::Secret(handle) => {
            let secret = store.data().handles.get(&handle).map_err(|error| error.to_string())?;
            if !secret.to.contains(server) {
                return Err(no_password(secret, server));
            }
            Some(secret.value.clone())
        }
        accounts::Auth::Other(what) => {
            return Err(format!("`{}` is no way to sign in", text::shown(&what, CODE)));
        }
    };
    let quota = account.extras.iter().find(|(name, _)| name == "quota");
    let quota = quota.map(|(_, bytes)| bytes.parse::<u64>().map_err(|_| "`quota` is no number of bytes"));
    Ok(AccountEntry {
        sealed_for: None,
        quota: quota.transpose()?,
        login: account.login,
        host: account.host,
        port: account.port,
        tls: account.tls.map(convert::tls).transpose()?,
        secret,
    })
}

/// Says that a secret granted for something else is no password, and what the plugin's author can write.
fn no_password(secret: &SecretHandle, server: &Recipient) -> String {
    let label = text::shown(&secret.label, MESSAGE);
    let to = if *server == Recipient::Source { "source" } else { "target" };
    format!(
        "the secret `{label}` was not granted as a password there: a secret that signs in to the {to} is one of \
         `[[needs.secret]]` with `to = \"{to}\"` in plugin.toml"
    )
}

#[cfg(test)]
mod tests {
    use mailhaul_imap::Secret;
    use secrecy::ExposeSecret;

    use super::*;
    use crate::caps::testing::store;

    fn account(login: &str) -> accounts::Account {
        accounts::Account {
            login: login.into(),
            host: None,
            port: None,
            tls: None,
            auth: accounts::Auth::Inherit,
            extras: Vec::new(),
        }
    }

    fn mailbox(key: &str) -> wit::Mailbox {
        wit::Mailbox {
            key: key.into(),
            source: account("a"),
            target: account("b"),
            label: None,
            origin: None,
            extras: Vec::new(),
        }
    }

    fn page(mailboxes: Vec<wit::Mailbox>, next: Option<&str>) -> wit::Page {
        wit::Page { mailboxes, next: next.map(Into::into), diagnostics: Vec::new(), extras: Vec::new() }
    }

    fn refused(page: wit::Page) -> String {
        checked(page, Some("7"), 2, (&store(Inputs::new()), &Redaction::default())).unwrap_err()
    }

    #[test]
    fn answers_that_break_the_contract_are_refused() {
        let three = vec![mailbox("a"), mailbox("b"), mailbox("c")];
        assert_eq!(refused(page(three, None)), "3 mailboxes on a page of at most 2");
        assert!(refused(page(vec![mailbox("a"), mailbox("a")], None)).contains("twice"));
        assert!(refused(page(Vec::new(), Some("7"))).contains("that of this one"));
        assert!(refused(page(Vec::new(), Some(&"x".repeat(TOKEN + 1)))).contains("at most 4096"));
        assert!(refused(page(vec![mailbox("a\u{1b}b")], None)).contains("control character"));
        assert!(refused(page(vec![mailbox("")], None)).contains("is empty"));
        let mut nameless = mailbox("a");
        nameless.target = account("");
        assert_eq!(refused(page(vec![nameless], None)), "the target of `a`: the log-in name is empty");
        let mut odd = mailbox("a");
        odd.source.auth = accounts::Auth::Other("smartcard".into());
        assert!(refused(page(vec![odd], None)).contains("`smartcard` is no way to sign in"));
        let mut odd = mailbox("a");
        odd.target.extras = vec![("quota".into(), "much".into())];
        assert!(refused(page(vec![odd], None)).contains("`quota` is no number of bytes"));
        let mut odd = mailbox("a");
        odd.extras = vec![("one-account".into(), "yes".into())];
        assert_eq!(refused(page(vec![odd], None)), "`one-account` is `yes`, not `meant`");
    }

    #[test]
    fn that_one_account_is_meant_is_said_in_one_word() {
        let read = |extras: Vec<(String, String)>| {
            let mailbox = wit::Mailbox { extras, ..mailbox("a") };
            checked(page(vec![mailbox], None), None, 2, (&store(Inputs::new()), &Redaction::default()))
                .unwrap()
                .mailboxes
                .remove(0)
        };
        assert!(!read(Vec::new()).one_account);
        assert!(read(vec![("one-account".into(), "meant".into())]).one_account);
    }

    /// The first mailbox of a page whose source or target has a handle that may go there.
    fn with_handle(to: Vec<Recipient>, target: bool) -> Result<MailboxEntry, String> {
        let mut store = store(Inputs::new());
        let value = Secret::from(b"canary".to_vec());
        let handle = store.data_mut().hand_out(SecretHandle { label: "token".into(), value, to }).unwrap();
        let mut mailbox = mailbox("a");
        let account = if target { &mut mailbox.target } else { &mut mailbox.source };
        account.auth = accounts::Auth::Secret(handle);
        let page = checked(page(vec![mailbox], None), None, 2, (&store, &Redaction::default()))?;
        assert!(!format!("{page:?}").contains("canary"));
        Ok(page.mailboxes.into_iter().next().unwrap())
    }

    #[test]
    fn a_handle_becomes_the_secret_it_stands_for() {
        // A table's cell, and a secret that was granted for that side.
        for to in [vec![Recipient::Source, Recipient::Target], vec![Recipient::Source]] {
            let mailbox = with_handle(to, false).unwrap();
            assert_eq!(mailbox.source.secret.unwrap().expose_secret(), b"canary");
        }
        let mailbox = with_handle(vec![Recipient::Target], true).unwrap();
        assert_eq!(mailbox.target.secret.unwrap().expose_secret(), b"canary");
    }

    #[test]
    fn a_secret_for_something_else_is_no_password() {
        let panel = || Recipient::Origin("https://panel.example".parse().unwrap());
        for (to, target) in [
            (vec![panel()], false),
            (vec![panel()], true),
            (vec![Recipient::Source], true),
            (vec![Recipient::Target], false),
            (Vec::new(), false),
        ] {
            let why = with_handle(to, target).unwrap_err();
            let side = if target { "target" } else { "source" };
            assert_eq!(
                why,
                format!(
                    "the {side} of `a`: the secret `token` was not granted as a password there: a secret that signs in \
                     to the {side} is one of `[[needs.secret]]` with `to = \"{side}\"` in plugin.toml"
                )
            );
        }
    }
}
