//! What is wrong with a list of mailboxes: in its order, each fault once, before anybody is dialled.

use std::sync::Arc;

use async_trait::async_trait;
use mailhaul_engine::plugin::{
    Diagnostic, MailboxEntry, MailboxPage, MailboxSource, PluginError, PluginId, Severity,
};
use mailhaul_net::TlsMode;

use crate::doubles::Mailboxes;
use crate::stage::Stage;

/// A list in lines from 2 on, and what its plugin says of it.
struct List {
    id: PluginId,
    entries: Vec<MailboxEntry>,
    diagnostics: Vec<Diagnostic>,
}

#[async_trait]
impl MailboxSource for List {
    fn plugin(&self) -> &PluginId {
        &self.id
    }

    async fn list_mailboxes(&self, _token: Option<&str>, _max: u32) -> Result<MailboxPage, PluginError> {
        let (mailboxes, diagnostics) = (self.entries.clone(), self.diagnostics.clone());
        Ok(MailboxPage { mailboxes, diagnostics, next: None })
    }
}

fn list(keys: &[&str]) -> List {
    let mut entries = Mailboxes::of(keys).entries;
    for (entry, line) in entries.iter_mut().zip(2..) {
        entry.origin = Some(format!("m.csv:{line}"));
    }
    List { id: PluginId { id: "list".into(), version: "1".into() }, entries, diagnostics: Vec::new() }
}

fn fault(at: Option<&str>, message: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "x".into(),
        message: message.into(),
        at: at.map(str::to_owned),
    }
}

/// Why `check` does not begin.
fn reasons(mut stage: Stage, list: List) -> Vec<String> {
    stage.plugins.source = Arc::new(list);
    let outcome = stage.check();
    assert!(stage.source.heard().is_empty() && stage.target.heard().is_empty(), "nobody is dialled");
    outcome.finish.unwrap().refused.expect("a list that is refused").reasons
}

#[test]
fn what_every_row_lacks_is_said_once() {
    let mut stage = Stage::loaded(1);
    stage.job.source.server.host = None;
    let said = reasons(stage, list(&["a", "b", "c"]));
    assert_eq!(
        said,
        [
            "each of the 3 mailboxes: no source host: set `host` under `[source]`, or give the list a `source_host` column"
        ]
    );
    // Of some rows it is said with their places.
    let mut some = list(&["a", "b", "c"]);
    for entry in some.entries.iter_mut().skip(1) {
        entry.target.secret = None;
    }
    let said = reasons(Stage::loaded(1), some);
    assert_eq!(said.len(), 2, "{said:#?}");
    for (said, line) in said.iter().zip(["m.csv:3", "m.csv:4"]) {
        assert!(
            said.starts_with(&format!("{line}: no target password: `mailhaul provision` makes one")),
            "{said}"
        );
        assert!(said.contains("`mailhaul assess` looks at the old host alone"), "{said}");
    }
}

#[test]
fn faults_come_in_the_order_of_the_list() {
    let mut list = list(&["a", "b", "c", "d", "e", "f", "g", "h", "i"]);
    list.entries.iter_mut().filter(|entry| ["d", "b"].contains(&entry.key.as_str())).for_each(|entry| {
        entry.source.secret = None;
    });
    list.diagnostics = [("m.csv:10", "ten"), ("m.csv:4", "four"), ("elsewhere", "where")]
        .map(|(at, message)| fault(Some(at), message))
        .into();
    let said = reasons(Stage::loaded(1), list);
    let starts: Vec<_> = said.iter().map(|said| said.split(": ").next().unwrap()).collect();
    assert_eq!(starts, ["m.csv:3", "m.csv:4", "m.csv:5", "m.csv:10", "elsewhere"]);
}

/// What a plugin counts without its place is not told again with one.
#[test]
fn a_row_that_is_there_twice_is_told_once() {
    let mut list = list(&["a", "b", "b", "c", "c"]);
    let alone = Stage::loaded(1);
    let told =
        reasons(alone, List { id: list.id.clone(), entries: list.entries.clone(), diagnostics: Vec::new() });
    assert!(told.len() == 2 && told[0].starts_with("m.csv:4: mailbox `b` is listed twice"), "{told:#?}");
    list.diagnostics =
        vec![fault(Some("m.csv:4"), "`b` is listed already"), fault(None, "and 1 more like these")];
    let told = reasons(Stage::loaded(1), list);
    assert_eq!(told, ["m.csv:4: `b` is listed already", "and 1 more like these"]);
}

/// The list says `no`, and the project does not allow it: that is the list's fault, and has a line.
#[test]
fn a_row_without_tls_is_refused_where_the_project_does_not_allow_it() {
    let stage = || {
        let mut stage = Stage::loaded(1);
        stage.job.source.server.tls = TlsMode::Implicit;
        stage.job.source.allow_cleartext = false;
        stage
    };
    let mut list = list(&["a", "b"]);
    list.entries[1].source.tls = Some(TlsMode::None);
    let said = reasons(stage(), list);
    assert!(
        said.len() == 1 && said[0].starts_with("m.csv:3: the source password would be sent without TLS"),
        "{said:#?}"
    );
    assert!(said[0].contains("`allow_cleartext = true` under `[source]`"), "{said:#?}");
}

/// A password for the host's old name is found, and the command that moves it can be typed as it stands.
#[test]
fn a_password_that_is_sealed_for_another_host_is_told_of() {
    let mut list = list(&["a"]);
    (list.entries[0].target.secret, list.entries[0].target.sealed_for) =
        (None, Some("mx.example:1143".into()));
    let said = reasons(Stage::loaded(1), list);
    assert_eq!(
        said,
        [
            "m.csv:2: no target password for new.example: the project's store has it for mx.example:1143, and gives it to no \
          other host; if the two are one server, type `mailhaul secrets move --side target --from mx.example:1143 --to \
          new.example`"
        ]
    );
}
