//! Seals: a short check over each row that decides what is sent, put away or left alone.
//!
//! SQLite notices a damaged page structure, but not a flipped bit inside a value, and a `failed` that
//! reads as `copied` would be a message lost. A seal is no signature: it guards against disks, not people.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};
use sha2::{Digest, Sha256};

/// Seals one row again after a change; part of every update of a sealed column.
pub(super) const SEAL_ONE: &str =
    "UPDATE message SET seal = seal(folder, source_uid, outcome, size, digest, body_digest, place,
    target_uid, proven, gone, telling, altered) WHERE folder = ?1 AND source_uid = ?2";

/// The seal of a message row, as SQL over the row's own columns.
pub(super) const MESSAGE: &str = "seal(folder, source_uid, outcome, size, digest, body_digest, place, target_uid, proven, gone, telling, altered)";

/// Makes `seal(…)` known to SQL on this connection.
pub(super) fn register(db: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    db.create_scalar_function("seal", -1, flags, |context| Ok(of(context)))
}

/// 32 bits of SHA-256 over the arguments, each with its type and length.
fn of(context: &Context<'_>) -> i64 {
    let mut hash = Sha256::new();
    for at in 0..context.len() {
        match context.get_raw(at) {
            ValueRef::Null => hash.update([0]),
            ValueRef::Integer(n) => {
                hash.update([1]);
                hash.update(n.to_le_bytes());
            }
            ValueRef::Real(n) => {
                hash.update([2]);
                hash.update(n.to_le_bytes());
            }
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                hash.update([3]);
                hash.update((bytes.len() as u64).to_le_bytes());
                hash.update(bytes);
            }
        }
    }
    let digest: [u8; 32] = hash.finalize().into();
    let [a, b, c, d, ..] = digest;
    i64::from(u32::from_le_bytes([a, b, c, d]))
}
