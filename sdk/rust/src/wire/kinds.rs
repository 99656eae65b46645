//! Values of the kinds `server-profile` and `mailbox-provisioner`.

use super::types::milliseconds;
use super::{Own, Wire};
use crate::bindings::imports::mailhaul::plugin::types;
use crate::bindings::profiling::exports::mailhaul::plugin::server_profile as profile;
use crate::bindings::provisioning::exports::mailhaul::plugin::mailbox_provisioner as provisioner;
use crate::{
    Cause, Classification, Creation, ExistingMailbox, ListPage, ListRequest, NewMailbox, Occasion, Profile,
    ProfileRequest, Refusal, ReplyKind, Side,
};

impl Own for types::Side {
    type Own = Side;
    fn own(self) -> Side {
        match self {
            Self::Source => Side::Source,
            Self::Target => Side::Target,
        }
    }
}

impl Own for profile::ProfileRequest {
    type Own = ProfileRequest;
    fn own(self) -> ProfileRequest {
        ProfileRequest {
            side: self.side.own(),
            server: self.server.own(),
            provider: self.provider,
            extras: self.extras,
        }
    }
}

impl Wire for Profile {
    type Wire = profile::Profile;
    fn wire(self) -> profile::Profile {
        profile::Profile {
            provider: self.provider,
            name: self.name,
            why: self.why,
            max_connections: self.max_connections,
            max_connections_per_mailbox: self.max_connections_per_mailbox,
            max_append_bytes: self.max_append_bytes,
            avoid: self.avoid,
            switches: self.switches,
            notes: self.notes,
            extras: self.extras,
        }
    }
}

impl Own for profile::Refusal {
    type Own = Refusal;
    fn own(self) -> Refusal {
        Refusal {
            side: self.side.own(),
            server: self.server.own(),
            provider: self.provider,
            occasion: match self.occasion {
                profile::Occasion::LogIn => Occasion::LogIn,
                profile::Occasion::Append => Occasion::Append,
                profile::Occasion::Other(command) => Occasion::Other(command),
            },
            kind: match self.kind {
                profile::ReplyKind::No => ReplyKind::No,
                profile::ReplyKind::Bad => ReplyKind::Bad,
                profile::ReplyKind::Bye => ReplyKind::Bye,
                profile::ReplyKind::Other(name) => ReplyKind::Other(name),
            },
            code: self.code,
            text: self.text,
            extras: self.extras,
        }
    }
}

impl Wire for Classification {
    type Wire = profile::Classification;
    fn wire(self) -> profile::Classification {
        profile::Classification {
            cause: match self.cause {
                Cause::AuthRefused => profile::Cause::AuthRefused,
                Cause::MailboxMissing => profile::Cause::MailboxMissing,
                Cause::AuthOrMissing => profile::Cause::AuthOrMissing,
                Cause::ImapDisabled => profile::Cause::ImapDisabled,
                Cause::NeedsOauth => profile::Cause::NeedsOauth,
                Cause::TooManyConnections => profile::Cause::TooManyConnections,
                Cause::Quota => profile::Cause::Quota,
                Cause::Throttled => profile::Cause::Throttled,
                Cause::MessageRefused => profile::Cause::MessageRefused,
                Cause::ServerFault => profile::Cause::ServerFault,
            },
            retry_after_ms: self.retry_after.map(milliseconds),
            remedy: self.remedy,
            extras: self.extras,
        }
    }
}

impl Own for provisioner::ListRequest {
    type Own = ListRequest;
    fn own(self) -> ListRequest {
        ListRequest { token: self.token, max: self.max as usize, domains: self.domains, extras: self.extras }
    }
}

impl Wire for ExistingMailbox {
    type Wire = provisioner::ExistingMailbox;
    fn wire(self) -> provisioner::ExistingMailbox {
        provisioner::ExistingMailbox { login: self.login, quota: self.quota, extras: self.extras }
    }
}

impl Wire for ListPage {
    type Wire = provisioner::ListPage;
    fn wire(self) -> provisioner::ListPage {
        provisioner::ListPage {
            mailboxes: self.mailboxes.wire(),
            next: self.next,
            diagnostics: self.diagnostics.wire(),
            extras: self.extras,
        }
    }
}

impl Own for provisioner::NewMailbox {
    type Own = NewMailbox;
    fn own(self) -> NewMailbox {
        NewMailbox {
            login: self.login,
            display_name: self.display_name,
            quota: self.quota,
            extras: self.extras,
        }
    }
}

impl Wire for Creation {
    type Wire = provisioner::Creation;
    fn wire(self) -> provisioner::Creation {
        match self {
            Self::Created => provisioner::Creation::Created,
            Self::Exists => provisioner::Creation::Exists,
        }
    }
}
