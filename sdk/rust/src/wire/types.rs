//! Values: [`Wire`] makes the generated type of ours, [`Own`] ours of the generated one.

use std::time::Duration;

use crate::bindings::imports::mailhaul::plugin::{accounts, types};
use crate::bindings::mapping::exports::mailhaul::plugin::folder_mapper as mapper;
use crate::bindings::sourcing::exports::mailhaul::plugin::mailbox_source as source;
use crate::bindings::validating::exports::mailhaul::plugin::validator;
use crate::secrets::Handle;
use crate::{
    Account, Auth, Decision, Depth, Diagnostic, Finding, Folder, FolderPair, FolderPath, Mailbox, Mapping,
    MappingRequest, Note, Outcome, Page, PageRequest, Phase, PluginError, Report, RoundTrip,
    RoundTripOutcome, Ruling, Secret, Server, Severity, SpecialUse, TargetFolder, Tls, ValidationRequest,
};

/// From this crate's type to the generated one.
pub(crate) trait Wire {
    type Wire;
    fn wire(self) -> Self::Wire;
}

/// From the generated type to this crate's.
pub(crate) trait Own {
    type Own;
    fn own(self) -> Self::Own;
}

impl<T: Wire> Wire for Vec<T> {
    type Wire = Vec<T::Wire>;
    fn wire(self) -> Self::Wire {
        self.into_iter().map(Wire::wire).collect()
    }
}

impl<T: Own> Own for Vec<T> {
    type Own = Vec<T::Own>;
    fn own(self) -> Self::Own {
        self.into_iter().map(Own::own).collect()
    }
}

