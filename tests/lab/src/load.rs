//! Putting invented mail into a server.

use std::io;

use crate::corpus::Mailbox;
use crate::imap::{Append, Client};

/// A message that a server would not take, and why.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The folder of the corpus it was for.
    pub folder: String,
    /// Its place among the messages of that folder, from 0 on.
    pub index: usize,
    /// What the server answered.
    pub reason: String,
}

/// Creates the folders that are missing, stores every message, and returns what the server refused.
///
/// # Errors
/// When the connection breaks or a folder cannot be made.
pub fn load(client: &mut Client, mailbox: &Mailbox) -> io::Result<Vec<Refusal>> {
    let present: Vec<String> = client.list()?.into_iter().map(|f| f.name).collect();
    let mut refused = Vec::new();
    for folder in &mailbox.folders {
        if !present.contains(&folder.name) {
            client.create(&folder.name)?;
        }
        let appends: Vec<Append<'_>> = folder
            .mails
            .iter()
            .map(|mail| Append { flags: &mail.flags, date: &mail.date, body: &mail.raw })
            .collect();
        for (index, result) in client.append(&folder.name, &appends)?.into_iter().enumerate() {
            if let Err(reason) = result {
                refused.push(Refusal { folder: folder.name.clone(), index, reason });
            }
        }
    }
    Ok(refused)
}

/// The same into a server that must take everything.
///
/// # Panics
/// When it does not.
pub fn load_all(client: &mut Client, mailbox: &Mailbox) {
    let refused = load(client, mailbox).expect("load mail into a laboratory server");
    assert!(refused.is_empty(), "the laboratory server refused mail: {refused:?}");
}
