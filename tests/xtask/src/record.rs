//! `cargo xtask record`: what real servers answer, into `host/imap/tests/transcripts`.

use std::fs;

use mailhaul_lab::certs::Certs;
use mailhaul_lab::courier::{self, Courier};
use mailhaul_lab::cyrus::{Cyrus, CyrusOptions};
use mailhaul_lab::dovecot::{Dovecot, DovecotOptions, User};
use mailhaul_lab::{install, record, workdir};

use crate::shell;

const USER: (&str, &str) = ("ann", "secret");

/// Records every server that can be run here.
pub(crate) fn run() -> Result<(), String> {
    install::dovecot()?;
    install::cyrus()?;
    let folder = shell::checkout().join("host/imap/tests/transcripts");
    let certs = Certs::create(&workdir::folder("ca"));
    let keep = |name: &str, port| {
        let text = record::record(name, port, USER.0, USER.1).map_err(|e| format!("{name}: {e}"))?;
        let file = folder.join(format!("{}.txt", name.to_lowercase().replace(' ', "-")));
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&file, &text))
            .map_err(|e| format!("{}: {e}", file.display()))?;
        println!("{:>8} bytes  {}", text.len(), file.display());
        Ok::<(), String>(())
    };
    let user = User::new(USER.0, USER.1);
    let dovecot = Dovecot::start(&DovecotOptions::slash().user(user.clone()), &certs);
    keep("Dovecot", dovecot.plain_port)?;
    let cpanel = Dovecot::start(&DovecotOptions::cpanel().user(user.clone()), &certs);
    keep("Dovecot cPanel", cpanel.plain_port)?;
    let cyrus = Cyrus::start(&CyrusOptions { users: vec![user.clone()], ..CyrusOptions::default() }, &certs);
    keep("Cyrus", cyrus.plain_port)?;
    match courier::impossible() {
        Some(why) => println!("Courier is not recorded again: {why}"),
        None => keep("Courier", Courier::start(&[user], &certs).plain_port)?,
    }
    Ok(())
}
