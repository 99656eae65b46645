//! Fixtures: files with a request and what it must be answered.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mailhaul_imap::Secret;
use mailhaul_plugin_host::{Cell, Column, Inputs, Kind, Replies, Reply, TableInput, TableRow};
use mailhaul_project::table::{self, Table};
use secrecy::ExposeSecret as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Largest fixture in bytes.
const LARGEST: u64 = 64 << 20;

/// A request, what the plugin is given with it, and the answer or error it must end with.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fixture {
    /// What it shows, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The kind that is asked; needed only when the plugin is of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The plugin's settings, as they would stand under `[plugins.settings.ID]`.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub settings: Value,
    /// What the operator would name under `inputs`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, FixtureInput>,
    /// What servers say over HTTP, each reply to a request named as in `GET https://panel.example/api`. Of
    /// two to one request the last counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<FixtureReply>,
    /// The request; `shapes` says what it holds.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub request: Value,
    /// The answer it must get.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// Words that must stand in the error it must end with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a server says to one request of the plugin.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FixtureReply {
    /// Method and URL, `GET https://panel.example/api`.
    pub request: String,
    /// The HTTP status; 200 when it is left out.
    #[serde(default = "ok")]
    pub status: u16,
    /// The headers a plugin may look at, names in lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The body as text.
    #[serde(default)]
    pub body: String,
}

/// `null` is an answer too: that of a profile that does not know a server.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

fn ok() -> u16 {
    200
}

/// A table the plugin finds under one of its `inputs`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FixtureInput {
    /// The name that stands in `file:line`. No such file is read.
    pub file: String,
    /// The text of the file. Fixtures are handed on, so its passwords must be made up.
    pub text: String,
}

/// Why a fixture cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// The system refused to read it.
    #[error("cannot read `{}`: {cause}", path.display())]
    Unreadable {
        /// The file, or the folder of fixtures.
        path: PathBuf,
        /// The system's own words.
        cause: String,
    },
    /// It is no JSON, too large, or has names a fixture does not have.
    #[error("`{}` is no fixture: {cause}", path.display())]
    NoFixture {
        /// The file that was read.
        path: PathBuf,
        /// What about it is not understood.
        cause: String,
    },
    /// Its request has not the shape of the kind's.
    #[error("its `request` cannot be asked: {0}")]
    Request(serde_json::Error),
    /// One of its tables cannot be parsed as the operator's would be.
    #[error("its input `{name}` is no table: {cause}")]
    Input {
        /// The name under `inputs`.
        name: String,
        /// What about the table is not understood.
        cause: String,
    },
    /// It names no kind, and the plugin is of several, which are listed.
    #[error("it must name a `kind`, because the plugin is of several: {0}")]
    Kind(String),
}

/// The labels of a fixture's secrets, by their values: answers show no value.
#[derive(Debug, Default)]
pub(super) struct Labels(Vec<(Secret, String)>);

impl Labels {
    pub(super) fn of(&self, secret: &Secret) -> String {
        let found = self.0.iter().find(|(known, _)| known.expose_secret() == secret.expose_secret());
        found.map_or_else(|| "a secret".to_owned(), |(_, label)| label.clone())
    }
}

impl Fixture {
    /// Reads one from a file of JSON.
    ///
    /// # Errors
    /// See [`FixtureError`].
    pub fn read(path: &Path) -> Result<Self, FixtureError> {
        let unreadable = |cause: String| FixtureError::Unreadable { path: path.to_owned(), cause };
        let size = fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
        if size > LARGEST {
            return Err(unreadable(format!("it has {size} bytes, more than {LARGEST}")));
        }
        let text = fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        serde_json::from_str(&text)
            .map_err(|error| FixtureError::NoFixture { path: path.to_owned(), cause: error.to_string() })
    }

    /// The request in the shape of its kind.
    pub(super) fn request<T: DeserializeOwned + Default>(&self) -> Result<T, FixtureError> {
        if self.request.is_null() {
            return Ok(T::default());
        }
        T::deserialize(&self.request).map_err(FixtureError::Request)
    }

    /// The replies, for the plugin host.
    pub(super) fn replies(&self) -> Replies {
        let reply = |reply: &FixtureReply| {
            let given =
                Reply { status: reply.status, headers: reply.headers.clone(), body: reply.body.clone() };
            (reply.request.clone(), given)
        };
        Replies { to: self.http.iter().map(reply).collect() }
    }

    /// The tables, parsed as the operator's would be, and what their secrets are called.
    pub(super) fn inputs(&self) -> Result<(Inputs, Labels), FixtureError> {
        let mut inputs = Inputs::new();
        let mut labels = Labels::default();
        for (name, input) in &self.inputs {
            let table = Table::parse(Path::new(&input.file), input.text.as_bytes(), table::Limits::default());
            let table = table.map_err(|errors| FixtureError::Input {
                name: name.clone(),
                cause: errors.iter().map(|error| error.cause.clone()).collect::<Vec<_>>().join("; "),
            })?;
            inputs = inputs.with_table(name.clone(), granted(table, &input.file, &mut labels));
        }
        Ok((inputs, labels))
    }
}

fn granted(table: Table, file: &str, labels: &mut Labels) -> TableInput {
    let columns: Vec<_> =
        table.columns.into_iter().map(|column| Column { name: column.name, secret: column.secret }).collect();
    let mut rows = Vec::with_capacity(table.rows.len());
    for row in table.rows {
        let mut cells = Vec::with_capacity(row.cells.len());
        for (position, cell) in row.cells.into_iter().enumerate() {
            cells.push(match cell {
                table::Cell::Text(text) => Cell::Text(text),
                table::Cell::Secret(secret) => {
                    let column = columns.get(position).map_or("", |column| column.name.as_str());
                    labels.0.push((secret.clone(), format!("{file}:{} {column}", row.line)));
                    Cell::Secret(secret)
                }
            });
        }
        rows.push(TableRow { line: u32::try_from(row.line).unwrap_or(u32::MAX), cells });
    }
    TableInput { file: file.to_owned(), columns, rows }
}

/// A fixture's name, and the fixture or what is wrong with it.
pub(super) type NamedFixture = (String, Result<Fixture, FixtureError>);

/// The fixtures of a folder, by their file's name, sorted. A missing folder has none.
///
/// # Errors
/// When the folder cannot be read. A file that is no fixture is a result of its own.
pub fn fixtures(folder: &Path) -> Result<Vec<NamedFixture>, FixtureError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(FixtureError::Unreadable { path: folder.to_owned(), cause: error.to_string() });
        }
    };
    let mut found: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    found.sort_unstable();
    let named = |path: PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (name, Fixture::read(&path))
    };
    Ok(found.into_iter().map(named).collect())
}
