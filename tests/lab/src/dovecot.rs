//! Dovecot as a child process, in one of the two shapes a move between hosting companies meets.

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use crate::certs::Certs;
use crate::imap::Client;
use crate::process::{Service, output, until};
use crate::{ports, workdir};

/// The separator, prefix and names of folders that a host gives its accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// As cPanel does: `INBOX.` in front, `.` between levels, Maildir++; `Sent`, `Drafts`, `Trash`, `spam`.
    CPanel,
    /// No prefix, `/` between levels; `Sent Items`, `Drafts`, `Deleted Items`, `Junk Email`.
    Slash,
}

impl Layout {
    /// The folders every account has from the start, with the attribute of RFC 6154.
    #[must_use]
    pub fn role_folders(self) -> [(&'static str, &'static str); 4] {
        match self {
            Self::CPanel => {
                [("Sent", "\\Sent"), ("Drafts", "\\Drafts"), ("Trash", "\\Trash"), ("spam", "\\Junk")]
            }
            Self::Slash => [
                ("Sent Items", "\\Sent"),
                ("Drafts", "\\Drafts"),
                ("Deleted Items", "\\Trash"),
                ("Junk Email", "\\Junk"),
            ],
        }
    }
}

/// An account of a laboratory server.
#[derive(Debug, Clone)]
pub struct User {
    /// The name the account logs in with.
    pub name: String,
    /// The password, which may hold any characters at all.
    pub password: String,
    /// The storage quota in KiB; without one when `None`.
    pub quota_kib: Option<u32>,
}

impl User {
    /// Describes an account without a quota.
    #[must_use]
    pub fn new(name: &str, password: &str) -> Self {
        Self { name: name.to_owned(), password: password.to_owned(), quota_kib: None }
    }

    /// Limits the account's storage to so many KiB.
    #[must_use]
    pub fn quota(mut self, kib: u32) -> Self {
        self.quota_kib = Some(kib);
        self
    }
}

/// How a Dovecot is to be set up before it starts.
#[derive(Debug, Clone)]
pub struct DovecotOptions {
    /// The layout of every account.
    pub layout: Layout,
    /// Whether LIST tells the roles (RFC 6154). Old cPanel servers do not.
    pub special_use: bool,
    /// The accounts it starts with; [`Dovecot::add_user`] adds more.
    pub users: Vec<User>,
    /// A user that may act for all others (`user*master`), with the password.
    pub master: Option<(String, String)>,
    /// Lines put at the end of the configuration, each with its line end.
    pub extra: String,
}

impl DovecotOptions {
    /// The old host of the usual move: cPanel style, roles not told.
    #[must_use]
    pub fn cpanel() -> Self {
        Self { layout: Layout::CPanel, special_use: false, users: vec![], master: None, extra: String::new() }
    }

    /// The new host of the usual move: `/` between levels, roles told.
    #[must_use]
    pub fn slash() -> Self {
        Self { layout: Layout::Slash, special_use: true, users: vec![], master: None, extra: String::new() }
    }

    /// Adds an account.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }
}

/// A running Dovecot, which ends when this handle is dropped.
#[derive(Debug)]
pub struct Dovecot {
    /// The port that speaks TLS from the first byte, on every address it listens on.
    pub tls_port: u16,
    /// Clear text, with STARTTLS offered and log-in in the clear allowed.
    pub plain_port: u16,
    /// The layout it was started with.
    pub layout: Layout,
    folder: PathBuf,
    users: Mutex<Vec<User>>,
    service: Service,
}

/// The addresses it listens on; the last three show bad certificates.
const ADDRESSES: [&str; 5] = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"];

/// Nobody's numbers on every Debian: mail must not belong to root, which Dovecot refuses.
const MAIL_ID: u32 = 65534;

