//! The laboratory: real IMAP servers, realistic mail, and an independent look at the result.
//!
//! Nothing here shares code with `host/`: a fault in the product's own IMAP layer must not be able to hide
//! itself from the tests. Servers run as child processes with their own configuration and mail in a folder
//! under `/tmp`, on free loopback ports; an installed system service is never touched.
//!
//! | module | holds |
//! |---|---|
//! | [`workdir`] | the temporary folder, and the guardian that clears up however this process ends |
//! | [`process`] | child processes that never outlive their handle |
//! | [`install`] | getting the servers from the distribution |
//! | [`certs`] | a certificate authority and good and bad server certificates |
//! | [`dovecot`], [`cyrus`], [`courier`] | the servers |
//! | [`maildir`] | a Dovecot's mail put back from a backup, and what it knew of it lost |
//! | [`fake`] | a server of our own, in memory, that misbehaves as told |
//! | [`dns`] | a DNS server that knows what it is told, and fails as told |
//! | [`proxy`] | a TCP proxy that counts, holds and delays: kill points without sleeping |
//! | [`corpus`] | mail: deterministic, realistic and odd |
//! | [`imap`] | a small blocking IMAP client, and the snapshot of a mailbox |
//! | [`record`] | recording a real server's answers, to be replayed |
//! | [`load`] | putting a corpus into a server |
//! | [`torture`] | killing and cutting runs at random, and looking what comes of it |
//! | [`author`] | building the example plugin as its author would |
//! | [`project`], [`runner`] | a migration project's folder, and running the built binary in it |
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test harness fails loudly: a broken laboratory has no caller that could carry on"
)]

pub mod author;
pub mod certs;
pub mod corpus;
pub mod courier;
pub mod cyrus;
pub mod dns;
pub mod dovecot;
pub mod fake;
pub mod imap;
pub mod install;
pub mod load;
pub mod maildir;
pub mod ports;
pub mod process;
pub mod project;
pub mod proxy;
pub mod record;
pub mod runner;
pub mod torture;
pub mod workdir;
