//! What a caller names and gets: folder names, UID sets, flags, dates, figures, log-ins, errors. Nothing here
//! opens a connection or reads a response.

pub(crate) mod bounds;
pub(crate) mod date;
pub(crate) mod error;
pub(crate) mod facts;
pub(crate) mod fetched;
pub(crate) mod flags;
pub(crate) mod folder;
pub(crate) mod gmail;
pub(crate) mod login;
pub(crate) mod name;
pub(crate) mod refusal;
pub(crate) mod selected;
pub(crate) mod status;
pub(crate) mod timeouts;
pub(crate) mod uidset;
pub(crate) mod utf7;