impl Dovecot {
    /// Starts a server and waits until it greets.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(options: &DovecotOptions, certs: &Certs) -> Self {
        let mut last = String::new();
        // A port may be taken between being chosen and being bound.
        for _ in 0..3 {
            match Self::try_start(options, certs) {
                Ok(server) => return server,
                Err(error) => last = error,
            }
        }
        panic!("Dovecot does not start: {last}");
    }

    fn try_start(options: &DovecotOptions, certs: &Certs) -> Result<Self, String> {
        let folder = workdir::folder("dv");
        let [tls_port, plain_port] = ports::free();
        fs::create_dir(folder.join("mail")).map_err(|e| e.to_string())?;
        let ids = Ids::current();
        if ids.root {
            chown(folder.join("mail"), Some(MAIL_ID), Some(MAIL_ID)).map_err(|e| e.to_string())?;
        }
        write_users(&folder, &options.users)?;
        let masters = options.master.as_ref().map(|(n, p)| vec![User::new(n, p)]).unwrap_or_default();
        fs::write(folder.join("masters"), passwd(&masters)).map_err(|e| e.to_string())?;
        let config = folder.join("dovecot.conf");
        fs::write(&config, configuration(options, certs, &folder, tls_port, plain_port, &ids))
            .map_err(|e| e.to_string())?;
        let service = spawn(&folder, plain_port)?;
        let layout = options.layout;
        let users = Mutex::new(options.users.clone());
        Ok(Self { tls_port, plain_port, layout, folder, users, service })
    }

    /// Kills it with all its processes, as a power cut would, and starts it again at the same ports.
    ///
    /// # Panics
    /// When it does not come up again.
    pub fn crash(&mut self) {
        self.service.kill();
        let mut last = String::new();
        for _ in 0..3 {
            match spawn(&self.folder, self.plain_port) {
                Ok(service) => {
                    self.service = service;
                    return;
                }
                Err(error) => last = error,
            }
        }
        panic!("Dovecot does not start again: {last}");
    }

    /// Adds an account, or gives one other properties, and waits until the server knows it: it looks at its
    /// user file once a second.
    ///
    /// # Panics
    /// When the server does not accept it within some seconds.
    pub fn add_user(&self, user: User) {
        {
            let mut users = self.users.lock().expect("the list of accounts");
            users.retain(|known| known.name != user.name);
            users.push(user.clone());
            write_users(&self.folder, &users).expect("write Dovecot's user file");
        }
        until("Dovecot to know a new account", Duration::from_secs(10), || {
            Client::connect(self.plain_port).and_then(|mut c| c.login(&user.name, &user.password)).ok()
        })
        .unwrap_or_else(|error| panic!("{error}"));
    }

    /// A client of the laboratory, logged in.
    ///
    /// # Panics
    /// When the log-in is refused.
    #[must_use]
    pub fn client(&self, user: &str) -> Client {
        let password = {
            let users = self.users.lock().expect("the list of accounts");
            users.iter().find(|u| u.name == user).map(|u| u.password.clone())
        };
        let password = password.unwrap_or_else(|| panic!("the laboratory's Dovecot has no account {user}"));
        let mut client = Client::connect(self.plain_port).expect("connect to Dovecot");
        client.login(user, &password).expect("log in to Dovecot");
        client
    }

    /// Where an account's mail lies as Maildir, for tests that damage it behind the server's back.
    #[must_use]
    pub fn maildir(&self, user: &str) -> PathBuf {
        self.folder.join("mail").join(user).join("Maildir")
    }

    /// Returns everything the server has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("dovecot.log")).unwrap_or_default()
    }
}

/// Starts what is configured in `folder` and waits until it greets.
fn spawn(folder: &Path, plain_port: u16) -> Result<Service, String> {
    let mut command = Command::new("dovecot");
    command.arg("-F").arg("-c").arg(folder.join("dovecot.conf"));
    // Found in sbin also by users whose path lacks it.
    command.env("PATH", "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin");
    let mut service = Service::spawn("dovecot", command, &folder.join("master.log"));
    let greeted = until("Dovecot's greeting", Duration::from_secs(20), || match service.ended() {
        Some(why) => Some(Err(why)),
        None => Client::connect(plain_port).ok().map(|_| Ok(())),
    });
    match greeted {
        Ok(Ok(())) => Ok(service),
        Ok(Err(error)) | Err(error) => {
            let log = fs::read_to_string(folder.join("dovecot.log")).unwrap_or_default();
            Err(format!("{error}\n{log}"))
        }
    }
}

/// Who we are: a server started by root changes to its own users, anybody else's runs as he is.
struct Ids {
    root: bool,
    uid: u32,
    gid: u32,
    name: String,
    group: String,
}

