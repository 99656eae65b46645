//! Fixtures of the kinds that ask tables and web servers, made of what a project has.
//!
//! Inputs, settings and replies are redacted first; the answer is what the project's plugin says to *that*,
//! so that it fits, whatever was replaced.

use mailhaul_plugin_host::{Inspection, Kind, Reply};
use mailhaul_project::table::{Cell, Table};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::fixture::{Fixture, FixtureInput, FixtureReply};
use super::redact::Redactor;
use super::{Trial, TrialError};

/// Rows of a table that a recorded fixture keeps.
pub const ROWS: usize = 20;

/// Headers of a reply a plugin may decide by. Others name machines and sessions.
const HEADERS: [&str; 5] = ["content-type", "link", "location", "retry-after", "x-next-page"];

/// The table cut to its first [`ROWS`] rows.
#[must_use]
pub fn beginning(mut table: Table) -> Table {
    table.rows.truncate(ROWS);
    table
}

/// The table as a fixture's input, with every cell redacted.
#[must_use]
pub fn input(table: &Table, redactor: &mut Redactor) -> FixtureInput {
    let mut text = String::new();
    line(&mut text, table.columns.iter().map(|column| column.name.clone()));
    for row in &table.rows {
        let cells: Vec<_> = row
            .cells
            .iter()
            .map(|cell| match cell {
                Cell::Text(text) => redactor.text(text),
                Cell::Secret(secret) => redactor.secret(secret.expose_secret()),
            })
            .collect();
        line(&mut text, cells.into_iter());
    }
    let stem = table.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    FixtureInput { file: format!("{}.csv", redactor.text(&stem)), text }
}

fn line(text: &mut String, cells: impl Iterator<Item = String>) {
    let quoted = |cell: String| {
        let plain = !cell.contains(['"', ',', ';', '\t', '\n']) && cell.trim() == cell;
        if plain { cell } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
    };
    text.push_str(&cells.map(quoted).collect::<Vec<_>>().join(","));
    text.push('\n');
}

/// The settings, redacted. A host that an origin of the manifest is made of is replaced as well: the operator
/// chose it.
#[must_use]
pub fn settings(settings: &Value, plugin: &Inspection, redactor: &mut Redactor) -> Value {
    for (name, setting) in settings.as_object().into_iter().flatten() {
        let placeholder = format!("{{settings.{name}}}");
        let Some(text) =
            setting.as_str().filter(|_| plugin.http.iter().any(|http| http.origin.contains(&placeholder)))
        else {
            continue;
        };
        let host = text.split_once("://").map_or(text, |(_, host)| host);
        redactor.other_host(host.split([':', '/']).next().unwrap_or(host));
    }
    redactor.value(settings.clone())
}

/// The replies, redacted, with the headers of them a plugin may decide by; of two to the same request the
/// last.
#[must_use]
pub fn replies(exchanges: Vec<(String, Reply)>, redactor: &mut Redactor) -> Vec<FixtureReply> {
    let mut kept: Vec<FixtureReply> = Vec::new();
    for (asked, reply) in exchanges {
        let header = |(name, value): (String, String)| {
            HEADERS.contains(&name.as_str()).then(|| (name, redactor.text(&value)))
        };
        let headers = reply.headers.into_iter().filter_map(header).collect();
        let reply = FixtureReply {
            request: redactor.text(&asked),
            status: reply.status,
            headers,
            body: redactor.text(&reply.body),
        };
        // Asked again, the last one counts, as it will in the fixture.
        kept.retain(|earlier| earlier.request != reply.request);
        kept.push(reply);
    }
    kept
}

/// The request to a provisioner for the mailboxes of these domains.
#[must_use]
pub fn listing(domains: &[String], redactor: &mut Redactor) -> Value {
    json!({ "domains": domains.iter().map(|domain| redactor.text(domain)).collect::<Vec<_>>() })
}

/// The request to a provisioner for a new mailbox.
#[must_use]
pub fn creation(login: &str, display_name: Option<&str>, redactor: &mut Redactor) -> Value {
    let mut wanted = json!({ "login": redactor.text(login) });
    if let Some(name) = display_name {
        wanted["display-name"] = json!(redactor.text(name));
    }
    json!({ "create": wanted })
}

impl Trial {
    /// The fixture with the answer this plugin gives, so that a later version is compared with this one.
    ///
    /// # Errors
    /// When it cannot be asked, or has no answer.
    pub async fn answered(&self, mut fixture: Fixture) -> Result<Fixture, TrialError> {
        let kind = self.kind(&fixture)?;
        let asked = self.ask(kind, &fixture).await?;
        fixture.answer = Some(asked.answer.map_err(TrialError::NoAnswer)?);
        fixture.error = None;
        Ok(fixture)
    }
}

/// A fixture of this kind that has no answer yet.
#[must_use]
pub fn recorded(kind: Kind) -> Fixture {
    Fixture {
        about: format!("Recorded from a project, as a {} is asked", kind.name()),
        kind: Some(kind),
        ..Fixture::default()
    }
}
