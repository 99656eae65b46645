//! What the tests stand on, without tests of its own.

pub(crate) mod compare;
pub(crate) mod fake_servers;
pub(crate) mod mail_servers;
pub(crate) mod panel;
