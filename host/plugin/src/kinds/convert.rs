//! Conversions between the engine's types and the generated ones; what comes from a guest is checked.

use mailhaul_engine::plugin::{Diagnostic, FolderInfo, PluginFailure, ServerDescription, Severity};
use mailhaul_imap::{FolderPath, SpecialUse};
use mailhaul_net::TlsMode;

use crate::bindings::imports::mailhaul::plugin::types;
use crate::limits::{CODE, MESSAGE, PATH_LEVEL, PATH_LEVELS};
use crate::text;

pub(crate) fn server(server: &ServerDescription) -> types::Server {
    types::Server {
        host: server.host.clone(),
        port: server.port,
        tls: match server.tls {
            TlsMode::Implicit => types::Tls::Implicit,
            TlsMode::StartTls => types::Tls::Starttls,
            TlsMode::None => types::Tls::None,
        },
        greeting: server.greeting.clone(),
        capabilities: server.capabilities.clone(),
        id: server.id.clone(),
        namespace_prefix: server.namespace_prefix.clone(),
        delimiter: server.delimiter,
        extras: Vec::new(),
    }
}

pub(crate) fn folder(folder: &FolderInfo) -> types::Folder {
    types::Folder {
        path: folder.path.0.clone(),
        attributes: folder.attributes.clone(),
        roles: folder.roles.iter().map(special_use).collect(),
        selectable: folder.selectable,
        subscribed: folder.subscribed,
        messages: folder.messages,
        bytes: folder.bytes,
        extras: Vec::new(),
    }
}

pub(crate) fn special_use(role: &SpecialUse) -> types::SpecialUse {
    match role {
        SpecialUse::All => types::SpecialUse::All,
        SpecialUse::Archive => types::SpecialUse::Archive,
        SpecialUse::Drafts => types::SpecialUse::Drafts,
        SpecialUse::Flagged => types::SpecialUse::Flagged,
        SpecialUse::Important => types::SpecialUse::Important,
        SpecialUse::Junk => types::SpecialUse::Junk,
        SpecialUse::Sent => types::SpecialUse::Sent,
        SpecialUse::Trash => types::SpecialUse::Trash,
        SpecialUse::Other(attribute) => types::SpecialUse::Other(attribute.clone()),
    }
}

/// Reads a role that a folder may be created with. Another server's own attribute may not stand in CREATE.
pub(crate) fn role(role: types::SpecialUse) -> Result<SpecialUse, String> {
    match role {
        types::SpecialUse::All => Ok(SpecialUse::All),
        types::SpecialUse::Archive => Ok(SpecialUse::Archive),
        types::SpecialUse::Drafts => Ok(SpecialUse::Drafts),
        types::SpecialUse::Flagged => Ok(SpecialUse::Flagged),
        types::SpecialUse::Important => Ok(SpecialUse::Important),
        types::SpecialUse::Junk => Ok(SpecialUse::Junk),
        types::SpecialUse::Sent => Ok(SpecialUse::Sent),
        types::SpecialUse::Trash => Ok(SpecialUse::Trash),
        types::SpecialUse::Other(other) => {
            Err(format!("the role `{}` is not known", text::shown(&other, CODE)))
        }
    }
}

/// Checks a path that a guest makes, or makes of those it was given. Control characters are refused, marks
/// that turn or hide text are not: they stand in folders' names.
pub(crate) fn folder_path(levels: Vec<String>) -> Result<FolderPath, String> {
    if levels.iter().any(String::is_empty) {
        return Err("a level of a folder path is empty".to_owned());
    }
    if let Some(c) = levels.iter().flat_map(|level| level.chars()).find(|c| c.is_control()) {
        return Err(format!(
            "a level of a folder path contains the control character {}",
            c.escape_default()
        ));
    }
    known_path(levels)
}

/// Checks a path that a guest was given and asks about: only its length, since servers call their folders
/// anything.
pub(crate) fn known_path(levels: Vec<String>) -> Result<FolderPath, String> {
    if levels.is_empty() {
        return Err("a folder path has no levels".to_owned());
    }
    if levels.len() > PATH_LEVELS {
        return Err(format!("a folder path has {} levels, at most {PATH_LEVELS} are allowed", levels.len()));
    }
    if let Some(long) = levels.iter().map(String::len).find(|len| *len > PATH_LEVEL) {
        return Err(format!("a level of a folder path has {long} bytes, at most {PATH_LEVEL} are allowed"));
    }
    Ok(FolderPath(levels))
}

pub(crate) fn tls(tls: types::Tls) -> Result<TlsMode, String> {
    match tls {
        types::Tls::Implicit => Ok(TlsMode::Implicit),
        types::Tls::Starttls => Ok(TlsMode::StartTls),
        types::Tls::None => Ok(TlsMode::None),
        types::Tls::Other(other) => {
            Err(format!("`{}` is no way to protect a connection", text::shown(&other, CODE)))
        }
    }
}

pub(crate) fn severity(severity: types::Severity) -> Severity {
    match severity {
        types::Severity::Note => Severity::Note,
        types::Severity::Warning => Severity::Warning,
        types::Severity::Error => Severity::Error,
    }
}

pub(crate) fn diagnostic(diagnostic: types::Diagnostic) -> Diagnostic {
    Diagnostic {
        severity: severity(diagnostic.severity),
        code: text::shown(&diagnostic.code, CODE),
        message: text::shown(&diagnostic.message, MESSAGE),
        at: diagnostic.at.map(|at| text::shown(&at, MESSAGE)),
    }
}

/// Converts the error a plugin answered with, its text escaped and cut.
pub(crate) fn plugin_failure(error: types::PluginError) -> PluginFailure {
    let shown = |text: &str| text::shown(text, MESSAGE);
    match error {
        types::PluginError::Settings(reason) => {
            PluginFailure::Unusable { place: None, reason: shown(&reason) }
        }
        types::PluginError::Input((at, reason)) => {
            PluginFailure::Unusable { place: Some(shown(&at)), reason: shown(&reason) }
        }
        types::PluginError::Denied(why) => PluginFailure::Denied(shown(&why)),
        types::PluginError::RetryAfter((time, why)) => PluginFailure::RetryAfter(time, shown(&why)),
        types::PluginError::Unsupported(why) => PluginFailure::Unsupported(shown(&why)),
        types::PluginError::Other(why) => PluginFailure::Reported(shown(&why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_no_server_could_hold_are_refused() {
        let path = |levels: &[&str]| folder_path(levels.iter().map(|level| (*level).to_owned()).collect());
        assert!(
            path(&["Kunden", "Größe/2019"]).is_ok(),
            "what a server's names may hold is checked by the engine"
        );
        assert!(path(&[]).is_err());
        assert!(path(&["a", ""]).is_err());
        assert!(path(&["gpj\u{202e}exe"]).is_ok(), "a folder's name, however it looks");
        assert!(known_path(vec![String::new(), "a\tb".into()]).is_ok(), "it was given so");
        assert!(path(&["a\r\nA1 DELETE INBOX"]).unwrap_err().contains("control character"));
        assert!(path(&["a"; PATH_LEVELS + 1]).is_err());
        assert!(path(&[&"x".repeat(PATH_LEVEL + 1)]).is_err());
    }
}
