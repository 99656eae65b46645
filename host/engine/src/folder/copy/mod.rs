//! The copy of one folder: a reader streams UID FETCH, a queue bounded in bytes lies between, a
//! writer pipelines APPEND, and acknowledgements become ledger rows.
//!
//! The writer and the acknowledgements are tasks of their own: with one task for both ends, both
//! sockets' buffers could fill while each end waits for the other.

mod blame;
mod flight;
pub(crate) mod item;
mod pump;
mod ration;
mod read;
mod record;
pub(crate) mod refused;
mod spread;
mod tell;
mod too_big;
mod write;

pub(crate) use spread::spread;
