//! What the tests of other files need of a ledger.

use super::FolderId;

/// The key of a folder row that nobody looks up.
pub(crate) fn folder_id(number: i64) -> FolderId {
    FolderId(number)
}
