//! `evidence`: read-only views of the mailbox a validator judges.
//!
//! Policy: the two views lent for the call and no other; no bodies; bounded questions. Waiting for a
//! server is not charged to the guest.

use std::sync::Arc;

use mailhaul_engine::plugin as engine;
use mailhaul_imap::FolderPath;
use wasmtime::component::Resource;

use crate::bindings::imports::mailhaul::plugin::{evidence as wit, types};
use crate::kinds::convert::{self, known_path};
use crate::limits::{MESSAGE, VIEW_FETCH, VIEW_LIST, VIEW_NAMES};
use crate::state::CallState;
use crate::text;

/// A view of one end of the mailbox, lent for one call.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct ViewHandle {
    pub(crate) side: types::Side,
    pub(crate) view: Arc<dyn engine::MailboxView>,
}

type Answer<T> = wasmtime::Result<Result<T, wit::ViewError>>;

fn refused<T>(why: String) -> Answer<T> {
    Ok(Err(wit::ViewError::Other(why)))
}

fn too_many<T>(asked: usize, allowed: usize) -> Answer<T> {
    refused(format!("{asked} at once are too many: ask for at most {allowed}"))
}

fn error(error: engine::ViewError) -> wit::ViewError {
    match error {
        engine::ViewError::NotFound(what) => wit::ViewError::NotFound(what),
        engine::ViewError::BudgetExhausted => wit::ViewError::BudgetExhausted,
        engine::ViewError::Connection(why) => wit::ViewError::Connection(why),
    }
}

impl CallState {
    fn view(&self, view: &Resource<ViewHandle>) -> wasmtime::Result<Arc<dyn engine::MailboxView>> {
        Ok(Arc::clone(&self.handles.get(view)?.view))
    }
}

/// Reads a folder's path as a guest names it: one that cannot be is not looked for.
fn path(levels: Vec<String>) -> Result<FolderPath, wit::ViewError> {
    known_path(levels).map_err(|why| wit::ViewError::NotFound(text::shown(&why, MESSAGE)))
}

impl wit::Host for CallState {}

impl wit::HostMailboxView for CallState {
    async fn side(&mut self, view: Resource<ViewHandle>) -> wasmtime::Result<types::Side> {
        Ok(self.handles.get(&view)?.side)
    }

    async fn folders(&mut self, view: Resource<ViewHandle>) -> Answer<Vec<types::Folder>> {
        let view = self.view(&view)?;
        let folders = self.clock.waiting(view.folders()).await;
        Ok(folders.map(|folders| folders.iter().map(convert::folder).collect()).map_err(error))
    }

    async fn messages(
        &mut self,
        view: Resource<ViewHandle>,
        folder: Vec<String>,
        after: u32,
        limit: u32,
    ) -> Answer<Vec<wit::MessageStat>> {
        let view = self.view(&view)?;
        let folder = match path(folder) {
            Ok(folder) => folder,
            Err(error) => return Ok(Err(error)),
        };
        let page = self.clock.waiting(view.messages(&folder, after, limit.min(VIEW_LIST))).await;
        let stat = |message: engine::MessageStat| wit::MessageStat {
            uid: message.uid,
            bytes: message.bytes,
            internal_date: message.internal_date,
            flags: message.flags,
            extras: Vec::new(),
        };
        Ok(page.map(|page| page.into_iter().map(stat).collect()).map_err(error))
    }

    async fn headers(
        &mut self,
        view: Resource<ViewHandle>,
        folder: Vec<String>,
        uids: Vec<u32>,
        names: Vec<String>,
    ) -> Answer<Vec<wit::HeaderBlock>> {
        let view = self.view(&view)?;
        if uids.len() > VIEW_FETCH {
            return too_many(uids.len(), VIEW_FETCH);
        }
        if names.len() > VIEW_NAMES {
            return too_many(names.len(), VIEW_NAMES);
        }
        // They become part of a command: only what RFC 5322 calls a field name.
        if let Some(name) = names.iter().find(|name| !is_field_name(name)) {
            return refused(format!("`{}` is no name of a header field", text::shown(name, 100)));
        }
        let folder = match path(folder) {
            Ok(folder) => folder,
            Err(error) => return Ok(Err(error)),
        };
        let blocks = self.clock.waiting(view.headers(&folder, &uids, &names)).await;
        let block = |(uid, headers)| wit::HeaderBlock { uid, headers, extras: Vec::new() };
        Ok(blocks.map(|blocks| blocks.into_iter().map(block).collect()).map_err(error))
    }

    async fn digests(
        &mut self,
        view: Resource<ViewHandle>,
        folder: Vec<String>,
        uids: Vec<u32>,
    ) -> Answer<Vec<wit::Digest>> {
        let view = self.view(&view)?;
        if uids.len() > VIEW_FETCH {
            return too_many(uids.len(), VIEW_FETCH);
        }
        let folder = match path(folder) {
            Ok(folder) => folder,
            Err(error) => return Ok(Err(error)),
        };
        let digests = self.clock.waiting(view.digests(&folder, &uids)).await;
        let digest = |(uid, sha256)| wit::Digest { uid, sha256, extras: Vec::new() };
        Ok(digests.map(|digests| digests.into_iter().map(digest).collect()).map_err(error))
    }

    async fn counterparts(
        &mut self,
        view: Resource<ViewHandle>,
        folder: Vec<String>,
        uids: Vec<u32>,
    ) -> Answer<Vec<Option<u32>>> {
        let view = self.view(&view)?;
        if uids.len() > VIEW_LIST as usize {
            return too_many(uids.len(), VIEW_LIST as usize);
        }
        let folder = match path(folder) {
            Ok(folder) => folder,
            Err(error) => return Ok(Err(error)),
        };
        let counterparts = self.clock.waiting(view.counterparts(&folder, &uids)).await;
        Ok(counterparts.map_err(error))
    }

    async fn drop(&mut self, view: Resource<ViewHandle>) -> wasmtime::Result<()> {
        self.handles.delete(view)?;
        Ok(())
    }
}

/// Whether a text is a header field's name: printable ASCII without the colon (RFC 5322, section 2.2).
/// Quotes, backslashes and parentheses are left out as well, because the name stands in an IMAP command.
fn is_field_name(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b':' | b'"' | b'\\' | b'(' | b')'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caps::testing::store;
    use crate::inputs::Inputs;

    #[tokio::test]
    async fn a_guest_has_no_view_it_was_not_lent() {
        let mut store = store(Inputs::new());
        let view = || Resource::<ViewHandle>::new_borrow(0);
        assert!(wit::HostMailboxView::folders(store.data_mut(), view()).await.is_err());
    }

    #[test]
    fn header_names_cannot_smuggle_a_command() {
        assert!(is_field_name("Message-ID"));
        for name in ["", "Subject\r\nA1 LOGOUT", "To:", "a\"b", "a)b", &"x".repeat(101)] {
            assert!(!is_field_name(name), "{name:?}");
        }
    }
}