impl Ids {
    fn current() -> Self {
        let own = fs::metadata("/proc/self").expect("/proc is mounted");
        let name = |flag: &str| {
            output(Command::new("id").arg(flag)).map(|s| s.trim().to_owned()).unwrap_or_default()
        };
        Self { root: own.uid() == 0, uid: own.uid(), gid: own.gid(), name: name("-un"), group: name("-gn") }
    }
}

fn write_users(folder: &Path, users: &[User]) -> Result<(), String> {
    // Renamed into place: the server may be reading.
    let new = folder.join("users.new");
    fs::write(&new, passwd(users))
        .and_then(|()| fs::rename(&new, folder.join("users")))
        .map_err(|e| e.to_string())
}

/// The user file; base64 because a password may hold colons or anything else.
fn passwd(users: &[User]) -> String {
    let mut text = String::new();
    for user in users {
        let password = crate::corpus::base64(user.password.as_bytes());
        let quota = user.quota_kib.map(|k| format!("userdb_quota_rule=*:storage={k}K")).unwrap_or_default();
        writeln!(text, "{}:{{PLAIN.b64}}{password}::::::{quota}", user.name).expect("write to a string");
    }
    text
}

fn configuration(
    options: &DovecotOptions,
    certs: &Certs,
    folder: &Path,
    tls_port: u16,
    plain_port: u16,
    ids: &Ids,
) -> String {
    let dir = folder.display();
    let (prefix, separator, location) = match options.layout {
        Layout::CPanel => ("INBOX.", ".", "maildir:~/Maildir"),
        Layout::Slash => ("", "/", "maildir:~/Maildir:LAYOUT=fs"),
    };
    let mut mailboxes = String::new();
    for (name, role) in options.layout.role_folders() {
        let role = if options.special_use { format!("special_use = {role}") } else { String::new() };
        writeln!(mailboxes, "  mailbox \"{name}\" {{\n    auto = subscribe\n    {role}\n  }}")
            .expect("string");
    }
    let (uid, gid, as_user) = if ids.root {
        (MAIL_ID, MAIL_ID, String::new())
    } else {
        let (user, group) = (&ids.name, &ids.group);
        let own = format!(
            "default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n\
             service imap-login {{\n  chroot =\n}}\nservice anvil {{\n  chroot =\n}}\n"
        );
        (ids.uid, ids.gid, own)
    };
    let mut bad = String::new();
    for (address, identity) in [
        (Ipv4Addr::new(127, 0, 0, 3), &certs.expired),
        (Ipv4Addr::new(127, 0, 0, 4), &certs.wrong_name),
        (Ipv4Addr::new(127, 0, 0, 5), &certs.foreign),
    ] {
        let (cert, key) = (identity.cert.display(), identity.key.display());
        writeln!(bad, "local {address} {{\n  ssl_cert = <{cert}\n  ssl_key = <{key}\n}}").expect("string");
    }
    let good_cert = certs.good.cert.display();
    let good_key = certs.good.key.display();
    let listen = ADDRESSES.join(", ");
    let extra = &options.extra;
    format!(
        r#"instance_name = mailhaul-lab
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
protocols = imap
listen = {listen}
{as_user}
ssl = yes
ssl_min_protocol = TLSv1.2
ssl_cert = <{good_cert}
ssl_key = <{good_key}
{bad}
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_master_user_separator = *
# A refused log-in answers at once: the usual delays teach these tests nothing.
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
passdb {{
  driver = passwd-file
  args = {dir}/masters
  master = yes
  result_success = continue
}}
passdb {{
  driver = passwd-file
  args = {dir}/users
}}
userdb {{
  driver = passwd-file
  args = {dir}/users
  default_fields = uid={uid} gid={gid} home={dir}/mail/%u
}}
first_valid_uid = 1
mail_location = {location}
# The laboratory loses its mail on purpose; waiting for the disk would only make tests slow.
mail_fsync = never
mail_max_userip_connections = 200
namespace inbox {{
  inbox = yes
  prefix = {prefix}
  separator = {separator}
{mailboxes}}}
service imap-login {{
  service_count = 0
  process_min_avail = 1
  inet_listener imap {{
    port = {plain_port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
mail_plugins = quota
protocol imap {{
  mail_plugins = quota imap_quota
}}
plugin {{
  quota = count:User quota
  quota_vsizes = yes
}}
{extra}
"#
    )
}
