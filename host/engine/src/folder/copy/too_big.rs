//! Messages beyond the target's limit (APPENDLIMIT, RFC 7889, of the folder, the server or its profile): they
//! are not read, let alone sent.

use crate::code::Code;
use crate::folder::copy::read::Reader;
use crate::folder::work::Step;
use crate::message::list::ListedMessage;
use crate::state::ledger::Failure;

impl Reader<'_> {
    /// Returns the UIDs of `open` that are within the limit; the others are failed with [`Code::TooBig`] and
    /// not asked for.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(super) async fn refuse_too_big(&self, open: &[ListedMessage]) -> Step<Vec<u32>> {
        let Some(limit) = self.route.append_limit else { return Ok(open.iter().map(|m| m.uid).collect()) };
        let mut wanted = Vec::with_capacity(open.len());
        for message in open {
            if message.size() <= limit {
                wanted.push(message.uid);
                continue;
            }
            let by = self.route.limit_by.as_ref().map(|by| format!(", says {by}")).unwrap_or_default();
            let text = format!(
                "the message has {} bytes, and the target takes messages of up to {limit} bytes{by}",
                message.size()
            );
            let failure = Failure {
                uid: message.uid,
                size: message.size(),
                code: Code::TooBig,
                text: &text,
                attempts: 0,
            };
            self.route.fail(failure).await?;
        }
        Ok(wanted)
    }
}
