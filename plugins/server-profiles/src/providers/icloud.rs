//! iCloud.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    programs: &["iscream"],
    // Advertised, and answered with BAD.
    avoid: &["LIST-STATUS", "LIST-EXTENDED"],
    notes: &["the log-in is the part before `@`, or the whole address for a domain of one's own"],
    sentences: &[log_in(
        "use an app-specific password, and the part before `@` as user (for a domain of one's own the whole address)",
    )],
    ..hosted("iCloud", &["mail.me.com", "icloud.com"])
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] =
    &[Fixture::host("imap.mail.me.com"), Fixture::greeting("iSCREAM ready to rumble")];