/// Indices are `u32` on the wire; one that does not fit is out of any list's range, and stays so.
fn index(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Milliseconds are `u32` on the wire: the longest time there is stands for any longer one.
pub(crate) fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

impl Own for types::SpecialUse {
    type Own = SpecialUse;
    fn own(self) -> SpecialUse {
        match self {
            Self::All => SpecialUse::All,
            Self::Archive => SpecialUse::Archive,
            Self::Drafts => SpecialUse::Drafts,
            Self::Flagged => SpecialUse::Flagged,
            Self::Important => SpecialUse::Important,
            Self::Junk => SpecialUse::Junk,
            Self::Sent => SpecialUse::Sent,
            Self::Trash => SpecialUse::Trash,
            Self::Other(attribute) => SpecialUse::Other(attribute),
        }
    }
}

impl Wire for SpecialUse {
    type Wire = types::SpecialUse;
    fn wire(self) -> types::SpecialUse {
        match self {
            Self::All => types::SpecialUse::All,
            Self::Archive => types::SpecialUse::Archive,
            Self::Drafts => types::SpecialUse::Drafts,
            Self::Flagged => types::SpecialUse::Flagged,
            Self::Important => types::SpecialUse::Important,
            Self::Junk => types::SpecialUse::Junk,
            Self::Sent => types::SpecialUse::Sent,
            Self::Trash => types::SpecialUse::Trash,
            Self::Other(attribute) => types::SpecialUse::Other(attribute),
        }
    }
}

impl Own for types::Tls {
    type Own = Tls;
    fn own(self) -> Tls {
        match self {
            Self::Implicit => Tls::Implicit,
            Self::Starttls => Tls::StartTls,
            Self::None => Tls::None,
            Self::Other(name) => Tls::Other(name),
        }
    }
}

impl Wire for Tls {
    type Wire = types::Tls;
    fn wire(self) -> types::Tls {
        match self {
            Self::Implicit => types::Tls::Implicit,
            Self::StartTls => types::Tls::Starttls,
            Self::None => types::Tls::None,
            Self::Other(name) => types::Tls::Other(name),
        }
    }
}

impl Own for types::Folder {
    type Own = Folder;
    fn own(self) -> Folder {
        Folder {
            path: FolderPath(self.path),
            attributes: self.attributes,
            roles: self.roles.own(),
            selectable: self.selectable,
            subscribed: self.subscribed,
            messages: self.messages,
            bytes: self.bytes,
            extras: self.extras,
        }
    }
}

impl Own for types::Server {
    type Own = Server;
    fn own(self) -> Server {
        Server {
            host: self.host,
            port: self.port,
            tls: self.tls.own(),
            greeting: self.greeting,
            capabilities: self.capabilities,
            id: self.id,
            namespace_prefix: self.namespace_prefix,
            delimiter: self.delimiter,
            extras: self.extras,
        }
    }
}

impl Wire for PluginError {
    type Wire = types::PluginError;
    fn wire(self) -> types::PluginError {
        match self {
            Self::Settings(why) => types::PluginError::Settings(why),
            Self::Input { at, reason } => types::PluginError::Input((at, reason)),
            Self::Denied(why) => types::PluginError::Denied(why),
            Self::RetryAfter(time, why) => types::PluginError::RetryAfter((milliseconds(time), why)),
            Self::Unsupported(why) => types::PluginError::Unsupported(why),
            Self::Other(why) => types::PluginError::Other(why),
        }
    }
}

impl Own for types::PluginError {
    type Own = PluginError;
    fn own(self) -> PluginError {
        match self {
            Self::Settings(why) => PluginError::Settings(why),
            Self::Input((at, reason)) => PluginError::Input { at, reason },
            Self::Denied(why) => PluginError::Denied(why),
            Self::RetryAfter((time, why)) => {
                PluginError::RetryAfter(Duration::from_millis(u64::from(time)), why)
            }
            Self::Unsupported(why) => PluginError::Unsupported(why),
            Self::Other(why) => PluginError::Other(why),
        }
    }
}

impl Wire for Severity {
    type Wire = types::Severity;
    fn wire(self) -> types::Severity {
        match self {
            Self::Note => types::Severity::Note,
            Self::Warning => types::Severity::Warning,
            Self::Error => types::Severity::Error,
        }
    }
}

impl Wire for Diagnostic {
    type Wire = types::Diagnostic;
    fn wire(self) -> types::Diagnostic {
        types::Diagnostic {
            severity: self.severity.wire(),
            code: self.code,
            message: self.message,
            at: self.at,
            extras: self.extras,
        }
    }
}

impl Own for mapper::Ruling {
    type Own = Ruling;
    fn own(self) -> Ruling {
        Ruling {
            folder: self.folder as usize,
            decision: match self.decision {
                mapper::Decision::MapTo(target) => Decision::MapTo(TargetFolder {
                    path: FolderPath(target.path),
                    role: target.role.map(Own::own),
                    subscribe: target.subscribe,
                    extras: target.extras,
                }),
                mapper::Decision::Skip(reason) => Decision::Skip(reason),
                mapper::Decision::Other(what) => Decision::Other(what),
            },
            why: self.why,
            extras: self.extras,
        }
    }
}

impl Wire for Ruling {
    type Wire = mapper::Ruling;
    fn wire(self) -> mapper::Ruling {
        mapper::Ruling {
            folder: index(self.folder),
            decision: match self.decision {
                Decision::MapTo(target) => mapper::Decision::MapTo(mapper::TargetFolder {
                    path: target.path.0,
                    role: target.role.map(Wire::wire),
                    subscribe: target.subscribe,
                    extras: target.extras,
                }),
                Decision::Skip(reason) => mapper::Decision::Skip(reason),
                Decision::Other(what) => mapper::Decision::Other(what),
            },
            why: self.why,
            extras: self.extras,
        }
    }
}

impl Wire for Note {
    type Wire = mapper::Note;
    fn wire(self) -> mapper::Note {
        mapper::Note { folder: self.folder.map(index), message: self.message, extras: self.extras }
    }
}

impl Own for mapper::MappingRequest {
    type Own = MappingRequest;
    fn own(self) -> MappingRequest {
        MappingRequest {
            source: self.source.own(),
            target: self.target.own(),
            source_folders: self.source_folders.own(),
            target_folders: self.target_folders.own(),
            settled: self.settled.own(),
            extras: self.extras,
        }
    }
}

impl Wire for Mapping {
    type Wire = mapper::Mapping;
    fn wire(self) -> mapper::Mapping {
        mapper::Mapping { rulings: self.rulings.wire(), notes: self.notes.wire(), extras: self.extras }
    }
}

impl Own for source::PageRequest {
    type Own = PageRequest;
    fn own(self) -> PageRequest {
        PageRequest { token: self.token, max: self.max as usize, extras: self.extras }
    }
}

impl Wire for Auth {
    type Wire = accounts::Auth;
    fn wire(self) -> accounts::Auth {
        match self {
            Self::Inherit => accounts::Auth::Inherit,
            Self::Secret(Secret(Handle::Host(secret))) => accounts::Auth::Secret(secret),
            // A secret of a test never meets a host; `other` is what hosts refuse.
            Self::Secret(Secret(Handle::Test(label))) => accounts::Auth::Other(label),
        }
    }
}

impl Wire for Account {
    type Wire = accounts::Account;
    fn wire(self) -> accounts::Account {
        accounts::Account {
            login: self.login,
            host: self.host,
            port: self.port,
            tls: self.tls.map(Wire::wire),
            auth: self.auth.wire(),
            extras: self.extras,
        }
    }
}

impl Wire for Mailbox {
    type Wire = source::Mailbox;
    fn wire(self) -> source::Mailbox {
        source::Mailbox {
            key: self.key,
            source: self.source.wire(),
            target: self.target.wire(),
            label: self.label,
            origin: self.origin,
            extras: self.extras,
        }
    }
}

impl Wire for Page {
    type Wire = source::Page;
    fn wire(self) -> source::Page {
        source::Page {
            mailboxes: self.mailboxes.wire(),
            next: self.next,
            diagnostics: self.diagnostics.wire(),
            extras: self.extras,
        }
    }
}

impl Own for validator::FolderPair {
    type Own = FolderPair;
    fn own(self) -> FolderPair {
        FolderPair {
            source: FolderPath(self.source),
            target: FolderPath(self.target),
            source_messages: self.source_messages,
            copied: self.copied,
            already_present: self.already_present,
            skipped: self.skipped,
            failed: self.failed,
            extras: self.extras,
        }
    }
}

impl Own for validator::RoundTrip {
    type Own = RoundTrip;
    fn own(self) -> RoundTrip {
        RoundTrip {
            outcome: match self.outcome {
                validator::RoundTripOutcome::Arrived => RoundTripOutcome::Arrived,
                validator::RoundTripOutcome::ArrivedAtSource => RoundTripOutcome::ArrivedAtSource,
                validator::RoundTripOutcome::Missing => RoundTripOutcome::Missing,
                validator::RoundTripOutcome::NotSent => RoundTripOutcome::NotSent,
                validator::RoundTripOutcome::Other(name) => RoundTripOutcome::Other(name),
            },
            seconds: self.seconds,
            folder: self.folder.map(FolderPath),
            detail: self.detail,
            extras: self.extras,
        }
    }
}

impl Own for validator::ValidationRequest {
    type Own = ValidationRequest;
    fn own(self) -> ValidationRequest {
        ValidationRequest {
            mailbox: self.mailbox,
            phase: match self.phase {
                validator::Phase::AfterRun => Phase::AfterRun,
                validator::Phase::AfterCutover => Phase::AfterCutover,
                validator::Phase::Other(name) => Phase::Other(name),
            },
            depth: match self.depth {
                validator::Depth::Counts => Depth::Counts,
                validator::Depth::Headers => Depth::Headers,
                validator::Depth::Full => Depth::Full,
                validator::Depth::Other(name) => Depth::Other(name),
            },
            seed: self.seed,
            folders: self.folders.own(),
            round_trip: self.round_trip.map(Own::own),
            extras: self.extras,
        }
    }
}

impl Wire for Report {
    type Wire = validator::Report;
    fn wire(self) -> validator::Report {
        validator::Report {
            outcome: match self.outcome {
                Outcome::Pass => validator::Outcome::Pass,
                Outcome::Fail => validator::Outcome::Fail,
                Outcome::Inconclusive(why) => validator::Outcome::Inconclusive(why),
            },
            checked_messages: self.checked_messages,
            findings: self.findings.wire(),
            extras: self.extras,
        }
    }
}

impl Wire for Finding {
    type Wire = validator::Finding;
    fn wire(self) -> validator::Finding {
        validator::Finding {
            severity: self.severity.wire(),
            code: self.code,
            message: self.message,
            folder: self.folder.map(|path| path.0),
            uid: self.uid,
            extras: self.extras,
        }
    }
}
